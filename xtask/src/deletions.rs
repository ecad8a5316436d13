//! `deletions`: deletes statements on which money or data depends, one at a time, and expects that a test fails.
//!
//! `cargo mutants` replaces bodies and operators, but deletes no single statement. The list is in
//! `tests/deletions.toml`. The sources are changed in a copy.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use serde::Deserialize;

use crate::{
    child,
    failure::{ExitClass, Failure},
    stdout, transaction,
    workspace::Workspace,
};

const LIST: &str = "tests/deletions.toml";

/// The time for the build and the tests of a deletion, of which a wrong program may never end.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// The files and directories of the repository that a build of the unit tests needs.
const SOURCES: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "CHANGELOG.md",
    "build.rs",
    "build",
    "openapi",
    "src",
    "docs",
    "examples",
    "tests",
    "benches",
    "fuzz/seeds",
    "surface",
    "xtask",
    ".cargo",
];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Parts of the names of the deletions to apply. Default: all
    #[arg(value_name = "NAME")]
    only: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    deletion: Vec<Deletion>,
}

/// A change that makes the code wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deletion {
    name: String,
    file: PathBuf,
    code: String,
    #[serde(default)]
    with: String,
    /// The filter of the tests of which one must fail.
    tests: Option<String>,
    /// The integration test that has these tests. Default: the unit tests
    target: Option<String>,
    /// Why no test can fail.
    equivalent: Option<String>,
}

pub(crate) fn run(root: &Workspace, args: &Args) -> Result<(), Failure> {
    let list = transaction::read(&root.path().join(LIST), ExitClass::Usage)?;
    let List { deletion } =
        toml::from_str(&list).map_err(|error| Failure::document(format!("{LIST}: {error}")))?;
    let is_chosen = |deletion: &&Deletion| {
        args.only.is_empty() || args.only.iter().any(|only| deletion.name.contains(only))
    };
    let chosen: Vec<_> = deletion.iter().filter(is_chosen).collect();
    if chosen.is_empty() {
        return Err(Failure::usage(format!(
            "unknown deletion {:?}, expected a part of a name in {LIST}",
            args.only.join(", ")
        )));
    }
    let copy = root.path().join("target/deletions");
    copy_sources(root.path(), &copy)?;
    check_that_tests_pass(&copy, &chosen)?;
    let mut survived = Vec::new();
    for deletion in chosen {
        stdout::print(&format!("{}: ", deletion.name))?;
        let outcome = match (&deletion.equivalent, &deletion.tests) {
            (Some(reason), _) => format!("equivalent: {reason}"),
            (None, Some(tests)) => {
                if let Some(failed) = apply(&copy, deletion, tests)? {
                    format!("found by {failed}")
                } else {
                    survived.push(deletion.name.clone());
                    format!("SURVIVED the tests {tests}")
                }
            }
            (None, None) => {
                let problem = "expected `tests` or `equivalent`";
                return Err(Failure::document(format!("{LIST}: {:?}: {problem}", deletion.name)));
            }
        };
        stdout::print(&format!("{outcome}\n"))?;
    }
    if survived.is_empty() {
        return Ok(());
    }
    let errors = survived.into_iter().map(|name| format!("{name}: no test fails without it")).collect();
    Err(Failure::new(ExitClass::Threshold, errors))
}

fn copy_sources(root: &Path, copy: &Path) -> Result<(), Failure> {
    for source in SOURCES {
        let (from, to) = (root.join(source), copy.join(source));
        if from.exists() {
            copy_all(&from, &to)
                .map_err(|error| Failure::usage(format!("could not copy {}: {error}", from.display())))?;
        }
    }
    Ok(())
}

/// Copies a file or a directory, and removes what an earlier copy has beside. Files that have not changed keep their time,
/// so that cargo does not build them again.
fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.is_file() {
        fs::create_dir_all(to.parent().unwrap_or(to))?;
        let content = fs::read(from)?;
        if fs::read(to).is_ok_and(|old| old == content) {
            return Ok(());
        }
        return fs::write(to, content);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let old = entry?.path();
        let source = from.join(old.file_name().unwrap_or_default());
        if old.is_dir() && !source.is_dir() {
            fs::remove_dir_all(old)?;
        } else if old.is_file() && !source.is_file() {
            fs::remove_file(old)?;
        }
    }
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        if name != "target" {
            copy_all(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

/// Fails if a test fails without a deletion. Such a test would find all of them.
fn check_that_tests_pass(copy: &Path, deletions: &[&Deletion]) -> Result<(), Failure> {
    let mut filters: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for deletion in deletions.iter().filter(|deletion| deletion.equivalent.is_none()) {
        filters.entry(deletion.target.as_deref()).or_default().extend(deletion.tests.as_deref());
    }
    for (target, tests) in filters {
        let tests: Vec<_> = tests.into_iter().collect();
        let output = run_tests(copy, target, &tests)?;
        if output.as_ref().is_none_or(|output| !output.status.success()) {
            let failed = output.and_then(|output| failed_test(&output)).unwrap_or_else(|| tests.join(", "));
            return Err(Failure::document(format!("{failed}: fails or does not compile without a deletion")));
        }
    }
    Ok(())
}

/// Applies a deletion, runs the tests and undoes it. Returns the name of a test that failed.
fn apply(copy: &Path, deletion: &Deletion, tests: &str) -> Result<Option<String>, Failure> {
    let Deletion { name, file, code, with, target, .. } = deletion;
    let path = copy.join(file);
    let source = transaction::read(&path, ExitClass::Usage)?;
    let code = code.trim_matches('\n');
    if source.matches(code).count() != 1 {
        let count = source.matches(code).count();
        let problem = format!("its code is {count} times in {}, expected once", file.display());
        return Err(Failure::document(format!("{LIST}: {name:?}: {problem}")));
    }
    let write = |content: &str| fs::write(&path, content).map_err(|error| Failure::io(&path, error));
    write(&source.replacen(code, with, 1))?;
    let output = run_tests(copy, target.as_deref(), &[tests]);
    write(&source)?;
    let Some(output) = output? else {
        return Ok(Some(format!("{tests}, which has not ended after {} s", LIMIT.as_secs())));
    };
    if output.status.success() {
        return if has_passed_test(&String::from_utf8_lossy(&output.stdout)) {
            Ok(None)
        } else {
            Err(Failure::document(format!("{LIST}: {name:?}: no test is called {tests}")))
        };
    }
    failed_test(&output).map(Some).ok_or_else(|| {
        let errors = String::from_utf8_lossy(&output.stderr);
        let first = errors.lines().find(|line| line.starts_with("error")).unwrap_or("no test ran");
        Failure::document(format!("{LIST}: {name:?}: the code does not compile: {first}"))
    })
}

/// Runs the tests with these filters, of the unit tests or of an integration test. Returns `None` if they take too long.
fn run_tests(copy: &Path, target: Option<&str>, filters: &[&str]) -> Result<Option<Output>, Failure> {
    let mut command = Command::new("cargo");
    command
        .args(["test", "--quiet", "-p", "distribute-ai"])
        .args(target.map_or(vec!["--lib"], |target| vec!["--test", target]))
        .arg("--")
        .args(filters)
        .current_dir(copy)
        // One file changes from build to build.
        .env("CARGO_INCREMENTAL", "1")
        .env("CARGO_TARGET_DIR", copy.join("target"))
        .env("RUSTFLAGS", format!("{} --cap-lints=allow", env::var("RUSTFLAGS").unwrap_or_default()))
        .env("RUST_BACKTRACE", "0");
    child::output(command, b"", LIMIT).map_err(|error| Failure::usage(format!("cargo test: {error}")))
}

/// Returns the name of the first test that failed.
fn failed_test(output: &Output) -> Option<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let failed = text.lines().skip_while(|line| *line != "failures:").find_map(|line| {
        let name = line.trim();
        (line.starts_with("    ") && name.contains("::") && !name.contains(' ')).then(|| name.to_owned())
    });
    // The simulated world prints the history that fails.
    let history = text.lines().find(|line| line.contains(" with seed "));
    failed.map(|test| match history {
        Some(history) => format!("{test}: {}", history.trim()),
        None => test,
    })
}

/// Returns whether a test ran, from the lines `test result: ok. 3 passed; 0 failed; …`.
fn has_passed_test(output: &str) -> bool {
    output
        .lines()
        .filter_map(|line| line.strip_prefix("test result: ok. "))
        .any(|counts| !counts.starts_with("0 "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_that_chooses_no_test_is_noticed() {
        let result = |passed| {
            format!("\nrunning {passed} tests\n\ntest result: ok. {passed} passed; 0 failed; 0 ignored\n")
        };
        for (passed, expected) in [(&[0][..], false), (&[0, 0], false), (&[1], true), (&[0, 10], true)] {
            let output: String = passed.iter().map(result).collect();
            assert_eq!(has_passed_test(&output), expected, "{output}");
        }
    }

    #[test]
    fn copy_has_the_files_of_the_source_and_no_others() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        for file in ["from/a", "from/b/c", "from/target/x", "to/a", "to/b", "to/old/d", "to/c/e", "from/c"] {
            let path = directory.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        for _ in 0..2 {
            copy_all(&from, &to).unwrap();
            for file in ["a", "b/c", "c"] {
                assert_eq!(fs::read_to_string(to.join(file)).unwrap(), format!("from/{file}"));
            }
            assert_eq!(fs::read_dir(&to).unwrap().count(), 3);
        }
    }

    /// Otherwise cargo rejects the manifest of the copy.
    #[test]
    fn each_member_of_the_workspace_is_copied() {
        let manifest =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml")).unwrap();
        let manifest: toml::Table = toml::from_str(&manifest).unwrap();
        let members = manifest["workspace"]["members"].as_array().unwrap();
        assert!(!members.is_empty());
        for member in members {
            let is_copied = |source: &&str| Path::new(member.as_str().unwrap()).starts_with(source);
            assert!(SOURCES.iter().any(is_copied), "{member}");
        }
    }
}
