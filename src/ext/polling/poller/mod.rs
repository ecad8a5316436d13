//! The polling state of a task, and the loop that polls it until it is finished.
//!
//! [`PollState`] receives responses and failures and computes when to poll next. It neither sleeps nor sends.
//! [`Poller`] does both for a single task, on behalf of [`Wait`](crate::Wait) and
//! [`Updates`](crate::Updates). A batch drives thousands of `PollState`s.

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

/// The timeout of the last poll, which starts at the deadline.
const FINAL_POLL_TIMEOUT: Duration = Duration::from_secs(2);

/// The likelihood from which a task counts as finished.
const NEAR_CERTAIN: f64 = 0.95;

/// The id, policy and times of a task that is polled: everything except the request itself.
pub(crate) struct PollSchedule {
    pub(crate) id: TaskId,
    pub(crate) pacing: Arc<dyn Pacing>,
    pub(crate) history: History,
    /// The time of the submission or, if that is unknown, of the resumption.
    pub(crate) start: Instant,
    /// The time of the next poll.
    pub(crate) due: Instant,
    /// The timeout that the caller set, for the error message.
    pub(crate) timeout: Duration,
    pub(crate) deadline: Instant,
}

pub(crate) struct PollState {
    schedule: PollSchedule,
    /// The time of the first 404 since the last response.
    not_found_since: Option<Instant>,
    /// The last `Retry-After` of the server.
    retry_after: Option<Duration>,
    last_status: Option<SpeechStatus>,
    failures: u32,
    /// Boxed to keep `PollState` small, because most tasks never fail.
    last_failure: Option<Box<Failure>>,
    /// `true` after the poll at the deadline was sent.
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

    /// Returns the time of the next poll. The last poll is at the deadline.
    pub(crate) fn due(&self) -> Instant {
        self.schedule.due.min(self.schedule.deadline)
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.schedule.deadline
    }

    /// Returns the deadline error if the poll at the deadline was already sent.
    pub(crate) fn check_deadline(&mut self) -> Result<(), Error> {
        if self.final_poll_sent { Err(self.deadline_error()) } else { Ok(()) }
    }

    /// Returns the expected benefit of a poll now. If more polls are due than requests are allowed, it ranks
    /// the tasks of one client. `None` if the task is almost certainly finished: then nothing ranks higher.
    ///
    /// Each second of delay costs the probability p that the task is finished. But a poll of an unfinished
    /// task is a wasted request, and long intervals waste fewer requests. Each request has a price. The
    /// highest price at which a poll is worth sending grows like the time since the last poll times the odds,
    /// p/(1 − p).
    pub(crate) fn urgency(&self) -> Option<f64> {
        let now = Instant::now();
        let PollSchedule { pacing, history, start, deadline, .. } = &self.schedule;
        let age = now.saturating_duration_since(*start);
        let remaining = deadline.saturating_duration_since(now);
        let progress = history.progress(age, self.retry_after, remaining);
        let likelihood = pacing.likelihood(&progress);
        // The last poll is due at the deadline, whatever the policy returns.
        if likelihood >= NEAR_CERTAIN || remaining.is_zero() {
            return None;
        }
        Some(progress.since_last_poll.as_secs_f64() * likelihood / (1.0 - likelihood))
    }

    /// Records that a poll starts now, and returns the deadline for its response.
    pub(crate) fn start_poll(&mut self) -> Instant {
        let now = Instant::now();
        self.final_poll_sent = now >= self.schedule.deadline;
        if self.final_poll_sent { now + FINAL_POLL_TIMEOUT } else { self.schedule.deadline }
    }

    /// Records a response: clears earlier failures, and schedules the next poll with the policy.
    pub(crate) fn on_response(&mut self, result: &SpeechResult) {
        let now = Instant::now();
        self.not_found_since = None;
        self.failures = 0;
        self.last_failure = None;
        if self.last_status.as_ref() != Some(&result.status) {
            tracing::debug!(task = self.schedule.id.as_str(), status = %result.status, "status changed");
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
                if let Some(completed) = history.completed(age, server) {
                    pacing.learn(&completed);
                }
                return;
            }
        }
        let remaining = deadline.saturating_duration_since(now);
        let delay = pacing.delay(&history.progress(age, self.retry_after, remaining));
        self.schedule.due = saturating_add(now, with_jitter(delay));
    }

    /// Records a failure. Schedules a retry if the failure is transient, and returns the error otherwise.
    pub(crate) fn on_failure(&mut self, failure: Failure) -> Result<(), Error> {
        let now = Instant::now();
        if failure.kind == FailureKind::Status(StatusCode::NOT_FOUND) {
            self.not_found_since.get_or_insert(now);
        }
        let not_found_for = self.not_found_since.map_or(Duration::ZERO, |since| now - since);
        let decision = classify(Operation::Poll { not_found_for }, &failure);
        if decision != Decision::Retry {
            return Err(Error::from_failure(decision, failure).with_task_id(&self.schedule.id));
        }
        self.failures += 1;
        tracing::warn!(
            task = self.schedule.id.as_str(),
            failures = self.failures,
            failure = ?failure.kind,
            "poll failed, retrying"
        );
        self.schedule.due = now + with_jitter(backoff(self.failures));
        self.retry_after = failure.retry_after().or(self.retry_after);
        // Keep the last failure that has a server message. A later connection error is less useful.
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

/// Waits for the response to a poll until `limit`. Without the limit, a hanging poll would leave no time for
/// the last poll.
pub(crate) async fn poll_until(
    limit: Instant,
    poll: impl Future<Output = Result<SpeechResult, Failure>>,
) -> Result<SpeechResult, Failure> {
    timeout_at(limit, poll).await.unwrap_or_else(|_| Err(Failure::new(FailureKind::ConnectionLost)))
}

/// The poll loop for a single task.
pub(crate) struct Poller(PollState);

impl Poller {
    pub(crate) fn new(schedule: PollSchedule) -> Self {
        Self(PollState::new(schedule))
    }

    /// Sleeps until the next poll is due, polls, and repeats this until there is a response. Transient
    /// failures are retried until the deadline.
    pub(crate) async fn next<P, F>(&mut self, cooldown: &Cooldown, mut poll: P) -> Result<SpeechResult, Error>
    where
        P: FnMut() -> F,
        F: Future<Output = Result<SpeechResult, Failure>>,
    {
        let Self(state) = self;
        loop {
            state.check_deadline()?;
            cooldown.wait_until(state.due(), state.deadline()).await;
            // Box the poll future only while it runs. It is several times as large as the state, and a task
            // mostly sleeps.
            match poll_until(state.start_poll(), Box::pin(poll())).await {
                Ok(result) => {
                    state.on_response(&result);
                    return Ok(result);
                }
                Err(failure) => state.on_failure(failure)?,
            }
        }
    }
}

#[cfg(test)]
mod tests;
