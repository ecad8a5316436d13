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
mod tests;
