use std::time::Duration;

use http_body_util::BodyExt as _;
use tokio::runtime::Handle;

use super::*;
use crate::testing::{
    faults::{route::Host, script::Script, task_outcome::TaskOutcome},
    simulator::{
        Simulator,
        clock::Clock,
        listener_control::ListenerControl,
        published_spec::{PublishedSpec, tests::assert_described},
        seed::Seed,
        state::{Arrival, Live},
    },
};

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

fn state() -> SimulatorState {
    let settings = Simulator::builder().settings;
    SimulatorState {
        spec: PublishedSpec::load().unwrap(),
        api_key: "key".to_owned(),
        audio_url: "http://audio".to_owned(),
        voices: vec!["leo".to_owned(), "file_1".to_owned()],
        seed: Seed(1),
        clock: Clock::start(),
        runtime: Handle::current(),
        has_control_api: false,
        live: Live::new(settings.clone(), Seed(1)).into(),
        settings,
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

async fn send(state: &SimulatorState, request: Request<Bytes>) -> (u16, Value) {
    let Arrival { record, .. } = state.arrive(Host::Api, &request);
    let response = respond(state, &record, &request).response;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn create(state: &SimulatorState, body: Value) -> (u16, Value) {
    let (status, response) = send(state, request("/async/speech/create", body.to_string())).await;
    assert_described(&state.spec.create, status, &response);
    (status, response)
}

async fn result(state: &SimulatorState, body: Value) -> (u16, Value) {
    send(state, request("/async/speech/result", body.to_string())).await
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
async fn result_response_matches_document_in_every_status() {
    let state = state();
    let (_, created) = create(&state, speech()).await;
    for (millis, status) in [
        (0, "CREATED"),
        (100, "QUEUED"),
        (100, "ASSIGNED_CONNECTIONS"),
        (100, "PROCESSING"),
        (700, "COMPLETED"),
    ] {
        tokio::time::advance(Duration::from_millis(millis)).await;
        let (code, response) = result(&state, created.clone()).await;
        assert_described(&state.spec.result, code, &response);
        assert_eq!(response["status"], status);
        assert_eq!(response.get("finished").is_some(), status == "COMPLETED");
        assert_eq!(response["results"] == json!([]), status != "COMPLETED");
    }
}

#[tokio::test(start_paused = true)]
async fn result_response_matches_document_for_every_outcome() {
    for (outcome, status, results, finished) in [
        (TaskOutcome::fails(), "ERROR", json!([]), true),
        (TaskOutcome::without_url(), "COMPLETED", json!([{}]), true),
        (TaskOutcome::with_results(0), "COMPLETED", json!([]), true),
        (
            TaskOutcome::completes().waiting_for(Duration::ZERO).postponed_for(Duration::MAX),
            "POSTPONED",
            json!([]),
            false,
        ),
        (TaskOutcome::never_ends(), "PROCESSING", json!([]), false),
    ] {
        let state = state();
        state.outcomes(Script::always(outcome));
        let (_, created) = create(&state, speech()).await;
        tokio::time::advance(Duration::from_secs(60)).await;
        let (code, response) = result(&state, created).await;
        assert_described(&state.spec.result, code, &response);
        assert_eq!((&response["status"], &response["results"]), (&json!(status), &results));
        assert_eq!(response.get("finished").is_some(), finished, "{response}");
    }
}

#[tokio::test(start_paused = true)]
async fn task_not_found_for_a_time_makes_progress_meanwhile() {
    let state = state();
    state.outcomes(Script::always(TaskOutcome::completes().not_found_for(Duration::from_millis(500))));
    let (_, created) = create(&state, speech()).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (code, response) = result(&state, created.clone()).await;
        assert_described(&state.spec.result, code, &response);
        seen.push((code, response["status"].as_str().unwrap_or_default().to_owned()));
        tokio::time::advance(Duration::from_millis(250)).await;
    }
    assert_eq!(seen, [(404, String::new()), (404, String::new()), (200, "PROCESSING".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn running_as_replaces_only_processing() {
    let state = state();
    state.live().injector.outcome_of("Hello.".to_owned(), TaskOutcome::completes().running_as("WARMING_UP"));
    let (_, created) = create(&state, speech()).await;
    for (millis, status) in [(0, "CREATED"), (300, "WARMING_UP"), (700, "COMPLETED")] {
        tokio::time::advance(Duration::from_millis(millis)).await;
        assert_eq!(result(&state, created.clone()).await.1["status"], status);
    }
}

#[tokio::test(start_paused = true)]
async fn finished_minus_created_is_the_configured_duration() {
    let state = state();
    let (_, created) = create(&state, speech()).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    let (_, response) = result(&state, created).await;
    let took = response["finished"].as_f64().unwrap() - response["created"].as_f64().unwrap();
    assert!((took - 1.0).abs() < 0.002, "{took}");
}

#[tokio::test(start_paused = true)]
async fn completed_task_has_several_results_and_times_in_milliseconds() {
    let state = state();
    state.outcomes(Script::always(TaskOutcome::with_results(2).times_in_millis()));
    let (_, created) = create(&state, speech()).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    let (code, response) = result(&state, created.clone()).await;
    assert_described(&state.spec.result, code, &response);
    let id = created["id"].as_str().unwrap();
    let urls = [format!("http://audio/audio/{id}.wav"), format!("http://audio/audio/{id}-2.wav")];
    assert_eq!(response["results"], json!([{ "url": urls[0] }, { "url": urls[1] }]));
    let [created, finished] = ["created", "finished"].map(|name| response[name].as_f64().unwrap());
    assert!(created > 1e12 && (finished - created - 1000.0).abs() < 2.0, "{response}");
}

#[tokio::test]
async fn create_accepts_all_documented_values() {
    let state = state();
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
        let (status, response) = create(&state, speech_with(field, value)).await;
        assert_eq!(status, 200, "{field}: {response}");
    }
    assert_eq!(state.live().tasks.counted().len(), 9);
}

#[tokio::test]
async fn create_with_schema_violation_names_path_and_limit() {
    let state = state();
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
        let (status, response) = create(&state, body).await;
        assert_eq!((status, &response["message"]), (400, &json!(message)));
    }
    let (status, response) = create(&state, speech_with("voice", json!(1))).await;
    assert_eq!(status, 400);
    let message = response["message"].as_str().unwrap();
    assert!(message.starts_with("body/voice "), "{message}");
    assert_eq!(state.live().tasks.counted().len(), 0);
}

#[tokio::test]
async fn result_with_invalid_uuid_is_rejected_by_pattern() {
    let state = state();
    for id in ["", "7", "00000000-0000-1000-8000-000000000000"] {
        let (status, response) = result(&state, json!({ "id": id })).await;
        assert_eq!(status, 400);
        let message = response["message"].as_str().unwrap();
        assert!(message.starts_with("body/id must match ^["), "{message}");
    }
}

#[tokio::test]
async fn unknown_voice_or_task_is_not_found() {
    let state = state();
    let (status, response) = create(&state, speech_with("voice", json!("file_2"))).await;
    assert_eq!((status, &response["message"]), (404, &json!("Voice not found: file_2")));
    let (status, response) = result(&state, json!({ "id": UNKNOWN })).await;
    assert_described(&state.spec.result, status, &response);
    assert_eq!(response["message"], format!("Task not found: {UNKNOWN}"));
    assert_eq!(status, 404);
}

#[tokio::test]
async fn result_with_uppercase_id_finds_the_task() {
    let state = state();
    let (_, created) = create(&state, speech()).await;
    let capitals = created["id"].as_str().unwrap().to_uppercase();
    let (status, response) = result(&state, json!({ "id": capitals })).await;
    assert_eq!((status, &response["id"]), (200, &created["id"]));
}

#[tokio::test]
async fn create_with_malformed_body_is_rejected() {
    let state = state();
    let deep = "[".repeat(100_000);
    for body in [b"".as_slice(), b"{", b"\xff\xfe", b"{\"input\":1e999}", deep.as_bytes()] {
        let body = Bytes::copy_from_slice(body);
        let (status, response) = send(&state, request("/async/speech/create", body)).await;
        assert_eq!(status, 400);
        let message = response["message"].as_str().unwrap();
        assert!(message.starts_with("body must be JSON: "), "{message}");
    }
}
