//! Measures the overhead of the library per request, compared with code written by hand with reqwest and
//! `serde_json`.
//!
//! ```sh
//! cargo bench --bench overhead
//! ```
//!
//! Both clients send the same bytes to the same server in another process, in short alternating turns. The
//! best turn of each counts, because other load on the machine only makes a turn longer. Only allocations of
//! this process are counted.
//!
//! If `taskset` is available, client and server are pinned to one core. One waits for the other anyway, and
//! waking an idle core takes longer than the measured difference, but not in every run.

mod common;

use std::{
    alloc::System,
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use common::{
    Server,
    by_hand::{ByHand, poll, submit},
    serve_if_requested,
};
use distribute_ai::testing::Simulator;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TURNS: usize = 600;
const REQUESTS: u32 = 20;
#[tokio::main(flavor = "current_thread")]
async fn main() {
    if serve_if_requested(Simulator::builder().running(Duration::from_secs(24 * 60 * 60))).await {
        return;
    }
    let server = Server::start();
    let core = if pin_to_one_core(&server) { "one core" } else { "any cores" };
    let client = server.client().build().expect("the server's URL and key are valid");
    let task = submit(&client).await;
    let reusing =
        server.client().reuse_submit_connections().build().expect("the server's URL and key are valid");
    let by_hand = ByHand { http: reqwest::Client::new(), server: &server };
    let without_pool = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("an HTTP client");
    let by_hand_connecting = ByHand { http: without_pool, server: &server };

    println!("best of {TURNS} turns of {REQUESTS} requests each, client and server on {core}\n");
    println!("| request | by | time | allocations | bytes allocated |\n|---|---|---:|---:|---:|");
    let (mut hand, mut library) = (Cost::MAX, Cost::MAX);
    for _ in 0..TURNS {
        hand.keep_minimum(turn(async || by_hand.poll(&task).await).await);
        library.keep_minimum(turn(async || poll(&task).await).await);
    }
    print_rows("poll", hand, library);
    for (request, by_hand, client) in
        [("submit", &by_hand_connecting, &client), ("submit, open connection", &by_hand, &reusing)]
    {
        let (mut hand, mut library) = (Cost::MAX, Cost::MAX);
        for _ in 0..TURNS {
            hand.keep_minimum(turn(async || by_hand.submit().await).await);
            library.keep_minimum(turn(async || drop(submit(client).await)).await);
        }
        print_rows(request, hand, library);
    }
}

/// Pins this process and the server to one core. Returns `true` on success.
fn pin_to_one_core(server: &Server) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let Some(first) = allowed.and_then(|cores| cores.trim().split(['-', ',']).next()) else { return false };
    [std::process::id(), server.process_id()].iter().all(|process| {
        let taskset = Command::new("taskset")
            .args(["--all-tasks", "--cpu-list", "--pid", first, &process.to_string()])
            .stdout(Stdio::null())
            .status();
        taskset.is_ok_and(|status| status.success())
    })
}

#[derive(Clone, Copy)]
struct Cost {
    time: Duration,
    allocations: usize,
    bytes: usize,
}

impl Cost {
    const MAX: Self = Self { time: Duration::MAX, allocations: usize::MAX, bytes: usize::MAX };

    fn keep_minimum(&mut self, other: Self) {
        self.time = self.time.min(other.time);
        self.allocations = self.allocations.min(other.allocations);
        self.bytes = self.bytes.min(other.bytes);
    }
}

/// Returns the cost of one request, averaged over a turn.
async fn turn(request: impl AsyncFn()) -> Cost {
    let (region, start) = (Region::new(MEMORY), Instant::now());
    for _ in 0..REQUESTS {
        request().await;
    }
    let (time, used) = (start.elapsed() / REQUESTS, region.change());
    let each = |count: usize| count / REQUESTS as usize;
    Cost { time, allocations: each(used.allocations + used.reallocations), bytes: each(used.bytes_allocated) }
}

fn print_rows(request: &str, hand: Cost, library: Cost) {
    for (by, cost) in [("hand", hand), ("this crate", library)] {
        let Cost { time, allocations, bytes } = cost;
        println!("| {request} | {by} | {:.1} µs | {allocations} | {bytes} |", time.as_secs_f64() * 1e6);
    }
    #[expect(clippy::cast_precision_loss, reason = "a ratio of small counts")]
    let ratio = |metric: fn(Cost) -> usize| metric(library) as f64 / metric(hand) as f64;
    println!(
        "| {request} | **ratio** | **{:.2}** | **{:.2}** | **{:.2}** |",
        library.time.as_secs_f64() / hand.time.as_secs_f64(),
        ratio(|cost| cost.allocations),
        ratio(|cost| cost.bytes)
    );
}
