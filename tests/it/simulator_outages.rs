//! The simulator's outages and its rate limit: by plain connections, and by a client.

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

async fn knock(origin: &str) -> Result<(), ErrorKind> {
    let address = origin.strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.map(drop).map_err(|error| error.kind())
}

#[tokio::test]
async fn a_host_that_is_down_refuses_and_keeps_its_port_and_its_tasks() {
    let simulator = quick().await;
    let task = simulator.client().speak("Hello").submit().await.unwrap();
    for _ in 0..3 {
        simulator.go_down(Host::Api).await.unwrap();
        assert_eq!(knock(simulator.base_url()).await, Err(ErrorKind::ConnectionRefused));
        assert_eq!(knock(simulator.audio_url()).await, Ok(()));
        let address = simulator.base_url().strip_prefix("http://").unwrap();
        assert_eq!(TcpListener::bind(address).await.unwrap_err().kind(), ErrorKind::AddrInUse);
        simulator.come_up(Host::Api).await.unwrap();
        simulator.come_up(Host::Api).await.unwrap();
        assert_eq!(knock(simulator.base_url()).await, Ok(()));
    }
    let again = builder(simulator.base_url()).build().unwrap();
    again.task(task.id()).wait().await.unwrap();
    assert_eq!(simulator.creates(), 1);
}

#[tokio::test]
async fn an_outage_ends_by_itself_and_a_second_one_counts_anew() {
    let simulator = quick().await;
    let start = Instant::now();
    simulator.down_for(Host::Audio, Duration::from_secs(60)).await.unwrap();
    assert_eq!(knock(simulator.audio_url()).await, Err(ErrorKind::ConnectionRefused));
    simulator.down_for(Host::Audio, Duration::from_millis(30)).await.unwrap();
    while knock(simulator.audio_url()).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(MILLISECOND).await;
    }
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn open_connections_end_with_the_outage_and_nothing_more_is_accepted_on_them() {
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
async fn a_submission_to_a_host_that_is_down_arrives_once_it_is_up() {
    let simulator = quick().await;
    simulator.down_for(Host::Api, Duration::from_millis(100)).await.unwrap();
    simulator.client().speak("Hello").submit().await.unwrap();
    assert_eq!((simulator.requests(), simulator.creates()), (1, 1));
}

#[tokio::test]
async fn a_wait_outlives_a_crash() {
    let simulator = quick().await;
    let down = Duration::from_millis(50);
    simulator.script(Route::Result, Script::nth(1, Fault::crash(down)));
    simulator.script(Route::Audio, Script::nth(1, Fault::crash(down)));
    let speech = simulator.client().speak("Hello").await.unwrap();
    assert_eq!(speech.audio().unwrap().bytes().await.unwrap(), Simulator::audio_of("Hello"));
    assert_eq!((simulator.creates(), simulator.faults()), (1, 2));
}

#[tokio::test]
async fn a_crash_leaves_a_doubt_whether_before_or_after_accepting() {
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
async fn what_comes_too_fast_is_refused_with_a_hint_and_not_billed() {
    let simulator = quick().await;
    for (hint, name) in [
        (RetryAfterFormat::Seconds, Some("retry-after")),
        (RetryAfterFormat::Date, Some("retry-after")),
        (RetryAfterFormat::Millis, Some("retry-after-ms")),
        (RetryAfterFormat::Missing, None),
    ] {
        simulator.rate_limit(RateLimit::per(2, Duration::from_secs(60)).retry_after_format(hint));
        simulator.script(Route::Result, Script::nth(3, Fault::web_page()));
        let url = format!("{}/async/speech/result", simulator.base_url());
        let mut statuses = Vec::new();
        for _ in 0..3 {
            let reply = reqwest::Client::new().post(&url).send().await.unwrap();
            statuses.push(reply.status().as_u16());
            let told: Vec<_> = reply
                .headers()
                .keys()
                .map(reqwest::header::HeaderName::as_str)
                .filter(|name| name.starts_with("re"))
                .collect();
            let expected = name.filter(|_| reply.status() == 429);
            assert_eq!(told, Vec::from_iter(expected), "{hint:?}");
        }
        assert_eq!(statuses, [401, 401, 429], "the limit stands before the key, and before the script");
    }
    assert_eq!((simulator.rate_limited(), simulator.faults(), simulator.polls()), (4, 0, 12));
    simulator.rate_limit(None);
    let task = simulator.client().speak("Hello").submit().await.unwrap();
    assert_eq!(simulator.tasks(), [(task.id(), "Hello".to_owned())]);
}

#[tokio::test]
async fn a_client_that_is_told_to_wait_gets_everything_spoken_once() {
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
async fn arrivals_are_kept_in_order_and_the_peak_is_theirs() {
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
