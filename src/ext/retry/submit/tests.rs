use std::{cell::RefCell, collections::VecDeque};

use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderValue},
};

use futures_util::future::{self, FutureExt};
use tokio::time::{advance, sleep_until};

use super::*;
use crate::ext::{captured_log::CapturedLog, transport::cooldown::MAX_COOLDOWN};

fn not_connected() -> Failure {
    Failure::new(FailureKind::NotConnected)
}

fn response(status: StatusCode, retry_after: Option<&'static str>) -> Failure {
    let mut headers = HeaderMap::new();
    if let Some(value) = retry_after {
        headers.insert("retry-after", HeaderValue::from_static(value));
    }
    Failure::from_response(status, &headers, "busy")
}

/// As the client hooks do.
fn start_cooldown(cooldown: &Cooldown, result: &Result<TaskId, Failure>) {
    if let Err(Failure { response: Some(response), .. }) = result {
        cooldown.on_error_response(response);
    }
}

/// Starts a cooldown as after a 429.
fn pause(cooldown: &Cooldown, retry_after: &'static str) {
    start_cooldown(cooldown, &Err(response(StatusCode::TOO_MANY_REQUESTS, Some(retry_after))));
}

/// Runs the loop over a script, with a deadline of a minute. Returns the times of the requests, in seconds.
async fn run(script: Vec<Result<TaskId, Failure>>) -> (Result<TaskId, Error>, Vec<f64>) {
    let start = Instant::now();
    let (script, sent) = (RefCell::new(VecDeque::from(script)), RefCell::new(Vec::new()));
    let cooldown = Cooldown::new(MAX_COOLDOWN);
    let result = submit(&cooldown, Submission::new(label(), start + Duration::from_secs(60), 0), || {
        sent.borrow_mut().push(start.elapsed().as_secs_f64());
        let next = script.borrow_mut().pop_front().expect("an unexpected request was sent");
        start_cooldown(&cooldown, &next);
        async move { next.map_err(AttemptError::from) }
    })
    .await;
    (result, sent.into_inner())
}

fn label() -> Label {
    Label::Key("line 7".into())
}

fn sent() -> Result<TaskId, AttemptError> {
    panic!("sent")
}

fn id() -> TaskId {
    TaskId::new_unchecked("t1")
}

#[tokio::test(start_paused = true)]
async fn submit_is_retried_only_if_not_accepted() {
    let rate_limited = response(StatusCode::TOO_MANY_REQUESTS, Some("7"));
    let (result, sent) = run(vec![Err(not_connected()), Err(rate_limited), Ok(id())]).await;
    assert_eq!(result.unwrap(), id());
    assert!((0.22..0.29).contains(&sent[1]), "{sent:?}");
    assert!((7.2..7.6).contains(&sent[2]), "Retry-After is observed: {sent:?}");
}

#[tokio::test(start_paused = true)]
async fn submit_in_doubt_is_not_resent() {
    for failure in [
        Failure::new(FailureKind::ConnectionLost),
        response(StatusCode::OK, None),
        response(StatusCode::BAD_GATEWAY, None),
        response(StatusCode::SERVICE_UNAVAILABLE, None),
        response(StatusCode::SERVICE_UNAVAILABLE, Some("1")),
    ] {
        let (result, sent) = run(vec![Err(failure)]).await;
        assert!(result.unwrap_err().is_in_doubt());
        assert_eq!(sent.len(), 1);
    }
}

/// Runs the loop for a caller who allows resubmission in doubt. Returns the number of requests.
async fn run_resubmitting(
    times: u32,
    script: Vec<Result<TaskId, Failure>>,
) -> (Result<TaskId, Error>, usize) {
    let length = script.len();
    let script = RefCell::new(VecDeque::from(script));
    let submission = Submission::new(label(), Instant::now() + Duration::from_secs(60), times);
    let cooldown = Cooldown::new(MAX_COOLDOWN);
    let send = || {
        let next = script.borrow_mut().pop_front().expect("an unexpected request was sent");
        start_cooldown(&cooldown, &next);
        std::future::ready(next.map_err(AttemptError::from))
    };
    let result = submit(&cooldown, submission, send).await;
    (result, length - script.borrow().len())
}

#[tokio::test(start_paused = true)]
async fn submit_in_doubt_is_resent_up_to_the_allowed_number() {
    let disconnected = || Err(Failure::new(FailureKind::ConnectionLost));
    let (result, sent) = run_resubmitting(2, vec![disconnected(), disconnected(), Ok(id())]).await;
    assert_eq!((result.unwrap(), sent), (id(), 3));

    let (result, sent) = run_resubmitting(2, (0..9).map(|_| disconnected()).collect()).await;
    let error = result.unwrap_err();
    assert!(error.is_in_doubt());
    assert_eq!(sent, 3);
    assert!(error.to_string().contains("sent 3 times and may have been billed each time"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn submit_in_doubt_stays_in_doubt_after_a_later_error() {
    let later_failures = [
        response(StatusCode::UNAUTHORIZED, None),
        response(StatusCode::TOO_MANY_REQUESTS, Some("3600")),
        Failure::new(FailureKind::NotSent("invalid header".to_owned())),
    ];
    for later in later_failures {
        let (result, sent) =
            run_resubmitting(5, vec![Err(Failure::new(FailureKind::ConnectionLost)), Err(later)]).await;
        let error = result.unwrap_err();
        assert!(error.is_in_doubt() && !error.is_rejected() && !error.is_invalid(), "{error}");
        assert_eq!(sent, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn submit_with_task_id_in_error_response_is_not_resent() {
    let with_id = Failure { task_id: Some(id()), ..response(StatusCode::BAD_GATEWAY, None) };
    let (result, sent) = run_resubmitting(5, vec![Err(with_id)]).await;
    assert_eq!((result.unwrap_err().task_id(), sent), (Some(&id()), 1));
}

#[tokio::test(start_paused = true)]
async fn submit_to_unreachable_host_fails_within_two_seconds() {
    let (result, sent) = run((0..4).map(|_| Err(not_connected())).collect()).await;
    assert!(result.unwrap_err().is_unreachable());
    assert!(sent[3] < 2.0, "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn submit_to_host_that_sent_429_before_does_not_claim_that_nothing_was_sent() {
    let busy = Err(response(StatusCode::TOO_MANY_REQUESTS, None));
    let (result, sent) = run([busy].into_iter().chain((0..4).map(|_| Err(not_connected()))).collect()).await;
    let error = result.unwrap_err();
    assert_eq!(
        error.to_string(),
        "server not reached in 4 attempts, the request was not accepted; check the network and the base URL"
    );
    assert_eq!((error.billed(), sent.len()), (crate::Billed::No, 5));
}

#[tokio::test(start_paused = true)]
async fn submit_with_retry_after_beyond_deadline_fails_with_server_message() {
    let (result, sent) = run(vec![Err(response(StatusCode::TOO_MANY_REQUESTS, Some("3600")))]).await;
    let error = result.unwrap_err();
    assert!(error.is_rate_limited());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!(error.message(), Some("busy"));
    assert_eq!(sent.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn submit_during_cooldown_waits_or_fails_by_deadline() {
    let (cooldown, start) = (Cooldown::new(MAX_COOLDOWN), Instant::now());
    pause(&cooldown, "90");
    let deadline = start + Duration::from_secs(60);
    let error =
        submit(&cooldown, Submission::new(label(), deadline, 0), || async { sent() }).await.unwrap_err();
    assert!(error.is_rate_limited() && !error.is_invalid());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(90)));
    assert!(
        error.to_string().contains("request not sent: requests are paused for 90 s more after a 429 or 503"),
        "{error}"
    );

    submit(&cooldown, Submission::new(label(), start + Duration::from_secs(120), 0), || async { Ok(id()) })
        .await
        .unwrap();
    assert!(start.elapsed() >= Duration::from_secs(90));
}

#[tokio::test(start_paused = true)]
async fn submit_fails_at_once_when_cooldown_is_extended_beyond_deadline() {
    let (cooldown, start) = (Cooldown::new(MAX_COOLDOWN), Instant::now());
    pause(&cooldown, "5");
    let extend = async {
        sleep_until(start + Duration::from_secs(4)).await;
        pause(&cooldown, "3600");
    };
    let deadline = start + Duration::from_secs(60);
    let submitting = submit(&cooldown, Submission::new(label(), deadline, 0), || async { sent() });
    let (result, ()) = tokio::join!(submitting, extend);
    assert!(result.unwrap_err().is_rate_limited());
    assert!(start.elapsed() < Duration::from_secs(6), "not at once: {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn submit_with_zero_deadline_sends_exactly_once() {
    let count = RefCell::new(0);
    let send = || {
        *count.borrow_mut() += 1;
        std::future::ready(Err::<TaskId, _>(not_connected().into()))
    };
    let error = submit(&Cooldown::new(MAX_COOLDOWN), Submission::new(label(), Instant::now(), 0), send)
        .await
        .unwrap_err();
    assert!(error.is_unreachable());
    assert_eq!(*count.borrow(), 1);
}

/// A server behind a network that fails in one of four ways, or works.
#[derive(Default)]
struct UnreliableServer {
    accepted: u32,
    lost_before: u32,
}

impl UnreliableServer {
    fn send(&mut self, random: &mut fastrand::Rng) -> Result<TaskId, Failure> {
        match random.u32(..100) {
            // No connection is made.
            0..6 => Err(not_connected()),
            // The connection is lost before the server accepts the request.
            6..10 => {
                self.lost_before += 1;
                Err(Failure::new(FailureKind::ConnectionLost))
            }
            // The connection is lost after the server accepts the request, or during the response.
            10..14 => self.accept(Err(Failure::new(FailureKind::ConnectionLost))),
            14..18 => self.accept(Err(Failure::new(FailureKind::InvalidBody))),
            18..20 => self.accept(Err(response(StatusCode::BAD_GATEWAY, None))),
            // The server rejects the request for now.
            20..24 => Err(response(StatusCode::TOO_MANY_REQUESTS, Some("1"))),
            _ => self.accept(Ok(id())),
        }
    }

    fn accept(&mut self, response: Result<TaskId, Failure>) -> Result<TaskId, Failure> {
        self.accepted += 1;
        response
    }
}

#[tokio::test(start_paused = true)]
async fn million_submissions_are_billed_once_or_reported_in_doubt() {
    let mut random = fastrand::Rng::with_seed(7);
    let (mut done, mut in_doubt, mut unreachable) = (0, 0, 0);
    let cooldown = Cooldown::new(MAX_COOLDOWN);
    for number in 0..1_000_000 {
        let server = RefCell::new((UnreliableServer::default(), &mut random));
        let send = || {
            let (server, random) = &mut *server.borrow_mut();
            let result = server.send(random);
            start_cooldown(&cooldown, &result);
            std::future::ready(result.map_err(AttemptError::from))
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        let result = submit(&cooldown, Submission::new(label(), deadline, 0), send).await;
        let UnreliableServer { accepted, lost_before } = server.into_inner().0;
        match result {
            Ok(_) => {
                assert_eq!((accepted, lost_before), (1, 0), "{number}");
                done += 1;
            }
            Err(error) if error.is_in_doubt() => {
                assert_eq!(accepted + lost_before, 1, "{number}");
                in_doubt += 1;
            }
            Err(error) => {
                assert!(error.is_unreachable(), "{number}: {error}");
                assert_eq!((accepted, lost_before), (0, 0), "{number}");
                unreachable += 1;
            }
        }
    }
    // Of 100 attempts 90 are final, 14 of them in doubt. Four failed connections in a row happen once in about 75,000.
    assert!((150_000..160_000).contains(&in_doubt), "{in_doubt}");
    assert!(unreachable < 100, "{unreachable}");
    assert_eq!(done + in_doubt + unreachable, 1_000_000);
}

#[tokio::test(start_paused = true)]
async fn submit_after_absurd_retry_after_continues_after_the_longest_cooldown() {
    let start = Instant::now();
    let cooldown = Cooldown::new(Duration::from_secs(10));
    let script = RefCell::new(VecDeque::from([
        Err(response(StatusCode::TOO_MANY_REQUESTS, Some("31536000"))),
        Ok(id()),
    ]));
    let submission = Submission::new(label(), start + Duration::from_secs(60), 0);
    let result = submit(&cooldown, submission, || {
        let next = script.borrow_mut().pop_front().unwrap();
        start_cooldown(&cooldown, &next);
        std::future::ready(next.map_err(AttemptError::from))
    });
    assert_eq!(result.await.unwrap(), id());
    assert!((10.0..10.5).contains(&start.elapsed().as_secs_f64()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn submission_expires_a_second_after_its_deadline_with_the_error_of_its_last_attempt() {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut submission = Submission::new(label(), deadline, 0);
    sleep_until(deadline + Duration::from_secs(5)).await;
    assert!(submission.expired().is_none(), "a submission without an attempt is sent once");

    for (failure, is_unreachable) in
        [(not_connected(), true), (response(StatusCode::TOO_MANY_REQUESTS, None), false)]
    {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut submission = Submission::new(label(), deadline, 0);
        submission.on_failure(failure).unwrap();
        advance(deadline + Duration::from_secs(1) - Instant::now()).await;
        assert!(submission.expired().is_none(), "the timer may be late");
        advance(Duration::from_millis(1)).await;
        let error = submission.expired().unwrap();
        assert_eq!(
            (error.is_unreachable(), error.is_rejected()),
            (is_unreachable, !is_unreachable),
            "{error}"
        );
        assert!(submission.expired().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn resubmission_that_is_not_sent_before_its_deadline_leaves_the_submission_in_doubt() {
    let mut submission = submission(3);
    for _ in 0..2 {
        submission.on_failure(response(StatusCode::SERVICE_UNAVAILABLE, None)).unwrap();
    }
    advance(Duration::from_secs(62)).await;
    let error = submission.expired().unwrap();
    assert!(error.is_in_doubt() && error.to_string().contains("was sent 2 times"), "{error}");
    assert!(!format!("{error:?}").contains("rejected"), "{error:?}");
}

/// Returns a submission with a deadline of a minute.
fn submission(resubmissions: u32) -> Submission {
    Submission::new(label(), Instant::now() + Duration::from_secs(60), resubmissions)
}

#[tokio::test(start_paused = true)]
async fn pause_doubles_with_each_failure_in_a_row() {
    let mut script: Vec<_> = (0..4).map(|_| Err(response(StatusCode::TOO_MANY_REQUESTS, None))).collect();
    script.push(Ok(id()));
    let (result, sent) = run(script).await;
    result.unwrap();
    let pauses = sent.windows(2).map(|times| times[1] - times[0]);
    for (pause, expected) in pauses.zip([0.25, 0.5, 1.0, 2.0]) {
        assert!((expected * 0.89..expected * 1.11).contains(&pause), "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn submission_that_waits_out_outages_survives_any_number_of_failed_connections() {
    let mut submission = submission(0).waiting_out_outages();
    for _ in 0..100 {
        submission.on_failure(not_connected()).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn submission_is_in_doubt_after_first_attempt_in_doubt() {
    let mut submission = submission(1);
    submission.on_failure(not_connected()).unwrap();
    assert!(!submission.is_in_doubt());
    submission.on_failure(Failure::new(FailureKind::ConnectionLost)).unwrap();
    assert!(submission.is_in_doubt());
}

#[tokio::test(start_paused = true)]
async fn attempts_in_doubt_of_earlier_runs_use_up_resubmissions() {
    let mut submission = submission(2);
    submission.set_prior_attempts(InDoubtAttempts::of(2));
    assert!(submission.is_in_doubt());
    let error = submission.on_failure(Failure::new(FailureKind::ConnectionLost)).unwrap_err();
    assert!(error.to_string().contains("sent 3 times and may have been billed each time"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn attempt_in_doubt_that_cannot_be_resubmitted_before_deadline_is_in_doubt() {
    let mut submission = Submission::new(label(), Instant::now(), 5);
    let error = submission.on_failure(Failure::new(FailureKind::ConnectionLost)).unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn log_of_failed_attempt_has_label_and_doubt() {
    let log = CapturedLog::start();
    let mut submission = submission(0);
    submission.on_failure(not_connected()).unwrap();
    assert!(log.text().contains("submission failed, retrying request=line 7 failures=1"), "{}", log.text());
    submission.on_failure(response(StatusCode::BAD_REQUEST, None)).unwrap_err();
    let in_doubt = "submission in doubt, it may be billed request=line 7";
    assert!(!log.text().contains(in_doubt), "{}", log.text());
    submission.on_failure(Failure::new(FailureKind::ConnectionLost)).unwrap_err();
    assert!(log.text().contains(in_doubt), "{}", log.text());
}

#[tokio::test]
async fn submission_dropped_before_the_response_is_logged() {
    let (log, label) = (CapturedLog::start(), Label::Key("line 7".into()));
    send_once(async { Ok(id()) }, &label).await.unwrap();
    assert!(log.text().contains("task submitted request=line 7"), "{}", log.text());
    send_once(async { Err(not_connected()) }, &label).await.unwrap_err();
    let dropped = "submission dropped before the response, it may be billed request=line 7";
    assert!(!log.text().contains(dropped), "{}", log.text());
    assert!(send_once(future::pending(), &label).now_or_never().is_none());
    assert!(log.text().contains(dropped), "{}", log.text());
}
