//! The poll policy of one task, which survives a panic of the user's code.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::{Adaptive, CompletedTask, Progress, client_policy::ClientPolicy};

/// Replaces every policy that panics.
static DEFAULT: LazyLock<Arc<ClientPolicy>> =
    LazyLock::new(|| Arc::new(ClientPolicy::new(Arc::new(Adaptive::new()))));

/// A poll policy that is replaced by the default policy when it panics.
///
/// Without this, a panic would end the wait, or the whole batch with the ids of all its tasks.
pub(crate) struct TaskPolicy(Arc<ClientPolicy>);

impl TaskPolicy {
    pub(crate) fn new(policy: Arc<ClientPolicy>) -> Self {
        Self(policy)
    }

    pub(crate) fn delay(&mut self, task: &Progress) -> Duration {
        self.call(|policy| policy.delay(task))
    }

    pub(crate) fn likelihood(&mut self, task: &Progress) -> f64 {
        self.call(|policy| policy.likelihood(task))
    }

    pub(crate) fn expected(&mut self, task: &Progress) -> Option<Duration> {
        self.call(|policy| policy.expected(task))
    }

    pub(crate) fn learn(&mut self, task: &CompletedTask) {
        self.call(|policy| policy.learn(task));
    }

    /// Learns from stored durations, unless the client has learned from those with this name. If several calls read them at
    /// the same time, the first one to finish learns.
    pub(crate) async fn learn_once(mut self, name: String, read: impl AsyncFnOnce() -> Vec<CompletedTask>) {
        if self.0.has_source(&name) {
            return;
        }
        // Without a lock: a caller in `select!` may stop polling this future, and keep it.
        let tasks = read().await;
        if self.0.add_source(name) {
            for task in tasks {
                self.learn(&task);
            }
        }
    }

    fn call<T>(&mut self, method: impl Fn(&ClientPolicy) -> T) -> T {
        catch_unwind(AssertUnwindSafe(|| method(&self.0))).unwrap_or_else(|_| {
            tracing::error!("poll policy panicked, the default policy replaces it for this task");
            self.0 = Arc::clone(&DEFAULT);
            method(&self.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::{super::client_policy::MAX_SOURCES, *};
    use crate::pacing::{Pacing, from_fn};

    #[tokio::test]
    async fn names_of_stores_are_bounded_and_each_is_learned_from_once() {
        let client = Arc::new(ClientPolicy::new(Arc::new(crate::pacing::Adaptive::new())));
        let mut reads = 0;
        for number in 0..2 * MAX_SOURCES {
            for _ in 0..2 {
                let read = async || {
                    reads += 1;
                    Vec::new()
                };
                TaskPolicy::new(Arc::clone(&client)).learn_once(number.to_string(), read).await;
            }
        }
        assert_eq!(reads, 2 * MAX_SOURCES);
        assert_eq!(client.sources().len(), MAX_SOURCES);
    }

    /// Panics in every method.
    struct Panicking;

    impl Pacing for Panicking {
        fn delay(&self, _: &Progress) -> Duration {
            panic!("delay")
        }

        fn likelihood(&self, _: &Progress) -> f64 {
            panic!("likelihood")
        }

        fn expected(&self, _: &Progress) -> Option<Duration> {
            panic!("expected")
        }

        fn learn(&self, _: &CompletedTask) {
            panic!("learn")
        }
    }

    #[test]
    fn policy_that_panics_in_any_method_is_replaced_by_default() {
        let task = Progress::default();
        let policy = || TaskPolicy::new(Arc::new(ClientPolicy::new(Arc::new(Panicking))));
        assert!(policy().delay(&task) > Duration::ZERO);
        assert!((0.0..=1.0).contains(&policy().likelihood(&task)));
        // What other tests have taught the default policy of this process.
        let _ = policy().expected(&task);
        policy().learn(&CompletedTask::default());
    }

    #[test]
    fn policy_that_panics_once_stays_replaced() {
        let calls = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let counted = Arc::clone(&calls);
        let mut policy = TaskPolicy::new(Arc::new(ClientPolicy::new(Arc::new(from_fn(move |_| {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            panic!("delay")
        })))));
        for _ in 0..3 {
            policy.delay(&Progress::default());
        }
        assert_eq!(calls.load(std::sync::atomic::Ordering::Relaxed), 1);
    }

    fn client_policy() -> Arc<ClientPolicy> {
        Arc::new(ClientPolicy::new(Arc::new(Adaptive::new())))
    }

    fn completed(seconds: u64) -> CompletedTask {
        CompletedTask { total: Some(Duration::from_secs(seconds)), ..CompletedTask::default() }
    }

    /// Returns the expected duration in seconds, rounded.
    fn expected(policy: &ClientPolicy) -> Option<u64> {
        policy.expected(&Progress::default()).map(|time| (time + Duration::from_millis(500)).as_secs())
    }

    #[tokio::test]
    async fn policy_learns_once_from_each_name() {
        let policy = client_policy();
        for (name, seconds) in [("a", 10), ("a", 90), ("b", 20), ("b", 90)] {
            TaskPolicy::new(Arc::clone(&policy))
                .learn_once(name.to_owned(), async || vec![completed(seconds); 20])
                .await;
        }
        assert_eq!(expected(&policy), Some(20));
    }

    #[tokio::test]
    async fn read_that_is_not_polled_delays_no_other_call() {
        let policy = client_policy();
        let learn = |name: &str| (TaskPolicy::new(Arc::clone(&policy)), name.to_owned());
        let (first, name) = learn("a");
        let mut first = pin!(first.learn_once(name, std::future::pending));
        assert!(first.as_mut().now_or_never().is_none());
        for (name, seconds) in [("a", 10), ("b", 20)] {
            let (other, name) = learn(name);
            let other = other.learn_once(name, async || vec![completed(seconds); 20]);
            assert!(other.now_or_never().is_some());
            assert_eq!(expected(&policy), Some(seconds));
        }
    }

    #[tokio::test]
    async fn calls_that_read_at_the_same_time_learn_once() {
        let policy = client_policy();
        let learn = async |seconds| {
            let read = async || {
                tokio::task::yield_now().await;
                vec![completed(seconds); 20]
            };
            TaskPolicy::new(Arc::clone(&policy)).learn_once("a".to_owned(), read).await;
            expected(&policy)
        };
        let (first, second) = tokio::join!(learn(20), learn(90));
        assert!(first.is_some() && first == second, "{first:?} and {second:?}");
    }
}
