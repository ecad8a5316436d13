//! `spec fetch --from`: what it takes, what it refuses, and that it is all or nothing.

use std::fs;

use serde_json::json;

use crate::support::{Root, page};

#[test]
fn a_fetch_and_a_build_give_the_committed_files_byte_for_byte() {
    let root = Root::live();
    root.write_pages();
    for name in ["speech-create", "speech-result"] {
        // What is published has no white space to speak of; the committed file must not depend on it.
        let document = root.read(&format!("openapi/upstream/{name}.json"));
        root.write(&format!("pages/{name}.md"), &page(&document.replace('\n', "\r\n")));
    }
    let before = root.disk();
    root.xtask("spec fetch --from pages").succeeds();
    root.xtask("spec build").succeeds();
    assert_eq!(root.disk(), before);
    // Nor on the files having been there: only the lock remembers the date.
    fs::remove_dir_all(root.path("openapi/upstream")).unwrap();
    fs::remove_file(root.path("openapi/distribute-ai.json")).unwrap();
    root.xtask("spec fetch --from pages").succeeds();
    root.xtask("spec build").succeeds();
    assert_eq!(root.disk(), before);
}

#[test]
fn a_document_is_written_as_it_was_published() {
    let root = Root::new();
    root.write_pages();
    let text = root.read("openapi/upstream/speech-create.json");
    let odd = text.replace("\"maximum\": 1,", "\"maximum\": 1.0, \"x-z\": \"\\u00e9\", \"x-a\": 1e0,");
    assert_ne!(odd, text);
    root.write("pages/speech-create.md", &page(&odd));
    root.xtask("spec fetch --from pages").succeeds();
    let written = root.read("openapi/upstream/speech-create.json");
    let lines =
        "\"maximum\": 1.0,\n                    \"x-z\": \"\\u00e9\",\n                    \"x-a\": 1e0,\n";
    let without_indent = |text: &str| text.split_whitespace().collect::<String>();
    assert!(without_indent(&written).contains(&without_indent(lines)), "{written}");
    assert!(written.ends_with("}\n"));
}

#[test]
fn a_page_that_is_no_longer_listed_is_removed() {
    let root = Root::new();
    root.write_pages();
    let sources = root.read("openapi/sources.toml");
    let sources: String =
        sources.lines().filter(|line| !line.starts_with("speech-result")).collect::<Vec<_>>().join("\n");
    root.write("openapi/sources.toml", &sources);
    root.xtask("spec fetch --from pages").succeeds();
    assert!(!root.path("openapi/upstream/speech-result.json").exists());
    assert!(!root.read("openapi/upstream.lock").contains("speech-result"));
}

#[test]
fn the_first_fetch_makes_what_is_not_there() {
    let from = Root::new();
    from.write_pages();
    let root = Root::empty();
    root.write("openapi/sources.toml", &from.read("openapi/sources.toml"));
    let pages = from.path("pages");
    root.xtask(&format!("spec fetch --from {}", pages.display())).succeeds();
    let document = "openapi/upstream/speech-create.json";
    assert_eq!(root.read(document), from.read(document));
}

#[test]
fn a_bad_page_is_named_and_changes_nothing() {
    let root = Root::new();
    root.write_pages();
    // The other page has news, which must not be written either.
    let mut news = root.json("openapi/upstream/speech-create.json");
    news["x-news"] = json!(true);
    root.write_page("speech-create", &news);
    let good = root.read("openapi/upstream/speech-result.json");
    let page_before = root.read("pages/speech-result.md");
    let before = root.disk();
    let fence = page(&good);
    for (bad, said) in [
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
            "error: speech-result: /info/title: the key stands twice: first \"Distribute.AI API\", then \"1.0.0\"",
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
        root.xtask("spec fetch --from pages").fails(4, &[said]);
        root.write("pages/speech-result.md", &page_before);
        assert_eq!(root.disk(), before, "{said}");
    }
}

#[test]
fn every_bad_page_is_told_and_every_problem_of_each() {
    let root = Root::new();
    root.write_pages();
    root.write("pages/speech-create.md", &page("{\"openapi\": \"3.0.3\", \"x\": 1}"));
    root.write("pages/speech-result.md", "nothing");
    let ran = root.xtask("spec fetch --from pages");
    ran.fails(
        4,
        &[
            "error: speech-create: /info: missing",
            "error: speech-create: /x: unknown key",
            "error: speech-result: ",
        ],
    );
}

#[test]
fn text_that_is_none_is_a_bad_page() {
    let root = Root::new();
    root.write_pages();
    fs::write(root.path("pages/speech-create.md"), b"a\xff").unwrap();
    root.xtask("spec fetch --from pages").fails(4, &["error: speech-create: not UTF-8 text from byte 1"]);
}

#[test]
fn what_is_missing_or_wrongly_asked_is_usage() {
    let root = Root::new();
    root.write_pages();
    let before = root.disk();
    root.xtask("spec fetch --from nowhere").fails(2, &["error: nowhere: no such directory"]);
    root.xtask("spec fetch --form pages").fails(2, &["unexpected argument '--form'"]);
    root.xtask("spec fetch --timeout 0").fails(2, &["expected seconds above zero"]);
    root.xtask("spec").fails(2, &["Usage"]);
    root.xtask("--root nowhere spec build").fails(2, &[]);
    assert_eq!(root.disk(), before);
    fs::remove_file(root.path("pages/speech-create.md")).unwrap();
    root.xtask("spec fetch --from pages").fails(2, &["speech-create.md: "]);
    root.write("openapi/sources.toml", "a = \"http://example.com/a.md\"\n");
    root.xtask("spec fetch").fails(2, &["openapi/sources.toml: a: `http://example.com/a.md` is not allowed"]);
}

#[test]
fn help_says_what_the_exit_codes_mean() {
    let root = Root::empty();
    let commands = ["fetch", "build", "merge", "diff", "drift", "accept", "checks"];
    let commands = commands.map(|command| format!("spec {command} --help"));
    for words in ["--help", "spec --help"].map(str::to_owned).into_iter().chain(commands) {
        let help = root.xtask(&words).succeeds();
        assert!(help.contains("3  stale") && help.contains("5  network"), "{help}");
    }
}
