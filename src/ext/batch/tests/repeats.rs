//! Equal requests of a list.

use std::collections::HashSet;

use super::*;
use crate::Billed;

#[tokio::test(start_paused = true)]
async fn equal_lines_of_a_batch_are_submitted_once() {
    let store = Store::in_memory();
    let server = server(|_, _| Create::Accept, done_after(3));
    let list = (0..30).map(|key| (key.to_string(), server.client().speak("Hello."))).collect();
    let run = run(&server, list, with_store(&store, config(30, None))).await;
    assert_eq!((run.count(Result::is_ok), server.observed().accepted["Hello."]), (30, 1));
}

#[tokio::test(start_paused = true)]
async fn equal_lines_of_a_list_share_a_failed_task() {
    let store = Store::in_memory();
    let fails = |age| Ok(if age < Duration::from_secs(3) { "PROCESSING" } else { "ERROR" });
    let server = server(|_, _| Create::Accept, fails);
    for (run_number, in_flight) in [(1, 4), (2, 300)] {
        let list = (0..300).map(|key| (key.to_string(), server.client().speak("Hello."))).collect();
        let run = run(&server, list, with_store(&store, config(in_flight, None))).await;
        assert_eq!(run.count(|result| result.as_ref().is_err_and(Error::is_failed)), 300);
        assert_eq!(server.observed().accepted["Hello."], run_number);
    }
}

#[tokio::test(start_paused = true)]
async fn equal_lines_of_a_list_are_spoken_again_once() {
    let store = Store::in_memory();
    let server = server(|_, _| Create::Accept, done_after(3));
    for (run_number, in_flight) in [(1, 4), (2, 4), (3, 300)] {
        let list = (0..300).map(|key| (key.to_string(), server.client().speak("Hello.").redo())).collect();
        let run = run(&server, list, with_store(&store, config(in_flight, None))).await;
        let ids: HashSet<_> = run.results.iter().map(|(_, id)| id.as_ref().unwrap()).collect();
        assert_eq!((run.results.len(), ids.len()), (300, 1));
        assert_eq!(server.observed().accepted["Hello."], run_number);
    }
}

#[tokio::test(start_paused = true)]
async fn equal_lines_without_time_wait_for_each_other_without_spinning() {
    let store = Store::in_memory();
    let server = server(|_, _| Create::Accept, done_after(0));
    let speak = || server.client().speak("Hello.").deadline(Duration::ZERO);
    let list = (0..2).map(|key| (key.to_string(), speak())).collect();
    let (mut engine, mut channels) = Engine::new(server.clone(), Queue::list(list));
    with_store(&store, config(3, None)).validate_and_open(&mut engine).await.unwrap();
    let (mut engine, mut polls) = (Box::pin(engine.run()), 0);
    poll_fn(|context| {
        polls += 1;
        assert!(polls < 1_000, "the batch spins");
        engine.as_mut().poll(context)
    })
    .await;
    for _ in 0..2 {
        channels.finished.recv().await.unwrap().outcome.unwrap();
    }
    assert_eq!(server.observed().accepted["Hello."], 1);
}

#[tokio::test(start_paused = true)]
async fn line_that_is_announced_after_an_equal_one_has_failed_is_not_sent() {
    let store = Store::in_memory();
    let server = server(|_, _| Create::Accept, done_after(0));
    let (mut engine, mut channels) = Engine::new(server.clone(), Queue::list(Vec::new()));
    let [failed, equal] =
        [(); 2].map(|()| add_pending(&mut engine, &server.client().speak("Hello."), Some(&store)));
    engine.finish(failed, Err(Error::failed()));
    let entry = engine.active.tasks[equal].entry.clone().unwrap();
    let announced = entry.announce(None).await;
    engine.announcements.push(Box::pin(async move { (equal, announced) }));
    engine.run().await;
    for _ in 0..2 {
        assert!(channels.finished.recv().await.unwrap().outcome.unwrap_err().is_failed());
    }
    assert!(server.observed().accepted.is_empty() && store.entries().next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn equal_lines_are_submitted_once_after_a_429() {
    let store = Store::in_memory();
    let create = |_: &str, attempt| if attempt == 1 { Create::Status(429) } else { Create::Accept };
    let server = server(create, done_after(1));
    let list = (0..2).map(|key| (key.to_string(), server.client().speak("Hello."))).collect();
    let running = run(&server, list, with_store(&store, config(2, None)));
    let run = tokio::time::timeout(Duration::from_secs(3_600), running).await.unwrap();
    assert_eq!((run.count(Result::is_ok), server.observed().accepted["Hello."]), (2, 1));
}

/// Returns lines with their numbers as keys.
fn lines(
    server: &InMemoryApi,
    texts: impl IntoIterator<Item = &'static str>,
    deadline: Duration,
) -> Vec<(String, Speak)> {
    let speak = |text| server.client().speak(text).deadline(deadline);
    texts.into_iter().enumerate().map(|(key, text)| (key.to_string(), speak(text))).collect()
}

#[tokio::test(start_paused = true)]
async fn line_that_equals_a_submitted_one_is_delivered_although_it_is_held_back_past_its_limit() {
    let store = Store::in_memory();
    let create = |text: &str, _| if text == "Hello." { Create::Accept } else { Create::RateLimit(120) };
    let server = server(create, done_after(5));
    let list = lines(&server, ["Hello.", "Good morning.", "Hello."], Duration::from_secs(30));
    let run = run(&server, list, with_store(&store, config(3, Some(2.0)))).await;
    let result = |key: &str| &run.results.iter().find(|(found, _)| found == key).unwrap().1;
    assert!(result("0").as_ref().unwrap_err().task_id().is_some());
    assert_eq!(result("1").as_ref().unwrap_err().billed(), Billed::No);
    assert_eq!(result("2").as_ref().unwrap().as_str(), "Hello.");
    assert_eq!(server.observed().accepted["Hello."], 1);
}

#[tokio::test(start_paused = true)]
async fn line_that_equals_one_in_doubt_is_in_doubt_although_an_outage_outlasts_its_limit() {
    let store = Store::in_memory();
    let client = Client::builder().api_key("k").build().unwrap();
    let round_trip = |_: &str| Duration::from_millis(80);
    let server =
        InMemoryApi::new(client, round_trip, |_, _| Create::Status(503), |_, _| Err(status_failure(503)));
    let list = lines(&server, ["Hello.", "Hello.", "Good morning."], Duration::from_secs(3));
    let run = run(&server, list, with_store(&store, config(3, Some(1.0)))).await;
    let billed: HashMap<_, _> =
        run.results.iter().map(|(key, result)| (&**key, result.as_ref().unwrap_err().billed())).collect();
    assert_eq!((billed["0"], billed["1"]), (Billed::Maybe, Billed::Maybe), "{:?}", run.results);
    assert_eq!(billed["2"], Billed::No, "{:?}", run.results);
}

#[tokio::test(start_paused = true)]
async fn request_past_its_deadline_returns_the_task_of_an_equal_one() {
    for is_ready in [false, true] {
        let store = Store::in_memory();
        let server = server(|_, _| Create::Accept, done_after(0));
        let speak = server.client().speak("text 0").deadline(Duration::from_secs(60));
        let entry = speak.to_entry(&store).unwrap();
        let (mut engine, mut channels) =
            Engine::new(server.clone(), Queue::stream(futures_util::stream::empty()));
        let mut pending = PendingRequest::new(speak.prepare(Some(&store)).unwrap(), Instant::now());
        pending.start_attempt("a");
        pending.on_failure(rate_limited(1)).unwrap();
        let attempt = entry.announced().await;
        if is_ready {
            pending.attempt = Some(attempt);
        } else {
            attempt.send(async { Ok(TaskId::new_unchecked("text 0")) }).await.unwrap();
        }
        engine.active.progress.on_started(2);
        let state = TaskState::Submit(Box::new(pending));
        let (key, key_text, entry) = ("a".to_owned(), "a".into(), Some(entry));
        let slot =
            engine.active.tasks.insert(ActiveTask { index: 0, key, key_text, entry, characters: 6, state });
        if is_ready {
            engine.ready_to_send.push_back(slot);
        } else {
            engine.scheduler.add_retry(Instant::now(), slot);
        }
        tokio::time::advance(Duration::from_secs(70)).await;
        // Its first poll receives a 404: this server does not know the task.
        engine.run().await;
        let error = channels.finished.recv().await.unwrap().outcome.unwrap_err();
        let expected = if is_ready { (false, Billed::No) } else { (true, Billed::Yes) };
        assert_eq!((error.task_id().is_some(), error.billed()), expected, "{error}");
        assert_eq!(store.entries().next().await.is_some(), !is_ready);
        assert!(server.observed().accepted.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn stopped_batch_returns_what_is_known_about_equal_lines() {
    for (stopped_after, in_doubt) in [(40, 0), (1_500, 2)] {
        let store = Store::in_memory();
        let create =
            |text: &str, _| if text == "Hello." { Create::Accept } else { Create::AcceptThenDisconnect };
        let server = server(create, done_after(3_600));
        let texts = ["Hello.", "Good night.", "Hello.", "Good night.", "Good morning."];
        let queue = Queue::list(lines(&server, texts, Duration::from_secs(60)));
        let (mut engine, Channels { mut finished, released, .. }) = Engine::new(server.clone(), queue);
        with_store(&store, config(5, Some(1.0))).validate_and_open(&mut engine).await.unwrap();
        let stop = async {
            tokio::time::sleep(Duration::from_millis(stopped_after)).await;
            drop(released);
        };
        tokio::join!(engine.run(), stop);
        let mut errors = Vec::new();
        while let Some(result) = finished.recv().await {
            errors.push(result.outcome.unwrap_err());
        }
        let with_id = errors.iter().filter(|error| error.is_stopped() && error.task_id().is_some());
        assert_eq!(with_id.count(), 2, "{errors:?}");
        let count = |billed| errors.iter().filter(|error| error.billed() == billed).count();
        assert_eq!((count(Billed::Maybe), count(Billed::No)), (in_doubt, 3 - in_doubt), "{errors:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn batch_that_is_dropped_does_not_claim_that_a_line_that_equals_a_submitted_one_is_not_billed() {
    let store = Store::in_memory();
    let server = server(|_, _| Create::Accept, done_after(3_600));
    let list = lines(&server, ["Hello.", "Hello.", "Good morning."], Duration::from_secs(60));
    let (mut engine, mut channels) = Engine::new(server.clone(), Queue::list(list));
    with_store(&store, config(3, Some(0.5))).validate_and_open(&mut engine).await.unwrap();
    tokio::time::timeout(Duration::from_secs(1), engine.run()).await.unwrap_err();
    for expected in [Billed::Yes, Billed::Maybe, Billed::No] {
        assert_eq!(channels.finished.recv().await.unwrap().outcome.unwrap_err().billed(), expected);
    }
}

/// The server asks the first create to come later, loses the second one, and rejects the others.
#[tokio::test(start_paused = true)]
async fn rejected_line_is_in_doubt_if_an_equal_one_is_in_doubt_since_its_lookup() {
    let creates = std::sync::atomic::AtomicU32::new(0);
    let create = move |_: &str, _| match creates.fetch_add(1, Ordering::Relaxed) {
        0 => Create::Status(429),
        1 => Create::Disconnect,
        _ => Create::Status(402),
    };
    let server = server(create, done_after(1));
    let list = (0..2).map(|key| (key.to_string(), server.client().speak("Hello.").resubmit_in_doubt(1)));
    let run = run(&server, list.collect(), with_store(&Store::in_memory(), config(2, None))).await;
    assert_eq!(run.count(|result| result.as_ref().is_err_and(Error::is_in_doubt)), 2, "{:?}", run.results);
}

#[tokio::test(start_paused = true)]
async fn request_past_its_deadline_is_in_doubt_if_an_equal_one_is_in_doubt_since_its_lookup() {
    let store = Store::in_memory();
    let server = server(|_, _| Create::Accept, done_after(0));
    let speak = server.client().speak("Hello.").deadline(Duration::from_secs(60)).resubmit_in_doubt(1);
    let (mut engine, mut channels) = Engine::new(server.clone(), Queue::list(Vec::new()));
    let slot = add_pending(&mut engine, &speak, Some(&store));
    pending(&mut engine, slot).start_attempt("a");
    pending(&mut engine, slot).on_failure(rate_limited(1)).unwrap();
    let entry = speak.prepare(Some(&store)).unwrap().entry.unwrap();
    let equal = entry.announced().await;
    equal.send(async { Err(Failure::new(FailureKind::ConnectionLost)) }).await.unwrap_err();
    let attempt = entry.announced().await;
    pending(&mut engine, slot).attempt = Some(attempt);
    engine.ready_to_send.push_back(slot);
    tokio::time::advance(Duration::from_secs(70)).await;
    engine.run().await;
    let error = channels.finished.recv().await.unwrap().outcome.unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
}
