//! The simulator's faults as bytes: what is sent on the wire, and what is counted.

use std::{io::ErrorKind, time::Duration};

use distribute_ai::testing::{Fault, RetryAfterFormat, Route, Script, Simulator, TaskOutcome};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::support::{CREATE, RESULT};

pub(crate) const TEXT: &str = "Hello from Rust.";

/// A timeout that even a slow machine never exceeds.
pub(crate) const LONG: Duration = Duration::from_secs(10);

/// A timeout that is long enough to show that nothing arrives.
pub(crate) const SHORT: Duration = Duration::from_millis(50);

/// The response received on a connection, and how the connection ended: `None` if the connection stayed open.
pub(crate) struct WireResponse {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) outcome: Option<Result<(), ErrorKind>>,
}

impl WireResponse {
    pub(crate) fn status(&self) -> &str {
        self.head.strip_prefix("HTTP/1.1 ").unwrap_or_default().lines().next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Sends `request` and reads until the connection ends, or until nothing arrives for `idle_timeout`.
pub(crate) async fn send(origin: &str, request: &str, idle_timeout: Duration) -> WireResponse {
    let mut stream = TcpStream::connect(origin.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    let outcome = loop {
        match timeout(idle_timeout, stream.read_buf(&mut received)).await {
            Err(_) => break None,
            Ok(Ok(0)) => break Some(Ok(())),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => break Some(Err(error.kind())),
        }
    };
    let head = received.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |index| index + 4);
    let body = received.split_off(head);
    WireResponse { head: String::from_utf8(received).unwrap(), body, outcome }
}

pub(crate) fn request(simulator: &Simulator, path: &str, body: &Value) -> String {
    let (key, body) = (simulator.api_key(), body.to_string());
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: {key}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn submission(simulator: &Simulator) -> String {
    request(simulator, CREATE, &json!({ "model": "Chatterbox", "input": TEXT }))
}

pub(crate) async fn create(simulator: &Simulator) -> WireResponse {
    send(simulator.base_url(), &submission(simulator), LONG).await
}

pub(crate) async fn poll(simulator: &Simulator) -> WireResponse {
    let id = simulator.tasks()[0].0.as_str().to_owned();
    send(simulator.base_url(), &request(simulator, RESULT, &json!({ "id": id })), LONG).await
}

pub(crate) async fn download(simulator: &Simulator, headers: &str) -> WireResponse {
    let path = format!("/audio/{}.wav", simulator.tasks()[0].0);
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    send(simulator.audio_url(), &request, LONG).await
}

/// Starts a simulator whose tasks complete at once.
pub(crate) async fn simulator_with_instant_tasks() -> Simulator {
    let builder = Simulator::builder().waiting(Duration::ZERO).running(Duration::ZERO);
    builder.start().await.unwrap()
}

/// Sends one create to a simulator with this fault. Returns the response and the number of accepted creates.
pub(crate) async fn create_with_fault(fault: Fault) -> (WireResponse, u64) {
    let simulator = simulator_with_instant_tasks().await;
    simulator.script(Route::Create, Script::always(fault));
    let response = create(&simulator).await;
    assert_eq!((simulator.requests(), simulator.faults()), (1, 1));
    (response, simulator.creates())
}

/// Starts a simulator that has accepted a text, and then injects `fault` into every request to `route`.
pub(crate) async fn simulator_with_fault(route: Route, fault: Fault) -> Simulator {
    let simulator = simulator_with_instant_tasks().await;
    create(&simulator).await;
    simulator.script(route, Script::always(fault));
    simulator
}

#[tokio::test]
async fn simulator_reset_resets_connection_before_or_after_accepting() {
    for (fault, billed) in [(Fault::reset(), 0), (Fault::reset().after_accepting(), 1)] {
        let (response, creates) = create_with_fault(fault).await;
        assert_eq!((response.head.as_str(), response.body.as_slice()), ("", &b""[..]));
        assert_eq!(response.outcome, Some(Err(ErrorKind::ConnectionReset)));
        assert_eq!(creates, billed);
    }
}

#[tokio::test]
async fn simulator_never_answer_stays_silent_before_or_after_accepting() {
    for (fault, billed) in [(Fault::never_answer(), 0), (Fault::never_answer().after_accepting(), 1)] {
        let simulator = simulator_with_instant_tasks().await;
        simulator.script(Route::Create, Script::always(fault));
        let response = send(simulator.base_url(), &submission(&simulator), SHORT).await;
        assert_eq!((response.head.as_str(), response.outcome), ("", None));
        assert_eq!(simulator.creates(), billed);
    }
}

#[tokio::test]
async fn simulator_status_has_json_html_or_no_body() {
    let json = "application/json; charset=utf-8";
    let html = "text/html; charset=utf-8";
    for status in [408, 425, 429, 500, 502, 503, 504, 520, 799] {
        for (fault, media_type, body) in [
            (Fault::status(status).json(r#"{"error":7}"#), Some(json), r#"{"error":7}"#),
            (Fault::status(status).html("<h1>Oh</h1>"), Some(html), "<h1>Oh</h1>"),
            (Fault::status(status).no_body(), None, ""),
        ] {
            let (response, creates) = create_with_fault(fault).await;
            assert_eq!(response.status()[..3], status.to_string());
            assert_eq!(response.header("content-type"), media_type);
            assert_eq!(response.body, body.as_bytes());
            assert_eq!(response.header("content-length"), Some(body.len().to_string().as_str()));
            assert_eq!((response.outcome, creates), (Some(Ok(())), 0));
        }
    }
    for status in [204, 205, 304] {
        let (response, _) = create_with_fault(Fault::status(status)).await;
        assert_eq!(
            (&response.status()[..3], response.body.len()),
            (status.to_string().as_str(), 0),
            "HTTP allows no body"
        );
    }
    let (response, creates) = create_with_fault(Fault::status(500).after_accepting()).await;
    assert_eq!(response.status(), "500 Internal Server Error");
    assert_eq!(response.json(), json!({ "message": "Internal Server Error" }));
    assert_eq!(creates, 1);
}

#[tokio::test]
async fn simulator_retry_after_has_chosen_format() {
    let fault =
        |format| Fault::status(429).retry_after(Duration::from_millis(1500)).retry_after_format(format);
    let (seconds, _) = create_with_fault(fault(RetryAfterFormat::Seconds)).await;
    assert_eq!(seconds.header("retry-after"), Some("2"));
    let (millis, _) = create_with_fault(fault(RetryAfterFormat::Millis)).await;
    assert_eq!(millis.header("retry-after-ms"), Some("1500"));
    assert_eq!(millis.header("retry-after"), None);
    let (date, _) = create_with_fault(fault(RetryAfterFormat::Date)).await;
    assert!(date.header("retry-after").unwrap().ends_with(" GMT"), "{}", date.head);
    let (missing, _) = create_with_fault(fault(RetryAfterFormat::Missing)).await;
    assert!(!missing.head.contains("retry-after"), "{}", missing.head);
}

#[tokio::test]
async fn simulator_web_page_has_status_200_and_accepts_nothing() {
    let (response, creates) = create_with_fault(Fault::web_page()).await;
    assert_eq!(
        (response.status(), response.header("content-type")),
        ("200 OK", Some("text/html; charset=utf-8"))
    );
    assert!(response.body.starts_with(b"<html>"));
    assert_eq!(creates, 0);
}

#[tokio::test]
async fn simulator_response_is_cut_in_half_by_reset_or_close() {
    let (response, creates) = create_with_fault(Fault::cut_short()).await;
    assert_eq!((response.status(), response.header("content-length")), ("200 OK", Some("45")));
    assert!(response.body.starts_with(br#"{"id":""#));
    assert_eq!((response.body.len(), response.outcome, creates), (22, Some(Ok(())), 1));

    let (response, creates) = create_with_fault(Fault::reset_mid_response()).await;
    assert!(response.body.len() <= 22, "{:?}", response.body);
    assert_eq!((response.outcome, creates), (Some(Err(ErrorKind::ConnectionReset)), 1));
}

#[tokio::test]
async fn simulator_json_is_truncated_wrapped_or_extended_in_valid_http() {
    let (truncated, creates) = create_with_fault(Fault::truncated_json()).await;
    assert_eq!((truncated.status(), truncated.header("content-length")), ("200 OK", Some("22")));
    assert_eq!((truncated.body.len(), truncated.outcome, creates), (22, Some(Ok(())), 1));
    assert!(serde_json::from_slice::<Value>(&truncated.body).is_err());

    let (wrapped, creates) = create_with_fault(Fault::wrong_shape()).await;
    assert_eq!(wrapped.header("content-type"), Some("application/json; charset=utf-8"));
    assert!(wrapped.json()["data"]["id"].is_string());
    assert_eq!((wrapped.json()["id"].clone(), creates), (Value::Null, 1));

    let (extended, creates) = create_with_fault(Fault::unknown_fields()).await;
    assert!(extended.json()["id"].is_string() && extended.json()["a_new_field"].is_object());
    assert_eq!(creates, 1);
}

#[tokio::test]
async fn simulator_poll_response_has_unknown_fields_or_status() {
    let simulator = simulator_with_fault(Route::Result, Fault::unknown_fields()).await;
    let result = poll(&simulator).await.json();
    assert_eq!(result["status"], "COMPLETED");
    assert!(result["results"][0]["url"].is_string() && result["results"][0]["a_new_field"].is_object());

    simulator.script(Route::Result, Script::next(1, Fault::unknown_status()));
    assert_eq!(poll(&simulator).await.json()["status"], "A_NEW_STATUS");
    assert_eq!(poll(&simulator).await.json()["status"], "COMPLETED");
}

#[tokio::test]
async fn simulator_slow_drip_is_slow_and_complete() {
    let start = Instant::now();
    let (response, creates) = create_with_fault(Fault::slow_drip(9, Duration::from_millis(10))).await;
    assert!(start.elapsed() >= Duration::from_millis(50), "45 bytes in five parts");
    assert_eq!((response.header("content-length"), response.body.len(), creates), (Some("45"), 45, 1));
    assert!(response.json()["id"].is_string());
}

#[tokio::test]
async fn simulator_longer_than_announced_sends_extra_bytes() {
    let (response, creates) = create_with_fault(Fault::longer_than_announced()).await;
    assert_eq!((response.header("content-length"), response.body.len()), (Some("45"), 45 + 1000));
    assert_eq!((response.outcome, creates), (Some(Ok(())), 1));
}

#[tokio::test]
async fn simulator_audio_is_cut_reset_or_too_long() {
    let audio = Simulator::audio_of(TEXT);
    let length = audio.len().to_string();

    let simulator = simulator_with_fault(Route::Audio, Fault::cut_short()).await;
    let response = download(&simulator, "").await;
    assert_eq!((response.status(), response.header("content-length")), ("200 OK", Some(length.as_str())));
    assert!(response.header("etag").is_some() && response.header("accept-ranges").is_some());
    assert_eq!((&response.body[..], response.outcome), (&audio[..audio.len() / 2], Some(Ok(()))));

    simulator.script(Route::Audio, Script::always(Fault::reset_mid_response()));
    let response = download(&simulator, "").await;
    assert!(audio[..audio.len() / 2].starts_with(&response.body));
    assert_eq!(response.outcome, Some(Err(ErrorKind::ConnectionReset)));

    simulator.script(Route::Audio, Script::always(Fault::longer_than_announced()));
    let response = download(&simulator, "").await;
    assert_eq!(response.header("content-length"), Some(length.as_str()));
    assert_eq!((&response.body[..audio.len()], response.body.len()), (&audio[..], audio.len() + 1000));

    let response = download(&simulator, "range: bytes=48000-\r\n").await;
    assert_eq!(response.status(), "206 Partial Content");
    assert_eq!(response.header("content-length"), None);
    assert_eq!(response.header("content-range"), Some("bytes 48000-48043/48044"));
    assert!(response.body.len() > 1044, "44 bytes, 1000 extra bytes, and the chunk headers");
    assert_eq!(simulator.downloads(), 4);
}

#[tokio::test]
async fn simulator_audio_range_is_rejected_or_ignored() {
    let simulator = simulator_with_fault(Route::Audio, Fault::range_refused()).await;
    let range = "range: bytes=100-\r\n";
    let response = download(&simulator, range).await;
    assert_eq!(response.status(), "416 Range Not Satisfiable");
    assert_eq!(response.header("content-range"), Some("bytes */48044"));
    assert_eq!(download(&simulator, "").await.body, Simulator::audio_of(TEXT));

    simulator.script(Route::Audio, Script::always(Fault::range_ignored()));
    let response = download(&simulator, range).await;
    assert_eq!((response.status(), &response.body), ("200 OK", &Simulator::audio_of(TEXT)));
}

#[tokio::test]
async fn simulator_counts_leak_despite_fault() {
    let simulator = simulator_with_fault(Route::Audio, Fault::reset()).await;
    let response = download(&simulator, "authorization: anything\r\n").await;
    assert_eq!((response.status(), simulator.leaks()), ("403 Forbidden", 1));
}

#[tokio::test]
async fn simulator_connection_stays_usable_after_status_and_drip() {
    let simulator = simulator_with_instant_tasks().await;
    let faults = [Fault::status(503), Fault::slow_drip(20, Duration::ZERO), Fault::unknown_fields()];
    simulator.script(Route::Create, Script::steps(faults.map(Some)));
    let last = submission(&simulator);
    let first = last.replace("connection: close\r\n", "").repeat(3);
    let response = send(simulator.base_url(), &(first + &last), LONG).await;
    let responses = response.head + &String::from_utf8(response.body).unwrap();
    assert_eq!(
        (responses.matches("HTTP/1.1 503 ").count(), responses.matches("HTTP/1.1 200 ").count()),
        (1, 3)
    );
    assert_eq!((response.outcome, simulator.creates()), (Some(Ok(())), 3));
}

#[tokio::test]
async fn simulator_script_counts_per_route_from_when_it_is_set() {
    let simulator = Simulator::builder()
        .script(Route::Create, Script::nth(2, Fault::status(500)))
        .outcomes(Script::nth(1, TaskOutcome::fails()))
        .start()
        .await
        .unwrap();
    let statuses = async || {
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(create(&simulator).await.status()[..3].parse::<u16>().unwrap());
        }
        statuses
    };
    assert_eq!(statuses().await, [200, 500, 200]);
    assert_eq!(statuses().await, [200, 200, 200]);
    simulator.script(Route::Create, Script::steps([Some(Fault::status(502)), None, Some(Fault::web_page())]));
    assert_eq!(poll(&simulator).await.status(), "200 OK");
    assert_eq!(statuses().await, [502, 200, 200]);
    simulator.script(Route::Create, Script::always(Fault::status(504)));
    assert_eq!(statuses().await, [504, 504, 504]);
    simulator.script(Route::Create, Script::nothing());
    assert_eq!(statuses().await, [200, 200, 200]);
    assert_eq!((simulator.faults(), simulator.creates()), (1 + 2 + 3, 2 + 3 + 1 + 3));
}

#[tokio::test]
async fn simulator_random_faults_repeat_with_same_seed() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let faults = [Fault::status(500), Fault::status(502)];
        let builder = Simulator::builder().script(Route::Create, Script::random(seed, 0.5, faults));
        let simulator = builder.start().await.unwrap();
        let mut statuses = String::new();
        for _ in 0..30 {
            statuses += &create(&simulator).await.status()[..3];
        }
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
    for status in ["200", "500", "502"] {
        assert!(runs[0].contains(status), "{}", runs[0]);
    }
}

#[test]
fn simulator_builder_rejects_fault_impossible_on_route() {
    let builder = || Simulator::builder().script(Route::Audio, Script::always(Fault::truncated_json()));
    assert!(std::panic::catch_unwind(builder).is_err());
}
