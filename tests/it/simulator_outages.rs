//! Outages and the rate limit of the simulator, seen by plain connections and by a client.

use std::{io::ErrorKind, time::Duration};

use distribute_ai::testing::{Fault, Host, RateLimit, RetryAfterFormat, Route, Script, Simulator};
use tokio::{
    net::{TcpListener, TcpStream},
    time::Instant,
};

use crate::support::{KEY, builder};

const MILLISECOND: Duration = Duration::from_millis(1);

async fn quick() -> Simulator {
    let builder = Simulator::builder().api_key(KEY).waiting(MILLISECOND);
    builder.running(MILLISECOND).start().await.unwrap()
}

async fn connect(origin: &str) -> Result<(), ErrorKind> {
    let address = origin.strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.map(drop).map_err(|error| error.kind())
}

#[tokio::test]
async fn simulator_host_that_is_down_keeps_port_and_tasks() {
    let simulator = quick().await;
    let task = simulator.client().speak("Hello").submit().await.unwrap();
    for _ in 0..3 {
        simulator.go_down(Host::Api).await.unwrap();
        assert_eq!(connect(simulator.base_url()).await, Err(ErrorKind::ConnectionRefused));
        assert_eq!(connect(simulator.audio_url()).await, Ok(()));
        let address = simulator.base_url().strip_prefix("http://").unwrap();
        assert_eq!(TcpListener::bind(address).await.unwrap_err().kind(), ErrorKind::AddrInUse);
        simulator.come_up(Host::Api).await.unwrap();
        simulator.come_up(Host::Api).await.unwrap();
        assert_eq!(connect(simulator.base_url()).await, Ok(()));
    }
    let other_client = builder(simulator.base_url()).build().unwrap();
    other_client.task(task.id().clone()).wait().await.unwrap();
    assert_eq!(simulator.creates(), 1);
}

#[tokio::test]
async fn simulator_outage_ends_automatically_and_next_one_restarts_its_duration() {
    let simulator = quick().await;
    let start = Instant::now();
    simulator.down_for(Host::Audio, Duration::from_secs(60)).await.unwrap();
    assert_eq!(connect(simulator.audio_url()).await, Err(ErrorKind::ConnectionRefused));
    simulator.down_for(Host::Audio, Duration::from_millis(30)).await.unwrap();
    while connect(simulator.audio_url()).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(MILLISECOND).await;
    }
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn simulator_outage_closes_open_connections() {
    let simulator = quick().await;
    let client = simulator.client();
    client.speak("Hello").submit().await.unwrap();
    simulator.script(Route::Create, Script::always(Fault::never_answer().after_accepting()));
    let pending = tokio::spawn(async move { client.speak("Hello again").submit().await });
    while simulator.creates() < 2 {
        tokio::time::sleep(MILLISECOND).await;
    }
    simulator.go_down(Host::Api).await.unwrap();
    let error = pending.await.unwrap().unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
    assert_eq!((simulator.requests(), simulator.creates()), (2, 2));
}

#[tokio::test]
async fn submit_during_outage_arrives_after_outage() {
    let simulator = quick().await;
    simulator.down_for(Host::Api, Duration::from_millis(100)).await.unwrap();
    simulator.client().speak("Hello").submit().await.unwrap();
    assert_eq!((simulator.requests(), simulator.creates()), (1, 1));
}

#[tokio::test]
async fn poll_and_download_after_crash_are_retried() {
    let simulator = quick().await;
    let down = Duration::from_millis(50);
    simulator.script(Route::Result, Script::nth(1, Fault::crash(down)));
    simulator.script(Route::Audio, Script::nth(1, Fault::crash(down)));
    let speech = simulator.client().speak("Hello").await.unwrap();
    assert_eq!(speech.audio().unwrap().bytes().await.unwrap(), Simulator::audio_of("Hello"));
    assert_eq!((simulator.creates(), simulator.faults()), (1, 2));
}

#[tokio::test]
async fn submit_during_crash_is_in_doubt_whether_accepted_or_not() {
    for (fault, billed) in [(Fault::crash(MILLISECOND), 0), (Fault::crash(MILLISECOND).after_accepting(), 1)]
    {
        let simulator = quick().await;
        simulator.script(Route::Create, Script::nth(1, fault));
        let error = simulator.client().speak("Hello").submit().await.unwrap_err();
        assert!(error.is_in_doubt(), "{error}");
        assert_eq!((simulator.requests(), simulator.creates()), (1, billed));
    }
}

#[tokio::test]
async fn simulator_rate_limit_rejects_with_retry_after_and_bills_nothing() {
    let simulator = quick().await;
    for (format, name) in [
        (RetryAfterFormat::Seconds, Some("retry-after")),
        (RetryAfterFormat::Date, Some("retry-after")),
        (RetryAfterFormat::Millis, Some("retry-after-ms")),
        (RetryAfterFormat::Missing, None),
    ] {
        simulator.rate_limit(RateLimit::per(2, Duration::from_secs(60)).retry_after_format(format));
        simulator.script(Route::Result, Script::nth(3, Fault::web_page()));
        let url = format!("{}/async/speech/result", simulator.base_url());
        let mut statuses = Vec::new();
        for _ in 0..3 {
            let response = reqwest::Client::new().post(&url).send().await.unwrap();
            statuses.push(response.status().as_u16());
            let retry_headers: Vec<_> = response
                .headers()
                .keys()
                .map(reqwest::header::HeaderName::as_str)
                .filter(|name| name.starts_with("re"))
                .collect();
            let expected = name.filter(|_| response.status() == 429);
            assert_eq!(retry_headers, Vec::from_iter(expected), "{format:?}");
        }
        assert_eq!(
            statuses,
            [401, 401, 429],
            "the rate limit applies before the key check and before the script"
        );
    }
    assert_eq!((simulator.rate_limited(), simulator.faults(), simulator.polls()), (4, 0, 12));
    simulator.rate_limit(None);
    let task = simulator.client().speak("Hello").submit().await.unwrap();
    assert_eq!(simulator.tasks(), [(task.id().clone(), "Hello".to_owned())]);
}

#[tokio::test]
async fn submit_above_rate_limit_is_billed_once() {
    let limit = RateLimit::per(2, Duration::from_millis(60)).retry_after_format(RetryAfterFormat::Millis);
    let simulator = Simulator::builder().rate_limit(limit).start().await.unwrap();
    let client = simulator.client();
    let submissions: Vec<_> = (0..6)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move { client.speak(format!("Text {number}")).submit().await })
        })
        .collect();
    for submission in submissions {
        submission.await.unwrap().unwrap();
    }
    let mut spoken = simulator.spoken();
    spoken.sort();
    assert_eq!(spoken, (0..6).map(|number| format!("Text {number}")).collect::<Vec<_>>());
    assert!(simulator.rate_limited() > 0);
    assert_eq!(simulator.requests(), simulator.creates() + simulator.rate_limited());
}

#[tokio::test]
async fn simulator_arrivals_are_in_order_and_yield_peak() {
    let simulator = quick().await;
    let client = simulator.client();
    assert_eq!(simulator.peak_per_second(), 0);
    for text in ["One.", "Two.", "Three."] {
        client.speak(text).submit().await.unwrap();
    }
    let arrivals = simulator.arrivals(Route::Create);
    assert_eq!(arrivals.len(), 3);
    assert!(arrivals.is_sorted());
    assert!(simulator.arrivals(Route::Result).is_empty() && simulator.arrivals(Route::Audio).is_empty());
    if arrivals[2] - arrivals[0] < Duration::from_secs(1) {
        assert_eq!(simulator.peak_per_second(), 3);
    }
}
