//! Reading pages over HTTP.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use crate::{
    server::{DRIP, Handler, accepted_page, ok, ok_with, redirect, serve, status},
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

/// Asserts that `drift` and `accept` fail with these messages, leave standard output empty and write nothing.
#[track_caller]
fn assert_reading_fails(handler: Handler, code: i32, expected: &[&str]) {
    let root = root(serve(handler), "/bad");
    let before = root.snapshot();
    for command in ["drift", "accept"] {
        // The timeout is long enough for the valid page on a busy machine.
        let result = root.xtask(&format!("spec {command} --timeout 1.5"));
        result.assert_failure(code, expected);
        assert_eq!((root.snapshot(), result.stdout()), (before.clone(), String::new()), "{command}");
    }
}

/// Returns the first page for `/good`.
fn good(path: &str) -> Option<String> {
    path.ends_with("/good").then(|| accepted_page("speech-create"))
}

#[test]
fn accept_from_addresses_follows_redirects() {
    let result = include_str!("../openapi/upstream/speech-result.json");
    let handler: Handler = |path, _| {
        good(path).unwrap_or_else(|| match path {
            "/moved" => redirect("/result"),
            _ => accepted_page("speech-result"),
        })
    };
    let address = serve(handler);
    let root = root(address, "/moved");
    root.xtask("spec accept").assert_success();
    assert_eq!(root.read("openapi/upstream/speech-result.json"), result);
    let lock = root.read("openapi/upstream.lock");
    assert!(lock.contains(&format!("address = \"http://{address}/moved\"")), "{lock}");
    root.xtask("spec build --check").assert_success();
}

#[test]
fn status_404_is_a_network_error() {
    let handler: Handler = |path, _| good(path).unwrap_or(status("404 Not Found"));
    assert_reading_fails(handler, 5, &["error: speech-result: http://127.0.0.1:", "/bad: ", "404 Not Found"]);
}

#[test]
fn status_500_is_a_network_error() {
    let handler: Handler = |path, _| good(path).unwrap_or(status("500 Internal Server Error"));
    assert_reading_fails(handler, 5, &["error: speech-result: ", "500 Internal Server Error"]);
}

#[test]
fn truncated_body_is_a_network_error() {
    let handler: Handler = |path, _| {
        good(path).unwrap_or("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n```json\n{".to_owned())
    };
    assert_reading_fails(
        handler,
        5,
        &["error: speech-result: ", "end of file before message length reached"],
    );
}

#[test]
fn timeout_is_a_network_error() {
    let handler: Handler = |path, _| {
        good(path).unwrap_or_else(|| {
            thread::sleep(Duration::from_secs(3));
            String::new()
        })
    };
    assert_reading_fails(handler, 5, &["error: speech-result: ", "timed out"]);
}

#[test]
fn timeout_includes_a_body_that_arrives_slowly() {
    let handler: Handler = |path, _| good(path).unwrap_or_else(|| ok_with(DRIP, &"a".repeat(400)));
    let start = Instant::now();
    assert_reading_fails(handler, 5, &["error: speech-result: ", "timed out"]);
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
fn redirect_to_login_page_is_a_document_error() {
    let handler: Handler = |path, _| {
        good(path).unwrap_or_else(|| match path {
            "/bad" => redirect("/login"),
            _ => ok("<!DOCTYPE html><title>Log in</title>"),
        })
    };
    assert_reading_fails(
        handler,
        4,
        &[
            "error: speech-result: expected one ```json fence, found none in what looks like HTML (redirected to http://127.0.0.1:",
            "/login)",
        ],
    );
}

#[test]
fn redirect_to_plain_http_is_not_followed() {
    let handler: Handler = |path, _| good(path).unwrap_or(redirect("http://example.com/"));
    assert_reading_fails(handler, 5, &["redirected to http://example.com/, expected https"]);
}

#[test]
fn network_error_is_reported_before_an_invalid_page() {
    let handler: Handler = |path, _| match path {
        "/good" => ok("no fence"),
        _ => status("503 Service Unavailable"),
    };
    assert_reading_fails(handler, 5, &["503 Service Unavailable"]);
}
