//! The API key is sent only to the API's origin and appears nowhere else.

use std::{
    io,
    sync::{Mutex, Once},
    time::Duration,
};

use distribute_ai::{
    Client,
    testing::{Simulator, httpmock::MockServer},
};
use futures_util::StreamExt;
use progenitor_client::ClientInfo;
use serde_json::json;
use tracing_subscriber::{Layer, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt};

use crate::support::{
    Action, CREATE, ID, KEY, RESULT, ScriptedServer, builder, client, completed_result, serve_result,
};

#[test]
fn debug_output_hides_api_key_and_text() {
    let client = Client::builder().api_key(KEY).build().unwrap();
    let speak = client.speak("my secret thoughts").voice("nora");
    let task = client.task(ID.parse().unwrap());
    let output = format!(
        "{client:?} {:?} {:?} {speak:?} {task:?} {:?} {:?}",
        client.inner(),
        Client::builder().api_key(KEY),
        task.wait(),
        task.updates()
    );
    assert!(!output.contains(KEY), "{output}");
    assert!(!output.contains("thoughts"), "{output}");
}

#[tokio::test]
async fn debug_output_hides_audio_url_query() {
    let server = serve_result(completed_result("https://user:s3cr3t@example.com/a.wav?signature=s3cr3t"));
    let task = client(&server.base_url()).task(ID.parse().unwrap());
    let speech = task.wait().await.unwrap();
    let updates: Vec<_> = task.updates().collect().await;
    let output = format!("{speech:?} {:?} {updates:?}", speech.audio().unwrap());
    assert!(output.contains("example.com/a.wav") && !output.contains("s3cr3t"), "{output}");

    // An error about an unreadable result hides the query as well.
    let mut body = completed_result("https://example.com/a.wav?signature=s3cr3t");
    body["status"] = json!(7);
    let server = serve_result(body);
    let error = client(&server.base_url()).task(ID.parse().unwrap()).status().await.unwrap_err();
    assert!(error.is_unanswered() && !format!("{error:?}").contains("s3cr3t"), "{error:?}");
}

#[tokio::test]
async fn error_hides_address_in_error_response() {
    let url = "https://example.com/a.wav?signature=s3cr3t";
    let message = format!("audio removed: {url}");
    let bodies = [
        (json!({"results": [{"url": url}]}).to_string(), r#"410 Gone: {"results":[{"url":"[address]"}]}"#),
        (json!({"message": message}).to_string(), "410 Gone: audio removed: [address]"),
        (json!({"detail": message}).to_string(), r#"410 Gone: {"detail":"audio removed: [address]"}"#),
        (message, "410 Gone: audio removed: [address]"),
    ];
    for (body, expected) in bodies {
        let server = ScriptedServer::start([Action::response("410 Gone", "", &body)]).await;
        let error = client(&server.url).task(ID.parse().unwrap()).status().await.unwrap_err();
        let output = format!("{error:?} {:?}", error.message());
        assert!(error.to_string().contains(expected) && !output.contains("s3cr3t"), "{output}");
    }
}

#[tokio::test]
async fn error_redacts_api_key_repeated_by_server() {
    let message = format!("no such key: {KEY}");
    // A response that quotes another server, which writes the key as `\u` escapes.
    let escaped = KEY.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat();
    let quoted = format!(r#"{{"error":"no such key: {escaped}"}}"#);
    let actions = [
        Action::json("401 Unauthorized", &json!({"message": quoted})),
        Action::json("400 Bad Request", &json!({"message": quoted})),
        Action::json("401 Unauthorized", &json!({"message": message})),
        Action::response("401 Unauthorized", "", &message),
        Action::response("502 Bad Gateway", "", &message),
        Action::response("200 OK", "", &message),
        Action::response("202 Accepted", "", &message),
        Action::response("200 OK", "", &json!(message).to_string()),
    ];
    for (index, action) in actions.into_iter().enumerate() {
        let server = ScriptedServer::start([action]).await;
        let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
        let output = format!("{error} {error:?} {:?}", error.message());
        // The first two messages contain the key in escaped form and are replaced as a whole.
        let expected = if index < 2 { "[redacted]" } else { "no such key: [redacted]" };
        assert!(output.contains(expected), "{output}");
        assert!(!output.contains(KEY) && !output.contains(&escaped), "{output}");
    }
}

#[tokio::test]
async fn unknown_status_is_sanitised_and_api_key_redacted() {
    let mut body = completed_result("https://example.com/a.wav");
    body["status"] = json!(format!("PAUSED\n{KEY}\u{1b}[31m{}", "!".repeat(1_000)));
    let server = serve_result(body);
    let task = client(&server.base_url()).task(ID.parse().unwrap());
    let error = task.wait().deadline(Duration::from_millis(50)).await.unwrap_err();
    let output = format!("{error} {error:?}");
    assert!(error.is_deadline() && output.contains("(last status PAUSED [redacted] [31m!!!"), "{output}");
    assert!(!output.contains(['\n', '\u{1b}']) && output.len() < 500, "{output}");
    assert!(task.status().await.unwrap().to_string().starts_with("PAUSED [redacted] "));
}

#[tokio::test]
async fn download_does_not_send_api_key() {
    let audio = ScriptedServer::start([Action::response("200 OK", "", "RIFF")]).await;
    let server = serve_result(completed_result(&format!("{}/a.wav", audio.url)));
    let speech = client(&server.base_url()).speak("Hello").await.unwrap();
    assert_eq!(speech.audio().unwrap().bytes().await.unwrap(), "RIFF");
    let requests = audio.requests();
    assert_eq!(requests.len(), 1);
    assert!(!requests[0].to_lowercase().contains("authorization"), "{requests:?}");
    assert!(!requests[0].contains(KEY), "{requests:?}");
}

#[tokio::test]
async fn redirect_does_not_forward_api_key_or_text() {
    let other_host = ScriptedServer::start([Action::json("200 OK", &json!({"id": ID}))]).await;
    for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("location: {}{CREATE}\r\n", other_host.url);
        let server = ScriptedServer::start([Action::response(status, &location, "")]).await;

        let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
        assert_eq!(error.status().unwrap().as_str(), &status[..3]);
        assert_eq!(
            other_host.requests(),
            Vec::<String>::new(),
            "the default HTTP client follows no redirect"
        );
    }
    // A custom HTTP client may follow redirects. The text is not forwarded, because the body cannot be sent
    // twice. The key is not forwarded either.
    for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("location: {}{CREATE}\r\n", other_host.url);
        let server = ScriptedServer::start([Action::response(status, &location, "")]).await;
        let redirecting = builder(&server.url).http_client(reqwest::Client::new()).build().unwrap();
        let _ = redirecting.speak("my secret thoughts").submit().await;
    }
    for request in other_host.requests() {
        assert!(!request.contains(KEY) && !request.contains("thoughts"), "{request}");
    }
}

/// The log of the whole process at the finest level. A subscriber of one test would miss events that other
/// threads have already disabled.
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

fn capture_log() {
    static ONCE: Once = Once::new();
    // The servers of the tests run in this process, and may log the requests that they receive.
    let is_from_client = filter_fn(|line| {
        !line.target().starts_with("httpmock") && !line.target().starts_with("hyper::server")
    });
    let lines =
        tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| Log).with_filter(is_from_client);
    ONCE.call_once(|| tracing_subscriber::registry().with(lines).init());
}

fn log() -> String {
    String::from_utf8(LOG.lock().unwrap().clone()).unwrap()
}

#[tokio::test]
async fn log_hides_api_key_text_and_audio_url_query() {
    capture_log();
    let server = serve_result(completed_result("http://127.0.0.1:9/a.wav?signature=s3cr3t"));
    client(&server.base_url()).speak("my secret thoughts").await.unwrap();
    let rejecting = MockServer::start();
    rejecting.mock(|when, then| {
        when.path(CREATE);
        then.status(401).json_body(json!({"message": format!("no such key: {KEY}")}));
    });
    client(&rejecting.base_url()).speak("my secret thoughts").submit().await.unwrap_err();

    let log = log();
    assert!(log.contains("submitted") && log.contains(ID), "the log has the task id: {log}");
    for secret in [KEY, "thoughts", "s3cr3t"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[tokio::test]
async fn simulator_neither_logs_nor_records_the_key_in_refused_requests() {
    const SECRET: &str = "sk-Simulator-secret-123";
    capture_log();
    let simulator = Simulator::builder().api_key(SECRET).start().await.unwrap();
    let speech = json!({"model": "Chatterbox", "input": "Hello"});
    for (method, path, member) in [
        ("GET", &*format!("/v1/{SECRET}/x"), "voice"),
        (SECRET, CREATE, "voice"),
        ("POST", CREATE, "voice"),
        ("POST", CREATE, SECRET),
        ("POST", RESULT, "id"),
    ] {
        let mut body = if path == CREATE { speech.clone() } else { json!({}) };
        body[member] = json!(SECRET);
        let request = reqwest::Client::new()
            .request(method.parse().unwrap(), format!("{}{path}", simulator.base_url()))
            .header("authorization", SECRET);
        assert!(request.json(&body).send().await.unwrap().status().is_client_error(), "{method} {path}");
    }

    let received = simulator.received();
    assert_eq!(received.iter().filter(|request| request.refused.is_some()).count(), 5, "{received:?}");
    assert_eq!(received[2].refused.as_deref(), Some("Voice not found: [redacted]"));
    assert_eq!(received[4].task.as_ref().unwrap(), "[redacted]");
    let log = log();
    let mut logged = log.lines().filter(|line| line.contains("distribute_ai::testing")).peekable();
    assert!(logged.peek().is_some(), "{log}");
    let recorded = serde_json::to_string(&received).unwrap();
    for line in logged.chain([&*recorded]) {
        assert!(!line.to_lowercase().contains(&SECRET.to_lowercase()), "{line}");
    }
}

#[tokio::test]
async fn log_escapes_line_break_in_task_id() {
    capture_log();
    let created = json!({"id": "t1\nERROR all is lost"});
    let bodies = [created, json!({"status": "COMPLETED"})];
    let server = ScriptedServer::start(bodies.map(|body| Action::json("200 OK", &body))).await;
    client(&server.url).speak("Hello").await.unwrap();

    let log = log();
    assert!(log.contains("t1 ERROR all is lost"), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("ERROR")), "{log}");
}

#[tokio::test]
async fn task_id_equal_to_the_key_is_in_doubt_and_hidden() {
    let escaped = KEY.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat();
    for body in [json!({"id": KEY}).to_string(), format!(r#"{{"id":"{escaped}"}}"#)] {
        let server = ScriptedServer::start([Action::response("200 OK", "", &body)]).await;
        let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
        let output = format!("{error} {error:?}");
        assert!(error.is_in_doubt() && error.task_id().is_none(), "{output}");
        assert!(!output.contains(KEY) && !output.contains(&escaped), "{output}");
    }
}

#[tokio::test]
async fn long_task_id_is_cut_in_errors() {
    let id = "x".repeat(500_000);
    let script = [json!({"id": id}), json!({"status": "ERROR"})];
    let server = ScriptedServer::start(script.map(|body| Action::json("200 OK", &body))).await;
    let error = client(&server.url).speak("Hello").await.unwrap_err();
    assert_eq!(error.task_id().unwrap().as_str(), id, "the id itself is whole");
    assert!(format!("{error}{error:?}").len() < 1_000);
}

#[tokio::test]
async fn error_of_generated_method_redacts_key_repeated_by_server() {
    let query = distribute_ai::types::TaskQuery::new(ID);
    let body = format!("no such key: {KEY}");
    let header = format!("www-authenticate: Key {KEY}\r\n");
    for status in ["200 OK", "202 Accepted", "404 Not Found", "401 Unauthorized", "502 Bad Gateway"] {
        let server = ScriptedServer::start([Action::response(status, &header, &body)]).await;
        let error = client(&server.url).async_speech_result(&query).await.unwrap_err();
        let output = format!("{error} {error:?}");
        assert!(!output.contains(KEY), "{output}");
    }
}
