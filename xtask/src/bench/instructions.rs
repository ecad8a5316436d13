//! `instructions`: counts the instructions that a request costs, beside the same request by hand.
//!
//! Unlike time, instructions do not depend on the machine's speed and load. Callgrind of valgrind counts those of the
//! client's process, which has one thread. The server is another process, which is not counted.
//!
//! Two runs with different numbers of requests are compared, so that the start of the process does not count.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    child,
    failure::{ExitClass, Failure},
    stdout,
    workspace::Workspace,
};

/// The requests, and the limit of each: the instructions of this crate as a multiple of those by hand.
const LIMITS: [(&str, f64); 3] = [("poll", 1.12), ("submit", 1.15), ("submit-open", 1.15)];

/// The numbers of requests in the two runs.
const COUNTS: [u32; 2] = [100, 2_100];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Keep the profile of each run in this directory, for `callgrind_annotate`
    #[arg(long, value_name = "DIR")]
    profiles: Option<PathBuf>,
}

pub(crate) fn run(root: &Workspace, args: &Args) -> Result<(), Failure> {
    let program = build(root)?;
    let directory = tempfile::tempdir()
        .map_err(|error| Failure::usage(format!("could not create a temporary directory: {error}")))?;
    let directory = args.profiles.as_deref().unwrap_or(directory.path());
    stdout::print("| request | by hand | this crate | ratio | limit |\n|---|---:|---:|---:|---:|\n")?;
    let mut ratios = Vec::new();
    for (request, limit) in LIMITS {
        let [hand, own] =
            [count(&program, "hand", request, directory)?, count(&program, "crate", request, directory)?];
        let ratio = own / hand;
        stdout::print(&format!("| {request} | {hand:.0} | {own:.0} | {ratio:.3} | {limit} |\n"))?;
        ratios.push((request, ratio, limit));
    }
    check(&ratios)
}

/// Checks each request, with its ratio and its limit.
fn check(ratios: &[(&str, f64, f64)]) -> Result<(), Failure> {
    let exceeded = ratios.iter().filter(|(_, ratio, limit)| ratio > limit).map(|(request, ratio, limit)| {
        format!("{request}: {ratio:.3} times the instructions of a request by hand, expected at most {limit}")
    });
    let exceeded: Vec<_> = exceeded.collect();
    if exceeded.is_empty() { Ok(()) } else { Err(Failure::new(ExitClass::Threshold, exceeded)) }
}

/// Builds the benchmark and returns its path.
fn build(root: &Workspace) -> Result<PathBuf, Failure> {
    let output = child::cargo()
        .args(["bench", "--bench", "instructions", "--no-run", "--quiet", "--message-format", "json"])
        .current_dir(root.path())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::usage(format!("cargo bench: {error}")))?;
    let program = executable(&String::from_utf8_lossy(&output.stdout));
    program
        .filter(|_| output.status.success())
        .ok_or_else(|| Failure::usage("cargo bench: the benchmark `instructions` was not built"))
}

/// Returns the path of the program in the messages of cargo.
fn executable(messages: &str) -> Option<PathBuf> {
    let mut messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.find_map(|message| {
        let is_program = message["target"]["name"] == "instructions";
        message["executable"].as_str().filter(|_| is_program).map(PathBuf::from)
    })
}

/// Returns the instructions of one request.
fn count(program: &Path, client: &str, request: &str, directory: &Path) -> Result<f64, Failure> {
    let mut counts = [0.0; 2];
    for (instructions, requests) in counts.iter_mut().zip(COUNTS) {
        let profile = directory.join(format!("callgrind.{client}.{request}.{requests}"));
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--quiet"])
            .arg(format!("--callgrind-out-file={}", profile.display()))
            .arg(program)
            .args([client, request, &requests.to_string()])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| {
                Failure::usage(format!("valgrind: {error}"))
                    .hint("install valgrind, on Debian with `apt-get install valgrind`")
            })?;
        let text = fs::read_to_string(&profile).unwrap_or_default();
        *instructions = total(&text).filter(|_| output.status.success()).ok_or_else(|| {
            Failure::usage(format!("valgrind: {}", String::from_utf8_lossy(&output.stderr).trim()))
        })?;
    }
    Ok((counts[1] - counts[0]) / f64::from(COUNTS[1] - COUNTS[0]))
}

/// Returns the number of instructions of a profile.
fn total(profile: &str) -> Option<f64> {
    let mut lines = profile.lines();
    let count =
        lines.find_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")))?;
    count.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn total_of_a_profile_is_found() {
        let profile = "version: 1\nevents: Ir\nsummary: 123456\n\nfn=(1) main\n1 2\ntotals: 123456\n";
        assert!(total(profile).is_some_and(|total| (total - 123_456.0).abs() < 0.5));
        assert_eq!(total("version: 1\n"), None);
    }

    #[test]
    fn executable_is_that_of_the_benchmark() {
        let messages = r#"
            {"reason":"compiler-artifact","target":{"name":"distribute_ai"},"executable":null}
            no JSON
            {"reason":"compiler-artifact","target":{"name":"instructions"},"executable":"/t/instructions-1"}
        "#;
        assert_eq!(executable(messages), Some(PathBuf::from("/t/instructions-1")));
        assert_eq!(executable(""), None);
    }

    #[test]
    fn request_above_its_limit_fails() {
        check(&[("poll", 1.1, 1.12), ("submit", 1.15, 1.15)]).unwrap();
        let failure = check(&[("poll", 1.121, 1.12), ("submit", 1.1, 1.15)]).unwrap_err();
        let expected = "poll: 1.121 times the instructions of a request by hand, expected at most 1.12";
        assert_eq!(failure.errors(), [expected]);
        assert_eq!(failure.exit_code(), std::process::ExitCode::from(1));
    }

    #[test]
    fn no_limit_is_above_fifteen_per_cent() {
        assert!(LIMITS.iter().all(|(_, limit)| (1.0..=1.15).contains(limit)));
    }
}
