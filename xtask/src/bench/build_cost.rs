//! `build-cost`: measures what a cold build of the crate costs its users.
//!
//! Every user pays for generating code at build time. The command measures CPU time, which depends less on
//! other work of the machine than wall-clock time. It builds two sets of dependencies in the same run to
//! compare with: those of a client written by hand, and this crate's own without the generator. The features
//! of the first set differ: it has HTTP/2 and all of tokio, which this crate does not use.
//!
//! The command builds the packaged crate, never incrementally, as cargo builds a crate from a registry. The
//! package is a copy, so the command may modify the spec in it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    child,
    failure::{ExitClass, Failure},
    json::{self, canonical},
    stdout, transaction,
    workspace::Workspace,
};

/// The dependencies of a client written by hand: each library with its default features and those that an API
/// client needs. [`YARDSTICKS`] explains the set in the output.
const BY_HAND: &str = r#"
reqwest = { version = "0.13", features = ["json", "stream"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
tokio = { version = "1", features = ["full"] }
futures = "0.3"
"#;

/// Explanation of the compared sets, printed with the results.
const YARDSTICKS: &str = "\
- by-hand: reqwest with its default features (HTTP/2 and TLS among them), json and stream; serde with derive; serde_json;
  tokio with `full`; futures. The features differ: distribute-ai uses TLS, but no HTTP/2 and fewer features of tokio.
- without-generator: like for like, the dependencies of distribute-ai with the same features, without the generator.";

/// A property name that the API's documents do not contain.
const EXTRA_PROPERTY: &str = "one_more_property";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Build with the release profile
    #[arg(long)]
    release: bool,
    /// Number of builds. The cheapest counts, because other work on the machine only adds CPU time
    #[arg(long, default_value_t = 1, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Exit with 1 if the crate costs more than RATIO times as much as `by-hand`
    #[arg(long, value_name = "RATIO")]
    at_most: Option<f64>,
}

pub(crate) fn run(root: &Workspace, args: &Args) -> Result<(), Failure> {
    let directory = tempfile::tempdir()
        .map_err(|error| Failure::usage(format!("could not create a temporary directory: {error}")))?;
    let package = unpack_package(root, directory.path())?;
    let own = format!("distribute-ai = {{ path = '{}' }}\n", package.path().display());
    let mut by_hand = Program::new(directory.path(), "by-hand", BY_HAND)?;
    let same = without_generator(&transaction::read(&root.path().join("Cargo.toml"), ExitClass::Usage)?)?;
    let mut without = Program::new(directory.path(), "without-generator", &same)?;
    let mut crate_itself = Program::new(directory.path(), "distribute-ai", &own)?;
    check_same_crates(&without, &crate_itself)?;
    // Build in turns, so that a slow minute of the machine affects all of them.
    for _ in 0..args.rounds {
        for program in [&mut by_hand, &mut without, &mut crate_itself] {
            program.build(args.release)?;
        }
    }
    let again = crate_itself.rebuild(args.release)?;
    let spec = package.merged();
    let another = with_extra_property(&transaction::read(&spec, ExitClass::Usage)?)?;
    transaction::write(&spec, &another)?;
    let with_another_spec = crate_itself.rebuild(args.release)?;
    let ratio = crate_itself.seconds / by_hand.seconds;
    stdout::print(&format!(
        "CPU time and crates of a build, {} profile, best of {}\n\n\
         | cold | CPU | crates |\n|---|---:|---:|\n{by_hand}{without}{crate_itself}\n\
         {YARDSTICKS}\n\n\
         {ratio:.2} times by-hand (other features), {:.2} times without-generator (the same dependencies and features)\n\n\
         again, with nothing changed: {again:.1} s; with another spec: {with_another_spec:.1} s\n",
        if args.release { "release" } else { "dev" },
        args.rounds,
        crate_itself.seconds / without.seconds,
    ))?;
    match args.at_most {
        Some(limit) if ratio > limit => Err(Failure::new(
            ExitClass::Threshold,
            vec![format!(
                "distribute-ai costs {ratio:.2} times as much as by-hand, expected at most {limit}"
            )],
        )),
        _ => Ok(()),
    }
}

/// Checks that the comparison is like for like: each crate of `part` is in `whole`, in the same version.
fn check_same_crates(part: &Program, whole: &Program) -> Result<(), Failure> {
    let other: Vec<_> = part.crates.difference(&whole.crates).map(String::as_str).collect();
    if other.is_empty() {
        return Ok(());
    }
    let (name, other) = (part.name, other.join(", "));
    Err(Failure::usage(format!("{name}: has {other}, expected crates of {} only", whole.name)))
}

/// Returns the dependency lines of this crate with its default features, without those of the generator.
fn without_generator(manifest: &str) -> Result<String, Failure> {
    let mut manifest: toml::Table =
        manifest.parse().map_err(|error| Failure::usage(format!("Cargo.toml: {error}")))?;
    let Some(toml::Value::Table(mut dependencies)) = manifest.remove("dependencies") else {
        return Err(Failure::usage("Cargo.toml: missing table `[dependencies]`"));
    };
    let optional =
        |value: &toml::Value| value.get("optional").and_then(toml::Value::as_bool).unwrap_or(false);
    dependencies.retain(|name, value| !name.starts_with("progenitor") && !optional(value));
    // The crate's default feature `rustls` enables `reqwest/rustls`, and progenitor-client enables
    // `reqwest/query`.
    if let Some(toml::Value::Array(features)) =
        dependencies.get_mut("reqwest").and_then(|reqwest| reqwest.get_mut("features"))
    {
        features.extend(["query", "rustls"].map(toml::Value::from));
    }
    let lines: Vec<_> = dependencies.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    Ok(lines.join("\n"))
}

/// Packages the crate as for a registry and unpacks it in this directory.
fn unpack_package(root: &Workspace, directory: &Path) -> Result<Workspace, Failure> {
    let (target, at) = (directory.join("package"), directory.join("packaged"));
    // `--locked`, so that cargo does not write `Cargo.lock` in the repository.
    let args =
        ["package", "--package", "distribute-ai", "--no-verify", "--allow-dirty", "--locked", "--quiet"];
    cargo(root.path(), &target, &args)?;
    let packages = target.join("package");
    let written = fs::read_dir(&packages)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| Failure::io(&packages, error))?;
    let archive =
        written.iter().map(fs::DirEntry::path).find(|path| path.extension() == Some("crate".as_ref()));
    let missing = || Failure::usage(format!("cargo package: no .crate file in {}", packages.display()));
    let archive = archive.ok_or_else(missing)?;
    fs::create_dir(&at).map_err(|error| Failure::io(&at, error))?;
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(&archive).arg("-C").arg(&at).args(["--strip-components", "1"]);
    run_command("tar", &mut tar)?;
    Workspace::find(Some(at))
}

/// Returns the spec with an additional response property, which the generated client contains too.
fn with_extra_property(document: &str) -> Result<String, Failure> {
    const PROPERTIES: &str = "/components/schemas/SpeechResult/properties";
    let mut document = json::parse(document).map_err(|errors| {
        Failure::new(ExitClass::Document, json::error_lines("distribute-ai.json", errors))
    })?;
    let Some(Value::Object(properties)) = document.pointer_mut(PROPERTIES) else {
        return Err(Failure::document(format!(
            "distribute-ai.json: {PROPERTIES}: missing, expected an object"
        )));
    };
    properties.insert(EXTRA_PROPERTY.to_owned(), serde_json::json!({ "type": "string" }));
    Ok(canonical(&document))
}

/// An empty program with the given dependencies.
struct Program {
    name: &'static str,
    at: PathBuf,
    target: PathBuf,
    /// Name and version of every crate in the build, except the program itself.
    crates: BTreeSet<String>,
    /// CPU seconds of the cheapest build so far.
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
            .map_err(|error| Failure::io(&at, error))?;
        let target = at.join("target");
        cargo(&at, &target, &["fetch", "--quiet"])?;
        let tree =
            cargo(&at, &target, &["tree", "--edges", "normal,build", "--prefix", "none", "--no-dedupe"])?;
        // A line is `name v1.0.0`, optionally followed by a path or a kind. The first line is the program
        // itself.
        let crates = tree.lines().skip(1).filter_map(|line| {
            let mut fields = line.split(' ');
            Some(format!("{} {}", fields.next()?, fields.next()?.trim_start_matches('v')))
        });
        let crates = crates.collect();
        Ok(Self { name, at, target, crates, seconds: f64::INFINITY })
    }

    fn build(&mut self, release: bool) -> Result<(), Failure> {
        cargo(&self.at, &self.target, &["clean", "--quiet"])?;
        self.seconds = self.seconds.min(self.rebuild(release)?);
        Ok(())
    }

    /// Builds without cleaning first, and returns the CPU seconds.
    fn rebuild(&self, release: bool) -> Result<f64, Failure> {
        let profile: &[_] = if release { &["--release"] } else { &[] };
        let before = children_cpu_seconds()?;
        cargo(&self.at, &self.target, &[&["build", "--quiet", "--offline"], profile].concat())?;
        Ok(children_cpu_seconds()? - before)
    }
}

/// Runs cargo without the environment variables that change how it builds.
fn cargo(at: &Path, target: &Path, args: &[&str]) -> Result<String, Failure> {
    let mut cargo = child::cargo();
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(changes_builds) {
            cargo.env_remove(name);
        }
    }
    cargo
        .args(args)
        .current_dir(at)
        .env("CARGO_TARGET_DIR", target)
        // cargo builds a path dependency incrementally, but a crate from a registry never.
        .env("CARGO_INCREMENTAL", "0");
    run_command(&format!("cargo {}", args.join(" ")), &mut cargo)
}

/// Returns `true` if an environment variable of this name changes how cargo builds.
fn changes_builds(name: &str) -> bool {
    ["CARGO_BUILD_", "CARGO_PROFILE_"].iter().any(|prefix| name.starts_with(prefix))
        || ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"]
            .contains(&name)
}

fn run_command(name: &str, command: &mut Command) -> Result<String, Failure> {
    let failed = |problem: &str| Failure::usage(format!("{name}: {problem}"));
    let output = command.stdin(Stdio::null()).output().map_err(|error| failed(&error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim()))
}

/// Returns the CPU seconds of all child processes that have exited, including their own children such as
/// compilers.
#[cfg(unix)]
fn children_cpu_seconds() -> Result<f64, Failure> {
    use nix::sys::resource::{UsageWho, getrusage};

    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| {
        Failure::usage(format!("could not read the CPU time of child processes: {error}"))
    })?;
    let times = [usage.user_time(), usage.system_time()];
    #[expect(clippy::cast_precision_loss, reason = "the seconds of a build are far below 2^52")]
    Ok(times.iter().map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6).sum())
}

#[cfg(not(unix))]
fn children_cpu_seconds() -> Result<f64, Failure> {
    Err(Failure::usage("build-cost: unsupported platform, expected Unix"))
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
    fn spec_with_extra_property_differs_only_in_one_optional_response_property() {
        let spec = fs::read_to_string(Workspace::find(None).unwrap().merged()).unwrap();
        assert!(!spec.contains(EXTRA_PROPERTY), "the API has this property");
        let another = with_extra_property(&spec).unwrap();
        let (mut another, spec): (Value, Value) =
            (serde_json::from_str(&another).unwrap(), serde_json::from_str(&spec).unwrap());
        let response = &mut another["components"]["schemas"]["SpeechResult"];
        assert!(!response["required"].as_array().unwrap().contains(&EXTRA_PROPERTY.into()));
        assert!(response["properties"].as_object_mut().unwrap().remove(EXTRA_PROPERTY).is_some());
        assert_eq!(another, spec);
        assert!(with_extra_property("{}").unwrap_err().to_string().contains("SpeechResult"));
        assert!(with_extra_property("{").unwrap_err().to_string().contains("distribute-ai.json"));
    }

    #[test]
    fn changes_builds_recognises_compiler_and_profile_variables() {
        assert!(["RUSTFLAGS", "CARGO_PROFILE_DEV_DEBUG"].into_iter().all(changes_builds));
        assert!(!["PATH", "CARGO_HOME", "RUSTUP_TOOLCHAIN"].into_iter().any(changes_builds));
    }
}
