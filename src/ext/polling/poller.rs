//! What is known of a task that is being waited for, and the loop that asks until it is done.
//!
//! [`Polling`] is told what happened and says when to ask again; it neither sleeps nor sends. [`Poller`] does, for a
//! single task: [`Wait`](super::Wait) and [`Updates`](super::Updates) are two views of it. A batch drives thousands.

use std::{future::Future, sync::Arc, time::Duration};

use reqwest::StatusCode;
use tokio::time::{Instant, timeout_at};

use super::{history::History, policy::Pacing, progress::Phase, server_time, status::TaskPhase};
use crate::{
    Error, TaskId,
    ext::{
        retry::{
            backoff::{backoff, with_jitter},
            policy::{Decision, Operation, classify},
        },
        transport::{
            cooldown::Cooldown,
            failure::{Failure, FailureKind},
            instant::saturating_add,
        },
    },
    types::{SpeechResult, SpeechStatus},
};

/// How long the last poll, which starts on the deadline, may take to bring its answer.
const FINAL_POLL_TIMEOUT: Duration = Duration::from_secs(2);

/// From this likelihood on a task counts as done.
const NEAR_CERTAIN: f64 = 0.95;

/// Where and when a task is polled: everything about it but the request itself.
pub(crate) struct PollSchedule {
    pub(crate) id: TaskId,
    pub(crate) pacing: Arc<dyn Pacing>,
    pub(crate) history: History,
    /// When it was submitted or, if that is not known, resumed.
    pub(crate) start: Instant,
    /// The next poll; at the beginning, the first.
    pub(crate) due: Instant,
    /// The deadline as it was given, for the error.
    pub(crate) timeout: Duration,
    pub(crate) deadline: Instant,
}

pub(crate) struct PollState {
    schedule: PollSchedule,
    /// The first 404 since the last answer.
    not_found_since: Option<Instant>,
    /// The server's last wish.
    retry_after: Option<Duration>,
    last_status: Option<SpeechStatus>,
    failures: u32,
    /// Boxed, as most tasks have none.
    last_failure: Option<Box<Failure>>,
    /// The poll on the deadline was made.
    final_poll_sent: bool,
}

impl PollState {
    pub(crate) fn new(schedule: PollSchedule) -> Self {
        Self {
            schedule,
            not_found_since: None,
            retry_after: None,
            last_status: None,
            failures: 0,
            last_failure: None,
            final_poll_sent: false,
        }
    }

    pub(crate) fn id(&self) -> &TaskId {
        &self.schedule.id
    }

    /// When to ask next. The last poll lands on the deadline.
    pub(crate) fn due(&self) -> Instant {
        self.schedule.due.min(self.schedule.deadline)
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.schedule.deadline
    }

    /// The end, once the poll on the deadline was made.
    pub(crate) fn check_deadline(&mut self) -> Result<(), Error> {
        if self.final_poll_sent { Err(self.deadline_error()) } else { Ok(()) }
    }

    /// How much a poll is expected to shorten the waiting, where there are more tasks to ask for than requests to be made:
    /// it only compares tasks of one client. Without bounds where the task is all but certain to be done.
    ///
    /// A second of delay costs the chance p that it is done. But to ask and hear "not yet" is a request for nothing, and
    /// the longer one has not asked, the less one has spent so: with a price on each request, the price at which it is
    /// worth to ask now grows like the time unheard times the odds, p / (1 − p).
    pub(crate) fn urgency(&self) -> f64 {
        let now = Instant::now();
        let PollSchedule { pacing, history, start, deadline, .. } = &self.schedule;
        let (age, left) = (now.saturating_duration_since(*start), deadline.saturating_duration_since(now));
        let progress = history.progress(age, self.retry_after, left);
        let likelihood = pacing.likelihood(&progress);
        // Its last poll has its time, whatever the policy thinks of it.
        if likelihood >= NEAR_CERTAIN || left.is_zero() {
            return f64::INFINITY;
        }
        progress.since_last_poll.as_secs_f64() * likelihood / (1.0 - likelihood)
    }

    /// A poll begins now; returns until when its answer is waited for.
    pub(crate) fn start_poll(&mut self) -> Instant {
        let now = Instant::now();
        self.final_poll_sent = now >= self.schedule.deadline;
        if self.final_poll_sent { now + FINAL_POLL_TIMEOUT } else { self.schedule.deadline }
    }

    /// An answer: the schedule goes by it, and all that went wrong before is forgotten.
    pub(crate) fn on_response(&mut self, result: &SpeechResult) {
        let now = Instant::now();
        self.not_found_since = None;
        self.failures = 0;
        self.last_failure = None;
        if self.last_status.as_ref() != Some(&result.status) {
            tracing::debug!(task = self.schedule.id.as_str(), status = %result.status, "status");
            self.last_status = Some(result.status.clone());
        }
        let PollSchedule { pacing, history, start, deadline, .. } = &mut self.schedule;
        let age = now.saturating_duration_since(*start);
        match result.status.phase() {
            TaskPhase::Waiting => history.on_response(Phase::Waiting, age),
            TaskPhase::Running => history.on_response(Phase::Running, age),
            TaskPhase::Failed => return,
            TaskPhase::Completed => {
                let server =
                    result.finished.and_then(|finished| server_time::elapsed(result.created, finished));
                if let Some(finished) = history.completed(age, server) {
                    pacing.learn(&finished);
                }
                return;
            }
        }
        let left = deadline.saturating_duration_since(now);
        let delay = pacing.delay(&history.progress(age, self.retry_after, left));
        self.schedule.due = saturating_add(now, with_jitter(delay));
    }

    /// A fault: an event to wait out, or the end.
    pub(crate) fn on_failure(&mut self, failure: Failure) -> Result<(), Error> {
        let now = Instant::now();
        if failure.kind == FailureKind::Status(StatusCode::NOT_FOUND) {
            self.not_found_since.get_or_insert(now);
        }
        let absent = self.not_found_since.map_or(Duration::ZERO, |since| now - since);
        let decision = classify(Operation::Poll { not_found_for: absent }, &failure);
        if decision != Decision::Retry {
            return Err(Error::from_failure(decision, failure).with_task_id(&self.schedule.id));
        }
        self.failures += 1;
        tracing::warn!(task = self.schedule.id.as_str(), failures = self.failures, failure = ?failure.kind, "not answered");
        self.schedule.due = now + with_jitter(backoff(self.failures));
        self.retry_after = failure.retry_after().or(self.retry_after);
        // Silence after a server's words doesn't make them less worth telling.
        if failure.response.is_some() || self.last_failure.is_none() {
            self.last_failure = Some(Box::new(failure));
        }
        Ok(())
    }

    fn deadline_error(&mut self) -> Error {
        let last_status = self.last_status.as_ref().map(SpeechStatus::to_string);
        Error::deadline(self.schedule.timeout, last_status, self.last_failure.take().map(|failure| *failure))
            .with_task_id(&self.schedule.id)
    }
}

/// The answer to a poll. One that hangs ends at the deadline, for the last one to have its turn.
pub(crate) async fn poll_until(
    limit: Instant,
    poll: impl Future<Output = Result<SpeechResult, Failure>>,
) -> Result<SpeechResult, Failure> {
    timeout_at(limit, poll).await.unwrap_or_else(|_| Err(Failure::new(FailureKind::ConnectionLost)))
}

/// The loop for a single task.
pub(crate) struct Poller(PollState);

impl Poller {
    pub(crate) fn new(schedule: PollSchedule) -> Self {
        Self(PollState::new(schedule))
    }

    /// Sleeps until the next poll is due, asks, and goes on until there is an answer. Faults that may pass are waited
    /// out.
    pub(crate) async fn next<P, F>(&mut self, cooldown: &Cooldown, mut poll: P) -> Result<SpeechResult, Error>
    where
        P: FnMut() -> F,
        F: Future<Output = Result<SpeechResult, Failure>>,
    {
        let Self(polling) = self;
        loop {
            polling.check_deadline()?;
            cooldown.wait_until(polling.due(), polling.deadline()).await;
            // In a place of its own while it lasts: it is several times as large as the rest, and a task mostly sleeps.
            match poll_until(polling.start_poll(), Box::pin(poll())).await {
                Ok(result) => {
                    polling.on_response(&result);
                    return Ok(result);
                }
                Err(failure) => polling.on_failure(failure)?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
        let (outcome, took, _) =
            wait(Adaptive::new(), Duration::from_millis(12_345), |_| answer("QUEUED")).await;
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
}
