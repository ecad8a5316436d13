use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};

use super::{Decision::*, *};

fn response(status: u16, retry_after: bool) -> Failure {
    let mut headers = HeaderMap::new();
    if retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Failure::from_response(StatusCode::from_u16(status).unwrap(), &headers, "")
}

#[test]
fn decisions_match_the_table() {
    let once = Operation::Create { connect_failures: 1, resubmissions_left: 0 };
    let resubmitting = Operation::Create { connect_failures: 1, resubmissions_left: 1 };
    let poll_once = Operation::Poll { not_found_grace: true };
    let failure = Failure::new;
    #[rustfmt::skip]
    let table = [
        // failure                                          create   poll
        (failure(FailureKind::NotSent(String::new())),      Reject,  Reject),
        (failure(FailureKind::NotConnected),                Retry,   Retry),
        (failure(FailureKind::ConnectionLost),              InDoubt, Retry),
        (failure(FailureKind::InvalidBody),                 InDoubt, Retry),
        (response(202, false),                               InDoubt, Retry),
        (response(301, false),                               InDoubt, Retry),
        (response(302, false),                               InDoubt, Retry),
        (response(303, false),                               InDoubt, Retry),
        (response(307, false),                               Reject,  Retry),
        (response(308, false),                               Reject,  Retry),
        (response(400, false),                               Reject,  Reject),
        (response(401, false),                               Reject,  Reject),
        (response(402, false),                               Reject,  Reject),
        (response(403, false),                               Reject,  Reject),
        (response(404, false),                               Reject,  Retry),
        (response(408, false),                               InDoubt, Retry),
        (response(408, true),                                InDoubt, Retry),
        (response(410, false),                               Reject,  Reject),
        (response(413, false),                               Reject,  Reject),
        (response(422, false),                               Reject,  Reject),
        (response(425, false),                               Reject,  Retry),
        (response(429, false),                               Retry,   Retry),
        (response(429, true),                                Retry,   Retry),
        (response(499, false),                               InDoubt, Retry),
        (response(500, false),                               InDoubt, Retry),
        (response(500, true),                                InDoubt, Retry),
        (response(502, false),                               InDoubt, Retry),
        (response(503, false),                               InDoubt, Retry),
        (response(503, true),                                InDoubt, Retry),
        (response(504, true),                                InDoubt, Retry),
        (response(599, false),                               InDoubt, Retry),
    ];
    for (failure, create, poll) in table {
        assert_eq!(classify(once, &failure), create, "create: {failure:?}");
        let allowed = if create == InDoubt { RetryInDoubt } else { create };
        assert_eq!(classify(resubmitting, &failure), allowed, "create with resubmission: {failure:?}");
        assert_eq!(classify(poll_once, &failure), poll, "poll: {failure:?}");
    }
}

#[test]
fn error_response_with_task_id_is_in_doubt() {
    let failure = Failure { task_id: Some(crate::TaskId::new_unchecked("t1")), ..response(503, true) };
    for resubmissions_left in [0, 9] {
        assert_eq!(
            classify(Operation::Create { connect_failures: 0, resubmissions_left }, &failure),
            InDoubt
        );
    }
}

#[test]
fn failed_connections_are_retried_up_to_the_limit() {
    let decision = |connect_failures| {
        classify(
            Operation::Create { connect_failures, resubmissions_left: 9 },
            &Failure::new(FailureKind::NotConnected),
        )
    };
    assert_eq!(decision(CONNECT_ATTEMPTS - 1), Retry);
    assert_eq!(decision(CONNECT_ATTEMPTS), Unreachable);
}

#[test]
fn poll_with_404_is_not_found_only_after_the_grace() {
    let decision = |not_found_grace| classify(Operation::Poll { not_found_grace }, &response(404, false));
    assert_eq!((decision(true), decision(false)), (Retry, NotFound));
}

#[test]
fn create_with_429_is_not_retried_if_redirects_are_possible() {
    let once = Operation::Create { connect_failures: 0, resubmissions_left: 0 };
    let decision = |redirects_possible, failure| classify(once, &Failure { redirects_possible, ..failure });
    for (redirects_possible, expected) in [(false, Retry), (true, Reject)] {
        assert_eq!(decision(redirects_possible, response(429, true)), expected);
        assert_eq!(decision(redirects_possible, response(401, false)), Reject);
        assert_eq!(decision(redirects_possible, response(302, false)), InDoubt);
    }
}
