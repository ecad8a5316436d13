//! The pipeline from published pages to the spec, the OpenAPI document that the client is generated from.
//!
//! Pages → `accept` → `upstream/` → `build` (page corrections → validate → merge → errors → extract → relax → fixes →
//! constructors → generate → canonical JSON) → `distribute-ai.json`. Each step is a pure function with thin I/O around it.
//! The values stay
//! `serde_json::Value`, because a typed model of OpenAPI drops or rewrites unknown members.

mod client;
mod commands;
mod constructors;
mod diagnostics;
mod diff;
mod document;
mod errors;
mod extract;
#[cfg(distribute_ai_fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod generator;
mod input;
mod key_origins;
mod merge;
mod normalize;
mod patches;
mod relax;
mod schema_locations;
mod sources;
mod traverse;
mod validate;

use std::{ffi::OsString, path::PathBuf};

use clap::Subcommand;

use crate::{
    failure::{EXIT_CODES, Failure},
    workspace::Workspace,
};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Builds openapi/distribute-ai.json from openapi/upstream, without network access
    #[command(after_help = EXIT_CODES)]
    Build {
        /// Writes nothing. Prints a diff and exits with 3 if the file would change
        #[arg(long)]
        check: bool,
    },
    /// Validates OpenAPI 3.0 documents and merges them into one
    #[command(after_help = EXIT_CODES)]
    Merge {
        /// Documents to merge
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// File to write the merged document to. Default: standard output
        #[arg(short, long, value_name = "OUT")]
        output: Option<PathBuf>,
    },
    /// Reports the changes between two documents of OpenAPI 3.0 or 3.1, with their effect on the wire and on the client
    ///
    /// A document is JSON or YAML. BASE and REVISION are each one of:
    ///
    /// - `api.yaml`: a file
    /// - `-`: standard input, for one of both
    /// - `https://example.com/api.json`: an address
    /// - `main:openapi/api.yaml`: a file of a git revision, from the root of the repository
    /// - `HEAD~1:./api.yaml`: the same, from the current directory
    ///
    /// A document may refer to other files in its directory, such as `$ref: ./schemas/pet.yaml`, unless it is
    /// standard input or an address.
    #[command(after_help = EXIT_CODES, verbatim_doc_comment)]
    Diff {
        /// Old document
        base: OsString,
        /// New document
        revision: OsString,
        #[command(flatten)]
        input: input::InputOptions,
        #[command(flatten)]
        options: diff::ReportOptions,
    },
    /// Reports how the published pages differ from the accepted documents; writes nothing
    #[command(after_help = EXIT_CODES)]
    Drift {
        #[command(flatten)]
        from: commands::origin::OriginOptions,
        #[command(flatten)]
        options: diff::ReportOptions,
    },
    /// Accepts the published pages: fetches them, builds the spec and adds the changes to openapi/CHANGES.md
    ///
    /// If any page is missing or invalid, or the spec cannot be built, nothing is written.
    #[command(after_help = EXIT_CODES)]
    Accept {
        #[command(flatten)]
        from: commands::origin::OriginOptions,
    },
    /// Lists the rules of `spec diff` and `spec drift`
    #[command(after_help = EXIT_CODES)]
    Checks,
}

impl Command {
    pub(crate) fn run(self, root: &Workspace) -> Result<(), Failure> {
        match self {
            Self::Build { check } => commands::build::run(root, check),
            Self::Merge { files, output } => commands::merge::run(&files, output),
            Self::Diff { base, revision, input, options } => {
                commands::diff::run(root, [&base, &revision], &input, &options)
            }
            Self::Drift { from, options } => commands::drift::run(root, from, &options),
            Self::Accept { from } => commands::accept::run(root, from),
            Self::Checks => commands::rules::run(),
        }
    }
}
