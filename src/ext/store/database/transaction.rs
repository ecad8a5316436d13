//! The operations of a work.

use std::{
    ops::Bound::{Excluded, Unbounded},
    path::Path,
};

use redb::{ReadableTable, TableDefinition, WriteTransaction};

use super::{priority::Priority, problem, reserve::Space};
use crate::{Error, ext::store::RequestHash};

pub(super) const ENTRIES: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("entries");
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// A transaction, as one work of its group sees it. Reads see what earlier works of the group have written.
pub(in crate::ext::store) struct Transaction<'a> {
    inner: &'a WriteTransaction,
    space: &'a mut Space,
    path: &'a Path,
    priority: Priority,
    has_written: bool,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(
        inner: &'a WriteTransaction,
        space: &'a mut Space,
        path: &'a Path,
        priority: Priority,
    ) -> Self {
        Self { inner, space, path, priority, has_written: false }
    }

    pub(super) fn has_written(&self) -> bool {
        self.has_written
    }

    /// Returns the error of a work that panicked in this transaction.
    pub(super) fn panicked(&self) -> Error {
        problem::panicked(self.path)
    }

    pub(in crate::ext::store) fn get(&mut self, hash: RequestHash) -> Result<Option<Vec<u8>>, Error> {
        let read = || {
            let table = self.inner.open_table(ENTRIES)?;
            Ok(table.get(hash.as_bytes())?.map(|value| value.value().to_vec()))
        };
        read().map_err(|error| self.problem(error))
    }

    pub(in crate::ext::store) fn put(&mut self, hash: RequestHash, value: &[u8]) -> Result<(), Error> {
        let key = hash.as_bytes();
        self.begin_write()?;
        let write =
            || self.inner.open_table(ENTRIES)?.insert(key, value).map(drop).map_err(redb::Error::from);
        write().map_err(|error| self.problem(error))
    }

    pub(in crate::ext::store) fn remove(&mut self, hash: RequestHash) -> Result<(), Error> {
        let key = hash.as_bytes();
        self.begin_write()?;
        let write = || self.inner.open_table(ENTRIES)?.remove(key).map(drop).map_err(redb::Error::from);
        write().map_err(|error| self.problem(error))
    }

    /// Returns up to `limit` entries after `after`, in the order of their hashes.
    pub(in crate::ext::store) fn page(
        &mut self,
        after: Option<RequestHash>,
        limit: usize,
    ) -> Result<Vec<(RequestHash, Vec<u8>)>, Error> {
        let read = || {
            let table = self.inner.open_table(ENTRIES)?;
            let mut found = Vec::new();
            let start = after.as_ref().map_or(Unbounded, |hash| Excluded(hash.as_bytes()));
            for entry in table.range::<&[u8; 32]>((start, Unbounded))?.take(limit) {
                let (hash, value) = entry?;
                found.push((RequestHash::from_bytes(*hash.value()), value.value().to_vec()));
            }
            Ok(found)
        };
        read().map_err(|error| self.problem(error))
    }

    pub(in crate::ext::store) fn get_meta(&mut self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let read = || {
            let table = self.inner.open_table(META)?;
            Ok(table.get(name)?.map(|value| value.value().to_vec()))
        };
        read().map_err(|error| self.problem(error))
    }

    pub(in crate::ext::store) fn put_meta(&mut self, name: &str, value: &[u8]) -> Result<(), Error> {
        self.begin_write()?;
        let write = || self.inner.open_table(META)?.insert(name, value).map(drop).map_err(redb::Error::from);
        write().map_err(|error| self.problem(error))
    }

    fn begin_write(&mut self) -> Result<(), Error> {
        self.space.check(self.priority)?;
        self.has_written = true;
        Ok(())
    }

    fn problem(&self, error: redb::Error) -> Error {
        problem::redb(self.path, error)
    }
}
