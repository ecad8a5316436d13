//! Typed [httpmock] mocks of both API operations, generated from the same spec as the client.
//!
//! Use the mocks to script each response yourself. For a server that behaves like the API, use
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
    reason = "generated code is reviewed through its input, the spec"
)]

include!(concat!(env!("OUT_DIR"), "/mock.rs"));
