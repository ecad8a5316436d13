//! What waiting costs: memory for each task, CPU and requests at a fixed budget.
//!
//! ```sh
//! cargo bench --bench waiting
//! cargo bench --bench waiting -- 100 10000
//! ```
//!
//! A batch of tasks that never end is submitted, stopped, and resumed from its journal, so that all of them wait from the
//! first moment on. The server, a simulator, is another process: this one's memory and CPU time are the client's.

mod common;

use std::{
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

use common::{Server, serve_if_asked};
use distribute_ai::{Client, batch::Results, testing::Simulator};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const SIZES: [usize; 4] = [100, 1_000, 10_000, 100_000];
const REQUESTS_PER_SECOND: f64 = 50.0;
const LOOK: Duration = Duration::from_secs(10);
const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);

struct Cost {
    /// Bytes, beyond what there was before.
    peak: usize,
    steady: usize,
    /// Of one core.
    cpu: f64,
    /// Per second, on average.
    requests: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if serve_if_asked(Simulator::builder().running(FOR_EVER)).await {
        return;
    }
    println!(
        "{REQUESTS_PER_SECOND} requests per second for {} s\n\n\
         | waiting | peak | steady | peak each, beyond the first row | CPU of a core | requests/s |\n\
         |---:|---:|---:|---:|---:|---:|",
        LOOK.as_secs()
    );
    let asked: Vec<_> = env::args().filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if asked.is_empty() { SIZES.to_vec() } else { asked };
    let mut first = None;
    for size in sizes.iter().copied() {
        let cost = measure(size).await;
        let base = *first.get_or_insert(cost.peak);
        let beyond = size.saturating_sub(sizes[0]);
        let each = cost.peak.saturating_sub(base).checked_div(beyond).map(|bytes| format!("{bytes} B"));
        let kib = |bytes: usize| format!("{} KiB", bytes / 1024);
        println!(
            "| {size} | {} | {} | {} | {:.2} % | {:.1} |",
            kib(cost.peak),
            kib(cost.steady),
            each.unwrap_or_default(),
            cost.cpu * 100.0,
            cost.requests
        );
    }
}

async fn measure(size: usize) -> Cost {
    let server = Server::start();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let journal = directory.path().join("journal");
    let start = |client: &Client, rate: f64| {
        let requests: Vec<_> =
            (0..size).map(|key| (key, client.speak(format!("Text {key}")).deadline(FOR_EVER))).collect();
        let batch = client.batch(requests).max_in_flight(size).requests_per_second(rate);
        batch.journal(&journal).run()
    };

    // A client of its own for each run: two share nothing.
    let client = || server.client().build().expect("as the server said");
    let mut submitting = start(&client(), 1e9);
    while submitted(&journal) < size {
        look(&mut submitting, Duration::from_millis(200)).await;
    }
    submitting.stop().await;
    // The connections of the first run end.
    tokio::time::sleep(Duration::from_secs(1)).await;

    let client = client();
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let mut waiting = start(&client, REQUESTS_PER_SECOND);
    // Reads the journal, and polls for the first time.
    look(&mut waiting, Duration::from_secs(1)).await;
    let (cpu, begun) = (cpu_time(), Instant::now());
    look(&mut waiting, LOOK).await;
    let progress = waiting.progress().borrow().clone();
    let cost = Cost {
        peak: MEMORY.peak_usage().saturating_sub(before),
        steady: MEMORY.current_usage().saturating_sub(before),
        cpu: cpu_time().saturating_sub(cpu).as_secs_f64() / begun.elapsed().as_secs_f64(),
        requests: progress.requests_per_second,
    };
    assert_eq!(progress.in_flight, size, "all of them wait");
    waiting.stop().await;
    cost
}

fn submitted(journal: &Path) -> usize {
    fs::read_to_string(journal).unwrap_or_default().matches("\"submitted\"").count()
}

/// Looks at the results for a time; none is expected.
async fn look<K: std::fmt::Debug>(results: &mut Results<K>, time: Duration) {
    if let Ok(end) = tokio::time::timeout(time, results.next()).await {
        panic!("an end that was not to come: {end:?}");
    }
}

/// What all threads of this process have used, by the kernel's count in nanoseconds.
fn cpu_time() -> Duration {
    let threads = fs::read_dir("/proc/self/task").expect("Linux tells the CPU time of threads");
    let used = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("schedstat")).ok());
    Duration::from_nanos(used.filter_map(|text| text.split(' ').next()?.parse::<u64>().ok()).sum())
}
