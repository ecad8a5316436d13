//! `spec merge`: the merger alone.

use serde_json::{Value, json};

use crate::support::Root;

const BOTH: &str = "openapi/upstream/speech-create.json openapi/upstream/speech-result.json";

#[test]
fn writes_to_standard_output_or_to_a_file() {
    let root = Root::new();
    let printed = root.xtask(&format!("spec merge {BOTH}")).succeeds();
    root.xtask(&format!("spec merge {BOTH} -o merged.json")).succeeds();
    assert_eq!(root.read("merged.json"), printed);
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap()["paths"].as_object().unwrap().len(), 2);
    let alone = root.xtask("spec merge merged.json").succeeds();
    assert_eq!(alone, printed);
}

#[test]
fn names_both_files_of_a_conflict_and_writes_nothing() {
    let root = Root::new();
    let mut other = root.json("openapi/upstream/speech-result.json");
    other["info"]["version"] = json!("2.0.0");
    root.write("other.json", &other.to_string());
    let before = root.disk();
    let files = "openapi/upstream/speech-create.json other.json";
    root.xtask(&format!("spec merge {files} -o out.json")).fails(4, &[
        "error: documents of different API versions: openapi/upstream/speech-create.json: /info/version is \"1.0.0\"; other.json: /info/version is \"2.0.0\"\n",
    ]);
    assert_eq!(root.disk(), before);
}

#[test]
fn says_warnings_and_goes_on() {
    let root = Root::new();
    let mut other = root.json("openapi/upstream/speech-result.json");
    other["tags"][0]["description"] = json!("Other words.");
    root.write("other.json", &other.to_string());
    let ran = root.xtask("spec merge openapi/upstream/speech-create.json other.json");
    ran.succeeds();
    let stderr = ran.stderr();
    assert!(
        stderr.starts_with("warning: a tag's words differ: ") && stderr.contains("other.json"),
        "{stderr}"
    );
}

#[test]
fn needs_no_operation_ids() {
    let root = Root::empty();
    let document = json!({"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {
        "/a": {"get": {"responses": {"200": {"description": "d"}}}}}});
    root.write("a.json", &document.to_string());
    let ran = root.xtask("spec merge a.json");
    assert_eq!(serde_json::from_str::<Value>(&ran.succeeds()).unwrap(), document);
    assert!(ran.stderr().contains("warning: a.json: /paths/~1a/get/operationId: missing"));
}

#[test]
fn tells_what_cannot_be_read_or_written() {
    let root = Root::new();
    root.write("bad.json", "{\"openapi\": \"3.0.3\",\n \"info\": }");
    let before = root.disk();
    root.xtask("spec merge").fails(2, &["<FILE>..."]);
    root.xtask("spec merge nowhere.json").fails(2, &["error: nowhere.json: "]);
    root.xtask("spec merge bad.json")
        .fails(4, &["error: bad.json: (root): not JSON: expected value at line 2 column 10"]);
    root.xtask(&format!("spec merge {BOTH} -o no/where.json"))
        .fails(2, &["error: no/where.json cannot be written: "]);
    assert_eq!(root.disk(), before);
}
