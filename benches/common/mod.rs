//! The server of a benchmark, in its own process, so that measurements of this process cover only the client.

#[allow(dead_code, reason = "only some benchmarks use it")]
pub(crate) mod by_hand;

use std::{
    env,
    io::{self, BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use distribute_ai::{
    Client, ClientBuilder,
    testing::{Simulator, SimulatorBuilder},
};

/// Runs the simulator until standard input is closed, if this process was started with `--serve`. Returns
/// `true` if it was.
pub(crate) async fn serve_if_requested(simulator: SimulatorBuilder) -> bool {
    if !env::args().any(|arg| arg == "--serve") {
        return false;
    }
    let simulator: Simulator = simulator.start().await.expect("a loopback socket");
    println!("{} {}", simulator.base_url(), simulator.api_key());
    let _ = tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await;
    true
}

pub(crate) struct Server {
    process: Child,
    pub(crate) base_url: String,
    pub(crate) api_key: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        let program = env::current_exe().expect("the path of this program");
        let mut process = Command::new(program)
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().expect("stdout is piped"));
        output.read_line(&mut line).expect("the server prints its URL and key");
        let (base_url, api_key) = line.trim().split_once(' ').expect("a URL and a key");
        Self { base_url: base_url.to_owned(), api_key: api_key.to_owned(), process }
    }

    pub(crate) fn client(&self) -> ClientBuilder {
        Client::builder().api_key(&self.api_key).base_url(&self.base_url)
    }

    #[allow(dead_code, reason = "only some benchmarks use it")]
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
