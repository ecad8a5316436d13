use std::{cell::RefCell, collections::VecDeque};

use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderValue},
};

use super::*;

fn unreached() -> Failure {
    Failure::new(FailureKind::NotConnected)
}

fn answer(status: StatusCode, retry_after: Option<&'static str>) -> Failure {
    let mut headers = HeaderMap::new();
    if let Some(value) = retry_after {
        headers.insert("retry-after", HeaderValue::from_static(value));
    }
    Failure::from_response(status, &headers, "busy")
}

/// Runs the loop over a script, with a deadline of a minute; returns when each request went out, in seconds.
async fn run(script: Vec<Result<TaskId, Failure>>) -> (Result<TaskId, Error>, Vec<f64>) {
    let start = Instant::now();
    let (script, sent) = (RefCell::new(VecDeque::from(script)), RefCell::new(Vec::new()));
    let cooldown = Cooldown::default();
    let outcome = submit(&cooldown, Submission::new(start + Duration::from_secs(60), 0), || {
        sent.borrow_mut().push(start.elapsed().as_secs_f64());
        let next = script.borrow_mut().pop_front().expect("sent once too often");
        async move { next }
    })
    .await;
    (outcome, sent.into_inner())
}

fn id() -> TaskId {
    TaskId::from_server("t1")
}

#[tokio::test(start_paused = true)]
async fn sends_again_only_what_was_not_taken() {
    let refused = answer(StatusCode::TOO_MANY_REQUESTS, Some("7"));
    let (outcome, sent) = run(vec![Err(unreached()), Err(refused), Ok(id())]).await;
    assert_eq!(outcome.unwrap(), id());
    assert!((0.22..0.29).contains(&sent[1]), "{sent:?}");
    assert!((7.2..7.6).contains(&sent[2]), "as Retry-After says: {sent:?}");
}

#[tokio::test(start_paused = true)]
async fn does_not_resubmit_when_in_doubt() {
    for failure in [
        Failure::new(FailureKind::ConnectionLost),
        answer(StatusCode::OK, None),
        answer(StatusCode::BAD_GATEWAY, None),
        answer(StatusCode::SERVICE_UNAVAILABLE, None),
    ] {
        let (outcome, sent) = run(vec![Err(failure)]).await;
        assert!(outcome.unwrap_err().is_in_doubt());
        assert_eq!(sent.len(), 1);
    }
}

/// As `run`, for a caller who would have it sent again when in doubt.
async fn run_resubmitting(
    times: u32,
    script: Vec<Result<TaskId, Failure>>,
) -> (Result<TaskId, Error>, usize) {
    let length = script.len();
    let script = RefCell::new(VecDeque::from(script));
    let submission = Submission::new(Instant::now() + Duration::from_secs(60), times);
    let send = || std::future::ready(script.borrow_mut().pop_front().expect("sent once too often"));
    let outcome = submit(&Cooldown::default(), submission, send).await;
    (outcome, length - script.borrow().len())
}

#[tokio::test(start_paused = true)]
async fn resubmits_as_often_as_it_was_told_to() {
    let broken = || Err(Failure::new(FailureKind::ConnectionLost));
    let (outcome, sent) = run_resubmitting(2, vec![broken(), broken(), Ok(id())]).await;
    assert_eq!((outcome.unwrap(), sent), (id(), 3));

    let (outcome, sent) = run_resubmitting(2, (0..9).map(|_| broken()).collect()).await;
    let error = outcome.unwrap_err();
    assert!(error.is_in_doubt());
    assert_eq!(sent, 3);
    assert!(error.to_string().contains("sent 3 times, and may have been billed as often"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_doubt_outlives_whatever_comes_after_it() {
    let ends = [
        answer(StatusCode::UNAUTHORIZED, None),
        answer(StatusCode::TOO_MANY_REQUESTS, Some("3600")),
        Failure::new(FailureKind::NotSent("for some reason".to_owned())),
    ];
    for end in ends {
        let (outcome, sent) =
            run_resubmitting(5, vec![Err(Failure::new(FailureKind::ConnectionLost)), Err(end)]).await;
        let error = outcome.unwrap_err();
        assert!(error.is_in_doubt() && !error.is_rejected() && !error.is_invalid(), "{error}");
        assert_eq!(sent, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn never_resubmits_what_came_back_with_an_id() {
    let named = Failure { task_id: Some(id()), ..answer(StatusCode::BAD_GATEWAY, None) };
    let (outcome, sent) = run_resubmitting(5, vec![Err(named)]).await;
    assert_eq!((outcome.unwrap_err().task_id(), sent), (Some(&id()), 1));
}

#[tokio::test(start_paused = true)]
async fn gives_up_on_a_host_that_is_not_there() {
    let (outcome, sent) = run((0..4).map(|_| Err(unreached())).collect()).await;
    assert!(outcome.unwrap_err().is_unreachable());
    assert!(sent[3] < 2.0, "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wish_beyond_the_deadline_ends_it_with_the_servers_words() {
    let (outcome, sent) = run(vec![Err(answer(StatusCode::TOO_MANY_REQUESTS, Some("3600")))]).await;
    let error = outcome.unwrap_err();
    assert!(error.is_rate_limited());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!(error.message(), Some("busy"));
    assert_eq!(sent.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_closed_gate_holds_back_the_first_request_too() {
    let (cooldown, start) = (Cooldown::default(), Instant::now());
    cooldown.extend(Duration::from_secs(90));
    let deadline = start + Duration::from_secs(60);
    let error =
        submit(&cooldown, Submission::new(deadline, 0), || async { panic!("sent") }).await.unwrap_err();
    assert!(error.is_rate_limited() && !error.is_invalid());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(90)));
    assert!(error.to_string().contains("hold off for 90s"), "{error}");

    submit(&cooldown, Submission::new(start + Duration::from_secs(120), 0), || async { Ok(id()) })
        .await
        .unwrap();
    assert!(start.elapsed() >= Duration::from_secs(90));
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_closes_for_longer_meanwhile_is_not_walked_through() {
    let (cooldown, start) = (Cooldown::default(), Instant::now());
    cooldown.extend(Duration::from_secs(5));
    let closing = async {
        sleep_until(start + Duration::from_secs(4)).await;
        cooldown.extend(Duration::from_secs(3600));
    };
    let deadline = start + Duration::from_secs(60);
    let submitting = submit(&cooldown, Submission::new(deadline, 0), || async { panic!("sent") });
    let (outcome, ()) = tokio::join!(submitting, closing);
    assert!(outcome.unwrap_err().is_rate_limited());
    assert!(start.elapsed() < Duration::from_secs(6), "it knows at once: {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_zero_sends_once() {
    let count = RefCell::new(0);
    let send = || {
        *count.borrow_mut() += 1;
        std::future::ready(Err(unreached()))
    };
    let error = submit(&Cooldown::default(), Submission::new(Instant::now(), 0), send).await.unwrap_err();
    assert!(error.is_unreachable());
    assert_eq!(*count.borrow(), 1);
}

/// A server, and a network that breaks in one of four ways, or not at all.
#[derive(Default)]
struct UnreliableServer {
    accepted: u32,
    lost_before: u32,
}

impl UnreliableServer {
    fn send(&mut self, random: &mut fastrand::Rng) -> Result<TaskId, Failure> {
        match random.u32(..100) {
            // Nobody listens.
            0..6 => Err(unreached()),
            // It breaks before the server has taken it.
            6..10 => {
                self.lost_before += 1;
                Err(Failure::new(FailureKind::ConnectionLost))
            }
            // It breaks after the server has taken it, or in the middle of the reply.
            10..14 => self.accept(Err(Failure::new(FailureKind::ConnectionLost))),
            14..18 => self.accept(Err(Failure::new(FailureKind::InvalidBody))),
            18..20 => self.accept(Err(answer(StatusCode::BAD_GATEWAY, None))),
            // Refused for now.
            20..24 => Err(answer(StatusCode::TOO_MANY_REQUESTS, Some("1"))),
            _ => self.accept(Ok(id())),
        }
    }

    fn accept(&mut self, reply: Result<TaskId, Failure>) -> Result<TaskId, Failure> {
        self.accepted += 1;
        reply
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_million_submissions_none_is_billed_twice_and_every_doubt_is_told() {
    let mut random = fastrand::Rng::with_seed(7);
    let (mut done, mut in_doubt, mut unreachable) = (0, 0, 0);
    let cooldown = Cooldown::default();
    for number in 0..1_000_000 {
        let world = RefCell::new((UnreliableServer::default(), &mut random));
        let send = || {
            let (misfortune, random) = &mut *world.borrow_mut();
            std::future::ready(misfortune.send(random))
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        let outcome = submit(&cooldown, Submission::new(deadline, 0), send).await;
        let UnreliableServer { accepted: taken, lost_before } = world.into_inner().0;
        match outcome {
            Ok(_) => {
                assert_eq!((taken, lost_before), (1, 0), "{number}");
                done += 1;
            }
            Err(error) if error.is_in_doubt() => {
                assert_eq!(taken + lost_before, 1, "{number}");
                in_doubt += 1;
            }
            Err(error) => {
                assert!(error.is_unreachable(), "{number}: {error}");
                assert_eq!((taken, lost_before), (0, 0), "{number}");
                unreachable += 1;
            }
        }
    }
    // 14 of the 90 in 100 that are final are doubts; four times in a row nobody listens about once in 75,000.
    assert!((150_000..160_000).contains(&in_doubt), "{in_doubt}");
    assert!(unreachable < 100, "{unreachable}");
    assert_eq!(done + in_doubt + unreachable, 1_000_000);
}
