//! Reads files of git revisions, by git itself.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

/// The files of a revision.
#[derive(Debug)]
pub(super) struct Tree {
    revision: String,
    /// The object id, so that all files are of one state although a branch may move.
    id: String,
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
        Ok(Self { revision: revision.to_owned(), id })
    }

    /// Reads a file. The path is relative to the root of the repository and has no `.` and `..`.
    pub(super) fn read(&self, path: &str, max_bytes: u64) -> Result<Vec<u8>, String> {
        if path.is_empty() {
            return Err("is a directory, expected a file".to_owned());
        }
        let listed = success(run(&["ls-tree", "-z", "--long", "--full-tree", &self.id, "--", path])?)?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let Some((mode, id, size)) = entry(&listed) else { return Err(self.missing(path)) };
        match mode {
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
        if size.parse().is_ok_and(|size: u64| size > max_bytes) {
            return Err(format!("too large, expected at most {max_bytes} bytes, found {size}"));
        }
        success(run(&["cat-file", "blob", id])?)
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

/// Returns the mode, the id and the size of the only entry of `git ls-tree --long -z`.
fn entry(listed: &str) -> Option<(&str, &str, &str)> {
    let mut words = listed.split_once('\t')?.0.split_ascii_whitespace();
    let (mode, _, id) = (words.next()?, words.next()?, words.next()?);
    Some((mode, id, words.next()?))
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
    let mut command = Command::new(program);
    // Without a pager and without changes to the repository.
    command.args(["--no-pager", "--no-optional-locks"]).args(args).env("LC_ALL", "C").stdin(Stdio::null());
    command.output().map_err(|error| {
        format!("could not run git: {error}; install git, or name a file instead of a revision")
    })
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
        let listed = "100644 blob 0123abcd     512\tapi with spaces.yaml\0";
        assert_eq!(entry(listed), Some(("100644", "0123abcd", "512")));
        assert_eq!(entry(""), None);
    }
}
