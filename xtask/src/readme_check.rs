//! `first-use`: what the README tells a newcomer to do, done in a new crate, against the simulator.
//!
//! The code is the README's own, unchanged: a program that has nothing but the lines of its manifest and one of the
//! README's programs must compile, speak and leave a file of sound.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    failure::{ExitClass, Failure},
    stdout, transaction,
    workspace::Workspace,
};

/// What a newcomer may choose, by the name of the choice.
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
    /// What stands behind the path in the line of the dependency.
    features: &'static str,
    /// What tells the README's program from its others.
    program: &'static str,
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Depend on the crate in this directory, as on one that was unpacked from a package; the repository, if not given
    #[arg(long, value_name = "DIR")]
    package: Option<PathBuf>,
}

pub(crate) fn run(root: &Workspace, args: &Args) -> Result<(), Failure> {
    let readme = transaction::read(&root.path().join("README.md"), ExitClass::Usage)?;
    let package = match &args.package {
        Some(package) => fs::canonicalize(package).map_err(|error| io(package, &error))?,
        None => root.path().to_owned(),
    };
    let programs = CHOICES.iter().map(|choice| Ok((choice, program(&readme, choice.program)?)));
    let programs = programs.collect::<Result<Vec<_>, Failure>>()?;
    let simulator = Simulator::start(root)?;
    let directory =
        tempfile::tempdir().map_err(|error| Failure::usage(format!("no temporary directory: {error}")))?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.path().join("target"), PathBuf::from);
    // Seen from here; cargo runs elsewhere.
    let target = std::path::absolute(&target).map_err(|error| io(&target, &error))?;
    for (choice, program) in programs {
        let at = directory.path().join(choice.name);
        let manifest = manifest(&package, choice, &program);
        write(&at.join("src/main.rs"), &program)?;
        write(&at.join("Cargo.toml"), &manifest)?;
        // The versions that the repository is tested with; cargo takes out what isn't needed.
        fs::copy(root.path().join("Cargo.lock"), at.join("Cargo.lock")).map_err(|error| io(&at, &error))?;
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo
            .args(["run", "--quiet"])
            .current_dir(&at)
            // Most of what they are built from is there already.
            .env("CARGO_TARGET_DIR", &target)
            .envs(simulator.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        let status = cargo.status().map_err(|error| Failure::usage(format!("cargo run: {error}")))?;
        let failed = |problem: String| Failure::document(format!("README.md, {}: {problem}", choice.name));
        if !status.success() {
            return Err(failed(format!("its program ended with {status}")));
        }
        let sound = transaction::read_bytes(&at.join("hello.wav"), ExitClass::Document)?;
        if !sound.starts_with(b"RIFF") {
            return Err(failed("its hello.wav is no WAV file".to_owned()));
        }
        stdout::print(&format!(
            "{}: {} lines, hello.wav has {} bytes\n",
            choice.name,
            program.lines().count(),
            sound.len()
        ))?;
    }
    Ok(())
}

/// The one block of Rust in the README that holds this.
fn program(readme: &str, holds: &str) -> Result<String, Failure> {
    let blocks = readme
        .split("```rust")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('\n')?.1.split_once("```")?.0));
    let mut found = blocks.filter(|block| block.contains(holds) && block.contains(".save(\"hello.wav\")"));
    match (found.next(), found.next()) {
        (Some(block), None) => Ok(block.to_owned()),
        (first, _) => {
            let count = if first.is_some() { "several programs" } else { "no program" };
            Err(Failure::document(format!(
                "README.md has {count} with `{}` that writes hello.wav",
                holds.trim()
            )))
        }
    }
}

/// The lines that `cargo new` and the README's `cargo add` would leave.
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

/// The example of that name, in a process of its own.
struct Simulator {
    process: Child,
    /// What it says that a client needs.
    environment: Vec<(String, String)>,
}

impl Simulator {
    fn start(root: &Workspace) -> Result<Self, Failure> {
        let failed = |problem: String| Failure::usage(format!("cargo run --example simulator: {problem}"));
        let mut process = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
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
        Err(failed("it ended without saying where it is".to_owned()))
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // Gone already, it is as it should be.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(path, text)).map_err(|error| io(path, &error))
}

fn io(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_a_program_for_each_choice() {
        let readme = fs::read_to_string(Workspace::find(None).unwrap().path().join("README.md")).unwrap();
        for choice in CHOICES {
            assert!(program(&readme, choice.program).unwrap().contains("Hello from Rust"), "{}", choice.name);
        }
        let twice = format!("{readme}{readme}");
        assert!(program(&twice, CHOICES[0].program).unwrap_err().to_string().contains("several programs"));
        assert!(program("", CHOICES[0].program).unwrap_err().to_string().contains("no program"));
    }
}
