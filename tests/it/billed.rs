//! Compares what was billed with what was submitted and what was reported.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use distribute_ai::{
    Billed, Error,
    testing::{Fault, RateLimit, Route, Script, Simulator, TaskOutcome},
};
use futures_util::{StreamExt, stream};

use crate::support::{builder, env_or};

/// Returns how often each text was billed.
fn billed(simulator: &Simulator) -> HashMap<String, usize> {
    let mut times = HashMap::new();
    for text in simulator.spoken() {
        *times.entry(text).or_default() += 1;
    }
    times
}

/// Returns one fault of each kind that a create can meet.
fn faults() -> Vec<Fault> {
    vec![
        Fault::reset(),
        Fault::reset().after_accepting(),
        Fault::reset_mid_response(),
        Fault::cut_short(),
        Fault::truncated_json(),
        Fault::wrong_shape(),
        Fault::unknown_fields(),
        Fault::web_page(),
        Fault::status(500),
        Fault::status(502).html("<h1>Bad Gateway</h1>").after_accepting(),
        Fault::status(503).no_body(),
        Fault::status(503).retry_after(Duration::ZERO),
        Fault::status(504).after_accepting(),
        Fault::status(408),
        Fault::status(425),
        Fault::status(429).retry_after(Duration::from_millis(1)),
        Fault::crash(Duration::from_millis(20)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn submit_with_random_faults_is_billed_at_most_once() {
    let count = env_or("SUBMISSIONS", 1_500);
    let script = Script::random(5, 0.05, faults());
    let simulator = Simulator::builder().script(Route::Create, script).seed(5).start().await.unwrap();
    let client = builder(simulator.base_url()).api_key(simulator.api_key()).build().unwrap();
    let submissions = (0..count).map(|number| {
        let text = format!("Text number {number}.");
        let speak = client.speak(&text);
        async move { (text, speak.submit().await.map(|task| task.id().clone())) }
    });
    let outcomes: Vec<_> = stream::iter(submissions).buffer_unordered(64).collect().await;

    let (billed, ids) = (billed(&simulator), HashMap::<_, _>::from_iter(simulator.tasks()));
    let (mut accepted, mut in_doubt, mut rejected) = (0, 0, 0);
    for (text, outcome) in outcomes {
        let times = billed.get(&text).copied().unwrap_or(0);
        match outcome {
            Ok(id) => {
                assert_eq!((times, ids.get(&id)), (1, Some(&text)));
                accepted += 1;
            }
            Err(error) if error.is_in_doubt() => {
                assert!(times <= 1, "{text} was billed {times} times: {error}");
                assert_eq!(error.billed(), Billed::Maybe, "{error}");
                in_doubt += 1;
            }
            // A submission that was rejected or never arrived is not billed.
            Err(error) => {
                assert!(error.is_rejected() || error.is_unreachable(), "{error}");
                assert_eq!((times, error.billed()), (0, Billed::No), "{text}: {error}");
                rejected += 1;
            }
        }
    }
    assert!(
        in_doubt > count / 50 && accepted > count / 2,
        "{accepted} accepted, {in_doubt} in doubt, {rejected} rejected"
    );
    assert_eq!(accepted + in_doubt + rejected, count);
    assert!(billed.values().all(|times| *times == 1));
}

#[tokio::test]
async fn submit_with_resubmit_in_doubt_is_billed_up_to_its_limit() {
    let simulator = Simulator::start().await.unwrap();
    simulator.script(Route::Create, Script::always(Fault::reset().after_accepting()));
    let error = simulator.client().speak("Hello").resubmit_in_doubt(2).submit().await.unwrap_err();
    assert!(error.is_in_doubt() && error.to_string().contains("sent 3 times"), "{error}");
    assert_eq!(simulator.creates(), 3);

    simulator.script(Route::Create, Script::next(1, Fault::reset().after_accepting()));
    simulator.client().speak("Hello").resubmit_in_doubt(2).submit().await.unwrap();
    assert_eq!(simulator.creates(), 5);
}

#[tokio::test]
async fn batch_requests_per_second_sets_the_least_duration() {
    const RATE: u32 = 40;
    let simulator = Simulator::builder()
        .waiting(Duration::ZERO)
        .running(Duration::from_millis(50))
        // Injects error responses, because retries count towards the rate as well.
        .script(Route::Result, Script::random(3, 0.2, [Fault::status(429), Fault::status(503)]))
        .start()
        .await
        .unwrap();
    let texts = (0..40).map(|number| (number, format!("Text number {number}.")));
    let batch = simulator.client().batch(texts).requests_per_second(f64::from(RATE));
    let start = Instant::now();
    let outcomes: Vec<_> = batch.run().await.unwrap().collect().await;
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()), "{outcomes:?}");
    assert_eq!(simulator.creates(), 40);
    // The engine's tests check each second, in virtual time. Here, a busy machine delays requests on their way, so that
    // more of them may arrive in one second.
    let least = Duration::from_secs(simulator.requests() - u64::from(RATE)) / RATE;
    assert!(start.elapsed() >= least, "{} requests in {:?}", simulator.requests(), start.elapsed());
}

#[tokio::test]
async fn batch_above_server_rate_limit_completes() {
    let simulator = Simulator::builder()
        .waiting(Duration::ZERO)
        .running(Duration::ZERO)
        .rate_limit(RateLimit::per(30, Duration::from_millis(200)))
        .start()
        .await
        .unwrap();
    let texts = (0..60).map(|number| (number, format!("Text number {number}.")));
    let outcomes: Vec<_> = simulator.client().batch(texts).run().await.unwrap().collect().await;
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()), "{outcomes:?}");
    assert_eq!(simulator.creates(), 60, "each text is submitted once");
    assert!(simulator.rate_limited() > 0);
}

#[tokio::test]
async fn batch_distinguishes_task_outcomes() {
    let simulator = Simulator::builder()
        .waiting(Duration::ZERO)
        .running(Duration::ZERO)
        .outcome_of("It fails.", TaskOutcome::fails())
        .outcome_of("No address.", TaskOutcome::without_url())
        .outcome_of("It lags.", TaskOutcome::completes().not_found_for(Duration::from_millis(300)))
        .outcome_of("It never ends.", TaskOutcome::never_ends())
        .start()
        .await
        .unwrap();
    let client = simulator.client();
    let texts = ["It fails.", "No address.", "It lags.", "It never ends."];
    let requests = texts.map(|text| (text, client.speak(text).deadline(Duration::from_secs(1))));
    let mut outcomes = HashMap::new();
    let mut results = client.batch(requests).run().await.unwrap();
    while let Some((text, outcome)) = results.next().await {
        outcomes.insert(text, outcome.and_then(|speech| speech.audio().map(drop)));
    }
    assert!(outcomes["It fails."].as_ref().is_err_and(Error::is_failed));
    assert!(
        outcomes["No address."].as_ref().is_err_and(|error| error.is_download() && error.task_id().is_some())
    );
    assert!(outcomes["It lags."].is_ok());
    assert!(
        outcomes["It never ends."]
            .as_ref()
            .is_err_and(|error| error.is_deadline() && error.task_id().is_some())
    );
}
