//! The databases that are open in this process, by path.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
};

pub(super) struct Registry<T: 'static> {
    /// The value of a path is gone while it is being opened or closed.
    open: Mutex<BTreeMap<PathBuf, Weak<T>>>,
    changed: Condvar,
}

/// Keeps a path in the registry. It is dropped when the value is closed.
pub(super) struct Registration<T: 'static> {
    registry: &'static Registry<T>,
    path: PathBuf,
}

impl<T> Registry<T> {
    pub(super) const fn new() -> Self {
        Self { open: Mutex::new(BTreeMap::new()), changed: Condvar::new() }
    }

    /// Returns the open value of a path, or opens it. Waits while another thread opens or closes it.
    pub(super) fn get_or_open<E>(
        &'static self,
        path: &Path,
        open: impl FnOnce(Registration<T>) -> Result<Arc<T>, E>,
    ) -> Result<Arc<T>, E> {
        let mut values = self.lock();
        while let Some(value) = values.get(path) {
            if let Some(value) = value.upgrade() {
                return Ok(value);
            }
            values = self.changed.wait(values).unwrap_or_else(PoisonError::into_inner);
        }
        values.insert(path.to_owned(), Weak::new());
        drop(values);
        let value = open(Registration { registry: self, path: path.to_owned() })?;
        self.lock().insert(path.to_owned(), Arc::downgrade(&value));
        self.changed.notify_all();
        Ok(value)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Weak<T>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Registration<T> {
    fn drop(&mut self) {
        self.registry.lock().remove(&self.path);
        self.registry.changed.notify_all();
    }
}
