//! Test servers: fixed responses with httpmock, and a scripted socket that can break HTTP.

use std::{
    env, io,
    path::PathBuf,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use distribute_ai::{
    Client, ClientBuilder,
    testing::httpmock::{HttpMockResponse, MockServer, Then},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tracing::{level_filters::LevelFilter, subscriber::DefaultGuard};
use tracing_subscriber::{Layer, layer::SubscriberExt};

pub(crate) const KEY: &str = "sk-test-7f3a";
pub(crate) const ID: &str = "1b671a64-40d5-491e-99b0-da01ff1f3341";
/// A URL that refuses connections. The port is fixed, because another test could be given a port that was
/// free before.
pub(crate) const UNREACHABLE_URL: &str = "http://127.0.0.1:9";
pub(crate) const CREATE: &str = "/async/speech/create";
pub(crate) const RESULT: &str = "/async/speech/result";

/// Returns a builder for a client of `base_url` that polls every 10 ms.
pub(crate) fn builder(base_url: &str) -> ClientBuilder {
    Client::builder().api_key(KEY).base_url(base_url).poll_every(Duration::from_millis(10))
}

pub(crate) fn client(base_url: &str) -> Client {
    builder(base_url).build().unwrap()
}

/// Returns the result of a task with this status, as documented.
pub(crate) fn result(status: &str) -> Value {
    json!({"id": ID, "status": status, "created": 1_700_000_000, "model": "Chatterbox", "results": []})
}

/// Returns the result of a completed task with its audio at `url`.
pub(crate) fn completed_result(url: &str) -> Value {
    let mut body = result("COMPLETED");
    body["finished"] = json!(1_700_000_002.5);
    body["results"] = json!([{"url": url}]);
    body
}

/// Starts a server that accepts every create and responds to every poll with `result`.
pub(crate) fn serve_result(result: Value) -> MockServer {
    let server = MockServer::start();
    server.mock(|when, then| {
        when.path(CREATE);
        respond_with_new_ids(then);
    });
    server.mock(move |when, then| {
        when.path(RESULT);
        respond_with_result(then, result);
    });
    server
}

/// Responds to each create with another id. The first one is [`ID`].
pub(crate) fn respond_with_new_ids(then: Then) {
    let number = AtomicUsize::new(0);
    then.respond_with(move |_| {
        json_response(&json!({"id": unique_id(number.fetch_add(1, Ordering::Relaxed))}))
    });
}

/// Responds to each poll with a result of the requested task.
pub(crate) fn respond_with_result(then: Then, result: Value) {
    then.respond_with(move |request| {
        let query: Value = serde_json::from_slice(request.body_ref()).unwrap();
        let mut result = result.clone();
        result["id"] = query["id"].clone();
        json_response(&result)
    });
}

/// Returns a different task id for each number. That of 0 is [`ID`].
pub(crate) fn unique_id(number: usize) -> String {
    format!("{}{:08x}", &ID[..28], 0xff1f_3341 - number)
}

fn json_response(body: &Value) -> HttpMockResponse {
    HttpMockResponse::builder().status(200).body(body.to_string()).build()
}

/// The warnings and errors that the library logs on the current thread.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(crate) fn capture(&self) -> DefaultGuard {
        let log = self.clone();
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || log.clone());
        // Only for this thread, because a test of `secrets` captures the log of the whole process.
        tracing::subscriber::set_default(
            tracing_subscriber::registry().with(layer.with_filter(LevelFilter::WARN)),
        )
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// An action of a [`ScriptedServer`] on a connection, after it has read the request.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Writes these bytes and closes the connection.
    SendRaw(Vec<u8>),
    /// Closes the connection without a response.
    Close,
    /// Sends nothing and keeps the connection open.
    StayOpen,
    /// Writes these bytes and keeps the connection open.
    Stall(Vec<u8>),
}

impl Action {
    /// Returns an action that sends a complete response.
    pub(crate) fn response(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n");
        Self::SendRaw([head.as_bytes(), body.as_bytes()].concat())
    }

    pub(crate) fn json(status: &str, body: &Value) -> Self {
        Self::response(status, "content-type: application/json\r\n", &body.to_string())
    }

    /// Returns an action that sends a response with `body`, but announces 100 more bytes.
    pub(crate) fn truncated(body: &str) -> Self {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len() + 100);
        Self::SendRaw([head.as_bytes(), body.as_bytes()].concat())
    }
}

/// A server that performs one action of a script for each connection and records the requests. The last
/// action repeats for all further connections.
pub(crate) struct ScriptedServer {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl ScriptedServer {
    pub(crate) async fn start(script: impl IntoIterator<Item = Action>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (script, recorded) = (Vec::from_iter(script), Arc::clone(&requests));
        tokio::spawn(async move {
            for number in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let action = script.get(number).or(script.last()).expect("a script has an action").clone();
                tokio::spawn(perform(stream, action, Arc::clone(&recorded)));
            }
        });
        Self { url, requests }
    }

    /// Returns the requests received so far, unchanged, each with its head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn perform(mut stream: TcpStream, action: Action, recorded: Arc<Mutex<Vec<String>>>) {
    let Some(request) = read_request(&mut stream).await else { return };
    recorded.lock().unwrap().push(request);
    match action {
        Action::SendRaw(bytes) => drop(stream.write_all(&bytes).await),
        Action::Close => {}
        Action::StayOpen => tokio::time::sleep(Duration::from_secs(60)).await,
        Action::Stall(bytes) => {
            drop(stream.write_all(&bytes).await);
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    }
}

pub(crate) async fn read_request(stream: &mut TcpStream) -> Option<String> {
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

/// Returns the path of an example's executable, and builds it if it is missing. `cargo test` builds the
/// examples together with the tests, but a narrower command such as `cargo test --test it` may not.
pub(crate) fn example_path(name: &str) -> PathBuf {
    let built = env::current_exe().unwrap().parent().unwrap().join("../examples").join(name);
    let path = built.with_extension(env::consts::EXE_EXTENSION);
    if !path.exists() {
        let cargo =
            Command::new(env!("CARGO")).args(["build", "--quiet", "--example", name]).status().unwrap();
        assert!(cargo.success(), "could not build example {name}");
    }
    path
}

/// Returns the number in an environment variable, or `default` if the variable is not set. CONTRIBUTING.md
/// lists the variables.
pub(crate) fn env_or(name: &str, default: usize) -> usize {
    env::var(name).map_or(default, |value| value.parse().expect("expected a number"))
}
