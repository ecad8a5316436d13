//! Reading pages over HTTP.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    server::{DRIP, Handler, accepted_page, drifted_page, ok, ok_with, redirect, serve, status},
    support::Root,
};

/// Returns a root with two pages: a valid one, and one at `path`.
fn root(address: SocketAddr, path: &str) -> Root {
    let root = Root::new();
    let sources =
        format!("speech-create = \"http://{address}/good\"\nspeech-result = \"http://{address}{path}\"\n");
    root.write("openapi/sources.toml", &sources);
    root
}

/// The timeout is long enough for a valid page on a busy machine.
const LIMITS: &str = "--timeout 1.5 --pause 0.1";

/// Asserts that `drift` and `accept` fail with these messages and write nothing, and that `drift` compares the other page.
#[track_caller]
fn assert_network_fails(handler: Handler, expected: &[&str]) {
    let root = root(serve(handler), "/bad");
    let before = root.snapshot();
    for (command, report) in [("drift", "no change\n"), ("accept", "")] {
        let result = root.xtask(&format!("spec {command} {LIMITS}"));
        result.assert_failure(5, expected);
        assert_eq!((root.snapshot(), &*result.stdout()), (before.clone(), report), "{command}");
    }
}

/// Asserts that `drift` reports only the second page, with the rule and the message, and that `accept` fails with the
/// messages and writes nothing.
#[track_caller]
fn assert_page_is_absent(handler: Handler, rule: &str, message: &str, accept: &[&str]) {
    let root = root(serve(handler), "/bad");
    let before = root.snapshot();
    let drift = root.xtask(&format!("spec drift --format json {LIMITS}"));
    drift.assert_failure(1, &["warning: speech-result: ", "error: 1 change: wire err, client breaking"]);
    let is_requested_again =
        drift.stderr().contains("warning: a page was not found; requesting it again after 0.1 s");
    assert_eq!(is_requested_again, rule == "page-removed", "{}", drift.stderr());
    let report: Value = serde_json::from_str(&drift.stdout()).unwrap();
    let finding = &report["findings"][0];
    assert_eq!(finding["rule"], rule);
    assert!(finding["message"].as_str().unwrap().contains(message), "{finding}");
    let result = root.xtask(&format!("spec accept {LIMITS}"));
    result.assert_failure(4, accept);
    assert_eq!((root.snapshot(), &*result.stdout()), (before, ""));
}

/// Returns the first page for `/good`.
fn good(path: &str) -> Option<String> {
    path.ends_with("/good").then(|| accepted_page("speech-create"))
}

#[test]
fn status_500_is_a_network_error() {
    let handler: Handler = |path, _| good(path).unwrap_or(status("500 Internal Server Error"));
    assert_network_fails(handler, &["error: speech-result: ", "500 Internal Server Error"]);
}

#[test]
fn status_that_is_no_success_is_a_network_error() {
    let not_modified: Handler = |path, _| good(path).unwrap_or(status("304 Not Modified"));
    assert_network_fails(not_modified, &["error: speech-result: ", "304 Not Modified, expected a success"]);
    let redirect_to_nowhere: Handler = |path, _| good(path).unwrap_or(status("302 Found"));
    assert_network_fails(redirect_to_nowhere, &["error: speech-result: ", "302 Found, expected a success"]);
}

#[test]
fn truncated_body_is_a_network_error() {
    let handler: Handler = |path, _| {
        good(path).unwrap_or("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n```json\n{".to_owned())
    };
    assert_network_fails(handler, &["error: speech-result: ", "end of file before message length reached"]);
}

#[test]
fn timeout_is_a_network_error() {
    let handler: Handler = |path, _| {
        good(path).unwrap_or_else(|| {
            thread::sleep(Duration::from_secs(3));
            String::new()
        })
    };
    assert_network_fails(handler, &["error: speech-result: ", "timed out"]);
}

#[test]
fn timeout_includes_a_body_that_arrives_slowly() {
    let handler: Handler = |path, _| good(path).unwrap_or_else(|| ok_with(DRIP, &"a".repeat(400)));
    let start = Instant::now();
    assert_network_fails(handler, &["error: speech-result: ", "timed out"]);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn refused_connection_is_a_network_error() {
    let root = Root::new();
    // Port 9 is usually closed. Another test could reuse a port that was free a moment ago.
    root.write("openapi/sources.toml", "speech-create = \"http://127.0.0.1:9/a\"\n");
    let before = root.snapshot();
    root.xtask("spec accept").assert_failure(5, &["error: speech-create: http://127.0.0.1:", "refused"]);
    assert_eq!(root.snapshot(), before);
}

#[test]
fn redirect_to_plain_http_is_not_followed() {
    let handler: Handler = |path, _| good(path).unwrap_or(redirect("http://example.com/"));
    assert_network_fails(handler, &["redirected to http://example.com/, expected https"]);
}

#[test]
fn removed_page_is_a_finding() {
    for handler in [
        (|path, _| good(path).unwrap_or(status("404 Not Found"))) as Handler,
        |path, _| good(path).unwrap_or(status("410 Gone")),
        |path, _| {
            good(path).unwrap_or_else(|| match path {
                "/bad" => redirect("/moved"),
                _ => status("404 Not Found"),
            })
        },
    ] {
        let accept = [
            "error: speech-result: http://127.0.0.1:",
            "hint: if the page speech-result was removed for good, remove its line from openapi/sources.toml",
        ];
        assert_page_is_absent(
            handler,
            "page-removed",
            "speech-result: page removed: \"http://127.0.0.1:",
            &accept,
        );
    }
}

#[test]
fn page_that_exists_again_after_the_pause_is_not_a_finding() {
    let handler: Handler = |path, earlier| {
        good(path).unwrap_or_else(|| match earlier {
            0 => status("404 Not Found"),
            _ => accepted_page("speech-result"),
        })
    };
    let root = root(serve(handler), "/back");
    let start = Instant::now();
    assert_eq!(root.xtask("spec drift --pause 0.5").assert_success(), "no change\n");
    assert!(start.elapsed() >= Duration::from_millis(500));
}

#[test]
fn page_that_fails_after_the_pause_is_a_network_error() {
    let handler: Handler = |path, earlier| {
        good(path).unwrap_or_else(|| match earlier % 2 {
            0 => status("404 Not Found"),
            _ => status("503 Service Unavailable"),
        })
    };
    assert_network_fails(handler, &["503 Service Unavailable"]);
}

#[test]
fn page_without_openapi_3_0_is_a_finding() {
    let rule = "page-not-openapi";
    let message = "found none in what looks like HTML (redirected to http://127.0.0.1:";
    let html: Handler = |path, _| {
        good(path).unwrap_or_else(|| match path {
            "/bad" => redirect("/login?token=secret"),
            _ => ok("<!DOCTYPE html><title>Log in</title>"),
        })
    };
    assert_page_is_absent(html, rule, message, &["error: speech-result: ", message, "/login)"]);
    let openapi_3_1: Handler = |path, _| {
        let page = accepted_page("speech-result").replace("\"openapi\": \"3.0.3\"", "\"openapi\": \"3.1.0\"");
        good(path).unwrap_or(page)
    };
    let message = "/openapi: expected \"3.0.x\", found \"3.1.0\"";
    assert_page_is_absent(openapi_3_1, rule, "3.1.0", &[&format!("error: speech-result: {message}")]);
    let swagger: Handler = |path, _| good(path).unwrap_or(ok("```json\n{\"swagger\": \"2.0\"}\n```\n"));
    let message = "/swagger: expected OpenAPI 3.0.x, found Swagger";
    assert_page_is_absent(swagger, rule, message, &[&format!("error: speech-result: {message}")]);
    let no_fence: Handler = |path, _| good(path).unwrap_or(ok("# A page"));
    assert_page_is_absent(no_fence, rule, "expected one ```json fence", &["found none"]);
}

#[test]
fn other_pages_are_reported_beside_a_page_that_cannot_be_read() {
    let handler: Handler = |path, _| match path {
        "/good" => drifted_page("speech-create"),
        _ => status("503 Service Unavailable"),
    };
    let root = root(serve(handler), "/bad");
    for format in ["text", "markdown", "json", "github", "junit"] {
        let drift = root.xtask(&format!("spec drift --format {format} {LIMITS}"));
        drift.assert_failure(5, &["error: speech-result: ", "503 Service Unavailable"]);
        assert!(drift.stdout().contains("info-changed"), "{}", drift.stdout());
    }
}

#[test]
fn redirect_is_mentioned_without_secrets() {
    let handler: Handler = |path, _| {
        good(path).unwrap_or_else(|| match path.split('?').next() {
            Some("/moved") => redirect("/result?token=secret#secret"),
            _ => accepted_page("speech-result"),
        })
    };
    let address = serve(handler);
    let root = root(address, "/moved?key=secret");
    let sources = root.read("openapi/sources.toml");
    root.write("openapi/sources.toml", &sources.replace("http://", "http://user:secret@"));
    for command in ["drift", "accept"] {
        let result = root.xtask(&format!("spec {command}"));
        result.assert_success();
        let warning = format!(
            "warning: speech-result: http://{address}/moved redirects to http://{address}/result; if the page has moved, change openapi/sources.toml\n"
        );
        assert_eq!(result.stderr(), warning);
    }
    let result = include_str!("../openapi/upstream/speech-result.json");
    assert_eq!(root.read("openapi/upstream/speech-result.json"), result);
    root.xtask("spec build --check").assert_success();
}
