//! What the library adds to a request, beside the same one written by hand with reqwest and `serde_json`.
//!
//! ```sh
//! cargo bench --bench overhead
//! ```
//!
//! Both send the same bytes to the same server, in another process, in short turns; the best turn of each counts, as
//! whatever else the machine does only makes a turn longer. Allocations are those of this process.
//!
//! Client and server are kept on one core, where there is `taskset`: one waits for the other anyway, and to wake a core
//! that sleeps takes longer than what is compared, in some runs and not in others.

mod common;

use std::{
    alloc::System,
    fs,
    future::Future,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use common::{Server, serve_if_asked};
use distribute_ai::{
    Client, SpeechTask,
    testing::Simulator,
    types::{SpeechModel, SpeechRequest, SpeechResult, TaskCreated, TaskQuery},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TURNS: usize = 600;
const REQUESTS: u32 = 20;
const TEXT: &str =
    "Call me Ishmael. Some years ago, never mind how long precisely, having little or no money in my purse.";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if serve_if_asked(Simulator::builder().running(Duration::from_secs(24 * 60 * 60))).await {
        return;
    }
    let server = Server::start();
    let core = if share_a_core(&server) { "one core" } else { "whichever cores" };
    let ours = server.client().build().expect("as the server said");
    let task = ours.speak(TEXT).submit().await.expect("the server takes it");
    let by_hand = ByHand { http: reqwest::Client::new(), server: &server };

    println!("best of {TURNS} turns of {REQUESTS} requests each, client and server on {core}\n");
    println!("| request | by | time | allocations | bytes allocated |\n|---|---|---:|---:|---:|");
    let (mut hand, mut library) = (Cost::MOST, Cost::MOST);
    for _ in 0..TURNS {
        hand.improve(turn(|| by_hand.poll(&task)).await);
        library.improve(turn(|| poll(&task)).await);
    }
    tell("poll", hand, library);
    let (mut hand, mut library) = (Cost::MOST, Cost::MOST);
    for _ in 0..TURNS {
        hand.improve(turn(|| by_hand.submit()).await);
        library.improve(turn(|| submit(&ours)).await);
    }
    tell("submit", hand, library);
}

/// Whether it could be had.
fn share_a_core(server: &Server) -> bool {
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

async fn poll(task: &SpeechTask) {
    task.status().await.expect("a status");
}

async fn submit(client: &Client) {
    client.speak(TEXT).submit().await.expect("a task");
}

/// As one would write it: the key in a header, the types of the document, an error for what is no success.
struct ByHand<'a> {
    http: reqwest::Client,
    server: &'a Server,
}

impl ByHand<'_> {
    async fn poll(&self, task: &SpeechTask) {
        let query = TaskQuery { id: task.id().to_string() };
        let result: SpeechResult = self.post("/async/speech/result", &query).await;
        assert!(!result.status.is_final());
    }

    async fn submit(&self) {
        let request = SpeechRequest {
            cfg_weight: None,
            exaggeration: None,
            input: TEXT.parse().expect("it is short"),
            model: SpeechModel::Chatterbox,
            stream: None,
            temperature: None,
            voice: None,
        };
        let created: TaskCreated = self.post("/async/speech/create", &request).await;
        assert!(!created.id.is_empty());
    }

    async fn post<T: serde::de::DeserializeOwned>(&self, path: &str, body: &impl serde::Serialize) -> T {
        let request = self
            .http
            .post(format!("{}{path}", self.server.base_url))
            .header("accept", "application/json")
            .header("authorization", &self.server.api_key)
            .header("user-agent", concat!("distribute-ai/", env!("CARGO_PKG_VERSION")))
            .timeout(Duration::from_secs(30))
            .json(body);
        let reply = request.send().await.expect("a reply").error_for_status().expect("a success");
        serde_json::from_slice(&reply.bytes().await.expect("a body")).expect("as the document says")
    }
}

#[derive(Clone, Copy)]
struct Cost {
    time: Duration,
    allocations: usize,
    bytes: usize,
}

impl Cost {
    const MOST: Self = Self { time: Duration::MAX, allocations: usize::MAX, bytes: usize::MAX };

    fn improve(&mut self, other: Self) {
        self.time = self.time.min(other.time);
        self.allocations = self.allocations.min(other.allocations);
        self.bytes = self.bytes.min(other.bytes);
    }
}

/// The cost of one request, on average of a turn.
async fn turn<F: Future<Output = ()>>(request: impl Fn() -> F) -> Cost {
    let (region, start) = (Region::new(MEMORY), Instant::now());
    for _ in 0..REQUESTS {
        request().await;
    }
    let (time, used) = (start.elapsed() / REQUESTS, region.change());
    let each = |count: usize| count / REQUESTS as usize;
    Cost { time, allocations: each(used.allocations + used.reallocations), bytes: each(used.bytes_allocated) }
}

fn tell(request: &str, hand: Cost, library: Cost) {
    for (by, cost) in [("hand", hand), ("this crate", library)] {
        let Cost { time, allocations, bytes } = cost;
        println!("| {request} | {by} | {:.1} µs | {allocations} | {bytes} |", time.as_secs_f64() * 1e6);
    }
    #[expect(clippy::cast_precision_loss, reason = "a ratio of small counts")]
    let ratio = |of: fn(Cost) -> usize| of(library) as f64 / of(hand) as f64;
    println!(
        "| {request} | **ratio** | **{:.2}** | **{:.2}** | **{:.2}** |",
        library.time.as_secs_f64() / hand.time.as_secs_f64(),
        ratio(|cost| cost.allocations),
        ratio(|cost| cost.bytes)
    );
}
