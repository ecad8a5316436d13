//! Both operations on the wire, compared with the upstream documents: requests sent and responses read.
//! Faults of the network are in `faults`.

use std::time::Duration;

use distribute_ai::{
    ApiError, Client,
    testing::httpmock::MockServer,
    types::{
        KnownStatus, KnownVoice, SpeechOutput, SpeechRequest, SpeechResult, SpeechStatus, TaskCreated,
        TaskQuery, Voice,
    },
};
use serde_json::{Value, json};

use crate::support::{
    Action, CREATE, ID, KEY, RESULT, ScriptedServer, client, completed_result, result, serve_result,
};

/// Submits the speech that `speak` builds. Returns the head of the only request, in lower case, and its body.
async fn sent_request(speak: impl FnOnce(&Client) -> distribute_ai::Speak) -> (String, Value) {
    let server = ScriptedServer::start([Action::json("200 OK", &json!({"id": ID}))]).await;
    let task = speak(&client(&server.url)).submit().await.unwrap();
    assert_eq!(task.id(), ID);
    let requests = server.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn submit_without_settings_sends_only_model_and_input() {
    let (_, body) = sent_request(|client| client.speak("Hello")).await;
    assert_eq!(body, json!({"model": "Chatterbox", "input": "Hello"}));
}

#[tokio::test]
async fn submit_with_all_settings_sends_documented_fields() {
    let (head, body) = sent_request(|client| {
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
async fn submit_sends_known_voice_and_file_id_as_plain_string() {
    for voice in ["leo", "nora", "file_abc", "Leo", ""] {
        let (_, body) = sent_request(|client| client.speak("Hello").voice(voice)).await;
        assert_eq!(body["voice"], voice);
    }
    let (_, body) = sent_request(|client| client.speak("Hello").voice(KnownVoice::Nora)).await;
    assert_eq!(body["voice"], "nora");
    let (_, body) = sent_request(|client| client.speak("Hello").voice(Voice::FileId("leo".into()))).await;
    assert_eq!(body["voice"], "leo");
}

#[tokio::test]
async fn submit_sends_bare_api_key_and_no_undocumented_header() {
    let (head, _) = sent_request(|client| client.speak("Hello")).await;
    assert!(head.contains(&format!("\r\nauthorization: {KEY}\r\n")), "{head}");
    assert!(
        head.contains(concat!("\r\nuser-agent: distribute-ai/", env!("CARGO_PKG_VERSION"), "\r\n")),
        "{head}"
    );
    assert!(!head.contains("api-version"), "{head}");
}

#[tokio::test]
async fn poll_sends_task_id_unchanged() {
    // The id is not a UUID: the client accepts any id that the server returns.
    let server = ScriptedServer::start([
        Action::json("200 OK", &json!({"id": "speech:7", "queue": 3})),
        Action::json("200 OK", &json!({"id": "SPEECH:7", "status": "COMPLETED"})),
    ])
    .await;
    client(&server.url).speak("Hello").await.unwrap();
    let poll = &server.requests()[1];
    assert!(poll.starts_with(&format!("POST {RESULT} HTTP/1.1")), "{poll}");
    assert!(poll.ends_with(r#"{"id":"speech:7"}"#), "{poll}");
}

#[tokio::test]
async fn submit_keeps_path_of_base_url() {
    let server = ScriptedServer::start([Action::json("200 OK", &json!({"id": ID}))]).await;
    client(&format!("{}/v1/", server.url)).speak("Hello").submit().await.unwrap();
    assert!(server.requests()[0].starts_with("POST /v1/async/speech/create "));
}

#[tokio::test]
async fn submit_and_poll_accept_status_202() {
    let bodies = [json!({"id": ID}), completed_result("https://example.com/a.wav")];
    let server = ScriptedServer::start(bodies.map(|body| Action::json("202 Accepted", &body))).await;
    assert_eq!(client(&server.url).speak("Hello").await.unwrap().id(), ID);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn submit_response_with_invalid_utf8_or_bom_yields_task_id() {
    for status in ["200 OK", "202 Accepted", "404 Not Found", "500 Internal Server Error"] {
        let uuid = json!({"id": ID, "note": "X"}).to_string().into_bytes();
        let invalid_utf8 = uuid.iter().map(|byte| if *byte == b'X' { 0xff } else { *byte }).collect();
        for body in [[b"\xef\xbb\xbf", &*uuid].concat(), invalid_utf8] {
            let head =
                format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            let server = ScriptedServer::start([Action::SendRaw([head.as_bytes(), &body].concat())]).await;
            let outcome = client(&server.url).speak("Hello").submit().await;
            let found = outcome
                .as_ref()
                .map_or_else(|error| error.task_id().cloned(), |task| Some(task.id().clone()));
            assert_eq!(found.unwrap().as_str(), ID, "{status}");
        }
    }
}

#[tokio::test]
async fn submit_response_header_yields_no_task_id() {
    for status in ["200 OK", "202 Accepted", "404 Not Found", "500 Internal Server Error"] {
        let server =
            ScriptedServer::start([Action::response(status, "distribute-ai-named-task: \"t1\"\r\n", "no")])
                .await;
        let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
        assert_eq!(error.task_id(), None, "{status}");
    }
}

#[tokio::test]
async fn submit_truncated_or_error_response_keeps_task_id() {
    // The connection ends before the announced length, but after complete JSON.
    let server = ScriptedServer::start([Action::truncated(&json!({"id": ID}).to_string())]).await;
    assert_eq!(client(&server.url).speak("Hello").submit().await.unwrap().id(), ID);

    for (status, body) in [
        // Statuses that are documented for a create, and others.
        ("400 Bad Request", json!({"message": "queued, then something broke", "id": ID})),
        ("404 Not Found", json!({"error": "queued, then something broke", "id": ID})),
        ("500 Internal Server Error", json!({"message": "queued, then something broke", "id": ID})),
        ("500 Internal Server Error", json!({"id": ID, "error": "something broke"})),
        ("503 Service Unavailable", json!({"id": ID})),
    ] {
        let response = Action::response(status, "retry-after: 0\r\n", &body.to_string());
        let server = ScriptedServer::start([response]).await;
        let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
        assert!(error.is_in_doubt());
        assert!(error.message().unwrap().contains("broke") || status.starts_with("503"), "{error}");
        assert_eq!(error.task_id().unwrap().as_str(), ID);
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn submit_response_without_complete_json_keeps_task_id_and_is_not_repeated() {
    let complete = json!({"id": ID}).to_string();
    let oversized = json!({"id": ID, "other": "a".repeat(2 << 20)}).to_string();
    for response in [
        Action::truncated(&format!("{{\"id\": \"{ID}\"")),
        Action::truncated(&format!("{{\"id\": \"{ID}\", \"queue\": \"a")),
        Action::response("200 OK", "", &format!("{complete}\n0")),
        Action::response("200 OK", "", &oversized),
        Action::response("202 Accepted", "", &format!("{complete}{complete}")),
    ] {
        let server = ScriptedServer::start([response]).await;
        let submission = client(&server.url).speak("Hello").resubmit_in_doubt(1).submit();
        let error = submission.await.unwrap_err();
        assert!(error.is_in_doubt(), "{error}");
        assert_eq!(error.task_id().unwrap().as_str(), ID);
        assert!(error.message().unwrap().contains(ID), "{error}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn lost_response_to_submit_or_poll_is_the_message_without_address_and_key() {
    for (note, message) in [
        ("no", r#"{"note": "no"#),
        (&format!("{KEY} is"), r#"{"note": "[redacted] is"#),
        (&KEY[..5], "[redacted]"),
    ] {
        let server = ScriptedServer::start([Action::truncated(&format!("{{\"note\": \"{note}"))]).await;
        let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
        assert!(error.is_in_doubt() && error.task_id().is_none(), "{error}");
        assert_eq!(error.message(), Some(message));
    }
    let body = completed_result("https://example.com/a.wav").to_string();
    let end = body.find("a.wav").unwrap();
    let server = ScriptedServer::start([Action::truncated(&body[..end])]).await;
    let error = client(&server.url).task(ID.parse().unwrap()).status().await.unwrap_err();
    assert!(error.is_unanswered() && !error.to_string().contains("example.com"), "{error}");
}

#[tokio::test]
async fn error_response_that_is_cut_off_within_the_key_shows_no_part_of_it() {
    let body = format!("no such key: {}", &KEY[..8]);
    let response = format!("HTTP/1.1 401 Unauthorized\r\ncontent-length: 100\r\n\r\n{body}");
    let server = ScriptedServer::start([Action::SendRaw(response.into_bytes())]).await;
    let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
    assert!(error.is_unauthorized(), "{error}");
    assert_eq!(error.message(), Some("[redacted]"));
}

#[tokio::test]
async fn submit_response_that_is_labelled_gzip_but_is_not_yields_task_id() {
    let body = json!({"id": ID}).to_string();
    for encoding in ["gzip", "deflate"] {
        let header = format!("content-encoding: {encoding}\r\n");
        let server = ScriptedServer::start([Action::response("200 OK", &header, &body)]).await;
        assert_eq!(client(&server.url).speak("Hello").submit().await.unwrap().id(), ID);
    }
}

#[tokio::test]
async fn submit_with_oversized_response_is_in_doubt() {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 1 << 30);
    let server = ScriptedServer::start([Action::Stall((head + &" ".repeat(3 << 20)).into_bytes())]).await;
    let submission =
        tokio::time::timeout(Duration::from_secs(20), client(&server.url).speak("Hello").submit());
    let error = submission.await.expect("the client kept reading an oversized response").unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
}

#[tokio::test]
async fn speak_completed_task_sends_one_create_and_one_poll() {
    let script = [json!({"id": ID}), completed_result("https://example.com/a.wav")]
        .map(|body| Action::json("200 OK", &body));
    let server = ScriptedServer::start(script).await;
    let speech = client(&server.url).speak("Hello").await.unwrap();
    assert_eq!(speech.audio().unwrap().url(), "https://example.com/a.wav");
    assert_eq!(speech.result().finished, Some(1_700_000_002.5));
    assert_eq!(speech.id(), ID);
    let paths: Vec<_> =
        server.requests().iter().map(|request| request.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(paths, [CREATE, RESULT]);
}

#[tokio::test]
async fn poll_with_unknown_field_and_status_succeeds() {
    let mut body = result("PAUSED_BY_OPERATOR");
    body["priority"] = json!("high");
    let server = serve_result(body);
    let status = client(&server.base_url()).task(ID.parse().unwrap()).status().await.unwrap();
    assert_eq!(status.to_string(), "PAUSED_BY_OPERATOR");
    assert!(!status.is_final());
}

#[tokio::test]
async fn poll_with_values_that_cannot_be_stored_yields_the_audio() {
    for value in ["1e999", "NaN", r#""\ud83d""#] {
        let output = format!(r#"{{"url": "https://example.com/a.wav", "length": {value}}}"#);
        let body =
            format!(r#"{{"id": "{ID}", "status": "COMPLETED", "created": {value}, "results": [{output}]}}"#);
        let server = ScriptedServer::start([Action::response("200 OK", "", &body)]).await;
        let speech = client(&server.url).task(ID.parse().unwrap()).wait().await.unwrap();
        assert_eq!(speech.audio().unwrap().url(), "https://example.com/a.wav");
    }
}

#[tokio::test]
async fn poll_parses_every_documented_status() {
    use KnownStatus::{AssignedConnections, Completed, Created, Error, Postponed, Processing, Queued};
    let known = [Created, Queued, Postponed, AssignedConnections, Processing, Completed, Error];
    for status in known {
        let server = serve_result(result(&status.to_string()));
        assert_eq!(client(&server.base_url()).task(ID.parse().unwrap()).status().await.unwrap(), status);
    }
}

#[tokio::test]
async fn completed_result_without_url_fails_only_for_audio() {
    for results in [json!([]), json!([{}]), json!([{"length": 7}])] {
        let mut body = result("COMPLETED");
        body["results"] = results;
        let server = serve_result(body);
        let speech = client(&server.base_url()).speak("Hello").await.unwrap();
        assert_eq!(speech.result().finished, None);
        let error = speech.audio().unwrap_err();
        assert!(error.is_download());
        assert_eq!(error.task_id().unwrap().as_str(), ID);
        assert!(error.to_string().contains("audio URL is missing"), "{error}");
    }
}

#[tokio::test]
async fn error_keeps_message_of_documented_error_response() {
    for (status, message) in [(400, "body/input is too rude"), (404, "no such voice")] {
        let server = MockServer::start();
        let create = server.mock(|when, then| {
            when.path(CREATE);
            then.status(status).json_body(json!({"message": message}));
        });
        let error = client(&server.base_url()).speak("Hello").submit().await.unwrap_err();
        assert!(error.is_rejected());
        assert_eq!(error.status().unwrap().as_u16(), status);
        assert_eq!(error.message(), Some(message));
        create.assert_calls(1);
    }
    for (status, message) in [(404, "no such task"), (500, "the queue is on fire")] {
        let server = MockServer::start();
        server.mock(|when, then| {
            when.path(RESULT);
            then.status(status).json_body(json!({"message": message}));
        });
        let error = client(&server.base_url()).task(ID.parse().unwrap()).status().await.unwrap_err();
        assert_eq!(error.is_not_found(), status == 404);
        assert_eq!(error.is_unanswered(), status == 500);
        assert_eq!(error.status().unwrap().as_u16(), status);
        assert_eq!(error.message(), Some(message));
        assert_eq!(error.task_id().unwrap().as_str(), ID);
    }
}

#[tokio::test]
async fn generated_error_keeps_the_members_that_no_page_documents() {
    for (body, message, extra) in [
        (json!({"message": "slow down", "code": 7}), "slow down".to_owned(), json!({"code": 7})),
        (
            json!({"errors": ["a", "b"]}),
            json!({"errors": ["a", "b"]}).to_string(),
            json!({"errors": ["a", "b"]}),
        ),
        (json!({"message": {"text": "a"}}), json!({"message": {"text": "a"}}).to_string(), json!({})),
        (json!({"message": "a", "key": KEY}), "a".to_owned(), json!({"key": "[redacted]"})),
        (json!({"message": "a", "long": "b".repeat(2_000)}), "a".to_owned(), json!({})),
        (json!(["a"]), json!(["a"]).to_string(), json!({})),
    ] {
        let server = MockServer::start();
        server.mock(|when, then| {
            when.path(RESULT);
            then.status(429).json_body(body.clone());
        });
        let error = client(&server.base_url()).async_speech_result(&TaskQuery::new(ID)).await.unwrap_err();
        let ApiError::ErrorResponse(response) = error else { panic!("{error}") };
        assert_eq!(
            (&response.message, serde_json::to_value(&response.extra).unwrap()),
            (&message, extra),
            "{body}"
        );
    }
}

#[tokio::test]
async fn generated_methods_can_be_called_directly() {
    let server = MockServer::start();
    server.mock(|when, then| {
        when.path(CREATE).header("authorization", KEY).header_missing("api-version");
        then.status(404).header("content-type", "text/html").body("<h1>Not here</h1>");
    });
    let request = SpeechRequest::new("Hello".parse().unwrap()).temperature(0.5.try_into().unwrap());
    let error = client(&server.base_url()).async_speech_create(&request).await.unwrap_err();
    let ApiError::ErrorResponse(response) = error else { panic!("{error}") };
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["content-type"], "text/html");
    assert_eq!(response.message, "<h1>Not here</h1>");
    assert!(response.extra.is_empty());

    let server = serve_result(result("QUEUED"));
    let query = TaskQuery::new(ID);
    let response = client(&server.base_url()).async_speech_result(&query).await.unwrap();
    assert_eq!(response.status, KnownStatus::Queued);
}

/// Statuses that the API documents, and others.
#[tokio::test]
async fn error_of_generated_method_has_status_headers_and_message() {
    let request = SpeechRequest::new("Hello".parse().unwrap());
    for status in [400, 401, 404, 422, 429, 500, 503] {
        for (body, message) in [
            (json!({"message": "too rude"}).to_string(), "too rude"),
            ("<h1>No</h1>".to_owned(), "<h1>No</h1>"),
        ] {
            let server = MockServer::start();
            server.mock(|_when, then| {
                then.status(status).header("x-request-id", "r1").body(&body);
            });
            let client = client(&server.base_url());
            for error in [
                client.async_speech_create(&request).await.unwrap_err(),
                client.async_speech_result(&TaskQuery::new(ID)).await.unwrap_err(),
            ] {
                let text = format!("{error} {error:?}");
                assert!(text.contains(message) && text.contains(&status.to_string()), "{text}");
                let ApiError::ErrorResponse(response) = error else { panic!("{status}: {text}") };
                assert_eq!(response.status(), status);
                assert_eq!(response.headers()["x-request-id"], "r1");
                let body = response.into_inner();
                assert_eq!(body.to_string(), message);
                let _: &dyn std::error::Error = &body;
            }
        }
    }
}

#[test]
fn status_compares_with_known_status_and_text_in_both_ways() {
    let status = SpeechStatus::from("COMPLETED");
    assert_eq!(status, KnownStatus::Completed);
    assert_eq!(KnownStatus::Completed, status);
    assert_ne!(status, KnownStatus::Error);
    assert_ne!(KnownStatus::Error, status);
    assert!(status == "COMPLETED" && status == *"COMPLETED" && status != "completed");
    // A status that a later version knows: its text is the same.
    let unknown = SpeechStatus::Other("PAUSED".into());
    assert!(unknown == "PAUSED" && unknown != KnownStatus::Completed);
    assert_eq!(SpeechStatus::from("PAUSED".to_owned()), unknown);
    assert!(Voice::from("leo") == KnownVoice::Leo && Voice::FileId("leo".into()) == "leo");
}

#[test]
fn constructor_sends_only_what_is_set() {
    let request = SpeechRequest::new("Hello".parse().unwrap());
    assert_eq!(serde_json::to_value(&request).unwrap(), json!({"model": "Chatterbox", "input": "Hello"}));
    let request = request.voice(KnownVoice::Nora).stream(true).temperature(0.25.try_into().unwrap());
    let expected = json!({
        "model": "Chatterbox", "input": "Hello", "voice": "nora", "stream": true, "temperature": 0.25});
    assert_eq!(serde_json::to_value(&request).unwrap(), expected);
    let created = TaskCreated::new(ID);
    assert_eq!(serde_json::to_value(&created).unwrap(), json!({"id": ID}));
    let output = SpeechOutput::new().url("https://example.com/a.wav");
    let result = SpeechResult::new(ID, KnownStatus::Completed).created(1.0).results([output]);
    let expected = json!({
        "id": ID, "status": "COMPLETED", "created": 1.0, "results": [{"url": "https://example.com/a.wav"}]});
    assert_eq!(serde_json::to_value(&result).unwrap(), expected);
}

#[test]
fn request_types_reject_values_that_api_rejects() {
    for (field, value, limit) in [
        ("input", json!("x"), "shorter than 2 characters"),
        ("temperature", json!(7), "7 is out of range, expected 0 to 1"),
        ("model", json!("Other"), "Chatterbox"),
        ("pitch", json!(1), "unknown field `pitch`"),
    ] {
        let mut body = json!({"model": "Chatterbox", "input": "Hello"});
        body[field] = value;
        let error = serde_json::from_value::<SpeechRequest>(body).unwrap_err();
        assert!(error.to_string().contains(limit), "{error}");
    }
}
