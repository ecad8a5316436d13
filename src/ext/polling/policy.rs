use std::{fmt, sync::Arc, time::Duration};

use super::progress::{CompletedTask, Progress};

/// A poll policy, which decides how long to wait before the next poll of a task.
///
/// The library has three policies: [`Adaptive`](super::Adaptive), which is the default,
/// [`Fixed`](super::Fixed) and [`Exponential`](super::Exponential). [`from_fn`] makes a policy from a closure. A
/// `Box` or an `Arc` of a policy is also a policy, so you can choose one while the program runs, or share one
/// between clients.
///
/// ```
/// use std::{sync::Arc, time::Duration};
///
/// use distribute_ai::{
///     Client,
///     pacing::{Adaptive, Pacing, Phase, Progress},
/// };
///
/// /// Waits longer for longer texts, and polls running tasks every second.
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
///
/// let shared: Arc<dyn Pacing> = Arc::new(Adaptive::new());
/// let client = Client::builder().api_key("your-key").pacing(Arc::clone(&shared)).build()?;
/// let other_client = Client::builder().api_key("other-key").pacing(shared).build()?;
/// # Ok::<(), distribute_ai::Error>(())
/// ```
///
/// A policy decides only about the polls after a submission and after a response. The poller treats the
/// returned delay as follows:
///
/// - after a response it adds up to ten per cent of jitter in either direction
/// - it waits at least as long as the `Retry-After` of that response requests, up to the
///   [maximum cooldown](crate::ClientBuilder::max_cooldown)
/// - it sends the last poll at the deadline, even if the delay is longer
///
/// During a cooldown, which is a pause of all requests of the client, nothing is sent. A wait whose
/// deadline lies before its end fails at once. If the policy panics, the default policy replaces it
/// for that task, and the panic is logged. With `panic = "abort"`, the process ends.
///
/// After a failure the poller uses its own backoff. A resumed task is polled at once, because it may already
/// be finished.
///
/// The policy is called from any thread, for every task of a client, so it should return quickly. A delay of
/// zero polls again immediately after every response.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a poll policy",
    note = "for a closure, use `pacing::from_fn(closure)`"
)]
pub trait Pacing: Send + Sync + 'static {
    /// Returns the delay until the next poll, counted from the last response, or from the submission if there
    /// is no response yet.
    ///
    /// The result must depend only on the task and on earlier calls of [`learn`](Self::learn).
    fn delay(&self, task: &Progress) -> Duration;

    /// Returns the probability, from 0 to 1, that the task has finished since the last response.
    ///
    /// If more polls are due than the rate limit allows, this value and the time since the last poll
    /// decide which task of the client is polled first.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use distribute_ai::pacing::{Pacing, Progress};
    ///
    /// /// A policy for a server that finishes every task in ten seconds.
    /// struct TenSeconds;
    ///
    /// impl Pacing for TenSeconds {
    ///     fn delay(&self, task: &Progress) -> Duration {
    ///         Duration::from_secs(10).saturating_sub(task.age).max(Duration::from_secs(1))
    ///     }
    ///
    ///     fn likelihood(&self, task: &Progress) -> f64 {
    ///         if task.age >= Duration::from_secs(10) { 1.0 } else { 0.0 }
    ///     }
    /// }
    /// # assert_eq!(TenSeconds.delay(&Progress::default()), Duration::from_secs(10));
    /// ```
    ///
    /// The default is the time since the last response as a fraction of the task's age. This
    /// estimate suits durations of unknown scale.
    fn likelihood(&self, task: &Progress) -> f64 {
        let age = task.age.as_secs_f64();
        if age > 0.0 { (task.since_last_poll.as_secs_f64() / age).min(1.0) } else { 0.0 }
    }

    /// Returns the expected time from the submission to the end of the task. Half of all such tasks finish earlier.
    ///
    /// The default is `None`: the policy does not know. The client then estimates the time from the tasks that it has
    /// seen. The estimate is in [`Progress::expected`], in [`time_left`](crate::batch::Progress::time_left) of a batch,
    /// and in [`time`](crate::store::Plan::time) of a plan.
    fn expected(&self, task: &Progress) -> Option<Duration> {
        let _ = task;
        None
    }

    /// Learns from a completed task. The default implementation does nothing. See [`CompletedTask`]
    /// for an example.
    ///
    /// The poller calls this method for each completed task. The poller skips failed tasks, and
    /// resumed tasks that were already finished. With a [store](crate::store::Store), the client calls this method for
    /// the stored durations too, before the policy is asked for the first delay.
    fn learn(&self, task: &CompletedTask) {
        let _ = task;
    }
}

/// Implements the trait for a pointer to a policy. A method without a call here would get the default, so that the
/// policy would not learn, for example.
macro_rules! forward_pacing {
    ($pointer:ident) => {
        impl<T: Pacing + ?Sized> Pacing for $pointer<T> {
            fn delay(&self, task: &Progress) -> Duration {
                (**self).delay(task)
            }

            fn likelihood(&self, task: &Progress) -> f64 {
                (**self).likelihood(task)
            }

            fn expected(&self, task: &Progress) -> Option<Duration> {
                (**self).expected(task)
            }

            fn learn(&self, task: &CompletedTask) {
                (**self).learn(task);
            }
        }
    };
}

forward_pacing!(Arc);
forward_pacing!(Box);

/// Creates a poll policy from a function that returns the delay until the next poll.
///
/// The other methods of the policy are the defaults of [`Pacing`]: it does not learn.
///
/// ```
/// use std::time::Duration;
///
/// use distribute_ai::{Client, pacing};
///
/// let tenth_of_age = pacing::from_fn(|task| (task.age / 10).max(Duration::from_millis(200)));
/// let client = Client::builder().api_key("your-key").pacing(tenth_of_age).build()?;
/// # Ok::<(), distribute_ai::Error>(())
/// ```
pub fn from_fn<F: Fn(&Progress) -> Duration + Send + Sync + 'static>(delay: F) -> FromFn<F> {
    FromFn(delay)
}

/// A poll policy made from a function, by [`from_fn`].
#[derive(Clone, Copy)]
pub struct FromFn<F>(F);

impl<F: Fn(&Progress) -> Duration + Send + Sync + 'static> Pacing for FromFn<F> {
    fn delay(&self, task: &Progress) -> Duration {
        (self.0)(task)
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFn")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn function_implements_pacing() {
        let policy = from_fn(|task| task.age / 2);
        let task = Progress { age: Duration::from_secs(4), ..Progress::default() };
        assert_eq!(policy.delay(&task), Duration::from_secs(2));
    }

    /// Records the names of the methods that are called.
    #[derive(Default)]
    struct Recording(Mutex<Vec<&'static str>>);

    impl Pacing for Recording {
        fn delay(&self, _: &Progress) -> Duration {
            self.0.lock().unwrap().push("delay");
            Duration::from_secs(7)
        }

        fn likelihood(&self, _: &Progress) -> f64 {
            self.0.lock().unwrap().push("likelihood");
            0.7
        }

        fn expected(&self, _: &Progress) -> Option<Duration> {
            self.0.lock().unwrap().push("expected");
            Some(Duration::from_secs(9))
        }

        fn learn(&self, _: &CompletedTask) {
            self.0.lock().unwrap().push("learn");
        }
    }

    #[test]
    fn pointers_forward_every_method_of_a_policy() {
        fn assert_forwards(policy: &impl Pacing) {
            assert_eq!(policy.delay(&Progress::default()), Duration::from_secs(7));
            assert!((policy.likelihood(&Progress::default()) - 0.7).abs() < 1e-9);
            assert_eq!(policy.expected(&Progress::default()), Some(Duration::from_secs(9)));
            policy.learn(&CompletedTask::default());
        }
        let recording = Arc::new(Recording::default());
        assert_forwards(&Arc::clone(&recording));
        assert_forwards(&(Arc::clone(&recording) as Arc<dyn Pacing>));
        assert_forwards(&Box::new(Arc::clone(&recording)));
        assert_forwards(&(Box::new(Arc::clone(&recording)) as Box<dyn Pacing>));
        assert_eq!(*recording.0.lock().unwrap(), ["delay", "likelihood", "expected", "learn"].repeat(4));
    }

    #[test]
    fn default_likelihood_is_fraction_of_age_since_last_poll() {
        for (age, since_last_poll, expected) in [(0, 0, 0.0), (8, 0, 0.0), (8, 2, 0.25), (8, 8, 1.0)] {
            let (age, since_last_poll) = (Duration::from_secs(age), Duration::from_secs(since_last_poll));
            let task = Progress { age, since_last_poll, ..Progress::default() };
            let likelihood = from_fn(|_| Duration::ZERO).likelihood(&task);
            assert!((likelihood - expected).abs() < 1e-9, "{likelihood} at {task:?}");
        }
    }
}
