//! Development commands of this repository. `cargo xtask --help` lists them.

mod bench;
mod child;
mod date;
mod deletions;
mod failure;
mod fuzz;
mod json;
mod page;
mod readme_check;
mod reliability;
mod spec;
mod stdout;
mod transaction;
mod workspace;
mod yaml;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

#[cfg(distribute_ai_fuzzing)]
pub use crate::spec::fuzzing;
use crate::{failure::EXIT_CODES, workspace::Workspace};

/// Development commands of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXIT_CODES)]
struct Cli {
    /// Directory of the repository to work on. Default: the one that this tool was built from
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Fetches, checks, merges and compares the API's OpenAPI documents
    #[command(subcommand, after_help = EXIT_CODES)]
    Spec(spec::Command),
    /// Measures the CPU time of a cold build of the crate; takes minutes
    ///
    /// Builds the packaged crate and, in the same run, two sets of dependencies to compare it with.
    ///
    /// `by-hand` is what a client written without this crate would use: `reqwest` with its default features
    /// (HTTP/2 and TLS among them), `json` and `stream`; `serde` and `serde_json`; `tokio` with `full`;
    /// `futures`. The features differ from this crate's: by default, this crate uses no HTTP/2 and fewer
    /// features of `tokio`.
    ///
    /// `without-generator` is like for like: this crate's own dependencies with the same features, without the code
    /// generator.
    #[command(after_help = EXIT_CODES)]
    BuildCost(bench::build_cost::Args),
    /// Counts the instructions of a request, beside the same request by hand; takes a minute and needs valgrind
    ///
    /// Exits with 1 if a request costs more than its limit.
    #[command(after_help = EXIT_CODES)]
    Instructions(bench::instructions::Args),
    /// Compiles the README's programs in a new crate and runs them against the simulator, once per set of
    /// features
    #[command(after_help = EXIT_CODES)]
    FirstUse(readme_check::Args),
    /// Runs the benchmarks and writes their results to docs/BENCHMARKS.md; takes half an hour
    #[command(after_help = EXIT_CODES)]
    Benchmarks(page::Args),
    /// Deletes statements on which money or data depends, one at a time, and expects that a test fails; takes half an hour
    #[command(after_help = EXIT_CODES)]
    Deletions(deletions::Args),
    /// Runs the long tests of docs/RELIABILITY.md and writes their results there; takes hours
    #[command(after_help = EXIT_CODES)]
    Reliability(page::Args),
    /// Runs the fuzz targets, for 20 seconds each
    #[command(after_help = EXIT_CODES)]
    Fuzz(fuzz::Args),
}

/// Runs the command given by the arguments of this process.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = Workspace::find(cli.root).and_then(|root| match cli.task {
        Task::Spec(command) => command.run(&root),
        Task::BuildCost(args) => bench::build_cost::run(&root, &args),
        Task::Instructions(args) => bench::instructions::run(&root, &args),
        Task::FirstUse(args) => readme_check::run(&root, &args),
        Task::Benchmarks(args) => bench::PAGE.update(&root, &args),
        Task::Deletions(args) => deletions::run(&root, &args),
        Task::Reliability(args) => reliability::PAGE.update(&root, &args),
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
