//! `spec accept`: everything that follows from new pages in one step, or nothing.

use std::path::Path;

use serde_json::json;

use crate::support::Root;

#[test]
fn accepting_is_fetching_building_and_writing_it_down() {
    let root = Root::new();
    root.write_pages();
    let now = root.read("openapi/distribute-ai.json");
    let earlier = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents/earlier");
    let earlier = earlier.display();
    root.write("openapi/CHANGES.md", "# Before\n");
    // What the earlier pages lack has to go from the tables too, which is somebody's decision.
    let before = root.disk();
    root.xtask(&format!("spec accept --from {earlier}")).fails(4, &["hint: nothing was accepted"]);
    assert_eq!(root.disk(), before);
    root.xtask(&format!("spec fetch --from {earlier}")).succeeds();
    let out = root.xtask("spec accept --from pages").succeeds();
    assert!(out.starts_with("**4 changes; wire info, client breaking**"), "{out}");
    let log = root.read("openapi/CHANGES.md");
    assert!(log.starts_with("# Before\n\n## 2") && log.ends_with(&out), "{log}");
    assert_eq!(root.read("openapi/distribute-ai.json"), now);
    root.xtask("spec build --check").succeeds();
    root.xtask("spec drift --from pages --fail-on info").succeeds();
}

#[test]
fn accepting_what_is_there_changes_nothing() {
    let root = Root::new();
    root.write_pages();
    let before = root.disk();
    assert_eq!(root.xtask("spec accept --from pages").succeeds(), "**no change**\n");
    assert_eq!(root.disk(), before);
}

#[test]
fn what_cannot_be_built_is_not_accepted() {
    let root = Root::new();
    root.write_pages();
    let mut page = root.json("openapi/upstream/speech-result.json");
    let responses = &mut page["paths"]["/async/speech/result"]["post"]["responses"];
    responses["200"]["content"]["application/json"]["schema"]["properties"]["cost"] =
        json!({"type": "object", "properties": {"amount": {"type": "number"}}});
    root.write_page("speech-result", &page);
    let before = root.disk();
    root.xtask("spec accept --from pages").fails(4, &["names.toml", "hint: nothing was accepted"]);
    assert_eq!(root.disk(), before);
    let mut page = root.json("openapi/upstream/speech-result.json");
    page["info"]["version"] = json!("2.0.0");
    root.write_page("speech-result", &page);
    let before = root.disk();
    root.xtask("spec accept --from pages").fails(4, &["documents of different API versions"]);
    assert_eq!(root.disk(), before);
}

#[test]
fn a_log_comes_into_being_with_the_first_change() {
    let root = Root::new();
    root.write_pages();
    let mut page = root.json("openapi/upstream/speech-create.json");
    page["paths"]["/async/speech/create"]["post"]["description"] = json!("Other words.");
    root.write_page("speech-create", &page);
    let before = root.disk();
    root.xtask("spec accept --from pages").succeeds();
    let log = root.read("openapi/CHANGES.md");
    assert!(
        log.starts_with("# What changed in the API's documents\n") && log.contains("description-changed"),
        "{log}"
    );
    let after = root.disk();
    let changed: Vec<_> = after
        .iter()
        .filter(|(path, text)| before.get(*path) != Some(text))
        .map(|(path, _)| path.strip_prefix(root.path("openapi")).unwrap().display().to_string())
        .collect();
    assert_eq!(changed, ["CHANGES.md", "distribute-ai.json", "upstream/speech-create.json", "upstream.lock"]);
}
