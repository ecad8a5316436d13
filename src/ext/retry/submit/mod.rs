//! The loop that submits, at most once.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{
    backoff::{backoff, with_jitter},
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

/// Sends until the server has taken the request or a repetition could bill twice; waits only where the server asked to
/// or was never reached, and never beyond the deadline.
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
        // Again and again: it may close for longer while one waits.
        while let Some(held) = cooldown.remaining() {
            let opens = saturating_add(Instant::now(), held);
            if opens > submission.deadline {
                return Err(submission.finish_with(Error::rate_limited(held)));
            }
            sleep_until((opens + jitter()).min(submission.deadline)).await;
        }
        match send_once(send()).await {
            Ok(id) => return Ok(id),
            Err(failure) => sleep_until(submission.on_failure(failure)?).await,
        }
    }
}

/// One request on its way, and a word in the log of how it ended.
pub(crate) async fn send_once(
    request: impl Future<Output = Result<TaskId, Failure>>,
) -> Result<TaskId, Failure> {
    let in_flight = InFlightGuard;
    let outcome = request.await;
    in_flight.disarm();
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
    connect_failures: u32,
    /// How often it may have been taken.
    in_doubt_attempts: u32,
    /// What the last attempt came to.
    last_failure: Option<Box<Failure>>,
}

impl Submission {
    pub(crate) fn new(deadline: Instant, resubmissions: u32) -> Self {
        Self {
            deadline,
            resubmissions,
            failures: 0,
            connect_failures: 0,
            in_doubt_attempts: 0,
            last_failure: None,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Earlier runs may have had it taken so often.
    pub(crate) fn with_prior_attempts(self, doubts: u32) -> Self {
        Self { in_doubt_attempts: doubts, ..self }
    }

    /// When to send it again after a fault, or how it ends.
    pub(crate) fn on_failure(&mut self, failure: Failure) -> Result<Instant, Error> {
        self.failures += 1;
        self.connect_failures += u32::from(failure.kind == FailureKind::NotConnected);
        let left = self.resubmissions.saturating_sub(self.in_doubt_attempts);
        let decision = classify(
            Operation::Create { connect_failures: self.connect_failures, resubmissions_left: left },
            &failure,
        );
        let end = match decision {
            Decision::Retry | Decision::RetryInDoubt => match self.next_attempt_at(&failure) {
                Some(due) => {
                    let in_doubt = decision == Decision::RetryInDoubt;
                    self.in_doubt_attempts += u32::from(in_doubt);
                    tracing::warn!(failures = self.failures, failure = ?failure.kind, in_doubt, "will be sent again");
                    self.last_failure = Some(Box::new(failure));
                    return Ok(due);
                }
                None if decision == Decision::RetryInDoubt => Decision::InDoubt,
                None => exhausted(&failure),
            },
            end => end,
        };
        if end == Decision::InDoubt {
            tracing::error!(failure = ?failure.kind, task = ?failure.task_id, "in doubt: may have been submitted, and billed");
        }
        Err(Error::from_failure(end, failure).with_prior_attempts(self.in_doubt_attempts))
    }

    /// The end of one that had no turn before its deadline, by what the last attempt came to.
    pub(crate) fn expired(&mut self) -> Option<Error> {
        /// A timer that wakes a little late is no reason.
        const GRACE: Duration = Duration::from_secs(1);
        let failure = self.last_failure.take_if(|_| self.deadline + GRACE < Instant::now())?;
        Some(self.finish_with(Error::from_failure(exhausted(&failure), *failure)))
    }

    /// An end that has nothing to do with a request, such as [`Error::held`].
    pub(crate) fn finish_with(&self, error: Error) -> Error {
        error.with_prior_attempts(self.in_doubt_attempts)
    }

    /// The end of the pause after a fault, if there is time for it.
    fn next_attempt_at(&self, failure: &Failure) -> Option<Instant> {
        let hold = failure.retry_after().unwrap_or_default();
        let due = saturating_add(Instant::now(), hold.max(with_jitter(backoff(self.failures))));
        let apart = if hold.is_zero() { Duration::ZERO } else { jitter() };
        (due <= self.deadline).then(|| (due + apart).min(self.deadline))
    }
}

/// What it means to leave it at a fault after which it could be sent again.
fn exhausted(failure: &Failure) -> Decision {
    if failure.kind == FailureKind::NotConnected { Decision::Unreachable } else { Decision::Reject }
}

/// Says so if a submission is dropped on its way: then nobody is left to hear the id.
struct InFlightGuard;

impl InFlightGuard {
    fn disarm(self) {
        std::mem::forget(self);
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        tracing::error!("in doubt: dropped while being submitted; may be billed");
    }
}

#[cfg(test)]
mod tests;
