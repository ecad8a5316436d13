//! What waiting costs: memory for each task, CPU and requests at a fixed budget.
//!
//! ```sh
//! cargo bench --bench waiting
//! cargo bench --bench waiting -- 100 10000
//! ```
//!
//! A batch of tasks that never end is submitted, stopped, and resumed from its journal, so that all of them wait from the
//! first moment on. The server, a simulator, is another process: this one's memory and CPU time are the client's. Beside
//! it, as many single waits, each a future of its own on a tokio task of its own, before their first poll.

mod common;

use std::{
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

use common::{Server, serve_if_asked};
use distribute_ai::{Client, batch::Results, pacing::Fixed, testing::Simulator};
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
         | waiting | peak | steady | peak each, beyond the first row | CPU of a core | for a request | requests/s \
         | by itself, each |\n\
         |---:|---:|---:|---:|---:|---:|---:|---:|",
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
            "| {size} | {} | {} | {} | {:.2} % | {:.0} µs | {:.1} | {} B |",
            kib(cost.peak),
            kib(cost.steady),
            each.unwrap_or_default(),
            cost.cpu * 100.0,
            cost.cpu * 1e6 / cost.requests,
            cost.requests,
            by_themselves(size).await / size
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

/// Bytes for so many single waits.
async fn by_themselves(size: usize) -> usize {
    let server = Server::start();
    let client = server.client().pacing(Fixed::new(Duration::from_secs(3_600)).expect("an interval"));
    let client = client.build().expect("as the server said");
    // What the first request needs, such as a connection, is there before.
    client.speak("Text").submit().await.expect("it is taken");
    let before = MEMORY.current_usage();
    let mut waits = Vec::with_capacity(size);
    for key in 0..size {
        let task = client.speak(format!("Text {key}")).submit().await.expect("it is taken");
        waits.push(tokio::spawn(task.wait().deadline(FOR_EVER).into_future()));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let used = MEMORY.current_usage().saturating_sub(before);
    for wait in waits {
        assert!(!wait.is_finished(), "an end that was not to come: {:?}", wait.await);
        wait.abort();
    }
    used
}

/// What this process has used, its threads that have ended included; in hundredths of a second.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux tells the CPU time of a process");
    // Behind the name, which may hold anything: in user space, and in the kernel.
    let behind_the_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks =
        behind_the_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(10 * ticks.sum::<u64>())
}
