//! The simulator's faults as bytes: what stands on the wire, and what is counted.

use std::{io::ErrorKind, time::Duration};

use distribute_ai::testing::{Fault, RetryAfterFormat, Route, Script, Simulator, TaskOutcome};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::support::{CREATE, RESULT};

const TEXT: &str = "Hello from Rust.";

/// Longer than any machine is slow.
const LONG: Duration = Duration::from_secs(10);

/// Long enough for silence.
const SHORT: Duration = Duration::from_millis(50);

/// What came until the connection ended, and how it ended: `None` when it did not.
struct Seen {
    head: String,
    body: Vec<u8>,
    end: Option<Result<(), ErrorKind>>,
}

impl Seen {
    fn status(&self) -> &str {
        self.head.strip_prefix("HTTP/1.1 ").unwrap_or_default().lines().next().unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Sends this and reads on until the end, or until nothing has come for so long.
async fn send(origin: &str, request: &str, patience: Duration) -> Seen {
    let mut stream = TcpStream::connect(origin.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut came = Vec::new();
    let end = loop {
        match timeout(patience, stream.read_buf(&mut came)).await {
            Err(_) => break None,
            Ok(Ok(0)) => break Some(Ok(())),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => break Some(Err(error.kind())),
        }
    };
    let head = came.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
    let body = came.split_off(head);
    Seen { head: String::from_utf8(came).unwrap(), body, end }
}

fn request(simulator: &Simulator, path: &str, body: &Value) -> String {
    let (key, body) = (simulator.api_key(), body.to_string());
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: {key}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn submission(simulator: &Simulator) -> String {
    request(simulator, CREATE, &json!({ "model": "Chatterbox", "input": TEXT }))
}

async fn create(simulator: &Simulator) -> Seen {
    send(simulator.base_url(), &submission(simulator), LONG).await
}

async fn poll(simulator: &Simulator) -> Seen {
    let id = simulator.tasks()[0].0.as_str().to_owned();
    send(simulator.base_url(), &request(simulator, RESULT, &json!({ "id": id })), LONG).await
}

async fn download(simulator: &Simulator, headers: &str) -> Seen {
    let path = format!("/audio/{}.wav", simulator.tasks()[0].0);
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    send(simulator.audio_url(), &request, LONG).await
}

/// One whose tasks are done at once.
async fn instant() -> Simulator {
    let builder = Simulator::builder().waiting(Duration::ZERO).running(Duration::ZERO);
    builder.start().await.unwrap()
}

/// A create that meets this fault, and the number of those that were accepted.
async fn faulty(fault: Fault) -> (Seen, u64) {
    let simulator = instant().await;
    simulator.script(Route::Create, Script::always(fault));
    let seen = create(&simulator).await;
    assert_eq!((simulator.requests(), simulator.faults()), (1, 1));
    (seen, simulator.creates())
}

/// One that has accepted a text, and meets this fault from now on.
async fn faulty_at(route: Route, fault: Fault) -> Simulator {
    let simulator = instant().await;
    create(&simulator).await;
    simulator.script(route, Script::always(fault));
    simulator
}

#[tokio::test]
async fn a_reset_is_a_reset_before_and_after_accepting() {
    for (fault, billed) in [(Fault::reset(), 0), (Fault::reset().after_accepting(), 1)] {
        let (seen, creates) = faulty(fault).await;
        assert_eq!((seen.head.as_str(), seen.body.as_slice()), ("", &b""[..]));
        assert_eq!(seen.end, Some(Err(ErrorKind::ConnectionReset)));
        assert_eq!(creates, billed);
    }
}

#[tokio::test]
async fn silence_lasts_before_and_after_accepting() {
    for (fault, billed) in [(Fault::never_answer(), 0), (Fault::never_answer().after_accepting(), 1)] {
        let simulator = instant().await;
        simulator.script(Route::Create, Script::always(fault));
        let seen = send(simulator.base_url(), &submission(&simulator), SHORT).await;
        assert_eq!((seen.head.as_str(), seen.end), ("", None));
        assert_eq!(simulator.creates(), billed);
    }
}

#[tokio::test]
async fn a_status_comes_with_json_html_or_no_body() {
    let json = "application/json; charset=utf-8";
    let html = "text/html; charset=utf-8";
    for status in [408, 425, 429, 500, 502, 503, 504, 520, 799] {
        for (fault, media_type, body) in [
            (Fault::status(status).json(r#"{"error":7}"#), Some(json), r#"{"error":7}"#),
            (Fault::status(status).html("<h1>Oh</h1>"), Some(html), "<h1>Oh</h1>"),
            (Fault::status(status).no_body(), None, ""),
        ] {
            let (seen, creates) = faulty(fault).await;
            assert_eq!(seen.status()[..3], status.to_string());
            assert_eq!(seen.header("content-type"), media_type);
            assert_eq!(seen.body, body.as_bytes());
            assert_eq!(seen.header("content-length"), Some(body.len().to_string().as_str()));
            assert_eq!((seen.end, creates), (Some(Ok(())), 0));
        }
    }
    for status in [204, 304] {
        let (seen, _) = faulty(Fault::status(status)).await;
        assert_eq!(
            (&seen.status()[..3], seen.body.len()),
            (status.to_string().as_str(), 0),
            "as HTTP has it"
        );
    }
    let (seen, creates) = faulty(Fault::status(500).after_accepting()).await;
    assert_eq!(seen.status(), "500 Internal Server Error");
    assert_eq!(seen.json(), json!({ "message": "Internal Server Error" }));
    assert_eq!(creates, 1);
}

#[tokio::test]
async fn a_hint_comes_in_the_form_that_was_chosen() {
    let fault = |hint| Fault::status(429).retry_after(Duration::from_millis(1500)).retry_after_format(hint);
    let (seconds, _) = faulty(fault(RetryAfterFormat::Seconds)).await;
    assert_eq!(seconds.header("retry-after"), Some("2"));
    let (millis, _) = faulty(fault(RetryAfterFormat::Millis)).await;
    assert_eq!(millis.header("retry-after-ms"), Some("1500"));
    assert_eq!(millis.header("retry-after"), None);
    let (date, _) = faulty(fault(RetryAfterFormat::Date)).await;
    assert!(date.header("retry-after").unwrap().ends_with(" GMT"), "{}", date.head);
    let (missing, _) = faulty(fault(RetryAfterFormat::Missing)).await;
    assert!(!missing.head.contains("retry-after"), "{}", missing.head);
}

#[tokio::test]
async fn a_web_page_is_a_200_that_was_not_accepted() {
    let (seen, creates) = faulty(Fault::web_page()).await;
    assert_eq!((seen.status(), seen.header("content-type")), ("200 OK", Some("text/html; charset=utf-8")));
    assert!(seen.body.starts_with(b"<html>"));
    assert_eq!(creates, 0);
}

#[tokio::test]
async fn a_reply_is_cut_in_its_middle_by_a_reset_or_by_an_end() {
    let (seen, creates) = faulty(Fault::cut_short()).await;
    assert_eq!((seen.status(), seen.header("content-length")), ("200 OK", Some("45")));
    assert!(seen.body.starts_with(br#"{"id":""#));
    assert_eq!((seen.body.len(), seen.end, creates), (22, Some(Ok(())), 1));

    let (seen, creates) = faulty(Fault::reset_mid_response()).await;
    assert!(seen.body.len() <= 22, "{:?}", seen.body);
    assert_eq!((seen.end, creates), (Some(Err(ErrorKind::ConnectionReset)), 1));
}

#[tokio::test]
async fn json_is_truncated_wrapped_or_enriched_and_properly_sent() {
    let (half, creates) = faulty(Fault::truncated_json()).await;
    assert_eq!((half.status(), half.header("content-length")), ("200 OK", Some("22")));
    assert_eq!((half.body.len(), half.end, creates), (22, Some(Ok(())), 1));
    assert!(serde_json::from_slice::<Value>(&half.body).is_err());

    let (wrapped, creates) = faulty(Fault::wrong_shape()).await;
    assert_eq!(wrapped.header("content-type"), Some("application/json; charset=utf-8"));
    assert!(wrapped.json()["data"]["id"].is_string());
    assert_eq!((wrapped.json()["id"].clone(), creates), (Value::Null, 1));

    let (rich, creates) = faulty(Fault::unknown_fields()).await;
    assert!(rich.json()["id"].is_string() && rich.json()["a_new_field"].is_object());
    assert_eq!(creates, 1);
}

#[tokio::test]
async fn a_poll_meets_unknown_fields_and_an_unknown_status() {
    let simulator = faulty_at(Route::Result, Fault::unknown_fields()).await;
    let reply = poll(&simulator).await.json();
    assert_eq!(reply["status"], "COMPLETED");
    assert!(reply["results"][0]["url"].is_string() && reply["results"][0]["a_new_field"].is_object());

    simulator.script(Route::Result, Script::next(1, Fault::unknown_status()));
    assert_eq!(poll(&simulator).await.json()["status"], "A_NEW_STATUS");
    assert_eq!(poll(&simulator).await.json()["status"], "COMPLETED");
}

#[tokio::test]
async fn a_drip_is_slow_and_whole() {
    let start = Instant::now();
    let (seen, creates) = faulty(Fault::slow_drip(9, Duration::from_millis(10))).await;
    assert!(start.elapsed() >= Duration::from_millis(50), "45 bytes in five drops");
    assert_eq!((seen.header("content-length"), seen.body.len(), creates), (Some("45"), 45, 1));
    assert!(seen.json()["id"].is_string());
}

#[tokio::test]
async fn more_comes_than_was_announced() {
    let (seen, creates) = faulty(Fault::longer_than_announced()).await;
    assert_eq!((seen.header("content-length"), seen.body.len()), (Some("45"), 45 + 1000));
    assert_eq!((seen.end, creates), (Some(Ok(())), 1));
}

#[tokio::test]
async fn audio_is_cut_reset_or_too_long() {
    let whole = Simulator::audio_of(TEXT);
    let length = whole.len().to_string();

    let simulator = faulty_at(Route::Audio, Fault::cut_short()).await;
    let seen = download(&simulator, "").await;
    assert_eq!((seen.status(), seen.header("content-length")), ("200 OK", Some(length.as_str())));
    assert!(seen.header("etag").is_some() && seen.header("accept-ranges").is_some());
    assert_eq!((&seen.body[..], seen.end), (&whole[..whole.len() / 2], Some(Ok(()))));

    simulator.script(Route::Audio, Script::always(Fault::reset_mid_response()));
    let seen = download(&simulator, "").await;
    assert!(whole[..whole.len() / 2].starts_with(&seen.body));
    assert_eq!(seen.end, Some(Err(ErrorKind::ConnectionReset)));

    simulator.script(Route::Audio, Script::always(Fault::longer_than_announced()));
    let seen = download(&simulator, "").await;
    assert_eq!(seen.header("content-length"), Some(length.as_str()));
    assert_eq!((&seen.body[..whole.len()], seen.body.len()), (&whole[..], whole.len() + 1000));

    let seen = download(&simulator, "range: bytes=48000-\r\n").await;
    assert_eq!(seen.status(), "206 Partial Content");
    assert_eq!(seen.header("content-length"), None);
    assert_eq!(seen.header("content-range"), Some("bytes 48000-48043/48044"));
    assert!(seen.body.len() > 1044, "44 bytes, 1000 too many, and the marks of the chunks");
    assert_eq!(simulator.downloads(), 4);
}

#[tokio::test]
async fn a_range_is_refused_or_ignored() {
    let simulator = faulty_at(Route::Audio, Fault::range_refused()).await;
    let range = "range: bytes=100-\r\n";
    let seen = download(&simulator, range).await;
    assert_eq!(seen.status(), "416 Range Not Satisfiable");
    assert_eq!(seen.header("content-range"), Some("bytes */48044"));
    assert_eq!(download(&simulator, "").await.body, Simulator::audio_of(TEXT));

    simulator.script(Route::Audio, Script::always(Fault::range_ignored()));
    let seen = download(&simulator, range).await;
    assert_eq!((seen.status(), &seen.body), ("200 OK", &Simulator::audio_of(TEXT)));
}

#[tokio::test]
async fn no_fault_hides_that_the_key_was_given_away() {
    let simulator = faulty_at(Route::Audio, Fault::reset()).await;
    let seen = download(&simulator, "authorization: anything\r\n").await;
    assert_eq!((seen.status(), simulator.leaks()), ("403 Forbidden", 1));
}

#[tokio::test]
async fn a_connection_serves_on_after_a_status_and_after_a_drip() {
    let simulator = instant().await;
    let faults = [Fault::status(503), Fault::slow_drip(20, Duration::ZERO), Fault::unknown_fields()];
    simulator.script(Route::Create, Script::steps(faults.map(Some)));
    let last = submission(&simulator);
    let first = last.replace("connection: close\r\n", "").repeat(3);
    let seen = send(simulator.base_url(), &(first + &last), LONG).await;
    let all = seen.head + &String::from_utf8(seen.body).unwrap();
    assert_eq!((all.matches("HTTP/1.1 503 ").count(), all.matches("HTTP/1.1 200 ").count()), (1, 3));
    assert_eq!((seen.end, simulator.creates()), (Some(Ok(())), 3));
}

#[tokio::test]
async fn a_script_counts_from_when_it_is_set_and_each_route_has_its_own() {
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
async fn random_faults_are_the_same_with_the_same_seed() {
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
fn a_fault_that_cannot_happen_there_is_refused_before_the_start() {
    let builder = || Simulator::builder().script(Route::Audio, Script::always(Fault::truncated_json()));
    assert!(std::panic::catch_unwind(builder).is_err());
}
