//! `work`: submits and collects texts until a stop request.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::Context as _;
use tokio::{task::JoinSet, time::timeout};

use crate::{
    InvalidInput, Outcome, collect,
    connection::{Connection, backend, check_backend, random_name, report_other_servers},
    context::WorkerContext,
    guard::{Guard, WENT_BACK},
    messages::{BAR, describe, print_note},
    progress,
    retry::{STOP_WRITE_TIMEOUT, with_timeout},
    store::Store,
    submit,
};

/// The time between two polls of the ledger. The delay is small compared with the duration of a task, and a few
/// short statements per second are a small load. `SQLite` cannot notify other processes.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The number of concurrent collect jobs per concurrent submit job. A collect job sends a request only now
/// and then.
const COLLECT_JOBS_PER_SUBMIT_JOB: usize = 8;

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

    /// The seconds after which other workers take over from a worker that was killed
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(3..=3600))]
    lease: u16,

    /// Serves `/metrics` for Prometheus and `/health` at this address, such as 0.0.0.0:9090
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,

    /// Accepts a database that was restored from a backup. All texts that are queued or being submitted become
    /// in doubt. Use it once, with one worker, while the others are stopped
    #[arg(long)]
    after_restore: bool,
}

pub(crate) async fn run(store: Store, connection: Connection, args: &Args) -> anyhow::Result<Outcome> {
    let server = &connection.server;
    let mut queue = store.queue(backend(server), &random_name()).await?;
    check_backend(&queue.backend, server)?;
    if args.after_restore {
        queue.epoch = random_name();
        let texts = store.after_restore(&queue.epoch).await?;
        print_note!("texts marked as in doubt after the restore: {texts}");
    } else {
        queue.check()?;
    }
    let out = std::path::absolute(&args.out)
        .map_err(|error| InvalidInput(format!("--out {}: {error}", args.out.display())))?;
    let guard = Guard::open(&out, &queue.epoch)?;
    guard.check(&store).await?;
    report_other_servers(&store, server).await?;
    if connection.simulator.is_some() {
        print_note!(
            "DISTRIBUTE_AI_API_KEY is not set: using a local simulator; its audio is a placeholder, nothing \
             is billed, and its tasks are lost at exit"
        );
    }
    if let Some(address) = args.metrics {
        progress::serve_metrics(address)?;
    }
    let context = Arc::new(WorkerContext::new(store, &connection, out, args.lease, guard));
    progress::start_bar();
    let mut background = JoinSet::new();
    background.spawn(stop_on_signal(Arc::clone(&context)));
    background.spawn(keep_leases(Arc::clone(&context)));
    if args.until_empty {
        background.spawn(stop_when_empty(Arc::clone(&context)));
    }
    let concurrency = usize::from(args.concurrency);
    tokio::join!(
        submit_texts(&context, concurrency),
        collect_speeches(&context, concurrency),
        progress::report(&context)
    );
    BAR.finish_and_clear();
    finish(&context, connection.simulator.is_some()).await
}

/// Submits texts until a stop request, and then waits for the pending responses.
async fn submit_texts(context: &Arc<WorkerContext>, slots: usize) {
    let claim = async |limit| {
        tokio::select! {
            () = context.pause_ended() => context.claim(limit).await,
            () = context.stop_requested() => Ok(Vec::new()),
        }
    };
    let mut jobs =
        run_jobs(context, slots, claim, |context, (text, time)| submit::run(context, text, time)).await;
    while jobs.join_next().await.is_some() {}
}

/// Collects speeches until a stop request. Cancelling is then safe: the task ids are in the ledger, so another
/// worker can collect these speeches.
async fn collect_speeches(context: &Arc<WorkerContext>, slots: usize) {
    let claim = async |limit| context.claim_collections(limit).await;
    let mut jobs = run_jobs(context, slots * COLLECT_JOBS_PER_SUBMIT_JOB, claim, collect::run).await;
    jobs.shutdown().await;
}

/// Claims texts and runs a job for each of them until a stop request. Returns the jobs that are still running.
async fn run_jobs<T, F>(
    context: &Arc<WorkerContext>,
    slots: usize,
    claim: impl AsyncFn(usize) -> anyhow::Result<Vec<T>>,
    job: impl Fn(Arc<WorkerContext>, T) -> F,
) -> JoinSet<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut jobs = JoinSet::new();
    while !context.is_stopping() {
        while jobs.try_join_next().is_some() {}
        let free = slots - jobs.len();
        let claimed = if free > 0 { claim(free).await } else { Ok(Vec::new()) };
        match claimed {
            Ok(texts) => {
                for text in texts {
                    jobs.spawn(job(Arc::clone(context), text));
                }
            }
            Err(error) => tracing::warn!(error = describe(&error), "texts not claimed, retrying"),
        }
        tokio::select! {
            Some(_) = jobs.join_next() => {}
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = context.stop_requested() => {}
        }
    }
    jobs
}

/// Extends the leases of this worker, and ends those that other workers have left, as long as this worker runs.
async fn keep_leases(context: Arc<WorkerContext>) {
    loop {
        tokio::time::sleep(Duration::from_secs(context.lease.into()) / 3).await;
        if let Err(error) = with_timeout(check_leases(&context)).await {
            tracing::warn!(error = describe(&error), "leases not extended, retrying");
        }
    }
}

async fn check_leases(context: &WorkerContext) -> anyhow::Result<()> {
    let WorkerContext { store, name, server, lease, .. } = context;
    let collecting: Vec<_> = context.collecting().iter().copied().collect();
    store.renew(name, *lease, &collecting).await?;
    context.release_unconfirmed().await?;
    let problem = "its worker stopped during the submission, so the server may have accepted the text";
    for number in store.end_overdue_claims(problem).await? {
        progress::finished(number, "in doubt", problem);
    }
    if context.uses_simulator() {
        store.requeue_lost_tasks(server, "", *lease).await?;
    }
    if store.went_back().await? {
        context.stop_failed(WENT_BACK.to_owned());
    }
    Ok(())
}

/// Ends the leases of a worker whose jobs are done, and reports the result.
async fn finish(context: &WorkerContext, loses_tasks: bool) -> anyhow::Result<Outcome> {
    let store = &context.store;
    let result = timeout(STOP_WRITE_TIMEOUT, async {
        context.release_unconfirmed().await?;
        store.release_collections(&context.name).await?;
        if loses_tasks {
            store.requeue_lost_tasks(&context.server, &context.server, u16::MAX).await?;
        }
        print_note!("stopped: {}", progress::summary(store).await?);
        store.has_unresolved().await
    });
    let result = result.await;
    if let Some(problem) = context.failure() {
        anyhow::bail!("stopped, because {problem}");
    }
    if result.context("stopped, but the database did not respond; the leases end after some seconds")?? {
        print_note!("hint: some texts failed or are in doubt; run `status` to list them");
        return Ok(Outcome::Unresolved);
    }
    Ok(Outcome::Success)
}

/// The exit status that shells use for a program stopped by Ctrl-C.
const INTERRUPTED: i32 = 130;

async fn stop_on_signal(context: Arc<WorkerContext>) {
    if shutdown_signal().await.is_ok() {
        print_note!(
            "stopping: waiting for pending submissions; other workers can take over the remaining texts"
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
        // A text that another worker has declared in doubt is still submitted by the late response.
        let is_idle = context.submissions.load(Ordering::SeqCst) == 0;
        match with_timeout(context.store.has_unfinished()).await {
            Ok(false) if is_idle => context.request_stop(),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = describe(&error), "unfinished texts not found, retrying");
            }
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
