//! A request of a batch, until the server has taken it.

use std::time::Duration;

use tokio::{sync::oneshot, time::Instant};

use super::journal::{Journal, KeyState, KeyStates, fingerprint};
use crate::{
    Error, TaskId,
    ext::{
        retry::{policy::may_be_billed, submit::Submission},
        speech::speak::PreparedSpeech,
        transport::{failure::Failure, instant::saturating_add},
    },
};

/// A journal in use.
pub(super) struct ActiveJournal {
    pub(super) journal: Journal,
    /// What earlier runs left; what this run has taken up is taken out.
    pub(super) key_states: KeyStates,
    pub(super) closed: oneshot::Receiver<()>,
}

pub(super) struct PendingRequest {
    pub(super) speech: PreparedSpeech,
    /// For the journal.
    pub(super) fingerprint: Option<String>,
    /// From the first attempt on.
    submission: Option<Submission>,
    /// How often earlier runs sent it and it may have been taken.
    prior_attempts: u32,
    /// It is on its way.
    in_flight: bool,
}

/// What is to be done for a request, by what this run and those before know of its key.
pub(super) enum Start {
    Submit(Box<PendingRequest>),
    /// It was submitted by an earlier run, and has so much time from its first poll on.
    Resume(TaskId, Duration),
}

impl PendingRequest {
    /// By what the journal knows of it.
    pub(super) fn start(
        order: PreparedSpeech,
        name: &str,
        record: &KeyState,
        log: Option<&ActiveJournal>,
    ) -> Result<Start, Error> {
        let fingerprint = log.map(|_| fingerprint(&order.request));
        if let (Some(log), Some(fingerprint)) = (log, &fingerprint) {
            if !record.is_unbilled() && !record.matches(fingerprint) {
                return Err(log.journal.request_changed(name, record));
            }
            if let Some(id) = &record.submitted {
                return Ok(Start::Resume(id.clone(), order.timeout));
            }
            // With a name to ask for there is no reason to order again.
            if record.in_doubt_attempts() > order.resubmissions || record.task_id_in_doubt.is_some() {
                return Err(log.journal.in_doubt_error(record));
            }
        }
        let doubts = record.in_doubt_attempts();
        Ok(Start::Submit(Box::new(Self {
            speech: order,
            fingerprint,
            submission: None,
            prior_attempts: doubts,
            in_flight: false,
        })))
    }

    /// It is sent now: from the first time on its deadline counts.
    pub(super) fn start_attempt(&mut self) {
        let Self { speech: order, submission, prior_attempts: doubts, in_flight: flying, .. } = self;
        *flying = true;
        submission.get_or_insert_with(|| {
            let deadline = saturating_add(Instant::now(), order.timeout);
            Submission::new(deadline, order.resubmissions).with_prior_attempts(*doubts)
        });
    }

    /// What followed was no success: what the journal is to say of it, and when it is sent again or how it ends.
    pub(super) fn on_failure(&mut self, failure: Failure) -> (AttemptOutcome, Result<Instant, Error>) {
        let settled = match (may_be_billed(&failure), &failure.task_id) {
            (false, _) => AttemptOutcome::NotSent,
            (true, None) => AttemptOutcome::InDoubt,
            (true, Some(_)) => AttemptOutcome::Recorded,
        };
        self.in_flight = false;
        let submission = self.submission.as_mut().expect("it was sent");
        (settled, submission.on_failure(failure))
    }

    /// The deadline of the task that it has become.
    pub(super) fn deadline(&self) -> Instant {
        self.submission
            .as_ref()
            .map_or_else(|| saturating_add(Instant::now(), self.speech.timeout), Submission::deadline)
    }

    /// The end of one whose deadline passed before it had its turn again.
    pub(super) fn expired(&mut self) -> Option<Error> {
        self.submission.as_mut()?.expired()
    }

    /// The end of one that the server's wish holds back beyond its deadline.
    pub(super) fn rate_limited_past_deadline(&self, now: Instant, opens: Instant) -> Option<Error> {
        let submission = self.submission.as_ref().filter(|submission| submission.deadline() < opens)?;
        Some(submission.finish_with(Error::rate_limited(opens - now)))
    }

    /// The end of one that nobody goes on with.
    pub(super) fn abandon(&self) -> Error {
        if self.in_flight {
            return self.finish_with(Error::in_doubt(1, "it was on its way when the batch ended".to_owned()));
        }
        self.finish_with(Error::stopped())
    }

    /// An end for another reason than a reply: a doubt outlives it.
    pub(super) fn finish_with(&self, error: Error) -> Error {
        match &self.submission {
            Some(submission) => submission.finish_with(error),
            None => error.with_prior_attempts(self.prior_attempts),
        }
    }
}

/// What is known after an attempt that was no success.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum AttemptOutcome {
    /// The server has provably not taken it.
    NotSent,
    /// It may have.
    InDoubt,
    /// It may have, and its id was written down as soon as it came.
    Recorded,
}
