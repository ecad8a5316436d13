//! `fuzz`: runs every target in `fuzz` for a limited time, two at a time per core.
//!
//! Runs `cargo fuzz` with limits: a target that hangs or uses too much memory fails like a target that
//! panics. Sanitizers are off. They need a nightly Rust, and this repository contains no `unsafe` code to
//! check.

use std::{
    collections::VecDeque,
    env,
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

/// Adds the entry points of the targets. cargo-fuzz appends `RUSTFLAGS` to its own flags.
const ENTRY_POINTS: &str = "--cfg distribute_ai_fuzzing";

/// The number of log lines that a failure shows.
const MAX_LINES: usize = 60;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Targets to run. Default: all
    #[arg(value_name = "TARGET")]
    only: Vec<String>,
    /// Seconds to run each target
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

pub(crate) fn run(root: &Workspace, args: &Args) -> Result<(), Failure> {
    let fuzz = root.path().join("fuzz");
    let all = targets(&transaction::read(&fuzz.join("Cargo.toml"), ExitClass::Usage)?)?;
    if let Some(unknown) = args.only.iter().find(|only| !all.contains(only)) {
        return Err(Failure::usage(format!(
            "unknown fuzz target {unknown:?}, expected one of {}",
            all.join(", ")
        )));
    }
    let chosen: Vec<_> =
        all.into_iter().filter(|name| args.only.is_empty() || args.only.contains(name)).collect();
    build(root)?;
    let waiting = Mutex::new(VecDeque::from(chosen));
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        // Two targets per core halve the time that CI takes. Half a core for a minute is enough for CI,
        // because the weekly run fuzzes longer.
        for _ in 0..2 * thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let next = || waiting.lock().ok()?.pop_front();
                while let Some(target) = next() {
                    let outcome = fuzz_one(root, &fuzz, &target, args.seconds);
                    let outcome =
                        outcome.and_then(|summary| stdout::print(&format!("{target}: {summary}\n")));
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

/// Returns the names of the targets.
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
    Err(Failure::usage("cargo fuzz build: failed").hint("`.ci/tools` installs cargo-fuzz if it is missing"))
}

fn cargo_fuzz(root: &Workspace, verb: &str) -> Command {
    let mut command = Command::new("cargo");
    command.args(["fuzz", verb, "--sanitizer", "none", "--dev"]).current_dir(root.path());
    command.env("RUSTFLAGS", rustflags(&env::var("RUSTFLAGS").unwrap_or_default()));
    command
}

/// Returns the flags of the compiler: those of the environment, and [`ENTRY_POINTS`].
fn rustflags(environment: &str) -> String {
    format!("{environment} {ENTRY_POINTS}").trim_start().to_owned()
}

/// Runs one target and returns a one-line summary.
fn fuzz_one(root: &Workspace, fuzz: &Path, target: &str, seconds: u32) -> Result<String, Failure> {
    let corpus = fuzz.join("corpus").join(target);
    seed_corpus(root, &corpus, target)?;
    let log = fuzz.join("artifacts").join(format!("{target}.log"));
    let io_error = |error| Failure::io(&log, error);
    fs::create_dir_all(fuzz.join("artifacts")).map_err(io_error)?;
    let stderr_log = File::create(&log).map_err(io_error)?;
    let mut command = cargo_fuzz(root, "run");
    command.arg(target).arg(&corpus).arg(fuzz.join("seeds").join(target)).arg("--");
    command.arg(format!("-max_total_time={seconds}"));
    command.args(["-timeout=10", "-rss_limit_mb=1024", "-max_len=65536", "-print_final_stats=1"]);
    let dictionary = fuzz.join("dictionaries").join(format!("{target}.dict"));
    if dictionary.exists() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    let stdout_log = stderr_log.try_clone().map_err(io_error)?;
    let status = command.stdin(Stdio::null()).stdout(stdout_log).stderr(stderr_log).status();
    let log_text = String::from_utf8_lossy(&fs::read(&log).map_err(io_error)?).into_owned();
    if status.is_ok_and(|status| status.success()) {
        return Ok(
            summary(&log_text).unwrap_or_else(|| "finished, but the log contains no statistics".to_owned())
        );
    }
    let lines: Vec<_> = log_text.lines().collect();
    let mut errors = vec![format!("{target}: found a failing input; the last lines of its log:")];
    errors.extend(lines[lines.len().saturating_sub(MAX_LINES)..].iter().map(ToString::to_string));
    let failure = Failure::new(ExitClass::Threshold, errors);
    Err(failure.hint(format!(
        "`RUSTFLAGS=\"{ENTRY_POINTS}\" cargo fuzz run --sanitizer none --dev {target} fuzz/artifacts/{target}/…` \
         runs that input again"
    )))
}

/// Adds pairs of whole documents to the corpus of the targets that take two.
///
/// The documents are committed elsewhere in the repository, so `fuzz/seeds` contains no copy of them.
fn seed_corpus(root: &Workspace, corpus: &Path, target: &str) -> Result<(), Failure> {
    fs::create_dir_all(corpus).map_err(|error| Failure::io(corpus, error))?;
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
        fs::write(&path, format!("{}\n---\n{}", one?, other?)).map_err(|error| Failure::io(&path, error))?;
    }
    Ok(())
}

/// Returns the statistics at the end of a fuzzer log.
fn summary(log: &str) -> Option<String> {
    let covered = log.rsplit(" cov: ").next()?.split_whitespace().next()?;
    let done = log.lines().rev().find_map(|line| line.strip_prefix("Done "))?;
    Some(format!("{done}, coverage {covered}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_lists_the_manifest_binaries_and_every_dictionary_has_a_target() {
        let fuzz = Workspace::find(None).unwrap().path().join("fuzz");
        let names = targets(&fs::read_to_string(fuzz.join("Cargo.toml")).unwrap()).unwrap();
        assert!(names.contains(&"record".to_owned()), "{names:?}");
        let stray: Vec<_> = fs::read_dir(fuzz.join("dictionaries"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| !names.iter().any(|name| path.ends_with(format!("{name}.dict"))))
            .collect();
        assert!(stray.is_empty(), "dictionaries without a target: {stray:?}");
    }

    #[test]
    fn cargo_fuzz_gets_the_entry_points_and_the_flags_of_the_environment() {
        assert_eq!(rustflags(""), "--cfg distribute_ai_fuzzing");
        assert_eq!(rustflags("-C target-cpu=native"), "-C target-cpu=native --cfg distribute_ai_fuzzing");
        let command = cargo_fuzz(&Workspace::find(None).unwrap(), "build");
        let flags = command.get_envs().find(|(name, _)| *name == "RUSTFLAGS").unwrap().1.unwrap();
        assert!(flags.to_str().unwrap().ends_with(ENTRY_POINTS), "{flags:?}");
    }

    #[test]
    fn summary_of_fuzzer_log_contains_runs_and_coverage() {
        let log = "INFO: seed\n#2\tINITED cov: 10 ft: 11\n#99\tDONE   cov: 120 ft: 340 corp: 7/1Kb\nDone 99 runs in 61 second(s)\n";
        assert_eq!(summary(log).unwrap(), "99 runs in 61 second(s), coverage 120");
        assert_eq!(summary("error: could not compile"), None);
    }
}
