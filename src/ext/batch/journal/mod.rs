//! What a batch has done, on disk, so that a crash loses nothing that was paid for and repeats nothing either.
//!
//! A line is on the disk before the request that it announces leaves, and again after the id has arrived. Whatever
//! happens in between, the next run knows which requests may have been taken.

mod entry;
mod replay;

mod file;
mod writer;

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;

use std::{
    hash::Hasher,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use fnv::FnvHasher;
use tokio::{sync::oneshot, task::spawn_blocking};

pub(super) use self::replay::{KeyState, KeyStates};
#[cfg(test)]
pub(super) use self::writer::Storage;
use self::{
    entry::{Entry, Event},
    writer::Writer,
};
use crate::{Error, TaskId, types::SpeechRequest};

/// A journal that is open, and locked, for this run: until the last clone is gone.
#[derive(Clone)]
pub(super) struct Journal {
    path: Arc<Path>,
    writer: Writer,
}

/// What opening a journal brings.
pub(super) struct Opened {
    pub(super) journal: Journal,
    /// What it says of the runs before.
    pub(super) key_states: KeyStates,
    /// Ends when everything is written and the lock is given back.
    pub(super) closed: oneshot::Receiver<()>,
}

impl Journal {
    /// Opens a journal or begins a new one.
    pub(super) async fn open(path: PathBuf) -> Result<Opened, Error> {
        let shared: Arc<Path> = path.into();
        let path = Arc::clone(&shared);
        let opened = spawn_blocking(move || file::open(&path)).await;
        let (file, records) = opened.map_err(|error| Error::io("could not open", &shared, error))??;
        let (writer, closed) =
            Writer::start(file).map_err(|error| Error::io("could not write", &shared, error))?;
        Ok(Opened { journal: Self { path: shared, writer }, key_states: records, closed })
    }

    /// One that is kept elsewhere than in a file.
    #[cfg(test)]
    pub(super) fn with_storage(disk: impl Storage) -> Opened {
        let (writer, closed) = Writer::start(disk).unwrap();
        Opened {
            journal: Self { path: Path::new("journal").into(), writer },
            key_states: KeyStates::new(),
            closed,
        }
    }

    /// Announces a request. It may leave when this returns.
    pub(super) async fn sending(&self, key: &str, fingerprint: &str) -> Result<(), Error> {
        let line = Entry::new(Event::Sending, key).request(fingerprint);
        self.writer.write_synced(line.bytes()).await.map_err(|error| self.write_error(error))
    }

    /// Keeps an id.
    pub(super) async fn submitted(&self, key: &str, id: &TaskId) -> Result<(), Error> {
        let line = Entry::new(Event::Submitted, key).id(id);
        self.writer.write_synced(line.bytes()).await.map_err(|error| self.write_error(error))
    }

    pub(super) fn unsent(&self, key: &str) {
        self.writer.write(Entry::new(Event::Unsent, key).bytes());
    }

    pub(super) fn in_doubt(&self, key: &str) {
        self.writer.write(Entry::new(Event::InDoubt, key).bytes());
    }

    /// A doubt that came with an id.
    pub(super) async fn in_doubt_with_id(&self, key: &str, id: &TaskId) -> Result<(), Error> {
        let line = Entry::new(Event::InDoubt, key).id(id);
        self.writer.write_synced(line.bytes()).await.map_err(|error| self.write_error(error))
    }

    pub(super) fn finished(&self, key: &str) {
        self.writer.write(Entry::new(Event::Finished, key).bytes());
    }

    pub(super) fn failed(&self, key: &str) {
        self.writer.write(Entry::new(Event::Failed, key).bytes());
    }

    /// What earlier runs sent, and were not told the id of.
    pub(super) fn in_doubt_error(&self, record: &KeyState) -> Error {
        let (path, line) = (self.path.display(), record.line);
        let why = format!("an earlier run sent it, and had no answer that settles it: {path}, line {line}");
        let error = Error::in_doubt(record.in_doubt_attempts(), why);
        record.task_id_in_doubt.iter().fold(error, Error::with_task_id)
    }

    /// The key stood for another request when it was sent.
    pub(super) fn request_changed(&self, key: &str, record: &KeyState) -> Error {
        let why = format!("key {key:?} was another request then (line {})", record.line);
        self.mismatch(&why)
    }

    pub(super) fn key_missing(&self, key: &str, record: &KeyState) -> Error {
        self.mismatch(&format!("it holds key {key:?} (line {}), and the batch doesn't", record.line))
    }

    fn mismatch(&self, why: &str) -> Error {
        Error::invalid("journal", format!("{} is of another batch: {why}", self.path.display()))
    }

    fn write_error(&self, error: Arc<io::Error>) -> Error {
        Error::io("could not write", &self.path, error)
    }
}

/// Tells requests apart by accident, not by malice. Two runs of one program give the same; another text or voice gives
/// another.
pub(crate) fn fingerprint(request: &SpeechRequest) -> String {
    // Through a value, whose keys are sorted: it must not change with the order in which the document has the fields.
    let canonical = serde_json::to_value(request).expect("a request is JSON").to_string();
    let mut hasher = FnvHasher::default();
    hasher.write(canonical.as_bytes());
    format!("{:016x}", hasher.finish())
}
