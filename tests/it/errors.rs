//! The properties of errors: the kind, the bill, and the id of the failed request.

use std::time::Duration;

use distribute_ai::{Billed, Error, ErrorKind, SpeechTask};
use serde_json::json;

use crate::support::{
    Action, ID, KEY, ScriptedServer, UNREACHABLE_URL, builder, client, completed_result, serve_result,
};

const REQUEST_ID: &str = "x-request-id: r-1\r\n";

async fn submit_error(action: Action) -> Error {
    let server = ScriptedServer::start([action]).await;
    client(&server.url).speak("Hello").submit().await.unwrap_err()
}

/// Returns a task that another client has submitted to a server with this response.
async fn task(action: Action) -> (ScriptedServer, SpeechTask) {
    let server = ScriptedServer::start([action]).await;
    let task = client(&server.url).task(ID.parse().unwrap());
    (server, task)
}

#[track_caller]
fn assert_request(error: &Error, kind: ErrorKind) {
    assert_eq!((error.kind(), error.request_id()), (kind, Some("r-1")), "{error:?}");
    assert!(error.to_string().ends_with(" [request r-1]"), "{error}");
}

#[tokio::test]
async fn request_id_of_failed_submission_is_in_the_error() {
    for (status, body, kind) in [
        ("402 Payment Required", "", ErrorKind::Rejected),
        ("404 Not Found", "<h1>Not found</h1>", ErrorKind::Rejected),
        ("401 Unauthorized", r#"{"message": "no such key"}"#, ErrorKind::Unauthorized),
        ("502 Bad Gateway", "<h1>Bad Gateway</h1>", ErrorKind::InDoubt),
        ("200 OK", "<h1>Welcome</h1>", ErrorKind::InDoubt),
        ("202 Accepted", "{}", ErrorKind::InDoubt),
        ("200 OK", r#"{"id": ""}"#, ErrorKind::InDoubt),
    ] {
        assert_request(&submit_error(Action::response(status, REQUEST_ID, body)).await, kind);
    }
    assert_eq!(submit_error(Action::response("400 Bad Request", "", "")).await.request_id(), None);
    // The connection is lost after the head of the response.
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n{REQUEST_ID}\r\n{{\"id\":");
    assert_request(&submit_error(Action::SendRaw(head.into_bytes())).await, ErrorKind::InDoubt);
}

#[tokio::test]
async fn request_id_of_failed_poll_is_in_the_error() {
    let other_task = completed_result("https://example.com/a.wav").to_string().replace(ID, "another");
    for (status, body, kind) in [
        ("403 Forbidden", "", ErrorKind::Unauthorized),
        ("404 Not Found", r#"{"message": "no such task"}"#, ErrorKind::NotFound),
        ("500 Internal Server Error", "", ErrorKind::Unanswered),
        ("200 OK", "[]", ErrorKind::Unanswered),
        ("200 OK", &other_task, ErrorKind::Unanswered),
    ] {
        let (_server, task) = task(Action::response(status, REQUEST_ID, body)).await;
        let error = task.status().await.unwrap_err();
        assert_request(&error, kind);
        assert!(error.to_string().contains(" [task "), "{error}");
    }
    let (_server, task) = task(Action::response("503 Service Unavailable", REQUEST_ID, "")).await;
    let error = task.wait().deadline(Duration::from_millis(100)).await.unwrap_err();
    assert_request(&error, ErrorKind::Deadline);
}

#[tokio::test]
async fn request_id_of_a_429_is_in_the_errors_of_the_pause_after_it() {
    let headers = format!("retry-after: 60\r\n{REQUEST_ID}");
    let server = ScriptedServer::start([Action::response("429 Too Many Requests", &headers, "")]).await;
    let client = client(&server.url);
    let submit = client.speak("Hello").deadline(Duration::from_secs(1)).submit();
    assert_request(&submit.await.unwrap_err(), ErrorKind::RateLimited);
    let paused = client.task(ID.parse().unwrap()).status().await.unwrap_err();
    assert_eq!((paused.kind(), paused.request_id()), (ErrorKind::RateLimited, Some("r-1")));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn request_id_of_audio_host_is_in_the_error() {
    let host = ScriptedServer::start([Action::response("404 Not Found", "cf-ray: 8c1-FRA\r\n", "")]).await;
    let server = serve_result(completed_result(&format!("{}/a.wav", host.url)));
    let speech = client(&server.base_url()).speak("Hello").await.unwrap();
    let error = speech.audio().unwrap().bytes().await.unwrap_err();
    assert_eq!((error.kind(), error.request_id()), (ErrorKind::Download, Some("8c1-FRA")), "{error}");
}

#[tokio::test]
async fn request_id_with_api_key_is_redacted() {
    for header in [format!("x-request-id: r-{KEY}\r\n"), format!("request-id: {KEY}\r\n")] {
        let error = submit_error(Action::response("400 Bad Request", &header, "")).await;
        let output = format!("{error} {error:?} {:?}", error.request_id());
        assert!(output.contains("[redacted]") && !output.contains(KEY), "{output}");
    }
}

#[tokio::test]
async fn unreachable_after_one_attempt_names_host_attempt_and_cause() {
    let speak = client(UNREACHABLE_URL).speak("Hello").deadline(Duration::ZERO);
    let error = speak.submit().await.unwrap_err();
    let expected =
        "server not reached in 1 attempt, the request was not accepted: 127.0.0.1:9: Connection refused";
    assert!(error.to_string().starts_with(expected), "{error}");
    assert_eq!((error.kind(), error.billed()), (ErrorKind::Unreachable, Billed::No));
}

#[tokio::test]
async fn task_not_found_is_billed_if_submitted_and_maybe_if_its_id_may_be_wrong() {
    let create = Action::json("200 OK", &json!({"id": ID}));
    let not_found = Action::json("404 Not Found", &json!({"message": "no such task"}));
    let server = ScriptedServer::start([create, not_found]).await;
    let client = builder(&server.url).build().unwrap();
    let submitted = client.speak("Hello").submit().await.unwrap();
    let resumed = client.task(ID.parse().unwrap());
    for (task, billed) in [(submitted, Billed::Yes), (resumed, Billed::Maybe)] {
        let waited = task.wait().deadline(Duration::from_millis(50)).await.unwrap_err();
        for error in [task.status().await.unwrap_err(), waited] {
            assert_eq!((error.kind(), error.billed()), (ErrorKind::NotFound, billed), "{error}");
        }
    }
}
