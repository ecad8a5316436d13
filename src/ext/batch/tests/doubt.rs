//! Requests in doubt, of this batch and of earlier runs.

use super::*;

#[tokio::test(start_paused = true)]
async fn request_in_doubt_is_sent_again_only_if_the_caller_allows_it() {
    let store = Store::in_memory();
    let server = server(
        |_, attempt| if attempt == 1 { Create::AcceptThenDisconnect } else { Create::Accept },
        done_after(1),
    );
    let doubts = |run: &Run| run.count(|result| result.as_ref().is_err_and(Error::is_in_doubt));
    for _ in 0..2 {
        let run = run(&server, speaks(&server, texts(5)), with_store(&store, config(8, None))).await;
        assert_eq!((doubts(&run), server.observed().accepted["text 1"]), (5, 1));
    }
    let list = speaks(&server, texts(5)).into_iter().map(|(key, speak)| (key, speak.resubmit_in_doubt(1)));
    let run = run(&server, list.collect(), with_store(&store, config(8, None))).await;
    assert_eq!((run.count(Result::is_ok), server.observed().accepted["text 1"]), (5, 2));
}

#[tokio::test(start_paused = true)]
async fn stopped_batch_leaves_no_doubt_about_requests_that_were_not_sent() {
    let open =
        async |disk: &SimulatedDisk| Store::open_on(&disk.clone().into(), "/d/store".into()).await.unwrap();
    for stopped_after in [0, 1, 5, 80, 300, 1_000].map(Duration::from_millis) {
        let disk = SimulatedDisk::new(State::with_directory("/d".as_ref()), |_, _| None);
        let store = open(&disk).await;
        let server = server(|_, _| Create::Status(429), done_after(1));
        let queue = Queue::list(speaks(&server, texts(100)));
        let (mut engine, Channels { finished, released, .. }) = Engine::new(server.clone(), queue);
        with_store(&store, config(20, Some(5.0))).validate_and_open(&mut engine).await.unwrap();
        let run = async {
            engine.run().await;
            disk.state()
        };
        let stop = async {
            tokio::time::sleep(stopped_after).await;
            drop((finished, released));
        };
        let (end, ()) = tokio::join!(run, stop);

        let after = end.after_power_failure(end.pending().iter().map(|_| Kept::Nothing));
        let store = open(&SimulatedDisk::new(after, |_, _| None)).await;
        let left = store.entries().next().await.transpose().unwrap();
        assert!(left.is_none(), "{stopped_after:?}: {left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_that_waits_for_another_submission_until_its_deadline_stays_in_doubt() {
    let store = Store::in_memory();
    let server = server(|_, _| Create::Accept, done_after(0));
    let (mut engine, mut channels) = Engine::new(server.clone(), Queue::list(Vec::new()));
    let slot = add_pending(&mut engine, &server.client().speak("Hello.").resubmit_in_doubt(1), Some(&store));
    pending(&mut engine, slot).start_attempt("a");
    pending(&mut engine, slot).on_failure(Failure::new(FailureKind::ConnectionLost)).unwrap();
    engine.announcements.push(Box::pin(async move { (slot, Ok(Announced::Found(Found::Busy))) }));
    engine.run().await;
    let error = channels.finished.recv().await.unwrap().outcome.unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
}

/// Returns a store whose disk fails from now on, and has failed once.
async fn broken_store(client: &Client) -> Store {
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&is_broken);
    let disk = Disk::simulated(State::with_directory("/d".as_ref()), move |_, _| {
        broken.load(Ordering::Relaxed).then_some(Fault::Fails(ErrorKind::Other))
    });
    let store = Store::open_on(&disk, "/d/store".into()).await.unwrap();
    is_broken.store(true, Ordering::Relaxed);
    assert!(client.speak("Other.").to_entry(&store).unwrap().announce(None).await.is_err());
    store
}

#[tokio::test(start_paused = true)]
async fn request_that_ends_unsent_stays_in_doubt_although_its_store_cannot_be_read_again() {
    let server = server(|_, _| Create::Accept, done_after(0));
    let store = broken_store(server.client()).await;
    let (mut engine, mut channels) = Engine::new(server.clone(), Queue::list(Vec::new()));
    let slot = add_pending(&mut engine, &server.client().speak("Hello."), Some(&store));
    pending(&mut engine, slot).prior_attempts = InDoubtAttempts::of(1);
    engine.limit = Some(Error::stopped());
    engine.ending.push_back(slot);
    engine.run().await;
    let error = channels.finished.recv().await.unwrap().outcome.unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn request_of_a_batch_whose_entry_cannot_be_read_may_be_billed() {
    let server = server(|_, _| Create::Accept, done_after(0));
    let store = broken_store(server.client()).await;
    let run = run(&server, speaks(&server, texts(1)), with_store(&store, config(1, None))).await;
    let error = run.results[0].1.as_ref().unwrap_err();
    assert!(error.is_io() && error.billed() == Billed::Maybe, "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn request_in_doubt_of_an_earlier_run_stays_in_doubt_after_a_rejection() {
    let store = Store::in_memory();
    let create = |_: &str, attempt| if attempt == 1 { Create::Disconnect } else { Create::Status(400) };
    let server = server(create, done_after(0));
    for _ in 0..2 {
        let list = vec![("a".to_owned(), server.client().speak("Hello.").resubmit_in_doubt(1))];
        let first = server.client().speak("Hello.");
        let list = if server.observed().requests.is_empty() { vec![("a".to_owned(), first)] } else { list };
        let run = run(&server, list, with_store(&store, config(1, None))).await;
        let error = run.results[0].1.as_ref().unwrap_err();
        assert!(error.is_in_doubt(), "{error}");
    }
}
