//! Tests of the handles of a speech: their results and their debug output.

use std::{
    future::IntoFuture,
    path::Path,
    time::{Duration, SystemTime},
};

use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    Client, Error, Speech, SpeechTask, TaskId,
    ext::{
        disk::{Disk, simulated::State},
        store::Store,
        test_server::{TestServer, response, wav},
    },
};

fn client(base_url: &str) -> Client {
    let builder = Client::builder().api_key("k").base_url(base_url);
    builder.poll_every(Duration::from_millis(1)).build().unwrap()
}

fn task(client: &Client) -> SpeechTask {
    client.task(TaskId::new_unchecked("t1"))
}

fn result(status: &str) -> Value {
    let url = "https://example.com/a.wav?signature=s3cr3t";
    json!({"id": "t1", "status": status, "created": 1_700_000_000, "finished": 1_700_000_002_500_i64, "results": [{"url": url}]})
}

#[test]
fn speech_has_the_times_of_the_server_and_its_debug_output_no_url() {
    let client = client("https://example.com");
    let task = task(&client);
    let result = serde_json::from_value(result("COMPLETED")).unwrap();
    let speech = Speech::new(client, task.id().clone(), result);
    let created = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    assert_eq!(speech.created_at(), Some(created));
    assert_eq!(speech.finished_at(), Some(created + Duration::from_millis(2_500)));
    assert_eq!(speech.server_time(), Some(Duration::from_millis(2_500)));
    let shown = format!("{speech:?}");
    assert!(shown.starts_with("Speech { id: ") && shown.contains("audios: 1"), "{shown}");
    assert!(!shown.contains("s3cr3t"), "{shown}");
    let id = format!("{:?}", task.id());
    assert_eq!(format!("{task:?}"), format!("SpeechTask {{ id: {id}, .. }}"));
    let second = Duration::from_secs(1);
    let expected = |name: &str| format!("{name} {{ task: {task:?}, deadline: 1s, .. }}");
    assert_eq!(format!("{:?}", task.updates().deadline(second)), expected("Updates"));
    assert_eq!(format!("{:?}", task.wait().deadline(second)), expected("Wait"));
}

#[test]
fn debug_output_of_a_request_omits_its_text() {
    let speak = client("https://example.com").speak("Good morning.").voice("nora").label("line 1");
    for (speak, redo) in [(speak.clone(), "redo: false"), (speak.redo(), "redo: true")] {
        let shown = format!("{speak:?}");
        assert!(shown.contains("characters: 13") && shown.contains(redo), "{shown}");
        assert!(shown.contains("line 1") && !shown.contains("morning"), "{shown}");
    }
}

#[tokio::test]
async fn updates_are_the_changes_of_the_status_and_end_with_the_speech() {
    let statuses = ["QUEUED", "QUEUED", "PROCESSING", "PROCESSING", "COMPLETED"];
    let polls = statuses.map(|status| response("200 OK", &[], &result(status).to_string()));
    let server = TestServer::start(polls).await;
    let mut updates = task(&client(&server.url)).updates();
    for expected in ["QUEUED", "PROCESSING"] {
        let update = updates.next().await.unwrap().unwrap();
        assert_eq!(*update.status(), *expected);
        assert!(update.into_speech().is_none());
    }
    let last = StreamExt::next(&mut updates).await.unwrap().unwrap();
    assert_eq!(*last.status(), *"COMPLETED");
    assert_eq!(last.into_speech().unwrap().result().results.len(), 1);
    assert!(updates.next().await.is_none());
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn updates_end_with_the_error_of_a_task_that_the_server_rejects() {
    let server = TestServer::start([response("403 Forbidden", &[], "{}")]).await;
    let mut updates = task(&client(&server.url)).updates();
    assert!(updates.next().await.unwrap().is_err_and(|error: Error| error.is_unauthorized()));
    assert!(updates.next().await.is_none());
}

#[tokio::test]
async fn speech_in_a_store_is_returned_without_a_request() {
    let mut polled = result("COMPLETED");
    polled["results"] = json!([{"url": "/a.wav"}]);
    let created = response("200 OK", &[], r#"{"id": "t1"}"#);
    let [polled, audio] = [polled.to_string(), wav()].map(|body| response("200 OK", &[], &body));
    let server = TestServer::start([created, polled, audio]).await;
    let directory = tempfile::tempdir().unwrap();
    let builder = Client::builder().api_key("k").base_url(&server.url).store(directory.path().join("store"));
    let client = builder.poll_every(Duration::from_millis(1)).build().unwrap();
    let first = client.speak("Hello.").await.unwrap();
    assert_eq!(first.seconds(), Some(0.5));
    let task = client.speak("Hello.").submit().await.unwrap();
    let mut updates = task.updates();
    let update = updates.next().await.unwrap().unwrap();
    assert!(updates.next().await.is_none());
    for speech in [first, client.speak("Hello.").await.unwrap(), update.into_speech().unwrap()] {
        let path = directory.path().join("a.wav");
        assert_eq!(speech.save(&path).await.unwrap(), wav().len() as u64);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), wav());
        assert_eq!(speech.duration().await.unwrap(), Duration::from_millis(500));
        assert_eq!((speech.id().as_str(), speech.server_time()), ("t1", Some(Duration::from_millis(2_500))));
    }
    assert_eq!(server.requests().len(), 3);
}

/// Returns the result with two audios at these paths.
fn two_audios(paths: [&str; 2]) -> String {
    let mut polled = result("COMPLETED");
    polled["results"] = json!(paths.map(|path| json!({"url": path})));
    response("200 OK", &[], &polled.to_string())
}

#[tokio::test]
async fn expired_address_of_the_second_audio_is_replaced_by_the_second_one() {
    let expired = response("403 Forbidden", &[], "expired");
    let audio = response("200 OK", &[], &wav());
    let server =
        TestServer::start([two_audios(["/1", "/2"]), expired, two_audios(["/3", "/4"]), audio]).await;
    let speech = task(&client(&server.url)).wait().await.unwrap();
    let second = speech.audios().nth(1).unwrap().unwrap();
    assert_eq!(second.bytes().await.unwrap(), wav());
    let last = server.requests().pop().unwrap();
    assert!(last.starts_with("get /4 "), "{last}");
}

#[tokio::test]
async fn speech_with_several_audios_has_all_of_them_with_a_store() {
    let created = response("200 OK", &[], r#"{"id": "t1"}"#);
    let audio = response("200 OK", &[], &wav());
    let server = TestServer::start([created, two_audios(["/1", "/2"]), audio]).await;
    let directory = tempfile::tempdir().unwrap();
    let builder = Client::builder().api_key("k").base_url(&server.url).store(directory.path().join("store"));
    let client = builder.poll_every(Duration::from_millis(1)).build().unwrap();
    let speech = client.speak("Hello.").await.unwrap();
    let urls: Vec<_> = speech.audios().map(|audio| audio.unwrap().url().to_owned()).collect();
    assert_eq!(urls, ["/1", "/2"].map(|path| format!("{}{path}", server.url)));
}

#[tokio::test]
async fn retry_after_of_a_poll_is_capped_as_a_cooldown() {
    let polled = response("200 OK", &["retry-after: 3600"], &result("QUEUED").to_string());
    let server = TestServer::start([polled]).await;
    let builder = Client::builder().api_key("k").base_url(&server.url).max_cooldown(Duration::from_secs(2));
    let received = task(&builder.build().unwrap()).poll().await.unwrap();
    assert_eq!(received.retry_after, Some(Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn updates_that_are_not_polled_delay_no_wait_of_another_task() {
    for polls in 1..5 {
        let disk = Disk::simulated(State::with_directory(Path::new("/d")), |_, _| None);
        let store = Store::open_on(&disk, "/d/store".into()).await.unwrap();
        let client = client("http://127.0.0.1:1");
        let task_of = |text| task(&client).with_entry(client.speak(text).to_entry(&store).unwrap());
        let mut updates = task_of("One.").updates();
        for _ in 0..polls {
            assert!(updates.next().now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        let other = task_of("Two.").wait().deadline(Duration::from_secs(1));
        let ended = timeout(Duration::from_secs(5), other.into_future()).await;
        assert!(ended.is_ok_and(|speech| speech.unwrap_err().is_deadline()), "{polls}");
    }
}
