//! Texts in a durable queue, any number of workers, and none of them makes the API speak a text twice.
//!
//! Reading order: what a person types ([`enqueue`], [`status`], [`again`]) and what a worker does ([`work`]) with a
//! text ([`submit`], [`collect`]), all of it by what is written down ([`ledger`] in a [`store`]) and decided
//! ([`decide`]).

mod again;
mod enqueue;
mod status;

mod connection;
mod life;
mod speaker;
mod work;

mod collect;
mod submit;

mod decide;

mod entry;
mod jobs;
mod ledger;
mod store;

use std::{fmt, process::ExitCode};

use clap::{Parser, Subcommand};
use store::Store;

/// Speaks texts from a durable queue.
///
/// Any number of workers may share a queue. A worker that is killed loses nothing: what it was submitting at that moment is
/// in doubt, is shown by `status`, and is never submitted again by itself.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit status: 0 fine, 1 some failed or are in doubt, or an error, 2 bad input"
)]
struct Args {
    #[arg(long, global = true, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    #[arg(help = "Where the queue is: sqlite://FILE or postgres://USER@HOST/NAME")]
    #[arg(default_value = "sqlite://queue.db?mode=rwc")]
    database: String,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Puts a text into the queue for each line of a file: all of them or none
    Enqueue(enqueue::Args),
    /// Speaks what is in the queue, until it is stopped by Ctrl-C
    Work(work::Args),
    /// Tells how many texts are in which state, and which of them wait for a decision
    Status,
    /// Puts texts that failed or are in doubt back into the queue; each may be billed again
    Again(again::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() => return refuse(&error),
        Err(help) => help.exit(),
    };
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).init();
    match run(args).await {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::SomeAreNotSpoken) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            if store::is_locked(&error) {
                eprintln!(
                    "hint: another process holds the queue's file for writing, perhaps suspended in the middle of it: \
                     `kill -s CONT` lets it go on"
                );
            }
            ExitCode::from(if error.is::<BadInput>() { 2 } else { 1 })
        }
    }
}

/// What the exit status tells.
enum Outcome {
    Fine,
    /// Some failed or are in doubt.
    SomeAreNotSpoken,
}

async fn run(args: Args) -> anyhow::Result<Outcome> {
    let url = &args.database;
    match args.command {
        Command::Enqueue(args) => {
            // Before there is a database: bad input leaves nothing behind.
            let texts = enqueue::read(&args)?;
            enqueue::run(&Store::create(url).await?, &texts, args.voice.as_deref()).await
        }
        Command::Work(args) => {
            let connection = connection::prepare(&args.out).await?;
            work::run(Store::create(url).await?, connection, &args).await
        }
        Command::Status => status::run(&Store::open(url).await?).await,
        Command::Again(args) => again::run(&Store::open(url).await?, &args).await,
    }
}

/// An argument or a setting that is wrong; nothing was done.
#[derive(Debug)]
struct BadInput(String);

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

/// What is wrong with the arguments, in one line.
fn refuse(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    let problem: Vec<_> = text.split("\n\n").next().unwrap_or_default().split_whitespace().collect();
    eprintln!("{}; try --help", problem.join(" "));
    ExitCode::from(2)
}
