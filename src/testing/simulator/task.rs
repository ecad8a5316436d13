//! A simulated task, whose status follows from its age.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::testing::faults::task_outcome::{Ending, TaskOutcome};

/// An accepted submission.
pub(crate) struct Task {
    pub(crate) input: String,
    pub(crate) model: String,
    pub(crate) created: Instant,
    pub(crate) created_at: SystemTime,
    pub(crate) outcome: TaskOutcome,
}

impl Task {
    pub(crate) fn new(input: String, model: String, outcome: TaskOutcome) -> Self {
        Self { input, model, created: Instant::now(), created_at: SystemTime::now(), outcome }
    }

    /// Returns the current status.
    pub(crate) fn status(&self, timeline: &Timeline) -> Status {
        let status = timeline.status(self.created.elapsed(), self.characters());
        match self.outcome.ending {
            Ending::Error if status == Status::Completed => Status::Error,
            Ending::Never if status == Status::Completed => Status::Processing,
            _ => status,
        }
    }

    /// Returns the text of a status in a response.
    pub(crate) fn status_text(&self, status: Status) -> &str {
        match &self.outcome.running_as {
            Some(text) if status == Status::Processing => text,
            _ => status.as_str(),
        }
    }

    /// Returns `true` if polls still receive a 404.
    pub(crate) fn is_not_found(&self) -> bool {
        self.created.elapsed() < self.outcome.not_found_for
    }

    /// Returns `true` if the task has audio at `status`. The current status may have changed since the caller
    /// read it.
    pub(crate) fn has_audio(&self, status: Status) -> bool {
        self.outcome.ending == Ending::Audio && status == Status::Completed
    }

    /// Returns the time of the submission in seconds since the Unix epoch.
    pub(crate) fn created(&self) -> f64 {
        epoch_seconds(self.created_at)
    }

    /// Returns the end of the task in seconds since the Unix epoch.
    pub(crate) fn finished(&self, timeline: &Timeline) -> f64 {
        epoch_seconds(self.created_at + timeline.total(self.characters()))
    }

    fn characters(&self) -> usize {
        self.input.chars().count()
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
    fn status(&self, age: Duration, characters: usize) -> Status {
        if age >= self.total(characters) {
            Status::Completed
        } else if age >= self.waiting {
            Status::Processing
        } else if age >= self.waiting / 3 * 2 {
            Status::AssignedConnections
        } else if age >= self.waiting / 3 {
            Status::Queued
        } else {
            Status::Created
        }
    }

    fn total(&self, characters: usize) -> Duration {
        let characters = u32::try_from(characters).unwrap_or(u32::MAX);
        self.waiting
            .saturating_add(self.running)
            .saturating_add(self.running_per_character.saturating_mul(characters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn timeline(waiting: Duration, running: Duration, per_character: Duration) -> Timeline {
        Timeline { waiting, running, running_per_character: per_character }
    }

    #[test]
    fn timeline_passes_every_status_in_order() {
        let timeline = timeline(millis(300), millis(700), millis(10));
        for (age, status) in [
            (0, "CREATED"),
            (99, "CREATED"),
            (100, "QUEUED"),
            (200, "ASSIGNED_CONNECTIONS"),
            (300, "PROCESSING"),
            (1049, "PROCESSING"),
            (1050, "COMPLETED"),
        ] {
            assert_eq!(timeline.status(millis(age), 5).as_str(), status, "{age} ms");
        }
    }

    #[test]
    fn timeline_of_zero_completes_immediately() {
        let timeline = timeline(Duration::ZERO, Duration::ZERO, Duration::ZERO);
        assert_eq!(timeline.status(Duration::ZERO, 4096), Status::Completed);
    }

    #[test]
    fn timeline_of_maximum_duration_never_completes() {
        let timeline = timeline(Duration::MAX, Duration::MAX, Duration::MAX);
        assert_eq!(timeline.status(millis(86_400_000), 2), Status::Created);
    }
}
