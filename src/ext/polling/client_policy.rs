//! The poll policy of a client, and the durations that the client learns for policies that do not.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use super::{Adaptive, CompletedTask, Pacing, Progress};

/// The number of names that are remembered. A program may use a new store for each job.
pub(super) const MAX_SOURCES: usize = 1_024;

pub(crate) struct ClientPolicy {
    policy: Arc<dyn Pacing>,
    /// Learns the durations if the policy does not estimate any. Empty until then.
    durations: OnceLock<Adaptive>,
    /// The names of the stored durations from which the policy has learned.
    sources: Mutex<HashSet<String>>,
}

impl ClientPolicy {
    pub(crate) fn new(policy: Arc<dyn Pacing>) -> Self {
        Self { policy, durations: OnceLock::new(), sources: Mutex::default() }
    }

    pub(super) fn delay(&self, task: &Progress) -> Duration {
        self.policy.delay(&self.with_expected(task))
    }

    pub(super) fn likelihood(&self, task: &Progress) -> f64 {
        self.policy.likelihood(&self.with_expected(task))
    }

    /// Returns the expected total duration of a task.
    pub(super) fn expected(&self, task: &Progress) -> Option<Duration> {
        self.policy.expected(task).or_else(|| self.durations.get()?.expected(task))
    }

    pub(super) fn learn(&self, task: &CompletedTask) {
        self.policy.learn(task);
        if self.policy.expected(&Progress::default()).is_none() {
            self.durations.get_or_init(Adaptive::new).learn(task);
        }
    }

    /// Returns `true` if the policy has learned from the stored durations with this name.
    pub(super) fn has_source(&self, name: &str) -> bool {
        self.sources().contains(name)
    }

    /// Returns `true` if the name is new. Then the caller must let the policy learn.
    pub(super) fn add_source(&self, name: String) -> bool {
        let mut sources = self.sources();
        if sources.len() >= MAX_SOURCES && !sources.contains(&name) {
            // Learning from a store again changes little.
            sources.clear();
        }
        sources.insert(name)
    }

    pub(super) fn sources(&self) -> MutexGuard<'_, HashSet<String>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_expected(&self, task: &Progress) -> Progress {
        Progress { expected: self.expected(task), ..*task }
    }
}

impl fmt::Debug for ClientPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientPolicy").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pacing::{Fixed, from_fn};

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn completed(seconds: u64) -> CompletedTask {
        CompletedTask { total: Some(secs(seconds)), ..CompletedTask::default() }
    }

    /// Returns the expected duration in seconds, rounded.
    fn expected(policy: &ClientPolicy) -> Option<u64> {
        policy.expected(&Progress::default()).map(|time| (time + Duration::from_millis(500)).as_secs())
    }

    #[test]
    fn client_estimates_durations_for_a_policy_that_does_not() {
        let policies: [Arc<dyn Pacing>; 2] =
            [Arc::new(Fixed::new(secs(1)).unwrap()), Arc::new(Adaptive::new())];
        for policy in policies {
            let policy = ClientPolicy::new(policy);
            assert_eq!(expected(&policy), None);
            (0..50).for_each(|_| policy.learn(&completed(20)));
            assert_eq!(expected(&policy), Some(20));
        }
    }

    #[test]
    fn durations_are_learned_once_by_a_policy_that_estimates_them() {
        let adaptive = Adaptive::new();
        let policy = ClientPolicy::new(Arc::new(adaptive.clone()));
        policy.learn(&completed(20));
        assert_eq!(format!("{adaptive:?}"), "Adaptive { price: 0.05, tasks: 1, .. }");
        assert!(policy.durations.get().is_none());
    }

    #[test]
    fn policy_receives_expected_duration() {
        let policy = ClientPolicy::new(Arc::new(from_fn(|task| task.expected.unwrap_or_default() / 2)));
        assert_eq!(policy.delay(&Progress::default()), Duration::ZERO);
        (0..50).for_each(|_| policy.learn(&completed(20)));
        let delay = policy.delay(&Progress::default());
        assert!((9.5..10.5).contains(&delay.as_secs_f64()), "{delay:?}");
    }
}
