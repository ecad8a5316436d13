//! Sends a number of requests, for `cargo xtask instructions`, which counts the instructions of this process.
//!
//! ```sh
//! cargo bench --bench instructions -- CLIENT REQUEST COUNT
//! ```
//!
//! CLIENT is `hand` or `crate`. REQUEST is `poll`, `submit` or `submit-open`, a submission on an open connection. The server
//! is another process. This process has a single thread, so that only the client is counted.

mod common;

use std::{env, fs, time::Duration};

use common::{
    Server,
    by_hand::{ByHand, poll, submit},
    serve_if_requested,
};
use distribute_ai::testing::Simulator;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if serve_if_requested(Simulator::builder().running(Duration::from_secs(24 * 60 * 60))).await {
        return;
    }
    let args: Vec<_> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [client, request, count] = args.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        println!("usage: cargo bench --bench instructions -- hand|crate poll|submit|submit-open COUNT");
        return;
    };
    let count: u32 = count.parse().expect("a number of requests");
    let server = Server::start();
    // Both kinds of clients exist in every run, so that only the requests differ.
    let library = server.client();
    let library = if request == "submit-open" { library.reuse_submit_connections() } else { library };
    let library = library.build().expect("the server's URL and key are valid");
    let http = reqwest::Client::builder();
    let http = if request == "submit" { http.pool_max_idle_per_host(0) } else { http };
    let hand = ByHand { http: http.build().expect("an HTTP client"), server: &server };
    let task = submit(&library).await;
    for _ in 0..count {
        match (client, request) {
            ("hand", "poll") => hand.poll(&task).await,
            ("crate", "poll") => poll(&task).await,
            ("hand", "submit" | "submit-open") => hand.submit().await,
            ("crate", "submit" | "submit-open") => drop(submit(&library).await),
            _ => panic!("unknown client or request: {client} {request}"),
        }
    }
    if let Ok(threads) = fs::read_dir("/proc/self/task") {
        assert_eq!(threads.count(), 1, "the instructions of other threads would count");
    }
}
