use super::*;

const CREATE: Access = Access::CreatePrivate;

type Steps = Arc<Mutex<Vec<(String, State)>>>;

/// Returns a disk, and the states after each of its steps.
fn recorded() -> (Disk, Steps) {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let recorder = Arc::clone(&steps);
    let disk = Disk::simulated(State::with_directory(Path::new("/d")), move |step, state| {
        recorder.lock().unwrap().push((step.to_owned(), state.clone()));
        None
    });
    (disk, steps)
}

fn last(steps: &Mutex<Vec<(String, State)>>) -> State {
    steps.lock().unwrap().last().unwrap().1.clone()
}

fn content(state: State, path: &str) -> Option<Vec<u8>> {
    let disk = Disk::simulated(state, |_, _| None);
    let file = disk.open(Path::new(path), Access::Read).ok()?;
    Some(super::super::read_start(&*file, u64::MAX).unwrap())
}

fn none(state: &State) -> State {
    state.after_power_failure(state.pending().iter().map(|_| Kept::Nothing))
}

#[test]
fn unsynced_changes_survive_a_kill_but_not_a_power_failure() {
    let (disk, steps) = recorded();
    let file = disk.open(Path::new("/d/a"), CREATE).unwrap();
    file.write_all_at(0, b"text").unwrap();
    assert_eq!(content(last(&steps).after_kill(), "/d/a").unwrap(), b"text");
    assert_eq!(content(none(&last(&steps)), "/d/a"), None);
    file.sync_data().unwrap();
    assert_eq!(content(none(&last(&steps)), "/d/a"), None, "its name is not synced");
    disk.sync_dir(Path::new("/d")).unwrap();
    assert_eq!(content(none(&last(&steps)), "/d/a").unwrap(), b"text");
}

#[test]
fn each_change_is_lost_kept_or_torn_independently() {
    let (disk, steps) = recorded();
    let file = disk.open(Path::new("/d/a"), CREATE).unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    file.write_all_at(0, b"abcd").unwrap();
    file.write_all_at(4, b"efgh").unwrap();
    let state = last(&steps);
    let after = |kept: [Kept; 2]| content(state.after_power_failure(kept), "/d/a").unwrap();
    assert_eq!(after([Kept::Everything, Kept::Nothing]), b"abcd");
    assert_eq!(after([Kept::Nothing, Kept::Everything]), b"\0\0\0\0efgh");
    assert_eq!(after([Kept::Bytes(1..3), Kept::Bytes(0..1)]), b"\0bc\0e");
}

#[test]
fn rename_without_sync_of_directory_may_leave_either_file() {
    let (disk, steps) = recorded();
    for (name, text) in [("/d/a", b"old"), ("/d/b", b"new")] {
        let file = disk.open(Path::new(name), CREATE).unwrap();
        file.write_all_at(0, text).unwrap();
        file.sync_all().unwrap();
    }
    disk.sync_dir(Path::new("/d")).unwrap();
    disk.rename(Path::new("/d/b"), Path::new("/d/a")).unwrap();
    let state = last(&steps);
    let both = |state: State| (content(state.clone(), "/d/a"), content(state, "/d/b"));
    assert_eq!(both(none(&state)), (Some(b"old".to_vec()), Some(b"new".to_vec())));
    assert_eq!(both(state.after_power_failure([Kept::Everything])), (Some(b"new".to_vec()), None));
}

#[test]
fn file_in_a_directory_whose_name_is_lost_is_lost_too() {
    let (disk, steps) = recorded();
    disk.create_private_dir(Path::new("/d/e")).unwrap();
    let file = disk.open(Path::new("/d/e/a"), CREATE).unwrap();
    file.sync_all().unwrap();
    disk.sync_dir(Path::new("/d/e")).unwrap();
    let disk = Disk::simulated(none(&last(&steps)), |_, _| None);
    assert!(disk.metadata(Path::new("/d/e")).is_err());
    disk.create_private_dir(Path::new("/d/e")).unwrap();
    assert!(disk.metadata(Path::new("/d/e/a")).is_err());
}

#[test]
fn changes_of_a_failed_sync_are_seen_but_never_written() {
    let mut is_synced = false;
    let disk = Disk::simulated(State::with_directory(Path::new("/d")), move |step, state| {
        if is_synced {
            assert!(content(none(state), "/d/a").unwrap().is_empty());
        }
        is_synced |= step == "sync /d/a";
        (step == "write /d/a").then_some(Fault::LosesChanges)
    });
    let file = disk.open(Path::new("/d/a"), CREATE).unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    file.write_all_at(0, b"text").unwrap();
    file.sync_data().unwrap_err();
    file.sync_data().unwrap();
    let mut buffer = [0; 4];
    assert_eq!(file.read_at(0, &mut buffer).unwrap(), 4);
    assert_eq!(&buffer, b"text");
}

#[test]
fn locks_end_with_their_owner() {
    let (disk, _) = recorded();
    let first = disk.open(Path::new("/d/a"), CREATE).unwrap();
    let second = disk.open(Path::new("/d/a"), CREATE).unwrap();
    first.try_lock().unwrap();
    assert!(matches!(second.try_lock(), Err(TryLockError::WouldBlock)));
    drop(first);
    second.try_lock().unwrap();
}
