//! A storage that remembers its first error. redb reports that error only once, and then "a previous error".

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use redb::StorageBackend;

use super::problem;
use crate::Error;

/// The storage for one opening of the database. Closing it leaves the storage open for the next.
#[derive(Debug)]
pub(super) struct Watched {
    storage: Arc<dyn StorageBackend>,
    first_error: FirstError,
}

/// The first error of a storage, with what was attempted.
#[derive(Clone, Debug, Default)]
pub(super) struct FirstError(Arc<Mutex<Option<(&'static str, io::Error)>>>);

impl Watched {
    pub(super) fn new(storage: Arc<dyn StorageBackend>) -> (Self, FirstError) {
        let first_error = FirstError::default();
        (Self { storage, first_error: first_error.clone() }, first_error)
    }
}

impl FirstError {
    fn note<T>(&self, action: &'static str, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| (action, copy(error)));
        }
        result
    }

    pub(super) fn get(&self, path: &Path) -> Option<Error> {
        let first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (action, error) = first.as_ref()?;
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Some(problem::damaged(path, "the file is too short"));
        }
        Some(problem::io(action, path, copy(error)))
    }
}

fn copy(error: &io::Error) -> io::Error {
    error
        .raw_os_error()
        .map_or_else(|| io::Error::new(error.kind(), error.to_string()), io::Error::from_raw_os_error)
}

const READ: &str = "could not read";
const WRITE: &str = "could not write";

impl StorageBackend for Watched {
    fn len(&self) -> io::Result<u64> {
        self.first_error.note(READ, self.storage.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.first_error.note(READ, self.storage.read(offset, out))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.first_error.note(WRITE, self.storage.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.first_error.note(WRITE, self.storage.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.first_error.note(WRITE, self.storage.write(offset, data))
    }
}
