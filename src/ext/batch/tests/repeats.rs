//! Equal requests of a list.

use std::collections::HashSet;

use super::*;

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
