//! Tests of the entry of a request, from its announcement to its audio.

mod audio;
mod durations;

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use serde_json::json;

use super::{
    Entry, EntryState, Settlement, Store, StoreSettings,
    audio_files::StoredAudio,
    facts::{Redo, Request},
    handle::{Announced, EntryHandle, Found, Outlook},
};
use crate::{
    Error, TaskId,
    ext::{
        captured_log::CapturedLog,
        disk::{
            Access, Disk,
            simulated::{Fault, State},
        },
        transport::failure::{Failure, FailureKind},
    },
    types::SpeechRequest,
};

/// A store on a disk in memory, with the number of changes and syncs of the disk.
struct TestStore {
    store: Store,
    disk: Disk,
    steps: Arc<AtomicUsize>,
    /// All steps fail, except perhaps the first one.
    is_disk_full: Arc<AtomicBool>,
}

async fn open(set: impl Fn(StoreSettings) -> StoreSettings) -> TestStore {
    let (steps, is_disk_full) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, fails) = (Arc::clone(&steps), Arc::clone(&is_disk_full));
    let disk = Disk::simulated(State::with_directory(Path::new("/d")), move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        fails.load(Ordering::Relaxed).then_some(Fault::Fails(io::ErrorKind::StorageFull))
    });
    let store = Store::open_on(&disk, set(Store::at("/d/store"))).await.unwrap();
    TestStore { store, disk, steps, is_disk_full }
}

impl TestStore {
    async fn steps(&self) -> usize {
        self.store.flush().await;
        self.steps.load(Ordering::Relaxed)
    }

    fn write_audio(&self, entry: &EntryHandle) {
        let file = self.disk.open(&entry.audio_path(), Access::CreateNew { mode: None }).unwrap();
        file.write_all_at(0, b"audio").unwrap();
    }
}

fn speech(text: &str) -> SpeechRequest {
    SpeechRequest::new(text.parse().unwrap())
}

fn id(text: &str) -> TaskId {
    TaskId::new_unchecked(text)
}

fn audio(seconds: Option<f64>) -> StoredAudio {
    StoredAudio { bytes: 5, sha256: "ab".to_owned(), seconds }
}

async fn submit(entry: &EntryHandle, task: &str) {
    entry.announced().await.send(async { Ok(id(task)) }).await.unwrap();
}

/// Submits a request whose response never arrives, because its process is killed.
async fn submit_and_die(entry: &EntryHandle) {
    assert!(entry.announced().await.send(std::future::pending()).now_or_never().is_none());
}

/// Submits a request, as task `t1`, whose id the disk refuses. Then the disk works again.
async fn submit_without_space(test: &TestStore, entry: &EntryHandle) {
    let attempt = entry.announced().await;
    test.is_disk_full.store(true, Ordering::Relaxed);
    assert_eq!(attempt.send(async { Ok(id("t1")) }).await.unwrap(), id("t1"));
    test.is_disk_full.store(false, Ordering::Relaxed);
    // The next step fails still.
    test.store.flush().await;
}

fn finish(entry: &EntryHandle, task: &str, audio: Option<StoredAudio>) {
    let result = json!({"id": task, "status": "COMPLETED"});
    entry.finished(&id(task), &serde_json::from_value(result).unwrap(), audio, None);
}

/// Returns the only entry.
async fn only_entry(store: &Store) -> Entry {
    let mut entries = store.entries();
    let entry = entries.next().await.unwrap().unwrap();
    assert!(entries.next().await.is_none());
    assert_eq!(store.get(&entry.hash()).await.unwrap().as_ref(), Some(&entry));
    entry
}

#[tokio::test]
async fn entry_has_the_facts_of_its_request_and_its_debug_output_omits_the_text() {
    let TestStore { store, .. } = open(|settings| settings.keep_text(true)).await;
    let speech = speech("Good morning.").voice("nora");
    let handle = store.entry(Request { take: 3, label: Some("line 1".into()), ..Request::of(&speech) });
    submit(&handle, "t1").await;
    finish(&handle, "t1", Some(audio(Some(1.5))));
    let entry = only_entry(&store).await;
    assert_eq!((entry.state(), entry.task_id()), (EntryState::Stored, Some(id("t1"))));
    assert_eq!((entry.label(), entry.text()), (Some("line 1"), Some("Good morning.")));
    assert_eq!((entry.voice(), entry.characters(), entry.take()), (Some("nora"), 13, 3));
    assert_eq!((entry.duration(), entry.audio_bytes()), (Some(Duration::from_millis(1_500)), Some(5)));
    let hash = entry.hash();
    let shown = format!("{entry:?}");
    let start = format!("Entry {{ hash: {hash}, state: Stored, label: Some(\"line 1\"), task_id: ");
    assert!(shown.starts_with(&start) && !shown.contains("morning"), "{shown}");
    assert_eq!(format!("{handle:?}"), format!("EntryHandle({hash})"));
    assert_eq!(format!("{store:?}"), r#"Store { directory: "/d/store", .. }"#);
    assert_eq!(format!("{:?}", store.entries()), "Entries");
    let settings = StoreSettings::from(&store);
    let expected = r#"StoreSettings { directory: "/d/store", keep_audio: true, keep_text: true, max_audio_bytes: None, .. }"#;
    assert_eq!(format!("{settings:?}"), expected);
}

#[test]
fn entry_states_have_stable_names_and_are_padded() {
    let names = [
        (EntryState::Announced, "announced"),
        (EntryState::Submitted, "submitted"),
        (EntryState::Stored, "stored"),
        (EntryState::Failed, "failed"),
        (EntryState::InDoubt, "in_doubt"),
    ];
    for (state, name) in names {
        assert_eq!((state.as_str(), format!("{state:>10}")), (name, format!("{name:>10}")));
    }
}

#[tokio::test]
async fn request_is_announced_while_it_is_sent_and_in_doubt_after_its_process_is_killed() {
    let store = Store::in_memory();
    let speech = speech("Hello.");
    let entry = store.entry(Request { resubmissions: 1, ..Request::of(&speech) });
    for earlier_attempts in [0, 1] {
        let attempt = entry.announced().await;
        let entry = only_entry(&store).await;
        assert_eq!((entry.state(), entry.attempts_in_doubt()), (EntryState::Announced, earlier_attempts));
        let hash = entry.hash();
        assert!(store.forget(&hash).await.unwrap_err().to_string().contains("is being submitted"));
        assert!(store.settle(&hash, Settlement::NotBilled).await.unwrap_err().is_invalid());
        assert!(attempt.send(std::future::pending()).now_or_never().is_none());
        let entry = only_entry(&store).await;
        assert_eq!((entry.state(), entry.attempts_in_doubt()), (EntryState::InDoubt, earlier_attempts + 1));
    }
}

#[tokio::test]
async fn concurrent_lookups_leave_a_request_in_doubt() {
    let TestStore { store, .. } = open(|settings| settings).await;
    let speech = speech("Hello.");
    let entry = store.entry(Request::of(&speech));
    submit_and_die(&entry).await;
    let hash = entry.hash();
    // Each call waits for the store, so all look at the same time.
    let get = || store.get(&hash).map(|entry| entry.unwrap().unwrap());
    let (lookup, first, second, listed, outlook) =
        tokio::join!(entry.lookup(None), get(), get(), only_entry(&store), entry.outlook());
    assert!(matches!(lookup, Ok(Found::InDoubt(_))) && matches!(outlook, Ok(Outlook::InDoubt)));
    for entry in [first, second, listed] {
        assert_eq!((entry.state(), entry.attempts_in_doubt()), (EntryState::InDoubt, 1));
    }
}

#[tokio::test]
async fn entry_in_doubt_is_settled_or_forgotten_while_other_calls_look_at_it() {
    let TestStore { store, .. } = open(|settings| settings).await;
    let speech = speech("Hello.");
    let entry = store.entry(Request::of(&speech));
    let hash = entry.hash();
    for turns in 0..10 {
        let later = async || {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        };
        submit_and_die(&entry).await;
        let settle = async || {
            later().await;
            store.settle(&hash, Settlement::NotBilled).await
        };
        let (_, _, settled) = tokio::join!(entry.lookup(None), store.get(&hash), settle());
        assert!(settled.is_ok(), "after {turns} turns: {settled:?}");
        submit_and_die(&entry).await;
        let forget = async || {
            later().await;
            store.forget(&hash).await
        };
        let (_, _, forgotten) = tokio::join!(entry.lookup(None), store.get(&hash), forget());
        assert!(matches!(forgotten, Ok(true)), "after {turns} turns: {forgotten:?}");
    }
}

#[tokio::test]
async fn request_that_another_call_submits_counts_as_submitted_in_a_plan() {
    let store = Store::in_memory();
    let speech = speech("Hello.");
    for resubmissions in [0, 1] {
        let entry = store.entry(Request { resubmissions, ..Request::of(&speech) });
        let attempt = entry.announced().await;
        assert!(matches!(entry.outlook().await, Ok(Outlook::Submitted)), "{resubmissions}");
        drop(attempt);
        assert!(matches!(entry.outlook().await, Ok(Outlook::New { .. })), "{resubmissions}");
    }
}

#[tokio::test]
async fn attempt_in_doubt_is_resubmitted_only_if_the_caller_allows_it() {
    let store = Store::in_memory();
    let speech = speech("Hello.");
    let entry = store.entry(Request::of(&speech));
    submit_and_die(&entry).await;
    let Ok(Found::InDoubt(error)) = entry.lookup(None).await else { panic!("not in doubt") };
    let hash = only_entry(&store).await.hash();
    let shown = entry.explain(error).to_string();
    assert!(shown.contains(&format!("settle entry {hash} of the store memory")), "{shown}");
    let allowed = store.entry(Request { resubmissions: 1, ..Request::of(&speech) });
    let Ok(Found::New(prior)) = allowed.lookup(None).await else { panic!("not new") };
    assert_eq!(prior.count(), 1);
    let stopped = entry.explain(Error::stopped());
    assert!(!stopped.to_string().contains("store"), "{stopped}");
}

#[tokio::test]
async fn attempt_in_doubt_with_a_task_id_is_in_the_entry() {
    let store = Store::in_memory();
    let speech = speech("Hello.");
    let entry = store.entry(Request::of(&speech));
    let failure = Failure { task_id: Some(id("t1")), ..Failure::new(FailureKind::ConnectionLost) };
    entry.announced().await.send(async { Err(failure) }).await.unwrap_err();
    let entry = only_entry(&store).await;
    assert_eq!((entry.state(), entry.task_id()), (EntryState::InDoubt, Some(id("t1"))));
}

#[tokio::test]
async fn task_id_that_the_disk_refuses_is_returned_and_logged() {
    let log = CapturedLog::start();
    let test = open(|settings| settings).await;
    let speech = speech("Hello.");
    submit_without_space(&test, &test.store.entry(Request::of(&speech))).await;
    assert!(log.text().contains("result could not be written to the store"), "{}", log.text());
    assert!(log.text().contains(r#"task="t1""#), "{}", log.text());
    assert!(log.text().contains(r#"caused by "no storage space""#), "{}", log.text());
    // The next process does not know it.
    drop(test.store);
    let store = Store::open_on(&test.disk, Store::at("/d/store")).await.unwrap();
    assert!(matches!(store.entry(Request::of(&speech)).lookup(None).await, Ok(Found::InDoubt(_))));
}

#[tokio::test]
async fn task_id_that_the_disk_has_refused_is_written_when_its_task_ends() {
    for is_failed in [false, true] {
        let test = open(|settings| settings).await;
        let speech = speech("Hello.");
        let entry = test.store.entry(Request::of(&speech));
        submit_without_space(&test, &entry).await;
        let found = only_entry(&test.store).await;
        assert_eq!((found.state(), found.task_id()), (EntryState::Submitted, Some(id("t1"))));
        assert!(test.store.settle(&entry.hash(), Settlement::NotBilled).await.unwrap_err().is_invalid());
        let equal = test.store.entry(Request { resubmissions: 1, ..Request::of(&speech) });
        assert!(matches!(equal.lookup(None).await, Ok(Found::Submitted(found)) if found == id("t1")));
        assert!(matches!(equal.announce(None).await, Ok(Announced::Found(Found::Submitted(_)))));
        assert!(matches!(equal.outlook().await, Ok(Outlook::Submitted)));
        assert!(entry.may_keep(&id("t1")).await && !entry.may_keep(&id("t2")).await);
        let expected = if is_failed {
            entry.failed(&id("t1"));
            EntryState::Failed
        } else {
            finish(&entry, "t1", Some(audio(Some(1.5))));
            EntryState::Stored
        };
        test.store.flush().await;
        // The next process finds it.
        drop((entry, equal, test.store));
        let found = only_entry(&Store::open_on(&test.disk, Store::at("/d/store")).await.unwrap()).await;
        assert_eq!((found.state(), found.task_id()), (expected, Some(id("t1"))));
    }
}

#[tokio::test]
async fn task_id_of_a_doubt_that_the_disk_has_refused_prevents_a_resubmission() {
    let test = open(|settings| settings).await;
    let speech = speech("Hello.");
    let entry = test.store.entry(Request { resubmissions: 1, ..Request::of(&speech) });
    let attempt = entry.announced().await;
    let failure = Failure { task_id: Some(id("t1")), ..Failure::new(FailureKind::ConnectionLost) };
    test.is_disk_full.store(true, Ordering::Relaxed);
    attempt.send(async { Err(failure) }).await.unwrap_err();
    test.is_disk_full.store(false, Ordering::Relaxed);
    // The next step fails still.
    test.store.flush().await;
    assert!(
        matches!(entry.lookup(None).await, Ok(Found::InDoubt(error)) if error.task_id() == Some(&id("t1")))
    );
    let found = only_entry(&test.store).await;
    assert_eq!((found.state(), found.task_id()), (EntryState::InDoubt, Some(id("t1"))));
}

#[tokio::test]
async fn task_id_that_the_disk_has_refused_leaves_a_later_announcement() {
    let test = open(|settings| settings).await;
    let speech = speech("Hello.");
    let entry = test.store.entry(Request::of(&speech));
    submit_without_space(&test, &entry).await;
    assert!(test.store.forget(&entry.hash()).await.unwrap());
    // Two announcements have different times.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let equal = test.store.entry(Request::of(&speech));
    submit_and_die(&equal).await;
    finish(&entry, "t1", None);
    entry.failed(&id("t1"));
    let found = only_entry(&test.store).await;
    assert_eq!((found.state(), found.task_id()), (EntryState::InDoubt, None));
}

#[tokio::test]
async fn settled_entry_is_submitted_again_or_has_the_task_or_the_earlier_speech() {
    let store = Store::in_memory();
    let speech = speech("Hello.");
    let entry = store.entry(Request { redo: Redo::Yes, ..Request::of(&speech) });
    submit_and_die(&entry).await;
    let hash = only_entry(&store).await.hash();
    store.settle(&hash, Settlement::NotBilled).await.unwrap();
    assert_eq!(store.get(&hash).await.unwrap(), None);
    submit_and_die(&entry).await;
    store.settle(&hash, Settlement::Billed(id("t1"))).await.unwrap();
    assert_eq!(only_entry(&store).await.task_id(), Some(id("t1")));
    let error = store.settle(&hash, Settlement::NotBilled).await.unwrap_err().to_string();
    assert!(error.contains(&format!("entry {hash} is submitted, expected in_doubt")), "{error}");
    finish(&entry, "t1", None);
    // The finished speech is spoken again.
    submit_and_die(&entry).await;
    assert_eq!(only_entry(&store).await.state(), EntryState::InDoubt);
    store.settle(&hash, Settlement::NotBilled).await.unwrap();
    let entry = only_entry(&store).await;
    assert_eq!((entry.state(), entry.task_id()), (EntryState::Stored, Some(id("t1"))));
}

#[tokio::test]
async fn result_of_another_task_does_not_change_the_entry() {
    let store = Store::in_memory();
    let speech = speech("Hello.");
    let entry = store.entry(Request::of(&speech));
    submit(&entry, "t1").await;
    finish(&entry, "t2", None);
    entry.failed(&id("t2"));
    let found = only_entry(&store).await;
    assert_eq!((found.state(), found.task_id()), (EntryState::Submitted, Some(id("t1"))));
    entry.failed(&id("t1"));
    assert_eq!(only_entry(&store).await.state(), EntryState::Failed);
}

#[tokio::test]
async fn error_of_a_task_that_was_finished_leaves_its_speech() {
    let store = Store::in_memory();
    let speech = speech("Hello.");
    let entry = store.entry(Request::of(&speech));
    submit(&entry, "t1").await;
    finish(&entry, "t1", None);
    entry.failed(&id("t1"));
    assert_eq!(only_entry(&store).await.state(), EntryState::Stored);
    assert!(matches!(entry.lookup(None).await, Ok(Found::Stored(_))));
}

#[tokio::test]
async fn facts_that_the_entry_has_already_are_not_written_again() {
    let test = open(|settings| settings).await;
    let speech = speech("Hello.");
    let entry = test.store.entry(Request::of(&speech));
    submit(&entry, "t1").await;
    finish(&entry, "t1", Some(audio(Some(1.5))));
    let steps = test.steps().await;
    finish(&entry, "t1", Some(audio(Some(1.5))));
    finish(&entry, "t1", None);
    entry.job_finished(1);
    assert_eq!(test.steps().await, steps);
    finish(&entry, "t1", Some(audio(None)));
    assert!(test.steps().await > steps);
}

#[tokio::test]
async fn expected_duration_is_learned_for_each_voice() {
    let store = Store::in_memory();
    let texts = ["One, two, three.", "Four, five, six."];
    let [nora, other] = ["nora", "other"].map(|voice| texts.map(|text| speech(text).voice(voice)));
    let expected =
        async |speech: &SpeechRequest| store.entry(Request::of(speech)).expected_seconds().await.unwrap();
    let before = [expected(&nora[1]).await, expected(&other[1]).await];
    assert!(before[0] > 0.1 && before[0] < 10.0, "{before:?}");
    let entry = store.entry(Request::of(&nora[0]));
    submit(&entry, "t1").await;
    finish(&entry, "t1", None);
    entry.has_duration(&id("t2"), 99.0);
    assert_eq!(only_entry(&store).await.duration(), None);
    entry.has_duration(&id("t1"), 30.0);
    assert_eq!(only_entry(&store).await.duration(), Some(Duration::from_secs(30)));
    let after = [expected(&nora[1]).await, expected(&other[1]).await];
    assert!(after[0] > 2.0 * before[0] && (after[1] - before[1]).abs() < 0.001, "{before:?} {after:?}");
}

#[tokio::test]
async fn duration_is_learned_once_for_each_task() {
    let speech = speech("Hello.");
    let expected_after = async |is_known_before: bool| {
        let store = Store::in_memory();
        let entry = store.entry(Request::of(&speech));
        submit(&entry, "t1").await;
        if is_known_before {
            finish(&entry, "t1", None);
            entry.has_duration(&id("t1"), 2.0);
        }
        finish(&entry, "t1", Some(audio(Some(2.0))));
        entry.expected_seconds().await.unwrap()
    };
    let unlearned = Store::in_memory().entry(Request::of(&speech)).expected_seconds().await.unwrap();
    let (once, again) = (expected_after(false).await, expected_after(true).await);
    assert!(once > unlearned + 0.1 && (again - once).abs() < 0.001, "{unlearned} {once} {again}");
}

#[tokio::test]
async fn removed_store_leaves_no_directory() {
    let TestStore { store, disk, .. } = open(|settings| settings).await;
    assert!(StoreSettings::from(&store).may_have_entries(&disk));
    assert!(Store::at("/d/store").may_have_entries(&disk));
    store.remove().await;
    assert!(disk.metadata(Path::new("/d/store")).is_err());
    assert!(!Store::at("/d/store").may_have_entries(&disk));
}

#[test]
fn directory_may_have_entries_if_it_cannot_be_searched_but_not_if_it_is_unknown() {
    let disk = Disk::simulated(State::with_directory(Path::new(".")), |_, _| None);
    // It belongs to no store.
    disk.open(Path::new("entries.redb"), Access::CreatePrivate).unwrap();
    assert!(!StoreSettings::none().may_have_entries(&disk));
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(StoreSettings::from(file.path()).may_have_entries(&Disk::system()));
}

#[tokio::test]
async fn announcement_that_is_taken_back_leaves_the_earlier_doubt_as_it_was() {
    let store = Store::in_memory();
    let speech = speech("Hello.");
    submit_and_die(&store.entry(Request::of(&speech))).await;
    let allowed = store.entry(Request { resubmissions: 1, ..Request::of(&speech) });
    for _ in 0..2 {
        drop(allowed.announced().await);
        let entry = only_entry(&store).await;
        assert_eq!((entry.state(), entry.attempts_in_doubt()), (EntryState::InDoubt, 1));
    }
}

#[tokio::test]
async fn forgotten_entry_is_added_again_with_its_speech() {
    let store = Store::in_memory();
    let speech = speech("Hello.");
    let entry = store.entry(Request::of(&speech));
    submit(&entry, "t1").await;
    let hash = only_entry(&store).await.hash();
    assert!(store.forget(&hash).await.unwrap());
    finish(&entry, "t1", None);
    let entry = only_entry(&store).await;
    assert_eq!((entry.state(), entry.task_id()), (EntryState::Stored, Some(id("t1"))));
}

#[tokio::test]
async fn announcement_is_taken_back_although_the_disk_fails_once() {
    let fails = Arc::new(AtomicBool::new(false));
    let fail = Arc::clone(&fails);
    let disk = Disk::simulated(State::with_directory(Path::new("/d")), move |_, _| {
        fail.swap(false, Ordering::Relaxed).then_some(Fault::Fails(io::ErrorKind::StorageFull))
    });
    let store = Store::open_on(&disk, "/d/store".into()).await.unwrap();
    let speech = speech("Hello.");
    let entry = store.entry(Request::of(&speech));
    let attempt = entry.announced().await;
    fails.store(true, Ordering::Relaxed);
    drop(attempt);
    store.flush().await;
    assert!(!fails.load(Ordering::Relaxed), "the disk has failed");
    assert!(matches!(entry.lookup(None).await, Ok(Found::New(_))));
}
