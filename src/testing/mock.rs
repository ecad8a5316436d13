//! Typed mocks of both operations for [httpmock], written by progenitor from the same document as the client.
//!
//! For replies that you script yourself, one by one; a server that behaves by itself is the
//! [`Simulator`](super::Simulator).
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), distribute_ai::Error> {
//! use distribute_ai::{
//!     Client,
//!     testing::{httpmock::MockServer, mock::MockServerExt},
//!     types::TaskCreated,
//! };
//!
//! let server = MockServer::start();
//! let create = server.async_speech_create(|_when, then| {
//!     then.ok(&TaskCreated { id: "task-1".into() });
//! });
//!
//! let client = Client::builder().api_key("any").base_url(server.base_url()).build()?;
//! let task = client.speak("Hello").submit().await?;
//! assert_eq!(task.id().as_str(), "task-1");
//! create.assert_calls(1);
//! # Ok(()) }
//! ```

#![allow(
    clippy::all,
    clippy::pedantic,
    missing_docs,
    missing_debug_implementations,
    reason = "generated code is judged by what it is generated from"
)]

include!(concat!(env!("OUT_DIR"), "/mock.rs"));
