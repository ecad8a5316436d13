//! One request to the API, and what becomes of its response.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::json;
use tokio::net::TcpListener;

use super::*;
use crate::{
    TaskId,
    ext::{
        test_server::{TestServer, cut, response},
        transport::{
            call,
            failure::{Failure, FailureKind},
            once_body::OnWritten,
        },
    },
    types::{SpeechRequest, TaskQuery},
};

const ID: &str = "1b671a64-40d5-491e-99b0-da01ff1f3341";

fn client(server: &TestServer) -> ClientBuilder {
    Client::builder().api_key("sk-12345678").base_url(&server.url)
}

fn created() -> String {
    response("200 OK", &[], &json!({"id": ID}).to_string())
}

async fn create(client: &Client) -> Result<TaskId, Failure> {
    let request = SpeechRequest::new("Hello.".parse().unwrap());
    let created = call::send(client.async_speech_create(&request), &client.inner().key, &[], |_| Ok(()));
    Ok(TaskId::new_unchecked(created.await?.value.id))
}

/// Submits a text to a server with this response.
async fn create_with(response: String) -> Result<TaskId, Failure> {
    create(&client(&TestServer::start([response]).await).build().unwrap()).await
}

#[tokio::test]
async fn request_has_the_key_and_no_header_that_the_api_does_not_document() {
    let server = TestServer::start([created(), created()]).await;
    create(&client(&server).user_agent("reader/1").build().unwrap()).await.unwrap();
    // The headers of a custom HTTP client are those of its owner, except these.
    let own = client(&server).user_agent("reader/1").http_client(reqwest::Client::new()).build().unwrap();
    create(&own).await.unwrap();
    for request in server.requests() {
        assert!(request.contains("\r\nauthorization: sk-12345678\r\n"), "{request}");
        assert!(request.contains("\r\nuser-agent: reader/1\r\n"), "{request}");
        assert!(request.contains("\r\naccept-encoding: identity\r\n"), "{request}");
        assert!(!request.contains("api-version"), "{request}");
    }
}

#[tokio::test]
async fn submission_has_its_own_connection_unless_the_user_allows_another_one() {
    let polled = || response("200 OK", &[], &json!({"id": ID, "status": "PENDING"}).to_string());
    let others: Vec<_> =
        (0..5).map(|number| format!("1b671a64-40d5-491e-99b0-da01ff1f334{number}")).collect();
    let created = |number: usize| response("200 OK", &[], &json!({"id": others[number]}).to_string());
    for reuse in [false, true] {
        let server = TestServer::start([created(0), polled(), created(1), polled()]).await;
        let builder = client(&server);
        let client = if reuse { builder.reuse_submit_connections() } else { builder }.build().unwrap();
        for _ in 0..2 {
            create(&client).await.unwrap();
            client.async_speech_result(&TaskQuery::new(ID)).await.unwrap();
        }
        let connections = server.connections();
        assert!(reuse || !connections[..2].contains(&connections[2]), "{connections:?}");
        assert_eq!(client.inner().submit_client.is_none(), reuse);
    }
}

#[tokio::test]
async fn failed_connection_is_reported_with_its_host_and_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = Client::builder().api_key("k").base_url(format!("http://{address}")).build().unwrap();
    let failure = create(&client).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotConnected);
    let problem = failure.problem.unwrap().to_ascii_lowercase();
    assert!(problem.starts_with(&format!("{address}: ")) && problem.contains("refused"), "{problem}");
}

#[tokio::test]
async fn callback_runs_when_the_request_is_written() {
    let server = TestServer::start([created()]).await;
    let is_written = Arc::new(AtomicBool::new(false));
    let written = Arc::clone(&is_written);
    let on_written: OnWritten = Box::new(move || written.store(true, Ordering::Relaxed));
    let client = client(&server).build().unwrap();
    call::notifying(Some(on_written), create(&client)).await.unwrap();
    assert!(is_written.load(Ordering::Relaxed));
}

#[tokio::test]
async fn success_is_used_if_its_json_is_complete() {
    let body = json!({"id": ID}).to_string();
    let spaced = response("200 OK", &[], &format!("{body} "));
    for complete in [
        response("202 Accepted", &[], &body),
        response("200 OK", &[], &format!("\u{feff}{body}")),
        cut(spaced),
    ] {
        assert_eq!(create_with(complete).await.unwrap().as_str(), ID);
    }
    let failure = create_with(cut(response("200 OK", &[], &body))).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::ConnectionLost);
    assert_eq!(failure.task_id.unwrap().as_str(), ID);
    let failure = create_with(response("200 OK", &[], "{}")).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::InvalidBody);
}

#[tokio::test]
async fn response_of_more_than_a_mebibyte_is_cut_off() {
    let long = json!({"id": ID, "later": "x".repeat(1024 * 1024)}).to_string();
    let failure = create_with(response("200 OK", &[], &long)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::InvalidBody);
    let shorter = json!({"id": ID, "later": "x".repeat(1024 * 1024 - 100)}).to_string();
    assert_eq!(create_with(response("200 OK", &[], &shorter)).await.unwrap().as_str(), ID);
}

#[tokio::test]
async fn error_response_is_used_also_if_the_connection_is_lost() {
    let body = json!({"id": ID, "message": "slow down, sk-12345678"}).to_string();
    let failure =
        create_with(response("429 Too Many Requests", &["retry-after: 7"], &body)).await.unwrap_err();
    let error = failure.response.unwrap();
    assert_eq!((error.status.as_u16(), error.message.as_deref()), (429, Some("slow down, [redacted]")));
    assert_eq!(failure.task_id.unwrap().as_str(), ID);
    let failure = create_with(cut(response("503 Service Unavailable", &[], "busy!"))).await.unwrap_err();
    let error = failure.response.unwrap();
    assert_eq!((error.status.as_u16(), error.message.as_deref()), (503, Some("busy")));
}

#[tokio::test]
async fn redirect_is_no_success_although_its_body_has_a_task_id() {
    let body = json!({"id": ID}).to_string();
    let failure = create_with(response("302 Found", &["location: /other"], &body)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Status(reqwest::StatusCode::FOUND));
}

#[tokio::test]
async fn headers_of_a_response_do_not_describe_the_body_that_was_replaced() {
    let response =
        response("200 OK", &["Content-Encoding: identity", "X-Shard: 7"], &json!({"id": ID}).to_string());
    let server = TestServer::start([response]).await;
    let client = client(&server).build().unwrap();
    let created = client.async_speech_create(&SpeechRequest::new("Hello.".parse().unwrap())).await.unwrap();
    assert_eq!(created.headers()["x-shard"], "7");
    assert!(!created.headers().contains_key("content-length"));
    assert!(!created.headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn task_id_in_the_response_to_a_followed_redirect_is_kept_if_the_server_is_the_same() {
    let redirect = response("303 See Other", &["location: /other"], "");
    let server = TestServer::start([redirect, created()]).await;
    let client = client(&server).http_client(reqwest::Client::new()).build().unwrap();
    let failure = create(&client).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Status(reqwest::StatusCode::FOUND));
    assert_eq!(failure.task_id.unwrap().as_str(), ID);
    assert!(server.requests()[1].starts_with("get /other"));
}
