//! The poll schedules of widely used clients, taken from their source code. Each schedule is the delay after
//! the response to the create and after each poll. All of them ignore the status.

use std::time::Duration;

use distribute_ai::pacing::{Pacing, Progress, from_fn};

pub(crate) type Policy = Box<dyn Pacing>;

pub(crate) fn shipped() -> [(&'static str, Policy); 8] {
    [
        ("fal", then(0.0, 0.1)),
        ("replicate", then(0.5, 0.5)),
        ("openai-python", then(0.0, 1.0)),
        ("assemblyai", then(0.0, 3.0)),
        ("openai-python files", then(0.0, 5.0)),
        (
            "google-cloud-rust",
            Box::new(from_fn(|task| Duration::from_secs((1 << task.polls.min(6)).min(60)))),
        ),
        ("smithy waiter", Box::new(from_fn(smithy))),
        ("azure_core", then(30.0, 30.0)),
    ]
}

fn then(first: f64, next: f64) -> Policy {
    let (first, next) = (Duration::from_secs_f64(first), Duration::from_secs_f64(next));
    Box::new(from_fn(move |task| if task.polls == 0 { first } else { next }))
}

/// Returns 0 before the first poll, then a random number of whole seconds from 2. The maximum doubles with
/// each poll, and is 120 from the seventh poll on.
fn smithy(task: &Progress) -> Duration {
    let max = match task.polls {
        0 => return Duration::ZERO,
        polls @ 1..=6 => 1 << polls,
        _ => 120,
    };
    Duration::from_secs(fastrand::u64(2..=max))
}
