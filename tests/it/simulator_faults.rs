//! The client's handling of each fault of the simulator, and what is billed.

use std::{sync::LazyLock, time::Duration};

use distribute_ai::{
    Client,
    testing::{Fault, RetryAfterFormat, Route, Script, Simulator, TaskOutcome},
};
use tokio::task::JoinSet;

use crate::support::{KEY, builder};

const MILLISECOND: Duration = Duration::from_millis(1);

async fn quick() -> Simulator {
    let builder = Simulator::builder().api_key(KEY).waiting(MILLISECOND);
    builder.running(MILLISECOND).start().await.unwrap()
}

/// Starts a simulator that injects `fault` into the first request to `route`.
async fn simulator_with_fault(route: Route, fault: Fault) -> Simulator {
    let simulator = quick().await;
    simulator.script(route, Script::nth(1, fault));
    simulator
}

fn client(simulator: &Simulator) -> Client {
    builder(simulator.base_url()).http_client(shared_http_client()).build().unwrap()
}

/// Returns a client with the HTTP client of the library. It retries a submission after a 429, because it follows no
/// redirects.
fn client_without_redirects(simulator: &Simulator) -> Client {
    builder(simulator.base_url()).build().unwrap()
}

/// Returns a client with a request timeout of 1 s, which is enough for every response even on a busy machine.
fn client_with_short_timeout(simulator: &Simulator) -> Client {
    let timeout = Duration::from_secs(1);
    builder(simulator.base_url()).http_client(shared_http_client()).request_timeout(timeout).build().unwrap()
}

/// Returns one HTTP client for all tests, because building a client takes most of the time of these tests.
/// The client pools no connections, because a pooled connection would end with its test.
fn shared_http_client() -> reqwest::Client {
    static HTTP: LazyLock<reqwest::Client> =
        LazyLock::new(|| reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap());
    HTTP.clone()
}

#[tokio::test(start_paused = true)]
async fn submit_in_doubt_is_sent_once_whether_billed_or_not() {
    let mut table = vec![
        (Fault::reset_mid_response(), 1),
        (Fault::cut_short(), 1),
        (Fault::truncated_json(), 1),
        (Fault::wrong_shape(), 1),
    ];
    let either_way = [Fault::reset(), Fault::web_page(), Fault::status(202)];
    let statuses = [408, 500, 502, 503, 504, 599].map(|status| Fault::status(status).html("<h1>Oh</h1>"));
    let with_retry_after = Fault::status(503).retry_after(Duration::ZERO);
    for fault in either_way.into_iter().chain(statuses).chain([with_retry_after]) {
        table.push((fault.clone(), 0));
        table.push((fault.after_accepting(), 1));
    }
    let mut tests = JoinSet::new();
    for (fault, billed) in table {
        tests.spawn(async move {
            let simulator = simulator_with_fault(Route::Create, fault.clone()).await;
            let error = client(&simulator).speak("Hello").submit().await.unwrap_err();
            assert!(error.is_in_doubt(), "{fault:?}: {error}");
            assert_eq!((simulator.requests(), simulator.creates()), (1, billed), "{fault:?}");
        });
    }
    tests.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn submit_without_response_in_time_is_in_doubt() {
    for (fault, billed) in [
        (Fault::never_answer(), 0),
        (Fault::never_answer().after_accepting(), 1),
        (Fault::slow_drip(1, Duration::from_millis(50)), 1),
    ] {
        let simulator = simulator_with_fault(Route::Create, fault.clone()).await;
        let error = client_with_short_timeout(&simulator).speak("Hello").submit().await.unwrap_err();
        assert!(error.is_in_doubt(), "{fault:?}: {error}");
        assert_eq!((simulator.requests(), simulator.creates()), (1, billed), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn submit_rejected_temporarily_is_sent_again() {
    let mut tests = JoinSet::new();
    for fault in [
        Fault::status(429).no_body(),
        Fault::status(429).retry_after(MILLISECOND).retry_after_format(RetryAfterFormat::Millis),
    ] {
        tests.spawn(async move {
            let simulator = simulator_with_fault(Route::Create, fault.clone()).await;
            let task = client_without_redirects(&simulator).speak("Hello").submit().await.unwrap();
            assert_eq!(simulator.tasks(), [(task.id().clone(), "Hello".to_owned())], "{fault:?}");
            assert_eq!(simulator.requests(), 2);
        });
    }
    tests.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn submit_accepted_despite_429_is_billed_twice() {
    let simulator = simulator_with_fault(Route::Create, Fault::status(429).after_accepting()).await;
    let task = client_without_redirects(&simulator).speak("Hello").submit().await.unwrap();
    assert_eq!(simulator.spoken(), ["Hello", "Hello"]);
    assert_eq!(simulator.tasks()[1].0, *task.id());
}

#[tokio::test(start_paused = true)]
async fn submit_rejected_permanently_is_not_sent_again() {
    for status in [400, 401, 404, 425] {
        let simulator = simulator_with_fault(Route::Create, Fault::status(status)).await;
        let error = client(&simulator).speak("Hello").submit().await.unwrap_err();
        assert!(error.is_rejected(), "{status}: {error}");
        assert_eq!((simulator.requests(), simulator.creates()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn submit_with_unusual_but_complete_response_succeeds() {
    for fault in [Fault::unknown_fields(), Fault::longer_than_announced(), Fault::slow_drip(10, MILLISECOND)]
    {
        let simulator = simulator_with_fault(Route::Create, fault).await;
        let task = client(&simulator).speak("Hello").submit().await.unwrap();
        assert_eq!(simulator.tasks()[0].0, *task.id());
        assert_eq!((simulator.requests(), simulator.creates()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn poll_after_any_fault_is_retried() {
    let mut faults = vec![
        Fault::reset(),
        Fault::reset().after_accepting(),
        Fault::never_answer(),
        Fault::web_page(),
        Fault::reset_mid_response(),
        Fault::cut_short(),
        Fault::longer_than_announced(),
        Fault::slow_drip(20, MILLISECOND),
        Fault::truncated_json(),
        Fault::wrong_shape(),
        Fault::unknown_fields(),
        Fault::unknown_status(),
    ];
    for status in [404, 408, 425, 429, 500, 502, 503, 504, 599] {
        faults.push(Fault::status(status).html("<h1>Oh</h1>"));
    }
    let mut tests = JoinSet::new();
    for fault in faults {
        tests.spawn(async move {
            let simulator = simulator_with_fault(Route::Result, fault.clone()).await;
            let speech = client_with_short_timeout(&simulator).speak("Hello").await;
            assert!(speech.is_ok(), "{fault:?}: {speech:?}");
            assert_eq!((simulator.faults(), simulator.creates()), (1, 1), "{fault:?}");
        });
    }
    tests.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn download_after_transient_faults_completes() {
    let mut tests = JoinSet::new();
    for faults in [
        vec![Fault::cut_short(), Fault::cut_short()],
        vec![Fault::reset_mid_response(), Fault::reset()],
        vec![Fault::cut_short(), Fault::range_ignored()],
        vec![Fault::status(503).retry_after(Duration::ZERO)],
        vec![Fault::never_answer()],
        vec![Fault::longer_than_announced()],
        vec![Fault::cut_short(), Fault::longer_than_announced()],
        vec![Fault::slow_drip(10_000, MILLISECOND)],
        vec![Fault::cut_short(), Fault::range_refused()],
        vec![Fault::status(403)],
    ] {
        tests.spawn(async move {
            let simulator = quick().await;
            simulator.script(Route::Audio, Script::steps(faults.clone().into_iter().map(Some)));
            let speech = client_with_short_timeout(&simulator).speak("Hello").await.unwrap();
            let bytes = speech.audio().unwrap().bytes().await;
            assert!(bytes.is_ok_and(|bytes| bytes == Simulator::audio_of("Hello")), "{faults:?}");
            assert_eq!(simulator.faults(), faults.len() as u64);
        });
    }
    tests.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn download_after_permanent_fault_fails() {
    for (faults, expected) in
        [(vec![Fault::web_page()], "a page"), (vec![Fault::status(403), Fault::status(403)], "rejected")]
    {
        let simulator = quick().await;
        simulator.script(Route::Audio, Script::steps(faults.clone().into_iter().map(Some)));
        let speech = client(&simulator).speak("Hello").await.unwrap();
        let error = speech.audio().unwrap().bytes().await.map(|bytes| bytes.len()).unwrap_err();
        assert!(error.is_download() && error.to_string().contains(expected), "{faults:?}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn simulator_task_outcome_is_chosen_by_number_or_text() {
    let simulator = quick().await;
    simulator.outcomes(Script::nth(2, TaskOutcome::fails()));
    simulator.outcome_of("mute", TaskOutcome::without_url());
    simulator.outcome_of("stuck", TaskOutcome::never_ends());
    let client = client(&simulator);

    assert!(client.speak("first").await.is_ok());
    assert!(client.speak("second").await.unwrap_err().is_failed());
    let mute = client.speak("mute").await.unwrap();
    assert!(mute.audio().is_err());
    let stuck = client.speak("stuck").deadline(Duration::from_millis(50)).await.unwrap_err();
    assert!(stuck.is_deadline(), "{stuck}");
    assert!(stuck.to_string().contains("PROCESSING"), "{stuck}");

    let tasks = simulator.tasks();
    assert_eq!(stuck.task_id(), Some(&tasks[3].0));
    assert_eq!(simulator.spoken(), ["first", "second", "mute", "stuck"], "all of them are billed");
    let response = reqwest::get(format!("{}/audio/{}.wav", simulator.audio_url(), tasks[2].0)).await;
    assert_eq!(response.unwrap().status(), 404, "a task without a URL has no audio");
}

#[tokio::test(start_paused = true)]
async fn poll_after_404_or_unknown_status_is_retried() {
    let simulator = Simulator::builder()
        .api_key(KEY)
        .waiting(Duration::ZERO)
        .running(Duration::ZERO)
        .outcome_of("late", TaskOutcome::completes().not_found_for(Duration::from_millis(500)))
        .outcomes(Script::always(TaskOutcome::never_ends().running_as("WARMING_UP")))
        .start()
        .await
        .unwrap();
    let client = client(&simulator);
    client.speak("late").await.unwrap();
    let task = client.speak("new").submit().await.unwrap();
    assert_eq!(task.status().await.unwrap().to_string(), "WARMING_UP");
    let error = task.wait().deadline(Duration::from_millis(300)).await.unwrap_err();
    assert!(error.is_deadline() && error.to_string().contains("WARMING_UP"), "{error}");
    assert!(simulator.polls() > 3, "the client polls again after a 404 and after an unknown status");
}

/// A successful submission is billed once. Any other submission is in doubt and billed at most once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn submit_with_random_faults_of_simulator_is_billed_at_most_once() {
    let simulator = quick().await;
    let faults = [
        Fault::reset(),
        Fault::reset().after_accepting(),
        Fault::status(429).retry_after(MILLISECOND).retry_after_format(RetryAfterFormat::Millis),
        Fault::status(500),
        Fault::status(500).after_accepting(),
        Fault::truncated_json(),
        Fault::cut_short(),
    ];
    simulator.script(Route::Create, Script::random(11, 0.4, faults));
    let client = client_without_redirects(&simulator);
    let mut submissions = JoinSet::new();
    for number in 0..60 {
        let client = client.clone();
        submissions.spawn(async move {
            let text = format!("text {number}");
            let outcome = client.speak(&text).submit().await;
            (text, outcome)
        });
    }
    let outcomes = submissions.join_all().await;
    let billed = simulator.tasks();
    for (text, outcome) in outcomes {
        let ids: Vec<_> = billed.iter().filter(|(_, spoken)| *spoken == text).map(|(id, _)| id).collect();
        match outcome {
            Ok(task) => assert_eq!(ids, [task.id()], "{text}"),
            Err(error) => {
                assert!(error.is_in_doubt(), "{text}: {error}");
                assert!(ids.len() <= 1, "{text} was billed {} times", ids.len());
            }
        }
    }
    assert!(simulator.faults() > 0);
}
