//! The simulator on a paused clock. Simulator and client share a current-thread runtime.

use std::time::Duration;

use distribute_ai::testing::{Fault, Host, Route, Script, Simulator};
use tokio::{task::JoinSet, time::Instant};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn simulator_runs_100_tasks_of_an_hour_in_virtual_time() {
    let start = Instant::now();
    let simulator = Simulator::builder().waiting(20 * MINUTE).running(40 * MINUTE).start().await.unwrap();
    let client = simulator.client();
    let mut speeches = JoinSet::new();
    for number in 0..100 {
        let client = client.clone();
        let speak = client.speak(format!("Text {number}")).deadline(120 * MINUTE);
        speeches.spawn(async move { speak.await.unwrap() });
    }
    let mut longest = Duration::ZERO;
    while let Some(speech) = speeches.join_next().await {
        longest = longest.max(speech.unwrap().server_time().unwrap());
    }
    // The policy of the client is at most 10 % late, jitter of 10 % aside.
    assert!(start.elapsed() >= 60 * MINUTE && start.elapsed() < 73 * MINUTE, "{:?}", start.elapsed());
    assert!((longest.as_secs_f64() - 3_600.0).abs() < 0.01, "time of the server: {longest:?}");
    let polls = simulator.polls();
    println!("{polls} polls in {:?} of virtual time", start.elapsed());
    assert!(polls < 100 * 150, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn simulator_faults_and_outages_last_in_virtual_time() {
    let simulator = Simulator::start().await.unwrap();
    simulator.script(Route::Create, Script::nth(1, Fault::genuine().delay(10 * SECOND)));
    let start = Instant::now();
    let task = simulator.client().speak("Hello").submit().await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 10);

    simulator.script(Route::Result, Script::during(60 * SECOND, Fault::status(503)));
    simulator.down_for(Host::Audio, 120 * SECOND).await.unwrap();
    let speech = task.wait().await.unwrap();
    assert!(start.elapsed() >= 70 * SECOND, "{:?}", start.elapsed());
    assert!(speech.audio().unwrap().bytes().await.is_err(), "the audio host is down");
    tokio::time::sleep(120 * SECOND).await;
    assert_eq!(speech.audio().unwrap().bytes().await.unwrap(), Simulator::audio_of("Hello"));
    simulator.assert_nothing_refused();
}

/// A request without any other timer must not jump to its timeout.
#[tokio::test(start_paused = true)]
async fn single_request_takes_no_virtual_time() {
    let simulator =
        Simulator::builder().waiting(Duration::ZERO).running(Duration::ZERO).start().await.unwrap();
    let (start, client) = (Instant::now(), simulator.client());
    for number in 0..50 {
        let task = client.speak(format!("Text {number}")).submit().await.unwrap();
        task.status().await.unwrap();
        let audio = task.wait().await.unwrap().audio().unwrap().bytes().await.unwrap();
        assert_eq!(audio, Simulator::audio_of(&format!("Text {number}")));
    }
    // The wait begins with a delay before the first poll.
    assert!(start.elapsed() < 50 * SECOND, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn created_and_finished_advance_with_the_paused_clock() {
    let simulator = Simulator::builder().running(500 * SECOND).waiting(Duration::ZERO).start().await.unwrap();
    let client = simulator.client();
    let first = client.speak("First").await.unwrap();
    let second = client.speak("Second").submit().await.unwrap().wait().await.unwrap();
    let [first, second] = [first, second].map(|speech| speech.result().created.unwrap());
    assert!(second - first >= 500.0, "{first} {second}");
}
