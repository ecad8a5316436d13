//! `work`: runs a submit worker and a collect worker until a stop request.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    Outcome,
    connection::{Connection, check_backend, check_clock, report_other_servers},
    context::WorkerContext,
    jobs::{COLLECT, SUBMIT},
    messages::print_note,
    progress, status,
    store::Store,
    supervisor::{QUEUE_POLL_INTERVAL, run_collect_worker, run_submit_worker, run_until_stopped},
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory for the speeches, named KEY.wav. It is created if necessary
    #[arg(long, default_value = "out")]
    pub(crate) out: PathBuf,

    /// The maximum number of concurrent submissions, and so of texts in doubt if this worker is killed
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,

    /// Exits when no worker has any texts left to process
    #[arg(long)]
    until_empty: bool,

    /// The seconds between heartbeats. A worker that misses three heartbeats counts as dead, and other
    /// workers take over its jobs. Use the same value for all workers
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=3600))]
    heartbeat: u16,
}

pub(crate) async fn run(store: Store, connection: Connection, args: &Args) -> anyhow::Result<Outcome> {
    let heartbeat = Duration::from_secs(args.heartbeat.into());
    check_clock(&store, heartbeat).await?;
    check_backend(&store, &connection.server).await?;
    report_other_servers(&store, &connection.server).await?;
    if connection.simulator.is_some() {
        print_note!(
            "DISTRIBUTE_AI_API_KEY is not set: using a local simulator; its audio is a placeholder, nothing \
             is billed, and its tasks are lost at exit"
        );
    }
    let context =
        Arc::new(WorkerContext::new(store, &connection, args.out.clone(), heartbeat, args.concurrency));

    tokio::spawn(stop_on_signal(Arc::clone(&context)));
    if args.until_empty {
        tokio::spawn(stop_when_empty(Arc::clone(&context)));
    }
    tokio::join!(
        run_until_stopped(&context, SUBMIT, |name| run_submit_worker(Arc::clone(&context), name)),
        run_until_stopped(&context, COLLECT, |name| run_collect_worker(Arc::clone(&context), name)),
        // Also waits for submissions whose apalis worker has failed, so that their responses are recorded.
        context.drain(),
        progress::report(&context),
    );
    print_note!("stopped: {}", progress::summary(&context.store).await?);

    if let Some(problem) = context.account_error() {
        anyhow::bail!("stopped, because the server rejects every request of this account: {problem}");
    }
    report_unresolved(&context.store).await
}

/// The exit status that shells use for a program stopped by Ctrl-C.
const INTERRUPTED: i32 = 130;

async fn stop_on_signal(context: Arc<WorkerContext>) {
    if shutdown_signal().await.is_ok() {
        print_note!(
            "stopping: waiting for pending submissions; other workers can take over the remaining jobs"
        );
        print_note!("press Ctrl-C to stop at once; pending submissions are then in doubt");
        context.request_stop();
    }
    // Accept only Ctrl-C here, which comes from a person who has read the message. A supervisor may send
    // SIGTERM twice.
    if tokio::signal::ctrl_c().await.is_ok() {
        // The ledger contains the pending submissions, as after a kill.
        std::process::exit(INTERRUPTED);
    }
}

#[cfg(unix)]
async fn shutdown_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn shutdown_signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

async fn stop_when_empty(context: Arc<WorkerContext>) {
    while !context.is_stopping() {
        match context.store.unfinished().await {
            Ok(0) => context.request_stop(),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "unfinished texts not counted, retrying");
            }
        }
        tokio::time::sleep(QUEUE_POLL_INTERVAL).await;
    }
}

async fn report_unresolved(store: &Store) -> anyhow::Result<Outcome> {
    let failed_or_in_doubt = store.failed_or_in_doubt().await?;
    if !failed_or_in_doubt.is_empty() {
        print_note!(
            "hint: texts that failed or are in doubt: {}; run `status` to list them",
            failed_or_in_doubt.len()
        );
    }
    Ok(status::outcome(&failed_or_in_doubt))
}
