//! The pages that `spec accept --from` reads: valid and invalid ones. It writes all documents or none.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::{Root, page};

#[test]
fn accept_reproduces_the_committed_files() {
    let root = Root::live();
    root.write_pages();
    for name in ["speech-create", "speech-result"] {
        // The committed file must not depend on the white space of the page.
        let document = root.read(&format!("openapi/upstream/{name}.json"));
        root.write(&format!("pages/{name}.md"), &page(&document.replace('\n', "\r\n")));
    }
    let before = root.snapshot();
    root.xtask("spec accept --from pages").assert_success();
    assert_eq!(root.snapshot(), before);
    // The result must not depend on existing files. Only the lockfile and the log contain the date.
    fs::remove_dir_all(root.path("openapi/upstream")).unwrap();
    fs::remove_file(root.path("openapi/upstream.lock")).unwrap();
    fs::remove_file(root.path("openapi/distribute-ai.json")).unwrap();
    root.xtask("spec accept --from pages").assert_success();
    let before_lock = str::from_utf8(&before[Path::new("openapi/upstream.lock")]).unwrap();
    let without_dates = |lock: &str| -> Vec<String> {
        lock.lines().filter(|line| !line.starts_with("date")).map(str::to_owned).collect()
    };
    assert_eq!(without_dates(&root.read("openapi/upstream.lock")), without_dates(before_lock));
    root.write("openapi/upstream.lock", before_lock);
    let log = root.read("openapi/CHANGES.md");
    match before.get(Path::new("openapi/CHANGES.md")) {
        Some(log) => fs::write(root.path("openapi/CHANGES.md"), log).unwrap(),
        None => fs::remove_file(root.path("openapi/CHANGES.md")).unwrap(),
    }
    assert_eq!(log.matches("endpoint-added").count(), 2, "{log}");
    assert_eq!(root.snapshot(), before);
}

#[test]
fn accept_preserves_numbers_escapes_and_key_order() {
    let root = Root::new();
    root.write_pages();
    let text = root.read("openapi/upstream/speech-create.json");
    let odd = text.replace("\"maximum\": 1,", "\"maximum\": 1.0, \"x-z\": \"\\u00e9\", \"x-a\": 1e0,");
    assert_ne!(odd, text);
    root.write("pages/speech-create.md", &page(&odd));
    root.xtask("spec accept --from pages").assert_success();
    let written = root.read("openapi/upstream/speech-create.json");
    let lines =
        "\"maximum\": 1.0,\n                    \"x-z\": \"\\u00e9\",\n                    \"x-a\": 1e0,\n";
    let without_indent = |text: &str| text.split_whitespace().collect::<String>();
    assert!(without_indent(&written).contains(&without_indent(lines)), "{written}");
    assert!(written.ends_with("}\n"));
}

#[test]
fn accept_with_invalid_page_names_it_and_writes_nothing() {
    let root = Root::new();
    root.write_pages();
    // The other page is valid and has changed. Its change must not be written either.
    let mut news = root.json("openapi/upstream/speech-create.json");
    news["x-news"] = json!(true);
    root.write_page("speech-create", &news);
    let good = root.read("openapi/upstream/speech-result.json");
    let page_before = root.read("pages/speech-result.md");
    let before = root.snapshot();
    let fence = page(&good);
    for (bad, expected) in [
        ("# Nothing here\n".to_owned(), "error: speech-result: expected one ```json fence, found none\n"),
        ("<html>Log in</html>".to_owned(), "found none in what looks like HTML"),
        (fence.clone() + &fence, "expected one ```json fence, found 2, the first at line 5"),
        ("```json\n{}\n".to_owned(), "the ```json fence that opens at line 1 is never closed"),
        (
            page("{\"a\": tru}"),
            "error: speech-result: (root): not JSON: expected ident at line 1 column 10 of the fence, whose line 1 is line 6 of the page",
        ),
        (page("openapi: 3.0.3"), "not JSON: expected value at line 1 column 1"),
        (page("[1]"), "error: speech-result: (root): expected an object, found [1]"),
        (
            page("{\"openapi\": \"3.1.0\"}"),
            "error: speech-result: /openapi: expected \"3.0.x\", found \"3.1.0\"",
        ),
        (
            page(&good.replacen("\"version\"", "\"title\"", 1)),
            "error: speech-result: /info/title: duplicate key: first \"Distribute.AI API\", then \"1.0.0\"",
        ),
        (
            page(&good.replace("\"responses\"", "\"respones\"")),
            "error: speech-result: /paths/~1async~1speech~1result/post/respones: unknown key in an operation",
        ),
        (
            page(&good.replace("\"operationId\"", "\"x-id\"")),
            "error: speech-result: /paths/~1async~1speech~1result/post/operationId: missing",
        ),
    ] {
        root.write("pages/speech-result.md", &bad);
        root.xtask("spec accept --from pages").assert_failure(4, &[expected]);
        root.write("pages/speech-result.md", &page_before);
        assert_eq!(root.snapshot(), before, "{expected}");
    }
}

#[test]
fn accept_reports_every_problem_of_every_page() {
    let root = Root::new();
    root.write_pages();
    root.write("pages/speech-create.md", &page("{\"openapi\": \"3.0.3\", \"x\": 1}"));
    root.write("pages/speech-result.md", "nothing");
    let result = root.xtask("spec accept --from pages");
    result.assert_failure(
        4,
        &[
            "error: speech-create: /info: missing",
            "error: speech-create: /x: unknown key",
            "error: speech-result: ",
        ],
    );
}

#[test]
fn text_of_a_page_cannot_forge_a_line_of_standard_error() {
    let root = Root::new();
    root.write_pages();
    let text = root.read("openapi/upstream/speech-create.json");
    let with_key = |value: &str| {
        let key = format!("\"maxLength\": 4096, \"a\\n::error::forged\\u001b[2A\": {value}");
        text.replacen("\"maxLength\": 4096", &key, 1)
    };
    let property = json!({"type": "object", "properties": {"b": {"type": "string"}}});
    let mut unnamed: Value = serde_json::from_str(&text).unwrap();
    let operation = &mut unnamed["paths"]["/async/speech/create"]["post"];
    operation["operationId"] = json!("speak\n::error::forged");
    operation["requestBody"]["content"]["application/json"]["schema"]["properties"]["a\nhint: forged"] =
        property;
    for page_text in [with_key(r#"{"k": 1, "k": 2}"#), with_key(&"[".repeat(200)), unnamed.to_string()] {
        root.write("pages/speech-create.md", &page(&page_text));
        for command in ["drift", "accept"] {
            let stderr = root.xtask(&format!("spec {command} --from pages")).stderr();
            assert!(command == "drift" || stderr.contains("forged"), "{stderr}");
            for line in stderr.lines() {
                let is_ours = ["error: ", "warning: ", "hint: "].iter().any(|start| line.starts_with(start));
                assert!(is_ours && !line.starts_with("hint: forged"), "{line:?}");
                assert!(!line.contains(char::is_control), "{line:?}");
            }
        }
    }
}

#[test]
fn hint_about_a_page_is_one_that_can_help() {
    let root = Root::new();
    root.write_pages();
    let text = root.read("openapi/upstream/speech-create.json");
    let document: Value = serde_json::from_str(&text).unwrap();
    let property = |value: Value| {
        let mut document = document.clone();
        let body = &mut document["paths"]["/async/speech/create"]["post"]["requestBody"];
        body["content"]["application/json"]["schema"]["properties"]["extra"] = value;
        page(&document.to_string())
    };
    let with_parameter = {
        let mut document = document.clone();
        document["paths"]["/async/speech/create"]["parameters"] = json!([
            {"name": "p", "in": "header", "schema": {"type": "array", "items": {"type": "string"}}}]);
        page(&document.to_string())
    };
    let save = "hint: if a page has moved, change its address in openapi/sources.toml; else save the pages";
    let correct = "hint: openapi/corrections/<page>.json corrects a page that is invalid";
    let refused = "hint: nothing was accepted";
    for (page, error, hint) in [
        ("a".to_owned(), "found none", save),
        (page("{}") + &page("{}"), "found 2", save),
        ("<html>".to_owned(), "looks like HTML", save),
        (page("{"), "not JSON", save),
        (page("{\"a\": 1, \"a\": 2}"), "/a: duplicate key: first 1, then 2", save),
        (page(&"[".repeat(200)), "nested too deeply", save),
        (page("{\"openapi\": \"3.0.3\"}"), "/info: missing", correct),
        (
            property(json!({"type": "string", "nullable": true, "enum": [null]})),
            "error: page speech-create: operation asyncSpeechCreate: /paths/",
            "hint: the pages are valid, but the build cannot express this part",
        ),
        (
            with_parameter,
            "error: page speech-create: openapi/distribute-ai.json: /paths/~1async~1speech~1create/parameters/0: ",
            refused,
        ),
    ] {
        root.write("pages/speech-create.md", &page);
        let result = root.xtask("spec accept --from pages");
        result.assert_failure(4, &[error, hint]);
        for other in [save, correct, "the error is in openapi/fixes.json"] {
            assert!(hint == other || !result.stderr().contains(other), "{error}: {}", result.stderr());
        }
    }
}

#[test]
fn accept_of_page_with_invalid_utf8_fails() {
    let root = Root::new();
    root.write_pages();
    fs::write(root.path("pages/speech-create.md"), b"a\xff").unwrap();
    root.xtask("spec accept --from pages")
        .assert_failure(4, &["error: speech-create: invalid UTF-8 at byte 1"]);
}

#[test]
fn accept_with_missing_input_or_invalid_argument_is_a_usage_error() {
    let root = Root::new();
    root.write_pages();
    let before = root.snapshot();
    root.xtask("spec accept --from nowhere").assert_failure(2, &["error: nowhere: directory not found"]);
    root.xtask("spec accept --form pages").assert_failure(2, &["unexpected argument '--form'"]);
    root.xtask("spec accept --timeout 0").assert_failure(2, &["expected a number of seconds above zero"]);
    root.xtask("spec").assert_failure(2, &["Usage"]);
    root.xtask("--root nowhere spec build").assert_failure(2, &[]);
    assert_eq!(root.snapshot(), before);
    fs::remove_file(root.path("pages/speech-create.md")).unwrap();
    root.xtask("spec accept --from pages").assert_failure(2, &["speech-create.md: "]);
    root.write("openapi/sources.toml", "a = \"http://example.com/a.md\"\n");
    root.xtask("spec accept")
        .assert_failure(2, &["openapi/sources.toml: a: address `http://example.com/a.md` is not allowed"]);
}

#[test]
fn help_lists_the_exit_codes() {
    let root = Root::empty();
    let commands = ["build", "merge", "diff", "drift", "accept", "checks"];
    let commands = commands.map(|command| format!("spec {command} --help"));
    for args in ["--help", "spec --help"].map(str::to_owned).into_iter().chain(commands) {
        let help = root.xtask(&args).assert_success();
        assert!(help.contains("3  stale") && help.contains("5  network"), "{help}");
    }
}
