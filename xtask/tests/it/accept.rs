//! `spec accept`: writes all files that follow from new pages, or none.

use std::{thread, time::Duration};

use serde_json::json;

use crate::support::Root;

#[test]
fn accept_fetches_builds_and_logs_the_changes() {
    let root = Root::with_earlier_documents();
    let now = root.read("openapi/distribute-ai.json");
    root.write("openapi/CHANGES.md", "# Before\n");
    let out = root.xtask("spec accept --from pages").assert_success();
    assert!(out.starts_with("**4 changes; wire info, client none**"), "{out}");
    let log = root.read("openapi/CHANGES.md");
    assert!(log.starts_with("# Before\n\n## 2") && log.ends_with(&out), "{log}");
    assert_eq!(root.read("openapi/distribute-ai.json"), now);
    root.xtask("spec build --check").assert_success();
    root.xtask("spec drift --from pages --fail-on info").assert_success();
}

#[test]
fn accept_without_changes_writes_nothing() {
    let root = Root::new();
    root.write_pages();
    let before = root.snapshot();
    assert_eq!(root.xtask("spec accept --from pages").assert_success(), "**no change**\n");
    assert_eq!(root.snapshot(), before);
}

#[test]
fn accept_of_unbuildable_pages_writes_nothing() {
    let root = Root::new();
    root.write_pages();
    let mut page = root.json("openapi/upstream/speech-result.json");
    let responses = &mut page["paths"]["/async/speech/result"]["post"]["responses"];
    responses["200"]["content"]["application/json"]["schema"]["properties"]["cost"] =
        json!({"type": "object", "properties": {"amount": {"type": "number"}}});
    root.write_page("speech-result", &page);
    let before = root.snapshot();
    root.xtask("spec accept --from pages").assert_failure(4, &["names.toml", "hint: nothing was accepted"]);
    assert_eq!(root.snapshot(), before);
    let mut page = root.json("openapi/upstream/speech-result.json");
    page["info"]["version"] = json!("2.0.0");
    root.write_page("speech-result", &page);
    let before = root.snapshot();
    root.xtask("spec accept --from pages").assert_failure(4, &["different API versions"]);
    assert_eq!(root.snapshot(), before);
}

#[test]
fn accept_with_first_change_creates_the_log() {
    let root = Root::new();
    root.write_pages();
    let mut page = root.json("openapi/upstream/speech-create.json");
    page["paths"]["/async/speech/create"]["post"]["description"] = json!("Other words.");
    root.write_page("speech-create", &page);
    let before = root.snapshot();
    root.xtask("spec accept --from pages").assert_success();
    let log = root.read("openapi/CHANGES.md");
    assert!(
        log.starts_with("# Changes in the API's documents\n") && log.contains("description-changed"),
        "{log}"
    );
    let after = root.snapshot();
    let changed: Vec<_> = after
        .iter()
        .filter(|(path, text)| before.get(*path) != Some(text))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert_eq!(
        changed,
        [
            "openapi/CHANGES.md",
            "openapi/distribute-ai.json",
            "openapi/upstream/speech-create.json",
            "openapi/upstream.lock"
        ]
    );
}

/// Returns a root with saved pages, of which one has changed.
fn root_with_drift() -> Root {
    let root = Root::new();
    root.write_pages();
    let mut page = root.json("openapi/upstream/speech-create.json");
    page["paths"]["/async/speech/create"]["post"]["description"] = json!("Other words.");
    root.write_page("speech-create", &page);
    root
}

#[test]
fn each_command_rolls_back_an_interrupted_accept() {
    for command in ["build --check", "drift --from pages", "accept --from pages"] {
        let root = root_with_drift();
        let before = root.snapshot();
        root.write("openapi/CHANGES.md", "half");
        let journal = json!([{"file": "CHANGES.md", "before": null, "after": "half"}]);
        root.write("openapi/.transaction", &journal.to_string());
        root.write("openapi/.transaction.new", "{");
        let result = root.xtask(&format!("spec {command}"));
        result.assert_success();
        let warning = "warning: ./openapi: rolled back a command that was interrupted\n";
        assert!(result.stderr().contains(warning), "{}", result.stderr());
        if command.starts_with("accept") {
            assert_eq!(root.read("openapi/CHANGES.md").matches("description-changed").count(), 1);
        } else {
            assert_eq!(root.snapshot(), before, "{command}");
        }
    }
}

#[test]
fn two_accepts_at_once_write_one_entry() {
    let root = root_with_drift();
    let accept = || root.command("spec accept --from pages").spawn().unwrap();
    for mut accept in [accept(), accept()] {
        assert!(accept.wait().unwrap().success());
    }
    assert_eq!(root.read("openapi/CHANGES.md").matches("description-changed").count(), 1);
    root.xtask("spec build --check").assert_success();
}

#[test]
fn accept_killed_while_it_writes_is_all_or_nothing_after_the_next_start() {
    let (before, after) = {
        let root = root_with_drift();
        let before = root.files("openapi");
        root.xtask("spec accept --from pages").assert_success();
        (before, root.files("openapi"))
    };
    let mut rolled_back = 0;
    // With one core and without a real disk, this process rarely runs while the journal exists. `.ci/killed_accept` kills at
    // each system call.
    let sees_journal = thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    for run in 0..200 {
        if run >= 10 && (rolled_back > 0 || !sees_journal) {
            break;
        }
        let root = root_with_drift();
        let journal = root.path("openapi/.transaction");
        let mut accept = root.command("spec accept --from pages").spawn().unwrap();
        while !journal.exists() && accept.try_wait().unwrap().is_none() {}
        // A few of its files later, from run to run.
        thread::sleep(Duration::from_micros(50 * run));
        accept.kill().unwrap();
        accept.wait().unwrap();
        let next = root.xtask("spec build --check");
        next.assert_success();
        let found = root.files("openapi");
        assert!(found == before || found == after, "run {run}: {:?}", found.keys());
        rolled_back += u64::from(next.stderr().contains("rolled back a command that was interrupted"));
    }
    assert!(rolled_back > 0 || !sees_journal, "no run was killed while it wrote");
}
