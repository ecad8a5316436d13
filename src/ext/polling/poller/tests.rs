use std::{cell::Cell, sync::Arc};

use reqwest::header::HeaderMap;
use serde_json::json;

use super::*;
use crate::{
    ErrorKind,
    ext::{polling::client_policy::ClientPolicy, transport::cooldown::MAX_COOLDOWN},
    pacing::{Adaptive, Fixed, Pacing, Progress, from_fn},
};

fn every(interval: Duration) -> Fixed {
    Fixed::new(interval).unwrap()
}

type Response = Result<Received<SpeechResult>, Failure>;

fn task_policy(policy: impl Pacing) -> TaskPolicy {
    TaskPolicy::new(Arc::new(ClientPolicy::new(Arc::new(policy))))
}

fn cooldown() -> Cooldown {
    Cooldown::new(MAX_COOLDOWN)
}

fn response(status: &str) -> Response {
    response_with(status, None)
}

#[expect(clippy::unnecessary_wraps, reason = "same return type as the failures")]
fn response_with(status: &str, retry_after: Option<Duration>) -> Response {
    let value = serde_json::from_value(json!({"id": "t1", "status": status})).unwrap();
    Ok(Received { value, retry_after })
}

fn connection_lost() -> Response {
    Err(Failure::new(FailureKind::ConnectionLost))
}

fn error_response(status: u16, retry_after: Option<&str>) -> Response {
    let headers: HeaderMap = retry_after
        .map(|value| ("retry-after".parse().unwrap(), value.parse().unwrap()))
        .into_iter()
        .collect();
    Err(Failure::from_response(StatusCode::from_u16(status).unwrap(), &headers, "server message"))
}

/// Polls like a wait until the result is final. `server` is a function of the time since the start.
async fn wait(
    pacing: impl Pacing,
    deadline: Duration,
    server: impl Fn(Duration) -> Response,
) -> (Result<SpeechResult, Error>, Duration, u32) {
    let start = Instant::now();
    let polls = Cell::new(0);
    let mut poller = Poller::new(PollSchedule {
        id: TaskId::new_unchecked("t1"),
        due: saturating_add(start, pacing.delay(&Progress::default())),
        policy: task_policy(pacing),
        history: History::submitted(None),
        not_found: NotFoundGrace::new(true),
        start,
        time_limit: deadline,
        deadline: start + deadline,
    });
    let cooldown = cooldown();
    let outcome = loop {
        let poll = || {
            polls.set(polls.get() + 1);
            let response = server(start.elapsed());
            // As the client hooks do.
            if let Err(Failure { response: Some(response), .. }) = &response {
                cooldown.on_error_response(response);
            }
            std::future::ready(response)
        };
        match poller.next(&cooldown, poll).await {
            Ok(response) if !response.result.status.is_final() => {}
            outcome => break outcome.map(|response| response.result),
        }
    };
    (outcome, start.elapsed(), polls.get())
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn adaptive_wait_of_an_hour_stays_within_lag_and_poll_limits() {
    let server = |age| response(if age < secs(3600) { "PROCESSING" } else { "COMPLETED" });
    let (outcome, took, polls) = wait(Adaptive::new(), secs(7200), server).await;
    assert_eq!(outcome.unwrap().status.to_string(), "COMPLETED");
    // The policy polls after a tenth of the age at the latest, plus ten per cent of jitter.
    assert!(took < secs(4_000), "{took:?}");
    assert!(polls < 600, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn deadline_passes_on_time_and_error_names_last_status() {
    let (outcome, took, _) =
        wait(Adaptive::new(), Duration::from_millis(12_345), |_| response("QUEUED")).await;
    let error = outcome.unwrap_err();
    assert!(error.is_deadline());
    assert_eq!(
        error.to_string(),
        "no result within 12.345s (last status QUEUED); the task continues, so wait for it again [task t1]"
    );
    assert_eq!(took, Duration::from_millis(12_345));
}

#[tokio::test(start_paused = true)]
async fn result_seen_by_poll_at_deadline_is_returned() {
    let server = |age| response(if age < secs(10) { "PROCESSING" } else { "COMPLETED" });
    let (outcome, took, polls) = wait(every(secs(7)), secs(10), server).await;
    assert!(outcome.is_ok());
    assert_eq!((took, polls), (secs(10), 2));
}

#[tokio::test(start_paused = true)]
async fn outage_before_deadline_is_survived() {
    for failure in [
        connection_lost,
        || error_response(500, None),
        || error_response(502, None),
        || error_response(429, Some("3")),
    ] {
        let server = |age| if age < secs(295) { failure() } else { response("COMPLETED") };
        let (outcome, ..) = wait(Adaptive::new(), secs(300), server).await;
        assert!(outcome.is_ok(), "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn outage_beyond_deadline_is_reported_in_deadline_error() {
    let (outcome, took, _) = wait(Adaptive::new(), secs(60), |_| error_response(502, None)).await;
    let error = outcome.unwrap_err();
    assert!(error.is_deadline());
    assert_eq!(error.status(), Some(StatusCode::BAD_GATEWAY));
    assert_eq!(error.message(), Some("server message"));
    assert_eq!(took, secs(60));
}

#[tokio::test(start_paused = true)]
async fn deadline_error_has_the_last_failure_with_a_server_message() {
    let server = |age: Duration| match age.as_secs() {
        0..20 => error_response(500, None),
        20..40 => error_response(502, None),
        _ => connection_lost(),
    };
    let error = wait(every(secs(1)), secs(60), server).await.0.unwrap_err();
    assert!(error.is_deadline());
    assert_eq!(error.status(), Some(StatusCode::BAD_GATEWAY));
}

#[tokio::test(start_paused = true)]
async fn wait_whose_deadline_is_in_a_cooldown_fails_at_once_and_sends_nothing() {
    let (outcome, took, polls) = wait(every(secs(1)), secs(60), |_| error_response(429, Some("3600"))).await;
    let error = outcome.unwrap_err();
    assert!(error.is_rate_limited() && !error.is_deadline());
    assert_eq!(error.task_id().unwrap().as_str(), "t1");
    assert_eq!(error.retry_after(), Some(MAX_COOLDOWN));
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.to_string().contains("429 Too Many Requests"), "{source}");
    assert!(took < secs(2), "{took:?}");
    assert_eq!(polls, 1);
}

#[tokio::test(start_paused = true)]
async fn hundred_waits_send_nothing_during_a_cooldown() {
    let (cooldown, polls) = (cooldown(), Cell::new(0));
    let limited = error_response(429, Some("60")).unwrap_err();
    cooldown.on_error_response(limited.response.as_ref().unwrap());
    let waits = (0..100).map(|_| async {
        let mut poller = poller(secs(30));
        let count = || {
            polls.set(polls.get() + 1);
            std::future::ready(response("PROCESSING"))
        };
        poller.next(&cooldown, count).await.unwrap_err()
    });
    let errors = futures_util::future::join_all(waits).await;
    assert!(errors.iter().all(|error| error.is_rate_limited() && error.task_id().is_some()));
    assert_eq!(polls.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_success_delays_next_poll_but_not_the_poll_at_deadline() {
    let server = |_| response_with("PROCESSING", Some(secs(4)));
    let (outcome, took, polls) = wait(every(secs(1)), secs(12), server).await;
    assert!(outcome.unwrap_err().is_deadline());
    // At 1, 5 and 9 seconds, and at the deadline.
    assert_eq!((took, polls), (secs(12), 4));
}

#[tokio::test(start_paused = true)]
async fn not_found_is_retried_during_grace_period_only() {
    let lagging = |age| if age < secs(8) { error_response(404, None) } else { response("COMPLETED") };
    assert!(wait(Adaptive::new(), secs(60), lagging).await.0.is_ok());

    let (outcome, took, _) = wait(Adaptive::new(), secs(60), |_| error_response(404, None)).await;
    let error = outcome.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(error.billed(), Billed::Maybe, "the task may be that of another server");
    assert_eq!(
        error.to_string(),
        "task not found on the server, expected a task of this API key: 404 Not Found: server message [task t1]"
    );
    // The first poll is after one second, and the last one ten seconds later.
    assert!((secs(11)..secs(12)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn not_found_task_of_another_client_gets_one_second_poll() {
    let start = Instant::now();
    let polls = Cell::new(0);
    let not_found = || {
        polls.set(polls.get() + 1);
        std::future::ready(error_response(404, None))
    };
    let error = poller(secs(60)).next(&cooldown(), not_found).await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!((start.elapsed(), polls.get()), (secs(1), 2));
}

#[tokio::test(start_paused = true)]
async fn task_that_the_server_has_known_is_billed_even_if_it_is_not_found_later() {
    let expires = |age| if age < secs(5) { response("PROCESSING") } else { error_response(404, None) };
    let error = wait(every(secs(1)), secs(60), expires).await.0.unwrap_err();
    assert_eq!((error.kind(), error.billed()), (ErrorKind::NotFound, Billed::Yes));
}

#[tokio::test(start_paused = true)]
async fn deadline_within_grace_period_is_not_found_if_there_were_only_404s() {
    let (outcome, took, _) = wait(every(secs(1)), secs(5), |_| error_response(404, None)).await;
    assert!(outcome.unwrap_err().is_not_found());
    assert_eq!(took, secs(5));
    let mixed = |age| if age < secs(3) { error_response(502, None) } else { error_response(404, None) };
    assert!(wait(every(secs(1)), secs(5), mixed).await.0.unwrap_err().is_deadline());
}

#[tokio::test(start_paused = true)]
async fn policy_that_panics_does_not_end_the_wait() {
    let panics = from_fn(|_| panic!("a bug in the policy"));
    let start = Instant::now();
    let mut poller = Poller::new(PollSchedule { policy: task_policy(panics), ..poller(secs(60)).schedule });
    let status = || if start.elapsed() < secs(5) { "PROCESSING" } else { "COMPLETED" };
    loop {
        let found = poller.next(&cooldown(), || std::future::ready(response(status()))).await.unwrap();
        if found.result.status.is_final() {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn response_restarts_not_found_grace_period() {
    let flapping = |age: Duration| match age.as_secs() {
        0..30 => response("QUEUED"),
        30..38 => error_response(404, None),
        _ => response("COMPLETED"),
    };
    assert!(wait(every(secs(1)), secs(60), flapping).await.0.is_ok());
}

#[tokio::test(start_paused = true)]
async fn response_ends_the_row_of_failures() {
    let times = std::cell::RefCell::new(Vec::new());
    let server = |age| {
        times.borrow_mut().push(age);
        match times.borrow().len() {
            ..8 => connection_lost(),
            8 => response("PROCESSING"),
            9 => error_response(502, None),
            _ => response("COMPLETED"),
        }
    };
    wait(every(secs(1)), secs(600), server).await.0.unwrap();
    let times = times.into_inner();
    assert!(times[7].abs_diff(times[6]) > secs(8), "the pauses grow: {times:?}");
    assert!(times[9].abs_diff(times[8]) < secs(1), "they begin anew: {times:?}");
}

#[tokio::test(start_paused = true)]
async fn deadline_error_has_no_failure_from_before_a_response() {
    let server = |age| if age < secs(2) { error_response(502, None) } else { response("PROCESSING") };
    let error = wait(every(secs(1)), secs(60), server).await.0.unwrap_err();
    assert!(error.is_deadline());
    assert_eq!((error.status(), error.message()), (None, None));
}

#[tokio::test(start_paused = true)]
async fn rejected_key_ends_wait_and_keeps_task_id() {
    for status in [400, 401, 403] {
        let (outcome, _, polls) = wait(Adaptive::new(), secs(60), |_| error_response(status, None)).await;
        let error = outcome.unwrap_err();
        assert!(error.is_rejected());
        assert_eq!(error.is_unauthorized(), status != 400);
        assert_eq!(error.task_id().unwrap().as_str(), "t1");
        assert_eq!(polls, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn outage_does_not_use_up_not_found_grace_period() {
    let recovering = |age: Duration| match age.as_secs() {
        0..30 => connection_lost(),
        30..38 => error_response(404, None),
        _ => response("COMPLETED"),
    };
    let (outcome, ..) = wait(every(secs(1)), secs(60), recovering).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    // A poll interval longer than the grace period does not use it up either.
    let once = |age: Duration| if age < secs(20) { error_response(404, None) } else { response("COMPLETED") };
    let (outcome, ..) = wait(every(secs(15)), secs(60), once).await;
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn infinite_poll_interval_still_polls_at_deadline() {
    let (outcome, took, polls) = wait(every(Duration::MAX), secs(60), |_| response("COMPLETED")).await;
    assert!(outcome.is_ok());
    assert_eq!((took, polls), (secs(60), 1));
}

fn poller(deadline: Duration) -> Poller {
    let start = Instant::now();
    Poller::new(PollSchedule {
        id: TaskId::new_unchecked("t1"),
        policy: task_policy(Adaptive::new()),
        history: History::resumed(),
        not_found: NotFoundGrace::new(false),
        start,
        due: start,
        time_limit: deadline,
        deadline: start + deadline,
    })
}

#[tokio::test(start_paused = true)]
async fn hanging_server_gets_one_more_poll_at_deadline() {
    let start = Instant::now();
    let polls = Cell::new(0);
    let hanging = || {
        polls.set(polls.get() + 1);
        std::future::pending()
    };
    let error = poller(secs(5)).next(&cooldown(), hanging).await.unwrap_err();
    assert!(error.is_deadline());
    assert!(error.to_string().contains("no response before the deadline"), "{error}");
    assert_eq!((start.elapsed(), polls.get()), (secs(5) + FINAL_POLL_TIMEOUT, 2));
}

#[tokio::test(start_paused = true)]
async fn zero_deadline_polls_once() {
    let start = Instant::now();
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        response("COMPLETED")
    };
    assert!(poller(Duration::ZERO).next(&cooldown(), slow).await.is_ok());
    assert_eq!(start.elapsed(), Duration::from_millis(1_500));
}

/// Waits for a task that is finished at the age `done`, and returns the number of polls.
async fn wait_for(policy: &Arc<dyn Pacing>, done: Duration) -> u32 {
    let start = Instant::now();
    let mut polls = 0;
    let mut poller = Poller::new(PollSchedule {
        policy: task_policy(Arc::clone(policy)),
        history: History::submitted(None),
        due: saturating_add(start, policy.delay(&Progress::default())),
        ..poller(secs(600)).schedule
    });
    loop {
        polls += 1;
        let poll = || {
            let status = if start.elapsed() < done { "PROCESSING" } else { "COMPLETED" };
            std::future::ready(response(status))
        };
        if poller.next(&cooldown(), poll).await.unwrap().result.status.is_final() {
            return polls;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn finished_task_needs_one_poll() {
    let (outcome, took, polls) = wait(Adaptive::new(), secs(60), |_| response("COMPLETED")).await;
    assert!(outcome.is_ok());
    assert_eq!(polls, 1);
    assert!((secs(1)..secs(3)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn policy_learns_across_waits() {
    let policy: Arc<dyn Pacing> = Arc::new(Adaptive::new());
    let cold = wait_for(&policy, secs(60)).await;
    for _ in 0..20 {
        wait_for(&policy, secs(60)).await;
    }
    let warm = wait_for(&policy, secs(60)).await;
    assert!(warm * 4 < cold * 3, "{warm} polls, after {cold} at first");
}

#[tokio::test(start_paused = true)]
async fn policy_receives_phase_polls_and_retry_after() {
    let calls = Arc::new(std::sync::Mutex::new(Vec::new()));
    let recorded = Arc::clone(&calls);
    let policy = from_fn(move |task| {
        recorded.lock().unwrap().push(*task);
        secs(10)
    });
    let server = |age: Duration| match age.as_secs() {
        0..15 => response("QUEUED"),
        15..24 => error_response(503, Some("5")),
        24..40 => response("PROCESSING"),
        _ => response("COMPLETED"),
    };
    wait(policy, secs(100), server).await.0.unwrap();
    let calls = calls.lock().unwrap();
    let phases: Vec<_> = calls.iter().map(|task| (task.phase, task.polls, task.retry_after)).collect();
    let (unknown, waiting, running) = (Phase::Unknown, Phase::Waiting, Phase::Running);
    assert_eq!(phases[..2], [(unknown, 0, None), (waiting, 1, None)]);
    assert_eq!(phases[2], (running, 2, Some(secs(5))));
    let task = calls[2];
    assert_eq!(task.age + task.left, secs(100));
    let off = task.age.abs_diff(secs(10) + task.in_phase * 2);
    assert!(off < Duration::from_millis(1), "phase starts half way between two responses: {task:?}");
}

#[tokio::test(start_paused = true)]
async fn urgency_grows_until_immediate() {
    let mut state = poller(secs(600));
    state.on_response(&response("PROCESSING").unwrap());
    assert!(state.urgency().unwrap() < 1e-9);
    tokio::time::advance(secs(2)).await;
    let soon = state.urgency().unwrap();
    tokio::time::advance(secs(2)).await;
    let later = state.urgency().unwrap();
    assert!(0.1 < soon && soon < later && later.is_finite(), "{soon} {later}");
    tokio::time::advance(secs(595)).await;
    assert!(state.urgency().is_none());
}

/// A policy with a fixed likelihood.
struct Likely(f64);

impl Pacing for Likely {
    fn delay(&self, _: &Progress) -> Duration {
        secs(1)
    }

    fn likelihood(&self, _: &Progress) -> f64 {
        self.0
    }
}

#[tokio::test(start_paused = true)]
async fn urgency_is_the_time_since_the_last_poll_times_the_odds() {
    for (likelihood, odds) in [(0.0, 0.0), (0.5, 1.0), (0.8, 4.0)] {
        let mut state = Poller::new(PollSchedule {
            policy: task_policy(Likely(likelihood)),
            ..poller(secs(600)).schedule
        });
        state.on_response(&response("PROCESSING").unwrap());
        tokio::time::advance(secs(3)).await;
        let urgency = state.urgency().unwrap();
        assert!((urgency - 3.0 * odds).abs() < 1e-9, "{urgency}");
    }
}

#[tokio::test(start_paused = true)]
async fn urgency_at_deadline_is_immediate_despite_low_likelihood() {
    let mut state = poller(secs(600));
    tokio::time::advance(secs(599)).await;
    state.on_response(&response("PROCESSING").unwrap());
    assert!(state.urgency().unwrap() < 1e-9);
    tokio::time::advance(secs(1)).await;
    assert!(state.urgency().is_none());
}

#[test]
fn poll_state_with_id_takes_at_most_300_bytes() {
    let id_bytes = 36;
    assert!(size_of::<Poller>() + id_bytes <= 300, "{}", size_of::<Poller>());
}
