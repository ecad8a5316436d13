//! How clients that people use poll: what stands in their source, as delays after the create's reply and after each
//! answer. None of them looks at the status.

use std::time::Duration;

use distribute_ai::pacing::Progress;

pub(crate) type Policy = Box<dyn Fn(&Progress) -> Duration + Send + Sync>;

pub(crate) fn shipped() -> [(&'static str, Policy); 8] {
    [
        ("fal", then(0.0, 0.1)),
        ("replicate", then(0.5, 0.5)),
        ("openai-python", then(0.0, 1.0)),
        ("assemblyai", then(0.0, 3.0)),
        ("openai-python files", then(0.0, 5.0)),
        ("google-cloud-rust", Box::new(|task| Duration::from_secs((1 << task.polls.min(6)).min(60)))),
        ("smithy waiter", Box::new(smithy)),
        ("azure_core", then(30.0, 30.0)),
    ]
}

fn then(first: f64, next: f64) -> Policy {
    let (first, next) = (Duration::from_secs_f64(first), Duration::from_secs_f64(next));
    Box::new(move |task| if task.polls == 0 { first } else { next })
}

/// At once; then whole seconds, drawn from 2 up to twice as many each time, from the seventh on up to 120.
fn smithy(task: &Progress) -> Duration {
    let most = match task.polls {
        0 => return Duration::ZERO,
        polls @ 1..=6 => 1 << polls,
        _ => 120,
    };
    Duration::from_secs(fastrand::u64(2..=most))
}
