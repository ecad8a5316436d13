//! The kind of an error, its bill, and the predicates.

use reqwest::StatusCode;

use super::{Billed, Error, ErrorKind, Kind};

impl Error {
    /// Returns the kind of the error. Each error has exactly one kind.
    ///
    /// - A rejection with status 401 or 403 is [`Unauthorized`](ErrorKind::Unauthorized), a submission that is
    ///   rejected with status 429 is [`RateLimited`](ErrorKind::RateLimited), and every other rejection is
    ///   [`Rejected`](ErrorKind::Rejected).
    /// - If a batch did not send a request because the server rejected an earlier one, the kind is that of
    ///   the earlier rejection.
    ///
    /// The predicates such as [`is_failed`](Self::is_failed) return `true` for one kind each. Only
    /// [`is_rejected`](Self::is_rejected) overlaps with two others.
    ///
    /// ```no_run
    /// # async fn run(client: distribute_ai::Client) {
    /// if let Err(error) = client.speak("Good morning.").await {
    ///     eprintln!("speech_errors_total{{kind=\"{}\"}} 1", error.kind());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &self.0.kind {
            Kind::Invalid { .. } => ErrorKind::Invalid,
            Kind::Unreachable { .. } | Kind::Outage { .. } => ErrorKind::Unreachable,
            Kind::Rejected | Kind::NotSent => match self.status() {
                Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => ErrorKind::Unauthorized,
                Some(StatusCode::TOO_MANY_REQUESTS) => ErrorKind::RateLimited,
                _ => ErrorKind::Rejected,
            },
            Kind::InDoubt { .. } => ErrorKind::InDoubt,
            Kind::Unanswered => ErrorKind::Unanswered,
            Kind::RateLimited(_) => ErrorKind::RateLimited,
            Kind::Deadline { .. } => ErrorKind::Deadline,
            Kind::NotFound => ErrorKind::NotFound,
            Kind::Failed => ErrorKind::Failed,
            Kind::Stopped => ErrorKind::Stopped,
            Kind::Download { .. } | Kind::EmptyAudio => ErrorKind::Download,
            Kind::Io { .. } => ErrorKind::Io,
        }
    }

    /// Returns whether the text that the error is about is billed.
    ///
    /// - [`Yes`](Billed::Yes): the server accepted the text. The error is about its task, its audio or its
    ///   file. This is also the answer for a task that you resumed by its id. Only
    ///   [`is_not_found`](Self::is_not_found) says that the id may be wrong.
    /// - [`Maybe`](Billed::Maybe): the submission is [in doubt](Self::is_in_doubt); or the task
    ///   [failed](Self::is_failed), and the API does not say whether it bills such tasks; or the server does
    ///   not know a task that was resumed with [`Client::task`](crate::Client::task), whose id may be wrong; or another
    ///   call was submitting the same text until the [deadline](Self::is_deadline).
    /// - [`No`](Billed::No): the server did not accept the text.
    ///
    /// If the error has a [`piece`](Self::piece), the answer is about this piece. Other pieces of the long
    /// text may be billed. The error of a whole long text is about all its pieces: `Maybe` if some of them
    /// may be billed.
    ///
    /// If a batch or a long text cannot start, this call has submitted nothing. The answer is `No`, or `Maybe` if
    /// its store exists, because an earlier run may have submitted the texts.
    ///
    /// ```no_run
    /// # async fn run(client: distribute_ai::Client) {
    /// use distribute_ai::Billed;
    ///
    /// if let Err(error) = client.speak("Good morning.").await {
    ///     match error.billed() {
    ///         Billed::No => println!("you can submit the text again: {error}"),
    ///         Billed::Yes => println!("you can still collect the speech: {error}"),
    ///         Billed::Maybe => println!("check your bill before you submit the text again: {error}"),
    ///     }
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn billed(&self) -> Billed {
        let by_kind = match &self.0.kind {
            Kind::InDoubt { .. } | Kind::Failed | Kind::NotFound => Billed::Maybe,
            // Another call is submitting the same request.
            Kind::Deadline { .. } if self.0.task_id.is_none() => Billed::Maybe,
            Kind::Unanswered | Kind::Deadline { .. } | Kind::Download { .. } | Kind::EmptyAudio => {
                Billed::Yes
            }
            _ if self.0.task_id.is_some() => Billed::Yes,
            Kind::Invalid { .. }
            | Kind::Unreachable { .. }
            | Kind::Outage { .. }
            | Kind::Rejected
            | Kind::NotSent
            | Kind::RateLimited(_)
            | Kind::Stopped
            | Kind::Io { .. } => Billed::No,
        };
        by_kind.or(self.0.least_bill)
    }

    /// Returns `true` if an argument, a setting or a store is invalid. This call has sent nothing.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        self.kind() == ErrorKind::Invalid
    }

    /// Returns `true` if the server was not reached: the host is unknown, or the connection or TLS
    /// handshake failed. The submission was not billed. In a batch, this is also the error of a request that was not
    /// sent, because an outage lasted until its deadline.
    ///
    /// The message names the host, the number of attempts, and the cause of the last one. If a batch did not
    /// send the request, these are the attempts of its other requests.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        self.kind() == ErrorKind::Unreachable
    }

    /// Returns `true` if the server rejected the request.
    ///
    /// This predicate overlaps with two others. It is also `true` for every
    /// [`is_unauthorized`](Self::is_unauthorized) error, and for an
    /// [`is_rate_limited`](Self::is_rate_limited) error of a submission that received a 429 itself, or that a batch
    /// did not send because it received only 429.
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

    /// Returns `true` if the server rejected the API key with status 401 or 403. Such an error is also
    /// [`is_rejected`](Self::is_rejected).
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        self.kind() == ErrorKind::Unauthorized
    }

    /// Returns `true` if the server limited the request rate.
    ///
    /// There are three cases:
    ///
    /// - The server responded to a submission with 429, and the next attempt would be after the deadline. With your
    ///   own `http_client`, the first 429 ends a submission. The error is also [`is_rejected`](Self::is_rejected).
    /// - A batch received only 429 until the deadline, and did not send the request. The error is also
    ///   [`is_rejected`](Self::is_rejected).
    /// - All requests are paused after a 429 or 503 with `Retry-After`, and the pause ends after the deadline. The
    ///   request was not sent. The source of the error is that response.
    ///
    /// If the error has a [`task_id`](Self::task_id), the task was billed, and continues.
    #[must_use]
    pub fn is_rate_limited(&self) -> bool {
        self.kind() == ErrorKind::RateLimited
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
        self.kind() == ErrorKind::InDoubt
    }

    /// Returns `true` if a single poll got no usable response. The task is not affected, so poll it
    /// again.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        self.kind() == ErrorKind::Unanswered
    }

    /// Returns `true` if the deadline passed before the task was finished. The task continues on the server,
    /// and you can resume it with its [`task_id`](Self::task_id).
    ///
    /// With a [store](crate::store::Store), the error has no task id if another call was submitting the same text until
    /// the deadline.
    #[must_use]
    pub fn is_deadline(&self) -> bool {
        self.kind() == ErrorKind::Deadline
    }

    /// Returns `true` if the server does not know the task.
    ///
    /// A wait retries status 404 for 10 seconds first, because a new task may not be visible on the
    /// server immediately. If another client submitted the task, the wait retries once, after one
    /// second. If the deadline passes before that, and all polls received status 404, the error is
    /// this one, too.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Returns `true` if the task ended with the status ERROR. The API does not give a reason.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.kind() == ErrorKind::Failed
    }

    /// Returns `true` if a batch or a narration was stopped before this speech was finished, if it has reached
    /// [`max_seconds`](crate::batch::Batch::max_seconds) or
    /// [`max_submissions`](crate::batch::Batch::max_submissions), or if the async runtime shut down.
    ///
    /// If the error has a [`task_id`](Self::task_id), the task continues on the server and you can
    /// resume it. Otherwise this text was not submitted, or the error is about a whole
    /// [narration](crate::long_text::Narration), whose store contains the submitted pieces. If the async runtime shut
    /// down, an equal text of a batch with a store may have been submitted, and [`billed`](Self::billed) is `Maybe`.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.kind() == ErrorKind::Stopped
    }

    /// Returns `true` if the audio could not be downloaded completely, is missing, or cannot be joined with
    /// the audio of other pieces, or if its host is not allowed.
    #[must_use]
    pub fn is_download(&self) -> bool {
        self.kind() == ErrorKind::Download
    }

    /// Returns `true` if an audio file or a store could not be read or written.
    #[must_use]
    pub fn is_io(&self) -> bool {
        self.kind() == ErrorKind::Io
    }
}
