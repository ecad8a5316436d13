//! The chores of this repository, each a cargo command: `cargo xtask --help`.

mod bench;
mod date;
mod failure;
mod fuzz;
mod json;
mod readme_check;
mod spec;
mod stdout;
mod transaction;
mod workspace;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

#[cfg(fuzzing)]
pub use crate::spec::fuzzing;
use crate::{failure::EXIT_CODES, workspace::Workspace};

/// The chores of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXIT_CODES)]
struct Cli {
    /// Work on this copy of the repository instead of the one that the tool was built from
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The API's documents: fetch, check and merge them into the one the client is generated from
    #[command(subcommand, after_help = EXIT_CODES)]
    Spec(spec::Command),
    /// Measure what a cold build of the crate costs its users; takes minutes
    ///
    /// The crate is built as it is packaged, and beside it two yardsticks. `by-hand` is what one would take to write a
    /// client without this crate: `reqwest` with its default features, HTTP/2 and TLS among them, `json` and `stream`;
    /// `serde` and `serde_json`; `tokio` with `full`; `futures`. That is not the same set of features: this crate has no
    /// HTTP/2 by default, and less of `tokio`. `without-generator` is what this crate depends on, but for the generator.
    #[command(after_help = EXIT_CODES)]
    BuildCost(bench::build_cost::Args),
    /// Do what the README says in a new crate: compile its programs and speak to the simulator, with each kind of TLS
    #[command(after_help = EXIT_CODES)]
    FirstUse(readme_check::Args),
    /// Measure everything and write it into docs/BENCHMARKS.md; takes half an hour
    #[command(after_help = EXIT_CODES)]
    Benchmarks(bench::Args),
    /// Feed what reads foreign bytes with any bytes: every target in fuzz, for a minute each
    #[command(after_help = EXIT_CODES)]
    Fuzz(fuzz::Args),
}

/// The chore that the arguments of this process name.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = Workspace::find(cli.root).and_then(|root| match cli.task {
        Task::Spec(command) => command.run(&root),
        Task::BuildCost(args) => bench::build_cost::run(&root, &args),
        Task::FirstUse(args) => readme_check::run(&root, &args),
        Task::Benchmarks(args) => bench::run(&root, &args),
        Task::Fuzz(args) => fuzz::run(&root, &args),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprint!("{failure}");
            failure.exit_code()
        }
    }
}
