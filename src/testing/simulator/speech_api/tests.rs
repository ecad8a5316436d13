use std::time::Duration;

use http_body_util::BodyExt as _;

use super::*;
use crate::testing::{
    faults::{script::Script, task_outcome::TaskOutcome},
    simulator::{
        injector::FaultInjector,
        listener::ListenerControl,
        published_spec::{PublishedSpec, tests::assert_described},
        recorder::Recorder,
        task::Timeline,
    },
};

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

fn site() -> SimulatorState {
    SimulatorState {
        spec: PublishedSpec::load().unwrap(),
        api_key: "key".to_owned(),
        audio_url: "http://audio".to_owned(),
        voices: vec!["leo".to_owned(), "file_1".to_owned()],
        timeline: Timeline {
            waiting: Duration::from_millis(300),
            running: Duration::from_millis(700),
            running_per_character: Duration::ZERO,
        },
        injector: FaultInjector::new().into(),
        recorder: Recorder::new(Some(1)).into(),
        api: ListenerControl::new().0,
        audio: ListenerControl::new().0,
    }
}

fn request(path: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    Request::post(path)
        .header("authorization", "key")
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap()
}

async fn send(site: &SimulatorState, request: Request<Bytes>) -> (u16, Value) {
    let reply = respond(site, &request);
    let status = reply.status().as_u16();
    let body = reply.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn create(site: &SimulatorState, body: Value) -> (u16, Value) {
    let (status, reply) = send(site, request("/async/speech/create", body.to_string())).await;
    assert_described(&site.spec.create, status, &reply);
    (status, reply)
}

async fn result(site: &SimulatorState, body: Value) -> (u16, Value) {
    send(site, request("/async/speech/result", body.to_string())).await
}

fn speech() -> Value {
    json!({ "model": "Chatterbox", "input": "Hello." })
}

fn speech_with(field: &str, value: Value) -> Value {
    let mut body = speech();
    body[field] = value;
    body
}

#[tokio::test(start_paused = true)]
async fn every_reply_in_a_task_s_life_is_one_that_the_document_describes() {
    let site = site();
    let (_, created) = create(&site, speech()).await;
    for (millis, status) in [
        (0, "CREATED"),
        (100, "QUEUED"),
        (100, "ASSIGNED_CONNECTIONS"),
        (100, "PROCESSING"),
        (700, "COMPLETED"),
    ] {
        tokio::time::advance(Duration::from_millis(millis)).await;
        let (code, reply) = result(&site, created.clone()).await;
        assert_described(&site.spec.result, code, &reply);
        assert_eq!(reply["status"], status);
        assert_eq!(reply.get("finished").is_some(), status == "COMPLETED");
        assert_eq!(reply["results"] == json!([]), status != "COMPLETED");
    }
}

#[tokio::test(start_paused = true)]
async fn every_fate_ends_in_a_reply_that_the_document_describes() {
    for (fate, status, results, finished) in [
        (TaskOutcome::fails(), "ERROR", json!([]), true),
        (TaskOutcome::without_url(), "COMPLETED", json!([{}]), true),
        (TaskOutcome::never_ends(), "PROCESSING", json!([]), false),
    ] {
        let site = site();
        site.injector().outcomes(Script::always(fate));
        let (_, created) = create(&site, speech()).await;
        tokio::time::advance(Duration::from_secs(60)).await;
        let (code, reply) = result(&site, created).await;
        assert_described(&site.spec.result, code, &reply);
        assert_eq!((&reply["status"], &reply["results"]), (&json!(status), &results));
        assert_eq!(reply.get("finished").is_some(), finished, "{reply}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_absent_task_is_not_found_and_lives_on() {
    let site = site();
    site.injector()
        .outcomes(Script::always(TaskOutcome::completes().not_found_for(Duration::from_millis(500))));
    let (_, created) = create(&site, speech()).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (code, reply) = result(&site, created.clone()).await;
        assert_described(&site.spec.result, code, &reply);
        seen.push((code, reply["status"].as_str().unwrap_or_default().to_owned()));
        tokio::time::advance(Duration::from_millis(250)).await;
    }
    assert_eq!(seen, [(404, String::new()), (404, String::new()), (200, "PROCESSING".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_new_status_is_shown_in_the_place_of_processing_only() {
    let site = site();
    site.injector().outcome_of("Hello.".to_owned(), TaskOutcome::completes().running_as("WARMING_UP"));
    let (_, created) = create(&site, speech()).await;
    for (millis, status) in [(0, "CREATED"), (300, "WARMING_UP"), (700, "COMPLETED")] {
        tokio::time::advance(Duration::from_millis(millis)).await;
        assert_eq!(result(&site, created.clone()).await.1["status"], status);
    }
}

#[tokio::test(start_paused = true)]
async fn the_server_s_own_duration_is_the_configured_one() {
    let site = site();
    let (_, created) = create(&site, speech()).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    let (_, reply) = result(&site, created).await;
    let took = reply["finished"].as_f64().unwrap() - reply["created"].as_f64().unwrap();
    assert!((took - 1.0).abs() < 0.002, "{took}");
}

#[tokio::test]
async fn everything_that_the_document_allows_is_accepted() {
    let site = site();
    for (field, value) in [
        ("input", json!("é".repeat(2))),
        ("input", json!("é".repeat(4096))),
        ("voice", json!("leo")),
        ("voice", json!("file_1")),
        ("stream", json!(true)),
        ("temperature", json!(0)),
        ("temperature", json!(1)),
        ("exaggeration", json!(0.25)),
        ("cfg_weight", json!(1.0)),
    ] {
        let (status, reply) = create(&site, speech_with(field, value)).await;
        assert_eq!(status, 200, "{field}: {reply}");
    }
    assert_eq!(site.recorder().creates(), 9);
}

#[tokio::test]
async fn what_breaks_the_schema_is_refused_by_place_and_limit() {
    let site = site();
    for (body, message) in [
        (json!([]), "body must be object"),
        (json!({ "model": "Chatterbox" }), r#"body must have the property "input""#),
        (json!({ "input": "Hello." }), r#"body must have the property "model""#),
        (speech_with("speed", json!(2)), r#"body must not have the property "speed""#),
        (speech_with("model", json!("Other")), r#"body/model must be one of ["Chatterbox"]"#),
        (speech_with("input", json!("é")), "body/input must have at least 2 characters"),
        (speech_with("input", json!("a".repeat(4097))), "body/input must have at most 4096 characters"),
        (speech_with("input", json!(7)), "body/input must be string"),
        (speech_with("stream", json!("yes")), "body/stream must be boolean"),
        (speech_with("temperature", json!(7)), "body/temperature must be <= 1"),
        (speech_with("temperature", json!(null)), "body/temperature must be number"),
        (speech_with("exaggeration", json!(-0.1)), "body/exaggeration must be >= 0"),
        (speech_with("cfg_weight", json!(1.01)), "body/cfg_weight must be <= 1"),
    ] {
        let (status, reply) = create(&site, body).await;
        assert_eq!((status, &reply["message"]), (400, &json!(message)));
    }
    let (status, reply) = create(&site, speech_with("voice", json!(1))).await;
    assert_eq!(status, 400);
    let message = reply["message"].as_str().unwrap();
    assert!(message.starts_with("body/voice "), "{message}");
    assert_eq!(site.recorder().creates(), 0);
}

#[tokio::test]
async fn an_id_that_is_no_uuid_of_version_4_is_refused_by_its_pattern() {
    let site = site();
    for id in ["", "7", "00000000-0000-1000-8000-000000000000"] {
        let (status, reply) = result(&site, json!({ "id": id })).await;
        assert_eq!(status, 400);
        let message = reply["message"].as_str().unwrap();
        assert!(message.starts_with("body/id must match ^["), "{message}");
    }
}

#[tokio::test]
async fn an_unknown_voice_or_task_is_not_found() {
    let site = site();
    let (status, reply) = create(&site, speech_with("voice", json!("file_2"))).await;
    assert_eq!((status, &reply["message"]), (404, &json!("Voice not found: file_2")));
    let (status, reply) = result(&site, json!({ "id": UNKNOWN })).await;
    assert_described(&site.spec.result, status, &reply);
    assert_eq!(reply["message"], format!("Task not found: {UNKNOWN}"));
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_task_is_found_by_its_id_in_capitals() {
    let site = site();
    let (_, created) = create(&site, speech()).await;
    let capitals = created["id"].as_str().unwrap().to_uppercase();
    let (status, reply) = result(&site, json!({ "id": capitals })).await;
    assert_eq!((status, &reply["id"]), (200, &created["id"]));
}

#[tokio::test]
async fn hostile_bodies_are_refused() {
    let site = site();
    let deep = "[".repeat(100_000);
    for body in [b"".as_slice(), b"{", b"\xff\xfe", b"{\"input\":1e999}", deep.as_bytes()] {
        let body = Bytes::copy_from_slice(body);
        let (status, reply) = send(&site, request("/async/speech/create", body)).await;
        assert_eq!(status, 400);
        let message = reply["message"].as_str().unwrap();
        assert!(message.starts_with("body must be JSON: "), "{message}");
    }
}
