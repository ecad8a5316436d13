//! Poll policies tried without a server.

mod batch;

pub use self::batch::BatchCost;
use std::time::Duration;

use crate::{
    ext::{polling::history::History, retry::backoff::with_jitter},
    pacing::{CompletedTask, Pacing, Phase},
};

/// A task of which it is known when it will be done, to try a [poll policy](Pacing) on: what a wait for it would cost,
/// worked out in microseconds of computing, without clock, socket or server.
///
/// ```
/// use std::time::Duration;
///
/// use distribute_ai::{
///     pacing::{Adaptive, Pacing},
///     testing::PollSimulation,
/// };
///
/// // Ten seconds in a queue, then three until it is done: such as recorded, or as you fear.
/// let task = PollSimulation::new(Duration::from_secs(10), Duration::from_secs(3)).without_jitter();
///
/// let policy = Adaptive::new();
/// let cold = task.run(&policy);
/// for _ in 0..50 {
///     policy.learn(&task.run(&policy).finished);
/// }
/// let warm = task.run(&policy);
///
/// println!("{} polls, and {:?} too late; once it is learned {}, and {:?}", cold.polls, cold.lag, warm.polls, warm.lag);
/// assert!(warm.polls < cold.polls);
/// ```
///
/// A server that is far away, and says nothing but "not yet":
///
/// ```
/// # use std::time::Duration;
/// # use distribute_ai::{pacing::Adaptive, testing::PollSimulation};
/// let task = PollSimulation::new(Duration::ZERO, Duration::from_secs(3));
/// let cost = task.round_trip(Duration::from_millis(300)).without_statuses().run(&Adaptive::new());
/// assert!(cost.lag < Duration::from_secs(3));
/// ```
///
/// A poll takes a round trip, half way through which the server looks at the task; the next delay counts from the reply.
/// There are no faults and there is no deadline.
///
/// # Default
///
/// - `round_trip`: 80 ms
/// - statuses: told
/// - jitter: ten per cent up or down, as the library has it
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing happens until it is run"]
pub struct PollSimulation {
    waiting: Duration,
    running: Duration,
    round_trip: Duration,
    statuses: bool,
    jitter: bool,
}

/// What a wait cost, by a [`PollSimulation`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PollCost {
    /// From the moment the task was done to the reply that says so.
    pub lag: Duration,
    /// How many requests it took.
    pub polls: u32,
    /// What a policy [learns](Pacing::learn) from it. It is not told of it: do so, if it should learn.
    pub completed: CompletedTask,
}

impl PollSimulation {
    /// A task that waits for so long and then runs for so long.
    pub fn new(waiting: Duration, running: Duration) -> Self {
        Self { waiting, running, round_trip: Duration::from_millis(80), statuses: true, jitter: true }
    }

    /// How long a request takes, there and back.
    pub fn round_trip(mut self, time: Duration) -> Self {
        self.round_trip = time;
        self
    }

    /// The server tells that it isn't done, and no more: by one word for all, which this crate doesn't know.
    pub fn without_statuses(mut self) -> Self {
        self.statuses = false;
        self
    }

    /// Each delay is as long as the policy says.
    pub fn without_jitter(mut self) -> Self {
        self.jitter = false;
        self
    }

    pub(crate) fn waiting(&self) -> Duration {
        self.waiting
    }

    pub(crate) fn running(&self) -> Duration {
        self.running
    }

    pub(crate) fn round_trip_time(&self) -> Duration {
        self.round_trip
    }

    /// The status at this age, as the API says it, or a word that it doesn't know.
    pub(crate) fn status(&self, age: Duration) -> &'static str {
        if age >= self.waiting + self.running {
            "COMPLETED"
        } else if !self.statuses {
            "NOT_YET"
        } else if age < self.waiting {
            "QUEUED"
        } else {
            "PROCESSING"
        }
    }

    /// Submits it, and polls by the policy until it is done.
    ///
    /// The jitter is drawn from `fastrand`'s generator of this thread: seed that for results that repeat.
    ///
    /// # Panics
    ///
    /// When it isn't done after a million polls: the policy polls without any delay.
    pub fn run(&self, policy: &dyn Pacing) -> PollCost {
        let done = self.waiting + self.running;
        let (mut history, mut age) = (History::submitted(None), Duration::ZERO);
        for polls in 1..=1_000_000 {
            let delay = policy.delay(&history.progress(age, None, Duration::MAX));
            let delay = if self.jitter && polls > 1 { with_jitter(delay) } else { delay };
            let seen = age.saturating_add(delay).saturating_add(self.round_trip / 2);
            age = seen.saturating_add(self.round_trip / 2);
            if seen >= done {
                let finished = history.completed(age, Some(done)).expect("it was submitted");
                return PollCost { lag: age.saturating_sub(done), polls, completed: finished };
            }
            let waits = self.statuses && seen < self.waiting;
            history.on_response(if waits { Phase::Waiting } else { Phase::Running }, age);
        }
        panic!("not done after a million polls");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pacing::{Fixed, Progress};

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_next_delay_counts_from_the_reply() {
        // Sent at 10 and 22, seen at 11 and 23, known at 12 and 24.
        let task = PollSimulation::new(secs(4), secs(15)).round_trip(secs(2)).without_jitter();
        let cost = task.run(&Fixed::new(secs(10)).unwrap());
        assert_eq!((cost.lag, cost.polls), (secs(5), 2));
        assert_eq!(cost.completed.total, Some(secs(19)));
    }

    #[test]
    fn the_statuses_are_told_or_not() {
        let by_phase = |task: &Progress| match task.phase {
            Phase::Waiting => Duration::from_millis(100),
            _ => secs(1),
        };
        let task = PollSimulation::new(secs(20), secs(2));
        let (told, untold) = (task.run(&by_phase), task.without_statuses().run(&by_phase));
        assert!(told.polls > 80 && untold.polls < 25, "{told:?} {untold:?}");
        assert!(told.completed.waited.is_some() && untold.completed.waited.is_none());
    }

    #[test]
    #[should_panic(expected = "a million polls")]
    fn a_policy_without_delay_is_found_out() {
        let task = PollSimulation::new(secs(1), secs(1)).round_trip(Duration::ZERO);
        task.run(&|_: &Progress| Duration::ZERO);
    }
}
