//! Speaks texts from a durable queue with any number of workers, and submits each text at most once.
//!
//! Reading order:
//!
//! - the commands: [`enqueue`], [`work`], [`status`], `again` ([`requeue`]) and [`clean`];
//! - the two jobs of a worker: [`submit`] and [`collect`];
//! - the state of each text: the [`ledger`] in the [`store`], and its [`guard`] against restored backups;
//! - the decisions after an error: [`policy`];
//! - what the user reads: [`messages`] and [`progress`].

mod clean;
mod enqueue;
mod requeue;
mod status;

mod connect;
mod connection;
mod context;
mod work;

mod collect;
mod submit;

mod messages;
mod policy;
mod progress;
mod retry;

mod entry;
mod guard;
mod ledger;
mod store;

#[cfg(all(test, unix))]
#[path = "../tests/it/cluster.rs"]
#[expect(dead_code, reason = "the tests in `tests/it` use all methods")]
mod cluster;
#[cfg(test)]
mod scale_tests;

use std::{fmt, process::ExitCode, time::Duration};

use clap::{
    Parser, Subcommand, ValueEnum, error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand as NoArguments,
};
use messages::{DatabaseProblem, LogWriter, describe, print_note};
use store::{COMMAND_WAIT, Store, WORKER_WAIT};
use tracing_subscriber::EnvFilter;

/// Speaks texts from a durable queue.
///
/// Any number of workers can share a queue. If a worker is killed, no text is lost. The texts that it was
/// submitting are then in doubt: `status` lists them, and they are not submitted again automatically.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit status: 0 success, 1 an error, or texts that failed or are in doubt, 2 invalid input"
)]
struct Args {
    #[arg(long, global = true, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    #[arg(help = "The database of the queue: sqlite://FILE or postgres://USER@HOST/NAME")]
    #[arg(default_value = "sqlite://queue.db?mode=rwc")]
    database: String,

    #[arg(long, global = true, env = "LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    #[arg(
        help = "The format of the log on standard error. RUST_LOG sets its level, which is `warn` by default"
    )]
    log_format: LogFormat,

    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Adds each line of a file to the queue as a text. If a line is invalid, nothing is added
    Enqueue(enqueue::Args),
    /// Speaks the texts in the queue until Ctrl-C
    Work(work::Args),
    /// Shows the number of texts in each state, and lists the texts that failed, are in doubt or are delayed
    Status(status::Args),
    /// Puts texts that failed, are in doubt or have been submitted for a day back into the queue; each may be
    /// billed again. Also ends the delay of a queued text
    Again(requeue::Args),
    /// Removes texts that are done from the database; their files are kept
    Clean(clean::Args),
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() && error.kind() != NoArguments => return report_usage_error(&error),
        Err(help) => help.exit(),
    };
    init_logging(args.log_format);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            return report_error(&anyhow::Error::new(error).context("could not start the async runtime"));
        }
    };
    let outcome = runtime.block_on(run(args));
    // A write to a disk that does not respond would keep the process running. The ledger has everything.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match outcome {
        Ok(Outcome::Success) => ExitCode::SUCCESS,
        Ok(Outcome::Unresolved) => ExitCode::FAILURE,
        Err(error) => report_error(&error),
    }
}

fn report_error(error: &anyhow::Error) -> ExitCode {
    print_note!("error: {}", describe(error));
    if let Some(problem) = DatabaseProblem::find(error) {
        print_note!("hint: {}", problem.hint());
    }
    ExitCode::from(if error.is::<InvalidInput>() { 2 } else { 1 })
}

/// Writes warnings and errors to standard error, without colours, because it is usually a log file.
fn init_logging(format: LogFormat) {
    let level = tracing_subscriber::filter::LevelFilter::WARN.into();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().with_default_directive(level).from_env_lossy())
        .with_ansi(false)
        .with_writer(|| LogWriter)
        // They would be printed with `eprintln!`, which panics on a full disk.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().init(),
    }
}

/// The result of a command, which determines the exit status.
enum Outcome {
    Success,
    /// Some texts failed or are in doubt.
    Unresolved,
}

async fn run(args: Args) -> anyhow::Result<Outcome> {
    let url = &args.database;
    match args.command {
        Command::Enqueue(args) => {
            // Check the input before the database is created, so that invalid input leaves no files behind.
            let texts = enqueue::read(&args)?;
            enqueue::run(&Store::create(url, COMMAND_WAIT).await?, &texts, &args).await
        }
        Command::Work(args) => {
            let connection = connection::connect(&args.out).await?;
            work::run(Store::create(url, WORKER_WAIT).await?, connection, &args).await
        }
        Command::Status(args) => status::run(&Store::open(url).await?, &args).await,
        Command::Again(args) => requeue::run(&Store::open(url).await?, &args).await,
        Command::Clean(args) => clean::run(&Store::open(url).await?, &args).await,
    }
}

/// An invalid argument or setting, detected before anything was changed.
#[derive(Debug)]
struct InvalidInput(String);

impl fmt::Display for InvalidInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidInput {}

/// Prints clap's error message on one line. Returns exit status 2.
fn report_usage_error(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    let problem: Vec<_> = text.split("\n\n").next().unwrap_or_default().split_whitespace().collect();
    print_note!("{}; try --help", problem.join(" "));
    ExitCode::from(2)
}
