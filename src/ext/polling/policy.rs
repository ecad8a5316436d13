use std::time::Duration;

use super::progress::{CompletedTask, Progress};

/// A poll policy: how long to wait until a task is asked for again.
///
/// A closure is one; so are [`Adaptive`], which is the default, [`Fixed`] and [`Exponential`].
///
/// ```
/// use std::time::Duration;
///
/// use distribute_ai::{
///     Client,
///     pacing::{Pacing, Phase, Progress},
/// };
///
/// /// Long texts are given their time; what runs is asked for every second.
/// struct ByLength;
///
/// impl Pacing for ByLength {
///     fn delay(&self, task: &Progress) -> Duration {
///         match (task.phase, task.characters) {
///             (Phase::Unknown, Some(characters)) => Duration::from_millis(10) * characters,
///             (Phase::Waiting, _) => Duration::from_secs(3),
///             _ => Duration::from_secs(1),
///         }
///     }
/// }
///
/// let client = Client::builder().api_key("your-key").pacing(ByLength).build()?;
/// let client = Client::builder().api_key("your-key").pacing(|task: &Progress| task.age / 10).build()?;
/// # Ok::<(), distribute_ai::Error>(())
/// ```
///
/// It decides about the polls after a submission and after an answer, and about nothing else: what it returns is given
/// ten per cent up or down after an answer, never shortens a `Retry-After`, and is cut by the deadline. A fault is
/// followed by a backoff of its own, and a task that is resumed is asked for at once, as it may be done since long ago.
///
/// It is called from any thread, for every task of a client: keep it short. A delay of zero asks again at once, as often
/// as the server answers.
pub trait Pacing: Send + Sync + 'static {
    /// The delay until the next poll: from the submission, if nothing was asked yet, otherwise from the last answer.
    ///
    /// A pure function of the task and of what was [learned](Self::learn) before.
    fn delay(&self, task: &Progress) -> Duration;

    /// How likely the task is to be done by now, from 0 to 1, though the last answer said that it wasn't: where there
    /// are more tasks to ask for than requests to be made, the likeliest come first. It only compares tasks of one
    /// client with each other.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use distribute_ai::pacing::{Pacing, Progress};
    ///
    /// /// For a server that speaks everything in ten seconds.
    /// struct Ten;
    ///
    /// impl Pacing for Ten {
    ///     fn delay(&self, task: &Progress) -> Duration {
    ///         Duration::from_secs(10).saturating_sub(task.age).max(Duration::from_secs(1))
    ///     }
    ///
    ///     fn likelihood(&self, task: &Progress) -> f64 {
    ///         if task.age >= Duration::from_secs(10) { 1.0 } else { 0.0 }
    ///     }
    /// }
    /// # assert_eq!(Ten.delay(&Progress::default()), Duration::from_secs(10));
    /// ```
    ///
    /// Unless a policy knows better: the part of its age that a task was not asked for, as fits durations of which not
    /// even the scale is known.
    fn likelihood(&self, task: &Progress) -> f64 {
        let age = task.age.as_secs_f64();
        if age > 0.0 { (task.since_last_poll.as_secs_f64() / age).min(1.0) } else { 0.0 }
    }

    /// Told of each task that was completed, for policies that learn: see [`CompletedTask`]. Nothing, unless a policy does.
    ///
    /// Tasks that failed, and resumed ones that were done already, are not told of.
    fn learn(&self, task: &CompletedTask) {
        let _ = task;
    }
}

impl<F: Fn(&Progress) -> Duration + Send + Sync + 'static> Pacing for F {
    fn delay(&self, task: &Progress) -> Duration {
        self(task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closure_is_a_policy() {
        let policy = |task: &Progress| task.age / 2;
        let task = Progress { age: Duration::from_secs(4), ..Progress::default() };
        assert_eq!(policy.delay(&task), Duration::from_secs(2));
    }

    #[test]
    fn without_a_scale_the_part_that_nobody_looked_at_counts() {
        for (age, unheard, expected) in [(0, 0, 0.0), (8, 0, 0.0), (8, 2, 0.25), (8, 8, 1.0)] {
            let (age, unheard) = (Duration::from_secs(age), Duration::from_secs(unheard));
            let task = Progress { age, since_last_poll: unheard, ..Progress::default() };
            let likelihood = (|_: &Progress| Duration::ZERO).likelihood(&task);
            assert!((likelihood - expected).abs() < 1e-9, "{likelihood} at {task:?}");
        }
    }
}
