//! A simulated task, whose status follows from its age.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::clock::Clock;
use crate::testing::faults::task_outcome::{Ending, TaskOutcome};

/// An accepted submission.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) input: String,
    pub(crate) model: String,
    pub(crate) outcome: TaskOutcome,
    created: Instant,
    waiting: Duration,
    running: Duration,
    /// When the task got a place, and is `ASSIGNED_CONNECTIONS`.
    placed: Option<Instant>,
    /// When a test ended the task.
    ended: Option<Instant>,
}

impl Task {
    pub(crate) fn new(
        id: String,
        created: Instant,
        input: String,
        model: String,
        outcome: TaskOutcome,
        timeline: &Timeline,
    ) -> Self {
        let waiting = outcome.waiting.unwrap_or(timeline.waiting);
        let running = outcome.running.unwrap_or_else(|| timeline.running(input.chars().count()));
        Self { id, input, model, outcome, created, waiting, running, placed: None, ended: None }
    }

    /// Returns when the task needs a place. `None` is never.
    pub(crate) fn ready(&self) -> Option<Instant> {
        self.created.checked_add(self.waiting / 3 * 2)
    }

    pub(crate) fn place(&mut self, at: Option<Instant>) {
        self.placed = at;
    }

    /// Ends the task at `now`, regardless of its outcome.
    pub(crate) fn end(&mut self, now: Instant, ending: Ending) {
        self.outcome.ending = ending;
        self.ended = Some(now);
    }

    /// Returns the current status.
    pub(crate) fn status(&self, now: Instant) -> Status {
        let reached = |time: Option<Instant>| time.is_some_and(|time| time <= now);
        if self.has_ended(now) {
            return if self.outcome.ending == Ending::Error { Status::Error } else { Status::Completed };
        }
        if reached(self.processing()) {
            Status::Processing
        } else if reached(self.postponed()) {
            Status::Postponed
        } else if reached(self.placed) {
            Status::AssignedConnections
        } else if reached(self.created.checked_add(self.waiting / 3)) {
            Status::Queued
        } else {
            Status::Created
        }
    }

    fn postponed(&self) -> Option<Instant> {
        self.placed?.checked_add(self.waiting.saturating_sub(self.waiting / 3 * 2))
    }

    fn processing(&self) -> Option<Instant> {
        self.postponed()?.checked_add(self.outcome.postponed)
    }

    /// Returns when the task ends, if it has a place and ends.
    pub(crate) fn ends(&self) -> Option<Instant> {
        if self.ended.is_some() {
            return self.ended;
        }
        (self.outcome.ending != Ending::Never).then(|| self.processing()?.checked_add(self.running)).flatten()
    }

    pub(crate) fn has_ended(&self, now: Instant) -> bool {
        self.ends().is_some_and(|end| end <= now)
    }

    /// Returns the text of the status in a response.
    pub(crate) fn status_text(&self, now: Instant) -> &str {
        let status = self.status(now);
        match &self.outcome.running_as {
            Some(text) if status == Status::Processing => text,
            _ => status.as_str(),
        }
    }

    /// Returns `true` if polls still receive a 404.
    pub(crate) fn is_not_found(&self, now: Instant) -> bool {
        now.duration_since(self.created) < self.outcome.not_found
    }

    /// Returns the number of audio files.
    pub(crate) fn audio_files(&self, now: Instant) -> u32 {
        match self.outcome.ending {
            Ending::Audio(count) if self.has_ended(now) => count,
            _ => 0,
        }
    }

    /// Returns the time of the submission since the Unix epoch.
    pub(crate) fn created_since_epoch(&self, clock: &Clock) -> f64 {
        self.since_epoch(clock.system_time(self.created))
    }

    /// Returns the end of the task since the Unix epoch, once the task has ended.
    pub(crate) fn finished_since_epoch(&self, now: Instant, clock: &Clock) -> Option<f64> {
        let end = self.ends().filter(|end| *end <= now)?;
        Some(self.since_epoch(clock.system_time(end)))
    }

    fn since_epoch(&self, time: SystemTime) -> f64 {
        let seconds = epoch_seconds(time);
        if self.outcome.times_in_millis { (seconds * 1000.0).round() } else { seconds }
    }
}

/// Rounds to milliseconds, for which an `f64` is precise enough for the next 200,000 years.
fn epoch_seconds(time: SystemTime) -> f64 {
    let age = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    (age.as_secs_f64() * 1000.0).round() / 1000.0
}

/// The status of a simulated task, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Created,
    Queued,
    AssignedConnections,
    Postponed,
    Processing,
    Completed,
    Error,
}

impl Status {
    /// Returns the status as the document spells it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Queued => "QUEUED",
            Self::AssignedConnections => "ASSIGNED_CONNECTIONS",
            Self::Postponed => "POSTPONED",
            Self::Processing => "PROCESSING",
            Self::Completed => "COMPLETED",
            Self::Error => "ERROR",
        }
    }
}

/// The durations of a task's phases.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) waiting: Duration,
    pub(crate) running: Duration,
    pub(crate) running_per_character: Duration,
}

impl Timeline {
    fn running(&self, characters: usize) -> Duration {
        let characters = u32::try_from(characters).unwrap_or(u32::MAX);
        self.running.saturating_add(self.running_per_character.saturating_mul(characters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn task(waiting: Duration, running: Duration, running_per_character: Duration) -> Task {
        let timeline = Timeline { waiting, running, running_per_character };
        with_outcome(&timeline, TaskOutcome::completes())
    }

    /// Returns a task of five characters that gets its place at once.
    fn with_outcome(timeline: &Timeline, outcome: TaskOutcome) -> Task {
        let (id, model) = (String::new(), String::new());
        let mut task = Task::new(id, Instant::now(), "Hello".to_owned(), model, outcome, timeline);
        task.place(task.ready());
        task
    }

    fn status(task: &Task, age: u64) -> &'static str {
        task.status(task.created + millis(age)).as_str()
    }

    #[test]
    fn task_passes_every_status_in_order() {
        let task = task(millis(300), millis(700), millis(10));
        for (age, expected) in [
            (0, "CREATED"),
            (99, "CREATED"),
            (100, "QUEUED"),
            (200, "ASSIGNED_CONNECTIONS"),
            (300, "PROCESSING"),
            (1049, "PROCESSING"),
            (1050, "COMPLETED"),
        ] {
            assert_eq!(status(&task, age), expected, "{age} ms");
        }
    }

    #[test]
    fn outcome_has_its_own_times() {
        let timeline = Timeline { waiting: millis(1), running: millis(1), running_per_character: millis(1) };
        let outcome =
            TaskOutcome::fails().waiting_for(millis(300)).postponed_for(millis(100)).running_for(millis(600));
        let task = with_outcome(&timeline, outcome);
        for (age, expected) in [
            (99, "CREATED"),
            (299, "ASSIGNED_CONNECTIONS"),
            (300, "POSTPONED"),
            (400, "PROCESSING"),
            (1000, "ERROR"),
        ] {
            assert_eq!(status(&task, age), expected, "{age} ms");
        }
    }

    #[test]
    fn task_with_times_of_zero_completes_immediately() {
        let task = task(Duration::ZERO, Duration::ZERO, Duration::ZERO);
        assert_eq!(status(&task, 0), "COMPLETED");
    }

    #[test]
    fn task_with_maximum_times_never_completes() {
        let task = task(Duration::MAX, Duration::MAX, Duration::MAX);
        assert_eq!(status(&task, 86_400_000), "CREATED");
    }
}
