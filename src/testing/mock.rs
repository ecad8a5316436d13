//! Typed [httpmock] mocks of both API operations, generated from the same spec as the client.
//!
//! Use the mocks to script each response yourself. The types of responses have `new` and setters, see
//! [`types`](crate::types). For a server that behaves like the API, use
//! [`Simulator`](super::Simulator).
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), distribute_ai::Error> {
//! use distribute_ai::{
//!     Client,
//!     testing::{httpmock::MockServer, mock::MockServerExt},
//!     types::TaskCreated,
//! };
//!
//! let server = MockServer::start();
//! let create = server.async_speech_create(|_when, then| {
//!     then.ok(&TaskCreated::new("task-1"));
//! });
//!
//! let client = Client::builder().api_key("any").base_url(server.base_url()).build()?;
//! let task = client.speak("Hello").submit().await?;
//! assert_eq!(task.id(), "task-1");
//! create.assert_calls(1);
//! # Ok(()) }
//! ```
//!
//! A submission whose id belongs to an unfinished task of the same client is
//! [in doubt](crate::Error::is_in_doubt), and the result of a poll must have the id of its task. If a test submits
//! several texts, return a new id for each request, and the requested id for each poll:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), distribute_ai::Error> {
//! use std::sync::atomic::{AtomicU32, Ordering};
//!
//! use distribute_ai::{
//!     Client,
//!     testing::{
//!         httpmock::{HttpMockResponse, MockServer},
//!         mock::MockServerExt,
//!     },
//! };
//! use serde_json::{Value, json};
//!
//! let respond = |body: Value| HttpMockResponse::builder().status(200).body(body.to_string()).build();
//! let server = MockServer::start();
//! let number = AtomicU32::new(0);
//! server.async_speech_create(move |_when, then| {
//!     then.into_inner().respond_with(move |_| {
//!         let number = number.fetch_add(1, Ordering::Relaxed);
//!         respond(json!({"id": format!("task-{number}")}))
//!     });
//! });
//! server.async_speech_result(move |_when, then| {
//!     then.into_inner().respond_with(move |request| {
//!         let query: Value = serde_json::from_slice(request.body_ref()).expect("a JSON body");
//!         let results = json!([{"url": "https://example.com/a.wav"}]);
//!         respond(json!({"id": query["id"], "status": "COMPLETED", "results": results}))
//!     });
//! });
//!
//! let client = Client::builder().api_key("any").base_url(server.base_url()).build()?;
//! let lines = ["One.", "Two."].into_iter().enumerate();
//! let mut results = client.batch(lines).run().await?;
//! while let Some((_, speech)) = results.next().await {
//!     assert!(speech?.id().as_str().starts_with("task-"));
//! }
//! # Ok(()) }
//! ```

#![allow(
    clippy::all,
    clippy::pedantic,
    missing_docs,
    missing_debug_implementations,
    reason = "generated code is reviewed through its input, the spec"
)]

include!(concat!(env!("OUT_DIR"), "/mock.rs"));
