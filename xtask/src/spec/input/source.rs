//! Reads the bytes of a document, and says in which directory its other files are.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{argument::Argument, git, path};
use crate::{
    failure::{ExitClass, Failure},
    spec::sources::http,
};

/// The maximum size of a document. A larger one is probably not a document.
pub(super) const MAX_BYTES: u64 = 64 * 1024 * 1024;

const MISSING: &str = "no such file";

/// The bytes of a document.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) bytes: Vec<u8>,
    /// The location of the document, or the reason why it can refer to no other file.
    pub(super) location: Result<Location, String>,
}

/// The path of a document in the directory that contains all its files.
#[derive(Debug)]
pub(super) struct Location {
    directory: Directory,
    /// The directory in messages: empty, or with a separator at its end.
    pub(super) shown: String,
    /// The path of the document, relative to the directory.
    pub(super) path: String,
}

#[derive(Debug)]
enum Directory {
    /// A canonical path.
    Disk(PathBuf),
    /// A directory of a revision, relative to the root of the repository.
    Revision(git::Tree, String),
}

/// Reads a document. `directory` is the directory of its files, by default the one of the document.
pub(super) fn read(
    argument: &Argument,
    directory: Option<&Path>,
    timeout: Duration,
) -> Result<Source, Failure> {
    match argument {
        Argument::StandardInput => {
            let bytes = read_limited(&mut io::stdin().lock()).map_err(Failure::usage)?;
            let reason = "standard input has no directory; save the document to a file";
            Ok(Source { bytes, location: Err(reason.to_owned()) })
        }
        Argument::Address(address) => {
            let downloaded = http::Client::new(timeout)?.download(address)?;
            let downloaded = downloaded.map_err(|absence| {
                // The caller adds the name.
                let name = format!("{}: ", argument.name());
                let problems = absence.problems().iter().map(|line| line.strip_prefix(&name).unwrap_or(line));
                Failure::new(ExitClass::Usage, problems.map(str::to_owned).collect())
            })?;
            let reason = "only the document itself is downloaded; save it to a file, beside its other files";
            Ok(Source { bytes: downloaded.bytes, location: Err(reason.to_owned()) })
        }
        Argument::Revision { revision, path } => {
            read_revision(revision, path, directory).map_err(Failure::usage)
        }
        Argument::File(path) => {
            let bytes = read_file(path).map_err(|error| match error.as_str() {
                MISSING => Failure::usage(format!("{MISSING}, expected a file, `-`, https://… or REV:path")),
                _ => Failure::usage(error),
            })?;
            Ok(Source { bytes, location: locate(path, directory) })
        }
    }
}

impl Location {
    /// Reads another file of the directory.
    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match &self.directory {
            Directory::Disk(directory) => {
                let found = fs::canonicalize(directory.join(path)).map_err(|error| file_error(&error))?;
                if !found.starts_with(directory) {
                    return Err(format!("is a symbolic link that leaves {}", self.remedy()));
                }
                read_file(&found)
            }
            Directory::Revision(tree, directory) => {
                let path = path::join(directory, path).ok_or_else(|| format!("leaves {}", self.remedy()))?;
                tree.read_within(directory, &path, MAX_BYTES)
            }
        }
    }

    /// Returns the name of the directory, and the option that changes it.
    pub(super) fn remedy(&self) -> String {
        let shown = if self.shown.is_empty() { "." } else { self.shown.as_str() };
        format!("the directory {shown}; `--directory DIR` names a directory that contains all files")
    }
}

fn read_revision(revision: &str, path: &str, directory: Option<&Path>) -> Result<Source, String> {
    let tree = git::Tree::of(revision)?;
    let is_relative = ["./", "../"].iter().any(|start| path.starts_with(start));
    let from = if is_relative { git::prefix()? } else { String::new() };
    if path.starts_with('/') {
        return Err("absolute path, expected a path from the root of the repository".to_owned());
    }
    let path = path::join(&from, path).ok_or("path leaves the repository, expected a path within it")?;
    let bytes = tree.read(&path, MAX_BYTES)?;
    let location = match directory {
        None => Ok(path::parent(&path).to_owned()),
        Some(directory) => in_repository(directory),
    };
    let location = location.and_then(|directory| {
        let inside = path::strip(&directory, &path).ok_or_else(|| {
            format!("--directory: {path} is not in {directory}, expected a directory that contains it")
        })?;
        let shown =
            if directory.is_empty() { format!("{revision}:") } else { format!("{revision}:{directory}/") };
        Ok(Location { path: inside.to_owned(), directory: Directory::Revision(tree, directory), shown })
    });
    Ok(Source { bytes, location })
}

/// Returns a directory relative to the root of the repository. The directory need not exist, because a revision may have it.
fn in_repository(directory: &Path) -> Result<String, String> {
    let error = || format!("--directory: {} is not in the repository", directory.display());
    let relative = if directory.is_absolute() {
        let root = fs::canonicalize(git::root()?).map_err(|error| file_error(&error))?;
        let directory = fs::canonicalize(directory).map_err(|_| error())?;
        directory.strip_prefix(root).map_err(|_| error())?.to_owned()
    } else {
        directory.to_owned()
    };
    let from = if directory.is_absolute() { String::new() } else { git::prefix()? };
    let relative = relative.to_str().ok_or_else(error)?.replace(std::path::MAIN_SEPARATOR, "/");
    path::join(&from, &relative).ok_or_else(error)
}

/// Returns the location of a file on disk.
fn locate(file: &Path, directory: Option<&Path>) -> Result<Location, String> {
    // The parent of a bare file name is "", which is not a valid directory.
    let parent = file.parent().filter(|parent| *parent != Path::new(""));
    let canonical = |path: &Path| {
        fs::canonicalize(path).map_err(|error| format!("{}: {}", path.display(), file_error(&error)))
    };
    let own = canonical(parent.unwrap_or(Path::new(".")))?;
    let (root, shown) = match directory {
        Some(directory) => {
            (canonical(directory).map_err(|error| format!("--directory: {error}"))?, Some(directory))
        }
        None => (own.clone(), parent),
    };
    let inside = file.file_name().and_then(|name| own.strip_prefix(&root).ok().map(|own| own.join(name)));
    let inside = inside.ok_or_else(|| {
        let directory = shown.unwrap_or(Path::new(".")).display();
        format!(
            "--directory: {} is not in {directory}, expected a directory that contains it",
            file.display()
        )
    })?;
    let names: Option<Vec<_>> = inside.iter().map(|name| name.to_str()).collect();
    let path = names.ok_or("the path of the document is not UTF-8")?.join("/");
    let shown = shown.map(|shown| format!("{}{}", shown.display(), std::path::MAIN_SEPARATOR));
    Ok(Location { directory: Directory::Disk(root), shown: shown.unwrap_or_default(), path })
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    if path.is_dir() {
        return Err("is a directory, expected a file".to_owned());
    }
    let mut file = File::open(path).map_err(|error| file_error(&error))?;
    read_limited(&mut file)
}

fn read_limited(from: &mut dyn Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| file_error(&error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("too large, expected at most {MAX_BYTES} bytes"));
    }
    Ok(bytes)
}

fn file_error(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => MISSING.to_owned(),
        _ => error.to_string(),
    }
}
