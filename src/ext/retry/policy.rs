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
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};

    use super::{Decision::*, *};

    fn answer(status: u16, retry_after: bool) -> Failure {
        let mut headers = HeaderMap::new();
        if retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Failure::from_response(StatusCode::from_u16(status).unwrap(), &headers, "")
    }

    #[test]
    fn the_table() {
        let first = Operation::Create { connect_failures: 1, resubmissions_left: 0 };
        let insisting = Operation::Create { connect_failures: 1, resubmissions_left: 1 };
        let soon = Operation::Poll { not_found_for: Duration::ZERO };
        #[rustfmt::skip]
        let table = [
            // what happened                          create     poll
            (Failure::new(FailureKind::NotSent(String::new())), Reject,   Reject),
            (Failure::new(FailureKind::NotConnected),             Retry,    Retry),
            (Failure::new(FailureKind::ConnectionLost),                InDoubt,   Retry),
            (Failure::new(FailureKind::InvalidBody),            InDoubt,   Retry),
            (answer(202, false),                      InDoubt,   Retry),
            (answer(301, false),                      InDoubt,   Retry),
            (answer(302, false),                      InDoubt,   Retry),
            (answer(303, false),                      InDoubt,   Retry),
            (answer(307, false),                      Reject,   Retry),
            (answer(308, false),                      Reject,   Retry),
            (answer(400, false),                      Reject,   Reject),
            (answer(401, false),                      Reject,   Reject),
            (answer(402, false),                      Reject,   Reject),
            (answer(403, false),                      Reject,   Reject),
            (answer(404, false),                      Reject,   Retry),
            (answer(408, false),                      InDoubt,   Retry),
            (answer(408, true),                       InDoubt,   Retry),
            (answer(410, false),                      Reject,   Reject),
            (answer(413, false),                      Reject,   Reject),
            (answer(422, false),                      Reject,   Reject),
            (answer(425, false),                      Reject,   Retry),
            (answer(429, false),                      Retry,    Retry),
            (answer(429, true),                       Retry,    Retry),
            (answer(499, false),                      InDoubt,   Retry),
            (answer(500, false),                      InDoubt,   Retry),
            (answer(500, true),                       InDoubt,   Retry),
            (answer(502, false),                      InDoubt,   Retry),
            (answer(503, false),                      InDoubt,   Retry),
            (answer(503, true),                       Retry,    Retry),
            (answer(504, true),                       InDoubt,   Retry),
            (answer(599, false),                      InDoubt,   Retry),
        ];
        for (failure, create, poll) in table {
            assert_eq!(classify(first, &failure), create, "create: {failure:?}");
            let insisted = if create == InDoubt { RetryInDoubt } else { create };
            assert_eq!(classify(insisting, &failure), insisted, "create, at least once: {failure:?}");
            assert_eq!(classify(soon, &failure), poll, "poll: {failure:?}");
        }
    }

    #[test]
    fn a_refusal_that_names_a_task_leaves_a_doubt() {
        let failure = Failure { task_id: Some(crate::TaskId::from_server("t1")), ..answer(503, true) };
        for resubmissions in [0, 9] {
            assert_eq!(
                classify(
                    Operation::Create { connect_failures: 0, resubmissions_left: resubmissions },
                    &failure
                ),
                InDoubt
            );
        }
    }

    #[test]
    fn connections_are_tried_a_few_times() {
        let decision = |unreached| {
            classify(
                Operation::Create { connect_failures: unreached, resubmissions_left: 9 },
                &Failure::new(FailureKind::NotConnected),
            )
        };
        assert_eq!(decision(CONNECT_ATTEMPTS - 1), Retry);
        assert_eq!(decision(CONNECT_ATTEMPTS), Unreachable);
    }

    #[test]
    fn a_task_is_absent_only_after_the_grace() {
        let decision = |absent| classify(Operation::Poll { not_found_for: absent }, &answer(404, false));
        assert_eq!(decision(NOT_FOUND_GRACE.mul_f64(0.999)), Retry);
        assert_eq!(decision(NOT_FOUND_GRACE), NotFound);
    }
}
