//! `spec build`: invalid inputs, and `--check`, which writes nothing.

use std::fs;

use serde_json::json;

use crate::support::Root;

const MERGED: &str = "openapi/distribute-ai.json";
const CREATE: &str = "openapi/upstream/speech-create.json";

#[test]
fn build_is_reproducible() {
    let root = Root::new();
    let before = root.snapshot();
    let stdout = root.xtask("spec build").assert_success();
    assert!(stdout.starts_with("openapi/distribute-ai.json\n  drop-reserved-titles: 0\n"), "{stdout}");
    assert_eq!(root.snapshot(), before);
    root.xtask("spec build --check").assert_success();
}

#[test]
fn check_of_stale_file_prints_a_diff_and_writes_nothing() {
    let root = Root::new();
    let edited = root.read(MERGED).replace("\"maxLength\": 4096", "\"maxLength\": 9");
    root.write(MERGED, &edited);
    let before = root.snapshot();
    let result = root.xtask("spec build --check");
    result.assert_failure(
        3,
        &["error: openapi/distribute-ai.json is stale\n", "hint: `cargo xtask spec build` writes it"],
    );
    let diff = result.stdout();
    assert!(diff.contains("\n-        \"maxLength\": 9,\n+        \"maxLength\": 4096,\n"), "{diff}");
    assert_eq!(root.snapshot(), before);
    root.xtask("spec build").assert_success();
    root.xtask("spec build --check").assert_success();
    fs::remove_file(root.path(MERGED)).unwrap();
    root.xtask("spec build --check").assert_failure(3, &["is stale"]);
}

#[test]
fn build_with_edited_document_fails_with_both_checksums() {
    let root = Root::new();
    let edited = root.read(CREATE).replace("4096", "4097");
    root.write(CREATE, &edited);
    let before = root.snapshot();
    root.xtask("spec build").assert_failure(
        4,
        &[
            "error: openapi/upstream/speech-create.json: (root): edited by hand: found sha256 ",
            "expected ",
            "hint: ",
        ],
    );
    assert_eq!(root.snapshot(), before);
}

#[test]
fn build_with_page_that_was_not_accepted_fails() {
    let root = Root::new();
    root.append("openapi/sources.toml", "\nimages-create = \"https://docs.distribute.ai/i.md\"\n");
    root.append("openapi/sources.toml", "images-result = \"https://docs.distribute.ai/r.md\"\n");
    root.xtask("spec build")
        .assert_failure(4, &["images-create.json", "images-result.json", "hint: `cargo xtask spec accept`"]);
    let one_page = root.read("openapi/sources.toml").replace("images-result = ", "# ");
    root.write("openapi/sources.toml", &one_page);
    fs::copy(root.path(CREATE), root.path("openapi/upstream/images-create.json")).unwrap();
    root.xtask("spec build")
        .assert_failure(4, &["openapi/upstream.lock: /images-create: missing, expected the page"]);
}

#[test]
fn build_with_outdated_guard_fails() {
    let root = Root::new();
    root.publish("speech-create", |page| {
        page["paths"]["/async/speech/create"]["post"]["requestBody"]["description"] = json!("Better words.");
    });
    let before = root.snapshot();
    root.xtask("spec build").assert_failure(4, &[
        "error: openapi/fixes.json: fix 1 (the page describes the request to create a task with the words for its response): /paths/~1async~1speech~1create/post/requestBody/description: the guard no longer matches: expected \"Returns a unique ID",
        "found \"Better words.\"",
        "hint: if the pages no longer need a fix",
    ]);
    assert_eq!(root.snapshot(), before);
}

#[test]
fn build_with_unguarded_or_invalid_fix_fails() {
    let root = Root::new();
    let fix = json!([{"reason": "because", "patch": [{"op": "remove", "path": "/tags"}]}]);
    root.write("openapi/fixes.json", &fix.to_string());
    root.xtask("spec build").assert_failure(
        4,
        &["openapi/fixes.json: fix 1 (because): /tags: missing guard: expected a `test` of this path"],
    );
    root.write("openapi/fixes.json", "{");
    root.xtask("spec build").assert_failure(4, &["openapi/fixes.json: (root): not JSON"]);
    root.write("openapi/fixes.json", "[{\"patch\": []}]");
    root.xtask("spec build").assert_failure(4, &["openapi/fixes.json: ", "missing field `reason`"]);
}

#[test]
fn build_with_fix_that_invalidates_the_document_fails() {
    let root = Root::new();
    let fix = json!([{"reason": "because", "patch": [
        {"op": "test", "path": "/info", "value": {"title": "Distribute.AI API", "version": "1.0.0"}},
        {"op": "remove", "path": "/info/version"}]}]);
    root.write("openapi/fixes.json", &fix.to_string());
    root.xtask("spec build").assert_failure(
        4,
        &["error: openapi/distribute-ai.json: /info/version: missing", "openapi/fixes.json"],
    );
}

#[test]
fn build_with_unused_relax_rule_warns() {
    let root = Root::new();
    root.publish("speech-create", |page| {
        let at =
            "/paths/~1async~1speech~1create/post/requestBody/content/application~1json/schema/properties";
        let properties = page.pointer_mut(at).unwrap().as_object_mut().unwrap();
        properties["voice"]["anyOf"][0].as_object_mut().unwrap().remove("default");
        for property in properties.values_mut() {
            property.as_object_mut().unwrap().remove("default");
        }
    });
    let result = root.xtask("spec build");
    result.assert_success();
    let warning = "warning: the rule \"document-request-defaults\" no longer applies";
    assert!(result.stderr().contains(warning), "{}", result.stderr());
}

#[test]
fn build_with_unnamed_inline_schema_fails() {
    let root = Root::new();
    root.publish("speech-create", |page| {
        let at =
            "/paths/~1async~1speech~1create/post/requestBody/content/application~1json/schema/properties";
        page.pointer_mut(at).unwrap()["format"] = json!({"type": "string", "enum": ["wav", "mp3"]});
    });
    let before = root.snapshot();
    root.xtask("spec build").assert_failure(4, &[
        "error: openapi/names.toml: [asyncSpeechCreate] \"request.format\": expected a name for the inline schema at /paths/~1async~1speech~1create/post/requestBody/content/application~1json/schema/properties/format, {\"",
        "hint: openapi/names.toml, under [asyncSpeechCreate]: \"request.format\" = \"AsyncSpeechCreateRequestFormat\"",
    ]);
    assert_eq!(root.snapshot(), before);
}

#[test]
fn build_reports_the_problems_of_all_steps() {
    let root = Root::new();
    root.publish("speech-create", |page| {
        let post = &mut page["paths"]["/async/speech/create"]["post"];
        post["requestBody"]["description"] = json!("Better words.");
        let schema = &mut post["requestBody"]["content"]["application/json"]["schema"];
        schema["properties"]["frame"] =
            json!({"type": "object", "required": ["side"], "properties": {"side": {"type": "string"}}});
    });
    root.xtask("spec build").assert_failure(4, &[
        "error: openapi/names.toml: [asyncSpeechCreate] \"request.frame\": expected a name",
        "error: openapi/fixes.json: fix 1 (",
        "error: openapi/constructors.toml: AsyncSpeechCreateRequestFrame: no constructor",
        "hint: openapi/names.toml, under [asyncSpeechCreate]: \"request.frame\" = \"AsyncSpeechCreateRequestFrame\"\n",
        "hint: openapi/constructors.toml: AsyncSpeechCreateRequestFrame = { arguments = [\"side\"] }\n",
    ]);
}

#[test]
fn build_with_unused_or_invalid_name_fails() {
    let root = Root::new();
    root.append("openapi/names.toml", "\n\"200.gone[]\" = \"Gone\"\n");
    root.xtask("spec build").assert_failure(
        4,
        &["[asyncSpeechResult] \"200.gone[]\": unused name \"Gone\", expected an inline schema"],
    );
    root.append("openapi/names.toml", "\n\"500\" = \"no name\"\n");
    root.xtask("spec build").assert_failure(
        4,
        &["[asyncSpeechResult] \"500\": invalid name \"no name\", expected a name such as NoName"],
    );
    root.write("openapi/names.toml", "[a]\nb = \"HTTPBody\"\n");
    root.xtask("spec build")
        .assert_failure(4, &["[a] \"b\": invalid name \"HTTPBody\", expected a name such as HttpBody"]);
    root.write("openapi/names.toml", "[a]\nb = 1\n");
    root.xtask("spec build").assert_failure(4, &["openapi/names.toml: "]);
}

#[test]
fn build_includes_changes_of_the_pages() {
    let root = Root::new();
    root.publish("speech-result", |page| {
        let at =
            "/paths/~1async~1speech~1result/post/responses/200/content/application~1json/schema/properties";
        let properties = page.pointer_mut(at).unwrap();
        properties["cost"] = json!({"type": "number", "minimum": 0});
        properties["status"]["enum"].as_array_mut().unwrap().push(json!("PAUSED"));
    });
    root.xtask("spec build").assert_success();
    let merged = root.json(MERGED);
    let schemas = &merged["components"]["schemas"];
    assert_eq!(schemas["SpeechResult"]["properties"]["cost"], json!({"type": "number"}));
    assert_eq!(schemas["KnownStatus"]["enum"][7], "PAUSED");
}

/// Only the process of the generator ends, and the error names the operation.
#[test]
fn build_of_a_document_that_ends_the_generator_fails_and_names_the_operation() {
    let at = "/paths/~1async~1speech~1create/post";
    let root = Root::new();
    root.publish("speech-create", |page| {
        let media = page.pointer_mut(&format!("{at}/responses/200/content/application~1json")).unwrap();
        media["encoding"] = json!({"id": {}});
    });
    let before = root.snapshot();
    let operation = "page openapi/upstream/speech-create.json: operation asyncSpeechCreate: ";
    root.xtask("spec build").assert_failure(4, &[operation, "the generator panicked: "]);
    assert_eq!(root.snapshot(), before);
}

#[test]
fn schema_that_is_a_part_of_itself_is_refused_by_name() {
    let root = Root::new();
    root.publish("speech-create", |page| {
        let part = json!({"$ref": "#/components/schemas/Endless"});
        page["components"]["schemas"]["Endless"] = json!({"allOf": [part, {"type": "object"}]});
        let at = "/paths/~1async~1speech~1create/post/requestBody/content/application~1json/schema";
        page.pointer_mut(at).unwrap()["properties"]["endless"] = part;
    });
    let before = root.snapshot();
    let problem = "/components/schemas/Endless: Endless is a part of itself, by `allOf`";
    root.xtask("spec build").assert_failure(4, &["page openapi/upstream/speech-create.json: ", problem]);
    assert_eq!(root.snapshot(), before);
}
