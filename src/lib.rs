#![doc = include_str!("guide/links.md")]
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

// `generated` is written by `build.rs` from `openapi/distribute-ai.json`, everything else by hand.
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
#[cfg(fuzzing)]
pub use crate::ext::fuzzing;
pub use crate::ext::{
    Audio, AudioStream, ClientBuilder, Error, OutOfBounds, Speak, Speech, SpeechTask, TaskId, Update,
    Updates, Wait,
};
pub use crate::generated::Client;
// What the generated methods return.
pub use progenitor_client::{Error as ApiError, ResponseValue};

/// Many speeches at once: what [`Client::batch`] takes and gives.
pub mod batch {
    pub use crate::ext::{Batch, IntoRequests, IntoSpeak, Progress, Results};
    #[doc(hidden)]
    pub use crate::ext::{ByIterator, ByStream, Requests};
}

/// Texts longer than one request may hold: what [`Speak::in_pieces`] takes and gives, and how it splits.
pub mod long_text {
    pub use crate::ext::long_text::{InPieces, Narration, Piece, Pieces, Progress, split};
}

/// When to ask again: poll policies, for [`ClientBuilder::pacing`].
///
/// [`Adaptive`](pacing::Adaptive) is the default; [`Pacing`](pacing::Pacing) says what a policy of your own is.
pub mod pacing {
    pub use crate::ext::polling::{Adaptive, CompletedTask, Exponential, Fixed, Pacing, Phase, Progress};
}

/// What goes over the wire, generated from the API's documents.
///
/// The helpers of [`Client`] make and read these for you. For direct use they stand beside the generated methods,
/// [`Client::async_speech_create`] and [`Client::async_speech_result`]: one call is one request, without waiting and
/// without retries, and its error is [`ApiError`].
///
/// With the feature `schemars`, each is a `schemars::JsonSchema` that is equal to the API's document, with its bounds,
/// lengths, patterns, words and defaults: for the definition of an LLM's tool, or for a document of your own.
///
#[cfg_attr(feature = "schemars", doc = "```")]
#[cfg_attr(not(feature = "schemars"), doc = "```ignore")]
/// let schema = schemars::schema_for!(distribute_ai::types::SpeechRequest);
///
/// assert_eq!(schema.pointer("/properties/input/maxLength").unwrap(), 4096);
/// assert_eq!(schema.pointer("/properties/temperature/default").unwrap(), 0.8);
/// assert_eq!(schema.pointer("/$defs/UnitInterval/maximum").unwrap(), 1);
/// ```
///
/// A schema says what the server takes: a [`TaskQuery`](types::TaskQuery) has its pattern there, though the type takes
/// any id that came from the server.
pub mod types {
    pub use crate::generated::{bounded::*, types::*};
}
