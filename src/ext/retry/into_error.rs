//! Turns a failure and the decision about it into the error that a user sees.

use std::time::Duration;

use super::policy::Decision;
use crate::ext::{
    error::{Error, Inner, Kind},
    transport::failure::{Failure, FailureKind},
};

impl Error {
    /// The end that a verdict means.
    pub(crate) fn from_failure(decision: Decision, failure: Failure) -> Self {
        let kind = match decision {
            Decision::Retry => Kind::Unanswered,
            Decision::Unreachable => Kind::Unreachable,
            Decision::Reject => Kind::Rejected,
            Decision::NotFound => Kind::NotFound,
            Decision::InDoubt | Decision::RetryInDoubt => Kind::InDoubt { attempts: 1 },
        };
        Self::from_parts(kind, failure)
    }

    /// The last fault, if polling ended in one, becomes the source.
    pub(crate) fn deadline(after: Duration, last_status: Option<String>, failure: Option<Failure>) -> Self {
        let kind = Kind::Deadline { after, last_status };
        match failure {
            Some(failure) => Self::from_parts(kind, failure),
            None => Self::new(kind),
        }
    }

    fn from_parts(kind: Kind, failure: Failure) -> Self {
        let Failure { kind: what, response: reply, source, task_id: task } = failure;
        let kind = match what {
            FailureKind::NotSent(problem) => Kind::Invalid { what: "request", problem },
            _ => kind,
        };
        Self(Box::new(Inner { kind, task_id: task, piece: None, response: reply, source }))
    }
}

#[cfg(test)]
mod tests {
    use reqwest::{StatusCode, header::HeaderMap};

    use super::*;

    #[test]
    fn stays_on_one_line_whatever_the_server_says() {
        let failure =
            Failure::from_response(StatusCode::BAD_GATEWAY, &HeaderMap::new(), "<h1>\r\n\u{1b}[31mOops");
        let error = Error::from_failure(Decision::InDoubt, failure);
        assert!(error.to_string().ends_with("502 Bad Gateway: <h1>   [31mOops"), "{error}");
        assert_eq!(error.message(), Some("<h1>\r\n\u{1b}[31mOops"));
    }
}
