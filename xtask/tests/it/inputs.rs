//! The documents of `spec diff`: files, standard input, addresses, git revisions, YAML, and references to other files.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    server::{Handler, ok, redirect, serve, status},
    support::{Root, RunResult},
};

const SPEC: &str = "openapi/distribute-ai.json";

/// Returns the value as YAML in block style.
fn yaml(value: &Value, indent: usize, out: &mut String) {
    let space = " ".repeat(indent);
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                let is_plain = key.chars().all(|c| c.is_ascii_alphanumeric());
                let key = if is_plain { key.clone() } else { Value::from(key.as_str()).to_string() };
                write!(out, "\n{space}{key}:").unwrap();
                yaml(value, indent + 2, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                write!(out, "\n{space}-").unwrap();
                yaml(item, indent + 2, out);
            }
        }
        scalar => write!(out, " {scalar}").unwrap(),
    }
}

fn document_with(schema: &Value) -> Value {
    json!({"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"get": {"responses": {
        "200": {"description": "d", "content": {"application/json": {"schema": schema}}}}}}}})
}

/// Runs the tool with a text on standard input.
fn xtask_with_input(root: &Root, args: &str, input: &[u8]) -> RunResult {
    let mut child = root.command(args).stdin(Stdio::piped()).spawn().unwrap();
    // The tool may end before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(input);
    RunResult::from(child.wait_with_output().unwrap())
}

#[test]
fn yaml_and_json_of_the_same_document_have_no_change() {
    let root = Root::new();
    let everything = include_str!("../documents/everything.json");
    for (name, text) in [("spec", root.read(SPEC)), ("everything", everything.to_owned())] {
        let mut block = "# YAML".to_owned();
        yaml(&serde_json::from_str(&text).unwrap(), 0, &mut block);
        root.write(&format!("{name}.json"), &text);
        root.write(&format!("{name}.yaml"), &block);
        for pair in [format!("{name}.json {name}.yaml"), format!("{name}.yaml {name}.json")] {
            let out = root.xtask(&format!("spec diff {pair} --fail-on info")).assert_success();
            assert_eq!(out, "no change\n");
        }
    }
}

#[test]
fn pointers_of_findings_exist_in_the_documents_as_written() {
    let root = Root::new();
    let later = |schema: &Value| {
        let mut document = document_with(schema);
        document["openapi"] = json!("3.1.0");
        document
    };
    let (number, reference) = (json!({"type": "number"}), json!({"$ref": "#/components/schemas/A"}));
    for (old, new) in [
        (json!({"const": "a"}), json!({"const": "b"})),
        (json!({"type": ["string", "null"]}), json!({"type": "string"})),
        (json!({"type": "number", "exclusiveMinimum": 1}), json!({"type": "number", "exclusiveMinimum": 0})),
        (json!({"properties": {"a": false}}), json!({"properties": {"a": true}})),
        (
            json!({"$ref": "#/components/schemas/A", "allOf": [{"maximum": 1}]}),
            json!({"allOf": [{"maximum": 2}, reference]}),
        ),
    ] {
        let [old, new] = [old, new].map(|schema| {
            let mut document = later(&schema);
            document["components"] = json!({"schemas": {"A": number}});
            document
        });
        root.write("old.json", &old.to_string());
        root.write("new.json", &new.to_string());
        let out = root.xtask("spec diff old.json new.json --format json --fail-on none").assert_success();
        let report: Value = serde_json::from_str(&out).unwrap();
        let findings = report["findings"].as_array().unwrap();
        assert!(!findings.is_empty());
        for finding in findings {
            for (document, key) in [(&old, "base_pointer"), (&new, "revision_pointer")] {
                let pointer = finding[key].as_str().unwrap();
                assert!(document.pointer(pointer).is_some(), "{pointer} in {document}");
            }
        }
    }
}

#[test]
fn standard_input_is_one_of_the_documents() {
    let root = Root::new();
    let spec = root.read(SPEC);
    for args in [format!("spec diff - {SPEC}"), format!("spec diff {SPEC} -")] {
        let result = xtask_with_input(&root, &args, spec.as_bytes());
        assert_eq!(result.assert_success(), "no change\n");
    }
    xtask_with_input(&root, "spec diff - -", spec.as_bytes())
        .assert_failure(2, &["error: standard input: both documents are `-`, expected at most one"]);
    xtask_with_input(&root, &format!("spec diff - {SPEC}"), b"{\"a\": ").assert_failure(
        4,
        &["error: standard input: (root): not JSON: EOF while parsing a value at line 1 column 6"],
    );
    let reference = document_with(&json!({"$ref": "pet.yaml"})).to_string();
    xtask_with_input(&root, &format!("spec diff - {SPEC}"), reference.as_bytes()).assert_failure(4, &[
        "error: standard input: /paths/~1a/get/responses/200/content/application~1json/schema/$ref: cannot load the file, because standard input has no directory; save the document to a file; found \"pet.yaml\"",
    ]);
}

#[test]
fn errors_of_both_documents_are_reported() {
    let root = Root::new();
    root.write("bad.yaml", "a: b: c");
    root.write("worse.json", "{\"a\": 1, \"a\": 2}");
    root.xtask("spec diff bad.yaml worse.json").assert_failure(4, &[
        "error: bad.yaml: (root): not YAML: mapping values are not allowed in this context at line 1 column 5\n",
        "error: worse.json: /a: duplicate key: first 1, then 2\n",
    ]);
    root.xtask("spec diff nowhere.yaml worse.json").assert_failure(
        4,
        &[
            "error: nowhere.yaml: no such file, expected a file, `-`, https://… or REV:path\n",
            "error: worse.json: /a: duplicate key",
        ],
    );
    root.xtask(&format!("spec diff openapi {SPEC}"))
        .assert_failure(2, &["error: openapi: is a directory, expected a file\n"]);
}

#[test]
fn address_is_downloaded_with_the_rules_for_pages() {
    let handler: Handler = |path, _| match path {
        "/api.json?token=secret" => ok(&document_with(&json!({"type": "string"})).to_string()),
        "/api.yaml" => ok("openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {}\n"),
        "/refers" => ok(&document_with(&json!({"$ref": "pet.json"})).to_string()),
        "/moved" => redirect("/api.yaml"),
        "/plain" => redirect("http://example.com/"),
        "/slow" => {
            thread::sleep(Duration::from_secs(3));
            String::new()
        }
        _ => status("404 Not Found"),
    };
    let (root, address) = (Root::new(), serve(handler));
    root.write("new.json", &document_with(&json!({"type": "string"})).to_string());
    let out = root.xtask(&format!("spec diff http://user:secret@{address}/api.json?token=secret new.json"));
    assert_eq!(out.assert_success(), "no change\n");
    root.xtask(&format!("spec diff http://{address}/api.yaml http://{address}/moved")).assert_success();
    for (path, code, expected) in [
        ("refers", 4, "cannot load the file, because only the document itself is downloaded"),
        ("plain", 5, "redirected to http://example.com/, expected https"),
        ("slow --timeout 0.5", 5, "timed out"),
        ("nowhere?token=hidden", 2, "/nowhere: 404 Not Found\n"),
    ] {
        let result = root.xtask(&format!("spec diff new.json http://{address}/{path}"));
        result.assert_failure(code, &[&format!("error: http://{address}/"), expected]);
        assert!(!result.stderr().contains("hidden"), "{}", result.stderr());
    }
    root.xtask("spec diff new.json http://example.com/api.json").assert_failure(
        2,
        &["error: address `http://example.com/api.json` is not allowed, expected https://"],
    );
}

/// Makes the root a git repository with one commit of all its files. The configuration of the user does not matter.
fn commit(root: &Root) {
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "core.autocrlf=false"]);
        git.args(["-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main"]);
        git.args(args).current_dir(root.path("")).env("GIT_CONFIG_GLOBAL", "/dev/null");
        git.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
        let output = git.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "--no-verify", "-m", "one"]);
}

#[test]
fn revision_is_read_from_git() {
    let root = Root::new();
    root.write("sub/api.yaml", "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {}\n");
    // The tool expects a directory `openapi` in its root.
    root.write("sub/openapi/empty", "");
    commit(&root);
    let mut spec = root.json(SPEC);
    spec["info"]["title"] = json!("Another");
    root.write(SPEC, &spec.to_string());
    let result = root.xtask(&format!("spec diff main:{SPEC} {SPEC} --fail-on info"));
    result.assert_failure(1, &["error: 1 change: "]);
    let result = root.xtask(&format!("spec diff {SPEC} HEAD:./{SPEC} --fail-on none --format github"));
    assert!(result.assert_success().contains(&format!("file={SPEC},title=info-changed")));
    // Paths that begin with a dot are relative to the current directory.
    for path in ["./api.yaml", "../sub/api.yaml", "sub/api.yaml"] {
        let mut command = root.command(&format!("spec diff HEAD:{path} api.yaml"));
        command.current_dir(root.path("sub"));
        assert_eq!(RunResult::from(command.output().unwrap()).assert_success(), "no change\n", "{path}");
    }
    for (argument, expected) in [
        (
            "nope:a.json",
            "nope:a.json: unknown revision \"nope\", expected a commit, branch or tag; `git fetch`",
        ),
        (
            "main:a.json",
            "main:a.json: no such file in main, expected a path from the root of the repository; `git ls-tree -r --name-only main` lists the files",
        ),
        ("main:openapi", "main:openapi: is a directory, expected a file"),
        ("main:", "main:: is a directory, expected a file"),
        ("main:../a", "main:../a: path leaves the repository"),
        ("main:/etc/passwd", "main:/etc/passwd: absolute path"),
    ] {
        root.xtask(&format!("spec diff {argument} {SPEC}"))
            .assert_failure(2, &[&format!("error: {expected}")]);
    }
    let refused = root.xtask(&format!("spec diff -- --output=x:{SPEC} {SPEC}"));
    refused.assert_failure(2, &["revision begins with `-`, expected a commit, branch or tag"]);
    let mut command = root.command(&format!("spec diff main:{SPEC} {SPEC}"));
    let without_git = RunResult::from(command.env("PATH", "").output().unwrap());
    without_git.assert_failure(2, &["could not run git: ", "; install git, or name a file"]);
}

#[cfg(not(windows))]
#[test]
fn file_with_the_name_of_a_revision_is_read_as_a_file() {
    let root = Root::new();
    root.write(&format!("main:{SPEC}"), &root.read(SPEC));
    assert_eq!(root.xtask(&format!("spec diff main:{SPEC} {SPEC}")).assert_success(), "no change\n");
}

#[test]
fn revision_outside_of_a_repository_is_an_error() {
    let root = Root::new();
    let mut command = root.command(&format!("spec diff main:{SPEC} {SPEC}"));
    // The temporary directory may be in a repository.
    let above = fs::canonicalize(root.path("..")).unwrap();
    let result = RunResult::from(command.env("GIT_CEILING_DIRECTORIES", above).output().unwrap());
    result.assert_failure(2, &["git: not a git repository", "; run the command in a repository"]);
}

#[test]
fn schema_in_another_file_is_no_change() {
    let root = Root::new();
    let pet = json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "size": {"type": "string", "enum": ["s", "l"]}}});
    root.write("inline.json", &document_with(&pet).to_string());
    let mut shared = document_with(&json!({"$ref": "#/components/schemas/Pet"}));
    shared["components"]["schemas"]["Pet"] = pet.clone();
    root.write("shared.json", &shared.to_string());
    root.write("api.yaml", &document_with(&json!({"$ref": "./schemas/pet.yaml#/Pet"})).to_string());
    root.write(
        "schemas/pet.yaml",
        "Pet:
  type: object
  required: [id]
  properties:
    id: {$ref: 'types.json'}
    size: {$ref: '#/Size'}
Size: {type: string, enum: [s, l]}
",
    );
    root.write("schemas/types.json", "{\"type\": \"integer\"}");
    let pairs = |new: &str| ["inline.json", "shared.json", "api.yaml"].map(|old| format!("{old} {new}"));
    for pair in pairs("api.yaml").into_iter().chain(["api.yaml inline.json".to_owned()]) {
        let out = root.xtask(&format!("spec diff {pair} --fail-on info")).assert_success();
        assert_eq!(out, "no change\n", "{pair}");
    }
    commit(&root);
    // The files of a revision are those of its commit.
    root.write("schemas/types.json", "{\"type\": \"string\"}");
    for pair in pairs("main:api.yaml") {
        let result = root.xtask(&format!("spec diff {pair} --fail-on info"));
        assert_eq!(result.is_success(), !pair.starts_with("api.yaml"), "{pair}: {}", result.stdout());
    }
    let out = root.xtask("spec diff main:api.yaml api.yaml --fail-on none").assert_success();
    assert!(out.contains("response 200 application/json/id: type or format changed"), "{out}");
    assert!(out.contains("at /x-external-files/schemas~1types.json"), "{out}");
}

#[test]
fn client_axis_of_a_document_with_other_files_is_unknown() {
    let root = Root::new();
    let mut spec = root.json(SPEC);
    spec["info"]["title"] = json!("Another");
    spec["components"]["schemas"]["Extra"] = json!({"$ref": "extra.json"});
    root.write("new.json", &spec.to_string());
    root.write("extra.json", "{\"type\": \"string\"}");
    let result = root.xtask(&format!("spec diff {SPEC} new.json"));
    assert!(result.assert_success().ends_with("1 change; wire info, client none\n"), "{}", result.stdout());
    let warning = "warning: new.json: the effect on the client is unknown, because the document refers to other files\n";
    assert_eq!(result.stderr(), warning);
}

#[test]
fn directory_option_contains_the_files_of_a_revision_too() {
    let root = Root::new();
    root.write("apis/a/api.yaml", &document_with(&json!({"$ref": "../../common/pet.yaml"})).to_string());
    root.write("common/pet.yaml", "type: string");
    commit(&root);
    let diff = "spec diff main:apis/a/api.yaml apis/a/api.yaml";
    root.xtask(diff).assert_failure(4, &[
        "error: main:apis/a/api.yaml: /paths/~1a/get/responses/200/content/application~1json/schema/$ref: the reference leaves the directory main:apis/a/; `--directory DIR` names a directory that contains all files; found \"../../common/pet.yaml\"",
        "error: apis/a/api.yaml: ",
    ]);
    for directory in [".", root.path("").to_str().unwrap()] {
        let out = root.xtask(&format!("{diff} --directory {directory}")).assert_success();
        assert_eq!(out, "no change\n", "{directory}");
    }
    root.xtask(&format!("{diff} --directory common"))
        .assert_failure(4, &["--directory: apis/a/api.yaml is not in common"]);
}
