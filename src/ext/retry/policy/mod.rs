//! What follows from a fault: the one place that knows what may be repeated.
//!
//! The rules are those of the operation, never of the HTTP method: both are a `POST`.
//! - *Create* is billed and can't be told from a second order. It is repeated only if the server has provably not
//!   taken it: never reached, or refused for now (429; 503 that says when to come back). A caller who would rather pay
//!   twice than not at all can have it repeated when in doubt, as often as they say.
//! - *Poll* changes nothing. It is repeated after everything that may pass.

use std::time::Duration;

use reqwest::StatusCode;

use crate::ext::transport::failure::{Failure, FailureKind};

/// Failed attempts at a connection after which a submission gives up. With the pauses between them about two seconds:
/// long enough for a restart behind a load balancer, short enough for somebody who mistyped a host.
pub(crate) const CONNECT_ATTEMPTS: u32 = 4;

/// How long a 404 about a task may be the lag of a replica: from the first one on, and anew after each answer.
pub(crate) const NOT_FOUND_GRACE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operation {
    Create {
        /// The number of times that no connection was made, this one included.
        connect_failures: u32,
        /// How often it may still be sent again when in doubt.
        resubmissions_left: u32,
    },
    /// With the time since the first 404 in a row, if this is one.
    Poll { not_found_for: Duration },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Decision {
    /// Send it again, after a pause.
    Retry,
    /// It may have been taken, and the caller would rather have it twice: send it again, after a pause.
    RetryInDoubt,
    /// Nobody has seen it, and trying on makes no sense.
    Unreachable,
    /// The server has answered for good.
    Reject,
    /// The server does not know the task.
    NotFound,
    /// It may have been taken: nobody but the caller may send it again.
    InDoubt,
}

pub(crate) fn classify(operation: Operation, failure: &Failure) -> Decision {
    match operation {
        Operation::Create { connect_failures: unreached, resubmissions_left: resubmissions } => {
            match classify_create(unreached, failure) {
                // With a name to ask for there is no reason to order again.
                Decision::InDoubt if resubmissions > 0 && failure.task_id.is_none() => Decision::RetryInDoubt,
                decision => decision,
            }
        }
        Operation::Poll { not_found_for: absent } => classify_poll(absent, failure),
    }
}

/// Whether a create that ended so may have been taken, and billed.
pub(crate) fn may_be_billed(failure: &Failure) -> bool {
    classify_create(0, failure) == Decision::InDoubt
}

fn classify_create(unreached: u32, failure: &Failure) -> Decision {
    if failure.task_id.is_some() {
        // A refusal that names a task is none.
        return Decision::InDoubt;
    }
    match failure.kind {
        FailureKind::NotSent(_) => Decision::Reject,
        FailureKind::NotConnected if unreached < CONNECT_ATTEMPTS => Decision::Retry,
        FailureKind::NotConnected => Decision::Unreachable,
        FailureKind::ConnectionLost | FailureKind::InvalidBody => Decision::InDoubt,
        FailureKind::Status(status) => match status.as_u16() {
            429 => Decision::Retry,
            503 if failure.retry_after().is_some() => Decision::Retry,
            // Time ran out (408, and nginx's 499), by whose clock and at which point is not said.
            408 | 499 => Decision::InDoubt,
            // 307 and 308 send the request elsewhere with its method unchanged: it was not carried out here. Other
            // redirects may follow a request that was.
            307 | 308 | 400..=499 => Decision::Reject,
            _ => Decision::InDoubt,
        },
    }
}

fn classify_poll(absent: Duration, failure: &Failure) -> Decision {
    match failure.kind {
        FailureKind::NotSent(_) => Decision::Reject,
        FailureKind::NotConnected | FailureKind::ConnectionLost | FailureKind::InvalidBody => Decision::Retry,
        FailureKind::Status(StatusCode::NOT_FOUND) if absent < NOT_FOUND_GRACE => Decision::Retry,
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
