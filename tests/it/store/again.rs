//! Texts that are submitted again, because their task is gone or on request.

use super::*;

#[tokio::test]
async fn task_that_the_server_has_forgotten_is_submitted_again_after_forget() {
    let fixture = Fixture::new().await;
    let new_task = fixture.client().speak(TEXT).submit().await.unwrap();
    fixture.simulator.script(Route::Result, Script::always(Fault::status(404)));
    let early = new_task.status().await.unwrap_err();
    assert_eq!((early.kind(), early.billed()), (ErrorKind::NotFound, Billed::Yes), "{early}");
    assert!(!early.to_string().contains("forget"), "a new task may be known a moment later: {early}");
    let client = fixture.client();
    let hash = client.speak(TEXT).hash().unwrap();
    let mut results = client.batch([("a", TEXT)]).run().await.unwrap();
    let task = client.speak(TEXT).submit().await.unwrap();
    let polled = task.status().await.unwrap_err();
    let updates: Vec<_> = task.updates().collect().await;
    let watched = updates.into_iter().next_back().unwrap().unwrap_err();
    let waited = client.speak(TEXT).await.unwrap_err();
    for error in [waited, watched, polled, results.next().await.unwrap().1.unwrap_err()] {
        assert_eq!((error.kind(), error.billed()), (ErrorKind::NotFound, Billed::Yes), "{error}");
        let advice = format!("to submit the text again, forget entry {hash} of the store");
        assert!(error.to_string().contains(&advice), "{error}");
    }
    assert_eq!(fixture.simulator.creates(), 1);
    fixture.simulator.script(Route::Result, Script::nothing());
    assert!(client.store().unwrap().forget(&hash).await.unwrap());
    assert!(!client.store().unwrap().forget(&hash).await.unwrap());
    client.speak(TEXT).await.unwrap();
    assert_eq!(fixture.simulator.creates(), 2);
}

#[tokio::test]
async fn failed_task_is_submitted_again() {
    let fixture = Fixture::new().await;
    fixture.simulator.outcomes(Script::nth(1, TaskOutcome::fails()));
    let client = fixture.client();
    assert!(client.speak(TEXT).await.unwrap_err().is_failed());
    assert_eq!(fixture.state(client.speak(TEXT).hash().unwrap()).await, Some(EntryState::Failed));
    client.speak(TEXT).await.unwrap();
    assert_eq!(fixture.simulator.creates(), 2);
}

#[tokio::test]
async fn finished_task_that_the_server_reports_as_failed_later_is_not_submitted_again() {
    let fixture = Fixture::new().await;
    let store = Store::at(fixture.path()).keep_audio(false);
    let client = fixture.simulator.client_builder().store(store).build().unwrap();
    let id = client.speak(TEXT).await.unwrap().id().clone();
    let hash = client.speak(TEXT).hash().unwrap();
    let failed = json!({"id": id.as_str(), "status": "ERROR"}).to_string();
    fixture.simulator.script(Route::Result, Script::always(Fault::web_page().json(failed)));
    for _ in 0..2 {
        let mut results = client.batch([("a", TEXT)]).run().await.unwrap();
        for result in [client.speak(TEXT).await, results.next().await.unwrap().1] {
            let error = result.unwrap_err();
            assert!(error.is_failed(), "{error}");
            assert!(
                error.to_string().contains(&format!("if entry {hash} is stored, forget it first")),
                "{error}"
            );
        }
        assert_eq!(fixture.state(hash).await, Some(EntryState::Stored));
    }
    assert_eq!(fixture.simulator.creates(), 1);
    fixture.simulator.script(Route::Result, Script::nothing());
    assert_eq!(*client.speak(TEXT).await.unwrap().id(), id);
    assert!(client.store().unwrap().forget(&hash).await.unwrap());
    client.speak(TEXT).await.unwrap();
    assert_eq!(fixture.simulator.creates(), 2);
}

#[tokio::test]
async fn text_is_spoken_again_only_with_redo() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    let first = client.speak(TEXT).await.unwrap();
    let second = client.speak(TEXT).redo().await.unwrap();
    assert_ne!(first.id(), second.id());
    assert_eq!(client.speak(TEXT).await.unwrap().id(), second.id());
    // A new reading in doubt hides the old one, until it is settled.
    fixture.simulator.script(Route::Create, Script::nth(1, Fault::reset()));
    assert!(client.speak(TEXT).redo().await.unwrap_err().is_in_doubt());
    assert!(client.speak(TEXT).await.unwrap_err().is_in_doubt());
    let hash = client.speak(TEXT).hash().unwrap();
    client.store().unwrap().settle(&hash, Settlement::NotBilled).await.unwrap();
    assert_eq!(client.speak(TEXT).await.unwrap().id(), second.id());
    // A new reading that fails leaves the old one.
    fixture.simulator.outcome_of(TEXT, TaskOutcome::fails());
    assert!(client.speak(TEXT).redo().await.unwrap_err().is_failed());
    assert_eq!(client.speak(TEXT).await.unwrap().id(), second.id());
}

#[tokio::test]
async fn wait_for_an_earlier_task_leaves_the_announcement_of_the_text_spoken_again() {
    let fixture = Fixture::new().await;
    let store = Store::at(fixture.path()).keep_audio(false);
    let client = fixture.simulator.client_builder().store(store).build().unwrap();
    client.speak(TEXT).await.unwrap();
    let earlier = client.speak(TEXT).submit().await.unwrap();
    fixture.simulator.script(Route::Create, Script::always(Fault::never_answer()));
    let again = tokio::spawn(client.speak(TEXT).redo().into_future());
    let hash = client.speak(TEXT).hash().unwrap();
    while fixture.state(hash).await != Some(EntryState::Announced) {
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(earlier.wait().await.unwrap().id(), earlier.id());
    // A kill now leaves the new reading in doubt.
    assert_eq!(fixture.state(hash).await, Some(EntryState::Announced));
    again.abort();
}

#[tokio::test]
async fn earlier_speech_leaves_the_audio_of_the_text_spoken_again() {
    let fixture = Fixture::new().await;
    let created = |id: &str| Action::json("200 OK", &json!({"id": id}));
    let completed = |id: &str| {
        let results = json!([{"url": "/a.wav"}]);
        Action::json("200 OK", &json!({"id": id, "status": "COMPLETED", "created": 1, "results": results}))
    };
    let audio = |content: &str| Action::response("200 OK", "", content);
    let other = unique_id(1);
    let earlier = [created(ID), completed(ID), audio("the earlier reading")];
    let later = [created(&other), completed(&other), audio("the later reading")];
    let fetched_again = [completed(ID), audio("the earlier reading")];
    let script = [&earlier[..], &later, &fetched_again].concat();
    let server = ScriptedServer::start(script).await;
    let client = builder(&server.url).store(fixture.path()).build().unwrap();

    let earlier = client.speak(TEXT).await.unwrap();
    let later = client.speak(TEXT).redo().await.unwrap();
    assert_eq!(bytes(&earlier).await, b"the earlier reading");
    assert_eq!(fs::read(fixture.audio_file()).unwrap(), b"the later reading");
    assert_eq!(bytes(&later).await, b"the later reading");
    assert_eq!(server.requests().len(), 8);
}

#[tokio::test]
async fn wait_for_a_forgotten_task_leaves_the_audio_of_the_newer_one() {
    let fixture = Fixture::new().await;
    let created = |id: &str| Action::json("200 OK", &json!({"id": id}));
    let completed = |id: &str| {
        let results = json!([{"url": "/a.wav"}]);
        Action::json("200 OK", &json!({"id": id, "status": "COMPLETED", "results": results}))
    };
    let audio = |content: &str| Action::response("200 OK", "", content);
    let other = unique_id(1);
    let newer = [created(ID), created(&other), completed(&other), audio("the newer reading")];
    let script = [&newer[..], &[completed(ID), audio("the older reading")]].concat();
    let server = ScriptedServer::start(script).await;
    let client = builder(&server.url).store(fixture.path()).build().unwrap();

    let older = client.speak(TEXT).submit().await.unwrap();
    let hash = client.speak(TEXT).hash().unwrap();
    assert!(client.store().unwrap().forget(&hash).await.unwrap());
    client.speak(TEXT).await.unwrap();
    let older = older.wait().await.unwrap();
    assert_eq!(fs::read(fixture.audio_file()).unwrap(), b"the newer reading");
    assert_eq!(bytes(&older).await, b"the older reading");
    assert_eq!(bytes(&client.speak(TEXT).await.unwrap()).await, b"the newer reading");
}

#[tokio::test]
async fn plan_counts_what_a_batch_with_redo_submits() {
    // `true` is a line with `redo`.
    let cases: [(bool, &[bool]); 9] = [
        (true, &[true]),
        (true, &[false, false]),
        (true, &[false, true]),
        (true, &[true, false]),
        (true, &[true, true]),
        (true, &[false, true, false, true]),
        (false, &[false, true]),
        (false, &[true, false]),
        (false, &[true, true]),
    ];
    for (is_stored, lines) in cases {
        let fixture = Fixture::new().await;
        let client = fixture.client();
        if is_stored {
            client.speak(TEXT).await.unwrap();
        }
        let before = fixture.simulator.creates();
        let speak = |redo: &bool| if *redo { client.speak(TEXT).redo() } else { client.speak(TEXT) };
        // An equal line that is in flight would take the place of a line with `redo`.
        let batch = client.batch(lines.iter().map(speak).enumerate()).max_in_flight(1);
        let plan = batch.plan().await.unwrap();
        let mut results = batch.run().await.unwrap();
        while let Some((_, result)) = results.next().await {
            result.unwrap();
        }
        assert_eq!(
            u64::try_from(plan.new).unwrap(),
            fixture.simulator.creates() - before,
            "stored: {is_stored}, redo: {lines:?}"
        );
        assert_eq!(plan.new + plan.stored + plan.repeated, lines.len());
    }
}
