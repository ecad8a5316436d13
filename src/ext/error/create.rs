//! The constructors of errors, and the facts that are added to them.

use std::{fmt, path::Path, time::Duration};

use super::{ApiErrorResponse, Billed, BoxError, Error, Inner, Kind, text::display_path};
use crate::ext::{piece::Piece, task_id::TaskId};

impl Error {
    pub(crate) fn invalid(field: &'static str, problem: impl fmt::Display) -> Self {
        Self::new(Kind::Invalid { field, problem: problem.to_string() })
    }

    /// Creates the error for a submission whose response did not arrive, in this run or in an earlier one.
    pub(crate) fn in_doubt(attempts: u32, source: String) -> Self {
        Self::new(Kind::InDoubt { attempts }).with_source(source)
    }

    pub(crate) fn stopped() -> Self {
        Self::new(Kind::Stopped)
    }

    /// Creates the error of a request that is not sent because of an earlier rejection.
    pub(crate) fn not_sent(rejection: Self) -> Self {
        let mut error = Self::new(Kind::NotSent);
        error.0.response.clone_from(&rejection.0.response);
        error.0.request_id.clone_from(&rejection.0.request_id);
        error.with_source(rejection)
    }

    /// Creates the error for a cooldown that outlasts the deadline.
    pub(crate) fn rate_limited(remaining: Duration) -> Self {
        Self::new(Kind::RateLimited(remaining))
    }

    /// Creates the error for a response that rejected a request.
    pub(crate) fn rejected(response: ApiErrorResponse) -> Self {
        Self::new(Kind::Rejected).with_response(response)
    }

    pub(crate) fn failed() -> Self {
        Self::new(Kind::Failed)
    }

    pub(crate) fn download(problem: impl fmt::Display) -> Self {
        Self::new(Kind::Download { problem: problem.to_string() })
    }

    /// Creates the error for audio that is complete and empty.
    pub(crate) fn empty_audio() -> Self {
        Self::new(Kind::EmptyAudio)
    }

    pub(crate) fn is_empty_audio(&self) -> bool {
        matches!(self.0.kind, Kind::EmptyAudio)
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

    /// Adds a text that follows the description of the kind.
    pub(crate) fn with_problem(mut self, problem: String) -> Self {
        self.0.problem = Some(match self.0.problem.take() {
            Some(earlier) => format!("{earlier}; {problem}"),
            None => problem,
        });
        self
    }

    /// Replaces the usual advice of the kind.
    pub(crate) fn with_remedy(mut self, remedy: String) -> Self {
        self.0.remedy = Some(remedy);
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    pub(crate) fn with_response(mut self, response: ApiErrorResponse) -> Self {
        self.0.request_id.clone_from(&response.request_id);
        self.0.response = Some(response);
        self
    }

    /// Adds a fact about the bill that neither the kind nor the task id tells. It never makes the bill less certain.
    pub(crate) fn billed_at_least(mut self, bill: Billed) -> Self {
        self.0.least_bill = self.0.least_bill.or(bill);
        self
    }

    pub(in crate::ext) fn new(kind: Kind) -> Self {
        Self(Box::new(Inner {
            kind,
            task_id: None,
            piece: None,
            response: None,
            problem: None,
            remedy: None,
            request_id: None,
            least_bill: Billed::No,
            source: None,
        }))
    }
}
