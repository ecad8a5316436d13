//! Converts a failure, and the decision about it, into the error that a user receives.

use std::time::Duration;

use super::policy::Decision;
use crate::ext::{
    error::{Billed, Error, Inner, Kind},
    transport::failure::{Failure, FailureKind},
};

impl Error {
    /// Returns the error for a failure that ends an operation by this decision.
    pub(crate) fn from_failure(decision: Decision, failure: Failure) -> Self {
        let kind = match decision {
            Decision::Retry => Kind::Unanswered,
            Decision::Unreachable => Kind::Unreachable { attempts: 1 },
            Decision::Reject => Kind::Rejected,
            Decision::NotFound => Kind::NotFound,
            Decision::InDoubt | Decision::RetryInDoubt => Kind::InDoubt { attempts: 1 },
        };
        Self::from_parts(kind, failure)
    }

    /// Returns the error of a wait that reached its deadline. The last failure becomes the source.
    pub(crate) fn deadline(after: Duration, last_status: Option<String>, failure: Option<Failure>) -> Self {
        let kind = Kind::Deadline { after, last_status };
        match failure {
            Some(failure) => Self::from_parts(kind, failure),
            None => Self::new(kind),
        }
    }

    /// Returns the error of a request that is not sent, because other requests failed: the last of them like this.
    pub(crate) fn outage(host: &str, attempts: u32, failure: Failure) -> Self {
        let problem = match failure.problem {
            Some(problem) if problem.starts_with(host) => problem,
            // A poll that was cut off at its time limit does not name the host.
            Some(problem) => format!("{host}: {problem}"),
            None if failure.response.is_some() => host.to_owned(),
            None => format!("{host}: no response"),
        };
        // A task id in the response belongs to the other request.
        let failure = Failure { problem: Some(problem), task_id: None, ..failure };
        Self::from_parts(Kind::Outage { attempts }, failure)
    }

    fn from_parts(kind: Kind, failure: Failure) -> Self {
        let Failure { kind: failure_kind, response, source, task_id, problem, request_id, .. } = failure;
        let response = response.map(|response| *response);
        let kind = match failure_kind {
            FailureKind::NotSent(problem) => Kind::Invalid { field: "request", problem },
            _ => kind,
        };
        let (piece, remedy, least_bill) = (None, None, Billed::No);
        Self(Box::new(Inner {
            kind,
            task_id,
            piece,
            response,
            problem,
            remedy,
            request_id,
            least_bill,
            source,
        }))
    }
}

#[cfg(test)]
mod tests {
    use reqwest::{StatusCode, header::HeaderMap};

    use super::*;

    #[test]
    fn error_text_stays_on_one_line() {
        let failure =
            Failure::from_response(StatusCode::BAD_GATEWAY, &HeaderMap::new(), "<h1>\r\n\u{1b}[31mOops");
        let error = Error::from_failure(Decision::InDoubt, failure);
        assert!(error.to_string().contains(": 502 Bad Gateway: <h1>   [31mOops; check"), "{error}");
        assert_eq!(error.message(), Some("<h1>\r\n\u{1b}[31mOops"));
    }
}
