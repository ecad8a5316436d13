//! The key goes to the API's origin and shows up nowhere else.

use std::{
    io,
    sync::{Arc, Mutex},
};

use distribute_ai::{Client, testing::httpmock::MockServer};
use progenitor_client::ClientInfo;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Act, CREATE, ID, KEY, Socket, builder, client, completed, serving};

#[test]
fn not_in_debug() {
    let client = Client::builder().api_key(KEY).build().unwrap();
    let speak = client.speak("my secret thoughts").voice("nora");
    let task = client.task(ID.parse().unwrap());
    let shown = format!(
        "{client:?} {:?} {:?} {speak:?} {task:?} {:?} {:?}",
        client.inner(),
        Client::builder().api_key(KEY),
        task.wait(),
        task.updates()
    );
    assert!(!shown.contains(KEY), "{shown}");
    assert!(!shown.contains("thoughts"), "{shown}");
}

#[tokio::test]
async fn not_in_an_error_even_if_the_server_repeats_it() {
    let words = format!("no such key: {KEY}");
    for act in [
        Act::json("401 Unauthorized", &json!({"message": words})),
        Act::reply("401 Unauthorized", "", &words),
        Act::reply("502 Bad Gateway", "", &words),
        Act::reply("200 OK", "", &words),
        Act::reply("202 Accepted", "", &words),
    ] {
        let server = Socket::play([act]).await;
        let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
        let shown = format!("{error} {error:?} {:?}", error.message());
        assert!(shown.contains("no such key: [redacted]"), "{shown}");
        assert!(!shown.contains(KEY), "{shown}");
    }
}

#[tokio::test]
async fn not_to_the_host_of_the_audio() {
    let audio = Socket::play([Act::reply("200 OK", "", "RIFF")]).await;
    let server = serving(completed(&format!("{}/a.wav", audio.url)));
    let speech = client(&server.base_url()).speak("Hello").await.unwrap();
    assert_eq!(speech.audio().unwrap().bytes().await.unwrap(), "RIFF");
    let requests = audio.requests();
    assert_eq!(requests.len(), 1);
    assert!(!requests[0].to_lowercase().contains("authorization"), "{requests:?}");
    assert!(!requests[0].contains(KEY), "{requests:?}");
}

#[tokio::test]
async fn not_along_a_redirect() {
    let elsewhere = Socket::play([Act::json("200 OK", &json!({"id": ID}))]).await;
    for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("location: {}{CREATE}\r\n", elsewhere.url);
        let server = Socket::play([Act::reply(status, &location, "")]).await;

        let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
        assert_eq!(error.status().unwrap().as_str(), &status[..3]);
        assert_eq!(elsewhere.requests(), Vec::<String>::new(), "our own client follows none");
    }
    // A client of the user's may follow; the text goes nowhere, for its body can't be sent twice, nor does the key.
    for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("location: {}{CREATE}\r\n", elsewhere.url);
        let server = Socket::play([Act::reply(status, &location, "")]).await;
        let following = builder(&server.url).http_client(reqwest::Client::new()).build().unwrap();
        let _ = following.speak("my secret thoughts").submit().await;
    }
    for request in elsewhere.requests() {
        assert!(!request.contains(KEY) && !request.contains("thoughts"), "{request}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn not_in_a_log_line_and_neither_is_the_text() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let server = serving(completed("http://127.0.0.1:9/a.wav"));
    client(&server.base_url()).speak("my secret thoughts").await.unwrap();
    let refusing = MockServer::start();
    refusing.mock(|when, then| {
        when.path(CREATE);
        then.status(401).json_body(json!({"message": format!("no such key: {KEY}")}));
    });
    client(&refusing.base_url()).speak("my secret thoughts").submit().await.unwrap_err();

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("submitted") && log.contains(ID), "an operator finds the id: {log}");
    assert!(!log.contains(KEY), "{log}");
    assert!(!log.contains("thoughts"), "{log}");
}
