//! Reading and writing, all or nothing.
//!
//! A set of [`Change`]s is first written beside its targets and only then renamed onto them. What fails before the
//! first rename has changed nothing; what fails after it is undone.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::{Builder, NamedTempFile};

use crate::failure::{ExitClass, Failure};

/// The text of a file, or a failure that names it; `class` says what a missing file means to the caller.
pub(crate) fn read(path: &Path, class: ExitClass) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::new(class, vec![format!("{}: {error}", path.display())]))
}

/// As [`read`], of a file that may be no text.
pub(crate) fn read_bytes(path: &Path, class: ExitClass) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::new(class, vec![format!("{}: {error}", path.display())]))
}

/// What a file shall hold, or that it shall be gone.
#[derive(Debug)]
pub(crate) enum Change {
    Write(PathBuf, String),
    Remove(PathBuf),
}

/// Makes all changes or none. Files that already hold what they shall are not touched.
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

/// A change that is ready: its new content lies beside the target, its old content is remembered.
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
        Err(error) => failure
            .hint(format!("{} could not be put back: {error}; `git restore` it", step.target.display())),
    })
}

/// A new file in the target's directory, with the permissions of an ordinary file rather than a private one.
fn write_temp(target: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    // The parent of a bare file name is "", which no file system knows.
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
    Failure::usage(format!("{} cannot be written: {error}", target.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_half_way_leaves_the_disk_as_it_was() {
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
    fn nothing_is_written_when_one_target_cannot_be() {
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
    fn a_file_that_holds_it_already_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("same");
        fs::write(&path, "same").unwrap();
        assert!(prepare(Change::Write(path, "same".into())).unwrap().is_none());
    }
}
