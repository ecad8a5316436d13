//! A journal of any bytes: what is known after it was read, mended, cut and written on.
#![no_main]

use std::{cell::RefCell, collections::BTreeMap, fs, path::Path};

use distribute_ai::{
    TaskId,
    fuzzing::journal::{Known, open, replay, submitted},
};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use tempfile::TempDir;

const HEADER: &str = "{\"journal\":\"distribute-ai batch\",\"version\":1}\n";

thread_local! {
    static PLACE: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

fuzz_target!(|data: &[u8]| {
    let read = replay(data);
    let on_disk = in_place(|path| {
        fs::write(path, data).expect("it is ours");
        let known = open(path).ok();
        (known, fs::read(path).expect("it is there"))
    });
    let (known, whole) = match read {
        Ok((known, whole)) => (known, usize::try_from(whole).expect("it fits")),
        Err(_) => {
            assert_eq!(on_disk.0, None, "what can't be read can't be opened");
            assert_eq!(on_disk.1, data, "a file that is refused is left as it is");
            return;
        }
    };

    // No id is forgotten that stands in a whole line.
    for (key, id) in ids(&data[..whole]) {
        let record = known.iter().find(|record| record.key == key);
        assert_eq!(record.and_then(|record| record.submitted.clone()), Some(id), "{key:?}");
    }
    for record in &known {
        assert_eq!(record.is_free, record.submitted.is_none() && record.doubts == 0);
    }
    assert!(!data[whole..].contains(&b'\n') || data[whole..].iter().all(|byte| matches!(byte, 0 | b'\n')));

    // It is mended on the disk, and says the same then, with nothing torn.
    let (found, mended) = on_disk;
    assert_eq!(found.as_ref(), Some(&known));
    assert!(mended.starts_with(&data[..whole]) && mended.ends_with(b"\n"));
    assert_eq!(replay(&mended), Ok((known.clone(), mended.len() as u64)));

    // A line that is written then is found by the next run, and changes nothing else.
    let (key, id) = ("another key", TaskId::from_server("another id"));
    let longer = [mended, submitted(key, &id)].concat();
    let (after, _) = replay(&longer).expect("a journal with one more line");
    assert_eq!(
        after.iter().find(|record| record.key == key).and_then(|record| record.submitted.clone()),
        Some(id)
    );
    let others =
        |known: &[Known]| known.iter().filter(|record| record.key != key).cloned().collect::<Vec<_>>();
    assert_eq!(others(&after), others(&known));

    // A crash anywhere in what we have written leaves a journal, and what stood in its whole lines.
    if data.starts_with(HEADER.as_bytes()) {
        let cut = whole.min(HEADER.len() + usize::from(data[data.len() - 1]) * 3);
        let (left, stood) = replay(&data[..cut]).expect("a journal that was cut is one");
        let stood = usize::try_from(stood).expect("it fits");
        // Of a line that lacks its end only, nothing is lost.
        assert!(stood == cut || !data[stood..cut].contains(&b'\n'));
        for (key, id) in ids(&data[..stood]) {
            assert_eq!(
                left.iter().find(|record| record.key == key).and_then(|record| record.submitted.clone()),
                Some(id)
            );
        }
    }
});

/// What a line says of a task. As our code, it reads over what stands in other fields, even if that is damaged, and takes
/// whatever serde takes for one.
#[derive(Deserialize)]
struct Told {
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

/// The last id of each key that was submitted, read without our code.
fn ids(lines: &[u8]) -> BTreeMap<String, TaskId> {
    let mut ids = BTreeMap::new();
    for line in lines.split(|byte| *byte == b'\n').skip(1) {
        if let Ok(Told { event: Event::Submitted, key, id: Some(id), .. }) = serde_json::from_slice(line) {
            ids.insert(key, TaskId::from_server(id));
        }
    }
    ids
}

/// In memory where that is to be had: a file each time.
fn in_place<T>(work: impl FnOnce(&Path) -> T) -> T {
    PLACE.with_borrow_mut(|place| {
        let directory = place.get_or_insert_with(|| {
            let memory = Path::new("/dev/shm");
            let directory = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
            directory.expect("a directory")
        });
        work(&directory.path().join("journal.jsonl"))
    })
}
