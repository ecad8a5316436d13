//! Decides what follows from a failure. No other place knows what may be sent again.
//!
//! The rules belong to the operation, not to the HTTP method, because both operations are a `POST`.
//! - *Create* is billed, and the API cannot tell a retry from a second request. It is sent again only if the server has
//!   not accepted it: no connection was made, or the server responded with 429. A 503 is in doubt, even with
//!   `Retry-After`: a proxy may add the header after the server has accepted the request. A caller may allow
//!   resubmission in doubt, a given number of times.
//! - *Poll* changes nothing on the server. It is sent again after every transient failure.

use reqwest::StatusCode;

use crate::ext::transport::failure::{Failure, FailureKind};

/// The number of failed connections after which a submission ends. With the pauses between them that is about two seconds:
/// long enough for a restart behind a load balancer, short enough for a mistyped host.
pub(crate) const CONNECT_ATTEMPTS: u32 = 4;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operation {
    Create {
        /// The number of failed connections, including this one.
        connect_failures: u32,
        /// The number of times that the request may still be submitted in doubt.
        resubmissions_left: u32,
    },
    Poll {
        /// `true` while a 404 may mean that the task is not visible yet.
        not_found_grace: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Decision {
    /// Send the request again after a pause.
    Retry,
    /// The server may have accepted the request, and the caller allows resubmission: send it again after a pause.
    RetryInDoubt,
    /// No connection could be made, and the attempts are used up.
    Unreachable,
    /// The server rejected the request permanently.
    Reject,
    /// The server does not know the task.
    NotFound,
    /// The server may have accepted the request: only the caller may send it again.
    InDoubt,
}

pub(crate) fn classify(operation: Operation, failure: &Failure) -> Decision {
    match operation {
        Operation::Create { connect_failures, resubmissions_left } => {
            match classify_create(connect_failures, failure) {
                // With a task id, the task is polled instead of submitted again.
                Decision::InDoubt if resubmissions_left > 0 && failure.task_id.is_none() => {
                    Decision::RetryInDoubt
                }
                decision => decision,
            }
        }
        Operation::Poll { not_found_grace } => classify_poll(not_found_grace, failure),
    }
}

/// Returns `true` if the server may have accepted, and billed, a create that failed like this.
pub(crate) fn may_be_billed(failure: &Failure) -> bool {
    classify_create(0, failure) == Decision::InDoubt
}

fn classify_create(connect_failures: u32, failure: &Failure) -> Decision {
    if failure.task_id.is_some() {
        // The error response contains a task id, so the server may have accepted the request.
        return Decision::InDoubt;
    }
    match failure.kind {
        FailureKind::NotSent(_) => Decision::Reject,
        FailureKind::NotConnected if connect_failures < CONNECT_ATTEMPTS => Decision::Retry,
        FailureKind::NotConnected => Decision::Unreachable,
        FailureKind::ConnectionLost | FailureKind::InvalidBody => Decision::InDoubt,
        FailureKind::Status(status) => match status.as_u16() {
            // An HTTP client that follows redirects may have sent another request, which this response answers.
            429 if failure.redirects_possible => Decision::Reject,
            429 => Decision::Retry,
            // A timeout (408, and 499 of nginx) does not say how far the request came.
            408 | 499 => Decision::InDoubt,
            // 307 and 308 keep the method, so this server did not carry out the request. Other redirects may follow a
            // request that was carried out.
            307 | 308 | 400..=499 => Decision::Reject,
            _ => Decision::InDoubt,
        },
    }
}

fn classify_poll(not_found_grace: bool, failure: &Failure) -> Decision {
    match failure.kind {
        FailureKind::NotSent(_) => Decision::Reject,
        FailureKind::NotConnected | FailureKind::ConnectionLost | FailureKind::InvalidBody => Decision::Retry,
        FailureKind::Status(StatusCode::NOT_FOUND) if not_found_grace => Decision::Retry,
        FailureKind::Status(StatusCode::NOT_FOUND) => Decision::NotFound,
        FailureKind::Status(status) => match status.as_u16() {
            408 | 425 | 429 | 499 => Decision::Retry,
            400..=499 => Decision::Reject,
            _ => Decision::Retry,
        },
    }
}

#[cfg(test)]
mod tests;
