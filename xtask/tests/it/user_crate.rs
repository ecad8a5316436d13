//! A crate of a user compiles against the client of the committed pages, and against those of later pages.
//!
//! The test checks types only and shares the built dependencies between runs, in `target/user-crate`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::{added_pages::accept_all, client_axis, support::Root};

const PROGRAM: &str = include_str!("../documents/user_crate.rs");
const PAGES: [&str; 2] = ["speech-create", "speech-result"];
const TABLE: &str = "openapi/constructors.toml";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

/// Returns the committed documents, with the crate and a crate that depends on it.
fn root_with_crates(program: &str) -> Root {
    let root = Root::live();
    for part in ["Cargo.toml", "README.md", "benches", "build", "build.rs", "docs", "examples", "src"] {
        copy(&repository().join(part), &root.path(part));
    }
    root.write("user/src/main.rs", program);
    root.write(
        "user/Cargo.toml",
        "[package]\nname = \"user\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         distribute-ai = { path = \"..\", default-features = false, features = [\"schemars\", \"testing\"] }\n\
         serde = \"1\"\nserde_json = \"1\"\ntokio = { version = \"1\", features = [\"full\"] }\n",
    );
    // Use the versions of the repository. cargo removes the unused entries.
    copy(&repository().join("Cargo.lock"), &root.path("user/Cargo.lock"));
    root
}

/// Asserts that the crate of the user compiles.
#[track_caller]
fn assert_user_crate_compiles(root: &Root) {
    assert_cargo_succeeds(root, "check");
}

#[track_caller]
fn assert_cargo_succeeds(root: &Root, command: &str) {
    let output = run_cargo(root, command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn run_cargo(root: &Root, command: &str) -> Output {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    Command::new(env::var_os("CARGO").unwrap_or("cargo".into()))
        .args([command, "--quiet", "--offline"])
        .current_dir(root.path("user"))
        .env("CARGO_TARGET_DIR", std::path::absolute(target).unwrap().join("user-crate"))
        .output()
        .unwrap()
}

/// Calls `change` for each object schema of a page.
fn for_each_object(value: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    if value["properties"].is_object() {
        change(value);
    }
    match value {
        Value::Object(members) => members.values_mut().for_each(|value| for_each_object(value, change)),
        Value::Array(items) => items.iter_mut().for_each(|value| for_each_object(value, change)),
        _ => {}
    }
}

/// Publishes pages with the change, and returns the worst client level of the report.
fn publish(root: &Root, change: &mut dyn FnMut(&mut Value)) -> Value {
    for page in PAGES {
        fs::copy(root.path(&format!("openapi/upstream/{page}.json")), root.path(page)).unwrap();
        root.publish(page, |document| for_each_object(&mut document["paths"], change));
    }
    let reports = PAGES.map(|page| {
        let diff = format!("spec diff {page} openapi/upstream/{page}.json --format json --fail-on none");
        let report: Value = serde_json::from_str(&root.xtask(&diff).assert_success()).unwrap();
        report["client"].clone()
    });
    if reports.contains(&json!("breaking")) { json!("breaking") } else { reports[0].clone() }
}

#[test]
fn user_crate_compiles_with_properties_and_values_that_the_api_adds() {
    let root = root_with_crates(PROGRAM);
    assert_user_crate_compiles(&root);

    // A new optional property in every object, sent or received, and a second model.
    let mut objects = 0;
    let level = publish(&root, &mut |schema| {
        objects += 1;
        schema["properties"]["one_more"] = json!({"type": "string"});
        if let Some(Value::Array(models)) = schema.pointer_mut("/properties/model/enum") {
            models.insert(0, json!("Chatterbox2"));
        }
    });
    assert_eq!((objects, level), (9, json!("compatible")));
    root.xtask("spec build").assert_success();
    let spec = root.read("openapi/distribute-ai.json");
    assert_eq!(spec.matches("\"one_more\": {").count(), 5);
    assert_user_crate_compiles(&root);

    // The received property becomes required. Users who read it must change their code, but not those who mock it.
    let level = publish(&root, &mut |schema| {
        let properties = schema["properties"].as_object().unwrap();
        if properties.contains_key("url") {
            let required = schema["required"].take();
            let mut required = required.as_array().cloned().unwrap_or_default();
            required.push(json!("one_more"));
            schema["required"] = required.into();
        }
    });
    assert_eq!(level, json!("breaking"));
    root.xtask("spec build").assert_failure(
        4,
        &[
            "error: openapi/constructors.toml: SpeechOutput: required property \"one_more\" is not listed",
            "hint: openapi/constructors.toml: SpeechOutput: defaults = { \"one_more\" = \"\" }",
        ],
    );
    let table = root.read(TABLE);
    let default = "], defaults = { \"one_more\" = \"\" } }";
    let lines = table.lines().map(|line| {
        if line.starts_with("SpeechOutput") { line.replace("] }", default) } else { line.to_owned() }
    });
    root.write(TABLE, &lines.map(|line| line + "\n").collect::<String>());
    root.xtask("spec build").assert_success();
    assert_user_crate_compiles(&root);
}

/// Returns the crate with all unusual pages that are not refused, and a program that reads their types.
fn root_with_added_pages() -> Root {
    let root = root_with_crates(include_str!("../documents/added_pages.rs"));
    root.write_pages();
    accept_all(&root);
    root
}

/// With `RUN_ADDED_PAGES`, the program runs, and asserts that no value is lost. Otherwise it is only compiled, because all
/// dependencies would be built again.
#[test]
fn client_of_unusual_pages_loses_no_value() {
    let command = if env::var_os("RUN_ADDED_PAGES").is_some() { "run" } else { "check" };
    assert_cargo_succeeds(&root_with_added_pages(), command);
}

/// A difference that breaks code is one that the compiler refuses in a program that uses everything. `COMPILED_CHANGES`
/// sets the number of changes.
#[test]
fn compiler_agrees_with_the_levels_of_changes() {
    let count = env::var("COMPILED_CHANGES").map_or(1, |count| count.parse().unwrap());
    for name in SAMPLE.into_iter().take(count) {
        let root = root_with_crates(PROGRAM);
        let expected = client_axis::publish(&root, name);
        let compiles = run_cargo(&root, "check").status.success();
        assert_eq!(compiles, expected != "breaking", "{name}: {expected}");
    }
}

const SAMPLE: [&str; 10] = [
    "type changed",
    "optional property",
    "property removed",
    "received type",
    "value added",
    "known value removed",
    "error with another body",
    "received property added",
    "received list nullable",
    "received limit",
];
