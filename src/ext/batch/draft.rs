//! A request of a batch, until the server has taken it.

use std::time::Duration;

use tokio::{sync::oneshot, time::Instant};

use super::journal::{Journal, Record, Records, fingerprint};
use crate::{
    Error, TaskId,
    ext::{decide::may_be_billed, fault::Fault, gate::after, speak::Order, submit::Submission},
};

/// A journal in use.
pub(super) struct Log {
    pub(super) journal: Journal,
    /// What earlier runs left; what this run has taken up is taken out.
    pub(super) records: Records,
    pub(super) closed: oneshot::Receiver<()>,
}

pub(super) struct Draft {
    pub(super) order: Order,
    /// For the journal.
    pub(super) fingerprint: Option<String>,
    /// From the first attempt on.
    submission: Option<Submission>,
    /// How often earlier runs sent it and it may have been taken.
    doubts: u32,
    /// It is on its way.
    flying: bool,
}

/// What is to be done for a request, by what this run and those before know of its key.
pub(super) enum Begin {
    Submit(Box<Draft>),
    /// It was submitted by an earlier run, and has so much time from its first poll on.
    Resume(TaskId, Duration),
}

impl Draft {
    /// By what the journal knows of it.
    pub(super) fn begin(
        order: Order,
        name: &str,
        record: &Record,
        log: Option<&Log>,
    ) -> Result<Begin, Error> {
        let fingerprint = log.map(|_| fingerprint(&order.request));
        if let (Some(log), Some(fingerprint)) = (log, &fingerprint) {
            if !record.is_free() && !record.is_of(fingerprint) {
                return Err(log.journal.differs(name, record));
            }
            if let Some(id) = &record.submitted {
                return Ok(Begin::Resume(id.clone(), order.time));
            }
            // With a name to ask for there is no reason to order again.
            if record.doubts() > order.resubmissions || record.named.is_some() {
                return Err(log.journal.doubt(record));
            }
        }
        let doubts = record.doubts();
        Ok(Begin::Submit(Box::new(Self { order, fingerprint, submission: None, doubts, flying: false })))
    }

    /// It is sent now: from the first time on its deadline counts.
    pub(super) fn sent(&mut self) {
        let Self { order, submission, doubts, flying, .. } = self;
        *flying = true;
        submission.get_or_insert_with(|| {
            let deadline = after(Instant::now(), order.time);
            Submission::new(deadline, order.resubmissions).after_doubts(*doubts)
        });
    }

    /// What followed was no success: what the journal is to say of it, and when it is sent again or how it ends.
    pub(super) fn weigh(&mut self, fault: Fault) -> (Settled, Result<Instant, Error>) {
        let settled = match (may_be_billed(&fault), &fault.task) {
            (false, _) => Settled::Unsent,
            (true, None) => Settled::InDoubt,
            (true, Some(_)) => Settled::Noted,
        };
        self.flying = false;
        let submission = self.submission.as_mut().expect("it was sent");
        (settled, submission.weigh(fault))
    }

    /// The deadline of the task that it has become.
    pub(super) fn deadline(&self) -> Instant {
        self.submission.as_ref().map_or_else(|| after(Instant::now(), self.order.time), Submission::deadline)
    }

    /// The end of one whose deadline passed before it had its turn again.
    pub(super) fn expired(&mut self) -> Option<Error> {
        self.submission.as_mut()?.expired()
    }

    /// The end of one that the server's wish holds back beyond its deadline.
    pub(super) fn held(&self, now: Instant, opens: Instant) -> Option<Error> {
        let submission = self.submission.as_ref().filter(|submission| submission.deadline() < opens)?;
        Some(submission.ended(Error::held(opens - now)))
    }

    /// The end of one that nobody goes on with.
    pub(super) fn left(&self) -> Error {
        if self.flying {
            return self.ended(Error::in_doubt(1, "it was on its way when the batch ended".to_owned()));
        }
        self.ended(Error::stopped())
    }

    /// An end for another reason than a reply: a doubt outlives it.
    pub(super) fn ended(&self, error: Error) -> Error {
        match &self.submission {
            Some(submission) => submission.ended(error),
            None => error.after_doubts(self.doubts),
        }
    }
}

/// What is known after an attempt that was no success.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Settled {
    /// The server has provably not taken it.
    Unsent,
    /// It may have.
    InDoubt,
    /// It may have, and its id was written down as soon as it came.
    Noted,
}
