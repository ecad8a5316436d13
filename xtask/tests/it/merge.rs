//! `spec merge`: merging without building.

use serde_json::{Value, json};

use crate::support::Root;

const BOTH: &str = "openapi/upstream/speech-create.json openapi/upstream/speech-result.json";

#[test]
fn merge_writes_to_standard_output_or_to_a_file() {
    let root = Root::new();
    let printed = root.xtask(&format!("spec merge {BOTH}")).assert_success();
    root.xtask(&format!("spec merge {BOTH} -o merged.json")).assert_success();
    assert_eq!(root.read("merged.json"), printed);
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap()["paths"].as_object().unwrap().len(), 2);
    let alone = root.xtask("spec merge merged.json").assert_success();
    assert_eq!(alone, printed);
}

#[cfg(unix)]
#[test]
fn merge_writes_into_a_pipe_and_does_not_replace_it() {
    use std::{fs, os::unix::fs::FileTypeExt, process::Command, thread};

    let root = Root::new();
    let pipe = root.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    root.xtask(&format!("spec merge {BOTH} -o pipe")).assert_success();
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!(reader.join().unwrap(), root.xtask(&format!("spec merge {BOTH}")).assert_success());
}

#[test]
fn merge_conflict_names_both_files_and_writes_nothing() {
    let root = Root::new();
    let mut other = root.json("openapi/upstream/speech-result.json");
    other["info"]["version"] = json!("2.0.0");
    root.write("other.json", &other.to_string());
    let before = root.snapshot();
    let files = "openapi/upstream/speech-create.json other.json";
    root.xtask(&format!("spec merge {files} -o out.json")).assert_failure(4, &[
        "error: different API versions: openapi/upstream/speech-create.json: /info/version is \"1.0.0\"; other.json: /info/version is \"2.0.0\"\n",
    ]);
    assert_eq!(root.snapshot(), before);
}

#[test]
fn merge_with_differing_tags_warns_and_succeeds() {
    let root = Root::new();
    let mut other = root.json("openapi/upstream/speech-result.json");
    other["tags"][0]["description"] = json!("Other words.");
    root.write("other.json", &other.to_string());
    let result = root.xtask("spec merge openapi/upstream/speech-create.json other.json");
    result.assert_success();
    let stderr = result.stderr();
    assert!(
        stderr.starts_with("warning: same tag with different members: ") && stderr.contains("other.json"),
        "{stderr}"
    );
}

#[test]
fn merge_without_operation_ids_warns_and_succeeds() {
    let root = Root::empty();
    let document = json!({"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {
        "/a": {"get": {"responses": {"200": {"description": "d"}}}}}});
    root.write("a.json", &document.to_string());
    let result = root.xtask("spec merge a.json");
    assert_eq!(serde_json::from_str::<Value>(&result.assert_success()).unwrap(), document);
    assert!(result.stderr().contains("warning: a.json: /paths/~1a/get/operationId: missing"));
}

#[test]
fn merge_with_unreadable_input_or_unwritable_output_fails() {
    let root = Root::new();
    root.write("bad.json", "{\"openapi\": \"3.0.3\",\n \"info\": }");
    let before = root.snapshot();
    root.xtask("spec merge").assert_failure(2, &["<FILE>..."]);
    root.xtask("spec merge nowhere.json").assert_failure(2, &["error: nowhere.json: "]);
    root.xtask("spec merge bad.json")
        .assert_failure(4, &["error: bad.json: (root): not JSON: expected value at line 2 column 10"]);
    root.xtask(&format!("spec merge {BOTH} -o no/where.json"))
        .assert_failure(2, &["error: could not write no/where.json: "]);
    assert_eq!(root.snapshot(), before);
}
