//! Reads files, and writes sets of files as transactions.
//!
//! [`commit`] first writes the new contents to temporary files next to their targets, then renames these
//! files. A failure before the first rename changes nothing. After a later failure, the finished steps are
//! rolled back.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::{Builder, NamedTempFile};

use crate::failure::{ExitClass, Failure};

/// Returns the text of a file. A failure names the file and has the given class.
pub(crate) fn read(path: &Path, class: ExitClass) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::new(class, vec![format!("{}: {error}", path.display())]))
}

/// Returns the bytes of a file, which may be invalid UTF-8. Otherwise like [`read`].
pub(crate) fn read_bytes(path: &Path, class: ExitClass) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::new(class, vec![format!("{}: {error}", path.display())]))
}

/// A file to write or to remove.
#[derive(Debug)]
pub(crate) enum Change {
    Write(PathBuf, String),
    Remove(PathBuf),
}

/// Makes all changes or none. A file that already has the requested content is not written.
pub(crate) fn commit(changes: Vec<Change>) -> Result<(), Failure> {
    let mut steps = Vec::new();
    for change in changes {
        steps.extend(prepare(change)?);
    }
    for (done, step) in steps.iter_mut().enumerate() {
        if let Err(error) = step.apply() {
            let failure = write_error(&step.target, &error);
            return Err(roll_back_all(&steps[..done], failure));
        }
    }
    Ok(())
}

/// A prepared change: the new content is in a temporary file, the old content in memory.
struct Step {
    target: PathBuf,
    before: Option<Vec<u8>>,
    after: Option<NamedTempFile>,
}

fn prepare(change: Change) -> Result<Option<Step>, Failure> {
    let (target, content) = match change {
        Change::Write(target, content) => (target, Some(content)),
        Change::Remove(target) => (target, None),
    };
    let before = match fs::read(&target) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(write_error(&target, &error)),
    };
    if before.as_deref() == content.as_deref().map(str::as_bytes) {
        return Ok(None);
    }
    let after = content
        .map(|content| write_temp(&target, content.as_bytes()))
        .transpose()
        .map_err(|error| write_error(&target, &error))?;
    Ok(Some(Step { target, before, after }))
}

impl Step {
    fn apply(&mut self) -> io::Result<()> {
        match self.after.take() {
            Some(after) => after.persist(&self.target).map(drop).map_err(|e| e.error),
            None => fs::remove_file(&self.target),
        }
    }

    fn roll_back(&self) -> io::Result<()> {
        match &self.before {
            Some(before) => {
                write_temp(&self.target, before)?.persist(&self.target).map(drop).map_err(|e| e.error)
            }
            None => fs::remove_file(&self.target),
        }
    }
}

fn roll_back_all(done: &[Step], failure: Failure) -> Failure {
    done.iter().rev().fold(failure, |failure, step| match step.roll_back() {
        Ok(()) => failure,
        Err(error) => {
            failure.hint(format!("could not restore {}: {error}; use `git restore`", step.target.display()))
        }
    })
}

/// Writes a temporary file in the target's directory, with the default permissions instead of private ones.
fn write_temp(target: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    // The parent of a bare file name is "", which is not a valid directory.
    let dir = match target.parent() {
        Some(dir) if dir != Path::new("") => dir,
        _ => Path::new("."),
    };
    let mut builder = Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.prefix(".xtask-").tempfile_in(dir)?;
    file.write_all(content)?;
    Ok(file)
}

fn write_error(target: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("could not write {}: {error}", target.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roll_back_after_applied_steps_restores_all_files() {
        let dir = tempfile::tempdir().unwrap();
        let (first, new, gone) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("c"));
        fs::write(&first, "old").unwrap();
        fs::write(&gone, "stays").unwrap();
        let mut steps: Vec<Step> = [
            Change::Write(first.clone(), "new".into()),
            Change::Write(new.clone(), "new".into()),
            Change::Remove(gone.clone()),
        ]
        .into_iter()
        .filter_map(|change| prepare(change).unwrap())
        .collect();
        for step in &mut steps {
            step.apply().unwrap();
        }
        assert_eq!(fs::read_to_string(&first).unwrap(), "new");
        let failure = roll_back_all(&steps, Failure::usage("disk full"));
        assert_eq!(failure.to_string(), "error: disk full\n");
        assert_eq!(fs::read_to_string(&first).unwrap(), "old");
        assert_eq!(fs::read_to_string(&gone).unwrap(), "stays");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn commit_with_one_unwritable_target_writes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let good = dir.path().join("good");
        let failure = commit(vec![
            Change::Write(good.clone(), "x".into()),
            Change::Write(dir.path().join("missing/bad"), "x".into()),
        ])
        .unwrap_err();
        assert!(failure.to_string().contains("missing"), "{failure}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn prepare_of_unchanged_file_returns_no_step() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("same");
        fs::write(&path, "same").unwrap();
        assert!(prepare(Change::Write(path, "same".into())).unwrap().is_none());
    }
}
