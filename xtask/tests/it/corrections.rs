//! `openapi/corrections`: corrections of a page's document before it is validated.

use serde_json::{Value, json};

use crate::support::{Root, odd_page};

const FILE: &str = "openapi/corrections/pattern.json";
const BODY: &str = "/paths/~1odd~1pattern/post/requestBody/content/application~1json/schema";

/// Returns a root with the page `pattern`, which has an invalid pattern.
fn root() -> Root {
    let root = Root::new();
    root.write_pages();
    root.append("openapi/sources.toml", "pattern = \"https://docs.distribute.ai/pattern.md\"\n");
    root.append(
        "openapi/names.toml",
        "\n[oddPattern]\nrequest = \"PatternRequest\"\n\"200\" = \"PatternResult\"\n",
    );
    root.append(
        "openapi/constructors.toml",
        "PatternRequest = { arguments = [] }\nPatternResult = { arguments = [\"id\"] }\n",
    );
    root.write_page("pattern", &odd_page("pattern"));
    root
}

fn replace(at: &str, old: &Value, new: &Value) -> String {
    let patch =
        json!([{"op": "test", "path": at, "value": old}, {"op": "replace", "path": at, "value": new}]);
    json!([{"reason": "because", "patch": patch}]).to_string()
}

fn pattern() -> String {
    format!("{BODY}/properties/c/pattern")
}

/// Returns a root with the page `pattern`, which was accepted with its correction.
fn accepted() -> Root {
    let root = root();
    root.write(FILE, &replace(&pattern(), &json!("(?i)abc"), &json!("[aA][bB][cC]")));
    root.xtask("spec accept --from pages").assert_success();
    root
}

#[test]
fn invalid_page_is_refused_without_and_accepted_with_its_correction() {
    let root = root();
    let before = root.snapshot();
    root.xtask("spec accept --from pages").assert_failure(
        4,
        &[
            &format!("error: pattern: {}: expected an ECMA 262 regular expression", pattern()),
            "hint: openapi/corrections/<page>.json corrects a page that is invalid",
        ],
    );
    assert_eq!(root.snapshot(), before);
    let root = accepted();
    root.xtask("spec build --check").assert_success();
    assert_eq!(root.xtask("spec drift --from pages --fail-on info").assert_success(), "no change\n");
    // The committed document is the published one.
    let published = root.json("openapi/upstream/pattern.json");
    assert_eq!(published, odd_page("pattern"));
    let built = root.json("openapi/distribute-ai.json");
    let text = built["components"]["schemas"]["PatternRequest"]["properties"]["c"].to_string();
    assert!(text.contains("[aA][bB][cC]"), "{text}");
}

#[test]
fn outdated_guard_of_an_invalid_page_fails_with_expected_and_found_value() {
    let root = accepted();
    let mut page = odd_page("pattern");
    *page.pointer_mut(&pattern()).unwrap() = json!("(?i)abcd");
    root.write_page("pattern", &page);
    let before = root.snapshot();
    for (command, code) in [("spec accept --from pages", 4), ("spec drift --from pages", 1)] {
        let at = pattern();
        root.xtask(command).assert_failure(code, &[
            &format!(": pattern: {FILE}: fix 1 (because): {at}: the guard no longer matches: expected \"(?i)abc\", found \"(?i)abcd\"\n"),
            &format!(": pattern: {at}: expected an ECMA 262 regular expression, found \"(?i)abcd\"\n"),
        ]);
    }
    assert_eq!(root.snapshot(), before);
}

#[test]
fn page_that_no_longer_needs_its_correction_is_compared_and_not_accepted() {
    let root = accepted();
    let mut page = odd_page("pattern");
    *page.pointer_mut(&pattern()).unwrap() = json!("[a-z]");
    root.write_page("pattern", &page);
    let drift = root.xtask("spec drift --from pages --fail-on info");
    drift.assert_failure(1, &[&format!("warning: {FILE}: fix 1 (because): {}: the guard", pattern())]);
    assert!(drift.stdout().contains("pattern-changed"), "{}", drift.stdout());
    let before = root.snapshot();
    root.xtask("spec accept --from pages").assert_failure(
        4,
        &[
            &format!("error: {FILE}: fix 1 (because): "),
            "hint: if the pages no longer need a fix, remove the fix",
        ],
    );
    assert_eq!(root.snapshot(), before);
}

#[test]
fn correction_of_a_valid_page_hides_no_change() {
    let root = Root::new();
    root.write_pages();
    let at = "/paths/~1async~1speech~1result/post/description";
    let published = root.json("openapi/upstream/speech-result.json");
    let old = published.pointer(at).unwrap();
    root.write("openapi/corrections/speech-result.json", &replace(at, old, &json!("Corrected.")));
    root.xtask("spec drift --from pages --fail-on info").assert_success();
    root.xtask("spec build").assert_success();
    assert_eq!(root.json("openapi/distribute-ai.json").pointer(at).unwrap(), "Corrected.");
    let mut page = published.clone();
    *page.pointer_mut(at).unwrap() = json!("Other words.");
    root.write_page("speech-result", &page);
    let drift = root.xtask("spec drift --from pages --fail-on info");
    drift.assert_failure(1, &["warning: openapi/corrections/speech-result.json: fix 1 (because): "]);
    assert!(drift.stdout().contains("Other words."), "{}", drift.stdout());
}

#[test]
fn corrections_of_an_unknown_page_fail() {
    let root = Root::new();
    root.write_pages();
    root.write("openapi/corrections/speech-crate.json", "[]");
    root.write("openapi/corrections/speech-results.json", "[]");
    for command in ["spec build", "spec accept --from pages", "spec drift --from pages"] {
        root.xtask(command).assert_failure(
            4,
            &["error: openapi/corrections/speech-crate.json: unknown page \"speech-crate\", expected a page of openapi/sources.toml: speech-create, speech-result\n",
                "error: openapi/corrections/speech-results.json: unknown page \"speech-results\""],
        );
    }
}

#[test]
fn invalid_corrections_fail() {
    let root = Root::new();
    let file = "openapi/corrections/speech-create.json";
    root.write(file, "{");
    root.xtask("spec build").assert_failure(4, &[&format!("{file}: (root): not JSON")]);
    root.write(file, "[{\"patch\": []}]");
    root.xtask("spec build")
        .assert_failure(4, &[&format!("{file}: expected a list of"), "missing field `reason`"]);
    root.write(file, "[{\"reason\": \"because\", \"patch\": [{\"op\": \"remove\", \"path\": \"/tags\"}]}]");
    root.xtask("spec build").assert_failure(4, &[&format!("{file}: fix 1 (because): /tags: missing guard")]);
}
