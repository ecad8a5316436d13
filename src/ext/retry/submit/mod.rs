//! The submit loop. Unless the caller allows it, no request is sent again that the server may have accepted.

use std::{future::Future, time::Duration};

use reqwest::StatusCode;
use tokio::time::Instant;

use super::{
    backoff::{backoff, with_jitter},
    in_doubt::InDoubtAttempts,
    label::Label,
    policy::{Decision, Operation, classify, may_be_billed},
};
use crate::{
    Error, TaskId,
    ext::{
        error::Kind,
        transport::{
            cooldown::Cooldown,
            failure::{Failure, FailureKind},
        },
    },
};

/// Sends the request until the server accepts or rejects it, or until another attempt could be billed twice and the caller
/// has not allowed that.
///
/// Pauses after a failed attempt and during a cooldown, and never beyond the deadline.
pub(crate) async fn submit<S, F, T>(
    cooldown: &Cooldown,
    mut submission: Submission,
    mut send: S,
) -> Result<T, Error>
where
    S: FnMut() -> F,
    F: Future<Output = Result<T, AttemptError>>,
{
    let mut due = Instant::now();
    loop {
        if let Err(error) = cooldown.wait_until(due, submission.deadline).await {
            return Err(submission.rate_limited(error));
        }
        match send().await {
            Ok(accepted) => return Ok(accepted),
            Err(AttemptError::Failed(failure, prior_attempts)) => {
                if let Some(prior_attempts) = prior_attempts {
                    submission.set_prior_attempts(prior_attempts);
                }
                due = submission.on_failure(*failure)?;
            }
            Err(AttemptError::Paused) => {}
            Err(AttemptError::NotSent(error)) => return Err(submission.finish_with(error)),
        }
    }
}

/// Why an attempt did not return a task.
pub(crate) enum AttemptError {
    /// With a store, also the attempts in doubt before this one.
    Failed(Box<Failure>, Option<InDoubtAttempts>),
    /// The request was not sent, because a cooldown began in the meantime. It is sent after that.
    Paused,
    /// The request was not sent, and will not be.
    NotSent(Error),
}

impl From<Failure> for AttemptError {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure), None)
    }
}

/// Sends one create and logs its result. Logs an error if the future is dropped before the response. The label
/// identifies the request in the log.
pub(crate) async fn send_once(
    request: impl Future<Output = Result<TaskId, Failure>>,
    label: &Label,
) -> Result<TaskId, Failure> {
    let in_flight = InFlightGuard(label);
    let result = request.await;
    in_flight.disarm();
    if let Ok(id) = &result {
        tracing::info!(request = %label, task = id.printable(), "task submitted");
    }
    result
}

/// The state of a submission that the server has not accepted yet.
#[derive(Debug)]
pub(crate) struct Submission {
    /// Identifies the request in the log.
    label: Label,
    deadline: Instant,
    /// The number of resubmissions in doubt that the caller allows.
    resubmissions: u32,
    failures: u32,
    connect_failures: u32,
    /// Failed connections are retried until the deadline.
    waits_out_outages: bool,
    in_doubt: InDoubtAttempts,
    /// The failure of the last attempt.
    last_failure: Option<Box<Failure>>,
}

impl Submission {
    pub(crate) fn new(label: Label, deadline: Instant, resubmissions: u32) -> Self {
        Self {
            label,
            deadline,
            resubmissions,
            failures: 0,
            connect_failures: 0,
            waits_out_outages: false,
            in_doubt: InDoubtAttempts::default(),
            last_failure: None,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Retries failed connections until the deadline. For a batch, which sends few creates during an outage.
    pub(crate) fn waiting_out_outages(self) -> Self {
        Self { waits_out_outages: true, ..self }
    }

    /// Sets the attempts in doubt that a store has counted: those of this submission, of earlier runs and of equal requests.
    pub(crate) fn set_prior_attempts(&mut self, in_doubt: InDoubtAttempts) {
        self.in_doubt = in_doubt;
    }

    /// Returns the time of the next attempt, or the error that ends the submission.
    pub(crate) fn on_failure(&mut self, failure: Failure) -> Result<Instant, Error> {
        self.failures += 1;
        self.connect_failures += u32::from(failure.kind == FailureKind::NotConnected);
        let operation = Operation::Create {
            connect_failures: if self.waits_out_outages { 0 } else { self.connect_failures },
            resubmissions_left: self.in_doubt.resubmissions_left(self.resubmissions),
        };
        let decision = match classify(operation, &failure) {
            decision @ (Decision::Retry | Decision::RetryInDoubt) => match self.next_attempt_at() {
                Some(due) => {
                    let in_doubt = decision == Decision::RetryInDoubt;
                    self.in_doubt = self.in_doubt.plus_one_if(in_doubt);
                    tracing::warn!(
                        request = %self.label,
                        failures = self.failures,
                        failure = ?failure.kind,
                        problem = failure.problem,
                        in_doubt,
                        "submission failed, retrying"
                    );
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
                request = %self.label,
                failure = ?failure.kind,
                problem = failure.problem,
                task = failure.task_id.as_ref().map(TaskId::printable),
                "submission in doubt, it may be billed"
            );
        }
        Err(self.finish_with(self.error(decision, failure)))
    }

    /// Returns the error of a submission that cannot be sent before its deadline because of a cooldown. If its own last
    /// attempt received a 429, that response is more useful than the error of the cooldown.
    pub(crate) fn rate_limited(&mut self, error: Error) -> Error {
        let is_429 = |failure: &Failure| failure.kind == FailureKind::Status(StatusCode::TOO_MANY_REQUESTS);
        let error = match self.last_failure.take_if(|failure| is_429(failure)) {
            Some(failure) => self.error(Decision::Reject, *failure),
            None => error,
        };
        self.finish_with(error)
    }

    fn error(&self, decision: Decision, failure: Failure) -> Error {
        let mut error = Error::from_failure(decision, failure);
        if let Kind::Unreachable { attempts } = &mut error.0.kind {
            *attempts = self.connect_failures;
        }
        error
    }

    /// Returns `true` if the next attempt is a resubmission in doubt, which the caller allowed.
    pub(crate) fn is_in_doubt(&self) -> bool {
        !self.in_doubt.is_zero()
    }

    /// Returns the error of a submission that was not sent again before its deadline: that of its last attempt.
    pub(crate) fn expired(&mut self) -> Option<Error> {
        /// The time by which a timer may be late.
        const GRACE: Duration = Duration::from_secs(1);
        let failure = self.last_failure.take_if(|_| self.deadline + GRACE < Instant::now())?;
        if !may_be_billed(&failure) {
            let error = self.error(exhausted(&failure), *failure);
            return Some(self.finish_with(error));
        }
        // The error counts the last attempt itself.
        let earlier = InDoubtAttempts::of(self.in_doubt.count().saturating_sub(1));
        Some(earlier.apply_to(self.error(Decision::InDoubt, *failure)))
    }

    /// Returns the error that ends the submission, with its attempts in doubt.
    pub(crate) fn finish_with(&self, error: Error) -> Error {
        self.in_doubt.apply_to(error)
    }

    /// Returns the end of the pause after a failure, unless the deadline is earlier. The cooldown adds `Retry-After`.
    fn next_attempt_at(&self) -> Option<Instant> {
        Some(Instant::now() + with_jitter(backoff(self.failures))).filter(|due| *due <= self.deadline)
    }
}

/// Returns the decision about a failure that could be retried, when the deadline is earlier than the retry.
fn exhausted(failure: &Failure) -> Decision {
    if failure.kind == FailureKind::NotConnected { Decision::Unreachable } else { Decision::Reject }
}

/// Logs an error if a submission is dropped before the response: the task id would be lost.
struct InFlightGuard<'a>(&'a Label);

impl InFlightGuard<'_> {
    fn disarm(self) {
        std::mem::forget(self);
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        tracing::error!(request = %self.0, "submission dropped before the response, it may be billed");
    }
}

#[cfg(test)]
mod tests;
