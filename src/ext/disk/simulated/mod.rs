//! A disk in memory that loses what was not synced, fills up and fails.
//!
//! It loses more than any real file system does: each change since the last sync may be lost, kept, or kept in part,
//! independently of all others. A new, renamed or removed name is lost unless its directory was synced. It has no links and
//! no permissions.

mod state;

use std::{
    ffi::OsString,
    fmt,
    fs::{Permissions, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

pub(crate) use self::state::{Change, Kept, State};
use self::state::{FileId, Node};
use super::{Access, Disk, FileSystem, Metadata, OpenFile, directory_of, file_system::Kind};

/// A fault at a step, which is a change or a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The step fails and changes nothing.
    Fails(io::ErrorKind),
    /// If the step is a sync, it fails. The changes of a file are then never written. Those of a directory are written by
    /// a later sync, because file systems keep names in a journal and stop if it cannot be written.
    LosesChanges,
}

/// Is told each step after it was taken, with the disk, which it may change like another process. Returns the fault of
/// the next step.
type OnStep = dyn FnMut(&str, &mut State) -> Option<Fault> + Send;

struct Inner {
    state: State,
    next_fault: Option<Fault>,
    on_step: Box<OnStep>,
}

/// A disk in memory.
#[derive(Clone)]
pub(crate) struct SimulatedDisk(Arc<Mutex<Inner>>);

impl Disk {
    /// Returns a disk with this state. `on_step` is called for each change and sync.
    pub(crate) fn simulated(
        state: State,
        on_step: impl FnMut(&str, &mut State) -> Option<Fault> + Send + 'static,
    ) -> Self {
        SimulatedDisk::new(state, on_step).into()
    }
}

impl From<SimulatedDisk> for Disk {
    fn from(disk: SimulatedDisk) -> Self {
        Self { files: Arc::new(disk), is_simulated: true }
    }
}

impl SimulatedDisk {
    pub(crate) fn new(
        state: State,
        on_step: impl FnMut(&str, &mut State) -> Option<Fault> + Send + 'static,
    ) -> Self {
        Self(Arc::new(Mutex::new(Inner { state, next_fault: None, on_step: Box::new(on_step) })))
    }

    /// Returns what the disk contains now.
    pub(crate) fn state(&self) -> State {
        self.inner().state.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Takes a step, unless a fault prevents it.
    fn step(&mut self, name: &str, path: &Path, change: impl FnOnce(&mut State)) -> io::Result<()> {
        match self.next_fault.take() {
            Some(Fault::Fails(kind)) => {
                self.report(&format!("{name} {} fails", path.display()));
                return Err(kind.into());
            }
            Some(Fault::LosesChanges) | None => change(&mut self.state),
        }
        self.report(&format!("{name} {}", path.display()));
        Ok(())
    }

    fn sync(&mut self, path: &Path, node: Node) -> io::Result<()> {
        if self.next_fault == Some(Fault::LosesChanges) {
            if let Node::File(file) = node {
                self.state.fail_sync(file);
            }
            self.next_fault = Some(Fault::Fails(io::ErrorKind::Other));
        }
        self.step("sync", path, |state| match node {
            Node::File(file) => state.sync_file(file),
            Node::Directory => state.sync_directory(path),
        })
    }

    fn report(&mut self, step: &str) {
        self.next_fault = (self.on_step)(step, &mut self.state);
    }

    fn metadata(&self, node: Node) -> Metadata {
        let (kind, length, modified, id) = match node {
            Node::Directory => (Kind::Directory, 0, 0, 0),
            Node::File(file) => {
                (Kind::File, self.state.bytes(file).len() as u64, self.state.modified(file), file)
            }
        };
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(modified);
        Metadata { kind, length, modified, permissions: permissions(), id: Some((0, id)) }
    }

    fn parent_exists(&self, path: &Path) -> io::Result<()> {
        match self.state.node(directory_of(path))? {
            Node::Directory => Ok(()),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn file(&self, path: &Path) -> io::Result<FileId> {
        self.state.node(path)?.file().ok_or_else(|| io::ErrorKind::IsADirectory.into())
    }
}

#[cfg(unix)]
fn permissions() -> Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o600)
}

#[cfg(not(unix))]
fn permissions() -> Permissions {
    std::fs::metadata(".").expect("the current directory exists").permissions()
}

impl FileSystem for SimulatedDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn OpenFile>> {
        let mut inner = self.inner();
        let file = match inner.file(path) {
            Ok(_) if matches!(access, Access::CreateNew { .. }) => {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            Ok(file) => {
                if access == Access::Overwrite && !inner.state.bytes(file).is_empty() {
                    inner.step("truncate", path, |state| state.set_length(file, 0))?;
                }
                file
            }
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && matches!(access, Access::CreatePrivate | Access::CreateNew { .. }) =>
            {
                inner.parent_exists(path)?;
                let mut file = None;
                inner.step("create", path, |state| file = Some(state.create_file(path)))?;
                file.expect("the step was taken")
            }
            Err(error) => return Err(error),
        };
        drop(inner);
        Ok(Arc::new(SimulatedFile {
            disk: self.clone(),
            path: path.to_owned(),
            file,
            owns_lock: Mutex::new(false),
        }))
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        let inner = self.inner();
        Ok(inner.metadata(inner.state.node(path)?))
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<Metadata> {
        self.metadata(path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.inner().state.node(path).map(|_| path.to_owned())
    }

    fn read_link(&self, _: &Path) -> io::Result<PathBuf> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let children = self.inner().state.children(path);
        Ok(children.iter().filter_map(|path| path.file_name()).map(ToOwned::to_owned).collect())
    }

    fn create_private_dir(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        inner.parent_exists(path)?;
        match inner.state.node(path) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => inner.step("create", path, |state| state.create_directory(path)),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        let node = inner.state.node(from)?;
        inner.step("rename to", to, |state| state.rename(from, to, node))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        inner.file(path)?;
        inner.step("remove", path, |state| state.remove(path))
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        match inner.state.node(path)? {
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
            Node::Directory if !inner.state.children(path).is_empty() => {
                Err(io::ErrorKind::DirectoryNotEmpty.into())
            }
            Node::Directory => inner.step("remove", path, |state| state.remove(path)),
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        let node = inner.state.node(path)?;
        inner.sync(path, node)
    }

    fn touch(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        let file = inner.file(path)?;
        inner.state.touch(file);
        Ok(())
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    path: PathBuf,
    file: FileId,
    owns_lock: Mutex<bool>,
}

impl OpenFile for SimulatedFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let inner = self.disk.inner();
        let bytes = inner.state.bytes(self.file);
        let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.inner().step("write", &self.path, |state| state.write(self.file, offset, bytes))
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.disk.inner().step("set length of", &self.path, |state| state.set_length(self.file, length))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.inner().sync(&self.path, Node::File(self.file))
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn metadata(&self) -> io::Result<Metadata> {
        Ok(self.disk.inner().metadata(Node::File(self.file)))
    }

    fn set_permissions(&self, _: Permissions) -> io::Result<()> {
        Ok(())
    }

    fn try_lock(&self) -> Result<(), TryLockError> {
        let mut owns_lock = self.owns_lock.lock().unwrap_or_else(PoisonError::into_inner);
        if !*owns_lock && !self.disk.inner().state.lock(self.file) {
            return Err(TryLockError::WouldBlock);
        }
        *owns_lock = true;
        Ok(())
    }

    fn unlock(&self) -> io::Result<()> {
        let mut owns_lock = self.owns_lock.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut *owns_lock) {
            self.disk.inner().state.unlock(self.file);
        }
        Ok(())
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        let _ = self.unlock();
    }
}

impl fmt::Debug for SimulatedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedDisk").finish_non_exhaustive()
    }
}

mod tests;
