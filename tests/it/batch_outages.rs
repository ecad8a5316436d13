//! Batches whose server is away for a while, in each form of an outage, and batches with a rejected key.

use std::{collections::HashSet, time::Duration};

use distribute_ai::{
    Billed, Client, Error, ErrorKind,
    testing::{Fault, Host, Route, Script, Simulator},
};
use futures_util::StreamExt;

use crate::support::{UNREACHABLE_URL, builder};

const AWAY: Duration = Duration::from_secs(2);

async fn simulator() -> (Simulator, Client) {
    let simulator = Simulator::builder()
        .api_key(crate::support::KEY)
        .waiting(Duration::from_millis(30))
        .running(Duration::from_millis(30))
        .start()
        .await
        .unwrap();
    let client = builder(simulator.base_url()).request_timeout(Duration::from_secs(1)).build().unwrap();
    (simulator, client)
}

/// Runs a batch of 200 texts through an outage that starts after 50 results. At most 16 creates are in flight.
async fn run_through_outage(simulator: &Simulator, client: Client, outage: impl Future<Output = ()>) {
    let texts = (0..200).map(|number| (number, format!("Text number {number}.")));
    let mut results = client.batch(texts).max_in_flight(16).run().await.unwrap();
    let (mut done, mut in_doubt) = (HashSet::new(), HashSet::new());
    let mut take = |(number, outcome): (i32, Result<_, Error>)| match outcome {
        Ok(_) => assert!(done.insert(number)),
        Err(error) => assert!(error.is_in_doubt() && in_doubt.insert(number), "text {number}: {error:?}"),
    };
    for _ in 0..50 {
        take(results.next().await.unwrap());
    }
    let rest = async {
        while let Some(result) = results.next().await {
            take(result);
        }
    };
    tokio::join!(outage, rest);
    assert_eq!(done.len() + in_doubt.len(), 200);
    assert!(in_doubt.len() <= 16, "in doubt: {in_doubt:?}");
    let spoken = simulator.spoken();
    assert_eq!(spoken.iter().collect::<HashSet<_>>().len(), spoken.len(), "a text was billed twice");
    assert!(spoken.len() >= done.len());
}

/// Returns the outage in which every request gets this fault.
async fn fail_all(simulator: &Simulator, fault: Fault) {
    for route in [Route::Create, Route::Result] {
        simulator.script(route, Script::always(fault.clone()));
    }
    tokio::time::sleep(AWAY).await;
    for route in [Route::Create, Route::Result] {
        simulator.script(route, Script::nothing());
    }
}

#[tokio::test]
async fn batch_survives_refused_connections() {
    let (simulator, client) = simulator().await;
    let outage = async { simulator.down_for(Host::Api, AWAY).await.unwrap() };
    run_through_outage(&simulator, client, outage).await;
}

#[tokio::test]
async fn batch_survives_bad_gateway() {
    let (simulator, client) = simulator().await;
    let outage = fail_all(&simulator, Fault::status(502).html("<h1>Bad Gateway</h1>").after_accepting());
    run_through_outage(&simulator, client, outage).await;
}

#[tokio::test]
async fn batch_survives_silence() {
    let (simulator, client) = simulator().await;
    run_through_outage(&simulator, client, fail_all(&simulator, Fault::never_answer())).await;
}

#[tokio::test]
async fn batch_that_starts_while_the_server_is_down_waits_for_it() {
    let (simulator, client) = simulator().await;
    simulator.down_for(Host::Api, AWAY).await.unwrap();
    let texts = (0..30).map(|number| (number, format!("Text number {number}.")));
    let mut results = client.batch(texts).run().await.unwrap();
    while let Some((number, speech)) = results.next().await {
        assert!(speech.is_ok(), "text {number}: {speech:?}");
    }
    assert_eq!(simulator.creates(), 30);
}

/// Returns the errors of the texts that were not sent, because the outage lasted until their deadline.
async fn never_sent(client: &Client) -> Vec<Error> {
    // More texts than a batch sends before it notices the outage.
    let requests = (0..300).map(|number| {
        (number, client.speak(format!("Text number {number}.")).deadline(Duration::from_secs(1)))
    });
    let results: Vec<_> = client.batch(requests).max_in_flight(300).run().await.unwrap().collect().await;
    let errors = results.into_iter().map(|(_, result)| result.unwrap_err());
    errors.filter(|error| error.to_string().contains("was not sent")).collect()
}

#[track_caller]
fn assert_never_sent(errors: &[Error], cause: &str) {
    assert!(!errors.is_empty());
    for error in errors {
        let text = error.to_string();
        let (start, shown) = text.split_once(" of the batch, this request was not sent: ").expect(&text);
        assert!(shown.starts_with(cause), "{text}");
        let attempts = start.strip_prefix("server unavailable in ").and_then(|rest| rest.split(' ').next());
        assert!(attempts.unwrap().parse::<u32>().unwrap() > 0, "{text}");
        assert_eq!((error.kind(), error.billed()), (ErrorKind::Unreachable, Billed::No), "{text}");
    }
}

#[tokio::test]
async fn batch_request_that_is_never_sent_names_host_attempts_and_cause() {
    let errors = never_sent(&builder(UNREACHABLE_URL).build().unwrap()).await;
    assert_never_sent(&errors, "127.0.0.1:9: Connection refused");

    let (simulator, _) = simulator().await;
    let client = builder(simulator.base_url()).build().unwrap();
    for route in [Route::Create, Route::Result] {
        simulator.script(route, Script::always(Fault::status(502).html("<h1>Bad Gateway</h1>")));
    }
    let host = simulator.base_url().strip_prefix("http://").unwrap().to_owned();
    assert_never_sent(&never_sent(&client).await, &format!("{host}: 502 Bad Gateway: <h1>Bad Gateway</h1>"));
}

#[tokio::test]
async fn batch_with_wrong_key_sends_only_the_creates_in_flight() {
    let (simulator, _) = simulator().await;
    let client = Client::builder().api_key("wrong").base_url(simulator.base_url()).build().unwrap();
    let texts = (0..300).map(|number| (number, format!("Text number {number}.")));
    let mut results = client.batch(texts).max_in_flight(8).run().await.unwrap();
    let mut count = 0;
    while let Some((_, outcome)) = results.next().await {
        assert!(outcome.unwrap_err().is_unauthorized());
        count += 1;
    }
    assert_eq!((count, simulator.creates()), (300, 0));
    assert!(simulator.requests() <= 8, "{}", simulator.requests());
}
