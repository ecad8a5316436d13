//! What a batch has done, on disk, so that a crash loses nothing that was paid for and repeats nothing either.
//!
//! A line is on the disk before the request that it announces leaves, and again after the id has arrived. Whatever
//! happens in between, the next run knows which requests may have been taken.

mod line;
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

pub(super) use self::replay::{Record, Records};
#[cfg(test)]
pub(super) use self::writer::Disk;
use self::{
    line::{Event, Line},
    writer::Writer,
};
use crate::{TaskId, ext::Error, types::SpeechRequest};

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
    pub(super) records: Records,
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
        Ok(Opened { journal: Self { path: shared, writer }, records, closed })
    }

    /// One that is kept elsewhere than in a file.
    #[cfg(test)]
    pub(super) fn over(disk: impl Disk) -> Opened {
        let (writer, closed) = Writer::start(disk).unwrap();
        Opened {
            journal: Self { path: Path::new("journal").into(), writer },
            records: Records::new(),
            closed,
        }
    }

    /// Announces a request. It may leave when this returns.
    pub(super) async fn sending(&self, key: &str, fingerprint: &str) -> Result<(), Error> {
        let line = Line::new(Event::Sending, key).request(fingerprint);
        self.writer.write_through(line.bytes()).await.map_err(|error| self.unwritable(error))
    }

    /// Keeps an id.
    pub(super) async fn submitted(&self, key: &str, id: &TaskId) -> Result<(), Error> {
        let line = Line::new(Event::Submitted, key).id(id);
        self.writer.write_through(line.bytes()).await.map_err(|error| self.unwritable(error))
    }

    pub(super) fn unsent(&self, key: &str) {
        self.writer.write(Line::new(Event::Unsent, key).bytes());
    }

    pub(super) fn in_doubt(&self, key: &str) {
        self.writer.write(Line::new(Event::InDoubt, key).bytes());
    }

    /// A doubt that came with an id.
    pub(super) async fn named(&self, key: &str, id: &TaskId) -> Result<(), Error> {
        let line = Line::new(Event::InDoubt, key).id(id);
        self.writer.write_through(line.bytes()).await.map_err(|error| self.unwritable(error))
    }

    pub(super) fn finished(&self, key: &str) {
        self.writer.write(Line::new(Event::Finished, key).bytes());
    }

    pub(super) fn failed(&self, key: &str) {
        self.writer.write(Line::new(Event::Failed, key).bytes());
    }

    /// What earlier runs sent, and were not told the id of.
    pub(super) fn doubt(&self, record: &Record) -> Error {
        let (path, line) = (self.path.display(), record.line);
        let why = format!("an earlier run sent it, and had no answer that settles it: {path}, line {line}");
        let error = Error::in_doubt(record.doubts(), why);
        record.named.iter().fold(error, Error::of_task)
    }

    /// The key stood for another request when it was sent.
    pub(super) fn differs(&self, key: &str, record: &Record) -> Error {
        let why = format!("key {key:?} was another request then (line {})", record.line);
        self.of_another_batch(&why)
    }

    pub(super) fn lacks(&self, key: &str, record: &Record) -> Error {
        self.of_another_batch(&format!("it holds key {key:?} (line {}), and the batch doesn't", record.line))
    }

    fn of_another_batch(&self, why: &str) -> Error {
        Error::invalid("journal", format!("{} is of another batch: {why}", self.path.display()))
    }

    fn unwritable(&self, error: Arc<io::Error>) -> Error {
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
