//! Maps the statuses of the API to the phases of a task.

use crate::types::{KnownStatus, SpeechStatus};

/// The phase of a task, including the two final phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskPhase {
    /// Accepted or in a queue, but not started.
    Waiting,
    /// Generating the speech. Unknown statuses count as running, because running tasks are polled most often.
    Running,
    /// The speech is ready.
    Completed,
    /// The server gave up. The API does not give a reason.
    Failed,
}

impl SpeechStatus {
    pub(crate) fn phase(&self) -> TaskPhase {
        match self {
            Self::Known(known) => match known {
                KnownStatus::Created | KnownStatus::Queued | KnownStatus::Postponed => TaskPhase::Waiting,
                KnownStatus::AssignedConnections | KnownStatus::Processing => TaskPhase::Running,
                KnownStatus::Completed => TaskPhase::Completed,
                KnownStatus::Error => TaskPhase::Failed,
            },
            Self::Other(_) => TaskPhase::Running,
        }
    }

    /// Returns `true` if the task is completed or failed. A status that is unknown to this version is never
    /// final.
    ///
    /// See [`SpeechTask::status`](crate::SpeechTask::status) for an example.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self.phase(), TaskPhase::Completed | TaskPhase::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_final_only_for_completed_and_error() {
        let finals: Vec<_> = [
            "CREATED",
            "QUEUED",
            "POSTPONED",
            "ASSIGNED_CONNECTIONS",
            "PROCESSING",
            "COMPLETED",
            "ERROR",
            "NEW_ONE",
        ]
        .into_iter()
        .filter(|word| serde_json::from_value::<SpeechStatus>((*word).into()).unwrap().is_final())
        .collect();
        assert_eq!(finals, ["COMPLETED", "ERROR"]);
    }

    #[test]
    fn unknown_status_keeps_its_text_and_counts_as_running() {
        let status: SpeechStatus = serde_json::from_str(r#""PAUSED_BY_OPERATOR""#).unwrap();
        assert_eq!(status.to_string(), "PAUSED_BY_OPERATOR");
        assert_eq!(status.phase(), TaskPhase::Running);
    }
}
