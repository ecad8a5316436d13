//! The poll policy of a client for tests.

use std::time::Duration;

use crate::pacing::{Pacing, from_fn};

const FIRST: Duration = Duration::from_millis(50);

/// Returns a policy with short intervals that grow with the age of the task, so that a long task in virtual time
/// needs few polls.
pub(crate) fn poll_policy() -> impl Pacing {
    from_fn(|progress| FIRST.max(progress.age / 10))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::PollSimulation;

    #[test]
    fn policy_is_at_most_10_percent_late_with_few_polls() {
        for (seconds, most_polls) in [(1, 18), (60, 62), (3600, 105)] {
            let duration = Duration::from_secs(seconds);
            let task =
                PollSimulation::new(Duration::ZERO, duration).round_trip(Duration::ZERO).without_jitter();
            let cost = task.run(&poll_policy());
            assert!(cost.polls <= most_polls, "{seconds} s: {cost:?}");
            assert!(cost.lag <= (duration / 10).max(FIRST), "{seconds} s: {cost:?}");
        }
    }
}
