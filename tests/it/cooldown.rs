//! The pause of all requests after a `Retry-After`.

use std::time::{Duration, Instant};

use distribute_ai::testing::{Fault, Route, Script, Simulator};
use serde_json::json;

use crate::support::{Action, ID, Log, ScriptedServer, builder, client, result, unique_id};

/// A year.
const ABSURD: &str = "retry-after: 31536000\r\n";

fn accepted() -> Action {
    Action::json("200 OK", &json!({"id": ID}))
}

#[tokio::test]
async fn absurd_retry_after_of_other_status_does_not_pause_the_client() {
    for status in
        ["302 Found", "403 Forbidden", "404 Not Found", "500 Internal Server Error", "502 Bad Gateway"]
    {
        let server = ScriptedServer::start([Action::response(status, ABSURD, ""), accepted()]).await;
        let client = client(&server.url);
        let error = client.speak("Hello").submit().await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(31_536_000)), "{status}");
        // A pause would take five minutes, and end after the deadline.
        client.speak("Hello").deadline(Duration::from_secs(60)).submit().await.unwrap();
    }
}

#[tokio::test]
async fn absurd_retry_after_pauses_the_client_for_max_cooldown() {
    for status in ["429 Too Many Requests", "503 Service Unavailable"] {
        let server = ScriptedServer::start([Action::response(status, ABSURD, ""), accepted()]).await;
        let client = builder(&server.url).max_cooldown(Duration::from_millis(300)).build().unwrap();
        let start = Instant::now();
        let poll = client.task(ID.parse().unwrap()).status().await.unwrap_err();
        assert_eq!(poll.retry_after(), Some(Duration::from_secs(31_536_000)), "{status}");
        client.speak("Hello").submit().await.unwrap();
        assert!((300..10_000).contains(&start.elapsed().as_millis()), "{status}: {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn equal_requests_that_wait_for_each_other_obey_the_pause_of_the_first_one() {
    let simulator = Simulator::start().await.unwrap();
    simulator.script(Route::Create, Script::always(Fault::status(429).retry_after(Duration::from_secs(60))));
    let directory = tempfile::tempdir().unwrap();
    let client = simulator.client_builder().store(directory.path().join("store")).build().unwrap();
    let submissions = (0..20).map(|_| client.speak("Hello").deadline(Duration::from_secs(5)).submit());
    for submitted in futures_util::future::join_all(submissions).await {
        assert!(submitted.unwrap_err().is_rate_limited());
    }
    assert_eq!(simulator.requests(), 1);
}

#[tokio::test]
async fn start_of_a_cooldown_is_logged_once() {
    let log = Log::default();
    let _guard = log.capture();
    let server = ScriptedServer::start([Action::response("429 Too Many Requests", ABSURD, "")]).await;
    let client = client(&server.url);
    let query = distribute_ai::types::TaskQuery::new(ID);
    for _ in 0..3 {
        client.async_speech_result(&query).await.unwrap_err();
    }
    let expected = "requests paused, as the server asks status=429 retry_after=31536000s cooldown=300s";
    assert_eq!(log.text().matches(expected).count(), 1, "{}", log.text());
    assert!(log.text().contains("WARN"), "{}", log.text());
}

#[tokio::test]
async fn success_of_request_sent_during_a_cooldown_ends_it() {
    let server = ScriptedServer::start([
        Action::response("429 Too Many Requests", "retry-after: 60\r\n", ""),
        Action::json("200 OK", &result("QUEUED")),
        accepted(),
    ])
    .await;
    let client = client(&server.url);
    let query = distribute_ai::types::TaskQuery::new(ID);
    client.async_speech_result(&query).await.unwrap_err();
    let deadline = Duration::from_secs(5);
    assert!(client.speak("Hello").deadline(deadline).submit().await.unwrap_err().is_rate_limited());
    // A direct call of a generated method ignores the cooldown.
    client.async_speech_result(&query).await.unwrap();
    client.speak("Hello").deadline(deadline).submit().await.unwrap();
}

#[tokio::test]
async fn retry_after_as_a_date_is_measured_by_the_date_of_the_response() {
    // The server's clock is an hour ahead of ours, or two years behind.
    for server_time in [3_600, -63_072_000] {
        let now = i64::try_from(
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(),
        )
        .unwrap();
        let date = |seconds: i64| {
            let time = std::time::UNIX_EPOCH + Duration::from_secs(u64::try_from(now + seconds).unwrap());
            httpdate::fmt_http_date(time)
        };
        let headers = format!("date: {}\r\nretry-after: {}\r\n", date(server_time), date(server_time + 2));
        let limited = Action::response("429 Too Many Requests", &headers, "");
        let server = ScriptedServer::start([limited]).await;
        let error = client(&server.url).task(ID.parse().unwrap()).status().await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
    }
}

#[tokio::test]
async fn retry_after_of_successful_poll_delays_only_the_next_poll_of_its_task() {
    let queued = Action::response("200 OK", "retry-after-ms: 400\r\n", &result("QUEUED").to_string());
    let completed = Action::json("200 OK", &result("COMPLETED"));
    let other = Action::json("200 OK", &json!({"id": unique_id(1)}));
    let server = ScriptedServer::start([queued, other, completed]).await;
    let client = client(&server.url);
    let start = Instant::now();
    let wait = async {
        client.task(ID.parse().unwrap()).wait().await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(400), "{:?}", start.elapsed());
    };
    let submit = async {
        while server.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        client.speak("Hello").deadline(Duration::from_millis(100)).submit().await.unwrap();
    };
    tokio::join!(wait, submit);
}

/// As README.md and the guide's page on waiting say.
#[tokio::test(start_paused = true)]
async fn retry_after_of_an_hour_pauses_for_five_minutes_by_default() {
    let an_hour = || Fault::status(429).retry_after(Duration::from_secs(3600));
    for route in [Route::Create, Route::Result] {
        let simulator = Simulator::start().await.unwrap();
        simulator.script(route, Script::nth(1, an_hour()));
        let start = tokio::time::Instant::now();
        simulator.client().speak("Hello").await.unwrap();
        assert!((300..310).contains(&start.elapsed().as_secs()), "{route:?}: {:?}", start.elapsed());

        simulator.script(route, Script::nth(1, an_hour()));
        let start = tokio::time::Instant::now();
        let speak = simulator.client().speak("Hello").deadline(Duration::from_secs(299));
        let error = speak.await.unwrap_err();
        assert!(error.is_rate_limited(), "{route:?}: {error}");
        assert!(start.elapsed() < Duration::from_secs(10), "{route:?}: {:?}", start.elapsed());
    }
}
