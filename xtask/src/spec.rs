//! From published pages to the one document that the client is generated from.
//!
//! Pages → `fetch` → `upstream/` → `build` (validate → merge → hoist → relax → fixes → canonical JSON) →
//! `distribute-ai.json`. Every arrow is a pure function from values to values with thin I/O around it, and the values
//! stay `serde_json::Value`: a typed model of OpenAPI drops or rewrites what it does not know.

mod build;
mod document;
mod fetch;
mod fixes;
mod hoist;
mod http;
mod lock;
mod merge;
mod operations;
mod page;
mod pages;
mod problem;
mod relax;
mod sites;
mod sources;
mod validate;

use std::path::PathBuf;

use clap::Subcommand;

use crate::{
    error::{EXIT_CODES, Failure},
    root::Root,
};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Fetch the pages of openapi/sources.toml into openapi/upstream, all or none
    #[command(after_help = EXIT_CODES)]
    Fetch {
        /// Read saved pages, DIR/NAME.md, instead of the network
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
        /// Seconds that one page may take
        #[arg(long, hide = true, default_value_t = 30.0, value_name = "SECONDS")]
        timeout: f64,
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
}

impl Command {
    pub(crate) fn run(self, root: &Root) -> Result<(), Failure> {
        match self {
            Self::Fetch { from, timeout } => fetch::run(root, from, timeout),
            Self::Build { check } => build::run(root, check),
            Self::Merge { files, output } => merge::run(&files, output),
        }
    }
}
