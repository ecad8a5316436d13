//! The entry of one request: what is known about it, and what becomes known.

use std::{fmt, path::PathBuf, sync::Arc};

use tokio::{
    sync::SemaphorePermit,
    time::{Instant, timeout_at},
};

use super::{
    RequestHash,
    attempt::Attempt,
    audio_files::StoredAudio,
    claims::Claim,
    database::Priority,
    facts::{Facts, Redo, Request, put, read, read_durations, read_rate},
    learned_names::LearnedNames,
    rates::Rate,
    record::{Finished, Meaning, Record, RecordState, now},
    shared::Shared,
    stored_file::StoredFile,
};
use crate::{
    Error, ErrorKind, TaskId,
    ext::{
        polling::{client_policy::ClientPolicy, task_policy::TaskPolicy},
        retry::in_doubt::InDoubtAttempts,
    },
    pacing::CompletedTask,
    types::SpeechResult,
};

/// The entry of a request in a store, which may not exist yet.
#[derive(Clone)]
pub(crate) struct EntryHandle {
    shared: Arc<Shared>,
    facts: Arc<Facts>,
}

/// The state of a request in a store.
pub(crate) enum Found {
    /// The request may be submitted. Earlier attempts may be billed, which the caller allowed.
    New(InDoubtAttempts),
    /// The request may be billed and is not submitted again.
    InDoubt(Error),
    Submitted(TaskId),
    Stored(StoredSpeech),
    /// Another submission of the same request was not finished at the deadline.
    Busy,
}

/// A finished speech in a store.
#[derive(Clone, Debug)]
pub(crate) struct StoredSpeech {
    pub(crate) id: TaskId,
    pub(crate) created: Option<f64>,
    pub(crate) finished: Option<f64>,
    /// The audio, if it is in the store.
    pub(crate) file: Option<StoredFile>,
}

/// The step that a job would take with a request.
pub(crate) enum Outlook {
    Stored,
    Submitted,
    InDoubt,
    New { characters: usize, names: Arc<LearnedNames>, rate: Rate },
}

/// The outcome of an announcement.
pub(crate) enum Announced {
    /// The request may be sent now, once.
    Claimed(Attempt),
    /// Another submission of the same request came first.
    Found(Found),
}

impl EntryHandle {
    pub(super) fn new(shared: Arc<Shared>, request: Request<'_>) -> Self {
        let facts = Arc::new(Facts::new(&shared, request));
        Self { shared, facts }
    }

    pub(crate) fn hash(&self) -> RequestHash {
        self.facts.hash
    }

    /// Returns `true` if a finished speech is spoken again.
    pub(crate) fn is_redone(&self) -> bool {
        self.facts.redo != Redo::No
    }

    /// Returns the failed task that the request replaces.
    pub(crate) fn failed_task(&self) -> Option<&TaskId> {
        self.facts.failed_task.as_ref()
    }

    /// Returns a handle with which a finished speech is not spoken again.
    pub(crate) fn without_redo(&self) -> Self {
        let facts = Facts { redo: Redo::No, ..Facts::clone(&self.facts) };
        Self { facts: Arc::new(facts), ..self.clone() }
    }

    pub(crate) fn keeps_audio(&self) -> bool {
        self.shared.options.keep_audio
    }

    /// Returns what the store knows about the request.
    ///
    /// If another call is submitting the request, waits for it until the deadline.
    pub(crate) async fn lookup(&self, deadline: Option<Instant>) -> Result<Found, Error> {
        let mut record = self.read().await?;
        if record.as_ref().is_some_and(Record::is_announced) {
            // Either a submission of this process is not finished, or an earlier run was cut off.
            let unclaimed = self.shared.database.claims().unclaimed(self.facts.hash);
            let Some(_unclaimed) = until(deadline, unclaimed).await else { return Ok(Found::Busy) };
            record = self.read().await?;
        }
        Ok(self.found(self.facts.meaning(record.as_ref())).await)
    }

    async fn read(&self) -> Result<Option<Record>, Error> {
        read(&self.shared.database, self.facts.hash).await
    }

    /// Announces a request that may be submitted.
    #[cfg(test)]
    pub(crate) async fn announced(&self) -> Attempt {
        match self.announce(None).await {
            Ok(Announced::Claimed(attempt)) => attempt,
            _ => panic!("not announced"),
        }
    }

    /// Waits until other calls have submitted the request, at most until the deadline, and writes that it is about to be sent. It
    /// may be sent when this returns.
    pub(crate) async fn announce(&self, deadline: Option<Instant>) -> Result<Announced, Error> {
        let claim = self.shared.database.claims().claim(self.facts.hash);
        let Some(claim) = until(deadline, claim).await else { return Ok(Announced::Found(Found::Busy)) };
        // If this future is dropped, the announcement is taken back.
        let attempt = Attempt::new(Arc::clone(&self.shared), Arc::clone(&self.facts), claim);
        let (facts, own) = (Arc::clone(&self.facts), attempt.announcement());
        let meaning = self.shared.database.run(Priority::Normal, move |transaction| {
            let record = facts.get(transaction)?;
            let meaning = facts.meaning(record.as_ref());
            if facts.may_submit(&meaning) {
                let announced = facts.announce(record);
                put(transaction, facts.hash, &announced)?;
                own.set(&announced);
            }
            Ok(meaning)
        });
        let meaning = meaning.await?;
        Ok(if self.facts.may_submit(&meaning) {
            Announced::Claimed(attempt)
        } else {
            Announced::Found(self.found(meaning).await)
        })
    }

    /// Returns what a job would do with the request.
    pub(crate) async fn outlook(&self) -> Result<Outlook, Error> {
        let facts = Arc::clone(&self.facts);
        // A job would wait for the submission of another call, and then for its task.
        let Some(_unclaimed) = self.shared.database.claims().try_unclaimed(facts.hash) else {
            return Ok(Outlook::Submitted);
        };
        let outlook = self.shared.database.run(Priority::Normal, move |transaction| {
            let meaning = facts.meaning(facts.get(transaction)?.as_ref());
            if facts.may_submit(&meaning) {
                let rate = read_rate(transaction, &facts.names.rate)?;
                let (characters, names) = (facts.about.characters, Arc::clone(&facts.names));
                return Ok(Outlook::New { characters, names, rate });
            }
            Ok(match meaning {
                Meaning::Stored(_) => Outlook::Stored,
                Meaning::Submitted(_) => Outlook::Submitted,
                Meaning::InDoubt(..) | Meaning::New => Outlook::InDoubt,
            })
        });
        outlook.await
    }

    /// Returns the seconds of audio that the text is expected to take, by what the store has learned.
    pub(crate) async fn expected_seconds(&self) -> Result<f64, Error> {
        let facts = Arc::clone(&self.facts);
        let rate = self
            .shared
            .database
            .run(Priority::Normal, move |transaction| read_rate(transaction, &facts.names.rate));
        Ok(rate.await?.expect([self.facts.about.characters]).mean)
    }

    /// Teaches a poll policy the durations of the last tasks with the same API and model, unless it knows them.
    pub(crate) async fn teach(&self, policy: &Arc<ClientPolicy>) {
        let facts = Arc::clone(&self.facts);
        let name = format!("{} {}", facts.names.durations, self.shared.database.directory().display());
        let read = async || {
            let durations = self.shared.database.run(Priority::Normal, move |transaction| {
                read_durations(transaction, &facts.names.durations)
            });
            match durations.await {
                Ok(durations) => durations.recent(now()),
                // The policy learns from the tasks of this process too.
                Err(error) => {
                    tracing::warn!(?error, "durations of earlier tasks not read from the store");
                    Vec::new()
                }
            }
        };
        TaskPolicy::new(Arc::clone(policy)).learn_once(name, read).await;
    }

    async fn found(&self, meaning: Meaning) -> Found {
        if self.facts.may_submit(&meaning) {
            return Found::New(match meaning {
                Meaning::InDoubt(attempts, _) => attempts,
                _ => InDoubtAttempts::default(),
            });
        }
        match meaning {
            Meaning::InDoubt(attempts, id) => {
                let why = "an earlier submission has no conclusive response".to_owned();
                Found::InDoubt(id.iter().fold(Error::in_doubt(attempts.count(), why), Error::with_task_id))
            }
            Meaning::Submitted(id) => Found::Submitted(id),
            Meaning::Stored(finished) => Found::Stored(self.stored(finished).await),
            Meaning::New => Found::New(InDoubtAttempts::default()),
        }
    }

    async fn stored(&self, finished: Finished) -> StoredSpeech {
        let Finished { id, created, finished, audio } = finished;
        let file = match audio {
            Some(audio) if self.shared.database.audio().find(self.facts.hash, &audio).await => {
                Some(self.audio_file(audio))
            }
            _ => None,
        };
        StoredSpeech { id, created, finished, file }
    }

    /// Returns the speech of a finished task, if its audio is in the store.
    pub(crate) async fn find_audio(&self, id: &TaskId) -> Result<Option<StoredSpeech>, Error> {
        match self.read().await?.map(|record| record.meaning()) {
            Some(Meaning::Stored(finished)) if finished.id == *id => {
                Ok(Some(self.stored(finished).await).filter(|speech| speech.file.is_some()))
            }
            _ => Ok(None),
        }
    }

    /// Waits until no other call keeps audio of the request. Until then, the entry may change to another task.
    pub(crate) async fn start_keeping(&self) -> Claim {
        self.shared.database.audio().keeping.claim(self.facts.hash).await
    }

    /// Returns `true` unless the entry is about another task, whose audio must not be replaced.
    pub(crate) async fn may_keep(&self, id: &TaskId) -> bool {
        let record = self.read().await;
        record.is_ok_and(|record| record.is_none_or(|record| record.is_of(id)))
    }

    /// Adds to the error of a submission in doubt, or of a task that the server does not know or that has failed, what to do
    /// with the entry.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let (hash, directory) = (self.facts.hash, self.shared.database.directory().display());
        match error.kind() {
            ErrorKind::InDoubt => error.with_remedy(format!("settle entry {hash} of the store {directory}")),
            ErrorKind::NotFound => error.with_remedy(format!(
                "to submit the text again, forget entry {hash} of the store {directory}"
            )),
            // A finished speech that the server has removed stays in the store.
            ErrorKind::Failed => error.with_remedy(format!(
                "submit the text again, which may be billed again; if entry {hash} is stored, forget it first"
            )),
            _ => error,
        }
    }

    /// Returns the path for the audio of the speech. It does not depend on the task.
    pub(crate) fn audio_path(&self) -> PathBuf {
        self.shared.database.audio().path(self.facts.hash)
    }

    /// Returns the file of audio that was just kept.
    pub(crate) fn audio_file(&self, audio: StoredAudio) -> StoredFile {
        let (hash, database) = (self.facts.hash, self.shared.database.downgrade());
        StoredFile { path: self.audio_path(), audio, hash, database }
    }

    /// Waits until another download to the store may start.
    pub(crate) async fn start_download(&self) -> SemaphorePermit<'_> {
        self.shared.database.audio().start_download().await
    }

    /// Counts the audio of a download, and keeps the size limit of the store.
    pub(crate) async fn on_audio_saved(&self, bytes: u64) {
        let max_bytes = self.shared.options.max_audio_bytes;
        if let Err(error) = self.shared.database.audio().on_saved(self.facts.hash, bytes, max_bytes).await {
            tracing::warn!(?error, "old audio in the store could not be removed");
        }
    }

    /// Records that the task is finished, its audio if it is in the store, and its durations if they are known.
    pub(crate) fn finished(
        &self,
        id: &TaskId,
        result: &SpeechResult,
        audio: Option<StoredAudio>,
        task: Option<CompletedTask>,
    ) {
        let finished = Finished { id: id.clone(), created: result.created, finished: result.finished, audio };
        let facts = Arc::clone(&self.facts);
        self.shared.database.enqueue(Priority::Normal, move |transaction| {
            let (record, audio) = match facts.get(transaction)? {
                // The same request has been announced or submitted again since.
                Some(record) if !record.is_of(&finished.id) => return Ok(()),
                Some(record) if record.is_stored_as(&finished) => return Ok(()),
                Some(record) => (record, finished.audio.clone()),
                // The entry was forgotten meanwhile, with its audio.
                None => (Record::announce(None, facts.about.clone()), None),
            };
            let learned = record.seconds.is_some();
            let record = record.stored(Finished { audio, ..finished.clone() });
            put(transaction, facts.hash, &record)?;
            if let Some(task) = &task {
                facts.keep_durations(transaction, task);
            }
            match record.seconds {
                Some(seconds) if !learned => facts.learn(transaction, seconds),
                _ => Ok(()),
            }
        });
    }

    /// Records the duration of audio that is not kept.
    pub(crate) fn has_duration(&self, id: &TaskId, seconds: f64) {
        let (facts, id) = (Arc::clone(&self.facts), id.clone());
        self.shared.database.enqueue(Priority::Normal, move |transaction| match facts.get(transaction)? {
            Some(mut record) if record.is_of(&id) && record.seconds.is_none() => {
                record.seconds = Some(seconds);
                put(transaction, facts.hash, &record)?;
                facts.learn(transaction, seconds)
            }
            _ => Ok(()),
        });
    }

    /// Records that the task has failed, unless its speech was finished before. A server may answer so when it has removed the
    /// speech, and the text must not be billed again without the user's permission.
    pub(crate) fn failed(&self, id: &TaskId) {
        let (facts, id) = (Arc::clone(&self.facts), id.clone());
        self.shared.database.enqueue(Priority::Normal, move |transaction| match facts.get(transaction)? {
            Some(record) if record.is_of(&id) && record.state == RecordState::Submitted => {
                put(transaction, facts.hash, &record.failed())
            }
            _ => Ok(()),
        });
    }

    /// Records that a job is finished, if it has spoken the text again.
    pub(crate) fn job_finished(&self, job: u64) {
        let facts = Arc::clone(&self.facts);
        self.shared.database.enqueue(Priority::Normal, move |transaction| match facts.get(transaction)? {
            Some(record) if record.redone_by == Some(job) => {
                put(transaction, facts.hash, &record.job_finished())
            }
            _ => Ok(()),
        });
    }
}

/// Returns `None` if the future is not finished at the deadline.
async fn until<T>(deadline: Option<Instant>, future: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}

impl fmt::Debug for EntryHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EntryHandle").field(&self.facts.hash).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        ext::store::{Store, facts::Redo},
        types::SpeechRequest,
    };

    #[tokio::test]
    async fn job_speaks_a_text_again_once_although_an_equal_request_finishes_first() {
        let store = Store::in_memory();
        let speech = SpeechRequest::new("Hello.".parse().unwrap());
        let entry = |redo| store.entry(Request { redo, ..Request::of(&speech) });
        let (plain, job) = (entry(Redo::No), entry(Redo::OncePerJob(1)));
        for (entry, id) in [(&plain, "a"), (&job, "b")] {
            let id = TaskId::new_unchecked(id);
            let attempt = entry.announced().await;
            attempt.send(async { Ok(id.clone()) }).await.unwrap();
            let result = json!({"id": id.as_str(), "status": "COMPLETED"});
            plain.finished(&id, &serde_json::from_value(result).unwrap(), None, None);
        }
        assert!(matches!(job.lookup(None).await, Ok(Found::Stored(_))));
        // Another text with the same piece has nothing to do with it.
        let other = entry(Redo::OncePerJob(2));
        assert!(matches!(other.lookup(None).await, Ok(Found::New(_))));
        job.job_finished(2);
        assert!(matches!(job.lookup(None).await, Ok(Found::Stored(_))));
        job.job_finished(1);
        assert!(matches!(job.lookup(None).await, Ok(Found::New(_))));
    }

    #[tokio::test]
    async fn finished_speech_is_replaced_only_for_a_caller_that_has_seen_its_task_fail() {
        let store = Store::in_memory();
        let speech = SpeechRequest::new("Hello.".parse().unwrap());
        let entry = |failed: Option<&str>| {
            let failed_task = failed.map(TaskId::new_unchecked);
            store.entry(Request { failed_task, ..Request::of(&speech) })
        };
        let id = TaskId::new_unchecked("a");
        entry(None).announced().await.send(async { Ok(id.clone()) }).await.unwrap();
        let result = json!({"id": "a", "status": "COMPLETED"});
        entry(None).finished(&id, &serde_json::from_value(result).unwrap(), None, None);
        assert!(matches!(entry(Some("a")).lookup(None).await, Ok(Found::New(_))));
        for other in [None, Some("b")] {
            assert!(matches!(entry(other).lookup(None).await, Ok(Found::Stored(_))));
        }
    }

    #[test]
    fn error_of_a_task_says_what_to_do_with_its_entry() {
        let entry = Store::in_memory().entry(Request::of(&SpeechRequest::new("Hello.".parse().unwrap())));
        let hash = entry.hash();
        let remedies = [
            (Error::in_doubt(1, "store".to_owned()), format!("settle entry {hash} of the store")),
            (Error::failed(), format!("if entry {hash} is stored, forget it first")),
        ];
        for (error, remedy) in remedies {
            let explained = entry.explain(error).to_string();
            assert!(explained.contains(&remedy), "{explained}");
        }
    }

    #[tokio::test]
    async fn speech_whose_entry_was_forgotten_has_no_audio_in_the_store() {
        let store = Store::in_memory();
        let entry = store.entry(Request::of(&SpeechRequest::new("Hello.".parse().unwrap())));
        let id = TaskId::new_unchecked("t1");
        let audio = StoredAudio { bytes: 1, sha256: String::new(), seconds: None };
        let result = json!({"id": "t1", "status": "COMPLETED"});
        entry.finished(&id, &serde_json::from_value(result).unwrap(), Some(audio), None);
        let found = store.get(&entry.hash()).await.unwrap().unwrap();
        assert_eq!((found.task_id(), found.audio_bytes()), (Some(id), None));
    }

    #[tokio::test]
    async fn lookup_waits_until_the_deadline_only_for_a_request_that_is_announced() {
        let store = Store::in_memory();
        let entry = store.entry(Request::of(&SpeechRequest::new("Hello.".parse().unwrap())));
        let deadline = Some(Instant::now());
        let attempt = entry.announced().await;
        assert!(matches!(entry.lookup(deadline).await, Ok(Found::Busy)));
        attempt.send(async { Ok(TaskId::new_unchecked("t1")) }).await.unwrap();
        let _claim = store.shared.database.claims().claim(entry.hash()).await;
        assert!(matches!(entry.lookup(deadline).await, Ok(Found::Submitted(_))));
    }
}
