//! Faults of the connection, and settings that every fault can have, as bytes on the wire.

use std::{io::ErrorKind, time::Duration};

use distribute_ai::testing::{Fault, Route, Script, Simulator};
use serde_json::json;
use tokio::time::Instant;

use crate::simulator_wire::{
    LONG, SHORT, TEXT, create, create_with_fault, download, send, simulator_with_fault,
    simulator_with_instant_tasks, submission,
};

#[tokio::test]
async fn simulator_close_ends_connection_cleanly_before_or_after_accepting() {
    for (fault, billed) in [(Fault::close(), 0), (Fault::close().after_accepting(), 1)] {
        let (response, creates) = create_with_fault(fault).await;
        assert_eq!((response.head.as_str(), response.body.len()), ("", 0));
        assert_eq!((response.outcome, creates), (Some(Ok(())), billed));
    }
}

#[tokio::test]
async fn simulator_redirect_has_status_and_location() {
    let (response, creates) = create_with_fault(Fault::redirect(307, "https://example.com/x")).await;
    assert_eq!(response.status(), "307 Temporary Redirect");
    assert_eq!((response.header("location"), creates), (Some("https://example.com/x"), 0));
}

#[tokio::test]
async fn simulator_sets_headers_of_any_response() {
    for fault in [
        Fault::genuine(),
        Fault::status(503),
        Fault::unknown_fields(),
        Fault::cut_short(),
        Fault::slow_drip(100, Duration::ZERO),
    ] {
        let fault = fault.header("via", "1.1 proxy").header("content-type", "text/plain");
        let (response, _) = create_with_fault(fault.clone()).await;
        assert_eq!(response.header("via"), Some("1.1 proxy"), "{fault:?}");
        assert_eq!(response.header("content-type"), Some("text/plain"), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn simulator_delays_any_response() {
    let time = Duration::from_secs(5);
    for fault in [
        Fault::genuine(),
        Fault::status(503),
        Fault::reset(),
        Fault::close(),
        Fault::cut_short(),
        Fault::crash(Duration::ZERO),
    ] {
        let start = Instant::now();
        create_with_fault(fault.clone().delay(time)).await;
        assert!(start.elapsed() >= time && start.elapsed() < 2 * time, "{fault:?}: {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn simulator_accepts_before_the_delay() {
    let simulator = simulator_with_instant_tasks().await;
    simulator.script(Route::Create, Script::always(Fault::genuine().delay(LONG)));
    let response = send(simulator.base_url(), &submission(&simulator), SHORT).await;
    assert_eq!((response.outcome, simulator.creates()), (None, 1));
    assert_eq!(simulator.received()[0].status, Some(200));
}

#[tokio::test]
async fn simulator_sends_response_in_chunks_without_length() {
    for fault in
        [Fault::genuine(), Fault::status(503), Fault::unknown_fields(), Fault::slow_drip(9, Duration::ZERO)]
    {
        let (response, _) = create_with_fault(fault.clone().chunked()).await;
        assert_eq!(response.header("content-length"), None, "{fault:?}");
        assert_eq!(response.header("transfer-encoding"), Some("chunked"), "{fault:?}");
        assert!(response.body.ends_with(b"0\r\n\r\n"), "{fault:?}");
    }
    let simulator = simulator_with_fault(Route::Audio, Fault::genuine().chunked()).await;
    let response = download(&simulator, "").await;
    assert_eq!(response.header("content-length"), None);
    let client = simulator.client();
    let speech = client.task(simulator.tasks()[0].0.clone()).wait().await.unwrap();
    assert_eq!(speech.audio().unwrap().bytes().await.unwrap(), Simulator::audio_of(TEXT));
}

#[tokio::test]
async fn simulator_closes_idle_connection_that_it_announced_to_keep() {
    let simulator = simulator_with_instant_tasks().await;
    let keep_alive = submission(&simulator).replace("connection: close\r\n", "");
    let response = send(simulator.base_url(), &keep_alive, SHORT).await;
    assert_eq!(response.outcome, None, "without the fault, the connection stays open");

    let idle = Fault::genuine().close_idle_after(Duration::from_millis(20));
    simulator.script(Route::Create, Script::nth(1, idle.clone()));
    let start = Instant::now();
    let response = send(simulator.base_url(), &keep_alive, LONG).await;
    assert_eq!((response.status(), response.header("connection")), ("200 OK", None));
    assert_eq!(response.outcome, Some(Ok(())));
    assert!(start.elapsed() >= Duration::from_millis(20));

    // A second request on the connection keeps it open: only the first has the fault.
    simulator.script(Route::Create, Script::nth(1, idle));
    let response = send(simulator.base_url(), &keep_alive.repeat(2), Duration::from_millis(200)).await;
    assert_eq!((response.outcome, simulator.creates()), (None, 4));
}

#[tokio::test]
async fn simulator_selects_by_text_task_attempt_and_predicate() {
    let simulator = simulator_with_instant_tasks().await;
    create(&simulator).await;
    simulator.client().speak("Another").await.unwrap();
    let [first, second] = [0, 1].map(|index| simulator.tasks()[index].0.clone());
    let statuses = async || {
        let mut statuses = Vec::new();
        for id in [&first, &second, &first, &second] {
            let body = json!({ "id": id.as_str() });
            let request =
                reqwest::Client::new().post(format!("{}/async/speech/result", simulator.base_url()));
            let request = request.header("authorization", simulator.api_key()).json(&body);
            statuses.push(request.send().await.unwrap().status().as_u16());
        }
        statuses
    };
    let first_poll = || Script::nth(1, Fault::status(502));
    for (script, expected) in [
        (first_poll().for_each_task(), [502, 502, 200, 200]),
        (first_poll().for_text("Another"), [200, 502, 200, 200]),
        (first_poll().for_text_containing("Rust"), [502, 200, 200, 200]),
        (Script::always(Fault::status(502)).for_task(&second), [200, 502, 200, 502]),
        (
            Script::always(Fault::status(502)).when(|request| request.text.as_deref() == Some(TEXT)),
            [502, 200, 502, 200],
        ),
    ] {
        simulator.script(Route::Result, script.clone());
        assert_eq!(statuses().await, expected, "{script:?}");
    }
    simulator.clear_records();
    simulator.script(Route::Result, Script::always(Fault::status(502)).when(|request| request.attempt == 2));
    assert_eq!(statuses().await, [200, 200, 502, 502]);
}

#[tokio::test]
async fn simulator_resets_at_the_same_point_with_and_without_delay() {
    let (response, _) = create_with_fault(Fault::reset().delay(Duration::from_millis(10))).await;
    assert_eq!(response.outcome, Some(Err(ErrorKind::ConnectionReset)));
}
