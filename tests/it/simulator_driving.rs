//! A test drives the tasks of the simulator.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use distribute_ai::testing::{Script, Simulator, TaskOutcome};

const SECOND: Duration = Duration::from_secs(1);

/// Starts a simulator whose tasks run until the test ends them.
async fn simulator_with_endless_tasks() -> Simulator {
    Simulator::builder().waiting(Duration::ZERO).running(Duration::MAX).start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn completed_task_has_audio_whatever_its_outcome() {
    let simulator = simulator_with_endless_tasks().await;
    simulator.outcome_of("Fails", TaskOutcome::fails());
    simulator.outcome_of("Endless", TaskOutcome::never_ends());
    for text in ["Works", "Fails", "Endless"] {
        let task = simulator.client().speak(text).submit().await.unwrap();
        tokio::time::sleep(60 * SECOND).await;
        assert_eq!(task.status().await.unwrap().to_string(), "PROCESSING");
        simulator.complete(task.id());
        let speech = task.wait().await.unwrap();
        assert_eq!(speech.audio().unwrap().bytes().await.unwrap(), Simulator::audio_of(text));
        let server_time = speech.server_time().unwrap().as_secs_f64();
        assert!((server_time - 60.0).abs() < 0.1, "{server_time}");
    }
}

#[tokio::test(start_paused = true)]
async fn failed_task_ends_in_error() {
    let simulator = simulator_with_endless_tasks().await;
    let task = simulator.client().speak("Hello").submit().await.unwrap();
    let wait = tokio::spawn(task.wait().into_future());
    tokio::time::sleep(30 * SECOND).await;
    assert!(!wait.is_finished());
    simulator.fail(task.id());
    assert!(wait.await.unwrap().unwrap_err().is_failed());
    for end in [Simulator::complete, Simulator::fail] {
        let again = catch_unwind(AssertUnwindSafe(|| end(&simulator, task.id())));
        assert!(again.is_err(), "the task has already ended");
    }
    simulator.reset();
    let unknown = catch_unwind(AssertUnwindSafe(|| simulator.complete(task.id())));
    assert!(unknown.is_err());
}

#[tokio::test(start_paused = true)]
async fn outcome_has_its_own_duration() {
    let outcomes = Script::steps([
        Some(TaskOutcome::completes().waiting_for(3 * SECOND).running_for(7 * SECOND)),
        Some(TaskOutcome::completes().running_for(60 * SECOND).postponed_for(30 * SECOND)),
        None,
    ]);
    let simulator = Simulator::builder().waiting(SECOND).running(SECOND).outcomes(outcomes);
    let simulator = simulator.start().await.unwrap();
    for expected in [10, 91, 2] {
        let speech = simulator.client().speak("Hello").await.unwrap();
        assert_eq!(speech.server_time().unwrap().as_millis(), expected * 1000);
    }
}

#[tokio::test(start_paused = true)]
async fn postponed_task_is_reported_as_waiting_and_then_completes() {
    let simulator = simulator_with_endless_tasks().await;
    simulator.outcomes(Script::always(TaskOutcome::completes().running_for(SECOND).postponed_for(SECOND)));
    let task = simulator.client().speak("Hello").submit().await.unwrap();
    assert_eq!(task.status().await.unwrap().to_string(), "POSTPONED");
    task.wait().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn tasks_beyond_the_capacity_wait_for_a_place() {
    let simulator = Simulator::builder().waiting(Duration::ZERO).running(10 * SECOND).capacity(2);
    let simulator = simulator.start().await.unwrap();
    let client = simulator.client();
    let mut tasks = Vec::new();
    for number in 0..5 {
        tasks.push(client.speak(format!("Text {number}")).submit().await.unwrap());
    }
    let mut times = Vec::new();
    for task in &tasks {
        times.push(task.wait().await.unwrap().server_time().unwrap().as_millis());
    }
    assert_eq!(times, [10_000, 10_000, 20_000, 20_000, 30_000]);
}

#[tokio::test(start_paused = true)]
async fn task_without_results_or_with_several_has_that_many_audios() {
    let simulator = Simulator::start().await.unwrap();
    for count in [0, 1, 3] {
        simulator.outcomes(Script::always(TaskOutcome::with_results(count)));
        let speech = simulator.client().speak("Hello").await.unwrap();
        let audios: Vec<_> = speech.audios().collect();
        // An empty list is one error for `audios`, because there should be audio.
        assert_eq!(speech.result().results.len(), count as usize);
        for audio in audios.into_iter().filter_map(Result::ok) {
            assert_eq!(audio.bytes().await.unwrap(), Simulator::audio_of("Hello"));
        }
        assert_eq!(simulator.downloads(), u64::from(count));
        simulator.clear_records();
    }
}

#[tokio::test]
async fn control_api_refuses_an_outcome_with_too_many_results() {
    let simulator = Simulator::builder().control_api().start().await.unwrap();
    let url = format!("{}/_simulator/outcomes", simulator.base_url());
    let body = r#"[{ "select": { "always": { "ending": { "audio": 4294967295 } } } }]"#;
    let response = reqwest::Client::new().put(url).body(body).send().await.unwrap();
    assert_eq!(response.status(), 400);
    let message = response.text().await.unwrap();
    assert!(message.contains("results: 4294967295 is too large, expected at most 1000"), "{message}");
}
