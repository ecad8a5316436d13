//! Reads files of git revisions, by git itself.

use std::{
    cell::{OnceCell, RefCell},
    collections::HashMap,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio},
};

/// The files of a revision.
#[derive(Debug)]
pub(super) struct Tree {
    revision: String,
    /// The object id, so that all files are of one state although a branch may move.
    id: String,
    /// The entries of a directory, by path, once a document refers to other files.
    entries: OnceCell<HashMap<String, Entry>>,
    contents: RefCell<Option<Contents>>,
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    mode: String,
    id: String,
    size: Option<u64>,
}

impl Tree {
    /// Returns the files of a revision such as `main`, `v1.2` or `HEAD~1`. It must not begin with `-`.
    pub(super) fn of(revision: &str) -> Result<Self, String> {
        let tree = format!("{revision}^{{tree}}");
        let found = run(&["rev-parse", "--verify", "--quiet", &tree])?;
        if !found.status.success() {
            return Err(failure(&found).unwrap_or_else(|| {
                format!("unknown revision {revision:?}, expected a commit, branch or tag; `git fetch` gets missing ones")
            }));
        }
        let id = String::from_utf8_lossy(&found.stdout).trim().to_owned();
        Ok(Self { revision: revision.to_owned(), id, entries: OnceCell::new(), contents: RefCell::default() })
    }

    /// Reads a file. The path is relative to the root of the repository, without `.` and `..`.
    pub(super) fn read(&self, path: &str, max_bytes: u64) -> Result<Vec<u8>, String> {
        if path.is_empty() {
            return Err("is a directory, expected a file".to_owned());
        }
        let entry = self.list(&[path])?.remove(path);
        self.read_entry(path, entry.as_ref(), max_bytes)
    }

    /// Reads one of many files of a directory.
    pub(super) fn read_within(&self, directory: &str, path: &str, max_bytes: u64) -> Result<Vec<u8>, String> {
        if self.entries.get().is_none() {
            let directory = format!("{directory}/");
            let within = if directory == "/" { vec!["-r", "-t"] } else { vec!["-r", "-t", &directory] };
            let _ = self.entries.set(self.list(&within)?);
        }
        self.read_entry(path, self.entries.get().and_then(|entries| entries.get(path)), max_bytes)
    }

    /// Returns the entries that `git ls-tree` prints for these options and paths.
    fn list(&self, arguments: &[&str]) -> Result<HashMap<String, Entry>, String> {
        let (options, paths): (Vec<&str>, Vec<&str>) =
            arguments.iter().partition(|argument| argument.starts_with('-'));
        let mut command = vec!["ls-tree", "-z", "--long", "--full-tree"];
        command.extend(options);
        command.extend([self.id.as_str(), "--"]);
        command.extend(paths);
        let listed = success(run(&command)?)?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        Ok(listed.split('\0').filter_map(entry).collect())
    }

    fn read_entry(&self, path: &str, entry: Option<&Entry>, max_bytes: u64) -> Result<Vec<u8>, String> {
        let Some(Entry { mode, id, size }) = entry else { return Err(self.missing(path)) };
        match mode.as_str() {
            "040000" => return Err("is a directory, expected a file".to_owned()),
            "120000" => {
                return Err(
                    "is a symbolic link, which is not followed in a revision, expected a file; name the file itself"
                        .to_owned(),
                );
            }
            "160000" => {
                return Err("is a submodule, expected a file; read the file in that repository".to_owned());
            }
            _ => {}
        }
        if let Some(size) = size.filter(|size| *size > max_bytes) {
            return Err(format!("too large, expected at most {max_bytes} bytes, found {size}"));
        }
        let mut contents = self.contents.borrow_mut();
        let contents = match &mut *contents {
            Some(contents) => contents,
            none => none.insert(Contents::start()?),
        };
        contents.read(id).map_err(|error| format!("git cat-file: {error}"))
    }

    fn missing(&self, path: &str) -> String {
        let message =
            format!("no such file in {}, expected a path from the root of the repository", self.revision);
        let beside = prefix().ok().filter(|prefix| !prefix.is_empty());
        let beside = beside.filter(|prefix| {
            let path = format!("{prefix}{path}");
            run(&["cat-file", "-e", &format!("{}:{path}", self.id)]).is_ok_and(|found| found.status.success())
        });
        match beside {
            Some(_) => format!("{message}; did you mean {}:./{path}", self.revision),
            None => format!("{message}; `git ls-tree -r --name-only {}` lists the files", self.revision),
        }
    }
}

/// Returns the path and the entry of a line of `git ls-tree --long -z`.
fn entry(listed: &str) -> Option<(String, Entry)> {
    let (words, path) = listed.split_once('\t')?;
    let mut words = words.split_ascii_whitespace();
    let (mode, _, id) = (words.next()?, words.next()?, words.next()?);
    // A directory has no size.
    let size = words.next()?.parse().ok();
    Some((path.to_owned(), Entry { mode: mode.to_owned(), id: id.to_owned(), size }))
}

/// A process that prints the contents of objects, so that a document of a thousand files does not start a thousand.
#[derive(Debug)]
struct Contents {
    child: Child,
    ids: Option<ChildStdin>,
    printed: BufReader<ChildStdout>,
}

impl Contents {
    fn start() -> Result<Self, String> {
        let mut command = command(Path::new("git"), &["cat-file", "--batch"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| not_run(&error))?;
        let (Some(ids), Some(printed)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("git cat-file: no pipe".to_owned());
        };
        Ok(Self { child, ids: Some(ids), printed: BufReader::new(printed) })
    }

    /// Returns the content of a file.
    fn read(&mut self, id: &str) -> io::Result<Vec<u8>> {
        if let Some(ids) = &mut self.ids {
            writeln!(ids, "{id}")?;
            ids.flush()?;
        }
        let mut header = String::new();
        self.printed.read_line(&mut header)?;
        let size = header.trim_end().strip_prefix(&format!("{id} blob ")).and_then(|size| size.parse().ok());
        let size = size.ok_or_else(|| io::Error::other(format!("no file {id}: {header:?}")))?;
        // A line feed follows.
        let mut content = vec![0; size];
        self.printed.read_exact(&mut content)?;
        self.printed.read_exact(&mut [0])?;
        Ok(content)
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        // Without more ids the process ends.
        drop(self.ids.take());
        let _ = self.child.wait();
    }
}

/// Returns the current directory, relative to the root of the repository: empty, or with a `/` at its end.
pub(super) fn prefix() -> Result<String, String> {
    line(&["rev-parse", "--show-prefix"])
}

/// Returns the root of the repository.
pub(super) fn root() -> Result<String, String> {
    line(&["rev-parse", "--show-toplevel"])
}

fn line(args: &[&str]) -> Result<String, String> {
    let output = String::from_utf8(success(run(args)?)?);
    let output = output.map_err(|_| "git: expected a directory in UTF-8".to_owned())?;
    Ok(output.strip_suffix('\n').unwrap_or(&output).to_owned())
}

fn run(args: &[&str]) -> Result<Output, String> {
    run_program(Path::new("git"), args)
}

fn run_program(program: &Path, args: &[&str]) -> Result<Output, String> {
    command(program, args).stdin(Stdio::null()).output().map_err(|error| not_run(&error))
}

fn command(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    // Without a pager and without changes to the repository.
    command.args(["--no-pager", "--no-optional-locks"]).args(args).env("LC_ALL", "C");
    command
}

fn not_run(error: &io::Error) -> String {
    format!("could not run git: {error}; install git, or name a file instead of a revision")
}

fn success(output: Output) -> Result<Vec<u8>, String> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(failure(&output).unwrap_or_else(|| format!("git failed: {}", output.status)))
}

/// Returns the first line of git's own message, if there is one.
fn failure(output: &Output) -> Option<String> {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let first = stderr.lines().find(|line| !line.trim().is_empty())?;
    let message = first.strip_prefix("fatal: ").unwrap_or(first);
    Some(format!("git: {message}; run the command in a repository that git can read, or name a file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_git_is_an_error_with_a_remedy() {
        let error = run_program(Path::new("no-such-git"), &["version"]).unwrap_err();
        assert!(error.starts_with("could not run git: "), "{error}");
        assert!(error.ends_with("; install git, or name a file instead of a revision"), "{error}");
    }

    #[test]
    fn entry_of_a_listing_has_mode_id_and_size() {
        let (path, found) = entry("100644 blob 0123abcd     512\tapi with spaces.yaml").unwrap();
        let file = Entry { mode: "100644".to_owned(), id: "0123abcd".to_owned(), size: Some(512) };
        assert_eq!((path.as_str(), found), ("api with spaces.yaml", file));
        assert_eq!(entry("040000 tree 0123abcd       -\tdir").unwrap().1.size, None);
        assert_eq!(entry(""), None);
    }
}
