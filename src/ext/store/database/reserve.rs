//! Space for essential works when the disk is full.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    directory::{ENTRIES_FILE, RESERVE_FILE},
    priority::Priority,
    problem,
};
use crate::{
    Error,
    ext::disk::{Access, Disk, Metadata, directory_of},
};

/// 256 pages of the database. A commit of a few entries writes about ten.
const LENGTH: usize = 1 << 20;

/// Returns an error if the directory is without a database, but has a file or directory with the name of the reserve that
/// is not a reserve.
pub(super) fn check_name(disk: &Disk, directory: &Path) -> Result<(), Error> {
    let path = directory.join(RESERVE_FILE);
    if disk.symlink_metadata(&path).map_or(true, |found| is_whole(&found)) {
        return Ok(());
    }
    // A crash, or another process that is opening the store, may leave a part of a reserve. The name of the database is
    // durable before that, so it is looked for last.
    match disk.symlink_metadata(&directory.join(ENTRIES_FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(problem::foreign_reserve(&path)),
        _ => Ok(()),
    }
}

fn is_whole(found: &Metadata) -> bool {
    found.is_file() && found.length == LENGTH as u64
}

/// Space on a disk that is taken until it is needed.
pub(super) trait Reserve: Send {
    /// Takes the space, unless it is taken. After an error, nothing is taken.
    fn fill(&mut self) -> io::Result<()>;

    fn release(&mut self);
}

/// A file of real blocks.
pub(super) struct ReserveFile {
    disk: Disk,
    path: PathBuf,
}

impl ReserveFile {
    pub(super) fn new(disk: Disk, directory: &Path) -> Self {
        Self { disk, path: directory.join(RESERVE_FILE) }
    }

    fn write(&self) -> io::Result<()> {
        let mut bytes = vec![0; LENGTH];
        // Zeros, or any other pattern, would need no blocks where the file system compresses.
        fastrand::Rng::with_seed(1).fill(&mut bytes);
        let file = self.disk.open(&self.path, Access::CreatePrivate)?;
        file.write_all_at(0, &bytes)?;
        file.set_len(LENGTH as u64)?;
        file.sync_all()
    }
}

impl Reserve for ReserveFile {
    fn fill(&mut self) -> io::Result<()> {
        let found = self.disk.metadata(&self.path);
        if found.is_ok_and(|found| is_whole(&found)) {
            return Ok(());
        }
        self.write().inspect_err(|_| self.release())
    }

    fn release(&mut self) {
        let _ = self.disk.remove_file(&self.path);
        // Some file systems give the blocks back only when the change of the directory is durable.
        let _ = self.disk.sync_dir(directory_of(&self.path));
    }
}

/// Decides who may write.
pub(super) struct Space {
    reserve: Option<Box<dyn Reserve>>,
    /// For messages.
    path: PathBuf,
    state: State,
}

enum State {
    Filled,
    Missing,
    /// It could not be filled for this group.
    Refused(Error),
}

impl Space {
    /// Fills the reserve. On a full disk the store opens without it, so that its entries can be read.
    pub(super) fn new(reserve: Option<Box<dyn Reserve>>, path: PathBuf) -> Result<Self, Error> {
        let mut space = Self { reserve, path, state: State::Missing };
        match space.fill() {
            Err(error) if problem::is_denied(&error) => Err(space.problem(error)),
            Err(error) => {
                tracing::warn!(%error, path = %space.path.display(), "store has no room for its reserve");
                Ok(space)
            }
            Ok(()) => Ok(space),
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        if let Some(reserve) = &mut self.reserve {
            reserve.fill()?;
        }
        self.state = State::Filled;
        Ok(())
    }

    /// Lets the works of the next group try to fill the reserve again, once.
    pub(super) fn begin_group(&mut self) {
        if matches!(self.state, State::Refused(_)) {
            self.state = State::Missing;
        }
    }

    /// Returns the error of a write that must not be tried, because the reserve is missing and cannot be filled.
    pub(super) fn check(&mut self, priority: Priority) -> Result<(), Error> {
        match &self.state {
            _ if priority == Priority::Essential => Ok(()),
            State::Filled => Ok(()),
            State::Refused(error) => Err(error.clone()),
            State::Missing => self.fill().map_err(|error| {
                let error = self.problem(error);
                self.state = State::Refused(error.clone());
                error
            }),
        }
    }

    fn problem(&self, error: io::Error) -> Error {
        problem::io("could not write", &self.path, error)
    }

    pub(super) fn release(&mut self) {
        self.state = State::Missing;
        if let Some(reserve) = &mut self.reserve {
            reserve.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ext::disk::simulated::{Change, SimulatedDisk, State};

    #[test]
    fn reserve_takes_blocks_of_the_disk_and_gives_them_back() {
        let disk = SimulatedDisk::new(State::with_directory(Path::new("/d")), |_, _| None);
        let mut reserve = ReserveFile::new(disk.clone().into(), Path::new("/d"));
        let has_unsynced_content = || {
            let state = disk.state();
            state.pending().iter().any(|change| !matches!(change, Change::Names { .. }))
        };
        reserve.fill().unwrap();
        assert!(!has_unsynced_content(), "blocks that are not written may not be there when they are needed");
        assert_eq!(Disk::from(disk.clone()).metadata(Path::new("/d/reserve")).unwrap().length, LENGTH as u64);
        reserve.release();
        assert!(Disk::from(disk.clone()).metadata(Path::new("/d/reserve")).is_err());
        assert!(disk.state().pending().is_empty(), "the blocks are free when the directory is synced");
    }

    #[test]
    fn reserve_is_written_again_only_if_its_length_is_wrong() {
        let disk = SimulatedDisk::new(State::with_directory(Path::new("/d")), |_, _| None);
        let files = Disk::from(disk.clone());
        let mut reserve = ReserveFile::new(files.clone(), Path::new("/d"));
        reserve.fill().unwrap();
        files.sync_dir(Path::new("/d")).unwrap();
        let file = files.open(Path::new("/d/reserve"), Access::ReadWrite).unwrap();
        // Another content, so that writing the reserve again is seen.
        file.write_all_at(0, b"mark").unwrap();
        let has_mark = || crate::ext::disk::read_start(&*file, 4).unwrap() == b"mark";
        reserve.fill().unwrap();
        assert!(has_mark());
        file.set_len(100).unwrap();
        reserve.fill().unwrap();
        assert!(!has_mark() && file.metadata().unwrap().length == LENGTH as u64);
    }
}
