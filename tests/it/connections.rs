//! Connections that a server closes, and responses that a proxy changes.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpListener};

use crate::support::{Action, ID, ScriptedServer, builder, client, read_request, unique_id};

/// Starts a server that responds to the first request of each connection, and closes the connection when it receives a
/// second one: the moment at which a client reuses a connection that the server is closing.
async fn start_closing_server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answered = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&answered);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counter = Arc::clone(&counter);
            tokio::spawn(async move {
                if read_request(&mut stream).await.is_none() {
                    return;
                }
                let body = json!({"id": unique_id(counter.fetch_add(1, Ordering::Relaxed))}).to_string();
                let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(response.as_bytes()).await.unwrap();
                read_request(&mut stream).await;
            });
        }
    });
    (url, answered)
}

#[tokio::test]
async fn submit_does_not_use_a_connection_that_the_server_is_closing() {
    let (url, answered) = start_closing_server().await;
    let client = client(&url);
    for number in 1..=50 {
        client.speak("Hello").submit().await.unwrap();
        assert_eq!(answered.load(Ordering::Relaxed), number);
    }
}

#[tokio::test]
async fn submit_opens_a_connection_even_if_configured_to_keep_idle_ones() {
    let (url, _) = start_closing_server().await;
    let client = builder(&url).configure_http(|http| http.pool_max_idle_per_host(8)).build().unwrap();
    for _ in 0..5 {
        client.speak("Hello").submit().await.unwrap();
    }
}

#[tokio::test]
async fn submit_uses_open_connections_only_if_the_builder_allows_it() {
    let (url, answered) = start_closing_server().await;
    let client = builder(&url).reuse_submit_connections().build().unwrap();
    client.speak("Hello").submit().await.unwrap();
    assert!(client.speak("Hello").submit().await.unwrap_err().is_in_doubt());
    assert_eq!(answered.load(Ordering::Relaxed), 1);
}

fn encoded(encoding: &str, body: &[u8]) -> Action {
    let head = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    Action::SendRaw([head.as_bytes(), body].concat())
}

#[tokio::test]
async fn submit_asks_for_identity_and_reads_a_compressed_response() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(json!({"id": ID}).to_string().as_bytes()).unwrap();
    let server = ScriptedServer::start([encoded("gzip", &gzip.finish().unwrap())]).await;
    let task = client(&server.url).speak("Hello").submit().await.unwrap();
    assert_eq!(task.id(), ID);
    assert!(server.requests()[0].contains("accept-encoding: identity\r\n"), "{}", server.requests()[0]);
}

#[tokio::test]
async fn submit_response_in_unknown_encoding_is_in_doubt_and_names_it() {
    let server = ScriptedServer::start([encoded("br", b"\x0b\x02\x80hello\x03")]).await;
    let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
    assert!(error.is_in_doubt());
    assert!(format!("{error:?}").contains(r#"`Content-Encoding` \"br\" is not supported"#), "{error:?}");
    assert_eq!(server.requests().len(), 1);
}
