//! `work`: two queues of apalis, one of texts to submit and one of speeches to collect, until somebody says stop.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    Outcome,
    connection::{Connection, check_clock, check_kind, check_others},
    jobs::{COLLECT, SUBMIT},
    life::{LOOK, collections, live, submissions},
    speaker::Speaker,
    status,
    store::Store,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A directory for the speeches, KEY.wav each; made if it isn't there
    #[arg(long, default_value = "out")]
    pub(crate) out: PathBuf,

    /// Texts being submitted at a time, at most, and so in doubt if this worker is killed
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,

    /// End when nothing is left to do, for this worker or another
    #[arg(long)]
    until_empty: bool,

    /// Seconds between signs of life; a worker that misses three is dead, and others take over; the same for all workers
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=3600))]
    heartbeat: u16,
}

pub(crate) async fn run(store: Store, connection: Connection, args: &Args) -> anyhow::Result<Outcome> {
    let heartbeat = Duration::from_secs(args.heartbeat.into());
    check_clock(&store, heartbeat).await?;
    check_kind(&store, &connection.server).await?;
    check_others(&store, &connection.server).await?;
    if connection.simulator.is_some() {
        eprintln!(
            "no DISTRIBUTE_AI_API_KEY: a simulator speaks placeholders, nothing is billed, and it forgets all at its end"
        );
    }
    let speaker = Arc::new(Speaker::new(store, &connection, args.out.clone(), heartbeat, args.concurrency));

    tokio::spawn(stop_at_a_signal(Arc::clone(&speaker)));
    if args.until_empty {
        tokio::spawn(stop_when_empty(Arc::clone(&speaker)));
    }
    tokio::join!(
        live(&speaker, SUBMIT, |name| submissions(Arc::clone(&speaker), name)),
        live(&speaker, COLLECT, |name| collections(Arc::clone(&speaker), name)),
        // Replies are heard to the end, also those of submissions whose queue has broken down.
        speaker.drain(),
    );

    if let Some(problem) = speaker.refusal() {
        anyhow::bail!("stopped, for the server would refuse every text: {problem}");
    }
    tell(&speaker.store).await
}

/// As shells count a program that Ctrl-C has ended.
const INTERRUPTED: i32 = 130;

async fn stop_at_a_signal(speaker: Arc<Speaker>) {
    if signalled().await.is_ok() {
        eprintln!("stopping: what is being submitted is heard to the end, the rest is left to others");
        eprintln!("Ctrl-C stops at once, and leaves what is being submitted in doubt");
        speaker.ask_to_stop();
    }
    // Of a person, who sees what was said; supervisors may well send their signal twice.
    if tokio::signal::ctrl_c().await.is_ok() {
        // The ledger knows what was being submitted, as after a kill.
        std::process::exit(INTERRUPTED);
    }
}

#[cfg(unix)]
async fn signalled() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn signalled() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

async fn stop_when_empty(speaker: Arc<Speaker>) {
    while !speaker.is_stopping() {
        match speaker.store.unfinished().await {
            Ok(0) => speaker.ask_to_stop(),
            Ok(_) => {}
            Err(error) => tracing::warn!("could not look whether the queue is empty: {error:#}"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn tell(store: &Store) -> anyhow::Result<Outcome> {
    let troubled = store.troubled().await?;
    if !troubled.is_empty() {
        eprintln!("hint: {} texts failed or are in doubt; `status` shows them", troubled.len());
    }
    Ok(status::outcome(&troubled))
}
