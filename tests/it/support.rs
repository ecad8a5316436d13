//! Servers to talk to: scripted replies by httpmock, and a socket that can do what no proper server does.

use std::{
    env,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use distribute_ai::{Client, ClientBuilder, testing::httpmock::MockServer};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

pub(crate) const KEY: &str = "sk-test-7f3a";
pub(crate) const ID: &str = "1b671a64-40d5-491e-99b0-da01ff1f3341";
/// Refuses connections. Not a port that was free a moment ago: another test may be given it.
pub(crate) const NOBODY: &str = "http://127.0.0.1:9";
pub(crate) const CREATE: &str = "/async/speech/create";
pub(crate) const RESULT: &str = "/async/speech/result";

/// A builder for a client of this address, which polls every 10 ms.
pub(crate) fn builder(base_url: &str) -> ClientBuilder {
    Client::builder().api_key(KEY).base_url(base_url).poll_every(Duration::from_millis(10))
}

pub(crate) fn client(base_url: &str) -> Client {
    builder(base_url).build().unwrap()
}

/// A result as the document has it.
pub(crate) fn result(status: &str) -> Value {
    json!({"id": ID, "status": status, "created": 1_700_000_000, "model": "Chatterbox", "results": []})
}

/// The result of a task that is done, with its audio at `url`.
pub(crate) fn completed(url: &str) -> Value {
    let mut body = result("COMPLETED");
    body["finished"] = json!(1_700_000_002.5);
    body["results"] = json!([{"url": url}]);
    body
}

/// A server that takes every create and answers every poll with `result`.
pub(crate) fn serving(result: Value) -> MockServer {
    let server = MockServer::start();
    server.mock(|when, then| {
        when.path(CREATE);
        then.status(200).json_body(json!({"id": ID}));
    });
    server.mock(move |when, then| {
        when.path(RESULT);
        then.status(200).json_body(result);
    });
    server
}

/// What a [`Socket`] does with a connection once it has read the request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Writes this and closes.
    Say(Vec<u8>),
    /// Closes without a word.
    HangUp,
    /// Says nothing and stays.
    Keep,
    /// Writes this and falls silent.
    Stall(Vec<u8>),
}

impl Act {
    /// A whole reply.
    pub(crate) fn reply(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n");
        Self::Say([head.as_bytes(), body.as_bytes()].concat())
    }

    pub(crate) fn json(status: &str, body: &Value) -> Self {
        Self::reply(status, "content-type: application/json\r\n", &body.to_string())
    }

    /// A reply that stops in the middle of its body.
    pub(crate) fn cut(body: &str) -> Self {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len() + 100);
        Self::Say([head.as_bytes(), body.as_bytes()].concat())
    }
}

/// A server that plays a script, one act for each connection, the last one for all that follow; it keeps what it was
/// sent.
pub(crate) struct Socket {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Socket {
    pub(crate) async fn play(script: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (script, seen) = (Vec::from_iter(script), Arc::clone(&requests));
        tokio::spawn(async move {
            for at in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let act = script.get(at).or(script.last()).expect("a script has an act").clone();
                tokio::spawn(perform(stream, act, Arc::clone(&seen)));
            }
        });
        Self { url, requests }
    }

    /// The requests so far, each as it came: head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn perform(mut stream: TcpStream, act: Act, seen: Arc<Mutex<Vec<String>>>) {
    let Some(request) = read_request(&mut stream).await else { return };
    seen.lock().unwrap().push(request);
    match act {
        Act::Say(bytes) => drop(stream.write_all(&bytes).await),
        Act::HangUp => {}
        Act::Keep => tokio::time::sleep(Duration::from_secs(60)).await,
        Act::Stall(bytes) => {
            drop(stream.write_all(&bytes).await);
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
}

/// An example as a program. `cargo test` builds the examples beside the tests; a narrower command such as
/// `cargo test --test it` may not.
pub(crate) fn example(name: &str) -> PathBuf {
    let built = env::current_exe().unwrap().parent().unwrap().join("../examples").join(name);
    let path = built.with_extension(env::consts::EXE_EXTENSION);
    if !path.exists() {
        let cargo =
            Command::new(env!("CARGO")).args(["build", "--quiet", "--example", name]).status().unwrap();
        assert!(cargo.success(), "the example does not build");
    }
    path
}

/// How much of it: little by itself, more by an environment variable. CONTRIBUTING.md has them.
pub(crate) fn setting(name: &str, default: usize) -> usize {
    env::var(name).map_or(default, |value| value.parse().expect("it is a number"))
}
