//! `spec accept`: writes all files that follow from new pages, or none.

use std::path::Path;

use serde_json::json;

use crate::support::Root;

#[test]
fn accept_fetches_builds_and_logs_the_changes() {
    let root = Root::new();
    root.write_pages();
    let now = root.read("openapi/distribute-ai.json");
    let earlier = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents/earlier");
    let earlier = earlier.display();
    root.write("openapi/CHANGES.md", "# Before\n");
    root.xtask(&format!("spec fetch --from {earlier}")).assert_success();
    let out = root.xtask("spec accept --from pages").assert_success();
    assert!(out.starts_with("**4 changes; wire info, client breaking**"), "{out}");
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
        .map(|(path, _)| path.strip_prefix(root.path("openapi")).unwrap().display().to_string())
        .collect();
    assert_eq!(changed, ["CHANGES.md", "distribute-ai.json", "upstream/speech-create.json", "upstream.lock"]);
}
