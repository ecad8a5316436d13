//! A key or an account that the server rejects.

use super::*;

fn is_not_sent(result: &Result<TaskId, Error>, status: u16) -> bool {
    let not_sent = |error: &Error| {
        error.is_rejected()
            && error.status().is_some_and(|found| found == status)
            && error.to_string().starts_with("not sent, because")
            && std::error::Error::source(error).is_some_and(|cause| cause.to_string().contains("rejected"))
    };
    result.as_ref().is_err_and(not_sent)
}

#[tokio::test(start_paused = true)]
async fn rejected_key_sends_no_create_beyond_those_in_flight() {
    for status in [401, 402, 403] {
        let server = server(move |_, _| Create::Status(status), done_after(1));
        let run = run(&server, speaks(&server, texts(1_000)), config(64, None)).await;
        assert_eq!(server.observed().requests.len(), 64, "{status}: the creates in flight");
        assert_eq!(run.count(|result| result.as_ref().is_err_and(Error::is_rejected)), 1_000);
        assert_eq!(run.count(|result| is_not_sent(result, status)), 1_000 - 64);
        let first = run.results[0].1.as_ref().unwrap_err();
        assert!(first.to_string().starts_with("server rejected the request"), "{first}");
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_text_after_a_rejected_key_returns_its_own_error() {
    let server = server(|_, _| Create::Status(401), done_after(1));
    let list = speaks(&server, ["text 0".to_owned(), "x".to_owned()]);
    let run = run(&server, list, config(1, None)).await;
    assert!(run.results[0].1.as_ref().unwrap_err().is_rejected());
    assert!(run.results[1].1.as_ref().unwrap_err().is_invalid(), "{:?}", run.results[1]);
}

#[tokio::test(start_paused = true)]
async fn accepted_tasks_are_delivered_after_the_account_is_rejected() {
    let start = Instant::now();
    let create =
        move |_: &str, _| if start.elapsed().as_secs() < 2 { Create::Accept } else { Create::Status(402) };
    let server = server(create, done_after(30));
    let run = run(&server, speaks(&server, texts(500)), config(500, Some(50.0))).await;
    let accepted = server.observed().accepted.len();
    assert!((80..=110).contains(&accepted), "{accepted}");
    assert_eq!(run.count(Result::is_ok), accepted);
    assert_eq!(run.count(|result| result.as_ref().is_err_and(Error::is_rejected)), 500 - accepted);
}

#[tokio::test(start_paused = true)]
async fn single_403_after_an_accepted_create_fails_its_request_alone() {
    let forbidden = |text: &str, _| if text.ends_with('7') { Create::Status(403) } else { Create::Accept };
    let server = server(forbidden, done_after(1));
    let run = run(&server, speaks(&server, texts(100)), config(4, None)).await;
    assert_eq!((run.count(Result::is_ok), run.progress.failed), (90, 10));
}

#[tokio::test(start_paused = true)]
async fn three_403_in_a_row_end_the_submissions() {
    let forbidden =
        |text: &str, _| if text.len() > "text 9".len() { Create::Status(403) } else { Create::Accept };
    let server = server(forbidden, done_after(1));
    let run = run(&server, speaks(&server, texts(100)), config(1, None)).await;
    assert_eq!((run.count(Result::is_ok), run.count(|result| is_not_sent(result, 403))), (10, 87));
}

#[tokio::test(start_paused = true)]
async fn poll_with_rejected_key_ends_the_submissions() {
    let server = server(|_, _| Create::Accept, |_| Err(status_failure(401)));
    let run = run(&server, speaks(&server, texts(100)), config(10, Some(2.0))).await;
    let accepted = server.observed().accepted.len();
    assert!(accepted <= 10, "{accepted}");
    assert_eq!(run.count(|result| is_not_sent(result, 401)), 100 - accepted);
    assert_eq!(run.count(|result| result.as_ref().is_err_and(|error| error.task_id().is_some())), accepted);
}

#[tokio::test(start_paused = true)]
async fn endless_stream_ends_after_a_rejected_key() {
    let server = server(|_, _| Create::Status(401), done_after(1));
    let speak = server.client().speak("Hello");
    let endless = (0..).map(move |number: u64| (number.to_string(), speak.clone()));
    let queue = Queue::stream(futures_util::stream::iter(endless));
    let (mut engine, Channels { mut finished, released: _released, .. }) = Engine::new(server.clone(), queue);
    config(8, None).validate_and_open(&mut engine).await.unwrap();
    engine.run().await;
    let mut count = 0;
    while let Some(Finished { outcome, .. }) = finished.recv().await {
        assert!(outcome.unwrap_err().is_unauthorized());
        count += 1;
    }
    assert_eq!(count, 8, "the requests that were in flight");
}

#[tokio::test(start_paused = true)]
async fn announced_requests_are_not_in_doubt_after_a_rejected_key() {
    let store = Store::in_memory();
    let server = server(|_, _| Create::Status(402), done_after(1));
    let list = speaks(&server, texts(100));
    let run = run(&server, list, with_store(&store, config(20, Some(5.0)))).await;
    assert_eq!(run.count(|result| result.as_ref().is_err_and(Error::is_rejected)), 100);
    assert!(server.observed().requests.len() < 20);
    assert!(
        texts(100).all(|text| state(&store, &text).is_none()),
        "nothing is left of requests that were not sent"
    );
}

#[tokio::test(start_paused = true)]
async fn line_that_equals_a_submitted_one_is_delivered_although_the_account_is_rejected() {
    let store = Store::in_memory();
    let reject = |text: &str, _| if text == "Hello." { Create::Accept } else { Create::Status(402) };
    let server = server(reject, done_after(3));
    let list = ["Hello.", "Good morning.", "Hello."].into_iter().enumerate();
    let list = list.map(|(key, text)| (key.to_string(), server.client().speak(text))).collect();
    let run = run(&server, list, with_store(&store, config(3, Some(1.0)))).await;
    assert_eq!(run.count(Result::is_ok), 2, "{:?}", run.results);
    assert_eq!(server.observed().accepted["Hello."], 1);
}

#[tokio::test(start_paused = true)]
async fn stored_and_submitted_requests_are_delivered_although_the_key_is_rejected() {
    let store = Store::in_memory();
    let accepting = server(|_, _| Create::Accept, done_after(3));
    run(&accepting, speaks(&accepting, texts(5)), with_store(&store, config(8, None))).await;
    let rejecting = server(|_, _| Create::Status(401), done_after(0));
    let run = run(&rejecting, speaks(&rejecting, texts(10)), with_store(&store, config(2, None))).await;
    // The server does not know the tasks of the other one, which is free to find out.
    let is_not_found = |result: &Result<_, Error>| result.as_ref().is_err_and(Error::is_not_found);
    let is_unauthorized = |result: &Result<_, Error>| result.as_ref().is_err_and(Error::is_unauthorized);
    assert_eq!((run.count(is_not_found), run.count(is_unauthorized)), (5, 5));
    let (_, result) = run.results.iter().find(|(_, result)| is_not_found(result)).unwrap();
    let error = result.as_ref().unwrap_err().to_string();
    assert!(error.contains("to submit the text again, forget entry"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn ready_request_is_looked_up_again_after_the_key_is_rejected() {
    let store = Store::in_memory();
    let server = server(|_, _| Create::Accept, done_after(1));
    let (mut engine, mut channels) = Engine::new(server.clone(), Queue::list(Vec::new()));
    let [ready, sent] =
        ["One.", "Two."].map(|text| add_pending(&mut engine, &server.client().speak(text), Some(&store)));
    let entry = engine.active.tasks[ready].entry.clone().unwrap();
    let attempt = entry.announced().await;
    pending(&mut engine, ready).attempt = Some(attempt);
    engine.ready_to_send.push_back(ready);
    pending(&mut engine, sent).start_attempt("a");
    let ticket = engine.breaker.on_create_sent(Instant::now());
    engine.creates.push(Box::pin(async move { (sent, (ticket, Err(status_failure(402)))) }));
    tokio::time::timeout(Duration::from_secs(3_600), engine.run()).await.unwrap();
    for _ in 0..2 {
        assert!(channels.finished.recv().await.unwrap().outcome.unwrap_err().is_rejected());
    }
    assert!(store.entries().next().await.is_none());
}

/// The last lookup waits for another call, and the batch stops meanwhile.
#[tokio::test(start_paused = true)]
async fn request_that_ends_after_a_rejected_key_keeps_its_error_when_the_batch_stops() {
    let store = Store::in_memory();
    let server = server(|_, _| Create::Accept, done_after(1));
    let (mut engine, Channels { mut finished, released, .. }) =
        Engine::new(server.clone(), Queue::stream(futures_util::stream::pending()));
    config(2, None).validate_and_open(&mut engine).await.unwrap();
    let [unsent, sent] =
        ["One.", "Two."].map(|text| add_pending(&mut engine, &server.client().speak(text), Some(&store)));
    let entry = engine.active.tasks[unsent].entry.clone().unwrap();
    engine.scheduler.add_new(unsent);
    pending(&mut engine, sent).start_attempt("a");
    let ticket = engine.breaker.on_create_sent(Instant::now());
    engine.creates.push(Box::pin(async move { (sent, (ticket, Err(status_failure(402)))) }));
    let stop = async {
        let other = entry.announced().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(released);
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(other);
    };
    tokio::join!(stop, engine.run());
    for _ in 0..2 {
        let error = finished.recv().await.unwrap().outcome.unwrap_err();
        assert!(error.is_rejected(), "{error}");
    }
    assert!(server.elapsed() >= Duration::from_secs(2) && server.observed().requests.is_empty());
}

#[tokio::test(start_paused = true)]
async fn request_that_is_refused_while_the_batch_stops_is_not_billed() {
    let server = server(|_, _| Create::Status(429), done_after(1));
    let queue = Queue::list(speaks(&server, texts(1)));
    let (mut engine, Channels { mut finished, released, .. }) = Engine::new(server.clone(), queue);
    config(1, None).validate_and_open(&mut engine).await.unwrap();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(40)).await;
        drop(released);
    };
    tokio::join!(engine.run(), stop);
    let error = finished.recv().await.unwrap().outcome.unwrap_err();
    assert_eq!((error.is_stopped(), error.billed()), (true, crate::Billed::No), "{error:?}");
    assert_eq!(server.observed().requests.len(), 1);
}
