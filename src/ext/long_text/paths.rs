//! The paths of the files of a narration. All files must be different, because one would otherwise replace another.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf, absolute},
};

use super::subtitles::Format;
use crate::{
    Billed, Error,
    ext::{
        audio::temp_file::follow_links,
        disk::{Access, Disk, directory_of},
    },
};

/// Checks that the paths of all files of a narration are different, and have the right endings.
pub(super) async fn check_paths(
    disk: &Disk,
    audio: &Path,
    store: &Path,
    subtitles: Option<&Path>,
    chapters: Option<&Path>,
) -> Result<(), Error> {
    subtitles.map(Format::of_path).transpose()?;
    if let Some(path) = chapters
        && Format::of_path(path).ok() != Some(Format::WebVtt)
    {
        return Err(Error::invalid("chapters", format!("{}, expected the ending .vtt", quoted(path))));
    }
    let paths = [("", Some(audio)), ("store", Some(store)), ("subtitles", subtitles), ("chapters", chapters)];
    let paths = paths.into_iter().filter_map(|(field, path)| Some((field, path?.to_owned())));
    let paths: Vec<_> = paths.collect();
    disk.try_run(move |disk| check_different(disk, &paths)).await
}

fn check_different(disk: &Disk, paths: &[(&'static str, PathBuf)]) -> Result<(), Error> {
    let mut used: Vec<Target> = Vec::new();
    for (field, path) in paths {
        let target = Target::of(disk, path);
        let is_one_name =
            |directory: &Path, one: &OsStr, other: &OsStr| is_one_name(disk, directory, one, other);
        if used.iter().any(|other| other.is_same_as(disk, &target, is_one_name)) {
            let problem = format!("{} is the path of another file of this narration", quoted(path));
            return Err(Error::invalid(field, problem + ", expected a different path"));
        }
        used.push(target);
    }
    Ok(())
}

fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}

/// The file or directory that a path names, whether it exists or not. Symbolic links are followed, as by a writer.
struct Target {
    directory: PathBuf,
    name: OsString,
}

impl Target {
    fn of(disk: &Disk, path: &Path) -> Self {
        let path = disk.canonicalize(path).unwrap_or_else(|_| follow_links(disk, path));
        let directory = directory_of(&path);
        let known = disk.canonicalize(directory).or_else(|_| absolute(directory));
        let name = path.file_name().unwrap_or_default().to_owned();
        Self { directory: known.unwrap_or_else(|_| directory.to_owned()), name }
    }

    /// Returns `true` if both are the same file. `is_one_name` compares different names in one directory.
    fn is_same_as(
        &self,
        disk: &Disk,
        other: &Self,
        is_one_name: impl Fn(&Path, &OsStr, &OsStr) -> bool,
    ) -> bool {
        is_one_directory(disk, &self.directory, &other.directory)
            && (self.name == other.name || is_one_name(&self.directory, &self.name, &other.name))
    }
}

/// Returns `true` if two paths name one directory. A directory has several paths if the file system ignores case.
fn is_one_directory(disk: &Disk, one: &Path, other: &Path) -> bool {
    let id = |path| disk.metadata(path).ok()?.id;
    id(one).zip(id(other)).map_or_else(|| one == other, |(one, other)| one == other)
}

/// Returns `true` if the file system takes different names for one, because it ignores case or the form of accents.
///
/// Tries it out, because this differs between file systems, and even between directories.
fn is_one_name(disk: &Disk, directory: &Path, one: &OsStr, other: &OsStr) -> bool {
    let may_be_one = one.eq_ignore_ascii_case(other) || !(one.is_ascii() && other.is_ascii());
    let lower = |name: &OsStr| name.to_string_lossy().to_lowercase();
    // If that is not possible, for example because a name is too long, prefer an error to a lost file.
    may_be_one && try_names(disk, directory, one, other).unwrap_or_else(|_| lower(one) == lower(other))
}

/// Creates a file with one name, and looks for it with the other. The real files are not touched.
fn try_names(disk: &Disk, directory: &Path, one: &OsStr, other: &OsStr) -> io::Result<bool> {
    let prefix = format!(".distribute-ai-{:016x}-", fastrand::u64(..));
    let path_of = |name: &OsStr| {
        let mut path = OsString::from(&prefix);
        path.push(name);
        path.push(".part");
        directory.join(path)
    };
    let path = path_of(one);
    disk.open(&path, Access::CreateNew { mode: None })?;
    let is_one = disk.symlink_metadata(&path_of(other)).is_ok();
    disk.remove_file(&path)?;
    Ok(is_one)
}

/// Returns the path of the store that exists until the file is complete.
pub(super) fn store_path(path: &Path) -> PathBuf {
    let mut store = path.as_os_str().to_owned();
    store.push(".store");
    store.into()
}

/// Refuses the journal of an earlier version, because its pieces would be billed again.
pub(super) fn refuse_journal(disk: &Disk, path: &Path) -> Result<(), Error> {
    let mut journal = path.as_os_str().to_owned();
    journal.push(".journal");
    let journal = PathBuf::from(journal);
    if disk.metadata(&journal).is_err() {
        return Ok(());
    }
    let problem = format!(
        "{} is the journal of an earlier version, which this version cannot read; complete the file with the earlier \
         version, or delete the journal: its pieces are then billed again",
        journal.display()
    );
    Err(Error::invalid("store", problem).billed_at_least(Billed::Maybe))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Returns `true` if the file system really replaces a file by one with the other name.
    fn replaces(directory: &Path, one: &str, other: &str) -> bool {
        let directory = tempfile::tempdir_in(directory).unwrap();
        for name in [one, other] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        fs::read_dir(directory.path()).unwrap().count() == 1
    }

    #[test]
    fn names_are_one_if_the_file_system_takes_them_for_one() {
        let directory = tempfile::tempdir().unwrap();
        for (one, other) in [("a.vtt", "A.VTT"), ("\u{e9}.vtt", "e\u{301}.vtt"), ("a.vtt", "b.vtt")] {
            let found = is_one_name(&Disk::system(), directory.path(), OsStr::new(one), OsStr::new(other));
            assert_eq!(found, replaces(directory.path(), one, other), "{one} and {other}");
        }
        let same = OsStr::new("a.vtt");
        assert!(is_one_name(&Disk::system(), directory.path(), same, same), "the created file is found");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn names_that_cannot_be_tried_are_one_if_only_case_differs() {
        let directory = tempfile::tempdir().unwrap();
        let long = "a".repeat(250);
        let is_one =
            |other: &str| is_one_name(&Disk::system(), directory.path(), long.as_ref(), other.as_ref());
        assert!(is_one(&long.to_uppercase()));
        assert!(!is_one(&"é".repeat(125)));
    }

    #[test]
    fn targets_are_compared_by_directory_and_by_the_names_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let other = directory.path().join("other");
        fs::create_dir(&other).unwrap();
        // A file system that ignores case.
        let ignores_case = |_: &Path, one: &OsStr, other: &OsStr| one.eq_ignore_ascii_case(other);
        let disk = Disk::system();
        let target = |path: &Path| Target::of(&disk, path);
        let is_same = |one: &Path, two: &Path| target(one).is_same_as(&disk, &target(two), ignores_case);
        let path = directory.path().join("a.vtt");
        assert!(is_same(&path, &directory.path().join("A.vtt")));
        assert!(is_same(&path, &other.join("..").join("A.VTT")));
        assert!(!is_same(&path, &directory.path().join("b.vtt")));
        assert!(!is_same(&path, &other.join("a.vtt")));
        assert!(is_same(&directory.path().join("missing/a.vtt"), &directory.path().join("missing/a.vtt")));
        assert!(is_same(&other.join("."), &other), "a directory without a name in its path");
    }

    #[cfg(unix)]
    #[test]
    fn target_of_dangling_links_is_the_file_that_they_lead_to() {
        use std::os::unix::fs::symlink;
        let disk = Disk::system();
        let directory = tempfile::tempdir().unwrap();
        let [file, link, second] = ["a.vtt", "link", "second"].map(|name| directory.path().join(name));
        symlink("a.vtt", &link).unwrap();
        symlink(&link, &second).unwrap();
        for exists in [false, true] {
            let target = |path: &Path| Target::of(&disk, path);
            let is_same = |path: &Path| target(path).is_same_as(&disk, &target(&file), |_, _, _| false);
            assert!(is_same(&link) && is_same(&second), "exists: {exists}");
            fs::write(&file, "").unwrap();
        }
    }
}
