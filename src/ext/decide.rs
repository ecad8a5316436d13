//! What follows from a fault: the one place that knows what may be repeated.
//!
//! The rules are those of the operation, never of the HTTP method: both are a `POST`.
//! - *Create* is billed and can't be told from a second order. It is repeated only if the server has provably not
//!   taken it: never reached, or refused for now (429; 503 that says when to come back). A caller who would rather pay
//!   twice than not at all can have it repeated when in doubt, as often as they say.
//! - *Poll* changes nothing. It is repeated after everything that may pass.

use std::time::Duration;

use reqwest::StatusCode;

use super::fault::{Fault, What};

/// Failed attempts at a connection after which a submission gives up. With the pauses between them about two seconds:
/// long enough for a restart behind a load balancer, short enough for somebody who mistyped a host.
pub(crate) const CONNECT_ATTEMPTS: u32 = 4;

/// How long a 404 about a task may be the lag of a replica: from the first one on, and anew after each answer.
pub(crate) const ABSENCE_GRACE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operation {
    Create {
        /// The number of times that no connection was made, this one included.
        unreached: u32,
        /// How often it may still be sent again when in doubt.
        resubmissions: u32,
    },
    /// With the time since the first 404 in a row, if this is one.
    Poll { absent: Duration },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Send it again, after a pause.
    Repeat,
    /// It may have been taken, and the caller would rather have it twice: send it again, after a pause.
    Resubmit,
    /// Nobody has seen it, and trying on makes no sense.
    Unreachable,
    /// The server has answered for good.
    Refused,
    /// The server does not know the task.
    Absent,
    /// It may have been taken: nobody but the caller may send it again.
    InDoubt,
}

pub(crate) fn decide(operation: Operation, fault: &Fault) -> Verdict {
    match operation {
        Operation::Create { unreached, resubmissions } => match decide_create(unreached, fault) {
            // With a name to ask for there is no reason to order again.
            Verdict::InDoubt if resubmissions > 0 && fault.task.is_none() => Verdict::Resubmit,
            verdict => verdict,
        },
        Operation::Poll { absent } => decide_poll(absent, fault),
    }
}

/// Whether a create that ended so may have been taken, and billed.
pub(crate) fn may_be_billed(fault: &Fault) -> bool {
    decide_create(0, fault) == Verdict::InDoubt
}

fn decide_create(unreached: u32, fault: &Fault) -> Verdict {
    if fault.task.is_some() {
        // A refusal that names a task is none.
        return Verdict::InDoubt;
    }
    match fault.what {
        What::NotSent(_) => Verdict::Refused,
        What::Unreached if unreached < CONNECT_ATTEMPTS => Verdict::Repeat,
        What::Unreached => Verdict::Unreachable,
        What::Broken | What::Unreadable => Verdict::InDoubt,
        What::Status(status) => match status.as_u16() {
            429 => Verdict::Repeat,
            503 if fault.retry_after().is_some() => Verdict::Repeat,
            // Time ran out (408, and nginx's 499), by whose clock and at which point is not said.
            408 | 499 => Verdict::InDoubt,
            // 307 and 308 send the request elsewhere with its method unchanged: it was not carried out here. Other
            // redirects may follow a request that was.
            307 | 308 | 400..=499 => Verdict::Refused,
            _ => Verdict::InDoubt,
        },
    }
}

fn decide_poll(absent: Duration, fault: &Fault) -> Verdict {
    match fault.what {
        What::NotSent(_) => Verdict::Refused,
        What::Unreached | What::Broken | What::Unreadable => Verdict::Repeat,
        What::Status(StatusCode::NOT_FOUND) if absent < ABSENCE_GRACE => Verdict::Repeat,
        What::Status(StatusCode::NOT_FOUND) => Verdict::Absent,
        What::Status(status) => match status.as_u16() {
            408 | 425 | 429 | 499 => Verdict::Repeat,
            400..=499 => Verdict::Refused,
            _ => Verdict::Repeat,
        },
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};

    use super::{Verdict::*, *};

    fn answer(status: u16, retry_after: bool) -> Fault {
        let mut headers = HeaderMap::new();
        if retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Fault::answered(StatusCode::from_u16(status).unwrap(), &headers, "")
    }

    #[test]
    fn the_table() {
        let first = Operation::Create { unreached: 1, resubmissions: 0 };
        let insisting = Operation::Create { unreached: 1, resubmissions: 1 };
        let soon = Operation::Poll { absent: Duration::ZERO };
        #[rustfmt::skip]
        let table = [
            // what happened                          create     poll
            (Fault::new(What::NotSent(String::new())), Refused,   Refused),
            (Fault::new(What::Unreached),             Repeat,    Repeat),
            (Fault::new(What::Broken),                InDoubt,   Repeat),
            (Fault::new(What::Unreadable),            InDoubt,   Repeat),
            (answer(202, false),                      InDoubt,   Repeat),
            (answer(301, false),                      InDoubt,   Repeat),
            (answer(302, false),                      InDoubt,   Repeat),
            (answer(303, false),                      InDoubt,   Repeat),
            (answer(307, false),                      Refused,   Repeat),
            (answer(308, false),                      Refused,   Repeat),
            (answer(400, false),                      Refused,   Refused),
            (answer(401, false),                      Refused,   Refused),
            (answer(402, false),                      Refused,   Refused),
            (answer(403, false),                      Refused,   Refused),
            (answer(404, false),                      Refused,   Repeat),
            (answer(408, false),                      InDoubt,   Repeat),
            (answer(408, true),                       InDoubt,   Repeat),
            (answer(410, false),                      Refused,   Refused),
            (answer(413, false),                      Refused,   Refused),
            (answer(422, false),                      Refused,   Refused),
            (answer(425, false),                      Refused,   Repeat),
            (answer(429, false),                      Repeat,    Repeat),
            (answer(429, true),                       Repeat,    Repeat),
            (answer(499, false),                      InDoubt,   Repeat),
            (answer(500, false),                      InDoubt,   Repeat),
            (answer(500, true),                       InDoubt,   Repeat),
            (answer(502, false),                      InDoubt,   Repeat),
            (answer(503, false),                      InDoubt,   Repeat),
            (answer(503, true),                       Repeat,    Repeat),
            (answer(504, true),                       InDoubt,   Repeat),
            (answer(599, false),                      InDoubt,   Repeat),
        ];
        for (fault, create, poll) in table {
            assert_eq!(decide(first, &fault), create, "create: {fault:?}");
            let insisted = if create == InDoubt { Resubmit } else { create };
            assert_eq!(decide(insisting, &fault), insisted, "create, at least once: {fault:?}");
            assert_eq!(decide(soon, &fault), poll, "poll: {fault:?}");
        }
    }

    #[test]
    fn a_refusal_that_names_a_task_leaves_a_doubt() {
        let fault = Fault { task: Some(crate::TaskId::from_server("t1")), ..answer(503, true) };
        for resubmissions in [0, 9] {
            assert_eq!(decide(Operation::Create { unreached: 0, resubmissions }, &fault), InDoubt);
        }
    }

    #[test]
    fn connections_are_tried_a_few_times() {
        let verdict = |unreached| {
            decide(Operation::Create { unreached, resubmissions: 9 }, &Fault::new(What::Unreached))
        };
        assert_eq!(verdict(CONNECT_ATTEMPTS - 1), Repeat);
        assert_eq!(verdict(CONNECT_ATTEMPTS), Unreachable);
    }

    #[test]
    fn a_task_is_absent_only_after_the_grace() {
        let verdict = |absent| decide(Operation::Poll { absent }, &answer(404, false));
        assert_eq!(verdict(ABSENCE_GRACE.mul_f64(0.999)), Repeat);
        assert_eq!(verdict(ABSENCE_GRACE), Absent);
    }
}
