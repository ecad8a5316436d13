//! `spec diff`, `spec drift` and `spec checks`: what they say, when they fail, and that they write nothing.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::{Ran, Root};

/// The pages as they were when they documented no refusals.
fn root_of_earlier_pages() -> Root {
    let root = Root::new();
    root.write_pages();
    let earlier = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents/earlier");
    root.xtask(&format!("spec fetch --from {}", earlier.display())).succeeds();
    root
}

fn findings(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout()).unwrap()
}

#[test]
fn the_real_drift_is_four_refusals_that_were_always_there() {
    let root = root_of_earlier_pages();
    let before = root.disk();
    let ran = root.xtask("spec drift --from pages --format json --fail-on warn --axis wire");
    ran.succeeds();
    assert_eq!(root.disk(), before);
    let report = findings(&ran);
    assert_eq!((&report["wire"], &report["client"]), (&json!("info"), &json!("breaking")));
    let found = report["findings"].as_array().unwrap().iter().map(|finding| {
        assert_eq!(finding["wire"], "info");
        assert_eq!(finding["client"], "breaking");
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        (text("rule"), text("operation"), text("revision_pointer").rsplit('/').next().unwrap().to_owned())
    });
    let expected =
        [("create", "400"), ("create", "404"), ("result", "404"), ("result", "500")].map(|(path, status)| {
            (
                "response-non-success-status-added".to_owned(),
                format!("POST /async/speech/{path}"),
                status.to_owned(),
            )
        });
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn no_drift_is_said_and_is_no_failure() {
    let root = Root::new();
    root.write_pages();
    let before = root.disk();
    assert_eq!(root.xtask("spec drift --from pages --fail-on info").succeeds(), "no change\n");
    assert_eq!(root.disk(), before);
}

#[test]
fn the_threshold_and_its_axis_decide_the_exit_code() {
    let root = root_of_earlier_pages();
    let said = ["error: 4 changes: wire info, client breaking\n"];
    for (flags, code) in [
        ("", 1),
        ("--axis wire", 0),
        ("--axis wire --fail-on info", 1),
        ("--axis client", 1),
        ("--fail-on none", 0),
    ] {
        let ran = root.xtask(&format!("spec drift --from pages {flags}"));
        if code == 0 { drop(ran.succeeds()) } else { ran.fails(code, &said) }
    }
}

#[test]
fn a_local_fix_hides_nothing() {
    // `fixes.json` changes this very description.
    let root = Root::new();
    root.write_pages();
    let mut page = root.json("openapi/upstream/speech-result.json");
    let body = &mut page["paths"]["/async/speech/result"]["post"]["requestBody"];
    body["description"] = json!("Other words.");
    root.write_page("speech-result", &page);
    let out = root.xtask("spec drift --from pages").succeeds();
    assert!(out.contains("description-changed"), "{out}");
}

#[test]
fn a_page_that_is_no_document_is_no_drift() {
    let root = Root::new();
    root.write_pages();
    root.write("pages/speech-create.md", "<html>Log in</html>");
    root.xtask("spec drift --from pages").fails(4, &["error: speech-create: expected one ```json fence"]);
    fs::remove_file(root.path("pages/speech-create.md")).unwrap();
    root.xtask("spec drift --from pages").fails(2, &["speech-create.md"]);
}

#[test]
fn a_document_edited_by_hand_is_no_base() {
    let root = Root::new();
    root.write_pages();
    root.append("openapi/upstream/speech-create.json", "\n");
    root.xtask("spec drift --from pages").fails(4, &["speech-create.json: (root): edited by hand"]);
}

#[test]
fn all_operations_of_a_page_that_is_new_are_new() {
    let root = Root::new();
    root.write_pages();
    fs::remove_file(root.path("openapi/upstream/speech-result.json")).unwrap();
    let out = root.xtask("spec drift --from pages").succeeds();
    assert!(out.contains("POST /async/speech/result: operation added"), "{out}");
    assert!(out.ends_with("1 change; wire info, client compatible\n"), "{out}");
    root.xtask("spec accept --from pages").succeeds();
    assert!(root.path("openapi/upstream/speech-result.json").exists());
}

#[test]
fn any_two_documents_can_be_compared() {
    let root = Root::new();
    let mut new = root.json("openapi/distribute-ai.json");
    new["servers"] = json!([{"url": "https://elsewhere.example"}]);
    root.write("new.json", &new.to_string());
    let ran = root.xtask("spec diff openapi/distribute-ai.json new.json");
    ran.fails(1, &["error: 2 changes: wire err, client breaking\n"]);
    assert!(ran.stdout().contains("server https://api.distribute.ai: server removed"), "{}", ran.stdout());
    root.xtask("spec diff new.json new.json --fail-on info").succeeds();
    for (format, said) in [
        ("github", "::error file=new.json,title=server-removed::"),
        ("junit", "<testsuite name=\"spec diff\" tests=\"2\" failures=\"0\">"),
        ("markdown", "| err | breaking |"),
        ("json", "\"rule\": \"server-removed\""),
    ] {
        let out = root.xtask(&format!(
            "spec diff openapi/distribute-ai.json new.json --fail-on none --format {format}"
        ));
        assert!(out.succeeds().contains(said), "{}", out.stdout());
    }
}

#[test]
fn what_is_no_document_is_refused_by_name() {
    let root = Root::new();
    root.write("bad.json", "{\"openapi\": \"3.1.0\"}");
    let good = "openapi/distribute-ai.json";
    root.xtask(&format!("spec diff {good} bad.json"))
        .fails(4, &["error: bad.json: /openapi: expected \"3.0.x\""]);
    root.xtask(&format!("spec diff {good} nowhere.json")).fails(2, &["error: nowhere.json: "]);
    root.xtask(&format!("spec diff {good} {good} --format yaml")).fails(2, &["invalid value 'yaml'"]);
}

#[test]
fn findings_can_be_let_pass_for_a_reason_and_for_a_time() {
    let root = root_of_earlier_pages();
    let entry = |expires: &str| {
        format!(
            "[[ignore]]\nrule = \"response-non-success-status-added\"\nreason = \"told\"\nexpires = \"{expires}\"\n"
        )
    };
    root.write("ignore.toml", &entry("9999-12-31"));
    let ran = root.xtask("spec drift --from pages --ignore ignore.toml");
    assert_eq!(ran.succeeds(), "no change\n");
    assert!(ran.stderr().contains("warning: ignore.toml: 4 of 4 findings ignored"), "{}", ran.stderr());
    root.write("ignore.toml", &entry("2020-01-01"));
    root.xtask("spec drift --from pages --ignore ignore.toml")
        .fails(4, &["ignore.toml: entry 1", "expired on 2020-01-01"]);
    root.write("ignore.toml", "[[ignore]]\npointer = \"/x\"\nreason = \"r\"\nexpires = \"9999-12-31\"\n");
    root.xtask("spec drift --from pages --ignore ignore.toml").fails(4, &["matches no finding"]);
    root.write("ignore.toml", "[[ignore]]\nrule = \"a\"\n");
    root.xtask("spec drift --from pages --ignore ignore.toml").fails(2, &["ignore.toml: "]);
}

#[test]
fn checks_prints_every_rule_on_a_line() {
    let table = Root::empty().xtask("spec checks").succeeds();
    assert!(table.lines().count() > 300, "{table}");
    let row = table.lines().find(|line| line.starts_with("endpoint-added ")).unwrap();
    let columns: Vec<_> = row.split_whitespace().collect();
    assert_eq!(columns, ["endpoint-added", "info", "compatible", "operation", "added", "[endpoint-added]"]);
}
