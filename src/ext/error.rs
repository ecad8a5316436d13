use std::{error, fmt, path::Path, sync::Arc, time::Duration};

use reqwest::StatusCode;

use super::{piece::Piece, task_id::TaskId};

/// The error of every operation.
///
/// The `is_*` methods distinguish the kinds of errors. The guide's page on
/// [errors](crate::guide::errors) has a table of all kinds: what happened, whether you are billed,
/// and what to do.
///
/// An error is *in doubt* if the server may have accepted the submission, so the speech may be billed.
///
/// ```no_run
/// # async fn run(client: distribute_ai::Client) -> Result<(), distribute_ai::Error> {
/// match client.speak("Good morning.").await {
///     Ok(speech) => drop(speech.save("morning.wav").await?),
///     Err(error) if error.is_in_doubt() => {
///         eprintln!("check your bill before you submit again: {error}");
///     }
///     Err(error) => match error.task_id() {
///         Some(id) => eprintln!("resume task {id} later: {error}"),
///         None => return Err(error),
///     },
/// }
/// # Ok(())
/// # }
/// ```
///
/// Once the server has returned a task id, every error about that task carries its
/// [`task_id`](Self::task_id). An error about a part of a long text also carries the [`piece`](Self::piece).
///
/// `Display` writes one line about this error, without its cause.
/// [`source`](std::error::Error::source) returns the cause.
#[derive(Clone)]
pub struct Error(pub(super) Box<Inner>);

#[derive(Clone)]
pub(super) struct Inner {
    pub(super) kind: Kind,
    pub(super) task_id: Option<TaskId>,
    pub(super) piece: Option<Piece>,
    pub(super) response: Option<ApiErrorResponse>,
    /// Why no response arrived, with the host.
    pub(super) problem: Option<String>,
    pub(super) source: Option<Cause>,
}

#[derive(Clone)]
pub(super) enum Kind {
    Invalid {
        field: &'static str,
        problem: String,
    },
    /// `attempts` is the number of failed connections.
    Unreachable {
        attempts: u32,
    },
    Rejected,
    /// Not sent, because the server rejected an earlier request of the batch.
    NotSent,
    /// `attempts` is the number of requests that the server may have accepted.
    InDoubt {
        attempts: u32,
    },
    Unanswered,
    RateLimited(Duration),
    Deadline {
        after: Duration,
        last_status: Option<String>,
    },
    NotFound,
    Failed,
    Stopped,
    Download {
        problem: String,
    },
    Io {
        problem: String,
    },
}

/// The status, message and `Retry-After` of an error response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiErrorResponse {
    pub(crate) status: StatusCode,
    pub(crate) message: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

pub(crate) type BoxError = Box<dyn error::Error + Send + Sync>;

/// The cause of an error. It is shared, because errors can be cloned.
pub(crate) type Cause = Arc<dyn error::Error + Send + Sync>;

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

    /// Returns the HTTP status of the response, if there was a response.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.response.as_ref().map(|response| response.status)
    }

    /// Returns the server's message: the `message` field of the response, or the text of the body if that
    /// field is missing. The message has at most 2,000 characters.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.0.response.as_ref()?.message.as_deref()
    }

    /// Returns the pause that the server requested with `Retry-After`, counted from the response.
    ///
    /// This is the server's value, which may be longer than the pause of the client: see
    /// [`max_cooldown`](crate::ClientBuilder::max_cooldown).
    ///
    /// If nothing was sent because of an earlier `Retry-After`, this is the remaining time.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        if let Kind::RateLimited(remaining) = self.0.kind {
            return Some(remaining);
        }
        self.0.response.as_ref()?.retry_after
    }

    /// Returns the id of the task, for use with [`Client::task`](crate::Client::task). Every error
    /// after the server has returned the id carries it.
    #[must_use]
    pub fn task_id(&self) -> Option<&TaskId> {
        self.0.task_id.as_ref()
    }

    /// Returns the piece of a [long text](crate::Speak::in_pieces) that the error is about.
    ///
    /// ```no_run
    /// # async fn run(client: distribute_ai::Client, book: String) {
    /// if let Err(error) = client.speak(&book).in_pieces().save("book.wav").await
    ///     && let Some(piece) = error.piece()
    /// {
    ///     eprintln!("{error}: {:?}", &book[piece.bytes.clone()]);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn piece(&self) -> Option<&Piece> {
        self.0.piece.as_ref()
    }

    pub(crate) fn invalid(field: &'static str, problem: impl fmt::Display) -> Self {
        Self::new(Kind::Invalid { field, problem: problem.to_string() })
    }

    /// Creates the error for a submission that an earlier run left in doubt.
    pub(crate) fn in_doubt(attempts: u32, source: String) -> Self {
        Self::new(Kind::InDoubt { attempts }).with_source(source)
    }

    pub(crate) fn stopped() -> Self {
        Self::new(Kind::Stopped)
    }

    /// Creates the error of a request that is not sent during an outage.
    pub(crate) fn unreachable() -> Self {
        Self::new(Kind::Unreachable { attempts: 0 })
    }

    /// Creates the error of a request that is not sent because of an earlier rejection.
    pub(crate) fn not_sent(rejection: Self) -> Self {
        let mut error = Self::new(Kind::NotSent);
        error.0.response.clone_from(&rejection.0.response);
        error.with_source(rejection)
    }

    /// Creates the error for a cooldown that outlasts the deadline.
    pub(crate) fn rate_limited(remaining: Duration) -> Self {
        Self::new(Kind::RateLimited(remaining))
    }

    /// Creates the error for a response that rejected a request.
    pub(crate) fn rejected(response: ApiErrorResponse) -> Self {
        let mut error = Self::new(Kind::Rejected);
        error.0.response = Some(response);
        error
    }

    pub(crate) fn failed() -> Self {
        Self::new(Kind::Failed)
    }

    pub(crate) fn download(problem: impl fmt::Display) -> Self {
        Self::new(Kind::Download { problem: problem.to_string() })
    }

    pub(crate) fn io(action: &str, path: &Path, source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Io { problem: format!("{action} {}", display_path(path)) }).with_source(source)
    }

    pub(crate) fn not_writable(path: &Path, problem: &str) -> Self {
        Self::new(Kind::Io { problem: format!("could not write {}: {problem}", display_path(path)) })
    }

    pub(crate) fn with_task_id(mut self, id: &TaskId) -> Self {
        self.0.task_id = Some(id.clone());
        self
    }

    pub(crate) fn with_piece(mut self, piece: &Piece) -> Self {
        self.0.piece = Some(piece.clone());
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    pub(crate) fn with_response(mut self, status: StatusCode, retry_after: Option<Duration>) -> Self {
        self.0.response = Some(ApiErrorResponse { status, message: None, retry_after });
        self
    }

    pub(super) fn new(kind: Kind) -> Self {
        Self(Box::new(Inner {
            kind,
            task_id: None,
            piece: None,
            response: None,
            problem: None,
            source: None,
        }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Piece { number, bytes, .. }) = &self.0.piece {
            write!(f, "piece {number}, bytes {}..{} of the text: ", bytes.start, bytes.end)?;
        }
        match &self.0.kind {
            Kind::Invalid { field, problem } => write!(f, "{field}: {problem}")?,
            Kind::Unreachable { .. } if self.0.response.is_some() => {
                f.write_str("server unavailable, the request was not sent")?;
            }
            Kind::Unreachable { attempts: 0 | 1 } => f.write_str("server not reached, nothing was sent")?,
            Kind::Unreachable { attempts } => {
                write!(f, "server not reached in {attempts} attempts, nothing was sent")?;
            }
            Kind::Rejected => f.write_str("server rejected the request")?,
            Kind::NotSent => f.write_str("not sent, because the server rejected an earlier request")?,
            Kind::InDoubt { attempts: 0 | 1 } => {
                f.write_str("in doubt: the request may have been accepted and billed")?;
            }
            Kind::InDoubt { attempts } => {
                write!(
                    f,
                    "in doubt: the request was sent {attempts} times and may have been billed each time"
                )?;
            }
            Kind::Unanswered => f.write_str("no usable response to the poll")?,
            Kind::RateLimited(remaining) => {
                let seconds = remaining.as_secs_f64().ceil();
                write!(f, "rate limited by the server for {seconds}s more, nothing was sent")?;
            }
            Kind::Deadline { after, last_status } => {
                if after.is_zero() {
                    f.write_str("no result at the first poll, and the deadline is zero")?;
                } else {
                    write!(f, "no result within {after:?}")?;
                }
                if let Some(status) = last_status {
                    write!(f, " (last status {status})")?;
                }
            }
            Kind::NotFound => f.write_str("task not found on the server")?,
            Kind::Stopped => f.write_str("stopped before the speech was finished")?,
            Kind::Failed => f.write_str("task ended with status ERROR, the API gives no reason")?,
            Kind::Download { problem } | Kind::Io { problem } => f.write_str(problem)?,
        }
        if let Some(response) = &self.0.response {
            write!(f, ": {}", response.status)?;
            if let Some(message) = &response.message {
                write!(f, ": {}", single_line(message))?;
            }
        }
        if let Some(problem) = &self.0.problem {
            write!(f, ": {}", single_line(problem))?;
        }
        if let Some(id) = &self.0.task_id {
            write!(f, " [task {}]", id.printable())?;
        }
        Ok(())
    }
}

/// Returns the path as text. An empty path would leave a gap in the message.
fn display_path(path: &Path) -> String {
    if path.as_os_str().is_empty() { "\"\" (an empty path)".to_owned() } else { path.display().to_string() }
}

/// Replaces control characters with spaces, so that server text can neither forge log lines nor control a
/// terminal.
pub(crate) fn single_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}", self.to_string())?;
        let mut source = error::Error::source(self);
        while let Some(cause) = source {
            write!(f, ", caused by {:?}", cause.to_string())?;
            source = cause.source();
        }
        f.write_str(")")
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_pointer_sized_and_send_and_sync() {
        fn assert_send_sync<T: Send + Sync + 'static>() {}
        assert_send_sync::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn display_has_no_gap_for_zero_deadline_or_empty_path() {
        let kind = Kind::Deadline { after: Duration::ZERO, last_status: Some("QUEUED".into()) };
        assert_eq!(
            Error::new(kind).to_string(),
            "no result at the first poll, and the deadline is zero (last status QUEUED)"
        );
        assert_eq!(
            Error::not_writable(Path::new(""), "path does not name a file").to_string(),
            "could not write \"\" (an empty path): path does not name a file"
        );
        let error = Error::io("could not open", Path::new(""), "not found");
        assert_eq!(error.to_string(), "could not open \"\" (an empty path)");
    }

    #[test]
    fn display_omits_cause_and_debug_appends_it() {
        let id = TaskId::new_unchecked("t1");
        let error = Error::download("audio is empty").with_source("reset by peer").with_task_id(&id);
        assert_eq!(error.to_string(), "audio is empty [task t1]");
        assert_eq!(error::Error::source(&error).unwrap().to_string(), "reset by peer");
        assert_eq!(format!("{error:?}"), r#"Error("audio is empty [task t1]", caused by "reset by peer")"#);
    }
}
