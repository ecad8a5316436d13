//! What waiting costs: memory for each task, CPU and requests at a fixed budget.
//!
//! ```sh
//! cargo bench --bench waiting
//! cargo bench --bench waiting -- 100 10000
//! ```
//!
//! A batch of tasks that never end is submitted, stopped, and resumed from its journal, so that all of them wait from the
//! first moment on. The server, a simulator, is another process: this one's memory and CPU time are the client's.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use distribute_ai::{Client, batch::Results, testing::Simulator};
use futures_util::StreamExt;
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
    if env::args().any(|arg| arg == "--serve") {
        return serve().await;
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

/// A simulator for as long as somebody holds the other end of standard input.
async fn serve() {
    let simulator = Simulator::builder().running(FOR_EVER).start().await.expect("a loopback socket");
    println!("{} {}", simulator.base_url(), simulator.api_key());
    let _ = tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await;
}

struct Server {
    process: Child,
    base_url: String,
    api_key: String,
}

impl Server {
    fn start() -> Self {
        let program = env::current_exe().expect("this program has a path");
        let mut process = Command::new(program)
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs twice");
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().expect("it is piped"));
        output.read_line(&mut line).expect("it says where it is");
        let (base_url, api_key) = line.trim().split_once(' ').expect("address and key");
        Self { base_url: base_url.to_owned(), api_key: api_key.to_owned(), process }
    }

    /// A client of its own for each run: two share nothing.
    fn client(&self) -> Client {
        Client::builder().api_key(&self.api_key).base_url(&self.base_url).build().expect("as the server said")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
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

    let mut submitting = start(&server.client(), 1e9);
    while submitted(&journal) < size {
        look(&mut submitting, Duration::from_millis(200)).await;
    }
    submitting.stop().await;
    // The connections of the first run end.
    tokio::time::sleep(Duration::from_secs(1)).await;

    let client = server.client();
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
