#![doc = include_str!("guide/links.md")]
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

// `build.rs` generates the code in `generated` from `openapi/distribute-ai.json`.
#[cfg(feature = "blocking")]
#[cfg_attr(docsrs, doc(cfg(feature = "blocking")))]
pub mod blocking;
mod ext;
mod generated;
pub mod guide;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;

#[doc(hidden)]
pub use crate::ext::ClientState;
#[cfg(distribute_ai_fuzzing)]
pub use crate::ext::fuzzing;
pub use crate::ext::{
    Audio, AudioStream, Billed, ClientBuilder, Error, ErrorKind, OutOfBounds, Speak, Speech, SpeechTask,
    TaskId, Update, Updates, Wait,
};
pub use crate::generated::Client;
// The generated methods return these types.
pub use progenitor_client::{Error as ApiError, ResponseValue};
// Their types are in signatures. With these names, a program uses the same version as this crate.
pub use {bytes, reqwest};

/// Many speeches at once: the types of [`Client::batch`] and [`Client::batch_stream`].
pub mod batch {
    pub use crate::ext::{Batch, IntoSpeak, Progress, Results};
}

/// Long texts: the types of [`Speak::in_pieces`], and the functions [`split`](long_text::split()) and
/// [`is_heading`](long_text::is_heading).
pub mod long_text {
    pub use crate::ext::long_text::{
        Cue, InPieces, Narration, Piece, Pieces, Progress, Recording, is_heading, split,
    };
}

/// Poll policies, for [`ClientBuilder::pacing`]. A policy decides when a task is polled again.
///
/// [`Adaptive`](pacing::Adaptive) is the default. Implement [`Pacing`](pacing::Pacing) for your own policy.
pub mod pacing {
    pub use crate::ext::polling::{
        Adaptive, CompletedTask, Exponential, Fixed, FromFn, Pacing, Phase, Progress, from_fn,
    };
}

/// A store: a directory that records the state and the audio of each request. See [`Store`](store::Store).
pub mod store {
    pub use crate::ext::store::{
        Entries, Entry, EntryState, Plan, RequestHash, Settlement, Store, StoreSettings,
    };
}

/// Request and response types, generated from the API's OpenAPI document.
///
/// The methods of [`Client`] build and read these types for you. To use the types directly, call
/// the generated methods [`Client::async_speech_create`] and [`Client::async_speech_result`]. Each
/// call sends one request, without waiting and without retries, and returns [`ApiError`] on
/// failure:
///
/// ```no_run
/// use distribute_ai::{ApiError, Client, TaskId, types::SpeechRequest};
///
/// # async fn run(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
/// // A text or a number that the API limits is checked when it is converted.
/// let request = SpeechRequest::new("Hello".parse()?).voice("nora").temperature(0.7.try_into()?);
/// match client.async_speech_create(&request).await {
///     Ok(created) => {
///         // Not `parse`, which would refuse an id that is not a UUID: the task is billed.
///         let id = TaskId::new_unchecked(created.into_inner().id);
///         println!("task {id}");
///     }
///     Err(ApiError::ErrorResponse(error)) => println!("{}: {}", error.status(), error.message),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(()) }
/// ```
///
/// A status from 400 to 599 is an [`ApiError::ErrorResponse`] with the server's message. If the body has no message, the
/// message is the body, up to 2,000 characters. The other members of a JSON object of that size are in `extra`.
///
/// # Additions to the API
///
/// If the API adds an optional property, a value or a status, your code still compiles with the next version:
///
/// - Each struct is `#[non_exhaustive]`. Build a request with `new` and setters, and match with `..`.
/// - A new property does not change the arguments of `new`. The exception is a new required property of a request,
///   which raises the version.
/// - In tests, build a response in the same way. `new` and the setters of a response type need the feature `testing`.
/// - Each enum of known values is `#[non_exhaustive]`. [`SpeechStatus`](types::SpeechStatus) and
///   [`Voice`](types::Voice) also hold any other text. Compare them with a known value or with a text. Do not compare
///   with `SpeechStatus::Other`, because a later version may know the value.
///
/// ```
/// use distribute_ai::types::{KnownStatus, SpeechStatus};
///
/// let status = SpeechStatus::from("COMPLETED");
/// assert!(status == KnownStatus::Completed && status == "COMPLETED");
/// ```
///
/// # JSON Schemas
///
/// With the feature `schemars`, each type implements `schemars::JsonSchema`. The schema equals the
/// schema in the API's OpenAPI document, with the same bounds, lengths, patterns, enum values and
/// defaults. Use the schema to define a tool for an LLM, or in your own OpenAPI document.
///
#[cfg_attr(feature = "schemars", doc = "```")]
#[cfg_attr(not(feature = "schemars"), doc = "```ignore")]
/// let schema = schemars::schema_for!(distribute_ai::types::SpeechRequest);
///
/// assert_eq!(schema.pointer("/$defs/SpeechRequestInput/maxLength").unwrap(), 4096);
/// assert_eq!(schema.pointer("/properties/temperature/default").unwrap(), 0.8);
/// assert_eq!(schema.pointer("/$defs/UnitInterval/maximum").unwrap(), 1);
/// ```
///
/// A schema describes what the server accepts. The schema of [`TaskQuery`](types::TaskQuery) therefore has a
/// pattern for the id. The Rust type accepts any id, so that every id from the server can be sent.
pub mod types {
    pub use crate::generated::{bounded::*, types::*};
}
