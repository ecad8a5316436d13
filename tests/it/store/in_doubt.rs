//! Requests that may or may not be billed.

use super::*;

/// As at the end of a program whose `main` does not wait for a submission.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn submission_that_the_end_of_its_runtime_cuts_off_is_in_doubt() {
    let fixture = Fixture::new().await;
    fixture.simulator.script(Route::Create, Script::always(Fault::slow_drip(1, Duration::from_secs(1))));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let client = fixture.client();
            runtime.block_on(async {
                let mut submission = pin!(client.speak(TEXT).submit());
                while fixture.simulator.creates() == 0 {
                    assert!(
                        timeout(Duration::from_millis(2), &mut submission).await.is_err(),
                        "not finished"
                    );
                }
            });
        });
    });
    let error = fixture.client().speak(TEXT).await.unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
    assert_eq!(fixture.simulator.creates(), 1);
}

#[tokio::test]
async fn request_in_doubt_is_not_sent_again_until_it_is_settled() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    fixture.simulator.script(Route::Create, Script::nth(1, Fault::reset().after_accepting()));
    let hash = client.speak(TEXT).hash().unwrap();
    for number in 0..4 {
        let error = match number {
            0 | 1 => client.speak(TEXT).label("greeting").await.unwrap_err(),
            _ => {
                let mut results = client.batch([("a", TEXT)]).run().await.unwrap();
                results.next().await.unwrap().1.unwrap_err()
            }
        };
        let remedy = format!("settle entry {hash} of the store {}", fixture.path().display());
        assert!(error.is_in_doubt() && error.to_string().contains(&remedy), "{error}");
    }
    let store = client.store().unwrap();
    let entry = store.get(&hash).await.unwrap().unwrap();
    assert_eq!((entry.state(), entry.label()), (EntryState::InDoubt, Some("greeting")));
    assert_eq!((entry.attempts_in_doubt(), fixture.simulator.creates()), (1, 1));

    // The server's record has the task.
    let id = fixture.simulator.tasks()[0].0.clone();
    store.settle(&hash, Settlement::Billed(id.clone())).await.unwrap();
    assert_eq!(*client.speak(TEXT).await.unwrap().id(), id);
    assert_eq!(fixture.simulator.creates(), 1);
    let error = store.settle(&hash, Settlement::NotBilled).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("is stored, expected in_doubt"), "{error}");
}

#[tokio::test]
async fn request_that_was_not_billed_is_sent_after_it_is_settled() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    fixture.simulator.script(Route::Create, Script::nth(1, Fault::reset()));
    assert!(client.speak(TEXT).await.unwrap_err().is_in_doubt());
    let hash = client.speak(TEXT).hash().unwrap();
    client.store().unwrap().settle(&hash, Settlement::NotBilled).await.unwrap();
    assert_eq!(fixture.state(hash).await, None);
    client.speak(TEXT).await.unwrap();
    assert_eq!(fixture.simulator.creates(), 1);
}

#[tokio::test]
async fn resubmissions_are_counted_across_runs() {
    let (fixture, server) = (Fixture::new().await, ScriptedServer::start([Action::Close]).await);
    let client = builder(&server.url).store(fixture.path()).build().unwrap();
    for run in 1..=4 {
        let error = client.speak(TEXT).resubmit_in_doubt(1).await.unwrap_err();
        assert!(error.is_in_doubt() && error.to_string().contains("sent 2 times"), "run {run}: {error}");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn resubmissions_of_two_calls_are_counted_once() {
    let (fixture, server) = (Fixture::new().await, ScriptedServer::start([Action::Close]).await);
    let client = builder(&server.url).store(fixture.path()).build().unwrap();
    let speak = || client.speak(TEXT).resubmit_in_doubt(1).into_future();
    for error in join_all([speak(), speak()]).await {
        let error = error.unwrap_err();
        assert!(error.is_in_doubt() && error.to_string().contains("sent 2 times"), "{error}");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn request_stays_in_doubt_after_a_later_rejection() {
    let fixture = Fixture::new().await;
    let rejected = Action::json("402 Payment Required", &json!({"message": "top up"}));
    let server = ScriptedServer::start([Action::Close, rejected]).await;
    let client = builder(&server.url).store(fixture.path()).build().unwrap();
    for resubmissions in [1, 0] {
        let error = client.speak(TEXT).resubmit_in_doubt(resubmissions).await.unwrap_err();
        assert!(error.is_in_doubt(), "{error}");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn request_in_doubt_with_task_id_returns_the_id_in_each_run() {
    let fixture = Fixture::new().await;
    let server = ScriptedServer::start([Action::json("502 Bad Gateway", &json!({"id": ID}))]).await;
    for _ in 0..2 {
        let client = builder(&server.url).store(fixture.path()).build().unwrap();
        let error = client.speak(TEXT).resubmit_in_doubt(5).await.unwrap_err();
        assert!(error.is_in_doubt() && error.task_id().unwrap().as_str() == ID, "{error}");
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn rejected_and_rate_limited_requests_leave_no_entry() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    for status in [400, 402, 429] {
        fixture.simulator.script(Route::Create, Script::always(Fault::status(status)));
        let speak = client.speak(TEXT).deadline(Duration::from_millis(300));
        assert!(speak.await.unwrap_err().is_rejected());
        assert_eq!(fixture.state(client.speak(TEXT).hash().unwrap()).await, None, "{status}");
    }
}
