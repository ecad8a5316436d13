//! Whom a worker talks to: the API with a key, a simulator of its own without.

use std::{path::Path, time::Duration};

use anyhow::Context;
use distribute_ai::{Client, testing::Simulator};

use crate::{BadInput, decide::SIMULATOR, entry::now, store::Store};

/// The library's own default.
const API: &str = "https://api.distribute.ai";

/// Whom to talk to.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) server: String,
    /// Speaks as long as this is held.
    pub(crate) simulator: Option<Simulator>,
}

/// Whatever can be wrong before there is anything to do.
pub(crate) async fn prepare(out: &Path) -> anyhow::Result<Connection> {
    check_directory(out)?;
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("DISTRIBUTE_AI_API_KEY") {
        let client = Client::from_env().map_err(|error| BadInput(error.to_string()))?;
        let base_url = std::env::var("DISTRIBUTE_AI_BASE_URL").unwrap_or_default();
        let base_url = if base_url.is_empty() { API } else { &base_url };
        let server = base_url.trim_end_matches('/');
        return Ok(Connection { client, server: server.to_owned(), simulator: None });
    }
    if is_set("DISTRIBUTE_AI_BASE_URL") {
        return Err(BadInput("DISTRIBUTE_AI_API_KEY is not set".into()).into());
    }
    let simulator = Simulator::start().await.context("could not start the simulator")?;
    let (client, server) = (simulator.client(), format!("{SIMULATOR}{}", name()));
    Ok(Connection { client, server, simulator: Some(simulator) })
}

/// Whether this queue is spoken by the likes of this server: no placeholder takes the place of a speech, and none is paid
/// for in the place of a placeholder.
pub(crate) async fn check_kind(store: &Store, server: &str) -> anyhow::Result<()> {
    let (api, simulators) = ("the API", "simulators");
    let ours = if server.starts_with(SIMULATOR) { simulators } else { api };
    let settled = store.spoken_by(ours).await?;
    if settled == ours {
        return Ok(());
    }
    let problem = if settled == api {
        "this queue is spoken by the API, and without DISTRIBUTE_AI_API_KEY there would be placeholders: set it, or try \
         another --database"
    } else {
        "this queue is spoken by simulators, whose placeholders count as done: enqueue what the API is to speak into \
         another --database"
    };
    Err(BadInput(problem.into()).into())
}

/// Whether what is under way can be collected from here.
pub(crate) async fn check_others(store: &Store, server: &str) -> anyhow::Result<()> {
    for (other, count) in store.under_way().await? {
        if other == server || other.starts_with(SIMULATOR) {
            continue;
        }
        eprintln!("note: {count} texts are under way at {other}, and wait for a worker there");
    }
    Ok(())
}

/// Whether this machine's clock agrees with the database's: the ledger's times are compared across machines.
pub(crate) async fn check_clock(store: &Store, heartbeat: Duration) -> anyhow::Result<()> {
    let before = now();
    let theirs = store.clock().await?;
    let skew = (before - theirs).max(theirs - now());
    if skew > i64::try_from(heartbeat.as_secs()).unwrap_or(i64::MAX) {
        let problem =
            format!("the clocks of the database and of this machine are {skew} s apart: set them right");
        return Err(BadInput(problem).into());
    }
    Ok(())
}

/// Whether speeches can be saved there, tried with a file that has no name.
fn check_directory(out: &Path) -> Result<(), BadInput> {
    let refused = |error: std::io::Error| BadInput(format!("--out {}: {error}", out.display()));
    std::fs::create_dir_all(out).map_err(refused)?;
    tempfile::tempfile_in(out).map(drop).map_err(refused)
}

/// Of this process, among any number on any number of machines.
pub(crate) fn name() -> String {
    std::iter::repeat_with(fastrand::lowercase).take(12).collect()
}
