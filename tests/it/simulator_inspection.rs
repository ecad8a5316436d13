//! A test inspects the requests, the counts and the bill of the simulator.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use distribute_ai::testing::{
    Fault, Host, RateLimit, ReceivedRequest, Route, Script, Simulator, TaskOutcome,
};
use serde_json::json;

async fn quick() -> Simulator {
    Simulator::builder().waiting(Duration::ZERO).running(Duration::ZERO).start().await.unwrap()
}

#[tokio::test]
async fn received_has_every_request_with_its_task_and_response() {
    let simulator = quick().await;
    simulator.script(Route::Result, Script::nth(1, Fault::status(503)));
    let client = simulator.client();
    let speech = client.speak("Hello").voice("nora").exaggeration(0.7).await.unwrap();
    speech.audio().unwrap().bytes().await.unwrap();

    let received = simulator.received();
    let summary =
        |request: &ReceivedRequest| (request.host, request.route.unwrap(), request.attempt, request.status);
    assert_eq!(
        received.iter().map(summary).collect::<Vec<_>>(),
        [
            (Host::Api, Route::Create, 1, Some(200)),
            (Host::Api, Route::Result, 1, Some(503)),
            (Host::Api, Route::Result, 2, Some(200)),
            (Host::Audio, Route::Audio, 1, Some(200)),
        ]
    );
    for request in &received {
        assert_eq!((request.text.as_deref(), request.task.as_ref()), (Some("Hello"), Some(speech.id())));
        assert_eq!(request.refused, None);
    }
    assert!(received.is_sorted_by_key(|request| request.at));
    assert_eq!(received[1].fault, Some(Fault::status(503)));
    assert_eq!((received[0].method.as_str(), received[0].path.as_str()), ("POST", "/async/speech/create"));
    assert_eq!(received[3].path, format!("/audio/{}.wav", speech.id()));
    let request = received[0].speech_request().unwrap();
    assert_eq!(request.voice.unwrap().to_string(), "nora");
    assert_eq!(request.exaggeration, Some(0.7.try_into().unwrap()));
    assert_eq!(received[1].speech_request(), None);
}

#[tokio::test]
async fn received_hides_the_key_wherever_it_is() {
    let simulator = Simulator::builder().api_key("s3cret-key").start().await.unwrap();
    let client = simulator.client();
    client.speak("My key is s3cret-key.").submit().await.unwrap();
    let url = format!("{}/s3cret-key?key=s3cret%2Dkey", simulator.audio_url());
    let request = reqwest::Client::new().get(url).header("x-key", "s3cret-key");
    request.header("authorization", "Bearer another").send().await.unwrap();

    let received = simulator.received();
    assert_eq!(received[0].header("authorization"), Some("[redacted]"));
    assert_eq!(received[1].path, "/[redacted]?[redacted]");
    let text = format!("{received:?}") + &serde_json::to_string(&received).unwrap();
    assert!(!text.contains("s3cret") && !text.contains("another"), "{text}");
    assert!(received[0].body.contains("My key is [redacted]."), "{}", received[0].body);
    assert_eq!(simulator.spoken(), ["My key is s3cret-key."], "the task itself keeps its text");
}

#[tokio::test]
async fn received_and_arrivals_keep_the_latest_requests_and_counts_stay_exact() {
    let simulator = Simulator::builder().max_received(3).start().await.unwrap();
    for number in 0..5 {
        simulator.client().speak(format!("Text {number}")).submit().await.unwrap();
    }
    let texts: Vec<_> = simulator.received().into_iter().filter_map(|request| request.text).collect();
    assert_eq!(texts, ["Text 2", "Text 3", "Text 4"]);
    assert_eq!(simulator.arrivals(Route::Create).len(), 3);
    assert_eq!((simulator.requests(), simulator.creates()), (5, 5));
}

#[tokio::test]
async fn received_cuts_a_long_body() {
    let simulator = quick().await;
    let url = format!("{}/async/speech/create", simulator.base_url());
    for (length, recorded) in [(65_536, 65_536), (65_537, 65_536), (2_000_000, 0)] {
        simulator.clear_records();
        let request = reqwest::Client::new().post(&url).body("a".repeat(length));
        // The simulator may respond before it has read the whole body.
        let _ = request.send().await;
        assert_eq!(simulator.received()[0].body.len(), recorded);
    }
}

#[tokio::test]
async fn received_cuts_long_texts_ids_and_reasons() {
    let simulator = quick().await;
    let long = "é".repeat(100_000);
    let speech = |text: &str, voice: &str| json!({ "model": "Chatterbox", "input": text, "voice": voice });
    for (operation, body) in [
        ("create", speech(&long, "leo")),
        ("create", speech("Hello", &long)),
        ("create", json!({ "model": "Chatterbox", "input": "Hello", &long: 1 })),
        ("result", json!({ "id": long })),
    ] {
        let url = format!("{}/async/speech/{operation}", simulator.base_url());
        let request = reqwest::Client::new().post(url).header("authorization", simulator.api_key());
        assert!(request.json(&body).send().await.unwrap().status().is_client_error());
    }
    let received = simulator.received();
    assert_eq!(received[0].text.as_deref().map(str::len), Some(65_536));
    // The last character ends one byte after the limit.
    assert_eq!(received[2].refused.as_deref().map(str::len), Some(65_535));
    assert_eq!(received[3].task.as_ref().map(|id| id.as_str().len()), Some(65_536));
    assert!(received.iter().all(|request| request.body.len() <= 65_536));
}

#[tokio::test]
async fn received_is_json_whatever_the_id_of_a_poll() {
    let simulator = quick().await;
    let ids = [String::new(), "line\nbreak".to_owned(), "a".repeat(1_000)];
    for id in &ids {
        let url = format!("{}/async/speech/result", simulator.base_url());
        let request = reqwest::Client::new().post(url).header("authorization", simulator.api_key());
        assert_eq!(request.json(&json!({ "id": id })).send().await.unwrap().status(), 400);
    }
    let received = serde_json::to_value(simulator.received()).unwrap();
    assert_eq!([0, 1, 2].map(|number| received[number]["task"].as_str().unwrap()), ids);
}

#[tokio::test]
async fn refused_requests_fail_the_assertion_with_their_reasons() {
    let simulator = quick().await;
    simulator.assert_nothing_refused();
    let wrong_key = simulator.client_builder().api_key("wrong").build().unwrap();
    wrong_key.speak("Hello").await.unwrap_err();
    simulator.client().speak("Hello").voice("file_unknown").await.unwrap_err();
    let refused: Vec<_> = simulator.received().into_iter().filter_map(|request| request.refused).collect();
    assert_eq!(refused, ["Invalid API key", "Voice not found: file_unknown"]);

    let panic = catch_unwind(AssertUnwindSafe(|| simulator.assert_nothing_refused())).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    for part in
        ["POST /async/speech/create: 401 Invalid API key", "POST /async/speech/create: 404 Voice not found"]
    {
        assert!(message.contains(part), "{message}");
    }
    simulator.clear_records();
    simulator.assert_nothing_refused();
}

#[tokio::test]
async fn refused_request_that_is_not_recorded_fails_the_assertion_with_its_reason() {
    let simulator = Simulator::builder().max_received(0).start().await.unwrap();
    let wrong_key = simulator.client_builder().api_key("wrong").build().unwrap();
    wrong_key.speak("Hello").await.unwrap_err();
    assert!(simulator.received().is_empty());
    let panic = catch_unwind(AssertUnwindSafe(|| simulator.assert_nothing_refused())).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.ends_with(":\nPOST /async/speech/create: 401 Invalid API key"), "{message}");
}

#[tokio::test]
async fn responses_that_the_test_asked_for_are_not_refused() {
    let simulator = quick().await;
    simulator.script(Route::Create, Script::nth(1, Fault::status(429)));
    simulator.script(Route::Audio, Script::nth(1, Fault::range_refused()));
    simulator.outcomes(Script::always(TaskOutcome::completes().not_found_for(Duration::from_millis(100))));
    simulator.rate_limit(RateLimit::per(2, Duration::from_millis(100)));
    let speech = simulator.client().speak("Hello").await.unwrap();
    speech.audio().unwrap().bytes().await.unwrap();
    let url = speech.result().results[0].url.clone().unwrap();
    simulator.script(Route::Audio, Script::nth(1, Fault::range_refused()));
    let range = reqwest::Client::new().get(url).header("range", "bytes=1-").send().await.unwrap();
    assert_eq!(range.status(), 416);
    let statuses: Vec<_> = simulator.received().iter().filter_map(|request| request.status).collect();
    assert!(statuses.contains(&404) && statuses.contains(&429), "{statuses:?}");
    simulator.assert_nothing_refused();
}

#[tokio::test(start_paused = true)]
async fn batch_that_looks_for_the_server_after_a_fault_or_an_outage_is_not_refused() {
    for is_outage in [false, true] {
        let simulator = Simulator::builder().assert_nothing_refused().start().await.unwrap();
        if is_outage {
            simulator.down_for(Host::Api, Duration::from_secs(60)).await.unwrap();
        } else {
            let lost = Fault::reset().after_accepting();
            simulator.script(Route::Create, Script::nth(1, lost));
        }
        let client = simulator.client();
        let texts = ["One.", "Two.", "Three."].map(|text| (text, client.speak(text)));
        let mut results = client.batch(texts).max_in_flight(1).run().await.unwrap();
        while results.next().await.is_some() {}
        assert_eq!(simulator.creates(), 3);
        let unknown = |request: &ReceivedRequest| request.status == Some(404);
        assert!(simulator.received().iter().any(unknown), "{is_outage}: the batch polls an unknown task");
        simulator.assert_nothing_refused();

        // A submission was accepted since then.
        let id = "1b671a64-40d5-491e-99b0-da01ff1f3341".parse().unwrap();
        assert!(client.task(id).status().await.unwrap_err().is_not_found());
        catch_unwind(AssertUnwindSafe(|| simulator.assert_nothing_refused())).unwrap_err();
        simulator.clear_records();
    }
}

#[tokio::test]
async fn dropped_simulator_asserts_that_nothing_was_refused_if_asked_for() {
    for (asked, panics) in [(false, false), (true, true)] {
        let builder = Simulator::builder();
        let builder = if asked { builder.assert_nothing_refused() } else { builder };
        let simulator = builder.start().await.unwrap();
        simulator.client().speak("Hello").voice("file_unknown").await.unwrap_err();
        assert_eq!(catch_unwind(AssertUnwindSafe(|| drop(simulator))).is_err(), panics);
    }
    let simulator = Simulator::builder().assert_nothing_refused().start().await.unwrap();
    simulator.client().speak("Hello").await.unwrap();
}

#[tokio::test]
async fn billed_counts_audio_of_every_accepted_task() {
    let simulator = quick().await;
    simulator.outcome_of("Fails!", TaskOutcome::fails());
    let client = simulator.client();
    client.speak("a".repeat(100)).submit().await.unwrap();
    client.speak("Fails!").await.unwrap_err();
    simulator.script(Route::Create, Script::always(Fault::reset().after_accepting()));
    client.speak("Lost").submit().await.unwrap_err();
    simulator.script(Route::Create, Script::always(Fault::reset()));
    client.speak("Not accepted").submit().await.unwrap_err();
    assert_eq!(simulator.billed(), Duration::from_secs(6 + 1 + 1));
}

#[tokio::test]
async fn cleared_records_leave_tasks_and_scripts_alone() {
    let simulator = quick().await;
    simulator.script(Route::Result, Script::nth(2, Fault::status(503)));
    let task = simulator.client().speak("Hello").submit().await.unwrap();
    task.status().await.unwrap();
    simulator.clear_records();
    assert_eq!((simulator.requests(), simulator.creates(), simulator.peak_per_second()), (0, 0, 0));
    assert!(simulator.received().is_empty() && simulator.tasks().is_empty() && simulator.spoken().is_empty());
    assert_eq!(simulator.billed(), Duration::ZERO);
    task.status().await.unwrap_err();
    task.status().await.unwrap();
    assert_eq!((simulator.polls(), simulator.faults()), (2, 1));
}

#[tokio::test]
async fn reset_simulator_is_as_at_its_start() {
    let simulator = Simulator::builder()
        .seed(7)
        .waiting(Duration::ZERO)
        .running(Duration::ZERO)
        .script(Route::Create, Script::nth(2, Fault::status(400)))
        .outcome_of("Fails", TaskOutcome::fails())
        .start()
        .await
        .unwrap();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let client = simulator.client();
        let task = client.speak("Fails").submit().await.unwrap();
        assert!(task.wait().await.unwrap_err().is_failed());
        client.speak("Rejected").submit().await.unwrap_err();
        ids.push(task.id().clone());
        simulator.script(Route::Create, Script::nothing());
        simulator.outcome_of("Fails", TaskOutcome::completes());
        simulator.rate_limit(RateLimit::per_second(1));
        simulator.capacity(0);

        simulator.reset();
        assert_eq!((simulator.requests(), simulator.creates(), simulator.faults()), (0, 0, 0));
        let other = simulator.client_builder().build().unwrap();
        let lost = other.task(task.id().clone()).wait().deadline(Duration::ZERO).await.unwrap_err();
        assert!(lost.to_string().contains("404") || lost.is_not_found(), "{lost}");
        simulator.clear_records();
    }
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn short_key_in_harmless_requests_is_no_leak() {
    for key in ["a", "7", "wav", "audio"] {
        let simulator = Simulator::builder().api_key(key).waiting(Duration::ZERO).running(Duration::ZERO);
        let simulator = simulator.start().await.unwrap();
        let speech = simulator.client().speak("Hello").await.unwrap();
        speech.audio().unwrap().bytes().await.unwrap();
        assert_eq!((simulator.leaks(), simulator.downloads()), (0, 1), "{key}");
        let url = format!("{}/audio?key={key}", simulator.audio_url());
        assert_eq!(reqwest::get(url).await.unwrap().status(), 403, "{key}");
        assert_eq!(simulator.leaks(), 1, "{key}");
    }
}
