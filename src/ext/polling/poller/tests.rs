use std::cell::Cell;

use reqwest::header::HeaderMap;
use serde_json::json;

use super::*;
use crate::pacing::{Adaptive, Fixed, Progress};

fn every(interval: Duration) -> Fixed {
    Fixed::new(interval).unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "stands beside the faults in a script")]
fn answer(status: &str) -> Result<SpeechResult, Failure> {
    let body = json!({"id": "t1", "status": status, "created": 0, "model": "m", "results": []});
    Ok(serde_json::from_value(body).unwrap())
}

fn broken() -> Result<SpeechResult, Failure> {
    Err(Failure::new(FailureKind::ConnectionLost))
}

fn refused(status: u16, retry_after: Option<&str>) -> Result<SpeechResult, Failure> {
    let headers: HeaderMap = retry_after
        .map(|value| ("retry-after".parse().unwrap(), value.parse().unwrap()))
        .into_iter()
        .collect();
    Err(Failure::from_response(StatusCode::from_u16(status).unwrap(), &headers, "words"))
}

/// Polls until an end, as a wait does; the server is a function of the time since the start.
async fn wait(
    pacing: impl Pacing,
    deadline: Duration,
    server: impl Fn(Duration) -> Result<SpeechResult, Failure>,
) -> (Result<SpeechResult, Error>, Duration, u32) {
    let start = Instant::now();
    let polls = Cell::new(0);
    let mut poller = Poller::new(PollSchedule {
        id: TaskId::from_server("t1"),
        due: saturating_add(start, pacing.delay(&Progress::default())),
        pacing: Arc::new(pacing),
        history: History::submitted(None),
        start,
        timeout: deadline,
        deadline: start + deadline,
    });
    let cooldown = Cooldown::default();
    let outcome = loop {
        let poll = || {
            polls.set(polls.get() + 1);
            let reply = server(start.elapsed());
            // As the hooks do.
            if let Err(failure) = &reply
                && let Some(time) = failure.retry_after()
            {
                cooldown.extend(time);
            }
            std::future::ready(reply)
        };
        match poller.next(&cooldown, poll).await {
            Ok(result) if !result.status.is_final() => {}
            end => break end,
        }
    };
    (outcome, start.elapsed(), polls.get())
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn an_hour_passes_in_no_time() {
    let server = |age| answer(if age < secs(3600) { "PROCESSING" } else { "COMPLETED" });
    let (outcome, took, polls) = wait(Adaptive::new(), secs(7200), server).await;
    assert_eq!(outcome.unwrap().status.to_string(), "COMPLETED");
    // The policy asks after a tenth of the age at the latest, and has ten per cent of jitter.
    assert!(took < secs(4_000), "{took:?}");
    assert!(polls < 600, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_exact_and_names_what_is_known() {
    let (outcome, took, _) = wait(Adaptive::new(), Duration::from_millis(12_345), |_| answer("QUEUED")).await;
    let error = outcome.unwrap_err();
    assert!(error.is_deadline());
    assert_eq!(error.to_string(), "no result within 12.345s (last status QUEUED) [task t1]");
    assert_eq!(took, Duration::from_millis(12_345));
}

#[tokio::test(start_paused = true)]
async fn a_result_seen_by_the_last_poll_is_returned() {
    let server = |age| answer(if age < secs(10) { "PROCESSING" } else { "COMPLETED" });
    let (outcome, took, polls) = wait(every(secs(7)), secs(10), server).await;
    assert!(outcome.is_ok());
    assert_eq!((took, polls), (secs(10), 2));
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_out_until_the_deadline() {
    for failure in [broken, || refused(500, None), || refused(502, None), || refused(429, Some("3"))] {
        let server = |age| if age < secs(299) { failure() } else { answer("COMPLETED") };
        let (outcome, ..) = wait(Adaptive::new(), secs(300), server).await;
        assert!(outcome.is_ok(), "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_beyond_the_deadline_is_its_cause() {
    let (outcome, took, _) = wait(Adaptive::new(), secs(60), |_| refused(502, None)).await;
    let error = outcome.unwrap_err();
    assert!(error.is_deadline());
    assert_eq!(error.status(), Some(StatusCode::BAD_GATEWAY));
    assert_eq!(error.message(), Some("words"));
    assert_eq!(took, secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_long_retry_after_is_cut_by_the_deadline() {
    let (outcome, took, polls) = wait(Adaptive::new(), secs(60), |_| refused(429, Some("3600"))).await;
    assert!(outcome.unwrap_err().is_deadline());
    assert_eq!((took, polls), (secs(60), 2));
}

#[tokio::test(start_paused = true)]
async fn a_task_may_be_unknown_for_a_while_but_not_for_ever() {
    let lagging = |age| if age < secs(8) { refused(404, None) } else { answer("COMPLETED") };
    assert!(wait(Adaptive::new(), secs(60), lagging).await.0.is_ok());

    let (outcome, took, _) = wait(Adaptive::new(), secs(60), |_| refused(404, None)).await;
    let error = outcome.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(error.to_string(), "the server does not know the task: 404 Not Found: words [task t1]");
    assert!((secs(11)..secs(20)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_restarts_the_grace() {
    let flapping = |age: Duration| match age.as_secs() {
        0..30 => answer("QUEUED"),
        30..38 => refused(404, None),
        _ => answer("COMPLETED"),
    };
    assert!(wait(every(secs(1)), secs(60), flapping).await.0.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_ends_the_wait_and_keeps_the_id() {
    for status in [400, 401, 403] {
        let (outcome, _, polls) = wait(Adaptive::new(), secs(60), |_| refused(status, None)).await;
        let error = outcome.unwrap_err();
        assert!(error.is_rejected());
        assert_eq!(error.is_unauthorized(), status != 400);
        assert_eq!(error.task_id().unwrap().as_str(), "t1");
        assert_eq!(polls, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_does_not_use_up_the_grace() {
    let recovering = |age: Duration| match age.as_secs() {
        0..30 => broken(),
        30..38 => refused(404, None),
        _ => answer("COMPLETED"),
    };
    let (outcome, ..) = wait(every(secs(1)), secs(60), recovering).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    // Nor does a pace slower than the grace.
    let once = |age: Duration| if age < secs(20) { refused(404, None) } else { answer("COMPLETED") };
    let (outcome, ..) = wait(every(secs(15)), secs(60), once).await;
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pace_of_never_still_looks_at_the_deadline() {
    let (outcome, took, polls) = wait(every(Duration::MAX), secs(60), |_| answer("COMPLETED")).await;
    assert!(outcome.is_ok());
    assert_eq!((took, polls), (secs(60), 1));
}

fn poller(deadline: Duration) -> Poller {
    let start = Instant::now();
    Poller::new(PollSchedule {
        id: TaskId::from_server("t1"),
        pacing: Arc::new(Adaptive::new()),
        history: History::resumed(),
        start,
        due: start,
        timeout: deadline,
        deadline: start + deadline,
    })
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_a_last_look_and_no_more() {
    let start = Instant::now();
    let polls = Cell::new(0);
    let hanging = || {
        polls.set(polls.get() + 1);
        std::future::pending()
    };
    let error = poller(secs(5)).next(&Cooldown::default(), hanging).await.unwrap_err();
    assert!(error.is_deadline());
    assert_eq!((start.elapsed(), polls.get()), (secs(5) + FINAL_POLL_TIMEOUT, 2));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_zero_is_a_single_look() {
    let start = Instant::now();
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        answer("COMPLETED")
    };
    assert!(poller(Duration::ZERO).next(&Cooldown::default(), slow).await.is_ok());
    assert_eq!(start.elapsed(), Duration::from_millis(1_500));
}

/// A wait for a task of this age when it is done, as a client has many.
async fn wait_for(policy: &Arc<dyn Pacing>, done: Duration) -> u32 {
    let start = Instant::now();
    let mut polls = 0;
    let mut poller = Poller::new(PollSchedule {
        pacing: Arc::clone(policy),
        history: History::submitted(None),
        due: saturating_add(start, policy.delay(&Progress::default())),
        ..poller(secs(600)).0.schedule
    });
    loop {
        polls += 1;
        let poll = || {
            let status = if start.elapsed() < done { "PROCESSING" } else { "COMPLETED" };
            std::future::ready(answer(status))
        };
        if poller.next(&Cooldown::default(), poll).await.unwrap().status.is_final() {
            return polls;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_done_costs_one_poll() {
    let (outcome, took, polls) = wait(Adaptive::new(), secs(60), |_| answer("COMPLETED")).await;
    assert!(outcome.is_ok());
    assert_eq!(polls, 1);
    assert!((secs(1)..secs(3)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_one_wait_learns_serves_the_next() {
    let policy: Arc<dyn Pacing> = Arc::new(Adaptive::new());
    let cold = wait_for(&policy, secs(60)).await;
    for _ in 0..20 {
        wait_for(&policy, secs(60)).await;
    }
    let warm = wait_for(&policy, secs(60)).await;
    assert!(warm * 4 < cold * 3, "{warm} polls, after {cold} at first");
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_told_what_is_known() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    let policy = move |task: &Progress| {
        keep.lock().unwrap().push(*task);
        secs(10)
    };
    let server = |age: Duration| match age.as_secs() {
        0..15 => answer("QUEUED"),
        15..24 => refused(503, Some("5")),
        24..40 => answer("PROCESSING"),
        _ => answer("COMPLETED"),
    };
    wait(policy, secs(100), server).await.0.unwrap();
    let seen = seen.lock().unwrap();
    let phases: Vec<_> = seen.iter().map(|task| (task.phase, task.polls, task.retry_after)).collect();
    let (unknown, waiting, running) = (Phase::Unknown, Phase::Waiting, Phase::Running);
    assert_eq!(phases[..2], [(unknown, 0, None), (waiting, 1, None)]);
    assert_eq!(phases[2], (running, 2, Some(secs(5))));
    let task = seen[2];
    assert_eq!(task.age + task.left, secs(100));
    let off = task.age.abs_diff(secs(10) + task.in_phase * 2);
    assert!(off < Duration::from_millis(1), "since half way between two answers: {task:?}");
}

#[tokio::test(start_paused = true)]
async fn a_task_grows_more_urgent_until_it_is_asked_for_and_then_without_bounds() {
    let mut polling = poller(secs(600)).0;
    polling.on_response(&answer("PROCESSING").unwrap());
    assert!(polling.urgency() < 1e-9);
    tokio::time::advance(secs(2)).await;
    let soon = polling.urgency();
    tokio::time::advance(secs(2)).await;
    let later = polling.urgency();
    assert!(0.1 < soon && soon < later && later.is_finite(), "{soon} {later}");
    tokio::time::advance(secs(595)).await;
    assert!(polling.urgency().is_infinite());
}

#[tokio::test(start_paused = true)]
async fn at_its_deadline_a_task_is_urgent_however_little_is_to_be_hoped() {
    let mut polling = poller(secs(600)).0;
    tokio::time::advance(secs(599)).await;
    polling.on_response(&answer("PROCESSING").unwrap());
    assert!(polling.urgency() < 1e-9);
    tokio::time::advance(secs(1)).await;
    assert!(polling.urgency().is_infinite());
}

#[test]
fn a_waiting_task_takes_little_room() {
    let id = 36;
    assert!(size_of::<PollState>() + id < 300, "{}", size_of::<PollState>());
}
