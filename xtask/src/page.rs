//! Pages of the documentation with results that commands measure.
//!
//! Only the text between the `begin` and `end` marks of a result is replaced. The rest of a page is written by hand.

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::{
    failure::{ExitClass, Failure},
    stdout, transaction,
    workspace::Workspace,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Results to measure. Default: all; a wrong name prints the names
    #[arg(value_name = "RESULT")]
    only: Vec<String>,
}

pub(crate) struct Page {
    /// The path in the repository.
    pub(crate) path: &'static str,
    /// The results: their names and the commands that print them.
    pub(crate) results: &'static [(&'static str, &'static [&'static str])],
}

impl Page {
    /// Runs the commands of the chosen results, and writes what they print to the page.
    pub(crate) fn update(&self, root: &Workspace, Args { only }: &Args) -> Result<(), Failure> {
        if let Some(unknown) = only.iter().find(|name| !self.results.iter().any(|(known, _)| known == name)) {
            let known: Vec<_> = self.results.iter().map(|(name, _)| *name).collect();
            return Err(Failure::usage(format!("unknown result {unknown:?}, expected {}", known.join(", "))));
        }
        let path = root.path().join(self.path);
        let is_wanted = |name: &str| only.is_empty() || only.iter().any(|only| only == name);
        let mut failures = Vec::new();
        for (name, command) in self.results.iter().filter(|(name, _)| is_wanted(name)) {
            // Fail on a missing mark now, not after minutes of measuring.
            self.replace_block(&transaction::read(&path, ExitClass::Document)?, name, "")?;
            stdout::print(&format!("{}\n", command.join(" ")))?;
            // Before, because the tree may change during hours.
            let environment = environment(root);
            let (output, is_success) = run_command(root, command)?;
            if !is_success {
                // The other results may take hours too.
                stdout::print(&output)?;
                failures.push(format!("{}: failed, so that its result was not written", command.join(" ")));
                continue;
            }
            let measured = format!("{environment}\n\n{}", as_markdown(&output));
            // Read again, because the page may have been edited meanwhile.
            let page =
                self.replace_block(&transaction::read(&path, ExitClass::Document)?, name, &measured)?;
            transaction::write(&path, &page)?;
        }
        if failures.is_empty() { Ok(()) } else { Err(Failure::new(ExitClass::Threshold, failures)) }
    }

    #[cfg(test)]
    pub(crate) fn assert_marks(&self) {
        let path = Workspace::find(None).unwrap().path().join(self.path);
        let text = fs::read_to_string(path).unwrap();
        for (name, _) in self.results {
            self.replace_block(&text, name, "").unwrap();
        }
    }

    /// Returns the page with the text between the marks of `name` replaced.
    fn replace_block(&self, page: &str, name: &str, text: &str) -> Result<String, Failure> {
        let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
        let parts =
            page.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
        let Some((before, after)) = parts else {
            let expected = format!("expected the lines `{}` and `{end}`", begin.trim());
            return Err(Failure::document(format!("{}: missing marks, {expected}", self.path)));
        };
        Ok(format!("{before}{begin}{text}\n{end}{after}"))
    }
}

/// Returns Markdown tables unchanged, and wraps plain text in a code block, without what the test harness prints.
fn as_markdown(text: &str) -> String {
    let is_of_harness = |line: &str| {
        line.starts_with("running ")
            || line.starts_with("test ")
            || !line.is_empty() && line.chars().all(|c| c == '.')
    };
    let lines: Vec<_> = text.lines().filter(|line| !is_of_harness(line)).collect();
    let text = lines.join("\n");
    let text = text.trim();
    if text.starts_with("| ") || text.contains("\n| ") {
        text.to_owned()
    } else {
        format!("```text\n{text}\n```")
    }
}

/// Returns one line with the date, the revision, the machine and the compiler.
fn environment(root: &Workspace) -> String {
    let output_of = |command: &[&str]| run_command(root, command).unwrap_or_default().0.trim().to_owned();
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    // Ignore changes in `docs`: the command writes there, and they do not affect the results.
    let changed = output_of(&["git", "status", "--porcelain", "--", ".", ":!docs"]);
    let revision =
        output_of(&["git", "describe", "--always"]) + if changed.is_empty() { "" } else { "-dirty" };
    format!(
        "_{} of {}; {cores} × {}, {}, {}_",
        output_of(&["date", "-u", "+%Y-%m-%d"]),
        revision,
        model.map_or("an unknown processor", |(_, model)| model),
        output_of(&["uname", "-sm"]),
        output_of(&["rustc", "--version"]),
    )
}

/// Runs a command. Returns what it prints, and whether it succeeds.
fn run_command(root: &Workspace, command: &[&str]) -> Result<(String, bool), Failure> {
    let failed = |problem: String| Failure::usage(format!("{}: {problem}", command.join(" ")));
    let output = Command::new(command[0])
        .args(&command[1..])
        .current_dir(root.path())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    let is_success = output.status.success();
    let text = String::from_utf8(output.stdout).map_err(|_| failed("output is not UTF-8".to_owned()))?;
    Ok((text, is_success))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Page = Page { path: "page.md", results: &[] };

    #[test]
    fn replace_block_changes_only_the_text_between_the_marks() {
        let page = "# A\n<!-- begin a -->\nold\n<!-- end a -->\nB\n<!-- begin b -->\n<!-- end b -->\n";
        let new = PAGE.replace_block(page, "a", "new").unwrap();
        assert_eq!(new, page.replace("old", "new"));
        assert_eq!(PAGE.replace_block(&new, "a", "old").unwrap(), page);
        let error = PAGE.replace_block(page, "c", "").unwrap_err();
        assert!(error.to_string().contains("<!-- begin c -->"));
    }

    #[test]
    fn output_of_the_test_harness_is_not_a_result() {
        let output = "\nrunning 1 test\n12 crashes\n.\ntest result: ok. 1 passed\n\n";
        assert_eq!(as_markdown(output), "```text\n12 crashes\n```");
        assert_eq!(as_markdown("| a |\n|---|\n| 1 |\n"), "| a |\n|---|\n| 1 |");
    }
}
