//! The pages from the network, which here is a socket on loopback that answers as it is told.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use crate::support::{Root, page};

/// What the server does with a request for a path.
type Answer = fn(&str) -> String;

/// Answers every request of the process' life; the threads end with it.
fn serve(answer: Answer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // A page that takes its time holds up no other.
            thread::spawn(move || {
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap_or(0);
                let text = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = text.split(' ').nth(1).unwrap_or_default();
                let _ = stream.write_all(answer(path).as_bytes());
            });
        }
    });
    address
}

fn ok(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// The page of the first document; the one whose address ends in `/good`.
fn good(path: &str) -> Option<String> {
    let document = include_str!("../openapi/upstream/speech-create.json");
    path.ends_with("/good").then(|| ok(&page(document)))
}

/// A root with a good page and one at an address of its own.
fn root(address: SocketAddr, path: &str) -> Root {
    let root = Root::new();
    let sources =
        format!("speech-create = \"http://{address}/good\"\nspeech-result = \"http://{address}{path}\"\n");
    root.write("openapi/sources.toml", &sources);
    root
}

/// Reads the pages, and sees that a failure is told of the right page, is told as nothing else, and leaves the disk as it
/// was.
#[track_caller]
fn refused(answer: Answer, code: i32, said: &[&str]) {
    let root = root(serve(answer), "/bad");
    let before = root.disk();
    for command in ["fetch", "drift", "accept"] {
        // Long enough for every page that comes, on a busy machine, too.
        let ran = root.xtask(&format!("spec {command} --timeout 1.5"));
        ran.fails(code, said);
        assert_eq!((root.disk(), ran.stdout()), (before.clone(), String::new()), "{command}");
    }
}

#[test]
fn fetches_pages_from_their_addresses() {
    let result = include_str!("../openapi/upstream/speech-result.json");
    let answer: Answer = |path| {
        good(path).unwrap_or_else(|| match path {
            "/moved" => {
                "HTTP/1.1 302 Found\r\nlocation: /result\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                    .to_owned()
            }
            _ => ok(&page(include_str!("../openapi/upstream/speech-result.json"))),
        })
    };
    let address = serve(answer);
    let root = root(address, "/moved");
    root.xtask("spec fetch").succeeds();
    assert_eq!(root.read("openapi/upstream/speech-result.json"), result);
    let lock = root.read("openapi/upstream.lock");
    assert!(lock.contains(&format!("address = \"http://{address}/moved\"")), "{lock}");
    root.xtask("spec build --check").succeeds();
}

#[test]
fn a_page_that_is_gone_is_the_networks_fault() {
    let answer: Answer =
        |path| good(path).unwrap_or("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned());
    refused(answer, 5, &["error: speech-result: http://127.0.0.1:", "/bad: ", "404 Not Found"]);
}

#[test]
fn a_server_that_fails_is_the_networks_fault() {
    let answer: Answer = |path| {
        good(path).unwrap_or("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops".to_owned())
    };
    refused(answer, 5, &["error: speech-result: ", "500 Internal Server Error"]);
}

#[test]
fn a_body_cut_short_is_the_networks_fault() {
    let answer: Answer =
        |path| good(path).unwrap_or("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n```json\n{".to_owned());
    refused(answer, 5, &["error: speech-result: ", "end of file before message length reached"]);
}

#[test]
fn a_server_that_is_silent_is_the_networks_fault() {
    let answer: Answer = |path| {
        good(path).unwrap_or_else(|| {
            thread::sleep(Duration::from_secs(3));
            String::new()
        })
    };
    refused(answer, 5, &["error: speech-result: ", "timed out"]);
}

#[test]
fn nobody_listening_is_the_networks_fault() {
    let root = Root::new();
    // Not a port that was free a moment ago: another test may be given it.
    root.write("openapi/sources.toml", "speech-create = \"http://127.0.0.1:9/a\"\n");
    let before = root.disk();
    root.xtask("spec fetch").fails(5, &["error: speech-create: http://127.0.0.1:", "refused"]);
    assert_eq!(root.disk(), before);
}

#[test]
fn a_login_page_is_a_bad_document() {
    let answer: Answer = |path| {
        good(path).unwrap_or_else(|| match path {
            "/bad" => {
                "HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                    .to_owned()
            }
            _ => ok("<!DOCTYPE html><title>Log in</title>"),
        })
    };
    refused(
        answer,
        4,
        &[
            "error: speech-result: expected one ```json fence, found none in what looks like HTML (redirected to http://127.0.0.1:",
            "/login)",
        ],
    );
}

#[test]
fn a_redirect_away_from_https_is_not_followed() {
    let answer: Answer = |path| {
        good(path).unwrap_or(
            "HTTP/1.1 302 Found\r\nlocation: http://example.com/\r\ncontent-length: 0\r\n\r\n".to_owned(),
        )
    };
    refused(answer, 5, &["redirected to http://example.com/, which is not https"]);
}

#[test]
fn an_outage_is_told_before_a_bad_page() {
    let answer: Answer = |path| match path {
        "/good" => ok("no fence"),
        _ => "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_owned(),
    };
    refused(answer, 5, &["503 Service Unavailable"]);
}
