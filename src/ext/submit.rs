//! The loop that submits, at most once.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{
    Error, TaskId,
    decide::{Operation, Verdict, decide},
    fault::{Fault, What},
    gate::{Gate, after, spread},
    pacing::{backoff, jittered},
};

/// Sends until the server has taken the request or a repetition could bill twice; waits only where the server asked to
/// or was never reached, and never beyond the deadline.
pub(crate) async fn submit<S, F>(
    gate: &Gate,
    mut submission: Submission,
    mut send: S,
) -> Result<TaskId, Error>
where
    S: FnMut() -> F,
    F: Future<Output = Result<TaskId, Fault>>,
{
    loop {
        // Again and again: it may close for longer while one waits.
        while let Some(held) = gate.closed_for() {
            let opens = after(Instant::now(), held);
            if opens > submission.deadline {
                return Err(submission.ended(Error::held(held)));
            }
            sleep_until((opens + spread()).min(submission.deadline)).await;
        }
        match send_once(send()).await {
            Ok(id) => return Ok(id),
            Err(fault) => sleep_until(submission.weigh(fault)?).await,
        }
    }
}

/// One request on its way, and a word in the log of how it ended.
pub(crate) async fn send_once(request: impl Future<Output = Result<TaskId, Fault>>) -> Result<TaskId, Fault> {
    let in_flight = InFlight;
    let outcome = request.await;
    in_flight.landed();
    if let Ok(id) = &outcome {
        tracing::info!(task = id.as_str(), "submitted");
    }
    outcome
}

/// What is known of a submission that has not come through yet.
#[derive(Debug)]
pub(crate) struct Submission {
    deadline: Instant,
    /// How often the caller would have it sent again when in doubt.
    resubmissions: u32,
    failures: u32,
    unreached: u32,
    /// How often it may have been taken.
    doubts: u32,
    /// What the last attempt came to.
    last_fault: Option<Box<Fault>>,
}

impl Submission {
    pub(crate) fn new(deadline: Instant, resubmissions: u32) -> Self {
        Self { deadline, resubmissions, failures: 0, unreached: 0, doubts: 0, last_fault: None }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Earlier runs may have had it taken so often.
    pub(crate) fn after_doubts(self, doubts: u32) -> Self {
        Self { doubts, ..self }
    }

    /// When to send it again after a fault, or how it ends.
    pub(crate) fn weigh(&mut self, fault: Fault) -> Result<Instant, Error> {
        self.failures += 1;
        self.unreached += u32::from(fault.what == What::Unreached);
        let left = self.resubmissions.saturating_sub(self.doubts);
        let verdict = decide(Operation::Create { unreached: self.unreached, resubmissions: left }, &fault);
        let end = match verdict {
            Verdict::Repeat | Verdict::Resubmit => match self.pause(&fault) {
                Some(due) => {
                    let in_doubt = verdict == Verdict::Resubmit;
                    self.doubts += u32::from(in_doubt);
                    tracing::warn!(failures = self.failures, fault = ?fault.what, in_doubt, "will be sent again");
                    self.last_fault = Some(Box::new(fault));
                    return Ok(due);
                }
                None if verdict == Verdict::Resubmit => Verdict::InDoubt,
                None => given_up(&fault),
            },
            end => end,
        };
        if end == Verdict::InDoubt {
            tracing::error!(fault = ?fault.what, task = ?fault.task, "in doubt: may have been submitted, and billed");
        }
        Err(Error::ended(end, fault).after_doubts(self.doubts))
    }

    /// The end of one that had no turn before its deadline, by what the last attempt came to.
    pub(crate) fn expired(&mut self) -> Option<Error> {
        /// A timer that wakes a little late is no reason.
        const GRACE: Duration = Duration::from_secs(1);
        let fault = self.last_fault.take_if(|_| self.deadline + GRACE < Instant::now())?;
        Some(self.ended(Error::ended(given_up(&fault), *fault)))
    }

    /// An end that has nothing to do with a request, such as [`Error::held`].
    pub(crate) fn ended(&self, error: Error) -> Error {
        error.after_doubts(self.doubts)
    }

    /// The end of the pause after a fault, if there is time for it.
    fn pause(&self, fault: &Fault) -> Option<Instant> {
        let hold = fault.retry_after().unwrap_or_default();
        let due = after(Instant::now(), hold.max(jittered(backoff(self.failures))));
        let apart = if hold.is_zero() { Duration::ZERO } else { spread() };
        (due <= self.deadline).then(|| (due + apart).min(self.deadline))
    }
}

/// What it means to leave it at a fault after which it could be sent again.
fn given_up(fault: &Fault) -> Verdict {
    if fault.what == What::Unreached { Verdict::Unreachable } else { Verdict::Refused }
}

/// Says so if a submission is dropped on its way: then nobody is left to hear the id.
struct InFlight;

impl InFlight {
    fn landed(self) {
        std::mem::forget(self);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        tracing::error!("in doubt: dropped while being submitted; may be billed");
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::VecDeque};

    use reqwest::{
        StatusCode,
        header::{HeaderMap, HeaderValue},
    };

    use super::*;

    fn unreached() -> Fault {
        Fault::new(What::Unreached)
    }

    fn answer(status: StatusCode, retry_after: Option<&'static str>) -> Fault {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert("retry-after", HeaderValue::from_static(value));
        }
        Fault::answered(status, &headers, "busy")
    }

    /// Runs the loop over a script, with a deadline of a minute; returns when each request went out, in seconds.
    async fn run(script: Vec<Result<TaskId, Fault>>) -> (Result<TaskId, Error>, Vec<f64>) {
        let start = Instant::now();
        let (script, sent) = (RefCell::new(VecDeque::from(script)), RefCell::new(Vec::new()));
        let gate = Gate::default();
        let outcome = submit(&gate, Submission::new(start + Duration::from_secs(60), 0), || {
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
        for fault in [
            Fault::new(What::Broken),
            answer(StatusCode::OK, None),
            answer(StatusCode::BAD_GATEWAY, None),
            answer(StatusCode::SERVICE_UNAVAILABLE, None),
        ] {
            let (outcome, sent) = run(vec![Err(fault)]).await;
            assert!(outcome.unwrap_err().is_in_doubt());
            assert_eq!(sent.len(), 1);
        }
    }

    /// As `run`, for a caller who would have it sent again when in doubt.
    async fn insist(times: u32, script: Vec<Result<TaskId, Fault>>) -> (Result<TaskId, Error>, usize) {
        let length = script.len();
        let script = RefCell::new(VecDeque::from(script));
        let submission = Submission::new(Instant::now() + Duration::from_secs(60), times);
        let send = || std::future::ready(script.borrow_mut().pop_front().expect("sent once too often"));
        let outcome = submit(&Gate::default(), submission, send).await;
        (outcome, length - script.borrow().len())
    }

    #[tokio::test(start_paused = true)]
    async fn resubmits_as_often_as_it_was_told_to() {
        let broken = || Err(Fault::new(What::Broken));
        let (outcome, sent) = insist(2, vec![broken(), broken(), Ok(id())]).await;
        assert_eq!((outcome.unwrap(), sent), (id(), 3));

        let (outcome, sent) = insist(2, (0..9).map(|_| broken()).collect()).await;
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
            Fault::new(What::NotSent("for some reason".to_owned())),
        ];
        for end in ends {
            let (outcome, sent) = insist(5, vec![Err(Fault::new(What::Broken)), Err(end)]).await;
            let error = outcome.unwrap_err();
            assert!(error.is_in_doubt() && !error.is_rejected() && !error.is_invalid(), "{error}");
            assert_eq!(sent, 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn never_resubmits_what_came_back_with_an_id() {
        let named = Fault { task: Some(id()), ..answer(StatusCode::BAD_GATEWAY, None) };
        let (outcome, sent) = insist(5, vec![Err(named)]).await;
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
        let (gate, start) = (Gate::default(), Instant::now());
        gate.close_for(Duration::from_secs(90));
        let deadline = start + Duration::from_secs(60);
        let error =
            submit(&gate, Submission::new(deadline, 0), || async { panic!("sent") }).await.unwrap_err();
        assert!(error.is_rate_limited() && !error.is_invalid());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(90)));
        assert!(error.to_string().contains("hold off for 90s"), "{error}");

        submit(&gate, Submission::new(start + Duration::from_secs(120), 0), || async { Ok(id()) })
            .await
            .unwrap();
        assert!(start.elapsed() >= Duration::from_secs(90));
    }

    #[tokio::test(start_paused = true)]
    async fn a_gate_that_closes_for_longer_meanwhile_is_not_walked_through() {
        let (gate, start) = (Gate::default(), Instant::now());
        gate.close_for(Duration::from_secs(5));
        let closing = async {
            sleep_until(start + Duration::from_secs(4)).await;
            gate.close_for(Duration::from_secs(3600));
        };
        let deadline = start + Duration::from_secs(60);
        let submitting = submit(&gate, Submission::new(deadline, 0), || async { panic!("sent") });
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
        let error = submit(&Gate::default(), Submission::new(Instant::now(), 0), send).await.unwrap_err();
        assert!(error.is_unreachable());
        assert_eq!(*count.borrow(), 1);
    }

    /// A server, and a network that breaks in one of four ways, or not at all.
    #[derive(Default)]
    struct Misfortune {
        taken: u32,
        lost_before: u32,
    }

    impl Misfortune {
        fn send(&mut self, random: &mut fastrand::Rng) -> Result<TaskId, Fault> {
            match random.u32(..100) {
                // Nobody listens.
                0..6 => Err(unreached()),
                // It breaks before the server has taken it.
                6..10 => {
                    self.lost_before += 1;
                    Err(Fault::new(What::Broken))
                }
                // It breaks after the server has taken it, or in the middle of the reply.
                10..14 => self.takes(Err(Fault::new(What::Broken))),
                14..18 => self.takes(Err(Fault::new(What::Unreadable))),
                18..20 => self.takes(Err(answer(StatusCode::BAD_GATEWAY, None))),
                // Refused for now.
                20..24 => Err(answer(StatusCode::TOO_MANY_REQUESTS, Some("1"))),
                _ => self.takes(Ok(id())),
            }
        }

        fn takes(&mut self, reply: Result<TaskId, Fault>) -> Result<TaskId, Fault> {
            self.taken += 1;
            reply
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_million_submissions_none_is_billed_twice_and_every_doubt_is_told() {
        let mut random = fastrand::Rng::with_seed(7);
        let (mut done, mut in_doubt, mut unreachable) = (0, 0, 0);
        let gate = Gate::default();
        for number in 0..1_000_000 {
            let world = RefCell::new((Misfortune::default(), &mut random));
            let send = || {
                let (misfortune, random) = &mut *world.borrow_mut();
                std::future::ready(misfortune.send(random))
            };
            let deadline = Instant::now() + Duration::from_secs(60);
            let outcome = submit(&gate, Submission::new(deadline, 0), send).await;
            let Misfortune { taken, lost_before } = world.into_inner().0;
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
}
