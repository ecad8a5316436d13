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
            classify(Operation::Create { connect_failures: 0, resubmissions_left: resubmissions }, &failure),
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
