//! Measures a store: time and memory to open it, one lookup, and one durable commit.
//!
//! ```sh
//! cargo bench --bench store
//! cargo bench --bench store -- 10000
//! ```
//!
//! For comparison, the same numbers of an append-only file with three JSON lines for each request, which is read as a
//! whole into a map. The journal that the store replaced worked like this. The reader of that file is in this
//! benchmark. Both are filled directly, without a server. Commits of the store and appends to the file alternate, because
//! the time of a sync depends on what else the disk does. Shown are medians.

use std::{
    collections::HashMap,
    env,
    fmt::Write as _,
    fs::{self, File},
    io::{BufRead, BufReader, BufWriter, Write},
    path::Path,
    time::{Duration, Instant},
};

use distribute_ai::store::{RequestHash, Store};
use peak_alloc::PeakAlloc;
use redb::{Database, TableDefinition};
use serde_json::Value;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
const ENTRIES: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("entries");
const LOOKUPS: usize = 1_000;
const COMMITS: usize = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let sizes_from_args: Vec<_> = env::args().filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if sizes_from_args.is_empty() { SIZES.to_vec() } else { sizes_from_args };
    println!(
        "| entries | | open | after a kill | peak memory | a lookup | a commit | size of the file |\n\
         |---:|---|---:|---:|---:|---:|---:|---:|"
    );
    for size in sizes {
        let appends = measure_store(size).await;
        measure_file(size, appends);
    }
}

fn key(number: usize) -> [u8; 32] {
    let mut random = fastrand::Rng::with_seed(number as u64);
    std::array::from_fn(|_| random.u8(..))
}

fn hash(number: usize) -> RequestHash {
    let digits = key(number).iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    });
    digits.parse().expect("64 digits")
}

fn id(number: usize) -> String {
    format!("{number:08x}-40d5-491e-99b0-da01ff1f3341")
}

/// Returns the time of a synced append to another file, measured between the commits.
async fn measure_store(size: usize) -> Duration {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (path, copy) = (directory.path().join("store"), directory.path().join("copy"));
    // Writes the tables and their version.
    drop(Store::open(&path).await.expect("a new store"));
    fill_store(&path.join("entries.redb"), size);

    let (store, open, peak) = open(&path).await;
    let entry = store.get(&hash(0)).await.expect("a readable store").expect("the entry was written");
    assert_eq!(entry.task_id().map(|id| id.to_string()), Some(id(0)));
    let lookup = {
        let started = Instant::now();
        for number in 0..LOOKUPS {
            let found = store.get(&hash(number * 7_919 % size)).await;
            assert!(found.expect("a readable store").is_some());
        }
        started.elapsed() / u32::try_from(LOOKUPS).expect("a small number")
    };
    let mut file = File::create(directory.path().join("appends")).expect("a new file");
    let (mut commits, mut appends) = (Vec::new(), Vec::new());
    for number in 0..COMMITS {
        let started = Instant::now();
        assert!(store.forget(&hash(number)).await.expect("a writable store"));
        commits.push(started.elapsed());
        let started = Instant::now();
        file.write_all(&[b' '; 130]).expect("a writable disk");
        file.sync_data().expect("a writable disk");
        appends.push(started.elapsed());
    }
    // The copy of an open store is what a killed process leaves.
    fs::create_dir(&copy).expect("a directory");
    fs::copy(path.join("entries.redb"), copy.join("entries.redb")).expect("a copy");
    let (copied, after_kill, _) = self::open(&copy).await;
    assert!(copied.get(&hash(size - 1)).await.expect("a readable store").is_some());
    print_row(
        size,
        "store",
        open,
        Some(after_kill),
        peak,
        lookup,
        median(commits),
        &path.join("entries.redb"),
    );
    median(appends)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn fill_store(path: &Path, size: usize) {
    let database = Database::open(path).expect("the store is closed");
    let transaction = database.begin_write().expect("a writable database");
    {
        let mut table = transaction.open_table(ENTRIES).expect("the table of the store");
        for number in 0..size {
            let record = format!(
                r#"{{"state":"submitted","at":1780000000.0,"id":"{}","label":"line {number}","characters":40}}"#,
                id(number)
            );
            table.insert(&key(number), record.as_bytes()).expect("a writable table");
        }
    }
    transaction.commit().expect("a writable disk");
}

async fn open(path: &Path) -> (Store, Duration, usize) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let started = Instant::now();
    let store = Store::open(path).await.expect("a store");
    (store, started.elapsed(), MEMORY.peak_usage().saturating_sub(before))
}

fn measure_file(size: usize, append: Duration) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("journal");
    let mut file = BufWriter::new(File::create(&path).expect("a new file"));
    for number in 0..size {
        for event in ["sending", "submitted", "finished"] {
            let id = id(number);
            writeln!(
                file,
                r#"{{"at":1780000000.123,"event":"{event}","key":"line {number}","request":"0123456789abcdef","id":"{id}"}}"#
            )
            .expect("a writable disk");
        }
    }
    drop(file);

    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let started = Instant::now();
    let mut states: HashMap<String, (String, String)> = HashMap::new();
    for line in BufReader::new(File::open(&path).expect("a readable file")).lines() {
        let line: Value = serde_json::from_str(&line.expect("text")).expect("JSON");
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        states.insert(text("key"), (text("event"), text("id")));
    }
    let (open, peak) = (started.elapsed(), MEMORY.peak_usage().saturating_sub(before));
    assert_eq!(states.len(), size);
    let started = Instant::now();
    for number in 0..LOOKUPS {
        assert!(states.contains_key(&format!("line {}", number * 7_919 % size)));
    }
    let lookup = started.elapsed() / u32::try_from(LOOKUPS).expect("a small number");
    print_row(size, "file of lines", open, None, peak, lookup, append, &path);
}

#[expect(clippy::too_many_arguments, reason = "one for each column")]
fn print_row(
    size: usize,
    name: &str,
    open: Duration,
    after_kill: Option<Duration>,
    peak: usize,
    lookup: Duration,
    commit: Duration,
    file: &Path,
) {
    let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    let after_kill = after_kill.map(milliseconds).unwrap_or_default();
    let bytes = fs::metadata(file).expect("a file").len();
    println!(
        "| {size} | {name} | {} | {after_kill} | {} KiB | {:.1} µs | {:.2} ms | {} MiB |",
        milliseconds(open),
        peak / 1024,
        lookup.as_secs_f64() * 1e6,
        commit.as_secs_f64() * 1e3,
        bytes / 1024 / 1024,
    );
}
