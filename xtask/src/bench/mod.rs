//! `benchmarks`: runs the benchmarks and writes what they say into `docs/BENCHMARKS.md`.
//!
//! The words of that page are written by hand; its numbers stand between marks, and only this command writes there.

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

/// What can be measured, and the command that does it.
const ALL: [(&str, &[&str]); 7] = [
    ("pacing", &["bench", "--bench", "pacing", "--", "--svg", "docs/pacing.svg"]),
    ("batch", &["bench", "--bench", "batch"]),
    ("overhead", &["bench", "--bench", "overhead"]),
    ("waiting", &["bench", "--bench", "waiting"]),
    ("download", &["bench", "--bench", "download"]),
    ("build", &["xtask", "build-cost", "--rounds", "2", "--profile"]),
    ("build-release", &["xtask", "build-cost", "--release", "--rounds", "2"]),
];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to measure; everything, if nothing is named
    #[arg(value_name = "BENCHMARK", value_parser = ALL.map(|(name, _)| name))]
    only: Vec<String>,
}

pub(crate) fn run(root: &Workspace, args: &Args) -> Result<(), Failure> {
    let path = root.path().join(PAGE);
    let mut page = transaction::read(&path, ExitClass::Document)?;
    let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    for (name, command) in ALL.iter().filter(|(name, _)| wanted(name)) {
        // Before the minutes that it takes to measure.
        replace_block(&page, name, "")?;
        stdout::print(&format!("cargo {}\n", command.join(" ")))?;
        let said = output(root, "cargo", command)?;
        let measured = format!("{}\n\n{}", place(root), command_line(said.trim()));
        page = replace_block(&page, name, &measured)?;
    }
    transaction::commit(vec![Change::Write(path, page)])
}

/// Tables of Markdown as they are, those of plain text as plain text.
fn command_line(said: &str) -> String {
    if said.contains("\n| ") { said.to_owned() } else { format!("```text\n{said}\n```") }
}

/// The page with other words between the marks of a name.
fn replace_block(page: &str, name: &str, text: &str) -> Result<String, Failure> {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let parts = page.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let Some((before, after)) = parts else {
        let problem = format!("{PAGE}: lacks the lines `{}` and `{end}`", begin.trim());
        return Err(Failure::document(problem));
    };
    Ok(format!("{before}{begin}{text}\n{end}{after}"))
}

/// On what, and of what, in one line.
fn place(root: &Workspace) -> String {
    let said =
        |program: &str, args: &[&str]| output(root, program, args).unwrap_or_default().trim().to_owned();
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    // The page that is being written makes nothing else of what was measured.
    let changed = said("git", &["status", "--porcelain", "--", ".", ":!docs"]);
    let revision = said("git", &["describe", "--always"]) + if changed.is_empty() { "" } else { "-dirty" };
    format!(
        "_{} of {}; {cores} × {}, {}, {}_",
        said("date", &["-u", "+%Y-%m-%d"]),
        revision,
        model.map_or("an unknown processor", |(_, model)| model),
        said("uname", &["-sm"]),
        said("rustc", &["--version"]),
    )
}

fn output(root: &Workspace, program: &str, args: &[&str]) -> Result<String, Failure> {
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
    String::from_utf8(output.stdout).map_err(|_| failed("does not speak UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_marks_is_replaced_and_nothing_else() {
        let page = "# A\n<!-- begin a -->\nold\n<!-- end a -->\nB\n<!-- begin b -->\n<!-- end b -->\n";
        let new = replace_block(page, "a", "new").unwrap();
        assert_eq!(new, page.replace("old", "new"));
        assert_eq!(replace_block(&new, "a", "old").unwrap(), page);
        assert!(replace_block(page, "c", "").unwrap_err().to_string().contains("<!-- begin c -->"));
    }

    #[test]
    fn the_page_has_a_place_for_every_measurement() {
        let page = fs::read_to_string(Workspace::find(None).unwrap().path().join(PAGE)).unwrap();
        for (name, _) in ALL {
            replace_block(&page, name, "").unwrap();
        }
    }
}
