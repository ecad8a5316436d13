//! The connection of a worker: to the API with an API key, otherwise to its own simulator.

use std::path::Path;

use anyhow::Context;
use distribute_ai::{Client, ClientBuilder, testing::Simulator};

use crate::{
    InvalidInput,
    connect::{LIMIT, api_client},
    messages::print_note,
    policy::SIMULATOR_PREFIX,
    store::Store,
};

/// The default base URL of the library.
const DEFAULT_BASE_URL: &str = "https://api.distribute.ai";

/// The client of a worker and the server that it uses.
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// The base URL of the API, or the name of the simulator.
    pub(crate) server: String,
    /// The simulator of a worker without an API key. The simulator runs until it is dropped.
    pub(crate) simulator: Option<Simulator>,
}

/// Checks the output directory and the settings, and creates the client.
///
/// # Errors
/// - [`InvalidInput`] if the output directory is not writable, or the API key or the base URL is invalid
/// - if the simulator cannot be started
pub(crate) async fn connect(out: &Path) -> anyhow::Result<Connection> {
    check_output_directory(out)?;
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("DISTRIBUTE_AI_API_KEY") {
        let client = ClientBuilder::from_env().and_then(|client| api_client(client, LIMIT));
        let client = client.map_err(|error| InvalidInput(error.to_string()))?;
        let base_url = std::env::var("DISTRIBUTE_AI_BASE_URL").unwrap_or_default();
        let base_url = if base_url.is_empty() { DEFAULT_BASE_URL } else { &base_url };
        let server = base_url.trim_end_matches('/');
        return Ok(Connection { client, server: server.to_owned(), simulator: None });
    }
    if is_set("DISTRIBUTE_AI_BASE_URL") {
        let problem = "DISTRIBUTE_AI_API_KEY is not set; set it, or unset DISTRIBUTE_AI_BASE_URL";
        return Err(InvalidInput(problem.into()).into());
    }
    let simulator = Simulator::start().await.context("could not start the simulator")?;
    let (client, server) = (simulator.client(), format!("{SIMULATOR_PREFIX}{}", random_name()));
    Ok(Connection { client, server, simulator: Some(simulator) })
}

/// The names of the two kinds of servers, which the database stores.
const API: &str = "the API";
const SIMULATORS: &str = "simulators";

/// Returns the kind of the server.
pub(crate) fn backend(server: &str) -> &'static str {
    if server.starts_with(SIMULATOR_PREFIX) { SIMULATORS } else { API }
}

/// Checks that all workers of a queue use the same kind of server: either the API or simulators.
///
/// Otherwise, placeholders could replace speeches, or placeholders could be billed as speeches.
pub(crate) fn check_backend(stored: &str, server: &str) -> Result<(), InvalidInput> {
    if stored == backend(server) {
        return Ok(());
    }
    let problem = if stored == API {
        "--database: the queue uses the API, but DISTRIBUTE_AI_API_KEY is not set; set it or use another \
         --database"
    } else {
        "--database: the queue uses simulators, and its placeholders count as done; use another --database \
         for the API"
    };
    Err(InvalidInput(problem.into()))
}

/// Prints a note for each other API server whose texts are in progress: this worker cannot collect them.
pub(crate) async fn report_other_servers(store: &Store, server: &str) -> anyhow::Result<()> {
    for (other, count) in store.in_progress_by_server().await? {
        if other == server || other.starts_with(SIMULATOR_PREFIX) {
            continue;
        }
        print_note!(
            "note: texts in progress at {other}: {count}; start a worker with \
             DISTRIBUTE_AI_BASE_URL={other} to collect them"
        );
    }
    Ok(())
}

/// Creates the directory if necessary, and checks with a temporary file that it is writable.
fn check_output_directory(out: &Path) -> Result<(), InvalidInput> {
    let invalid = |error: std::io::Error| InvalidInput(format!("--out {}: {error}", out.display()));
    std::fs::create_dir_all(out).map_err(invalid)?;
    tempfile::tempfile_in(out).map(drop).map_err(invalid)
}

/// Returns a random name of 12 letters, unique across processes and machines.
pub(crate) fn random_name() -> String {
    std::iter::repeat_with(fastrand::lowercase).take(12).collect()
}
