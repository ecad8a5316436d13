//! The simulator over its sockets, as a plain HTTP client sees it.

use std::time::Duration;

use distribute_ai::testing::Simulator;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

const TEXT: &str = "Hello from Rust.";

async fn quick() -> Simulator {
    let millisecond = Duration::from_millis(1);
    let builder = Simulator::builder().waiting(millisecond);
    builder.running(millisecond).start().await.unwrap()
}

fn post(simulator: &Simulator, operation: &str, body: &Value) -> RequestBuilder {
    Client::new()
        .post(format!("{}/async/speech/{operation}", simulator.base_url()))
        .header("authorization", simulator.api_key())
        .json(body)
}

fn speech_request(text: &str) -> Value {
    json!({ "model": "Chatterbox", "input": text })
}

async fn send_json(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let json = "application/json; charset=utf-8";
    assert_eq!(response.headers()["content-type"], json);
    (response.status(), response.json().await.unwrap())
}

/// Submits a text, polls until the task completes, and returns the URL of its audio.
async fn speak(simulator: &Simulator, text: &str) -> String {
    let (status, task) = send_json(post(simulator, "create", &speech_request(text))).await;
    assert_eq!(status, 200, "{task}");
    loop {
        let (status, result) = send_json(post(simulator, "result", &task)).await;
        assert_eq!(status, 200, "{result}");
        if let Some(url) = result["results"][0]["url"].as_str() {
            return url.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn send_rejected(request: RequestBuilder) -> (u16, String) {
    let (status, body) = send_json(request).await;
    let message = body["message"].as_str().unwrap();
    (status.as_u16(), message.to_owned())
}

#[tokio::test]
async fn simulator_serves_audio_from_another_origin() {
    let simulator = quick().await;
    let url = speak(&simulator, TEXT).await;
    assert!(url.starts_with(simulator.audio_url()), "{url}");
    assert_ne!(simulator.audio_url(), simulator.base_url());

    let response = reqwest::get(&url).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "audio/wav");
    assert_eq!(response.headers()["accept-ranges"], "bytes");
    assert_eq!(response.content_length(), Some(44 + 48_000));
    let file = response.bytes().await.unwrap();
    assert_eq!(file, Simulator::audio_of(TEXT));
    assert_eq!((&file[..4], &file[8..16]), (&b"RIFF"[..], &b"WAVEfmt "[..]));
}

#[tokio::test]
async fn simulator_serves_complete_audio_of_longest_text() {
    let simulator = quick().await;
    let text = "long ".repeat(819);
    let url = speak(&simulator, &text).await;
    let file = reqwest::get(&url).await.unwrap().bytes().await.unwrap();
    assert_eq!(file.len(), 44 + 4095 * 2880);
    assert_eq!(file, Simulator::audio_of(&text));
}

#[tokio::test]
async fn simulator_result_matches_document() {
    let simulator = quick().await;
    let (_, task) = send_json(post(&simulator, "create", &speech_request(TEXT))).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    let (status, mut result) = send_json(post(&simulator, "result", &task)).await;
    assert_eq!(status, 200);

    let created = result["created"].take().as_f64().unwrap();
    let finished = result["finished"].take().as_f64().unwrap();
    assert!(created > 1.7e9 && created < 1e11, "seconds: {created}");
    assert!(finished > created, "{finished} after {created}");

    let id = task["id"].as_str().unwrap();
    let url = format!("{}/audio/{id}.wav", simulator.audio_url());
    assert_eq!(
        result,
        json!({
            "id": id,
            "status": "COMPLETED",
            "created": null,
            "finished": null,
            "model": "Chatterbox",
            "results": [{ "url": url }],
        })
    );
}

#[tokio::test]
async fn simulator_serves_no_audio_before_completion() {
    let simulator = Simulator::builder().waiting(Duration::MAX);
    let simulator = simulator.start().await.unwrap();
    let (_, task) = send_json(post(&simulator, "create", &speech_request(TEXT))).await;
    let (_, result) = send_json(post(&simulator, "result", &task)).await;
    assert_eq!(result["status"], "CREATED");
    assert_eq!(result["results"], json!([]));
    assert_eq!(result.get("finished"), None);

    let id = task["id"].as_str().unwrap();
    let url = format!("{}/audio/{id}.wav", simulator.audio_url());
    assert_eq!(reqwest::get(url).await.unwrap().status(), 404);
    assert_eq!(simulator.downloads(), 0);
}

#[tokio::test]
async fn simulator_task_ids_are_v4_uuids_and_repeat_with_seed() {
    let mut ids = Vec::new();
    for _ in 0..2 {
        let simulator = Simulator::builder().seed(7).start().await.unwrap();
        for _ in 0..3 {
            let (_, task) = send_json(post(&simulator, "create", &speech_request(TEXT))).await;
            let id = task["id"].as_str().unwrap().to_owned();
            assert_eq!(id.len(), 36);
            assert_eq!(&id[14..15], "4");
            assert!("89ab".contains(&id[19..20]), "{id}");
            ids.push(id);
        }
    }
    assert_eq!(ids[..3], ids[3..]);
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn simulator_rejects_request_without_bare_api_key() {
    let simulator = Simulator::builder().api_key("s3cret").start().await.unwrap();
    let url = format!("{}/async/speech/create", simulator.base_url());
    let request = || Client::new().post(&url).json(&speech_request(TEXT));

    let missing = send_rejected(request()).await;
    assert_eq!(missing, (401, "Missing API key in header authorization".to_owned()));
    let wrong = send_rejected(request().header("authorization", "wrong")).await;
    assert_eq!(wrong, (401, "Invalid API key".to_owned()));
    let (status, message) = send_rejected(request().bearer_auth("s3cret")).await;
    assert_eq!(status, 401);
    assert!(message.contains("without Bearer"), "{message}");

    let (status, _) = send_json(request().header("authorization", "s3cret")).await;
    assert_eq!(status, 200);
    assert_eq!((simulator.requests(), simulator.creates()), (4, 1));
}

#[tokio::test]
async fn simulator_rejects_invalid_body_with_400_naming_field_and_limit() {
    let simulator = quick().await;
    let hot = json!({ "model": "Chatterbox", "input": TEXT, "temperature": 7 });
    let rejection = send_rejected(post(&simulator, "create", &hot)).await;
    assert_eq!(rejection, (400, "body/temperature must be <= 1".to_owned()));

    let odd = json!({ "model": "Chatterbox", "input": TEXT, "pitch": 1 });
    let rejection = send_rejected(post(&simulator, "create", &odd)).await;
    let message = r#"body must not have the property "pitch""#;
    assert_eq!(rejection, (400, message.to_owned()));

    let (status, message) = send_rejected(post(&simulator, "result", &json!({ "id": "7" }))).await;
    assert_eq!(status, 400);
    assert!(message.starts_with("body/id must match "), "{message}");
    assert_eq!(simulator.creates(), 0);
}

#[tokio::test]
async fn simulator_accepts_documented_voices_and_registered_files() {
    let simulator = Simulator::builder().voice_file("file_mine").start().await.unwrap();
    for voice in ["leo", "nora", "file_mine", Simulator::VOICE_FILE] {
        let body = json!({ "model": "Chatterbox", "input": TEXT, "voice": voice });
        assert_eq!(send_json(post(&simulator, "create", &body)).await.0, 200, "{voice}");
    }
    let body = json!({ "model": "Chatterbox", "input": TEXT, "voice": "file_other" });
    let rejection = send_rejected(post(&simulator, "create", &body)).await;
    assert_eq!(rejection, (404, "Voice not found: file_other".to_owned()));
    assert_eq!(simulator.creates(), 4);
}

#[tokio::test]
async fn simulator_rejects_other_paths_methods_and_media_types() {
    let simulator = quick().await;
    let (base, key) = (simulator.base_url(), simulator.api_key());
    let create = format!("{base}/async/speech/create");

    let unknown_route = Client::new().get(format!("{base}/async/chat/create"));
    let message = "Route GET:/async/chat/create not found".to_owned();
    assert_eq!(send_rejected(unknown_route).await, (404, message));

    let response = Client::new().get(&create).send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "POST");

    let text = Client::new().post(&create).header("authorization", key);
    let (status, message) = send_rejected(text.body("hello")).await;
    assert_eq!(status, 415);
    assert!(message.contains("application/json"), "{message}");

    let broken = post(&simulator, "create", &json!(null)).body("{");
    let (status, message) = send_rejected(broken).await;
    assert_eq!(status, 400);
    assert!(message.starts_with("body must be JSON"), "{message}");
    assert_eq!(simulator.requests(), 4);
}

#[tokio::test]
async fn simulator_rejects_oversized_body_and_serves_next_request() {
    let simulator = quick().await;
    for _ in 0..20 {
        let long = speech_request(&"a".repeat(2 * 1024 * 1024));
        let (status, _) = send_rejected(post(&simulator, "create", &long)).await;
        assert_eq!(status, 413);
    }
    speak(&simulator, TEXT).await;
}

#[tokio::test]
async fn simulator_serves_range_of_audio() {
    let simulator = quick().await;
    let url = speak(&simulator, TEXT).await;
    let complete = Simulator::audio_of(TEXT);
    let length = complete.len();
    for (range, part) in [
        ("bytes=0-", 0..length),
        ("bytes=100-", 100..length),
        ("bytes=10-49", 10..50),
        ("bytes=-7", length - 7..length),
    ] {
        let request = Client::new().get(&url).header("range", range);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 206, "{range}");
        let content_range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
        assert_eq!(response.headers()["content-range"], content_range);
        assert_eq!(response.content_length(), Some(part.len() as u64));
        assert_eq!(response.bytes().await.unwrap(), complete[part], "{range}");
    }
    assert_eq!(simulator.downloads(), 4);

    let beyond_end = Client::new().get(&url).header("range", "bytes=99999999-");
    let response = beyond_end.send().await.unwrap();
    assert_eq!(response.status(), 416);
    assert_eq!(response.headers()["content-range"], format!("bytes */{length}"));
    assert_eq!(simulator.downloads(), 4);
}

#[tokio::test]
async fn simulator_serves_complete_audio_for_other_etag() {
    let simulator = quick().await;
    let url = speak(&simulator, TEXT).await;
    let part = |tag: &str| {
        let request = Client::new().get(&url).header("range", "bytes=100-");
        request.header("if-range", tag).send()
    };
    let other = part("\"other\"").await.unwrap();
    assert_eq!(other.status(), 200);
    let tag = other.headers()["etag"].to_str().unwrap();
    assert_eq!(part(tag).await.unwrap().status(), 206);
}

#[tokio::test]
async fn simulator_head_returns_length_and_counts_no_download() {
    let simulator = quick().await;
    let url = speak(&simulator, TEXT).await;
    let response = Client::new().head(&url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-length"], "48044");
    assert_eq!(response.bytes().await.unwrap().len(), 0);
    assert_eq!(simulator.downloads(), 0);
}

#[tokio::test]
async fn simulator_audio_host_rejects_api_key_and_counts_leak() {
    let simulator = Simulator::builder().api_key("s3cret /key");
    let simulator = simulator.running(Duration::ZERO).waiting(Duration::ZERO);
    let simulator = simulator.start().await.unwrap();
    let url = speak(&simulator, TEXT).await;
    let get = |url: &str| Client::new().get(url);
    for request in [
        get(&url).header("authorization", "s3cret /key"),
        get(&url).bearer_auth("s3cret /key"),
        get(&url).basic_auth("somebody", Some("else")),
        get(&url).header("x-api-key", "s3cret /key"),
        get(&format!("{url}?key=s3cret%20%2Fkey")),
        get(&format!("{url}?s3cret+/key")),
        get(&format!("{}/nowhere", simulator.audio_url())).header("authorization", "a"),
        Client::new().head(&url).header("range", "s3cret /key"),
    ] {
        assert_eq!(request.send().await.unwrap().status(), 403);
    }
    assert_eq!((simulator.leaks(), simulator.downloads()), (8, 0));

    assert_eq!(get(&url).send().await.unwrap().status(), 200);
    assert_eq!((simulator.leaks(), simulator.downloads()), (8, 1));
}

#[tokio::test]
async fn simulator_audio_host_counts_api_key_in_path_as_leak() {
    let simulator = quick().await;
    let address = format!("{}/{}/audio", simulator.audio_url(), simulator.api_key());
    assert_eq!(reqwest::get(address).await.unwrap().status(), 403);
    assert_eq!(simulator.leaks(), 1);
}

#[tokio::test]
async fn simulator_audio_host_serves_only_its_files() {
    let simulator = quick().await;
    let url = speak(&simulator, TEXT).await;
    let host = simulator.audio_url();
    for path in ["/", "/audio/", "/audio/.wav", "/audio/x.wav", "/async/speech/create"] {
        let request = Client::new().get(format!("{host}{path}"));
        assert_eq!(send_rejected(request).await.0, 404, "{path}");
    }
    for method in [Method::POST, Method::DELETE] {
        let response = Client::new().request(method, &url).send().await.unwrap();
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "GET, HEAD");
    }
    assert_eq!((simulator.downloads(), simulator.leaks()), (0, 0));
}

#[tokio::test]
async fn simulator_counts_requests_and_keeps_texts_in_order() {
    let simulator = quick().await;
    let first = speak(&simulator, "First.").await;
    speak(&simulator, "Second.").await;
    send_rejected(post(&simulator, "create", &speech_request("x"))).await;
    let polls = simulator.polls();
    let unknown = json!({ "id": "00000000-0000-4000-8000-000000000000" });
    send_rejected(post(&simulator, "result", &unknown)).await;
    for _ in 0..3 {
        reqwest::get(&first).await.unwrap().bytes().await.unwrap();
    }
    assert_eq!(simulator.spoken(), ["First.", "Second."]);
    assert_eq!(simulator.creates(), 2);
    assert_eq!(simulator.polls(), polls + 1);
    assert_eq!(simulator.requests(), 3 + simulator.polls());
    assert_eq!(simulator.downloads(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulator_serves_100_concurrent_requests() {
    let simulator = quick().await;
    let client = Client::new();
    let (url, key) = (simulator.base_url(), simulator.api_key());
    let creates = (0..100).map(|n| {
        let request = client.post(format!("{url}/async/speech/create"));
        let request = request.header("authorization", key);
        tokio::spawn(request.json(&speech_request(&format!("Text {n}"))).send())
    });
    for create in creates.collect::<Vec<_>>() {
        assert_eq!(create.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!((simulator.creates(), simulator.requests()), (100, 100));
}

#[tokio::test]
async fn simulator_drop_closes_sockets() {
    let simulator = quick().await;
    let client = Client::new();
    let (api, audio) = (simulator.base_url().to_owned(), simulator.audio_url().to_owned());
    for url in [&api, &audio] {
        assert_eq!(client.get(url).send().await.unwrap().status(), 404);
    }
    drop(simulator);
    tokio::time::sleep(Duration::from_millis(10)).await;
    for url in [&api, &audio] {
        assert!(client.get(url).send().await.unwrap_err().is_connect());
    }
}

#[tokio::test]
async fn simulator_start_rejects_api_key_invalid_in_header() {
    for key in ["", " ", "two\nlines", "key ", " key", "key\t"] {
        let error = Simulator::builder().api_key(key).start().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{key:?}");
    }
}

#[tokio::test]
async fn simulator_debug_output_hides_api_key() {
    let builder = Simulator::builder().api_key("s3cret");
    assert!(!format!("{builder:?}").contains("s3cret"));
    let simulator = builder.start().await.unwrap();
    let debug = format!("{simulator:?}");
    assert!(!debug.contains("s3cret"), "{debug}");
    assert!(debug.contains(simulator.base_url()), "{debug}");
}
