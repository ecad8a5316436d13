//! The kinds of errors, and the answer to the question whether a text was billed.

use std::fmt;

/// The kind of an [`Error`](crate::Error), from [`Error::kind`](crate::Error::kind).
///
/// The table in the guide's page on [errors](crate::guide::errors) tells for each kind what happened, whether
/// you are billed, and what to do.
///
/// `Display` and [`as_str`](Self::as_str) return a label for metrics, such as `rate_limited`.
///
/// ```no_run
/// # async fn run(client: distribute_ai::Client) -> Result<(), distribute_ai::Error> {
/// use distribute_ai::ErrorKind;
///
/// match client.speak("Good morning.").await {
///     Ok(speech) => drop(speech.save("morning.wav").await?),
///     Err(error) => match error.kind() {
///         ErrorKind::Unauthorized => eprintln!("correct the API key: {error}"),
///         ErrorKind::RateLimited | ErrorKind::Unreachable => eprintln!("try again later: {error}"),
///         _ => return Err(error),
///     },
/// }
/// # Ok(())
/// # }
/// ```
///
/// Later versions may add kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument, a setting or a store is invalid.
    Invalid,
    /// The server was not reached, or a batch waited for it until the deadline.
    Unreachable,
    /// The server rejected the request, with a status other than 401, 403 and 429.
    Rejected,
    /// The server rejected the API key with status 401, or the key or the text with 403.
    Unauthorized,
    /// The server limits the request rate.
    RateLimited,
    /// The server may have accepted a submission.
    InDoubt,
    /// A single poll got no usable response.
    Unanswered,
    /// The deadline passed before the task was finished.
    Deadline,
    /// The server does not know the task.
    NotFound,
    /// The task ended with the status ERROR.
    Failed,
    /// A batch, a narration or the async runtime was stopped before the speech was finished.
    Stopped,
    /// The audio could not be downloaded or joined.
    Download,
    /// An audio file or a store could not be read or written.
    Io,
}

impl ErrorKind {
    /// Returns the kind as a label for metrics: lower case, with underscores. The label of a kind does not change.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unreachable => "unreachable",
            Self::Rejected => "rejected",
            Self::Unauthorized => "unauthorized",
            Self::RateLimited => "rate_limited",
            Self::InDoubt => "in_doubt",
            Self::Unanswered => "unanswered",
            Self::Deadline => "deadline",
            Self::NotFound => "not_found",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Download => "download",
            Self::Io => "io",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The bill of the text that an error is about, from [`Error::billed`](crate::Error::billed).
///
/// Later versions will not add an answer, so you can match all three without a wildcard. `Display` writes `no`, `yes`
/// or `maybe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Billed {
    /// The server did not accept the text, so you can submit the text again.
    No,
    /// The server accepted the text.
    Yes,
    /// The server may have accepted the text, or may not bill a text that it accepted.
    Maybe,
}

impl fmt::Display for Billed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::Maybe => "maybe",
        })
    }
}

impl Billed {
    /// Combines two facts about the same text: `Yes` counts before `Maybe`, and `Maybe` before `No`.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Maybe, _) | (_, Self::Maybe) => Self::Maybe,
            (Self::No, Self::No) => Self::No,
        }
    }
}
