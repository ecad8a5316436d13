//! `build-cost`: what a cold build of the crate costs somebody who depends on it.
//!
//! Generating at build time is paid for by every user. The measure is CPU time, which a busy machine disturbs less than
//! time on the clock, and it is compared with two yardsticks built in the same run: what one would depend on to write a
//! client by hand, and this crate's own dependencies without the generator. They are no equal sets of features: the first
//! has HTTP/2 and all of tokio, and this crate hasn't.
//!
//! What is built is what users get: the crate as it is packaged, never incrementally, as cargo builds what comes from a
//! registry. The package is the command's own, so it may change the document in it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    failure::{ExitClass, Failure},
    json::{self, canonical},
    stdout,
    transaction::{self, Change},
    workspace::Workspace,
};

/// As one would write it by hand: the libraries with their default features and what a client of an API needs. Whoever
/// reads the numbers is told by [`YARDSTICKS`].
const BY_HAND: &str = r#"
reqwest = { version = "0.13", features = ["json", "stream"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
tokio = { version = "1", features = ["full"] }
futures = "0.3"
"#;

/// What is compared with, in words.
const YARDSTICKS: &str = "\
- by-hand: reqwest with its default features, HTTP/2 and TLS among them, json and stream; serde with derive; serde_json;
  tokio with `full`; futures. Not the same features as distribute-ai: that has TLS, too, but no HTTP/2 and less of tokio.
- without-generator: what distribute-ai depends on, but for the generator.";

/// What no document of the API's has.
const ONE_MORE: &str = "one_more_property";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Build with optimisation, as a release of the user's would
    #[arg(long)]
    release: bool,
    /// Build this many times and take the cheapest: other work on the machine only ever adds
    #[arg(long, default_value_t = 1, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// End with 1 when the crate costs more than this many times what is written by hand
    #[arg(long, value_name = "RATIO")]
    at_most: Option<f64>,
}

pub(crate) fn run(root: &Workspace, args: &Args) -> Result<(), Failure> {
    let directory =
        tempfile::tempdir().map_err(|error| Failure::usage(format!("no temporary directory: {error}")))?;
    let package = packaged(root, directory.path())?;
    let own = format!("distribute-ai = {{ path = '{}' }}\n", package.path().display());
    let mut by_hand = Program::new(directory.path(), "by-hand", BY_HAND)?;
    let same = without_generator(&transaction::read(&root.path().join("Cargo.toml"), ExitClass::Usage)?)?;
    let mut without = Program::new(directory.path(), "without-generator", &same)?;
    let mut crate_itself = Program::new(directory.path(), "distribute-ai", &own)?;
    // In turns, so that a slow minute of the machine falls on all of them.
    for _ in 0..args.rounds {
        for program in [&mut by_hand, &mut without, &mut crate_itself] {
            program.build(args.release)?;
        }
    }
    let again = crate_itself.rebuild(args.release)?;
    let spec = package.merged();
    let another = with_one_more_property(&transaction::read(&spec, ExitClass::Usage)?)?;
    transaction::commit(vec![Change::Write(spec, another)])?;
    let with_another_spec = crate_itself.rebuild(args.release)?;
    let ratio = crate_itself.seconds / by_hand.seconds;
    stdout::print(&format!(
        "CPU time and crates of a build, {} profile, best of {}\n\n\
         | cold | CPU | crates |\n|---|---:|---:|\n{by_hand}{without}{crate_itself}\n\
         {YARDSTICKS}\n\n\
         {ratio:.2} times by-hand, {:.2} times without-generator\n\n\
         again, with nothing changed: {again:.1} s; with another spec: {with_another_spec:.1} s\n",
        if args.release { "release" } else { "dev" },
        args.rounds,
        crate_itself.seconds / without.seconds,
    ))?;
    match args.at_most {
        Some(limit) if ratio > limit => Err(Failure::new(
            ExitClass::Threshold,
            vec![format!("{ratio:.2} times the yardstick, more than {limit}")],
        )),
        _ => Ok(()),
    }
}

/// This crate's own dependencies with its default features, as its manifest has them, but for what the generator needs.
fn without_generator(manifest: &str) -> Result<String, Failure> {
    let mut manifest: toml::Table =
        manifest.parse().map_err(|error| Failure::usage(format!("Cargo.toml: {error}")))?;
    let Some(toml::Value::Table(mut dependencies)) = manifest.remove("dependencies") else {
        return Err(Failure::usage("Cargo.toml has no `[dependencies]`"));
    };
    let optional =
        |value: &toml::Value| value.get("optional").and_then(toml::Value::as_bool).unwrap_or(false);
    dependencies.retain(|name, value| !name.starts_with("progenitor") && !optional(value));
    // The default feature `rustls` is a feature of reqwest's; `query` is what progenitor-client asks of it.
    if let Some(toml::Value::Array(features)) =
        dependencies.get_mut("reqwest").and_then(|reqwest| reqwest.get_mut("features"))
    {
        features.extend(["query", "rustls"].map(toml::Value::from));
    }
    let lines: Vec<_> = dependencies.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    Ok(lines.join("\n"))
}

/// The crate as users get it, unpacked in this directory.
fn packaged(root: &Workspace, directory: &Path) -> Result<Workspace, Failure> {
    let (target, at) = (directory.join("package"), directory.join("packaged"));
    // `--locked`, so that not even the lock is written to where the crate is.
    let args =
        ["package", "--package", "distribute-ai", "--no-verify", "--allow-dirty", "--locked", "--quiet"];
    cargo(root.path(), &target, &args)?;
    let packages = target.join("package");
    let io = |path: &Path, error: std::io::Error| Failure::usage(format!("{}: {error}", path.display()));
    let written = fs::read_dir(&packages)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| io(&packages, error))?;
    let archive =
        written.iter().map(fs::DirEntry::path).find(|path| path.extension() == Some("crate".as_ref()));
    let lacks = || Failure::usage(format!("cargo package: left no package in {}", packages.display()));
    let archive = archive.ok_or_else(lacks)?;
    fs::create_dir(&at).map_err(|error| io(&at, error))?;
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(&archive).arg("-C").arg(&at).args(["--strip-components", "1"]);
    output("tar", &mut tar)?;
    Workspace::find(Some(at))
}

/// The document with one more property in an answer, which the generated client has, too.
fn with_one_more_property(document: &str) -> Result<String, Failure> {
    const ANSWER: &str = "/components/schemas/SpeechResult/properties";
    let mut document = json::parse(document).map_err(|problems| {
        let problems =
            problems.into_iter().map(|(at, problem)| format!("distribute-ai.json: {at}: {problem}"));
        Failure::new(ExitClass::Document, problems.collect())
    })?;
    let Some(Value::Object(properties)) = document.pointer_mut(ANSWER) else {
        return Err(Failure::document(format!("distribute-ai.json: no properties at {ANSWER}")));
    };
    properties.insert(ONE_MORE.to_owned(), serde_json::json!({ "type": "string" }));
    Ok(canonical(&document))
}

/// An empty program with these dependencies.
struct Program {
    name: &'static str,
    at: PathBuf,
    target: PathBuf,
    /// By their name and version, but for the program itself.
    crates: BTreeSet<String>,
    /// The cheapest build so far.
    seconds: f64,
}

impl Program {
    fn new(directory: &Path, name: &'static str, dependencies: &str) -> Result<Self, Failure> {
        let at = directory.join(name);
        let manifest = format!(
            "[package]\nname = \"{name}-user\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n{dependencies}"
        );
        fs::create_dir_all(at.join("src"))
            .and_then(|()| fs::write(at.join("Cargo.toml"), manifest))
            .and_then(|()| fs::write(at.join("src/main.rs"), "fn main() {}\n"))
            .map_err(|error| Failure::usage(format!("{}: {error}", at.display())))?;
        let target = at.join("target");
        cargo(&at, &target, &["fetch", "--quiet"])?;
        let tree =
            cargo(&at, &target, &["tree", "--edges", "normal,build", "--prefix", "none", "--no-dedupe"])?;
        // `name v1.0.0`, and perhaps where it is or what it is; the program itself, the first, is no dependency.
        let crates = tree.lines().skip(1).filter_map(|line| {
            let mut words = line.split(' ');
            Some(format!("{} {}", words.next()?, words.next()?.trim_start_matches('v')))
        });
        let crates = crates.collect();
        Ok(Self { name, at, target, crates, seconds: f64::INFINITY })
    }

    fn build(&mut self, release: bool) -> Result<(), Failure> {
        cargo(&self.at, &self.target, &["clean", "--quiet"])?;
        self.seconds = self.seconds.min(self.rebuild(release)?);
        Ok(())
    }

    /// With what is there already; returns the CPU seconds.
    fn rebuild(&self, release: bool) -> Result<f64, Failure> {
        let profile: &[_] = if release { &["--release"] } else { &[] };
        let before = children()?;
        cargo(&self.at, &self.target, &[&["build", "--quiet", "--offline"], profile].concat())?;
        Ok(children()? - before)
    }
}

/// As on a machine where nobody has set how to build.
fn cargo(at: &Path, target: &Path, args: &[&str]) -> Result<String, Failure> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(decides_how_to_build) {
            cargo.env_remove(name);
        }
    }
    cargo
        .args(args)
        .current_dir(at)
        .env("CARGO_TARGET_DIR", target)
        // A crate by its path is built incrementally, one of a registry never is.
        .env("CARGO_INCREMENTAL", "0");
    output(&format!("cargo {}", args.join(" ")), &mut cargo)
}

/// Whether builds cost something else with this variable set.
fn decides_how_to_build(name: &str) -> bool {
    ["CARGO_BUILD_", "CARGO_PROFILE_"].iter().any(|prefix| name.starts_with(prefix))
        || ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"]
            .contains(&name)
}

fn output(name: &str, command: &mut Command) -> Result<String, Failure> {
    let failed = |problem: &str| Failure::usage(format!("{name}: {problem}"));
    let output = command.stdin(Stdio::null()).output().map_err(|error| failed(&error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim()))
}

/// The CPU seconds of every process started and ended so far, compilers and all.
#[cfg(unix)]
fn children() -> Result<f64, Failure> {
    use nix::sys::resource::{UsageWho, getrusage};

    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)
        .map_err(|error| Failure::usage(format!("no CPU times on this machine: {error}")))?;
    let times = [usage.user_time(), usage.system_time()];
    #[expect(clippy::cast_precision_loss, reason = "the seconds of a build are far below 2^52")]
    Ok(times.iter().map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6).sum())
}

#[cfg(not(unix))]
fn children() -> Result<f64, Failure> {
    Err(Failure::usage("CPU times of other processes are read on Unix only"))
}

impl std::fmt::Display for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "| {} | {:.1} s | {} |", self.name, self.seconds, self.crates.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_spec_has_another_property_in_an_answer() {
        let spec = fs::read_to_string(Workspace::find(None).unwrap().merged()).unwrap();
        assert!(!spec.contains(ONE_MORE), "the API has it");
        let another = with_one_more_property(&spec).unwrap();
        let (mut another, spec): (Value, Value) =
            (serde_json::from_str(&another).unwrap(), serde_json::from_str(&spec).unwrap());
        let answer = &mut another["components"]["schemas"]["SpeechResult"];
        assert!(!answer["required"].as_array().unwrap().contains(&ONE_MORE.into()));
        assert!(answer["properties"].as_object_mut().unwrap().remove(ONE_MORE).is_some());
        assert_eq!(another, spec);
        assert!(with_one_more_property("{}").unwrap_err().to_string().contains("SpeechResult"));
        assert!(with_one_more_property("{").unwrap_err().to_string().contains("distribute-ai.json"));
    }

    #[test]
    fn what_is_set_in_a_shell_does_not_change_what_is_built() {
        assert!(["RUSTFLAGS", "CARGO_PROFILE_DEV_DEBUG"].into_iter().all(decides_how_to_build));
        assert!(!["PATH", "CARGO_HOME", "RUSTUP_TOOLCHAIN"].into_iter().any(decides_how_to_build));
    }
}
