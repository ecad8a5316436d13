//! The submit loop, which submits at most once.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{
    backoff::{backoff, with_jitter},
    in_doubt::InDoubtAttempts,
    policy::{Decision, Operation, classify},
};
use crate::{
    Error, TaskId,
    ext::transport::{
        cooldown::{Cooldown, jitter},
        failure::{Failure, FailureKind},
        instant::saturating_add,
    },
};

/// Sends the request until the server accepts it, or until another attempt could be billed twice.
///
/// Waits only during a cooldown and after a failed connection, and never beyond the deadline.
pub(crate) async fn submit<S, F>(
    cooldown: &Cooldown,
    mut submission: Submission,
    mut send: S,
) -> Result<TaskId, Error>
where
    S: FnMut() -> F,
    F: Future<Output = Result<TaskId, Failure>>,
{
    loop {
        // A loop, because the cooldown may be extended during the sleep.
        while let Some(remaining) = cooldown.remaining() {
            let ends_at = saturating_add(Instant::now(), remaining);
            if ends_at > submission.deadline {
                return Err(submission.finish_with(Error::rate_limited(remaining)));
            }
            sleep_until((ends_at + jitter()).min(submission.deadline)).await;
        }
        match send_once(send()).await {
            Ok(id) => return Ok(id),
            Err(failure) => sleep_until(submission.on_failure(failure)?).await,
        }
    }
}

/// Sends one create and logs its result. Logs an error if the future is dropped before the response.
pub(crate) async fn send_once(
    request: impl Future<Output = Result<TaskId, Failure>>,
) -> Result<TaskId, Failure> {
    let in_flight = InFlightGuard;
    let result = request.await;
    in_flight.disarm();
    if let Ok(id) = &result {
        tracing::info!(task = id.as_str(), "task submitted");
    }
    result
}

/// The state of a submission that the server has not accepted yet.
#[derive(Debug)]
pub(crate) struct Submission {
    deadline: Instant,
    /// The number of resubmissions in doubt that the caller allows.
    resubmissions: u32,
    failures: u32,
    connect_failures: u32,
    in_doubt: InDoubtAttempts,
    /// The failure of the last attempt.
    last_failure: Option<Box<Failure>>,
}

impl Submission {
    pub(crate) fn new(deadline: Instant, resubmissions: u32) -> Self {
        Self {
            deadline,
            resubmissions,
            failures: 0,
            connect_failures: 0,
            in_doubt: InDoubtAttempts::default(),
            last_failure: None,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Adds the attempts in doubt of earlier runs.
    pub(crate) fn with_prior_attempts(self, in_doubt: InDoubtAttempts) -> Self {
        Self { in_doubt, ..self }
    }

    /// Returns the time of the next attempt, or the error that ends the submission.
    pub(crate) fn on_failure(&mut self, failure: Failure) -> Result<Instant, Error> {
        self.failures += 1;
        self.connect_failures += u32::from(failure.kind == FailureKind::NotConnected);
        let operation = Operation::Create {
            connect_failures: self.connect_failures,
            resubmissions_left: self.in_doubt.resubmissions_left(self.resubmissions),
        };
        let decision = match classify(operation, &failure) {
            decision @ (Decision::Retry | Decision::RetryInDoubt) => match self.next_attempt_at(&failure) {
                Some(due) => {
                    let in_doubt = decision == Decision::RetryInDoubt;
                    self.in_doubt = self.in_doubt.plus_one_if(in_doubt);
                    tracing::warn!(failures = self.failures, failure = ?failure.kind, in_doubt, "request failed, retrying");
                    self.last_failure = Some(Box::new(failure));
                    return Ok(due);
                }
                None if decision == Decision::RetryInDoubt => Decision::InDoubt,
                None => exhausted(&failure),
            },
            decision => decision,
        };
        if decision == Decision::InDoubt {
            tracing::error!(
                failure = ?failure.kind,
                task = ?failure.task_id,
                "submission in doubt, it may be billed"
            );
        }
        Err(self.finish_with(Error::from_failure(decision, failure)))
    }

    /// Returns the error of a submission that was not sent again before its deadline: that of its last attempt.
    pub(crate) fn expired(&mut self) -> Option<Error> {
        /// The time by which a timer may be late.
        const GRACE: Duration = Duration::from_secs(1);
        let failure = self.last_failure.take_if(|_| self.deadline + GRACE < Instant::now())?;
        Some(self.finish_with(Error::from_failure(exhausted(&failure), *failure)))
    }

    /// Returns the error that ends the submission, with its attempts in doubt.
    pub(crate) fn finish_with(&self, error: Error) -> Error {
        self.in_doubt.apply_to(error)
    }

    /// Returns the end of the pause after a failure, unless the deadline is earlier.
    fn next_attempt_at(&self, failure: &Failure) -> Option<Instant> {
        let delay = failure.retry_after().unwrap_or_default();
        let due = saturating_add(Instant::now(), delay.max(with_jitter(backoff(self.failures))));
        let spread = if delay.is_zero() { Duration::ZERO } else { jitter() };
        (due <= self.deadline).then(|| (due + spread).min(self.deadline))
    }
}

/// Returns the decision about a failure that could be retried, when the deadline is earlier than the retry.
fn exhausted(failure: &Failure) -> Decision {
    if failure.kind == FailureKind::NotConnected { Decision::Unreachable } else { Decision::Reject }
}

/// Logs an error if a submission is dropped before the response: the task id would be lost.
struct InFlightGuard;

impl InFlightGuard {
    fn disarm(self) {
        std::mem::forget(self);
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        tracing::error!("submission dropped before the response, it may be billed");
    }
}

#[cfg(test)]
mod tests;
