//! The journal of a batch: a file that lets the next run continue after a crash.
//!
//! An entry is synced to disk before its request is sent, and another one after the task id has arrived. If the process dies
//! in between, the next run knows which requests the server may have accepted.

mod entry;
mod replay;

mod file;
mod writer;

#[cfg(distribute_ai_fuzzing)]
#[doc(hidden)]
pub mod fuzzing;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{sync::oneshot, task::spawn_blocking};

pub(super) use self::replay::{KeyState, KeyStates};
#[cfg(test)]
pub(super) use self::writer::Storage;
use self::{
    entry::{Entry, Event},
    writer::Writer,
};
pub(crate) use crate::ext::retry::label::fingerprint;
use crate::{Billed, Error, TaskId};

/// An open journal. It is locked until the last clone is dropped.
#[derive(Clone)]
pub(super) struct Journal {
    path: Arc<Path>,
    writer: Writer,
}

/// A journal that was just opened.
pub(super) struct Opened {
    pub(super) journal: Journal,
    /// The states that earlier runs left.
    pub(super) key_states: KeyStates,
    /// Completes when everything is written and the lock is released.
    pub(super) closed: oneshot::Receiver<()>,
}

impl Journal {
    /// Opens a journal, or creates it.
    pub(super) async fn open(path: PathBuf) -> Result<Opened, Error> {
        let shared: Arc<Path> = path.into();
        let path = Arc::clone(&shared);
        let opened = spawn_blocking(move || file::open(&path)).await;
        let (file, records) = opened.map_err(|error| Error::io("could not open", &shared, error))??;
        let (writer, closed) =
            Writer::start(file).map_err(|error| Error::io("could not write", &shared, error))?;
        Ok(Opened { journal: Self { path: shared, writer }, key_states: records, closed })
    }

    /// Starts a journal over another storage than a file.
    #[cfg(test)]
    pub(super) fn with_storage(disk: impl Storage) -> Opened {
        let (writer, closed) = Writer::start(disk).unwrap();
        Opened {
            journal: Self { path: Path::new("journal").into(), writer },
            key_states: KeyStates::new(),
            closed,
        }
    }

    /// Writes that a request is about to be sent. The request may be sent when this returns.
    pub(super) async fn sending(&self, key: &str, fingerprint: &str) -> Result<(), Error> {
        let entry = Entry::new(Event::Sending, key).request(fingerprint);
        self.writer.write_synced(entry.bytes()).await.map_err(|error| self.write_error(error))
    }

    /// Writes a task id.
    pub(super) async fn submitted(&self, key: &str, id: &TaskId) -> Result<(), Error> {
        let entry = Entry::new(Event::Submitted, key).id(id);
        self.writer.write_synced(entry.bytes()).await.map_err(|error| self.write_error(error))
    }

    pub(super) fn unsent(&self, key: &str) {
        self.writer.write(Entry::new(Event::Unsent, key).bytes());
    }

    pub(super) fn in_doubt(&self, key: &str) {
        self.writer.write(Entry::new(Event::InDoubt, key).bytes());
    }

    /// Writes an attempt in doubt whose error response contained a task id.
    pub(super) async fn in_doubt_with_id(&self, key: &str, id: &TaskId) -> Result<(), Error> {
        let entry = Entry::new(Event::InDoubt, key).id(id);
        self.writer.write_synced(entry.bytes()).await.map_err(|error| self.write_error(error))
    }

    pub(super) fn finished(&self, key: &str) {
        self.writer.write(Entry::new(Event::Finished, key).bytes());
    }

    pub(super) fn failed(&self, key: &str) {
        self.writer.write(Entry::new(Event::Failed, key).bytes());
    }

    /// Returns the error of a request that an earlier run sent, and whose response is missing.
    pub(super) fn in_doubt_error(&self, state: &KeyState) -> Error {
        let (path, line) = (self.path.display(), state.line);
        let why =
            format!("an earlier run sent the request and has no conclusive response: {path}, line {line}");
        let error = Error::in_doubt(state.in_doubt_attempts().count(), why);
        state.task_id_in_doubt.iter().fold(error, Error::with_task_id)
    }

    /// Returns the error of a key that belonged to another request when it was sent.
    pub(super) fn request_changed(&self, key: &str, state: &KeyState) -> Error {
        let why = format!("key {key:?} belongs to another request (line {})", state.line);
        self.mismatch(&why)
    }

    pub(super) fn key_missing(&self, key: &str, state: &KeyState) -> Error {
        self.mismatch(&format!("it contains key {key:?} (line {}), which is not in the batch", state.line))
    }

    /// Returns the error of a journal with other requests, which may be billed.
    fn mismatch(&self, why: &str) -> Error {
        let problem = format!("{} belongs to another batch: {why}", self.path.display());
        Error::invalid("journal", problem).billed_at_least(Billed::Maybe)
    }

    fn write_error(&self, error: Arc<io::Error>) -> Error {
        Error::io("could not write", &self.path, error)
    }
}
