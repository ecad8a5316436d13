//! The poll policy of one task, which survives a panic of the user's code.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::{Adaptive, CompletedTask, Pacing, Progress};

/// Replaces every policy that panics.
static DEFAULT: LazyLock<Arc<dyn Pacing>> = LazyLock::new(|| Arc::new(Adaptive::new()));

/// A poll policy that is replaced by the default policy when it panics.
///
/// Without this, a panic would end the wait, or the whole batch with the ids of all its tasks.
pub(crate) struct TaskPolicy(Arc<dyn Pacing>);

impl TaskPolicy {
    pub(crate) fn new(policy: Arc<dyn Pacing>) -> Self {
        Self(policy)
    }

    pub(crate) fn delay(&mut self, task: &Progress) -> Duration {
        self.call(|policy| policy.delay(task))
    }

    pub(crate) fn likelihood(&mut self, task: &Progress) -> f64 {
        self.call(|policy| policy.likelihood(task))
    }

    pub(crate) fn learn(&mut self, task: &CompletedTask) {
        self.call(|policy| policy.learn(task));
    }

    fn call<T>(&mut self, method: impl Fn(&dyn Pacing) -> T) -> T {
        catch_unwind(AssertUnwindSafe(|| method(&*self.0))).unwrap_or_else(|_| {
            tracing::error!("poll policy panicked, the default policy replaces it for this task");
            self.0 = Arc::clone(&DEFAULT);
            method(&*self.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pacing::from_fn;

    /// Panics in every method.
    struct Panicking;

    impl Pacing for Panicking {
        fn delay(&self, _: &Progress) -> Duration {
            panic!("delay")
        }

        fn likelihood(&self, _: &Progress) -> f64 {
            panic!("likelihood")
        }

        fn learn(&self, _: &CompletedTask) {
            panic!("learn")
        }
    }

    #[test]
    fn policy_that_panics_in_any_method_is_replaced_by_default() {
        let task = Progress::default();
        let policy = || TaskPolicy::new(Arc::new(Panicking));
        assert!(policy().delay(&task) > Duration::ZERO);
        assert!((0.0..=1.0).contains(&policy().likelihood(&task)));
        policy().learn(&CompletedTask::default());
    }

    #[test]
    fn policy_that_panics_once_stays_replaced() {
        let calls = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let counted = Arc::clone(&calls);
        let mut policy = TaskPolicy::new(Arc::new(from_fn(move |_| {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            panic!("delay")
        })));
        for _ in 0..3 {
            policy.delay(&Progress::default());
        }
        assert_eq!(calls.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}
