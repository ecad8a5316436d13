//! What a batch has done, on disk, so that a crash loses nothing that was paid for and repeats nothing either.
//!
//! A line is on the disk before the request that it announces leaves, and again after the id has arrived. Whatever
//! happens in between, the next run knows which requests may have been taken.

mod line;
mod replay;
mod writer;

use std::{
    fs::File,
    hash::Hasher,
    io::{self, BufReader, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use fnv::FnvHasher;
use fs4::fs_std::FileExt;
use tokio::task::{JoinHandle, spawn_blocking};

pub(super) use self::replay::{Record, Records, State};
use self::{
    line::{Event, HEADER, Line},
    replay::{Problem, replay},
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
    pub(super) closed: JoinHandle<()>,
}

impl Journal {
    /// Opens a journal or begins a new one.
    pub(super) async fn open(path: PathBuf) -> Result<Opened, Error> {
        let shared: Arc<Path> = path.into();
        let path = Arc::clone(&shared);
        let opened = spawn_blocking(move || open(&path)).await;
        let (file, records) = opened.map_err(|error| Error::io("could not open", &shared, error))??;
        let (writer, closed) = Writer::start(file);
        Ok(Opened { journal: Self { path: shared, writer }, records, closed })
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

    pub(super) fn finished(&self, key: &str) {
        self.writer.write(Line::new(Event::Finished, key).bytes());
    }

    pub(super) fn failed(&self, key: &str) {
        self.writer.write(Line::new(Event::Failed, key).bytes());
    }

    /// Why nothing can be written any more, if so.
    pub(super) fn broken(&self) -> Option<Error> {
        self.writer.broken().map(|error| self.unwritable(error))
    }

    /// What was announced by an earlier run, and never answered.
    pub(super) fn doubt(&self, record: &Record) -> Error {
        let (path, line) = (self.path.display(), record.line);
        Error::in_doubt(format!("an earlier run sent it and noted no answer: {path}, line {line}"))
    }

    /// The key stood for another request when the journal was written.
    pub(super) fn differs(&self, key: &str, record: &Record) -> Error {
        self.of_another_batch(&format!("key {key:?} was another request then (line {})", record.line))
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
pub(super) fn fingerprint(request: &SpeechRequest) -> String {
    // Through a value, whose keys are sorted: it must not change with the order in which the document has the fields.
    let canonical = serde_json::to_value(request).expect("a request is JSON").to_string();
    let mut hasher = FnvHasher::default();
    hasher.write(canonical.as_bytes());
    format!("{:016x}", hasher.finish())
}

fn open(path: &Path) -> Result<(File, Records), Error> {
    let io = |error| Error::io("could not open", path, error);
    if let Ok(found) = path.metadata()
        && !found.is_file()
    {
        let what = if found.is_dir() { "a directory" } else { "no regular file" };
        return Err(Error::invalid("journal", format!("{} is {what}", path.display())));
    }
    let mut file = File::options().read(true).append(true).create(true).open(path).map_err(io)?;
    if !file.try_lock_exclusive().map_err(|error| Error::io("could not lock", path, error))? {
        return Err(Error::invalid("journal", format!("{} is in use by another run", path.display())));
    }
    let replayed = replay(BufReader::new(&file)).map_err(|problem| match problem {
        Problem::Io(error) => Error::io("could not read", path, error),
        Problem::Line(number, what) => {
            Error::invalid("journal", format!("{}, line {number} {what}", path.display()))
        }
    })?;
    mend(&mut file, path, replayed.whole, replayed.unended)
        .map_err(|error| Error::io("could not write", path, error))?;
    Ok((file, replayed.records))
}

/// Cuts what was torn off, so that the next line begins on a line of its own, and begins a journal that is empty.
fn mend(file: &mut File, path: &Path, whole: u64, unended: bool) -> io::Result<()> {
    if file.seek(SeekFrom::End(0))? > whole {
        file.set_len(whole)?;
    }
    if whole == 0 {
        file.write_all(HEADER.as_bytes())?;
    } else if unended {
        file.write_all(b"\n")?;
    }
    file.sync_all()?;
    // The file's name has to be on the disk, too. Where a directory can't be opened, it is by itself.
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(directory) = File::open(directory) {
        let _ = directory.sync_all();
    }
    Ok(())
}
