//! An HTTP server on loopback that sends prepared bytes.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub(crate) struct TestServer {
    pub(crate) url: String,
    requests: Requests,
    task: JoinHandle<()>,
}

/// The number of the connection and the text of each request.
type Requests = Arc<Mutex<Vec<(usize, String)>>>;

/// Returns a response with this status line, such as `200 OK`, and these headers.
pub(crate) fn response(status: &str, headers: &[&str], body: &str) -> String {
    let length = format!("content-length: {}", body.len());
    let head = [&[status, &length], headers].concat().join("\r\n");
    format!("HTTP/1.1 {head}\r\n\r\n{body}")
}

/// Returns the response without its last byte. The server closes the connection there.
pub(crate) fn cut(mut response: String) -> String {
    response.pop();
    response
}

/// Returns a WAV file of half a second, with bytes below 128 only.
pub(crate) fn wav() -> String {
    let format = "fmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\0\0\0\0\x02\0\x10\0";
    format!("RIFF\0\0\0\0WAVE{format}data\x40\x1f\0\0{}", "a".repeat(8_000))
}

impl TestServer {
    /// Starts a server that sends one response for each request.
    pub(crate) async fn start(responses: impl IntoIterator<Item = String>) -> Self {
        let responses = Mutex::new(responses.into_iter().collect::<VecDeque<_>>());
        Self::start_with(move |_| responses.lock().unwrap().pop_front()).await
    }

    /// Starts a server that sends the response to each request. With `None`, it closes the connection.
    pub(crate) async fn start_with(respond: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Requests::default();
        let (record, respond) = (Arc::clone(&requests), Arc::new(respond));
        let task = tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (record, respond) = (Arc::clone(&record), Arc::clone(&respond));
                tokio::spawn(serve(stream, move |request: String| {
                    let response = respond(&request);
                    record.lock().unwrap().push((connection, request));
                    response
                }));
            }
        });
        Self { url, requests, task }
    }

    /// Returns the texts of all requests, in lower case.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|(_, text)| text.to_ascii_lowercase()).collect()
    }

    /// Returns the number of the connection of each request.
    pub(crate) fn connections(&self) -> Vec<usize> {
        self.requests.lock().unwrap().iter().map(|(connection, _)| *connection).collect()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, respond: impl Fn(String) -> Option<String>) {
    while let Some(request) = read_request(&mut stream).await {
        let Some(response) = respond(request) else { return };
        let _ = stream.write_all(response.as_bytes()).await;
        if missing_bytes(&response) > 0 {
            let _ = stream.shutdown().await;
        }
    }
}

/// Returns the number of bytes of the body that are missing. `usize::MAX` before its start.
fn missing_bytes(message: &str) -> usize {
    let Some((head, body)) = message.split_once("\r\n\r\n") else { return usize::MAX };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.map_or(0_usize, |length| length.parse().unwrap()).saturating_sub(body.len())
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let (mut received, mut buffer) = (String::new(), [0; 4096]);
    while missing_bytes(&received) > 0 {
        let length = stream.read(&mut buffer).await.ok().filter(|length| *length > 0)?;
        received.push_str(str::from_utf8(&buffer[..length]).unwrap());
    }
    Some(received)
}
