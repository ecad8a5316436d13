use std::{error, fmt, path::Path, sync::Arc, time::Duration};

use reqwest::StatusCode;

use super::{piece::Piece, task_id::TaskId};

/// What went wrong, what it means for your money, and what is left to do.
///
/// One type for everything; ask it what it is:
///
/// | predicate | what happened | what to do |
/// |---|---|---|
/// | [`is_invalid`](Self::is_invalid) | an argument or setting is out of its limits; nothing was sent | correct it |
/// | [`is_unreachable`](Self::is_unreachable) | the server was never reached; nothing was billed | try again |
/// | [`is_rejected`](Self::is_rejected) | the server refused the request; nothing was billed | read [`message`](Self::message) |
/// | [`is_unauthorized`](Self::is_unauthorized) | of these, the API key was refused | check the key |
/// | [`is_rate_limited`](Self::is_rate_limited) | the server asked to hold off; nothing was billed | wait for [`retry_after`](Self::retry_after) |
/// | [`is_in_doubt`](Self::is_in_doubt) | a submission may or may not have been taken, and billed | decide: it is never sent again by itself |
/// | [`is_unanswered`](Self::is_unanswered) | a single status request brought no answer | ask again: asking is free |
/// | [`is_deadline`](Self::is_deadline) | no result in time; the task goes on | resume with [`task_id`](Self::task_id) |
/// | [`is_not_found`](Self::is_not_found) | the server doesn't know the task | check id and key |
/// | [`is_failed`](Self::is_failed) | the server gave the task up; it gives no reason | submit again, if you like |
/// | [`is_stopped`](Self::is_stopped) | the batch was stopped before its end | resume with [`task_id`](Self::task_id), if there is one |
/// | [`is_download`](Self::is_download) | the audio could not be fetched whole | fetch again; the task id brings a fresh address |
/// | [`is_io`](Self::is_io) | a file could not be read or written: an audio, or a journal | mend the path or make room; of an audio nothing half written is left |
///
/// ```no_run
/// # async fn run(client: distribute_ai::Client) -> Result<(), distribute_ai::Error> {
/// match client.speak("Good morning.").await {
///     Ok(speech) => drop(speech.save("morning.wav").await?),
///     Err(error) if error.is_in_doubt() => eprintln!("look at the bill before you repeat it: {error}"),
///     Err(error) => match error.task_id() {
///         Some(id) => eprintln!("come back for {id}: {error}"),
///         None => return Err(error),
///     },
/// }
/// # Ok(())
/// # }
/// ```
///
/// The guide's page on [errors](crate::guide::errors) has them all in code, and what each means for the bill.
///
/// Every error of a task that the server has taken carries its [`task_id`](Self::task_id): nothing paid for is lost. One of
/// a long text says which [`piece`](Self::piece) it is about.
/// `Display` is one line about this error alone; [`source`](std::error::Error::source) leads to the cause.
pub struct Error(pub(super) Box<Inner>);

#[derive(Clone)]
pub(super) struct Inner {
    pub(super) kind: Kind,
    pub(super) task_id: Option<TaskId>,
    pub(super) piece: Option<Piece>,
    pub(super) response: Option<ApiErrorResponse>,
    pub(super) source: Option<Cause>,
}

#[derive(Clone)]
pub(super) enum Kind {
    Invalid {
        what: &'static str,
        problem: String,
    },
    Unreachable,
    Rejected,
    /// With the number of times that it was sent and may have been taken.
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

/// What the server said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiErrorResponse {
    pub(crate) status: StatusCode,
    pub(crate) message: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

pub(crate) type BoxError = Box<dyn error::Error + Send + Sync>;

/// Shared, as an error may be told to many.
pub(crate) type Cause = Arc<dyn error::Error + Send + Sync>;

impl Error {
    /// An argument or a setting is out of its limits. Nothing was sent.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.0.kind, Kind::Invalid { .. })
    }

    /// The server was never reached: no connection, no such host, no TLS. Nothing was billed.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self.0.kind, Kind::Unreachable)
    }

    /// The server refused the request with the [`status`](Self::status). Nothing was billed.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        matches!(self.0.kind, Kind::Rejected)
    }

    /// The server refused the API key: status 401 or 403.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        self.is_rejected() && matches!(self.status(), Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN))
    }

    /// The server asked to slow down, for longer than there was time: by a 429, or by a `Retry-After` to an earlier
    /// request of this client, and then nothing was sent.
    #[must_use]
    pub fn is_rate_limited(&self) -> bool {
        let refused = self.is_rejected() && self.status() == Some(StatusCode::TOO_MANY_REQUESTS);
        refused || matches!(self.0.kind, Kind::RateLimited(_))
    }

    /// A submission may have reached the server, and no answer came back that settles it: it may have been billed or not.
    /// If the answer named a task all the same, the [`task_id`](Self::task_id) is there to ask for.
    ///
    /// It is not sent again, for the API has no means to tell a repetition from a second order. Whether to is yours
    /// to decide: then, or beforehand by [`Speak::resubmit_in_doubt`](crate::Speak::resubmit_in_doubt).
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        matches!(self.0.kind, Kind::InDoubt { .. })
    }

    /// A single request for a status brought no usable answer. The task is untouched; ask again.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        matches!(self.0.kind, Kind::Unanswered)
    }

    /// The deadline passed before the task was done. The task goes on, and can be resumed by its id.
    #[must_use]
    pub fn is_deadline(&self) -> bool {
        matches!(self.0.kind, Kind::Deadline { .. })
    }

    /// The server does not know the task: status 404, still after a grace for servers that lag.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self.0.kind, Kind::NotFound)
    }

    /// The batch was stopped before the end of this one. With a [`task_id`](Self::task_id) the task goes on, and can be
    /// resumed; without one, nothing was submitted.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(self.0.kind, Kind::Stopped)
    }

    /// The task ended in the status ERROR. The API gives no reason.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self.0.kind, Kind::Failed)
    }

    /// The audio could not be fetched whole, or there is none, or none that can be joined with others.
    #[must_use]
    pub fn is_download(&self) -> bool {
        matches!(self.0.kind, Kind::Download { .. })
    }

    /// A file could not be read or written: an audio, or a journal.
    #[must_use]
    pub fn is_io(&self) -> bool {
        matches!(self.0.kind, Kind::Io { .. })
    }

    /// The HTTP status of the reply, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.response.as_ref().map(|reply| reply.status)
    }

    /// The server's own words: the `message` of its reply or, where there is none, the text of the body, at most
    /// 2,000 characters of it.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.0.response.as_ref()?.message.as_deref()
    }

    /// How long the server asked to hold off, counted from its reply.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        if let Kind::RateLimited(left) = self.0.kind {
            return Some(left);
        }
        self.0.response.as_ref()?.retry_after
    }

    /// The task this is about, for [`Client::task`](crate::Client::task). Always there once the server has taken it.
    #[must_use]
    pub fn task_id(&self) -> Option<&TaskId> {
        self.0.task_id.as_ref()
    }

    /// The piece of a [long text](crate::Speak::in_pieces) this is about.
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

    pub(crate) fn invalid(what: &'static str, problem: impl fmt::Display) -> Self {
        Self::new(Kind::Invalid { what, problem: problem.to_string() })
    }

    /// However it ended: it was sent so many times before, and each may have been taken.
    pub(crate) fn with_prior_attempts(mut self, earlier: u32) -> Self {
        if let Kind::InDoubt { attempts: times } = &mut self.0.kind {
            *times += earlier;
            return self;
        }
        if earlier == 0 {
            return self;
        }
        let mut doubt = Self::new(Kind::InDoubt { attempts: earlier });
        (doubt.0.task_id, doubt.0.response) = (self.0.task_id.clone(), self.0.response.clone());
        doubt.with_source(self)
    }

    /// A doubt that an earlier run has left.
    pub(crate) fn in_doubt(times: u32, source: String) -> Self {
        Self::new(Kind::InDoubt { attempts: times }).with_source(source)
    }

    /// The batch was stopped before its end.
    pub(crate) fn stopped() -> Self {
        Self::new(Kind::Stopped)
    }

    /// The same once more: what is wrong with a batch is told for each of its keys.
    pub(crate) fn again(&self) -> Self {
        Self(self.0.clone())
    }

    /// The server has asked for a pause that isn't over.
    pub(crate) fn rate_limited(left: Duration) -> Self {
        Self::new(Kind::RateLimited(left))
    }

    pub(crate) fn failed() -> Self {
        Self::new(Kind::Failed)
    }

    pub(crate) fn download(problem: impl fmt::Display) -> Self {
        Self::new(Kind::Download { problem: problem.to_string() })
    }

    pub(crate) fn io(action: &str, path: &Path, source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Io { problem: format!("{action} {}", path.display()) }).with_source(source)
    }

    pub(crate) fn not_writable(path: &Path, problem: &str) -> Self {
        Self::new(Kind::Io { problem: format!("could not write {}: {problem}", path.display()) })
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
        Self(Box::new(Inner { kind, task_id: None, piece: None, response: None, source: None }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Piece { number, bytes, .. }) = &self.0.piece {
            write!(f, "piece {number}, bytes {}..{} of the text: ", bytes.start, bytes.end)?;
        }
        match &self.0.kind {
            Kind::Invalid { what, problem } => write!(f, "{what}: {problem}")?,
            Kind::Unreachable => f.write_str("the server was not reached; nothing was sent")?,
            Kind::Rejected => f.write_str("the server refused the request")?,
            Kind::InDoubt { attempts: 0 | 1 } => {
                f.write_str(
                    "in doubt: the speech may have been submitted, and billed; it was not sent again",
                )?;
            }
            Kind::InDoubt { attempts: times } => {
                write!(f, "in doubt: the speech was sent {times} times, and may have been billed as often")?;
            }
            Kind::Unanswered => f.write_str("no usable answer about the status")?,
            Kind::RateLimited(left) => {
                let seconds = left.as_secs_f64().ceil();
                write!(f, "the server asked to hold off for {seconds}s more; nothing was sent")?;
            }
            Kind::Deadline { after, last_status } => {
                write!(f, "no result within {after:?}")?;
                if let Some(status) = last_status {
                    write!(f, " (last status {status})")?;
                }
            }
            Kind::NotFound => f.write_str("the server does not know the task")?,
            Kind::Stopped => f.write_str("the batch was stopped before its end")?,
            Kind::Failed => f.write_str("the task ended in the status ERROR; the API gives no reason")?,
            Kind::Download { problem } | Kind::Io { problem } => f.write_str(problem)?,
        }
        if let Some(reply) = &self.0.response {
            write!(f, ": {}", reply.status)?;
            if let Some(message) = &reply.message {
                write!(f, ": {}", single_line(message))?;
            }
        }
        if let Some(id) = &self.0.task_id {
            write!(f, " [task {}]", single_line(id.as_str()))?;
        }
        Ok(())
    }
}

/// A server's text must neither forge a line of a log nor command a terminal.
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
    fn is_as_small_as_a_pointer_and_crosses_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn says_its_own_part_and_leaves_the_cause_to_source() {
        let id = TaskId::from_server("t1");
        let error = Error::download("the audio was cut").with_source("reset by peer").with_task_id(&id);
        assert_eq!(error.to_string(), "the audio was cut [task t1]");
        assert_eq!(error::Error::source(&error).unwrap().to_string(), "reset by peer");
        assert_eq!(
            format!("{error:?}"),
            r#"Error("the audio was cut [task t1]", caused by "reset by peer")"#
        );
    }
}
