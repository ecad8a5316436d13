//! Both operations, literally: what goes out and what comes in, against the upstream documents. Each row of the table of
//! what plain generation gets wrong has its test here or in `faults`.

use std::time::Duration;

use distribute_ai::{
    ApiError, Client,
    testing::httpmock::MockServer,
    types::{KnownStatus, KnownVoice, SpeechRequest, TaskQuery, Voice},
};
use serde_json::{Value, json};

use crate::support::{Act, CREATE, ID, KEY, RESULT, Socket, client, completed, result, serving};

/// Submits what `speak` makes of it; the one request that went out, its head in lower case.
async fn sent(speak: impl FnOnce(&Client) -> distribute_ai::Speak) -> (String, Value) {
    let server = Socket::play([Act::json("200 OK", &json!({"id": ID}))]).await;
    let task = speak(&client(&server.url)).submit().await.unwrap();
    assert_eq!(task.id().as_str(), ID);
    let requests = server.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn only_what_was_set_is_sent() {
    let (_, body) = sent(|client| client.speak("Hello")).await;
    assert_eq!(body, json!({"model": "Chatterbox", "input": "Hello"}));
}

#[tokio::test]
async fn every_parameter_is_sent_as_the_document_has_it() {
    let (head, body) = sent(|client| {
        client.speak("Hello").voice("nora").stream(true).temperature(0.25).exaggeration(0.0).cfg_weight(1.0)
    })
    .await;
    assert!(head.starts_with("post /async/speech/create http/1.1"), "{head}");
    assert_eq!(
        body,
        json!({
            "model": "Chatterbox", "input": "Hello", "voice": "nora", "stream": true,
            "temperature": 0.25, "exaggeration": 0.0, "cfg_weight": 1.0,
        })
    );
}

#[tokio::test]
async fn a_voice_is_a_plain_string_whether_known_or_a_file() {
    for voice in ["leo", "nora", "file_abc", "Leo", ""] {
        let (_, body) = sent(|client| client.speak("Hello").voice(voice)).await;
        assert_eq!(body["voice"], voice);
    }
    let (_, body) = sent(|client| client.speak("Hello").voice(KnownVoice::Nora)).await;
    assert_eq!(body["voice"], "nora");
    let (_, body) = sent(|client| client.speak("Hello").voice(Voice::FileId("leo".into()))).await;
    assert_eq!(body["voice"], "leo");
}

#[tokio::test]
async fn the_key_goes_bare_and_no_undocumented_header_with_it() {
    let (head, _) = sent(|client| client.speak("Hello")).await;
    assert!(head.contains(&format!("\r\nauthorization: {KEY}\r\n")), "{head}");
    assert!(
        head.contains(concat!("\r\nuser-agent: distribute-ai/", env!("CARGO_PKG_VERSION"), "\r\n")),
        "{head}"
    );
    assert!(!head.contains("api-version"), "{head}");
}

#[tokio::test]
async fn a_poll_sends_the_id_as_the_server_gave_it() {
    // No UUID: what the server calls its own is not ours to judge.
    let server = Socket::play([
        Act::json("200 OK", &json!({"id": "speech:7", "queue": 3})),
        Act::json("200 OK", &completed("https://example.com/a.wav")),
    ])
    .await;
    client(&server.url).speak("Hello").await.unwrap();
    let poll = &server.requests()[1];
    assert!(poll.starts_with(&format!("POST {RESULT} HTTP/1.1")), "{poll}");
    assert!(poll.ends_with(r#"{"id":"speech:7"}"#), "{poll}");
}

#[tokio::test]
async fn a_path_in_the_base_url_stays() {
    let server = Socket::play([Act::json("200 OK", &json!({"id": ID}))]).await;
    client(&format!("{}/v1/", server.url)).speak("Hello").submit().await.unwrap();
    assert!(server.requests()[0].starts_with("POST /v1/async/speech/create "));
}

#[tokio::test]
async fn another_success_than_200_is_one() {
    let bodies = [json!({"id": ID}), completed("https://example.com/a.wav")];
    let server = Socket::play(bodies.map(|body| Act::json("202 Accepted", &body))).await;
    assert_eq!(client(&server.url).speak("Hello").await.unwrap().id().as_str(), ID);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn an_id_with_a_broken_character_or_behind_a_mark_is_one() {
    for status in ["200 OK", "202 Accepted", "404 Not Found", "500 Internal Server Error"] {
        for (body, id) in
            [(b"{\"id\":\"t\xff1\"}".as_slice(), "t\u{fffd}1"), (b"\xef\xbb\xbf{\"id\":\"t1\"}", "t1")]
        {
            let head =
                format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            let server = Socket::play([Act::Say([head.as_bytes(), body].concat())]).await;
            let outcome = client(&server.url).speak("Hello").submit().await;
            let found =
                outcome.as_ref().map_or_else(|error| error.task_id().cloned(), |task| Some(task.id()));
            assert_eq!(found.unwrap().as_str(), id, "{status}");
        }
    }
}

#[tokio::test]
async fn a_header_that_looks_like_ours_names_no_task() {
    for status in ["200 OK", "202 Accepted", "404 Not Found", "500 Internal Server Error"] {
        let server = Socket::play([Act::reply(status, "distribute-ai-named-task: \"t1\"\r\n", "no")]).await;
        let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
        assert_eq!(error.task_id(), None, "{status}");
    }
}

#[tokio::test]
async fn an_id_that_arrived_is_not_lost_with_the_end_of_its_reply() {
    // The connection ends before the announced length, but the JSON is whole.
    let server = Socket::play([Act::cut(&json!({"id": ID}).to_string())]).await;
    assert_eq!(client(&server.url).speak("Hello").submit().await.unwrap().id().as_str(), ID);

    for (status, body) in [
        // Documented of a create, and not.
        ("400 Bad Request", json!({"message": "queued, then something broke", "id": ID})),
        ("404 Not Found", json!({"error": "queued, then something broke", "id": ID})),
        ("500 Internal Server Error", json!({"message": "queued, then something broke", "id": ID})),
        ("500 Internal Server Error", json!({"id": ID, "error": "something broke"})),
        ("503 Service Unavailable", json!({"id": ID})),
    ] {
        let reply = Act::reply(status, "retry-after: 0\r\n", &body.to_string());
        let server = Socket::play([reply]).await;
        let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
        assert!(error.is_in_doubt());
        assert!(error.message().unwrap().contains("broke") || status.starts_with("503"), "{error}");
        assert_eq!(error.task_id().unwrap().as_str(), ID);
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_reply_without_end_is_cut_off() {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 1 << 30);
    let server = Socket::play([Act::Stall((head + &" ".repeat(3 << 20)).into_bytes())]).await;
    let submitting =
        tokio::time::timeout(Duration::from_secs(20), client(&server.url).speak("Hello").submit());
    let error =
        submitting.await.expect("more was read than it takes to see that it is no reply").unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
}

#[tokio::test]
async fn a_completed_task_costs_one_create_and_one_poll() {
    let script =
        [json!({"id": ID}), completed("https://example.com/a.wav")].map(|body| Act::json("200 OK", &body));
    let server = Socket::play(script).await;
    let speech = client(&server.url).speak("Hello").await.unwrap();
    assert_eq!(speech.audio().unwrap().url(), "https://example.com/a.wav");
    assert_eq!(speech.result().finished, Some(1_700_000_002.5));
    assert_eq!(speech.id().as_str(), ID);
    let paths: Vec<_> =
        server.requests().iter().map(|request| request.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(paths, [CREATE, RESULT]);
}

#[tokio::test]
async fn the_servers_new_fields_and_statuses_are_no_error() {
    let mut body = result("PAUSED_BY_OPERATOR");
    body["priority"] = json!("high");
    let server = serving(body);
    let status = client(&server.base_url()).task(ID.parse().unwrap()).status().await.unwrap();
    assert_eq!(status.to_string(), "PAUSED_BY_OPERATOR");
    assert!(!status.is_final());
}

#[tokio::test]
async fn every_documented_status_is_known() {
    use KnownStatus::{AssignedConnections, Completed, Created, Error, Postponed, Processing, Queued};
    let known = [Created, Queued, Postponed, AssignedConnections, Processing, Completed, Error];
    for status in known {
        let server = serving(result(&status.to_string()));
        assert_eq!(client(&server.base_url()).task(ID.parse().unwrap()).status().await.unwrap(), status);
    }
}

#[tokio::test]
async fn what_is_missing_in_a_completed_result_is_said_without_losing_it() {
    for results in [json!([]), json!([{}]), json!([{"length": 7}])] {
        let mut body = result("COMPLETED");
        body["results"] = results;
        let server = serving(body);
        let speech = client(&server.base_url()).speak("Hello").await.unwrap();
        assert_eq!(speech.result().finished, None);
        let error = speech.audio().unwrap_err();
        assert!(error.is_download());
        assert_eq!(error.task_id().unwrap().as_str(), ID);
        assert!(error.to_string().contains("no address"), "{error}");
    }
}

#[tokio::test]
async fn the_message_of_every_documented_error_arrives() {
    for (status, words) in [(400, "body/input is too rude"), (404, "no such voice")] {
        let server = MockServer::start();
        let create = server.mock(|when, then| {
            when.path(CREATE);
            then.status(status).json_body(json!({"message": words}));
        });
        let error = client(&server.base_url()).speak("Hello").submit().await.unwrap_err();
        assert!(error.is_rejected());
        assert_eq!(error.status().unwrap().as_u16(), status);
        assert_eq!(error.message(), Some(words));
        create.assert_calls(1);
    }
    for (status, words) in [(404, "no such task"), (500, "the queue is on fire")] {
        let server = MockServer::start();
        server.mock(|when, then| {
            when.path(RESULT);
            then.status(status).json_body(json!({"message": words}));
        });
        let error = client(&server.base_url()).task(ID.parse().unwrap()).status().await.unwrap_err();
        assert_eq!(error.is_not_found(), status == 404);
        assert_eq!(error.is_unanswered(), status == 500);
        assert_eq!(error.status().unwrap().as_u16(), status);
        assert_eq!(error.message(), Some(words));
        assert_eq!(error.task_id().unwrap().as_str(), ID);
    }
}

#[tokio::test]
async fn the_generated_methods_are_for_direct_use() {
    let server = MockServer::start();
    server.mock(|when, then| {
        when.path(CREATE).header("authorization", KEY).header_missing("api-version");
        then.status(404).header("content-type", "text/html").body("<h1>Not here</h1>");
    });
    let request: SpeechRequest =
        serde_json::from_value(json!({"model": "Chatterbox", "input": "Hello", "temperature": 0.5})).unwrap();
    let error = client(&server.base_url()).async_speech_create(&request).await.unwrap_err();
    let ApiError::ErrorResponse(reply) = error else { panic!("{error}") };
    assert_eq!(reply.status(), 404);
    assert_eq!(reply.headers()["content-type"], "text/html");
    assert_eq!(reply.message, "<h1>Not here</h1>");

    let server = serving(result("QUEUED"));
    let query = TaskQuery { id: ID.into() };
    let reply = client(&server.base_url()).async_speech_result(&query).await.unwrap();
    assert_eq!(reply.status, KnownStatus::Queued);
}

#[test]
fn the_types_refuse_what_the_api_refuses() {
    for (field, value, limit) in [
        ("input", json!("x"), "shorter than 2 characters"),
        ("temperature", json!(7), "7 is not between 0 and 1"),
        ("model", json!("Other"), "Chatterbox"),
        ("pitch", json!(1), "unknown field `pitch`"),
    ] {
        let mut body = json!({"model": "Chatterbox", "input": "Hello"});
        body[field] = value;
        let error = serde_json::from_value::<SpeechRequest>(body).unwrap_err();
        assert!(error.to_string().contains(limit), "{error}");
    }
}
