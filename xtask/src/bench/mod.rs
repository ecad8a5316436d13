//! `benchmarks`: runs the benchmarks and writes their results to `docs/BENCHMARKS.md`.
//!
//! This command replaces only the text between the `begin` and `end` marks. The rest of the page is written
//! by hand.

pub(crate) mod build_cost;

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::{
    failure::{ExitClass, Failure},
    stdout,
    transaction::{self, Change},
    workspace::Workspace,
};

const PAGE: &str = "docs/BENCHMARKS.md";

/// The benchmarks and the cargo arguments that run them.
const ALL: [(&str, &[&str]); 8] = [
    ("pacing", &["bench", "--bench", "pacing", "--", "--svg", "docs/pacing.svg"]),
    ("batch", &["bench", "--bench", "batch"]),
    ("overhead", &["bench", "--bench", "overhead"]),
    ("waiting", &["bench", "--bench", "waiting"]),
    ("store", &["bench", "--bench", "store"]),
    ("download", &["bench", "--bench", "download"]),
    ("build", &["xtask", "build-cost", "--rounds", "2"]),
    ("build-release", &["xtask", "build-cost", "--release", "--rounds", "2"]),
];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Benchmarks to run. Default: all
    #[arg(value_name = "BENCHMARK", value_parser = ALL.map(|(name, _)| name))]
    only: Vec<String>,
}

pub(crate) fn run(root: &Workspace, args: &Args) -> Result<(), Failure> {
    let path = root.path().join(PAGE);
    let mut page = transaction::read(&path, ExitClass::Document)?;
    let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    for (name, command) in ALL.iter().filter(|(name, _)| wanted(name)) {
        // Fail on a missing mark now, not after minutes of measuring.
        replace_block(&page, name, "")?;
        stdout::print(&format!("cargo {}\n", command.join(" ")))?;
        let stdout = run_command(root, "cargo", command)?;
        let measured = format!("{}\n\n{}", environment(root), as_markdown(stdout.trim()));
        page = replace_block(&page, name, &measured)?;
    }
    transaction::commit(vec![Change::Write(path, page)])
}

/// Returns Markdown tables unchanged, and wraps plain text in a code block.
fn as_markdown(text: &str) -> String {
    if text.contains("\n| ") { text.to_owned() } else { format!("```text\n{text}\n```") }
}

/// Returns the page with the text between the marks of `name` replaced.
fn replace_block(page: &str, name: &str, text: &str) -> Result<String, Failure> {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let parts = page.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let Some((before, after)) = parts else {
        let problem = format!("{PAGE}: missing marks, expected the lines `{}` and `{end}`", begin.trim());
        return Err(Failure::document(problem));
    };
    Ok(format!("{before}{begin}{text}\n{end}{after}"))
}

/// Returns one line with the date, the revision, the machine and the compiler.
fn environment(root: &Workspace) -> String {
    let output_of =
        |program: &str, args: &[&str]| run_command(root, program, args).unwrap_or_default().trim().to_owned();
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    // Ignore changes in `docs`: this command writes there, and they do not affect the results.
    let changed = output_of("git", &["status", "--porcelain", "--", ".", ":!docs"]);
    let revision =
        output_of("git", &["describe", "--always"]) + if changed.is_empty() { "" } else { "-dirty" };
    format!(
        "_{} of {}; {cores} × {}, {}, {}_",
        output_of("date", &["-u", "+%Y-%m-%d"]),
        revision,
        model.map_or("an unknown processor", |(_, model)| model),
        output_of("uname", &["-sm"]),
        output_of("rustc", &["--version"]),
    )
}

fn run_command(root: &Workspace, program: &str, args: &[&str]) -> Result<String, Failure> {
    let failed = |problem: String| Failure::usage(format!("{program} {}: {problem}", args.join(" ")));
    let output = Command::new(program)
        .args(args)
        .current_dir(root.path())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    String::from_utf8(output.stdout).map_err(|_| failed("output is not UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replace_block_changes_only_the_text_between_the_marks() {
        let page = "# A\n<!-- begin a -->\nold\n<!-- end a -->\nB\n<!-- begin b -->\n<!-- end b -->\n";
        let new = replace_block(page, "a", "new").unwrap();
        assert_eq!(new, page.replace("old", "new"));
        assert_eq!(replace_block(&new, "a", "old").unwrap(), page);
        assert!(replace_block(page, "c", "").unwrap_err().to_string().contains("<!-- begin c -->"));
    }

    #[test]
    fn benchmarks_page_has_marks_for_every_benchmark() {
        let page = fs::read_to_string(Workspace::find(None).unwrap().path().join(PAGE)).unwrap();
        for (name, _) in ALL {
            replace_block(&page, name, "").unwrap();
        }
    }
}
