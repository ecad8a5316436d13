//! Simulations of poll policies, without a server.

mod batch;

pub use self::batch::BatchCost;
use std::time::Duration;

use crate::{
    ext::{polling::history::History, retry::backoff::with_jitter},
    pacing::{CompletedTask, Pacing, Phase, Progress},
};

/// A simulated task with known times, for evaluating a [poll policy](Pacing).
///
/// [`run`](Self::run) computes the lag and the number of polls of a wait. The computation takes
/// microseconds of CPU time, and uses no clock, socket or server.
///
/// ```
/// use std::time::Duration;
///
/// use distribute_ai::{
///     pacing::{Adaptive, Pacing},
///     testing::PollSimulation,
/// };
///
/// // 10 s of waiting, then 3 s of running: recorded times, or times you expect.
/// let (waiting, running) = (Duration::from_secs(10), Duration::from_secs(3));
/// let task = PollSimulation::new(waiting, running).without_jitter();
///
/// let policy = Adaptive::new();
/// let cold = task.run(&policy);
/// for _ in 0..50 {
///     policy.learn(&task.run(&policy).completed);
/// }
/// let warm = task.run(&policy);
///
/// println!("at first: {} polls, {:?} late", cold.polls, cold.lag);
/// println!("after 50 tasks: {} polls, {:?} late", warm.polls, warm.lag);
/// assert!(warm.polls < cold.polls);
/// ```
///
/// In this example, the server is far away and reports an unknown status until the task is
/// finished:
///
/// ```
/// # use std::time::Duration;
/// # use distribute_ai::{pacing::Adaptive, testing::PollSimulation};
/// let task = PollSimulation::new(Duration::ZERO, Duration::from_secs(3))
///     .round_trip(Duration::from_millis(300))
///     .without_statuses();
/// let cost = task.run(&Adaptive::new());
/// assert!(cost.lag < Duration::from_secs(3));
/// ```
///
/// A poll takes one round trip. The server reads the task halfway through the round trip. The next
/// delay starts when the response arrives. The simulation injects no faults and sets no deadline.
///
/// # Default
///
/// - `characters`: unknown
/// - `round_trip`: 80 ms
/// - statuses: reported
/// - jitter: 10 % up or down, as in the library
#[derive(Clone, Copy, Debug)]
#[must_use = "a simulation does nothing until it is run"]
pub struct PollSimulation {
    waiting: Duration,
    running: Duration,
    characters: Option<u16>,
    round_trip: Duration,
    statuses: bool,
    jitter: bool,
}

/// The cost of a simulated wait, returned by [`PollSimulation::run`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PollCost {
    /// The time from the end of the task to the response that reports it.
    pub lag: Duration,
    /// The number of polls.
    pub polls: u32,
    /// The observed times of the task, for [`Pacing::learn`]. The simulation does not call `learn`.
    /// Call `learn` yourself if the policy should learn from this task.
    pub completed: CompletedTask,
}

impl PollSimulation {
    /// Creates a task that waits for `waiting` and then runs for `running`.
    pub fn new(waiting: Duration, running: Duration) -> Self {
        let round_trip = Duration::from_millis(80);
        Self { waiting, running, characters: None, round_trip, statuses: true, jitter: true }
    }

    /// Sets the length of the text in characters, which the policy can use. The length does not change the times.
    ///
    /// A [`batch`](Self::batch) accepts at most 4,096 characters, as the API does.
    pub fn characters(mut self, count: u16) -> Self {
        self.characters = Some(count);
        self
    }

    /// Sets the duration of a request, from sending it to receiving the response.
    pub fn round_trip(mut self, time: Duration) -> Self {
        self.round_trip = time;
        self
    }

    /// Reports a single status, unknown to this crate, until the task is finished.
    pub fn without_statuses(mut self) -> Self {
        self.statuses = false;
        self
    }

    /// Uses the exact delays of the policy, without jitter.
    pub fn without_jitter(mut self) -> Self {
        self.jitter = false;
        self
    }

    /// Returns the text of the task with this number in a batch. It has the length of the text, or at least two characters.
    pub(crate) fn text(&self, number: usize) -> String {
        let length = self.characters.map_or(0, usize::from);
        format!("{:<length$}", format!("{number} "))
    }

    /// Returns the time from the submission to the end.
    pub(crate) fn duration(&self) -> Duration {
        self.waiting.saturating_add(self.running)
    }

    pub(crate) fn round_trip_time(&self) -> Duration {
        self.round_trip
    }

    /// Returns the API status at this age, or an unknown status.
    pub(crate) fn status(&self, age: Duration) -> &'static str {
        if age >= self.duration() {
            "COMPLETED"
        } else if !self.statuses {
            "NOT_YET"
        } else if age < self.waiting {
            "QUEUED"
        } else {
            "PROCESSING"
        }
    }

    /// Simulates a submission, and polls with the policy until the task is finished.
    ///
    /// The jitter comes from the thread-local generator of `fastrand`. Seed that generator for reproducible
    /// results.
    ///
    /// # Panics
    ///
    /// Panics if the task is not finished after 1,000,000 polls, because the delays of the policy are zero, or very short for
    /// the time that the task takes.
    pub fn run(&self, policy: &dyn Pacing) -> PollCost {
        let duration = self.duration();
        let (mut history, mut age) = (History::submitted(self.characters), Duration::ZERO);
        for polls in 1..=1_000_000 {
            let progress = history.progress(age, None, Duration::MAX);
            let delay = policy.delay(&Progress { expected: policy.expected(&progress), ..progress });
            let delay = if self.jitter && polls > 1 { with_jitter(delay) } else { delay };
            let read = age.saturating_add(delay).saturating_add(self.round_trip / 2);
            age = read.saturating_add(self.round_trip / 2);
            if read >= duration {
                let completed = history.completed(age, Some(duration)).expect("the task was submitted");
                return PollCost { lag: age.saturating_sub(duration), polls, completed };
            }
            let waits = self.statuses && read < self.waiting;
            history.on_response(if waits { Phase::Waiting } else { Phase::Running }, age);
        }
        panic!("policy: task not finished after 1000000 polls, expected a delay above 0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pacing::{Fixed, from_fn};

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn next_delay_starts_at_the_response() {
        // Polls are sent at 10 s and 22 s, read at 11 s and 23 s, answered at 12 s and 24 s.
        let task = PollSimulation::new(secs(4), secs(15)).round_trip(secs(2)).without_jitter();
        let cost = task.run(&Fixed::new(secs(10)).unwrap());
        assert_eq!((cost.lag, cost.polls), (secs(5), 2));
        assert_eq!(cost.completed.total, Some(secs(19)));
    }

    #[test]
    fn simulation_without_statuses_reports_no_waiting_phase() {
        let by_phase = from_fn(|task| match task.phase {
            Phase::Waiting => Duration::from_millis(100),
            _ => secs(1),
        });
        let task = PollSimulation::new(secs(20), secs(2));
        let (with, without) = (task.run(&by_phase), task.without_statuses().run(&by_phase));
        assert!(with.polls > 80 && without.polls < 25, "{with:?} {without:?}");
        assert!(with.completed.waited.is_some() && without.completed.waited.is_none());
    }

    #[test]
    fn policy_and_completed_task_receive_length_of_text() {
        let by_length = from_fn(|task| secs(task.characters.map_or(1, u64::from)));
        let task = PollSimulation::new(secs(4), secs(15)).without_jitter();
        assert_eq!(task.characters(30).run(&by_length).polls, 1);
        assert!(task.run(&by_length).polls > 10);
        assert_eq!(task.characters(30).run(&by_length).completed.characters, Some(30));
        assert_eq!((task.text(7).as_str(), task.characters(4).text(7).as_str()), ("7 ", "7   "));
    }

    #[test]
    fn task_with_maximum_times_has_the_maximum_duration() {
        let task = PollSimulation::new(Duration::MAX, secs(1)).without_jitter();
        assert_eq!(task.status(Duration::MAX), "COMPLETED");
        let cost = task.run(&from_fn(|_| Duration::MAX));
        assert_eq!((cost.lag, cost.polls), (Duration::ZERO, 1));
    }

    #[test]
    #[should_panic(expected = "not finished after 1000000 polls")]
    fn policy_without_delay_panics() {
        let task = PollSimulation::new(secs(1), secs(1)).round_trip(Duration::ZERO);
        task.run(&from_fn(|_| Duration::ZERO));
    }
}
