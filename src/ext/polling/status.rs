//! What a status means, said once.

use crate::types::{KnownStatus, KnownVoice, SpeechStatus, Voice};

/// What a status means for somebody who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskPhase {
    /// Not begun: accepted, or in a queue.
    Waiting,
    /// Being spoken. A status we don't know counts as this: it is polled soonest.
    Running,
    /// Spoken.
    Completed,
    /// Given up by the server; it says no reason.
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

    /// Whether the task is done, well or badly. A status this version doesn't know is never final. See
    /// [`SpeechTask::status`](crate::SpeechTask::status).
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self.phase(), TaskPhase::Completed | TaskPhase::Failed)
    }
}

impl PartialEq<KnownStatus> for SpeechStatus {
    fn eq(&self, known: &KnownStatus) -> bool {
        matches!(self, Self::Known(own) if own == known)
    }
}

/// A voice by its name if it is one of the known ones, else the id of a voice file.
impl From<&str> for Voice {
    fn from(name: &str) -> Self {
        name.parse::<KnownVoice>().map_or_else(|_| Self::FileId(name.to_owned()), Self::Known)
    }
}

/// As from `&str`.
impl From<String> for Voice {
    fn from(name: String) -> Self {
        name.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_completed_and_error_are_final() {
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
    fn an_unknown_status_keeps_the_servers_word() {
        let status: SpeechStatus = serde_json::from_str(r#""PAUSED_BY_OPERATOR""#).unwrap();
        assert_eq!(status.to_string(), "PAUSED_BY_OPERATOR");
        assert_eq!(status.phase(), TaskPhase::Running);
    }
}
