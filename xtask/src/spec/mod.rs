//! From published pages to the one document that the client is generated from.
//!
//! Pages → `fetch` → `upstream/` → `build` (validate → merge → hoist → relax → fixes → canonical JSON) →
//! `distribute-ai.json`. Every arrow is a pure function from values to values with thin I/O around it, and the values
//! stay `serde_json::Value`: a typed model of OpenAPI drops or rewrites what it does not know.

mod commands;
mod diagnostics;
mod diff;
mod document;
mod extract;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod merge;
mod patches;
mod relax;
mod schema_locations;
mod sources;
mod traverse;
mod validate;

use std::path::PathBuf;

use clap::Subcommand;

use crate::{
    failure::{EXIT_CODES, Failure},
    workspace::Workspace,
};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Fetch the pages of openapi/sources.toml into openapi/upstream, all or none
    #[command(after_help = EXIT_CODES)]
    Fetch {
        #[command(flatten)]
        from: commands::fetch::From,
    },
    /// Build openapi/distribute-ai.json from openapi/upstream, offline
    #[command(after_help = EXIT_CODES)]
    Build {
        /// Write nothing; show what would change and fail if anything would
        #[arg(long)]
        check: bool,
    },
    /// Validate and merge any OpenAPI 3.0 documents
    #[command(after_help = EXIT_CODES)]
    Merge {
        /// The documents
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Where the merged document goes instead of standard output
        #[arg(short, long, value_name = "OUT")]
        output: Option<PathBuf>,
    },
    /// Say what changed between any two OpenAPI 3.0 documents, and what it means
    #[command(after_help = EXIT_CODES)]
    Diff {
        /// The old document
        base: PathBuf,
        /// The new document
        revision: PathBuf,
        #[command(flatten)]
        judge: diff::ReportOptions,
    },
    /// Say what the pages have changed since they were last accepted; writes nothing
    #[command(after_help = EXIT_CODES)]
    Drift {
        #[command(flatten)]
        from: commands::fetch::From,
        #[command(flatten)]
        judge: diff::ReportOptions,
    },
    /// Take what the pages say now: fetch, build and openapi/CHANGES.md in one step, all or nothing
    #[command(after_help = EXIT_CODES)]
    Accept {
        #[command(flatten)]
        from: commands::fetch::From,
    },
    /// List the rules that `diff` and `drift` judge by
    #[command(after_help = EXIT_CODES)]
    Checks,
}

impl Command {
    pub(crate) fn run(self, root: &Workspace) -> Result<(), Failure> {
        match self {
            Self::Fetch { from } => commands::fetch::run(root, from),
            Self::Build { check } => commands::build::run(root, check),
            Self::Merge { files, output } => commands::merge::run(&files, output),
            Self::Diff { base, revision, judge } => commands::diff::run(&base, &revision, &judge),
            Self::Drift { from, judge } => commands::drift::run(root, from, &judge),
            Self::Accept { from } => commands::accept::run(root, from),
            Self::Checks => commands::rules::run(),
        }
    }
}
