//! The facts about a request that a work of the database needs, and the reading and writing of records.

use std::sync::Arc;

use super::{
    RequestHash,
    database::{Database, Priority, Transaction},
    durations::Durations,
    learned_names::LearnedNames,
    rates::Rate,
    record::{About, Meaning, Record, now},
    refused_ids::RefusedIds,
    shared::Shared,
};
use crate::{Billed, Error, TaskId, pacing::CompletedTask, types::SpeechRequest};

/// The facts about a request that a work needs. A work that held the store would keep it open.
///
/// It is small, because a batch has one for each request.
#[derive(Clone)]
pub(super) struct Facts {
    pub(super) hash: RequestHash,
    pub(super) about: About,
    pub(super) names: Arc<LearnedNames>,
    /// The number of resubmissions in doubt that the caller allows.
    pub(super) resubmissions: u32,
    pub(super) redo: Redo,
    pub(super) failed_task: Option<TaskId>,
    pub(super) refused_ids: RefusedIds,
}

/// The choice to speak a finished speech again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Redo {
    #[default]
    No,
    Yes,
    /// Unless this job did so before and was not finished.
    OncePerJob(u64),
}

/// A request, as the caller describes it.
pub(crate) struct Request<'a> {
    pub(crate) base_url: &'a str,
    pub(crate) speech: &'a SpeechRequest,
    pub(crate) take: u32,
    pub(crate) label: Option<String>,
    pub(crate) resubmissions: u32,
    pub(crate) redo: Redo,
    /// The task that the caller has seen fail, and replaces.
    pub(crate) failed_task: Option<TaskId>,
}

#[cfg(test)]
impl<'a> Request<'a> {
    pub(crate) fn of(speech: &'a SpeechRequest) -> Self {
        let base_url = "https://example.com";
        Self { base_url, speech, take: 0, label: None, resubmissions: 0, redo: Redo::No, failed_task: None }
    }
}

impl Facts {
    pub(super) fn new(shared: &Shared, request: Request<'_>) -> Self {
        let Request { base_url, speech, take, label, resubmissions, redo, failed_task } = request;
        let hash = RequestHash::of(base_url, speech, take);
        let label = label.map(String::into_boxed_str);
        let voice = speech.voice.as_ref().map(|voice| voice.to_string().into_boxed_str());
        let text = shared.options.keep_text.then(|| speech.input.to_string().into_boxed_str());
        let about = About { label, voice, characters: speech.input.chars().count(), take, text };
        let names = shared.share_names(LearnedNames::of(base_url, speech));
        let refused_ids = shared.database.refused_ids().clone();
        Self { hash, about, names, resubmissions, redo, failed_task, refused_ids }
    }

    pub(super) fn get(&self, transaction: &mut Transaction<'_>) -> Result<Option<Record>, Error> {
        let record = get(transaction, self.hash)?;
        Ok(record.map(|record| self.refused_ids.complete(self.hash, record)))
    }

    /// Returns the record of the request that is about to be sent.
    pub(super) fn announce(&self, earlier: Option<Record>) -> Record {
        let mut announced = Record::announce(earlier, self.about.clone());
        if let Redo::OncePerJob(job) = self.redo {
            announced.redone_by = Some(job);
        }
        announced
    }

    pub(super) fn meaning(&self, record: Option<&Record>) -> Meaning {
        let Some(record) = record else { return Meaning::New };
        match record.meaning() {
            Meaning::Stored(_) if self.is_redone(record) => Meaning::New,
            // Another call may have replaced the task already.
            Meaning::Stored(finished) if self.failed_task.as_ref() == Some(&finished.id) => Meaning::New,
            meaning => meaning,
        }
    }

    /// Returns `true` if the finished speech of the record is spoken again.
    fn is_redone(&self, record: &Record) -> bool {
        match self.redo {
            Redo::No => false,
            Redo::Yes => true,
            Redo::OncePerJob(job) => record.redone_by != Some(job),
        }
    }

    /// Returns `true` if the request is submitted. With a task id, the caller polls that task instead of submitting again.
    pub(super) fn may_submit(&self, meaning: &Meaning) -> bool {
        match meaning {
            Meaning::New => true,
            Meaning::InDoubt(attempts, id) => id.is_none() && attempts.count() <= self.resubmissions,
            Meaning::Submitted(_) | Meaning::Stored(_) => false,
        }
    }

    /// Returns the record for a fact that must not be lost. A damaged record counts as none.
    pub(super) fn record(&self, transaction: &mut Transaction<'_>) -> Record {
        let record = get(transaction, self.hash).ok().flatten();
        record.unwrap_or_else(|| Record::announce(None, self.about.clone()))
    }

    pub(super) fn learn(&self, transaction: &mut Transaction<'_>, seconds: f64) -> Result<(), Error> {
        let mut rate = read_rate(transaction, &self.names.rate)?;
        rate.observe(self.about.characters, seconds);
        let bytes = serde_json::to_vec(&rate).expect("numbers are JSON");
        transaction.put_meta(&self.names.rate, &bytes)
    }

    /// Keeps the durations of a task. An error is logged, because the entry of the task is worth more.
    pub(super) fn keep_durations(&self, transaction: &mut Transaction<'_>, task: &CompletedTask) {
        let kept = read_durations(transaction, &self.names.durations).and_then(|mut durations| {
            durations.push(task, now());
            transaction.put_meta(&self.names.durations, &durations.to_bytes())
        });
        if let Err(error) = kept {
            tracing::warn!(?error, "durations of the task not kept in the store");
        }
    }
}

/// Reads a record in a transaction of its own.
pub(super) async fn read(database: &Database, hash: RequestHash) -> Result<Option<Record>, Error> {
    let record = database.run(Priority::Normal, move |transaction| get(transaction, hash)).await?;
    Ok(record.map(|record| database.refused_ids().complete(hash, record)))
}

/// Reads a record as it is on disk.
pub(super) fn get(transaction: &mut Transaction<'_>, hash: RequestHash) -> Result<Option<Record>, Error> {
    let Some(bytes) = transaction.get(hash)? else { return Ok(None) };
    parse(hash, &bytes).map(Some)
}

pub(super) fn parse(hash: RequestHash, bytes: &[u8]) -> Result<Record, Error> {
    Record::parse(bytes).map_err(|error| {
        Error::invalid("store", format!("entry {hash} is damaged; forget it to submit its text again"))
            .with_source(error)
            .billed_at_least(Billed::Maybe)
    })
}

pub(super) fn put(
    transaction: &mut Transaction<'_>,
    hash: RequestHash,
    record: &Record,
) -> Result<(), Error> {
    transaction.put(hash, &serde_json::to_vec(record).expect("strings and numbers are JSON"))
}

/// Returns what the store has learned. Content that cannot be read counts as nothing.
pub(super) fn read_rate(transaction: &mut Transaction<'_>, name: &str) -> Result<Rate, Error> {
    let bytes = transaction.get_meta(name)?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

pub(super) fn read_durations(transaction: &mut Transaction<'_>, name: &str) -> Result<Durations, Error> {
    Ok(transaction.get_meta(name)?.map(|bytes| Durations::parse(&bytes)).unwrap_or_default())
}
