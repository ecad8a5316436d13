use std::fs;

use super::*;
use crate::ext::disk::simulated::{Fault, State};

fn open_temp(target: &Path, is_private: bool) -> Result<(PathBuf, TempFile, Arc<dyn OpenFile>), Error> {
    super::open_temp(&Disk::system(), target, is_private)
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[track_caller]
fn assert_refused(target: &Path, expected: &str) {
    let error = open_temp(target, false).err().unwrap();
    assert!(error.is_io() && error.to_string().contains(expected), "{error}");
}

#[test]
fn temp_file_of_running_writer_stays_and_next_one_has_another_name() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("a.wav");
    let first = open_temp(&target, false).unwrap();
    let second = open_temp(&target, false).unwrap();
    let [one, two] = names(directory.path()).try_into().unwrap();
    assert!(one.ends_with("-0.part") && two.ends_with("-1.part"), "{one}, {two}");
    drop((first, second));
    assert!(names(directory.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn temp_files_of_killed_processes_are_removed_by_next_writer_to_the_target() {
    let directory = tempfile::tempdir().unwrap();
    let (target, other) = (directory.path().join("a.wav"), directory.path().join("b.wav"));
    // Like a killed process, this leaves the file and drops its lock.
    let abandon = |target: &Path| {
        let (_, mut temp, file) = open_temp(target, false).unwrap();
        file.write_all_at(0, b"half").unwrap();
        temp.path = None;
    };
    abandon(&target);
    abandon(&other);
    assert_eq!(names(directory.path()).len(), 2);
    let (_, temp, file) = open_temp(&target, false).unwrap();
    assert_eq!(names(directory.path()).len(), 2, "the file of the other target stays");
    assert_eq!(file.metadata().unwrap().length, 0);
    drop((temp, file));
    drop(open_temp(&other, false).unwrap());
    assert!(names(directory.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn temp_file_that_is_not_a_file_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("a.wav");
    drop(open_temp(&target, false).unwrap());
    let victim = directory.path().join("victim");
    fs::write(&victim, "content").unwrap();
    let temp = open_temp(&target, false).unwrap();
    let path = temp.1.path.clone().unwrap();
    drop(temp);
    std::os::unix::fs::symlink(&victim, &path).unwrap();
    let second = open_temp(&target, false).unwrap();
    assert_ne!(second.1.path.as_ref().unwrap(), &path);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "content");
    assert!(path.is_symlink());
}

#[test]
fn relative_target_is_made_absolute() {
    let (target, ..) = open_temp(Path::new("relative.wav"), false).unwrap();
    assert!(target.is_absolute() && target.ends_with("relative.wav"), "{}", target.display());
}

#[test]
fn read_only_target_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("a.wav");
    fs::write(&target, "old").unwrap();
    let mut permissions = fs::metadata(&target).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&target, permissions).unwrap();
    assert_refused(&target, "file is read-only");
    assert_eq!(names(directory.path()), ["a.wav"]);
}

#[cfg(unix)]
#[test]
fn dangling_symlink_is_kept_and_its_target_created() {
    use std::os::unix::fs::symlink;
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("other")).unwrap();
    symlink("second", at("first")).unwrap();
    symlink("other/file", at("second")).unwrap();
    let (target, temp, _file) = open_temp(&at("first"), false).unwrap();
    assert_eq!(target, fs::canonicalize(at("other")).unwrap().join("file"));
    assert_eq!(names(&at("other")).len(), 1, "next to the target");
    drop(temp);

    symlink("missing/file", at("broken")).unwrap();
    assert_refused(&at("broken"), "could not create a file in");
    symlink("loop", at("loop")).unwrap();
    assert_refused(&at("loop"), "could not write");
}

#[cfg(unix)]
#[test]
fn replaced_file_keeps_permissions_but_not_set_user_id() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("a.wav");
    fs::write(&target, "old").unwrap();
    for (mode, kept) in [(0o600, 0o600), (0o666, 0o666), (0o4755, 0o755), (0o2750, 0o750), (0o1644, 0o644)] {
        fs::set_permissions(&target, fs::Permissions::from_mode(mode)).unwrap();
        let (_, _temp, file) = open_temp(&target, false).unwrap();
        assert_eq!(file.metadata().unwrap().permissions.mode() & 0o7777, kept, "{mode:o}");
    }
}

#[test]
fn target_that_names_a_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    assert_refused(&directory.path().join("new/"), "path does not name a file");
    assert_refused(Path::new("missing/.."), "path does not name a file");
    assert!(names(directory.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn private_file_is_created_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let (_, _temp, file) = open_temp(&directory.path().join("a.wav"), true).unwrap();
    assert_eq!(file.metadata().unwrap().permissions.mode() & 0o777, 0o600);
}

#[test]
fn temp_file_that_cannot_be_created_is_an_error() {
    let disk = Disk::simulated(State::with_directory(Path::new("/d")), |step, _| {
        step.starts_with("create").then_some(Fault::Fails(io::ErrorKind::StorageFull))
    });
    disk.open(Path::new("/d/b.wav"), Access::CreatePrivate).unwrap();
    let error = super::open_temp(&disk, Path::new("/d/a.wav"), false).err().unwrap();
    assert!(error.is_io() && error.to_string().contains("could not create a file in"), "{error}");
}
