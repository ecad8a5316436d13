//! The one error type of the crate.

mod create;
mod display;
mod kind;
mod predicates;
mod text;

use std::{error, sync::Arc, time::Duration};

use reqwest::StatusCode;

pub use self::kind::{Billed, ErrorKind};
pub(crate) use self::text::single_line;
use super::{piece::Piece, task_id::TaskId};

/// The error of every operation.
///
/// Three methods answer the questions after an error: [`kind`](Self::kind) tells what happened,
/// [`billed`](Self::billed) whether you pay for the text, and [`task_id`](Self::task_id) returns the task that
/// you can resume. The guide's page on [errors](crate::guide::errors) has a table of all kinds, with what to do.
///
/// An error is *in doubt* if the server may have accepted the submission, so the speech may be billed.
///
/// ```no_run
/// # async fn run(client: distribute_ai::Client) -> Result<(), distribute_ai::Error> {
/// use distribute_ai::Billed;
///
/// match client.speak("Good morning.").await {
///     Ok(speech) => drop(speech.save("morning.wav").await?),
///     Err(error) => match error.task_id() {
///         Some(id) => eprintln!("resume task {id} later: {error}"),
///         None if error.billed() == Billed::No => return Err(error),
///         None => eprintln!("check your bill before you submit again: {error}"),
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
    /// Replaces the usual advice of the kind.
    pub(super) remedy: Option<String>,
    /// The id of the failed request, also if only the head of its response arrived.
    pub(super) request_id: Option<Box<str>>,
    /// A fact about the bill that neither the kind nor the task id tells.
    pub(super) least_bill: Billed,
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
    /// Not sent, because the server was unavailable. `attempts` is the number of other requests of the batch that
    /// failed.
    Outage {
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
    /// The audio is complete, and empty.
    EmptyAudio,
    Io {
        problem: String,
    },
}

/// The status, message, `Retry-After` and request id of an error response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiErrorResponse {
    pub(crate) status: StatusCode,
    pub(crate) message: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) request_id: Option<Box<str>>,
}

pub(crate) type BoxError = Box<dyn error::Error + Send + Sync>;

/// The cause of an error. It is shared, because errors can be cloned.
pub(crate) type Cause = Arc<dyn error::Error + Send + Sync>;

impl Error {
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

    /// Returns the id that the server gave to the failed request, if the response has one. Name the id when you
    /// ask the operator of the API about the request.
    ///
    /// The id is the first of these headers in the response: `x-request-id`, `request-id`, `x-correlation-id`,
    /// `x-amzn-requestid`, `cf-ray`. It has at most 100 characters. If the request was not sent because of an
    /// earlier response, the id is that of this response.
    ///
    /// ```no_run
    /// # fn report(error: distribute_ai::Error) {
    /// if let Some(id) = error.request_id() {
    ///     eprintln!("please look up request {id}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        let earlier = || self.0.source.as_deref()?.downcast_ref::<Self>()?.request_id();
        self.0.request_id.as_deref().or_else(earlier)
    }

    /// Returns the pause that the server requested with `Retry-After`, counted from the response.
    ///
    /// This is the server's value, which may be longer than the pause of the client: see
    /// [`max_cooldown`](crate::ClientBuilder::max_cooldown).
    ///
    /// If the request was not sent because of an earlier `Retry-After`, this is the remaining time.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        if let Kind::RateLimited(remaining) = self.0.kind {
            return Some(remaining);
        }
        self.0.response.as_ref()?.retry_after
    }

    /// Returns the id of the task, for use with [`Client::task`](crate::Client::task).
    ///
    /// Every error about a task carries the id. An error about a whole long text carries none, because it is about several
    /// tasks.
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
}

#[cfg(test)]
mod tests;
