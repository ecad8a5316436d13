//! The operations of a work.

use std::{
    ops::Bound::{Excluded, Unbounded},
    path::Path,
};

use redb::{ReadableTable, TableDefinition, WriteTransaction};

use super::{priority::Priority, problem, reserve::Space};
use crate::Error;

pub(in crate::ext::store) type Key = [u8; 32];

pub(super) const ENTRIES: TableDefinition<'_, &Key, &[u8]> = TableDefinition::new("entries");
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

    pub(in crate::ext::store) fn get(&mut self, key: &Key) -> Result<Option<Vec<u8>>, Error> {
        let read = || {
            let table = self.inner.open_table(ENTRIES)?;
            Ok(table.get(key)?.map(|value| value.value().to_vec()))
        };
        read().map_err(|error| self.problem(error))
    }

    pub(in crate::ext::store) fn put(&mut self, key: &Key, value: &[u8]) -> Result<(), Error> {
        self.begin_write()?;
        let write =
            || self.inner.open_table(ENTRIES)?.insert(key, value).map(drop).map_err(redb::Error::from);
        write().map_err(|error| self.problem(error))
    }

    pub(in crate::ext::store) fn remove(&mut self, key: &Key) -> Result<(), Error> {
        self.begin_write()?;
        let write = || self.inner.open_table(ENTRIES)?.remove(key).map(drop).map_err(redb::Error::from);
        write().map_err(|error| self.problem(error))
    }

    /// Returns up to `limit` entries after `after`, in the order of their keys.
    pub(in crate::ext::store) fn page(
        &mut self,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, Error> {
        let read = || {
            let table = self.inner.open_table(ENTRIES)?;
            let mut found = Vec::new();
            for entry in table.range::<&Key>((after.map_or(Unbounded, Excluded), Unbounded))?.take(limit) {
                let (key, value) = entry?;
                found.push((*key.value(), value.value().to_vec()));
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
