//! The polling state of a task, and the loop that polls it until it is finished.
//!
//! [`Poller`] receives responses and failures and computes when to poll next. It neither sleeps nor sends, except in
//! [`next`](Poller::next), which does both for a single task, on behalf of [`Wait`](crate::Wait) and
//! [`Updates`](crate::Updates). A batch drives thousands of pollers.

use std::{future::Future, time::Duration};

use reqwest::StatusCode;
use tokio::time::{Instant, timeout_at};

use super::{
    CompletedTask, history::History, not_found::NotFoundGrace, progress::Phase, server_time,
    status::TaskPhase, task_policy::TaskPolicy,
};
use crate::{
    Billed, Error, TaskId,
    ext::{
        retry::{
            backoff::{backoff, with_jitter},
            policy::{Decision, Operation, classify},
        },
        transport::{
            call::Received,
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
    pub(crate) policy: TaskPolicy,
    pub(crate) history: History,
    pub(crate) not_found: NotFoundGrace,
    /// The time of the submission or, if that is unknown, of the resumption.
    pub(crate) start: Instant,
    /// The time of the next poll.
    pub(crate) due: Instant,
    /// The time limit that the caller set, for the error message.
    pub(crate) time_limit: Duration,
    pub(crate) deadline: Instant,
}

pub(crate) struct Poller {
    schedule: PollSchedule,
    /// The time of the last poll.
    polled_at: Instant,
    /// The last `Retry-After` of the server.
    retry_after: Option<Duration>,
    last_status: Option<SpeechStatus>,
    failures: u32,
    /// Boxed to keep `Poller` small, because most tasks never fail.
    last_failure: Option<Box<Failure>>,
    /// `true` after the poll at the deadline was sent.
    final_poll_sent: bool,
}

impl Poller {
    pub(crate) fn new(schedule: PollSchedule) -> Self {
        Self {
            polled_at: schedule.start,
            schedule,
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
    pub(crate) fn urgency(&mut self) -> Option<f64> {
        let now = Instant::now();
        let PollSchedule { policy, history, start, deadline, .. } = &mut self.schedule;
        let age = now.saturating_duration_since(*start);
        let remaining = deadline.saturating_duration_since(now);
        let progress = history.progress(age, self.retry_after, remaining);
        let likelihood = policy.likelihood(&progress);
        // The last poll is due at the deadline, whatever the policy returns.
        if likelihood >= NEAR_CERTAIN || remaining.is_zero() {
            return None;
        }
        Some(progress.since_last_poll.as_secs_f64() * likelihood / (1.0 - likelihood))
    }

    /// Records that a poll starts now, and returns the deadline for its response.
    pub(crate) fn start_poll(&mut self) -> Instant {
        let now = Instant::now();
        self.polled_at = now;
        self.final_poll_sent = now >= self.schedule.deadline;
        if self.final_poll_sent { now + FINAL_POLL_TIMEOUT } else { self.schedule.deadline }
    }

    /// Records a response: clears earlier failures, and schedules the next poll with the policy. Returns the durations
    /// of a completed task, if they are known.
    pub(crate) fn on_response(&mut self, received: &Received<SpeechResult>) -> Option<CompletedTask> {
        let (now, result) = (Instant::now(), &received.value);
        self.schedule.not_found.on_response();
        self.retry_after = received.retry_after.or(self.retry_after);
        self.failures = 0;
        self.last_failure = None;
        if self.last_status.as_ref() != Some(&result.status) {
            tracing::debug!(task = self.schedule.id.printable(), status = %result.status, "status changed");
            self.last_status = Some(result.status.clone());
        }
        let PollSchedule { policy, history, start, deadline, .. } = &mut self.schedule;
        let age = now.saturating_duration_since(*start);
        match result.status.phase() {
            TaskPhase::Waiting => history.on_response(Phase::Waiting, age),
            TaskPhase::Running => history.on_response(Phase::Running, age),
            TaskPhase::Failed => return None,
            TaskPhase::Completed => {
                let times = result.created.zip(result.finished);
                let server = times.and_then(|(created, finished)| server_time::elapsed(created, finished));
                let completed = history.completed(age, server);
                if let Some(completed) = &completed {
                    policy.learn(completed);
                }
                return completed;
            }
        }
        let remaining = deadline.saturating_duration_since(now);
        let delay = with_jitter(policy.delay(&history.progress(age, self.retry_after, remaining)));
        self.schedule.due = saturating_add(now, delay.max(received.retry_after.unwrap_or_default()));
        None
    }

    /// Records a failure. Schedules a retry if the failure is transient, and returns the error otherwise.
    pub(crate) fn on_failure(&mut self, failure: Failure) -> Result<(), Error> {
        let now = Instant::now();
        let mut pause = Some(with_jitter(backoff(self.failures + 1)));
        if failure.kind == FailureKind::Status(StatusCode::NOT_FOUND) {
            pause = pause.and_then(|pause| self.schedule.not_found.on_not_found(now, pause));
        } else {
            self.schedule.not_found.on_other_failure(self.polled_at);
        }
        let decision = classify(Operation::Poll { not_found_grace: pause.is_some() }, &failure);
        if decision != Decision::Retry {
            return Err(self.about_task(Error::from_failure(decision, failure)));
        }
        self.failures += 1;
        tracing::warn!(
            task = self.schedule.id.printable(),
            failures = self.failures,
            failure = ?failure.kind,
            problem = failure.problem,
            "poll failed, retrying"
        );
        self.schedule.due = now + pause.unwrap_or_default();
        self.retry_after = failure.retry_after().or(self.retry_after);
        // Keep the last failure that has a server message. A later connection error is less useful.
        if failure.response.is_some() || self.last_failure.is_none() {
            self.last_failure = Some(Box::new(failure));
        }
        Ok(())
    }

    fn deadline_error(&mut self) -> Error {
        let last_status = self.last_status.as_ref().map(SpeechStatus::to_string);
        let error = match self.last_failure.take() {
            Some(failure) if self.schedule.not_found.only_not_found() => {
                Error::from_failure(Decision::NotFound, *failure)
            }
            failure => {
                Error::deadline(self.schedule.time_limit, last_status, failure.map(|failure| *failure))
            }
        };
        self.about_task(error)
    }

    /// Adds the task id to an error. The task is billed if the server has accepted it, even if it is not found later.
    fn about_task(&self, error: Error) -> Error {
        let error = error.with_task_id(&self.schedule.id);
        if self.schedule.not_found.is_accepted() { error.billed_at_least(Billed::Yes) } else { error }
    }
}

/// Waits for the response to a poll until `limit`. Without the limit, a hanging poll would take the time of
/// the last poll.
pub(crate) async fn poll_until(
    limit: Instant,
    poll: impl Future<Output = Result<Received<SpeechResult>, Failure>>,
) -> Result<Received<SpeechResult>, Failure> {
    timeout_at(limit, poll).await.unwrap_or_else(|_| {
        let problem = Some("no response before the deadline".to_owned());
        Err(Failure { problem, ..Failure::new(FailureKind::ConnectionLost) })
    })
}

/// A response to a poll, and the durations of a completed task.
#[derive(Debug)]
pub(crate) struct Polled {
    pub(crate) result: SpeechResult,
    pub(crate) completed: Option<CompletedTask>,
}

impl Poller {
    /// Sleeps until the next poll is due, polls, and repeats this until there is a response. Transient
    /// failures are retried until the deadline.
    pub(crate) async fn next<P, F>(&mut self, cooldown: &Cooldown, mut poll: P) -> Result<Polled, Error>
    where
        P: FnMut() -> F,
        F: Future<Output = Result<Received<SpeechResult>, Failure>>,
    {
        loop {
            self.check_deadline()?;
            let (due, deadline) = (self.due(), self.deadline());
            cooldown.wait_until(due, deadline).await.map_err(|error| error.with_task_id(self.id()))?;
            // Box the poll future only while it runs. It is several times as large as the state, and a task
            // mostly sleeps.
            match poll_until(self.start_poll(), Box::pin(poll())).await {
                Ok(received) => {
                    let completed = self.on_response(&received);
                    return Ok(Polled { result: received.value, completed });
                }
                Err(failure) => self.on_failure(failure)?,
            }
        }
    }
}

#[cfg(test)]
mod tests;
