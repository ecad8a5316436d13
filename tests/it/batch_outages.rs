//! Batches whose server is away for a while, in each form of an outage, and batches with a rejected key.

use std::{collections::HashSet, time::Duration};

use distribute_ai::{
    Client, Error,
    testing::{Fault, Host, Route, Script, Simulator},
};

use crate::support::builder;

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
