//! A server on loopback with fixed responses.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use crate::support::page;

/// Returns the response for a path and the number of earlier requests for that path.
pub(crate) type Handler = fn(&str, usize) -> String;

/// The header of a response whose body is sent byte by byte, one in 50 ms.
pub(crate) const DRIP: &str = "x-drip: 1";

/// Starts a server that runs until the process ends, and returns its address.
pub(crate) fn serve(handler: Handler) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(Mutex::new(HashMap::<String, usize>::new()));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let requests = requests.clone();
            // One thread per connection, so that a slow page does not delay others.
            thread::spawn(move || {
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap_or(0);
                let text = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = text.split(' ').nth(1).unwrap_or_default();
                let earlier = {
                    let mut requests = requests.lock().unwrap();
                    let count = requests.entry(path.to_owned()).or_default();
                    *count += 1;
                    *count - 1
                };
                let response = handler(path, earlier);
                let body = response.find("\r\n\r\n").filter(|_| response.contains(DRIP));
                let (at_once, slowly) = response.split_at(body.unwrap_or(response.len()));
                let _ = stream.write_all(at_once.as_bytes());
                for byte in slowly.bytes() {
                    if stream.write_all(&[byte]).is_err() {
                        break;
                    }
                    thread::sleep(Duration::from_millis(50));
                }
            });
        }
    });
    address
}

/// Returns a response with the status line and headers, and an empty body.
pub(crate) fn status(line: &str) -> String {
    format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

pub(crate) fn redirect(to: &str) -> String {
    status(&format!("302 Found\r\nlocation: {to}"))
}

pub(crate) fn ok(body: &str) -> String {
    ok_with("connection: close", body)
}

pub(crate) fn ok_with(header: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n{header}\r\n\r\n{body}")
}

/// Returns the accepted page of a document, with another title, which is a change.
pub(crate) fn drifted_page(name: &str) -> String {
    accepted_page(name).replace("Distribute.AI API", "Distribute.AI Api")
}

/// Returns the accepted page of a document.
pub(crate) fn accepted_page(name: &str) -> String {
    ok(&page(match name {
        "speech-create" => include_str!("../openapi/upstream/speech-create.json"),
        _ => include_str!("../openapi/upstream/speech-result.json"),
    }))
}
