//! A request of a batch until the server accepts it.

use tokio::time::Instant;

use super::spending::Reservation;
use crate::{
    Error,
    ext::{
        retry::{in_doubt::InDoubtAttempts, label::Label, policy::may_be_billed, submit::Submission},
        speech::speak::PreparedSpeech,
        store::attempt::Attempt,
        transport::{failure::Failure, instant::saturating_add},
    },
};

pub(super) struct PendingRequest {
    pub(super) speech: PreparedSpeech,
    /// The error with which the request ends if it is still not submitted at its last lookup.
    pub(super) ending: Option<Error>,
    /// The right to send the request once, if it is announced in a store.
    pub(super) attempt: Option<Attempt>,
    /// The seconds of audio that the request is expected to take.
    pub(super) expected_seconds: f64,
    /// The share of the job's limits, from the first attempt on.
    pub(super) reservation: Option<Reservation>,
    /// The time at which the batch had this request.
    received_at: Instant,
    /// `None` before the first attempt.
    submission: Option<Submission>,
    /// The attempts in doubt of earlier runs and of equal requests, as of the last lookup.
    pub(super) prior_attempts: InDoubtAttempts,
    pub(super) in_flight: bool,
}

impl PendingRequest {
    pub(super) fn new(speech: PreparedSpeech, received_at: Instant) -> Self {
        let prior_attempts = InDoubtAttempts::default();
        Self {
            speech,
            ending: None,
            attempt: None,
            expected_seconds: 0.0,
            reservation: None,
            received_at,
            submission: None,
            prior_attempts,
            in_flight: false,
        }
    }

    /// Marks the request as sent. The deadline counts from the first attempt.
    pub(super) fn start_attempt(&mut self, key: &str) {
        let Self { speech, submission, in_flight, .. } = self;
        *in_flight = true;
        let submission = submission.get_or_insert_with(|| {
            let deadline = saturating_add(Instant::now(), speech.time_limit);
            Submission::new(Label::Key(key.into()), deadline, speech.resubmissions).waiting_out_outages()
        });
        if let Some(attempt) = &self.attempt {
            submission.set_prior_attempts(attempt.prior_attempts());
        }
    }

    /// Returns the time of the next attempt, or the error that ends the request.
    pub(super) fn on_failure(&mut self, failure: Failure) -> Result<Instant, Error> {
        self.in_flight = false;
        let may_be_billed = may_be_billed(&failure);
        let submission = self.submission.as_mut().expect("a request that fails was sent");
        let next_attempt = submission.on_failure(failure);
        if may_be_billed && let Some(reservation) = self.reservation.take() {
            // A resubmission takes another share.
            reservation.keep();
        }
        next_attempt
    }

    /// Returns the deadline of the task.
    pub(super) fn deadline(&self) -> Instant {
        self.submission
            .as_ref()
            .map_or_else(|| saturating_add(Instant::now(), self.speech.time_limit), Submission::deadline)
    }

    /// Returns the error of a request whose deadline passed before the next attempt.
    pub(super) fn expired(&mut self) -> Option<Error> {
        self.submission.as_mut()?.expired()
    }

    /// Returns `true` before the first attempt.
    pub(super) fn is_new(&self) -> bool {
        self.submission.is_none()
    }

    /// Returns `true` if the next attempt is a resubmission in doubt, which the caller allowed.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.submission.as_ref().is_some_and(Submission::is_in_doubt)
    }

    /// Returns the error of a request that is held back for longer than its time limit.
    ///
    /// The deadline counts from the first attempt. Before the first attempt, the time in an outage, in cooldowns or in
    /// pauses after a 429 counts: from its start, or from the time at which the batch had the request.
    pub(super) fn held_past_deadline(&mut self, now: Instant, hold: &Hold<'_>) -> Option<Error> {
        if let Some(submission) = &mut self.submission {
            let ends_in_time = |end: &Instant| *end <= submission.deadline();
            return match (hold.cooldown_end.filter(|end| !ends_in_time(end)), &hold.rate_limited) {
                (Some(_), Some((error, _))) => Some(submission.rate_limited(error.clone())),
                _ => submission.expired(),
            };
        }
        let limit = |since: Instant| saturating_add(since.max(self.received_at), self.speech.time_limit);
        if let (Some(end), Some((error, since))) = (hold.cooldown_end, &hold.rate_limited)
            && limit(*since) < end
        {
            return Some(self.finish_with(error.clone()));
        }
        let mut reasons = [hold.throttled, hold.outage].into_iter().flatten();
        let (_, cause) = reasons.find(|(since, _)| limit(*since) <= now)?;
        Some(self.finish_with(cause.clone()))
    }

    /// Returns the error of a request that is dropped with the engine.
    pub(super) fn abandon(&self) -> Error {
        if self.in_flight {
            let source = "the request was in flight when the batch ended".to_owned();
            return self.finish_with(Error::in_doubt(1, source));
        }
        self.finish_with(Error::stopped())
    }

    /// Returns the error that ends the request, with its attempts in doubt.
    pub(super) fn finish_with(&self, error: Error) -> Error {
        match &self.submission {
            // Its attempts include those of earlier runs.
            Some(submission) if submission.is_in_doubt() => submission.finish_with(error),
            _ => self.prior_attempts.apply_to(error),
        }
    }
}

/// The reasons why creates are held back.
pub(super) struct Hold<'a> {
    pub(super) cooldown_end: Option<Instant>,
    /// The error of a request that cannot be sent during the cooldown, and the start of the first cooldown since the
    /// last accepted create.
    pub(super) rate_limited: Option<(Error, Instant)>,
    /// The time of the first 429 without `Retry-After` since the last accepted create, and the error of a request that is
    /// not sent because of it.
    pub(super) throttled: Option<(Instant, &'a Error)>,
    /// The start of the outage, and the error of a request that is not sent because of it.
    pub(super) outage: Option<(Instant, &'a Error)>,
}
