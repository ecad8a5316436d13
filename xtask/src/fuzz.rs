//! `fuzz`: every target in `fuzz` for a while, two at a time for each core.
//!
//! What it runs is `cargo fuzz`, with limits: a target that hangs, or wants more memory than its input is worth, has
//! failed as one that panics has. Without a sanitizer, which needs a nightly Rust: there is no `unsafe` here to watch.

use std::{
    collections::VecDeque,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    thread,
};

use serde::Deserialize;

use crate::{
    failure::{ExitClass, Failure},
    stdout, transaction,
    workspace::Workspace,
};

/// As much of a log as a failure shows.
const MAX_LINES: usize = 60;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to run; every target, if nothing is named
    #[arg(value_name = "TARGET")]
    only: Vec<String>,
    /// How long each target is run
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

pub(crate) fn run(root: &Workspace, args: &Args) -> Result<(), Failure> {
    let fuzz = root.path().join("fuzz");
    let all = targets(&transaction::read(&fuzz.join("Cargo.toml"), ExitClass::Usage)?)?;
    if let Some(unknown) = args.only.iter().find(|only| !all.contains(only)) {
        return Err(Failure::usage(format!("no target {unknown:?}; there are {}", all.join(", "))));
    }
    let chosen: Vec<_> =
        all.into_iter().filter(|name| args.only.is_empty() || args.only.contains(name)).collect();
    build(root)?;
    let waiting = Mutex::new(VecDeque::from(chosen));
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        // A minute each is then two minutes of CI on two cores, not four: what is found in a minute of half a core is what
        // CI is for, and the weekly run has longer.
        for _ in 0..2 * thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let next = || waiting.lock().ok()?.pop_front();
                while let Some(target) = next() {
                    let outcome = fuzz_one(root, &fuzz, &target, args.seconds);
                    let outcome = outcome.and_then(|told| stdout::print(&format!("{target}: {told}\n")));
                    if let (Err(failure), Ok(mut failed)) = (outcome, failed.lock()) {
                        failed.push(failure);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    failed.into_iter().reduce(Failure::worst).map_or(Ok(()), Err)
}

#[derive(Deserialize)]
struct Manifest {
    bin: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// The names of the targets.
fn targets(manifest: &str) -> Result<Vec<String>, Failure> {
    let manifest: Manifest =
        toml::from_str(manifest).map_err(|error| Failure::document(format!("fuzz/Cargo.toml: {error}")))?;
    Ok(manifest.bin.into_iter().map(|target| target.name).collect())
}

fn build(root: &Workspace) -> Result<(), Failure> {
    let built = cargo_fuzz(root, "build").stdin(Stdio::null()).status();
    if built.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(Failure::usage("cargo fuzz build: failed").hint("is cargo-fuzz there? `.ci/tools` installs it"))
}

fn cargo_fuzz(root: &Workspace, verb: &str) -> Command {
    let mut command = Command::new("cargo");
    command.args(["fuzz", verb, "--sanitizer", "none", "--dev"]).current_dir(root.path());
    command
}

/// Runs one; returns what it came to, in one line.
fn fuzz_one(root: &Workspace, fuzz: &Path, target: &str, seconds: u32) -> Result<String, Failure> {
    let corpus = fuzz.join("corpus").join(target);
    seed_corpus(root, &corpus, target)?;
    let log = fuzz.join("artifacts").join(format!("{target}.log"));
    let unwritable = |error| Failure::usage(format!("{}: {error}", log.display()));
    fs::create_dir_all(fuzz.join("artifacts")).map_err(unwritable)?;
    let file = File::create(&log).map_err(unwritable)?;
    let mut command = cargo_fuzz(root, "run");
    command.arg(target).arg(&corpus).arg(fuzz.join("seeds").join(target)).arg("--");
    command.arg(format!("-max_total_time={seconds}"));
    command.args(["-timeout=10", "-rss_limit_mb=1024", "-max_len=65536", "-print_final_stats=1"]);
    let words = fuzz.join("dictionaries").join(format!("{target}.dict"));
    if words.exists() {
        command.arg(format!("-dict={}", words.display()));
    }
    let log_too = file.try_clone().map_err(unwritable)?;
    let status = command.stdin(Stdio::null()).stdout(log_too).stderr(file).status();
    let said = String::from_utf8_lossy(&fs::read(&log).map_err(unwritable)?).into_owned();
    if status.is_ok_and(|status| status.success()) {
        return Ok(report(&said).unwrap_or_else(|| "nothing is known of what it did".to_owned()));
    }
    let lines: Vec<_> = said.lines().collect();
    let end = lines[lines.len().saturating_sub(MAX_LINES)..].join("\n");
    let failure = Failure::new(ExitClass::Threshold, vec![format!("{target} has found something\n{end}")]);
    Err(failure.hint(format!(
        "`cargo fuzz run --sanitizer none --dev {target} fuzz/artifacts/{target}/…` is that input once more"
    )))
}

/// What the repository has anyway need not be committed a second time: whole documents, for those who take two.
fn seed_corpus(root: &Workspace, corpus: &Path, target: &str) -> Result<(), Failure> {
    let unwritable = |path: &Path, error| Failure::usage(format!("{}: {error}", path.display()));
    fs::create_dir_all(corpus).map_err(|error| unwritable(corpus, error))?;
    if !matches!(target, "merge" | "diff") {
        return Ok(());
    }
    let everything = root.path().join("xtask/tests/documents/everything.json");
    let pages = ["speech-create", "speech-result"].map(|name| root.upstream(name));
    let pairs: [(&str, [&PathBuf; 2]); 2] =
        [("pages", [&pages[0], &pages[1]]), ("everything", [&everything, &everything])];
    for (name, pair) in pairs {
        let [one, other] = pair.map(|path| transaction::read(path, ExitClass::Usage));
        let path = corpus.join(name);
        fs::write(&path, format!("{}\n---\n{}", one?, other?)).map_err(|error| unwritable(&path, error))?;
    }
    Ok(())
}

/// What a log of the fuzzer says at its end.
fn report(log: &str) -> Option<String> {
    let covered = log.rsplit(" cov: ").next()?.split_whitespace().next()?;
    let done = log.lines().rev().find_map(|line| line.strip_prefix("Done "))?;
    Some(format!("{done}, {covered} places covered"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_are_those_of_the_manifest() {
        let fuzz = Workspace::find(None).unwrap().path().join("fuzz");
        let names = targets(&fs::read_to_string(fuzz.join("Cargo.toml")).unwrap()).unwrap();
        assert!(names.contains(&"journal".to_owned()), "{names:?}");
        let stray: Vec<_> = fs::read_dir(fuzz.join("dictionaries"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| !names.iter().any(|name| path.ends_with(format!("{name}.dict"))))
            .collect();
        assert!(stray.is_empty(), "a dictionary of no target: {stray:?}");
    }

    #[test]
    fn the_end_of_a_log_is_told_in_one_line() {
        let log = "INFO: seed\n#2\tINITED cov: 10 ft: 11\n#99\tDONE   cov: 120 ft: 340 corp: 7/1Kb\nDone 99 runs in 61 second(s)\n";
        assert_eq!(report(log).unwrap(), "99 runs in 61 second(s), 120 places covered");
        assert_eq!(report("error: could not compile"), None);
    }
}
