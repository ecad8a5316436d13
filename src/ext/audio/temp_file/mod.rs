//! The temporary file of an atomic replacement, and what becomes of it if the process is killed.
//!
//! Its name depends on the target, so that the next run finds it without searching the directory. A lock on the
//! file tells whether its process is alive, because the system releases the lock when the process ends.

use std::{
    fs::{Permissions, TryLockError},
    hash::Hasher,
    io,
    path::{MAIN_SEPARATOR, Path, PathBuf},
    sync::Arc,
};

use fnv::FnvHasher;

use crate::{
    Error,
    ext::disk::{Access, Disk, Metadata, OpenFile, PRIVATE, directory_of},
};

/// The maximum number of symbolic links that are followed, as on Linux.
const MAX_LINKS: usize = 40;

/// The number of names for the temporary files of one target. With more concurrent writers, a name is random.
const NAMES: u64 = 16;

/// The path of a temporary file, which is removed on drop.
pub(super) struct TempFile {
    disk: Disk,
    path: Option<PathBuf>,
}

impl TempFile {
    /// Runs `action` with the path. If it succeeds, the file is gone and is not removed.
    pub(super) fn consume(mut self, action: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
        if let Some(path) = &self.path {
            action(path)?;
        }
        // Another writer may already use the name.
        self.path = None;
        Ok(())
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Errors cannot be reported from here.
            let _ = self.disk.remove_file(path);
        }
    }
}

/// Creates the temporary file for a target. Returns the absolute path of the target too, which stays valid if
/// the working directory changes.
pub(super) fn open_temp(
    disk: &Disk,
    target: &Path,
    is_private: bool,
) -> Result<(PathBuf, TempFile, Arc<dyn OpenFile>), Error> {
    let invalid = |problem| Error::not_writable(target, problem);
    let failed = |error| Error::io("could not write", target, error);
    let existing = match disk.metadata(target) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    if existing.as_ref().is_some_and(|found| !found.is_file()) {
        // A directory, or a pipe or device, which must not be replaced by a file.
        return Err(invalid("path exists and is not a regular file"));
    }
    if existing.as_ref().is_some_and(|found| found.permissions.readonly()) {
        return Err(invalid("file is read-only"));
    }
    if target.file_name().is_none() || target.to_string_lossy().ends_with(MAIN_SEPARATOR) {
        return Err(invalid("path does not name a file"));
    }
    // The file is replaced, and not a symbolic link to it.
    let linked = follow_links(disk, target);
    let Some(name) = linked.file_name() else { return Err(invalid("path does not name a file")) };
    let directory = directory_of(&linked);
    let not_created = |error| Error::io("could not create a file in", directory, error);
    let absolute = disk.canonicalize(directory).map_err(not_created)?.join(name);
    if existing.is_some() {
        // A file of another user could be replaced too, but a caller would not expect that.
        disk.open(&absolute, Access::Write).map_err(failed)?;
    }
    let (temp, file) = create(disk, &absolute, existing.as_ref(), is_private).map_err(not_created)?;
    if let Some(existing) = existing {
        // If that fails, the permissions of a new file apply.
        let _ = file.set_permissions(without_special_bits(&existing.permissions));
    }
    Ok((absolute, temp, file))
}

/// Returns the path to which symbolic links lead, also if the file is missing.
pub(crate) fn follow_links(disk: &Disk, path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        // The error of a path that is not a link.
        let Ok(link) = disk.read_link(&path) else { break };
        path = directory_of(&path).join(link);
    }
    path
}

fn create(
    disk: &Disk,
    target: &Path,
    existing: Option<&Metadata>,
    is_private: bool,
) -> io::Result<(TempFile, Arc<dyn OpenFile>)> {
    let access = Access::CreateNew { mode: mode_of_new_file(existing, is_private) };
    let mut hash = FnvHasher::default();
    hash.write(target.file_name().unwrap_or_default().as_encoded_bytes());
    let hash = hash.finish();
    for number in (0..NAMES).chain(std::iter::repeat_with(|| fastrand::u64(NAMES..))) {
        let path = directory_of(target).join(format!(".distribute-ai-{hash:016x}-{number}.part"));
        remove_abandoned(disk, &path);
        let file = match disk.open(&path, access) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        };
        match lock(disk, &*file, &path) {
            // Another process took the new file for an abandoned one.
            Ok(false) => {}
            // Without locks in the file system, nobody can take the file for an abandoned one.
            Ok(true) | Err(_) => return Ok((TempFile { disk: disk.clone(), path: Some(path) }, file)),
        }
    }
    unreachable!("the numbers are endless")
}

/// Removes the temporary file of a process that was killed.
fn remove_abandoned(disk: &Disk, path: &Path) {
    // Anything but a file, such as a pipe, is not ours, and opening it could block.
    if !disk.symlink_metadata(path).is_ok_and(|found| found.is_file()) {
        return;
    }
    let Ok(file) = disk.open(path, Access::ReadWrite) else { return };
    if let Ok(true) = lock(disk, &*file, path) {
        let _ = disk.remove_file(path);
    }
}

/// Locks a temporary file. Returns `false` if another process uses it, or if the path has become another file.
fn lock(disk: &Disk, file: &dyn OpenFile, path: &Path) -> io::Result<bool> {
    // Where two handles cannot be compared, no file is taken for an abandoned one.
    let Some(id) = file.metadata()?.id else { return Err(io::ErrorKind::Unsupported.into()) };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // The file may have been renamed or removed before the lock.
    Ok(disk.symlink_metadata(path).is_ok_and(|found| found.id == Some(id)))
}

/// Returns the permissions of a new file that only those can read who can read the replaced file.
fn mode_of_new_file(existing: Option<&Metadata>, is_private: bool) -> Option<u32> {
    let private = is_private.then_some(PRIVATE);
    #[cfg(unix)]
    let private = existing.map(|existing| mode(&existing.permissions)).or(private);
    #[cfg(not(unix))]
    let _ = existing;
    private
}

/// Returns the permissions without the set-user-id, set-group-id and sticky bits: these belong to the old content.
#[cfg(unix)]
fn mode(permissions: &Permissions) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(permissions) & 0o777
}

/// Returns the permissions for the new content.
fn without_special_bits(permissions: &Permissions) -> Permissions {
    #[cfg(unix)]
    return std::os::unix::fs::PermissionsExt::from_mode(mode(permissions));
    #[cfg(not(unix))]
    permissions.clone()
}

#[cfg(test)]
mod tests;
