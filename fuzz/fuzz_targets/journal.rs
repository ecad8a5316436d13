//! Fuzzes the journal: checks the known keys after reading, repairing, truncating and appending.
#![no_main]

use std::{cell::RefCell, collections::BTreeMap, fs, path::Path};

use distribute_ai::{
    TaskId,
    fuzzing::journal::{KnownKey, open, replay, submitted},
};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use tempfile::TempDir;

const HEADER: &str = "{\"journal\":\"distribute-ai batch\",\"version\":1}\n";

thread_local! {
    static DIRECTORY: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

fuzz_target!(|data: &[u8]| {
    let read = replay(data);
    let on_disk = with_journal_path(|path| {
        fs::write(path, data).expect("the file is writable");
        let known = open(path).ok();
        (known, fs::read(path).expect("the file exists"))
    });
    let (known, complete) = match read {
        Ok((known, complete)) => (known, usize::try_from(complete).expect("a length fits usize")),
        Err(_) => {
            assert_eq!(on_disk.0, None, "an invalid journal cannot be opened");
            assert_eq!(on_disk.1, data, "an invalid journal is unchanged");
            return;
        }
    };

    // Every task id in a complete line is known.
    for (key, id) in ids(&data[..complete]) {
        let state = known.iter().find(|state| state.key == key);
        assert_eq!(state.and_then(|state| state.submitted.clone()), Some(id), "{key:?}");
    }
    for state in &known {
        assert_eq!(state.is_unbilled, state.submitted.is_none() && state.in_doubt_attempts == 0);
    }
    assert!(
        !data[complete..].contains(&b'\n') || data[complete..].iter().all(|byte| matches!(byte, 0 | b'\n'))
    );

    // The repaired file contains the same entries, without an incomplete line.
    let (opened, repaired) = on_disk;
    assert_eq!(opened.as_ref(), Some(&known));
    assert!(repaired.starts_with(&data[..complete]) && repaired.ends_with(b"\n"));
    assert_eq!(replay(&repaired), Ok((known.clone(), repaired.len() as u64)));

    // An appended entry is found by the next run and does not affect other keys.
    let (key, id) = ("another key", TaskId::new_unchecked("another id"));
    let longer = [repaired, submitted(key, &id)].concat();
    let (after, _) = replay(&longer).expect("a journal with one more line");
    assert_eq!(
        after.iter().find(|state| state.key == key).and_then(|state| state.submitted.clone()),
        Some(id)
    );
    let others =
        |known: &[KnownKey]| known.iter().filter(|state| state.key != key).cloned().collect::<Vec<_>>();
    assert_eq!(others(&after), others(&known));

    // After a crash at any byte of a journal, the truncated file is a valid journal with all its complete
    // lines.
    if data.starts_with(HEADER.as_bytes()) {
        let cut = complete.min(HEADER.len() + usize::from(data[data.len() - 1]) * 3);
        let (remaining, valid) = replay(&data[..cut]).expect("a truncated journal is valid");
        let valid = usize::try_from(valid).expect("a length fits usize");
        // A line that is missing only its line break is not lost.
        assert!(valid == cut || !data[valid..cut].contains(&b'\n'));
        for (key, id) in ids(&data[..valid]) {
            assert_eq!(
                remaining.iter().find(|state| state.key == key).and_then(|state| state.submitted.clone()),
                Some(id)
            );
        }
    }
});

/// An entry, parsed independently of the library. Like the library, it ignores unknown fields and accepts
/// whatever serde accepts.
#[derive(Deserialize)]
struct ParsedEntry {
    #[serde(rename = "at")]
    _at: f64,
    event: Event,
    key: String,
    #[serde(rename = "request")]
    _request: Option<String>,
    id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    Sending,
    Unsent,
    InDoubt,
    Submitted,
    Finished,
    Failed,
}

/// Returns the last submitted task id of each key, parsed independently of the library.
fn ids(lines: &[u8]) -> BTreeMap<String, TaskId> {
    let mut ids = BTreeMap::new();
    for line in lines.split(|byte| *byte == b'\n').skip(1) {
        if let Ok(ParsedEntry { event: Event::Submitted, key, id: Some(id), .. }) =
            serde_json::from_slice(line)
        {
            ids.insert(key, TaskId::new_unchecked(id));
        }
    }
    ids
}

/// Calls `test` with the path of a journal, in memory if `/dev/shm` is available.
fn with_journal_path<T>(test: impl FnOnce(&Path) -> T) -> T {
    DIRECTORY.with_borrow_mut(|cell| {
        let directory = cell.get_or_insert_with(|| {
            let memory = Path::new("/dev/shm");
            let directory = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
            directory.expect("a temporary directory")
        });
        test(&directory.path().join("journal.jsonl"))
    })
}
