//! The predicates of an error.

use reqwest::StatusCode;

use super::{Error, Kind};

impl Error {
    /// Returns `true` if an argument, a setting or a journal is invalid. Nothing was sent.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.0.kind, Kind::Invalid { .. })
    }

    /// Returns `true` if no attempt reached the server: the host is unknown, or the connection or TLS
    /// handshake failed. Nothing was billed. In a batch, this is also the error of a request that was not
    /// sent, because an outage lasted until its deadline.
    ///
    /// The message names the host and the cause of the last attempt, and the number of attempts if there
    /// were several. In a batch, the cause may be the failure of another request.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self.0.kind, Kind::Unreachable { .. })
    }

    /// Returns `true` if the server rejected the request.
    ///
    /// A rejected submission was not billed. If the error has a [`task_id`](Self::task_id), the server
    /// rejected a poll: the task was billed, and continues.
    ///
    /// [`status`](Self::status) returns the HTTP status of the rejection. In a batch, a rejected API key
    /// ends all submissions: requests that were not sent return this error with the same status.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        matches!(self.0.kind, Kind::Rejected | Kind::NotSent)
    }

    /// Returns `true` if the server rejected the API key with status 401 or 403.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        self.is_rejected() && matches!(self.status(), Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN))
    }

    /// Returns `true` if the server limited the request rate.
    ///
    /// Either the server answered a submission with status 429, and the next attempt would be after the
    /// deadline. Or a pause after an earlier 429 or 503 with `Retry-After` is still in effect: then nothing was
    /// sent, and the source is that response. With your own `http_client`, the first 429 ends a submission. If
    /// the error has a [`task_id`](Self::task_id), the task was billed, and continues.
    #[must_use]
    pub fn is_rate_limited(&self) -> bool {
        let rejected = self.is_rejected() && self.status() == Some(StatusCode::TOO_MANY_REQUESTS);
        rejected || matches!(self.0.kind, Kind::RateLimited(_))
    }

    /// Returns `true` if the server may have accepted the submission, so the speech may be billed.
    ///
    /// The response is missing, or does not say whether the server accepted the submission. If the
    /// response contains a task id, [`task_id`](Self::task_id) returns the id: poll that task
    /// first.
    ///
    /// The library does not submit again automatically, because the API cannot recognise a repeated
    /// submission. You can submit again after the error, or allow resubmissions in advance with
    /// [`Speak::resubmit_in_doubt`](crate::Speak::resubmit_in_doubt).
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        matches!(self.0.kind, Kind::InDoubt { .. })
    }

    /// Returns `true` if a single poll got no usable response. The task is not affected, so poll it
    /// again.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        matches!(self.0.kind, Kind::Unanswered)
    }

    /// Returns `true` if the deadline passed before the task was finished. The task continues on the server,
    /// and you can resume it with its [`task_id`](Self::task_id).
    #[must_use]
    pub fn is_deadline(&self) -> bool {
        matches!(self.0.kind, Kind::Deadline { .. })
    }

    /// Returns `true` if the server does not know the task.
    ///
    /// A wait retries status 404 for 10 seconds first, because a new task may not be visible on the
    /// server immediately. If another client submitted the task, the wait retries once, after one
    /// second. If the deadline passes before that, and all polls received status 404, the error is
    /// this one, too.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self.0.kind, Kind::NotFound)
    }

    /// Returns `true` if a batch or a narration was stopped before this speech was finished, or if the
    /// async runtime shut down.
    ///
    /// If the error has a [`task_id`](Self::task_id), the task continues on the server and you can
    /// resume it. Otherwise this text was not submitted. The journal of a
    /// [narration](crate::long_text::Narration) contains its submitted pieces.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(self.0.kind, Kind::Stopped)
    }

    /// Returns `true` if the task ended with the status ERROR. The API does not give a reason.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self.0.kind, Kind::Failed)
    }

    /// Returns `true` if the audio could not be downloaded completely, is missing, or cannot be joined with
    /// the audio of other pieces, or if its host is not allowed.
    #[must_use]
    pub fn is_download(&self) -> bool {
        matches!(self.0.kind, Kind::Download { .. })
    }

    /// Returns `true` if an audio file or a journal could not be read or written.
    #[must_use]
    pub fn is_io(&self) -> bool {
        matches!(self.0.kind, Kind::Io { .. })
    }
}
