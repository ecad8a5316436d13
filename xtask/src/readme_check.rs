//! `first-use`: runs the README's programs in a new crate, against the simulator.
//!
//! The programs are copied from the README unchanged. Each must compile with the dependencies that the README
//! lists, run, and write a WAV file.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use crate::{
    child,
    failure::{ExitClass, Failure},
    stdout, transaction,
    workspace::Workspace,
};

/// The sets of features to test.
const CHOICES: [Choice; 3] = [
    Choice { name: "default", features: "", program: "async fn main()" },
    Choice { name: "blocking", features: r#", features = ["blocking"]"#, program: "\nfn main()" },
    Choice {
        name: "native-tls",
        features: r#", default-features = false, features = ["native-tls"]"#,
        program: "async fn main()",
    },
];

struct Choice {
    name: &'static str,
    /// The text after the path in the dependency line of `Cargo.toml`.
    features: &'static str,
    /// Text that only the program to test contains, and no other program of the README.
    program: &'static str,
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory of an unpacked package of the crate to test. Default: the repository
    #[arg(long, value_name = "DIR")]
    package: Option<PathBuf>,
}

pub(crate) fn run(root: &Workspace, args: &Args) -> Result<(), Failure> {
    let readme = transaction::read(&root.path().join("README.md"), ExitClass::Usage)?;
    let package = match &args.package {
        Some(package) => fs::canonicalize(package).map_err(|error| Failure::io(package, error))?,
        None => root.path().to_owned(),
    };
    let programs = CHOICES.iter().map(|choice| Ok((choice, find_program(&readme, choice.program)?)));
    let programs = programs.collect::<Result<Vec<_>, Failure>>()?;
    let simulator = Simulator::start(root)?;
    let directory = tempfile::tempdir()
        .map_err(|error| Failure::usage(format!("could not create a temporary directory: {error}")))?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.path().join("target"), PathBuf::from);
    // cargo runs in another directory, so the path must be absolute.
    let target = std::path::absolute(&target).map_err(|error| Failure::io(&target, error))?;
    for (choice, program) in programs {
        let at = directory.path().join(choice.name);
        let manifest = manifest(&package, choice, &program);
        write(&at.join("src/main.rs"), &program)?;
        write(&at.join("Cargo.toml"), &manifest)?;
        // Use the versions that the repository is tested with. cargo removes the unused entries.
        fs::copy(root.path().join("Cargo.lock"), at.join("Cargo.lock"))
            .map_err(|error| Failure::io(&at, error))?;
        let status = child::cargo()
            .args(["run", "--quiet"])
            .current_dir(&at)
            // The dependencies are already built there.
            .env("CARGO_TARGET_DIR", &target)
            .envs(simulator.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .status()
            .map_err(|error| Failure::usage(format!("cargo run: {error}")))?;
        let failed = |problem: String| Failure::document(format!("README.md, {}: {problem}", choice.name));
        if !status.success() {
            return Err(failed(format!("the program failed with {status}")));
        }
        let wav = transaction::read_bytes(&at.join("hello.wav"), ExitClass::Document)?;
        if !wav.starts_with(b"RIFF") {
            return Err(failed("hello.wav is not a WAV file".to_owned()));
        }
        stdout::print(&format!(
            "{}: {} lines, hello.wav has {} bytes\n",
            choice.name,
            program.lines().count(),
            wav.len()
        ))?;
    }
    Ok(())
}

/// Returns the only Rust program in the README that contains `marker` and writes `hello.wav`.
fn find_program(readme: &str, marker: &str) -> Result<String, Failure> {
    let blocks = readme
        .split("```rust")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('\n')?.1.split_once("```")?.0));
    let mut found = blocks.filter(|block| block.contains(marker) && block.contains(".save(\"hello.wav\")"));
    match (found.next(), found.next()) {
        (Some(block), None) => Ok(block.to_owned()),
        (first, _) => {
            let count = if first.is_some() { "several programs" } else { "no program" };
            Err(Failure::document(format!(
                "README.md: found {count} with `{}` that writes hello.wav, expected one",
                marker.trim()
            )))
        }
    }
}

/// Returns the manifest that `cargo new` and the README's `cargo add` would write.
fn manifest(package: &Path, choice: &Choice, program: &str) -> String {
    let tokio = r#"tokio = { version = "1", features = ["macros", "rt-multi-thread"] }"#;
    let tokio = if program.contains("tokio::main") { tokio } else { "" };
    format!(
        "[package]\nname = \"newcomer\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         distribute-ai = {{ path = '{}'{} }}\n{tokio}\n",
        package.display(),
        choice.features,
    )
}

/// The process of the example `simulator`.
struct Simulator {
    process: Child,
    /// The environment variables that the simulator prints for its clients.
    environment: Vec<(String, String)>,
}

impl Simulator {
    fn start(root: &Workspace) -> Result<Self, Failure> {
        let failed = |problem: String| Failure::usage(format!("cargo run --example simulator: {problem}"));
        let mut process = child::cargo()
            .args(["run", "--quiet", "--package", "distribute-ai", "--example", "simulator"])
            .current_dir(root.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let output = process.stdout.take().map(BufReader::new);
        let mut simulator = Self { process, environment: Vec::new() };
        for line in output.into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
            if let Some((name, value)) = line.strip_prefix("export ").and_then(|line| line.split_once('=')) {
                simulator.environment.push((name.to_owned(), value.to_owned()));
            }
            if simulator.environment.len() == 2 {
                return Ok(simulator);
            }
        }
        Err(failed("exited without printing its address".to_owned()))
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // Ignore errors: the process may have exited already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let created = path.parent().map_or(Ok(()), fs::create_dir_all);
    created.and_then(|()| fs::write(path, text)).map_err(|error| Failure::io(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readme_contains_exactly_one_program_per_feature_set() {
        let readme = fs::read_to_string(Workspace::find(None).unwrap().path().join("README.md")).unwrap();
        for choice in CHOICES {
            assert!(
                find_program(&readme, choice.program).unwrap().contains("Hello from Rust"),
                "{}",
                choice.name
            );
        }
        let twice = format!("{readme}{readme}");
        assert!(
            find_program(&twice, CHOICES[0].program).unwrap_err().to_string().contains("several programs")
        );
        assert!(find_program("", CHOICES[0].program).unwrap_err().to_string().contains("no program"));
    }
}
