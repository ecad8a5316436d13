//! Measures the cost of waiting: memory per task, and CPU time and requests at a fixed rate.
//!
//! ```sh
//! cargo bench --bench waiting
//! cargo bench --bench waiting -- 100 10000
//! ```
//!
//! The benchmark submits a batch of tasks that never end, stops it, and resumes it from its store. All
//! tasks then wait from the start. The server is a simulator in another process, so the memory and CPU time
//! of this process are the client's. For comparison, the same number of single waits is measured before their
//! first poll. Each is a future on its own tokio task.

mod common;

use std::{
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

use common::{Server, serve_if_requested};
use distribute_ai::{Client, batch::Results, pacing::Fixed, store::Store, testing::Simulator};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const SIZES: [usize; 4] = [100, 1_000, 10_000, 100_000];
const REQUESTS_PER_SECOND: f64 = 50.0;
const MEASURE_TIME: Duration = Duration::from_secs(10);
const ONE_DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct Cost {
    /// The peak memory in bytes, minus the memory in use before.
    peak: usize,
    /// The memory at the end in bytes, minus the memory in use before.
    steady: usize,
    /// The share of one core, from 0 to 1.
    cpu: f64,
    /// The average number of requests per second.
    requests: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if serve_if_requested(Simulator::builder().running(ONE_DAY)).await {
        return;
    }
    println!(
        "{REQUESTS_PER_SECOND} requests per second for {} s\n\n\
         | waiting | peak | steady | peak each, beyond the first row | CPU of a core | for a request | requests/s \
         | by itself, each |\n\
         |---:|---:|---:|---:|---:|---:|---:|---:|",
        MEASURE_TIME.as_secs()
    );
    let sizes_from_args: Vec<_> = env::args().filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if sizes_from_args.is_empty() { SIZES.to_vec() } else { sizes_from_args };
    let mut first = None;
    for size in sizes.iter().copied() {
        let cost = measure(size).await;
        let base = *first.get_or_insert(cost.peak);
        let beyond = size.saturating_sub(sizes[0]);
        let each = cost.peak.saturating_sub(base).checked_div(beyond).map(|bytes| format!("{bytes} B"));
        let kib = |bytes: usize| format!("{} KiB", bytes / 1024);
        println!(
            "| {size} | {} | {} | {} | {:.2} % | {:.0} µs | {:.1} | {} B |",
            kib(cost.peak),
            kib(cost.steady),
            each.unwrap_or_default(),
            cost.cpu * 100.0,
            cost.cpu * 1e6 / cost.requests,
            cost.requests,
            single_waits(size).await / size
        );
    }
}

async fn measure(size: usize) -> Cost {
    let server = Server::start();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("store");
    let start = async |client: &Client, rate: f64| {
        let requests: Vec<_> =
            (0..size).map(|key| (key, client.speak(format!("Text {key}")).deadline(ONE_DAY))).collect();
        let batch = client.batch(requests).max_in_flight(size).requests_per_second(rate);
        batch.store(Store::at(&path).keep_audio(false)).run().await.expect("a valid batch")
    };

    // Create a new client for each run, so that the runs share no state. The first run does not poll, which would take
    // minutes.
    let rarely = Fixed::new(Duration::from_secs(3_600)).expect("an interval");
    let submitter = server.client().pacing(rarely).build().expect("the server's URL and key are valid");
    let mut submitting = start(&submitter, 1e9).await;
    while submitted(&path).await < size {
        expect_no_result(&mut submitting, Duration::from_millis(200)).await;
    }
    submitting.stop().await;
    // Let the connections of the first run close.
    tokio::time::sleep(Duration::from_secs(1)).await;

    let client = server.client().build().expect("the server's URL and key are valid");
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let mut waiting = start(&client, REQUESTS_PER_SECOND).await;
    // Let the batch read the store and send its first polls.
    expect_no_result(&mut waiting, Duration::from_secs(1)).await;
    let (cpu, started) = (cpu_time(), Instant::now());
    expect_no_result(&mut waiting, MEASURE_TIME).await;
    let progress = waiting.progress().borrow().clone();
    let cost = Cost {
        peak: MEMORY.peak_usage().saturating_sub(before),
        steady: MEMORY.current_usage().saturating_sub(before),
        cpu: cpu_time().saturating_sub(cpu).as_secs_f64() / started.elapsed().as_secs_f64(),
        requests: progress.requests_per_second,
    };
    assert_eq!(progress.in_flight, size, "all tasks are waiting");
    waiting.stop().await;
    cost
}

/// Returns the number of tasks in a store.
async fn submitted(path: &Path) -> usize {
    let (mut entries, mut count) = (Store::open(path).await.expect("a store").entries(), 0);
    while let Some(entry) = entries.next().await {
        count += usize::from(entry.expect("an entry").task_id().is_some());
    }
    count
}

/// Polls the results for a time. Panics if a result arrives.
async fn expect_no_result<K: std::fmt::Debug>(results: &mut Results<K>, time: Duration) {
    if let Ok(result) = tokio::time::timeout(time, results.next()).await {
        panic!("unexpected result: {result:?}");
    }
}

/// Returns the memory of `size` single waits, in bytes.
async fn single_waits(size: usize) -> usize {
    let server = Server::start();
    let client = server.client().pacing(Fixed::new(Duration::from_secs(3_600)).expect("an interval"));
    let client = client.build().expect("the server's URL and key are valid");
    // Open the connection before measuring.
    client.speak("Text").submit().await.expect("a task");
    let before = MEMORY.current_usage();
    let mut waits = Vec::with_capacity(size);
    for key in 0..size {
        let task = client.speak(format!("Text {key}")).submit().await.expect("a task");
        waits.push(tokio::spawn(task.wait().deadline(ONE_DAY).into_future()));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let used = MEMORY.current_usage().saturating_sub(before);
    for wait in waits {
        assert!(!wait.is_finished(), "unexpected result: {:?}", wait.await);
        wait.abort();
    }
    used
}

/// Returns the CPU time of this process, including its ended threads, with a resolution of 10 ms.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("/proc/self/stat exists on Linux");
    // The program name may contain any characters and ends at the last parenthesis. Add user and kernel time.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(10 * ticks.sum::<u64>())
}
