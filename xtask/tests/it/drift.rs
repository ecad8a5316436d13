//! `spec diff`, `spec drift` and `spec checks`: their output and exit codes. They write no files.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Root, RunResult, page};

fn findings(result: &RunResult) -> Value {
    serde_json::from_str(&result.stdout()).unwrap()
}

#[test]
fn drift_of_earlier_pages_reports_four_added_error_responses() {
    let root = Root::with_earlier_documents();
    let before = root.snapshot();
    let result = root.xtask("spec drift --from pages --format json --fail-on warn --axis wire");
    result.assert_success();
    assert_eq!(root.snapshot(), before);
    let report = findings(&result);
    assert_eq!((&report["wire"], &report["client"]), (&json!("info"), &json!("none")));
    let found = report["findings"].as_array().unwrap().iter().map(|finding| {
        assert_eq!(finding["wire"], "info");
        assert_eq!(finding["client"], "none");
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
fn drift_without_changes_succeeds() {
    let root = Root::new();
    root.write_pages();
    let before = root.snapshot();
    assert_eq!(root.xtask("spec drift --from pages --fail-on info").assert_success(), "no change\n");
    assert_eq!(root.snapshot(), before);
}

#[test]
fn drift_exit_code_depends_on_threshold_and_axis() {
    let root = Root::with_earlier_documents();
    let expected = ["error: 4 changes: wire info, client none\n"];
    for (flags, code) in [
        ("", 0),
        ("--axis wire", 0),
        ("--axis wire --fail-on info", 1),
        ("--axis client --fail-on info", 0),
        ("--fail-on none", 0),
    ] {
        let result = root.xtask(&format!("spec drift --from pages {flags}"));
        if code == 0 { drop(result.assert_success()) } else { result.assert_failure(code, &expected) }
    }
}

#[test]
fn drift_reports_changes_that_a_fix_overrides() {
    // `fixes.json` replaces this description.
    let root = Root::new();
    root.write_pages();
    let mut page = root.json("openapi/upstream/speech-result.json");
    let body = &mut page["paths"]["/async/speech/result"]["post"]["requestBody"];
    body["description"] = json!("Other words.");
    root.write_page("speech-result", &page);
    let out = root.xtask("spec drift --from pages").assert_success();
    assert!(out.contains("description-changed"), "{out}");
}

#[test]
fn drift_with_missing_page_fails_and_reports_the_others() {
    let root = Root::new();
    root.write_pages();
    fs::remove_file(root.path("pages/speech-create.md")).unwrap();
    root.write("pages/speech-result.md", "<html>Log in</html>");
    let result = root.xtask("spec drift --from pages");
    // Also the changes that reach the threshold.
    result.assert_failure(2, &["speech-create.md", "error: 1 change: wire err, client breaking"]);
    assert!(result.stdout().contains("page-not-openapi"), "{}", result.stdout());
}

#[test]
fn drift_reports_each_problem_of_an_invalid_document() {
    let root = Root::new();
    root.write_pages();
    root.write("pages/speech-create.md", &page("{\"openapi\": \"3.0.3\", \"x\": 1}"));
    let result = root.xtask("spec drift --from pages");
    result.assert_failure(
        1,
        &["warning: speech-create: /info: missing", "warning: speech-create: /x: unknown key"],
    );
    assert!(result.stdout().contains("valid OpenAPI 3.0 document: \"3 problems: /"), "{}", result.stdout());
}

#[test]
fn operation_on_another_page_is_compared_with_the_accepted_one() {
    let root = Root::new();
    root.write_pages();
    let mut create = root.json("openapi/upstream/speech-create.json");
    root.write_page("speech-create", &root.json("openapi/upstream/speech-result.json"));
    root.write_page("speech-result", &create);
    assert_eq!(root.xtask("spec drift --from pages --fail-on info").assert_success(), "no change\n");
    create["paths"]["/async/speech/create"]["post"]["description"] = json!("Other words.");
    root.write_page("speech-result", &create);
    let out = root.xtask("spec drift --from pages").assert_success();
    assert!(
        out.contains("description-changed") && out.ends_with("1 change; wire info, client none\n"),
        "{out}"
    );
}

#[test]
fn operation_that_leaves_a_removed_page_is_compared_with_the_accepted_one() {
    let root = Root::new();
    root.write_pages();
    let mut create = root.json("openapi/upstream/speech-create.json");
    let result = root.json("openapi/upstream/speech-result.json");
    let path = "/async/speech/result";
    create["paths"][path] = result["paths"][path].clone();
    root.write_page("speech-create", &create);
    let sources = root.read("openapi/sources.toml");
    let lines: Vec<_> = sources.lines().filter(|line| !line.starts_with("speech-result")).collect();
    root.write("openapi/sources.toml", &lines.join("\n"));
    let drift = |expected: [&str; 2]| {
        let report = findings(&root.xtask("spec drift --from pages --format json --fail-on none"));
        assert_eq!([&report["wire"], &report["client"]], expected, "{report:#}");
        let text = report.to_string();
        assert!(text.contains("page-removed") && !text.contains("endpoint-added"), "{report:#}");
    };
    drift(["info", "none"]);
    let schema = &mut create["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"];
    schema["properties"]["more"] = json!({"type": "string"});
    schema["required"] = json!(["id", "more"]);
    root.write_page("speech-create", &create);
    drift(["err", "breaking"]);
}

#[test]
fn operation_that_leaves_a_removed_page_is_missing_if_the_pages_are_in_conflict() {
    let root = Root::new();
    root.write_pages();
    let mut create = root.json("openapi/upstream/speech-create.json");
    let mut result = root.json("openapi/upstream/speech-result.json");
    create["paths"]["/async/speech/result"] = result["paths"]["/async/speech/result"].clone();
    root.write_page("speech-create", &create);
    result["info"]["version"] = json!("2.0.0");
    result["paths"] = json!({});
    root.write_page("other", &result);
    let sources = root.read("openapi/sources.toml").replace("speech-result = ", "other = ");
    root.write("openapi/sources.toml", &sources);
    let report = findings(&root.xtask("spec drift --from pages --format json --fail-on none"));
    let all = report["findings"].as_array().unwrap();
    let removed = all.iter().find(|finding| finding["rule"] == "page-removed").unwrap();
    assert_eq!([&removed["wire"], &removed["client"]], ["err", "breaking"], "{report:#}");
}

#[test]
fn renamed_page_is_no_change_of_its_operations() {
    let root = Root::new();
    root.write_pages();
    let sources = root.read("openapi/sources.toml").replace("speech-result = ", "result = ");
    root.write("openapi/sources.toml", &sources);
    root.write_page("result", &root.json("openapi/upstream/speech-result.json"));
    root.xtask("spec accept --from pages").assert_success();
    let log = root.read("openapi/CHANGES.md");
    assert!(log.contains("other pages have all of its operations"), "{log}");
    assert!(!log.contains("endpoint-added") && !log.contains("breaking"), "{log}");
    root.xtask("spec drift --from pages --fail-on info").assert_success();
}

#[test]
fn drift_compares_a_document_that_the_generator_does_not_support() {
    let root = Root::new();
    root.write_pages();
    let mut page = root.json("openapi/upstream/speech-result.json");
    let operation = page["paths"]["/async/speech/result"]["post"].as_object_mut().unwrap();
    operation.remove("operationId");
    root.write_page("speech-result", &page);
    let result = root.xtask("spec drift --from pages");
    result.assert_failure(1, &["warning: speech-result: /paths/~1async~1speech~1result/post/operationId: "]);
    assert!(result.stdout().contains("api-operation-id-removed"), "{}", result.stdout());
}

#[test]
fn volatile_value_is_neither_reported_nor_accepted() {
    let root = Root::new();
    root.write_pages();
    let properties =
        "/paths/~1async~1speech~1create/post/requestBody/content/application~1json/schema/properties";
    let pointer = format!("{properties}/seed/default");
    root.write("openapi/volatile.toml", &format!("[speech-create]\n{pointer:?} = \"drawn at random\"\n"));
    let render = |default: Value, description: &str| {
        let mut page = root.json("openapi/upstream/speech-create.json");
        page.pointer_mut(properties).unwrap()["seed"] = json!({"type": "number", "default": default});
        page["paths"]["/async/speech/create"]["post"]["description"] = json!(description);
        root.write_page("speech-create", &page);
    };
    // The first value is accepted.
    render(json!(927_719), "Some words.");
    let out = root.xtask("spec accept --from pages").assert_success();
    assert!(out.contains("new-optional-request-property"), "{out}");
    let before = root.files("openapi");
    // A later one is not.
    render(json!(0.5), "Some words.");
    assert_eq!(root.xtask("spec drift --from pages --fail-on info").assert_success(), "no change\n");
    assert_eq!(root.xtask("spec accept --from pages").assert_success(), "**no change**\n");
    assert_eq!(root.files("openapi"), before);
    // Nor is it beside another change.
    render(json!(1), "Other words.");
    let out = root.xtask("spec accept --from pages").assert_success();
    assert!(out.starts_with("**1 change;") && out.contains("description-changed"), "{out}");
    let document = root.json("openapi/upstream/speech-create.json");
    assert_eq!(document.pointer(&pointer), Some(&json!(927_719)));
    // Another type is a change.
    render(json!("none"), "Other words.");
    let out = root.xtask("spec drift --from pages").assert_success();
    assert!(out.contains("default changed: 927719 is now \"none\""), "{out}");
}

#[test]
fn duplicate_of_a_volatile_value_is_reported_with_its_published_values() {
    let root = Root::new();
    root.write_pages();
    root.write("openapi/volatile.toml", "[speech-create]\n\"/info/version\" = \"drawn at random\"\n");
    let text = root.read("openapi/upstream/speech-create.json");
    let twice = text.replacen("\"version\":", "\"version\": \"8\", \"version\": \"9\", \"x-version\":", 1);
    root.write("pages/speech-create.md", &page(&twice));
    let result = root.xtask("spec drift --from pages");
    result.assert_failure(1, &["/info/version: duplicate key: first \"8\", then \"9\""]);
}

#[test]
fn volatile_table_with_errors_fails() {
    let root = Root::new();
    root.write_pages();
    let lines = ["/nowhere", "/info", "/info/title"].map(|pointer| format!("{pointer:?} = \"because\"\n"));
    root.write("openapi/volatile.toml", &format!("[speech-create]\n{}", lines.concat()));
    let result = root.xtask("spec drift --from pages");
    result.assert_success();
    assert_eq!(
        result.stderr(),
        "warning: openapi/volatile.toml: [speech-create] \"/info\": expected a number, a string or a flag\n\
         warning: openapi/volatile.toml: [speech-create] \"/nowhere\": matches no value of the page; remove the line\n"
    );
    root.write("openapi/volatile.toml", "[nowhere]\n\"/a\" = \"because\"\n");
    root.xtask("spec drift --from pages")
        .assert_failure(4, &["openapi/volatile.toml: [nowhere]: unknown page"]);
    root.write("openapi/volatile.toml", "speech-create = 1\n");
    root.xtask("spec accept --from pages").assert_failure(4, &["openapi/volatile.toml: "]);
}

#[test]
fn drift_reports_the_removal_of_a_page_from_the_sources() {
    let root = Root::new();
    root.write_pages();
    let sources = root.read("openapi/sources.toml");
    let lines: Vec<_> = sources.lines().filter(|line| !line.starts_with("speech-result")).collect();
    root.write("openapi/sources.toml", &lines.join("\n"));
    let result = root.xtask("spec drift --from pages");
    result.assert_failure(1, &[]);
    let expected = "speech-result: page removed: \"no longer listed in openapi/sources.toml\"";
    assert!(result.stdout().contains(expected), "{}", result.stdout());
}

#[test]
fn server_that_is_written_in_another_way_is_no_change() {
    let root = Root::new();
    root.write_pages();
    for name in ["speech-create", "speech-result"] {
        let mut document = root.json(&format!("openapi/upstream/{name}.json"));
        document["servers"][0]["url"] = json!("https://API.distribute.ai:443/");
        root.write_page(name, &document);
    }
    root.xtask("spec drift --from pages --fail-on info").assert_success();
}

#[test]
fn server_without_a_valid_url_is_refused_without_a_line_to_add() {
    for url in ["", "/v1", "https://api.distribute.ai?x=1", "https://xn--a"] {
        let root = Root::new();
        root.write_pages();
        for name in ["speech-create", "speech-result"] {
            let mut document = root.json(&format!("openapi/upstream/{name}.json"));
            document["servers"][0]["url"] = json!(url);
            root.write_page(name, &document);
        }
        let result = root.xtask("spec accept --from pages");
        result.assert_failure(4, &["/servers/0/url: "]);
        assert!(!result.stderr().contains("key-origins"), "{}", result.stderr());
    }
}

#[test]
fn drift_with_edited_document_fails() {
    let root = Root::new();
    root.write_pages();
    root.append("openapi/upstream/speech-create.json", "\n");
    root.xtask("spec drift --from pages").assert_failure(4, &["speech-create.json: (root): edited by hand"]);
}

#[test]
fn drift_with_lost_document_or_entry_of_the_lockfile_fails() {
    let root = Root::new();
    root.write_pages();
    let document = root.read("openapi/upstream/speech-create.json");
    fs::remove_file(root.path("openapi/upstream/speech-create.json")).unwrap();
    let lost = ["speech-create.json: missing, expected the document that openapi/upstream.lock lists"];
    root.xtask("spec drift --from pages").assert_failure(4, &lost);
    root.xtask("spec accept --from pages").assert_failure(4, &lost);
    root.write("openapi/upstream/speech-create.json", &document);
    fs::remove_file(root.path("openapi/upstream.lock")).unwrap();
    let lost = ["/speech-create: missing, expected the sha256 of openapi/upstream/speech-create.json"];
    root.xtask("spec drift --from pages").assert_failure(4, &lost);
}

#[test]
fn drift_of_new_page_reports_its_operations_as_added() {
    let root = Root::new();
    root.write_pages();
    root.remove_document("speech-result");
    let out = root.xtask("spec drift --from pages").assert_success();
    assert!(out.contains("POST /async/speech/result: operation added"), "{out}");
    assert!(out.ends_with("1 change; wire info, client compatible\n"), "{out}");
    root.xtask("spec accept --from pages").assert_success();
    assert!(root.path("openapi/upstream/speech-result.json").exists());
}

#[test]
fn diff_compares_two_documents_in_every_format() {
    let root = Root::new();
    let mut new = root.json("openapi/distribute-ai.json");
    new["servers"] = json!([{"url": "https://elsewhere.example"}]);
    root.write("new.json", &new.to_string());
    let result = root.xtask("spec diff openapi/distribute-ai.json new.json");
    result.assert_failure(1, &["error: 3 changes: wire err, client breaking\n"]);
    assert!(
        result.stdout().contains("server https://api.distribute.ai: server removed"),
        "{}",
        result.stdout()
    );
    root.xtask("spec diff new.json new.json --fail-on info").assert_success();
    for (format, expected) in [
        ("github", "::error file=new.json,title=server-removed::"),
        ("junit", "<testsuite name=\"spec diff\" tests=\"3\" failures=\"0\">"),
        ("markdown", "| err | breaking |"),
        ("json", "\"rule\": \"server-removed\""),
    ] {
        let out = root.xtask(&format!(
            "spec diff openapi/distribute-ai.json new.json --fail-on none --format {format}"
        ));
        assert!(out.assert_success().contains(expected), "{}", out.stdout());
    }
}

#[test]
fn diff_with_invalid_input_fails_and_names_the_file() {
    let root = Root::new();
    root.write("bad.json", "{\"openapi\": \"3.2.0\"}");
    let good = "openapi/distribute-ai.json";
    root.xtask(&format!("spec diff {good} bad.json"))
        .assert_failure(4, &["error: bad.json: /openapi: expected \"3.0.x\""]);
    root.xtask(&format!("spec diff {good} nowhere.json")).assert_failure(2, &["error: nowhere.json: "]);
    root.xtask(&format!("spec diff {good} {good} --format yaml"))
        .assert_failure(2, &["invalid value 'yaml'"]);
}

#[test]
fn diff_of_a_document_with_many_departures_prints_the_first_twenty() {
    let root = Root::new();
    let keys: Vec<_> = (0..50).map(|n| format!("\"key{n:02}\": 1, ")).collect();
    let keys = keys.concat();
    root.write(
        "other.json",
        &format!("{{\"openapi\": \"3.0.3\", {keys}\"info\": {{\"title\": \"t\", \"version\": \"1\"}}, \"paths\": {{}}}}"),
    );
    let out = root.xtask("spec diff other.json other.json");
    assert!(out.assert_success().contains("no change"));
    let stderr = out.stderr();
    let warnings: Vec<_> = stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(warnings.len(), 2 * 21, "{warnings:#?}");
    assert!(warnings[0].starts_with("warning: other.json: /key00: unknown key"), "{warnings:#?}");
    assert_eq!(warnings[20], "warning: other.json: 30 more warnings");
}

#[test]
fn drift_ignores_findings_until_the_entry_expires() {
    let root = Root::with_earlier_documents();
    let entry = |expires: &str| {
        format!(
            "[[ignore]]\nrule = \"response-non-success-status-added\"\nreason = \"known\"\nexpires = \"{expires}\"\n"
        )
    };
    root.write("ignore.toml", &entry("9999-12-31"));
    let result = root.xtask("spec drift --from pages --ignore ignore.toml");
    assert_eq!(result.assert_success(), "no change\n");
    assert!(result.stderr().contains("warning: ignore.toml: 4 of 4 findings ignored"), "{}", result.stderr());
    root.write("ignore.toml", &entry("2020-01-01"));
    root.xtask("spec drift --from pages --ignore ignore.toml")
        .assert_failure(4, &["ignore.toml: entry 1", "expired on 2020-01-01"]);
    root.write("ignore.toml", "[[ignore]]\npointer = \"/x\"\nreason = \"r\"\nexpires = \"9999-12-31\"\n");
    let result = root.xtask("spec drift --from pages --ignore ignore.toml");
    result.assert_failure(4, &["matches no finding"]);
    assert!(result.stdout().ends_with("4 changes; wire info, client none\n"), "{}", result.stdout());
    root.write("ignore.toml", "[[ignore]]\nrule = \"a\"\n");
    root.xtask("spec drift --from pages --ignore ignore.toml").assert_failure(2, &["ignore.toml: "]);
}

#[test]
fn checks_prints_one_line_per_rule() {
    let table = Root::empty().xtask("spec checks").assert_success();
    assert!(table.lines().count() > 300, "{table}");
    let row = table.lines().find(|line| line.starts_with("endpoint-added ")).unwrap();
    let columns: Vec<_> = row.split_whitespace().collect();
    assert_eq!(columns, ["endpoint-added", "info", "operation", "added", "[endpoint-added]"]);
}
