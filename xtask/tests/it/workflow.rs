//! The scripts of `.github/workflows/drift.yml`, run as GitHub runs them, with a program that stands in for `gh`.

use std::{fs, process::Command};

use crate::{
    server::{DRIP, Handler, accepted_page, drifted_page, ok, ok_with, serve, status},
    support::{Root, page},
};

const WORKFLOW: &str = include_str!("../../../.github/workflows/drift.yml");

/// `gh` prints the issue that is open, and records what the script does. `cargo xtask` is the built tool, with short
/// limits.
const STAND_INS: &str = r#"
gh() {
    echo "$1 $2" >> gh.log
    case "$1 $2" in
        "issue list") cat open 2> /dev/null || true ;;
        "issue create" | "issue edit") cp body.md issue.md ;;
    esac
}
cargo() {
    shift
    "$XTASK" --root . "$@" --timeout 1.5 --pause 0.1
}
"#;

/// The result of a run of the workflow.
#[derive(Debug)]
struct Run {
    /// The exit code of the first job.
    code: i32,
    report: String,
    /// The calls of `gh`, one a line.
    calls: String,
    /// The text of the issue.
    issue: String,
}

/// Returns the script of the only step below `after`.
fn script(after: &str) -> String {
    let (_, rest) = WORKFLOW.split_once(after).unwrap();
    let (_, script) = rest.split_once("run: |\n").unwrap();
    let lines = script.lines().map_while(|line| match line.strip_prefix("          ") {
        Some(line) => Some(line),
        None => line.is_empty().then_some(""),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Runs a script as GitHub does, and returns its exit code.
fn run_script(root: &Root, script: &str, state: &str) -> i32 {
    let output = Command::new("bash")
        .args(["-e", "-c", &format!("{STAND_INS}{script}")])
        .current_dir(root.path(""))
        .env("XTASK", env!("CARGO_BIN_EXE_xtask"))
        .env("NO_PROXY", "*")
        .env("GITHUB_OUTPUT", root.path("output"))
        .env("GITHUB_STEP_SUMMARY", root.path("summary"))
        .env("STATE", state)
        .output()
        .unwrap();
    output.status.code().unwrap()
}

/// Runs the workflow in a root whose second page has these responses. An issue is open if `open` says so.
fn run(handler: Handler, is_issue_open: bool) -> Run {
    let root = Root::new();
    let address = serve(handler);
    let sources =
        ["speech-create", "speech-result"].map(|page| format!("{page} = \"http://{address}/{page}\"\n"));
    root.write("openapi/sources.toml", &sources.concat());
    if is_issue_open {
        root.write("open", "7\n");
    }
    let code = run_script(&root, &script("id: drift"), "");
    let read = |file: &str| fs::read_to_string(root.path(file)).unwrap_or_default();
    let output = read("output");
    let state = output.trim().trim_start_matches("state=");
    assert_eq!(read("summary"), read("report.md"));
    // The condition of the second job, which also runs after a page could not be read.
    if ["same", "changed"].contains(&state) {
        let condition = "if: ${{ !cancelled() && contains(fromJSON('[\"same\", \"changed\"]'), needs.check.outputs.state) }}";
        assert!(WORKFLOW.contains(condition));
        assert_eq!(run_script(&root, &script("if: env.STATE == 'changed'"), state), 0);
    }
    Run { code, report: read("report.md"), calls: read("gh.log"), issue: read("issue.md") }
}

/// Asserts that the workflow opens an issue with the rule, the message and nothing about pages that could not be read.
#[track_caller]
fn assert_issue(handler: Handler, expected: &[&str]) {
    let run = run(handler, false);
    assert_eq!((run.code, &*run.calls), (0, "label create\nissue list\nissue create\n"));
    for text in expected {
        assert!(run.report.contains(text) && run.issue.contains(text), "expected {text} in {run:#?}");
    }
    assert!(run.issue.starts_with("The API's documents differ from those that were last accepted.\n\n**"));
    assert!(run.issue.ends_with("records the changes in `openapi/CHANGES.md`.\n"), "{}", run.issue);
    assert!(!run.issue.contains("could not be read"), "{}", run.issue);
}

/// Asserts that the workflow fails and leaves the issue as it is.
#[track_caller]
fn assert_unknown(handler: Handler) {
    let run = run(handler, true);
    assert_eq!((run.code, &*run.calls), (5, ""));
    assert!(run.report.contains("**no change**") && run.report.contains("could not be read"), "{run:#?}");
}

#[test]
fn workflow_opens_an_issue_for_a_page_that_answers_404_or_410() {
    let expected =
        ["**1 change; wire err, client breaking**", "`page-removed`", "/speech-result: 404 Not Found"];
    assert_issue(
        |path, _| match path {
            "/speech-create" => accepted_page("speech-create"),
            _ => status("404 Not Found"),
        },
        &expected,
    );
    assert_issue(
        |path, _| match path {
            "/speech-create" => accepted_page("speech-create"),
            _ => status("410 Gone"),
        },
        &["`page-removed`", "/speech-result: 410 Gone"],
    );
}

#[test]
fn workflow_opens_an_issue_for_html_and_for_openapi_3_1() {
    assert_issue(
        |path, _| match path {
            "/speech-create" => accepted_page("speech-create"),
            _ => ok("<!DOCTYPE html><title>We are moving</title>"),
        },
        &["`page-not-openapi`", "found none in what looks like HTML"],
    );
    assert_issue(
        |path, _| match path {
            "/speech-create" => accepted_page("speech-create"),
            _ => ok(&page("{\"openapi\": \"3.1.0\"}")),
        },
        &["`page-not-openapi`", "3.1.0"],
    );
}

#[test]
fn workflow_opens_an_issue_for_a_drifted_page() {
    assert_issue(
        |path, _| match path {
            "/speech-create" => accepted_page("speech-create"),
            _ => drifted_page("speech-result"),
        },
        &["**2 changes; wire info, client breaking**", "`info-changed`", "is now \"Distribute.AI Api\""],
    );
}

#[test]
fn text_of_a_page_is_neutral_in_the_issue() {
    let handler: Handler = |path, _| match path {
        "/speech-create" => accepted_page("speech-create"),
        _ => ok(&page(
            &include_str!("../openapi/upstream/speech-result.json")
                .replace("Distribute.AI API", "#1 owner/repo#1 @name \u{202e} `@name` |"),
        )),
    };
    let run = run(handler, false);
    assert!(!run.issue.contains('\u{202e}'), "{}", run.issue);
    // Every second part is a code span.
    let (mut outside, mut inside) = (String::new(), String::new());
    for (at, part) in run.issue.split('`').enumerate() {
        if at % 2 == 0 { &mut outside } else { &mut inside }.push_str(part);
    }
    for text in ["#1", "owner/repo#1", "@name"] {
        assert!(inside.contains(text) && !outside.contains(text), "{text}: {}", run.issue);
    }
}

#[test]
fn workflow_fails_and_leaves_the_issue_if_a_page_answers_500_or_drips() {
    assert_unknown(|path, _| match path {
        "/speech-create" => accepted_page("speech-create"),
        _ => status("500 Internal Server Error"),
    });
    assert_unknown(|path, _| match path {
        "/speech-create" => accepted_page("speech-create"),
        _ => ok_with(DRIP, &"a".repeat(400)),
    });
}

#[test]
fn workflow_reports_the_other_pages_beside_a_page_that_answers_500() {
    let run = run(
        |path, _| match path {
            "/speech-create" => drifted_page("speech-create"),
            _ => status("500 Internal Server Error"),
        },
        true,
    );
    assert_eq!((run.code, &*run.calls), (5, "label create\nissue list\nissue edit\n"));
    assert!(run.issue.contains("`info-changed`") && run.issue.contains("could not be read"), "{run:#?}");
}

#[test]
fn workflow_closes_the_issue_if_the_pages_are_those_that_were_accepted() {
    let handler: Handler = |path, _| accepted_page(path.trim_start_matches('/'));
    assert_eq!(run(handler, true).calls, "label create\nissue list\nissue close\n");
    assert_eq!(run(handler, false).calls, "label create\nissue list\n");
}

#[test]
fn workflow_fails_if_the_tool_fails() {
    let root = Root::new();
    root.write("openapi/volatile.toml", "invalid");
    assert_eq!(run_script(&root, &script("id: drift"), ""), 4);
}

#[test]
fn issue_has_whole_lines_of_a_long_report() {
    let root = Root::empty();
    let row = format!("| `{}@name` |\n", "a".repeat(9_000));
    root.write("report.md", &row.repeat(9));
    assert_eq!(run_script(&root, &script("if: env.STATE == 'changed'"), "changed"), 0);
    let issue = root.read("issue.md");
    assert_eq!(issue.matches(&row).count(), 6);
    assert!(
        issue.len() < 65_536 && issue.contains("\nThe report is too long for an issue."),
        "{}",
        issue.len()
    );
    assert_eq!(issue.matches("@name").count(), 6);
}
