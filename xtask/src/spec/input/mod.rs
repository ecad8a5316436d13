//! Reads the documents that two arguments name.
//!
//! An argument names a file, standard input, an address or a file of a git revision. The text is JSON or YAML. The document
//! may refer to other files in its directory.

mod argument;
mod external;
mod format;
mod git;
mod path;
mod source;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use self::argument::Argument;
use super::document::Document;
use crate::failure::{ExitClass, Failure};
use clap::Args;

/// Options for reading documents.
#[derive(Args, Clone, Debug)]
pub(crate) struct InputOptions {
    /// Directory that contains the documents and all files to which they refer. Default: the directory of each document
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Seconds until fetching a document times out
    #[arg(long, hide = true, default_value_t = 30.0, value_name = "SECONDS")]
    timeout: f64,
}

/// Two documents to compare.
#[derive(Debug)]
pub(crate) struct Inputs {
    pub(crate) old: Document,
    pub(crate) new: Document,
    /// The file of the new document, for annotations.
    pub(crate) new_file: String,
}

/// Reads and validates two documents.
///
/// # Errors
///
/// Returns the errors of both documents, so that one run shows all of them.
pub(crate) fn read_both(arguments: [&OsString; 2], options: &InputOptions) -> Result<Inputs, Failure> {
    if arguments.iter().all(|argument| *argument == "-") {
        return Err(Failure::usage(
            "standard input: both documents are `-`, expected at most one; save the other to a file",
        ));
    }
    let [old, new] = arguments.map(|argument| read(argument, options));
    match (old, new) {
        (Ok((old, _)), Ok((new, new_file))) => Ok(Inputs { old, new, new_file }),
        (Err(failure), Ok(_)) | (Ok(_), Err(failure)) => Err(failure),
        (Err(old), Err(new)) => Err(old.with(new)),
    }
}

/// Returns a document and its file.
fn read(argument: &OsString, options: &InputOptions) -> Result<(Document, String), Failure> {
    let argument = Argument::parse(argument, Path::exists).map_err(Failure::usage)?;
    let name = argument.name();
    let timeout = seconds("--timeout", options.timeout)?;
    let source = source::read(&argument, options.directory.as_deref(), timeout);
    let source = source.map_err(|failure| failure.about(&name))?;
    let invalid = |lines| Failure::new(ExitClass::Document, lines);
    let value = format::parse(&name, argument.path(), source.bytes).map_err(invalid)?;
    let value = external::bundle(&name, value, &source.location).map_err(invalid)?;
    let document = Document::of_value(&name, value).map_err(invalid)?;
    let file = match argument {
        Argument::Revision { path, .. } => path::join("", &path).unwrap_or(path),
        _ => name,
    };
    Ok((document, file))
}

/// Returns the duration that an option of a command sets.
pub(crate) fn seconds(option: &str, value: f64) -> Result<Duration, Failure> {
    let seconds = Duration::try_from_secs_f64(value).ok();
    seconds.filter(|seconds| !seconds.is_zero()).ok_or_else(|| {
        Failure::usage(format!("{option}: {value} is invalid, expected a number of seconds above zero"))
    })
}
