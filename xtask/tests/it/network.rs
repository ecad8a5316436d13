//! Fetching pages over HTTP, from a server on loopback with fixed responses.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use crate::support::{Root, page};

/// Returns the response for a path.
type Handler = fn(&str) -> String;

/// Starts a server that runs until the process ends, and returns its address.
fn serve(handler: Handler) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // One thread per connection, so that a slow page does not delay others.
            thread::spawn(move || {
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap_or(0);
                let text = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = text.split(' ').nth(1).unwrap_or_default();
                let _ = stream.write_all(handler(path).as_bytes());
            });
        }
    });
    address
}

fn ok(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// Returns the valid page of the first document for a path that ends in `/good`.
fn good(path: &str) -> Option<String> {
    let document = include_str!("../openapi/upstream/speech-create.json");
    path.ends_with("/good").then(|| ok(&page(document)))
}

/// Returns a root with two pages: a valid one, and one at `path`.
fn root(address: SocketAddr, path: &str) -> Root {
    let root = Root::new();
    let sources =
        format!("speech-create = \"http://{address}/good\"\nspeech-result = \"http://{address}{path}\"\n");
    root.write("openapi/sources.toml", &sources);
    root
}

/// Asserts that `drift` and `accept` fail with these messages, leave standard output empty and write
/// nothing.
#[track_caller]
fn assert_fetch_fails(handler: Handler, code: i32, expected: &[&str]) {
    let root = root(serve(handler), "/bad");
    let before = root.snapshot();
    for command in ["drift", "accept"] {
        // The timeout is long enough for the valid page on a busy machine.
        let result = root.xtask(&format!("spec {command} --timeout 1.5"));
        result.assert_failure(code, expected);
        assert_eq!((root.snapshot(), result.stdout()), (before.clone(), String::new()), "{command}");
    }
}

#[test]
fn accept_from_addresses_follows_redirects() {
    let result = include_str!("../openapi/upstream/speech-result.json");
    let handler: Handler = |path| {
        good(path).unwrap_or_else(|| match path {
            "/moved" => {
                "HTTP/1.1 302 Found\r\nlocation: /result\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                    .to_owned()
            }
            _ => ok(&page(include_str!("../openapi/upstream/speech-result.json"))),
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
fn accept_with_status_404_is_a_network_error() {
    let handler: Handler =
        |path| good(path).unwrap_or("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned());
    assert_fetch_fails(handler, 5, &["error: speech-result: http://127.0.0.1:", "/bad: ", "404 Not Found"]);
}

#[test]
fn accept_with_status_500_is_a_network_error() {
    let handler: Handler = |path| {
        good(path).unwrap_or("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops".to_owned())
    };
    assert_fetch_fails(handler, 5, &["error: speech-result: ", "500 Internal Server Error"]);
}

#[test]
fn accept_with_truncated_body_is_a_network_error() {
    let handler: Handler =
        |path| good(path).unwrap_or("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n```json\n{".to_owned());
    assert_fetch_fails(handler, 5, &["error: speech-result: ", "end of file before message length reached"]);
}

#[test]
fn accept_with_timeout_is_a_network_error() {
    let handler: Handler = |path| {
        good(path).unwrap_or_else(|| {
            thread::sleep(Duration::from_secs(3));
            String::new()
        })
    };
    assert_fetch_fails(handler, 5, &["error: speech-result: ", "timed out"]);
}

#[test]
fn accept_with_refused_connection_is_a_network_error() {
    let root = Root::new();
    // Port 9 is usually closed. Another test could reuse a port that was free a moment ago.
    root.write("openapi/sources.toml", "speech-create = \"http://127.0.0.1:9/a\"\n");
    let before = root.snapshot();
    root.xtask("spec accept").assert_failure(5, &["error: speech-create: http://127.0.0.1:", "refused"]);
    assert_eq!(root.snapshot(), before);
}

#[test]
fn accept_redirected_to_login_page_is_a_document_error() {
    let handler: Handler = |path| {
        good(path).unwrap_or_else(|| match path {
            "/bad" => {
                "HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                    .to_owned()
            }
            _ => ok("<!DOCTYPE html><title>Log in</title>"),
        })
    };
    assert_fetch_fails(
        handler,
        4,
        &[
            "error: speech-result: expected one ```json fence, found none in what looks like HTML (redirected to http://127.0.0.1:",
            "/login)",
        ],
    );
}

#[test]
fn accept_does_not_follow_redirect_to_plain_http() {
    let handler: Handler = |path| {
        good(path).unwrap_or(
            "HTTP/1.1 302 Found\r\nlocation: http://example.com/\r\ncontent-length: 0\r\n\r\n".to_owned(),
        )
    };
    assert_fetch_fails(handler, 5, &["redirected to http://example.com/, expected https"]);
}

#[test]
fn accept_reports_network_error_before_invalid_page() {
    let handler: Handler = |path| match path {
        "/good" => ok("no fence"),
        _ => "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_owned(),
    };
    assert_fetch_fails(handler, 5, &["503 Service Unavailable"]);
}
