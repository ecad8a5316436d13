//! The key goes to the API's origin and shows up nowhere else.

use std::{
    io,
    sync::{Mutex, Once},
    time::Duration,
};

use distribute_ai::{Client, testing::httpmock::MockServer};
use futures_util::StreamExt;
use progenitor_client::ClientInfo;
use serde_json::json;
use tracing_subscriber::{Layer, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt};

use crate::support::{Act, CREATE, ID, KEY, Socket, builder, client, completed, serving};

#[test]
fn not_in_debug() {
    let client = Client::builder().api_key(KEY).build().unwrap();
    let speak = client.speak("my secret thoughts").voice("nora");
    let task = client.task(ID.parse().unwrap());
    let shown = format!(
        "{client:?} {:?} {:?} {speak:?} {task:?} {:?} {:?}",
        client.inner(),
        Client::builder().api_key(KEY),
        task.wait(),
        task.updates()
    );
    assert!(!shown.contains(KEY), "{shown}");
    assert!(!shown.contains("thoughts"), "{shown}");
}

#[tokio::test]
async fn nor_is_the_address_of_an_audio() {
    let server = serving(completed("https://user:s3cr3t@example.com/a.wav?signature=s3cr3t"));
    let task = client(&server.base_url()).task(ID.parse().unwrap());
    let speech = task.wait().await.unwrap();
    let updates: Vec<_> = task.updates().collect().await;
    let shown = format!("{speech:?} {:?} {updates:?}", speech.audio().unwrap());
    assert!(shown.contains("example.com/a.wav") && !shown.contains("s3cr3t"), "{shown}");

    // Nor in an error about a result that can't be read.
    let mut body = completed("https://example.com/a.wav?signature=s3cr3t");
    body["created"] = json!("yesterday");
    let server = serving(body);
    let error = client(&server.base_url()).task(ID.parse().unwrap()).status().await.unwrap_err();
    assert!(error.is_unanswered() && !format!("{error:?}").contains("s3cr3t"), "{error:?}");
}

#[tokio::test]
async fn not_in_an_error_even_if_the_server_repeats_it() {
    let words = format!("no such key: {KEY}");
    // What a server had from another one, which spells in numbers.
    let spelled = KEY.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat();
    let passed_on = format!(r#"{{"error":"no such key: {spelled}"}}"#);
    for act in [
        Act::json("401 Unauthorized", &json!({"message": passed_on})),
        Act::json("400 Bad Request", &json!({"message": passed_on})),
        Act::json("401 Unauthorized", &json!({"message": words})),
        Act::reply("401 Unauthorized", "", &words),
        Act::reply("502 Bad Gateway", "", &words),
        Act::reply("200 OK", "", &words),
        Act::reply("202 Accepted", "", &words),
        Act::reply("200 OK", "", &json!(words).to_string()),
    ] {
        let server = Socket::play([act]).await;
        let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
        let shown = format!("{error} {error:?} {:?}", error.message());
        assert!(shown.contains("no such key: [redacted]"), "{shown}");
        assert!(!shown.contains(KEY), "{shown}");
    }
}

#[tokio::test]
async fn not_in_a_status_that_nobody_knows() {
    let mut body = completed("https://example.com/a.wav");
    body["status"] = json!(format!("PAUSED\n{KEY}\u{1b}[31m{}", "!".repeat(1_000)));
    let server = serving(body);
    let task = client(&server.base_url()).task(ID.parse().unwrap());
    let error = task.wait().deadline(Duration::from_millis(50)).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(error.is_deadline() && shown.contains("(last status PAUSED [redacted] [31m!!!"), "{shown}");
    assert!(!shown.contains(['\n', '\u{1b}']) && shown.len() < 500, "{shown}");
    assert!(task.status().await.unwrap().to_string().starts_with("PAUSED [redacted] "));
}

#[tokio::test]
async fn not_to_the_host_of_the_audio() {
    let audio = Socket::play([Act::reply("200 OK", "", "RIFF")]).await;
    let server = serving(completed(&format!("{}/a.wav", audio.url)));
    let speech = client(&server.base_url()).speak("Hello").await.unwrap();
    assert_eq!(speech.audio().unwrap().bytes().await.unwrap(), "RIFF");
    let requests = audio.requests();
    assert_eq!(requests.len(), 1);
    assert!(!requests[0].to_lowercase().contains("authorization"), "{requests:?}");
    assert!(!requests[0].contains(KEY), "{requests:?}");
}

#[tokio::test]
async fn not_along_a_redirect() {
    let elsewhere = Socket::play([Act::json("200 OK", &json!({"id": ID}))]).await;
    for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("location: {}{CREATE}\r\n", elsewhere.url);
        let server = Socket::play([Act::reply(status, &location, "")]).await;

        let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
        assert_eq!(error.status().unwrap().as_str(), &status[..3]);
        assert_eq!(elsewhere.requests(), Vec::<String>::new(), "our own client follows none");
    }
    // A client of the user's may follow; the text goes nowhere, for its body can't be sent twice, nor does the key.
    for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("location: {}{CREATE}\r\n", elsewhere.url);
        let server = Socket::play([Act::reply(status, &location, "")]).await;
        let following = builder(&server.url).http_client(reqwest::Client::new()).build().unwrap();
        let _ = following.speak("my secret thoughts").submit().await;
    }
    for request in elsewhere.requests() {
        assert!(!request.contains(KEY) && !request.contains("thoughts"), "{request}");
    }
}

/// What the whole process logs, at the finest level: a subscriber of one test alone would miss what other threads have
/// found to be unwanted.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn listen() {
    static ONCE: Once = Once::new();
    // The servers of the tests run in this process, and may log what they are sent.
    let ours = filter_fn(|line| {
        !line.target().starts_with("httpmock") && !line.target().starts_with("hyper::server")
    });
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| Log).with_filter(ours);
    ONCE.call_once(|| tracing_subscriber::registry().with(lines).init());
}

fn log() -> String {
    String::from_utf8(LOG.lock().unwrap().clone()).unwrap()
}

#[tokio::test]
async fn not_in_a_log_line_and_neither_is_the_text() {
    listen();
    let server = serving(completed("http://127.0.0.1:9/a.wav?signature=s3cr3t"));
    client(&server.base_url()).speak("my secret thoughts").await.unwrap();
    let refusing = MockServer::start();
    refusing.mock(|when, then| {
        when.path(CREATE);
        then.status(401).json_body(json!({"message": format!("no such key: {KEY}")}));
    });
    client(&refusing.base_url()).speak("my secret thoughts").submit().await.unwrap_err();

    let log = log();
    assert!(log.contains("submitted") && log.contains(ID), "an operator finds the id: {log}");
    for secret in [KEY, "thoughts", "s3cr3t"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[tokio::test]
async fn an_id_forges_no_log_line() {
    listen();
    let created = json!({"id": "t1\nERROR all is lost"});
    let bodies = [created, completed("http://127.0.0.1:9/a.wav")];
    let server = Socket::play(bodies.map(|body| Act::json("200 OK", &body))).await;
    client(&server.url).speak("Hello").await.unwrap();

    let log = log();
    assert!(log.contains("all is lost"), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("ERROR")), "{log}");
}
