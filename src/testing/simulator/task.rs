//! A task and its life: from its age alone follow its status and its end.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::testing::faults::task_outcome::{Ending, TaskOutcome};

/// What was asked for, and when.
pub(crate) struct Task {
    pub(crate) input: String,
    pub(crate) model: String,
    pub(crate) created: Instant,
    pub(crate) created_at: SystemTime,
    pub(crate) outcome: TaskOutcome,
}

impl Task {
    pub(crate) fn new(input: String, model: String, fate: TaskOutcome) -> Self {
        Self { input, model, created: Instant::now(), created_at: SystemTime::now(), outcome: fate }
    }

    /// Where the task stands now.
    pub(crate) fn status(&self, timeline: &Timeline) -> Status {
        let status = timeline.status(self.created.elapsed(), self.characters());
        match self.outcome.ending {
            Ending::Error if status == Status::Completed => Status::Error,
            Ending::Never if status == Status::Completed => Status::Processing,
            _ => status,
        }
    }

    /// The word that a reply has for a status.
    pub(crate) fn status_text(&self, status: Status) -> &str {
        match &self.outcome.running_as {
            Some(word) if status == Status::Processing => word,
            _ => status.as_str(),
        }
    }

    /// Whether nothing is known of it yet where polls arrive.
    pub(crate) fn is_not_found(&self) -> bool {
        self.created.elapsed() < self.outcome.not_found_for
    }

    /// Whether there is something to hear at this status; not asked anew, as it may be another by then.
    pub(crate) fn has_audio(&self, status: Status) -> bool {
        self.outcome.ending == Ending::Audio && status == Status::Completed
    }

    /// Seconds since the epoch.
    pub(crate) fn created(&self) -> f64 {
        epoch_seconds(self.created_at)
    }

    /// Seconds since the epoch.
    pub(crate) fn finished(&self, timeline: &Timeline) -> f64 {
        epoch_seconds(self.created_at + timeline.total(self.characters()))
    }

    fn characters(&self) -> usize {
        self.input.chars().count()
    }
}

/// To the millisecond, which a double holds exactly enough for the next 200,000 years.
fn epoch_seconds(time: SystemTime) -> f64 {
    let age = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    (age.as_secs_f64() * 1000.0).round() / 1000.0
}

/// The statuses that a simulated task goes through, in order.
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
    /// As the document writes it.
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

/// How long each part of a task's life takes.
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
    fn a_task_passes_every_status_in_order() {
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
    fn without_any_time_a_task_is_completed_at_once() {
        let timeline = timeline(Duration::ZERO, Duration::ZERO, Duration::ZERO);
        assert_eq!(timeline.status(Duration::ZERO, 4096), Status::Completed);
    }

    #[test]
    fn a_task_of_endless_time_never_ends() {
        let timeline = timeline(Duration::MAX, Duration::MAX, Duration::MAX);
        assert_eq!(timeline.status(millis(86_400_000), 2), Status::Created);
    }
}
