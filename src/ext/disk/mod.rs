//! The file system, with the few operations that the layers above need.
//!
//! Tests replace the operating system's by a simulated one, which loses what was not synced. So every file that must
//! survive a crash is written through a [`Disk`].

mod file_system;
#[cfg(test)]
pub(crate) mod simulated;
mod system;

use std::{ops::Deref, sync::Arc};

use tokio::task::{JoinHandle, spawn_blocking};

pub(crate) use self::file_system::{
    Access, FileSystem, Metadata, OpenFile, PRIVATE, directory_of, read_exact_at, read_start,
};
use self::system::System;
use crate::Error;

/// A file system. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    files: Arc<dyn FileSystem>,
    #[cfg(test)]
    is_simulated: bool,
}

impl Disk {
    /// Returns the file system of the operating system.
    pub(crate) fn system() -> Self {
        Self {
            files: Arc::new(System),
            #[cfg(test)]
            is_simulated: false,
        }
    }

    #[cfg(test)]
    pub(crate) fn is_simulated(&self) -> bool {
        self.is_simulated
    }

    /// Runs an action that uses files beside the async tasks, also if the handle is dropped.
    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "tests use it"))]
    pub(crate) fn run<T: Send + 'static>(
        &self,
        action: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        // Threads would make a simulation depend on the machine.
        #[cfg(test)]
        if self.is_simulated {
            return tokio::spawn(async { action() });
        }
        spawn_blocking(action)
    }

    /// Runs an action that uses this disk as [`run`](Self::run) does, and waits for it.
    pub(crate) async fn try_run<T: Send + 'static>(
        &self,
        action: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let disk = self.clone();
        self.run(move || action(&disk)).await.map_err(|error| Error::stopped().with_source(error))?
    }
}

impl Deref for Disk {
    type Target = dyn FileSystem;

    fn deref(&self) -> &Self::Target {
        &*self.files
    }
}
