// The public surface of the generated client: names, signatures, derives and documentation, without code.
// `SURFACE=write cargo test --test it surface` updates this file, which shows a review what users will see.

pub use progenitor_client::{ByteStream, ClientInfo, Error, ResponseValue};
/// Types used as operation parameters and responses.
pub mod types {
    ///The body of an error response.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[non_exhaustive]
    pub struct ErrorBody {
        ///The reason, as text.
        pub message: ::std::string::String,
        #[serde(flatten)]
        pub extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    }
    #[cfg(feature = "testing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
    impl ErrorBody {
        ///Creates a value from its required properties. Setters add the others.
        #[must_use]
        pub fn new(message: impl ::std::convert::Into<::std::string::String>) -> Self {}
        ///Sets `extra`.
        #[must_use]
        pub fn extra(
            mut self,
            extra: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
        ) -> Self {}
    }
    ///An output of a task.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[non_exhaustive]
    pub struct SpeechOutput {
        ///The URL of the audio. It may be missing, even if the task is completed.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub url: ::std::option::Option<::std::string::String>,
    }
    #[cfg(feature = "testing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
    impl SpeechOutput {
        ///Creates a value without properties. Setters add them.
        #[must_use]
        pub fn new() -> Self {}
        ///Sets `url`.
        ///
        ///The URL of the audio. It may be missing, even if the task is completed.
        #[must_use]
        pub fn url(
            mut self,
            url: impl ::std::convert::Into<::std::string::String>,
        ) -> Self {}
    }
    ///A text to speak, and its settings.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    #[non_exhaustive]
    pub struct SpeechRequest {
        ///Default: 0.5, chosen by the server.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cfg_weight: ::std::option::Option<crate::generated::bounded::UnitInterval>,
        ///Default: 0.5, chosen by the server.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub exaggeration: ::std::option::Option<crate::generated::bounded::UnitInterval>,
        ///The text to speak.
        pub input: SpeechRequestInput,
        pub model: crate::generated::types::SpeechModel,
        ///Default: false, chosen by the server.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub stream: ::std::option::Option<bool>,
        ///Default: 0.8, chosen by the server.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub temperature: ::std::option::Option<crate::generated::bounded::UnitInterval>,
        ///One of default voices: leo, nora or a file_id with purpose voice. Default: leo, chosen by the server.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub voice: ::std::option::Option<Voice>,
    }
    impl SpeechRequest {
        ///Creates a value from its required properties. Setters add the others. `model` is `"Chatterbox"` unless set.
        #[must_use]
        pub fn new(input: SpeechRequestInput) -> Self {}
        ///Sets `cfg_weight`.
        ///
        ///Default: 0.5, chosen by the server.
        #[must_use]
        pub fn cfg_weight(
            mut self,
            cfg_weight: crate::generated::bounded::UnitInterval,
        ) -> Self {}
        ///Sets `exaggeration`.
        ///
        ///Default: 0.5, chosen by the server.
        #[must_use]
        pub fn exaggeration(
            mut self,
            exaggeration: crate::generated::bounded::UnitInterval,
        ) -> Self {}
        ///Sets `model`.
        #[must_use]
        pub fn model(mut self, model: crate::generated::types::SpeechModel) -> Self {}
        ///Sets `stream`.
        ///
        ///Default: false, chosen by the server.
        #[must_use]
        pub fn stream(mut self, stream: bool) -> Self {}
        ///Sets `temperature`.
        ///
        ///Default: 0.8, chosen by the server.
        #[must_use]
        pub fn temperature(
            mut self,
            temperature: crate::generated::bounded::UnitInterval,
        ) -> Self {}
        ///Sets `voice`.
        ///
        ///One of default voices: leo, nora or a file_id with purpose voice. Default: leo, chosen by the server.
        #[must_use]
        pub fn voice(mut self, voice: impl ::std::convert::Into<Voice>) -> Self {}
    }
    ///The text of a request.
    #[derive(::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
    #[serde(transparent)]
    ///
    ///Convert a text with `parse` or `try_into`, which check it.
    pub struct SpeechRequestInput(_);
    impl ::std::ops::Deref for SpeechRequestInput {}
    impl ::std::convert::From<SpeechRequestInput> for ::std::string::String {}
    impl ::std::str::FromStr for SpeechRequestInput {}
    impl ::std::convert::TryFrom<&str> for SpeechRequestInput {}
    impl ::std::convert::TryFrom<::std::string::String> for SpeechRequestInput {}
    impl<'de> ::serde::Deserialize<'de> for SpeechRequestInput {}
    ///The status of a task, and its outputs.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[non_exhaustive]
    pub struct SpeechResult {
        ///Seconds or milliseconds since the Unix epoch. The document does not name the unit.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub created: ::std::option::Option<f64>,
        ///Seconds or milliseconds since the Unix epoch. The document does not name the unit.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub finished: ::std::option::Option<f64>,
        ///The id of the task.
        pub id: ::std::string::String,
        ///The model that produces the speech.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub model: ::std::option::Option<::std::string::String>,
        ///The outputs. The list is empty until the task is completed.
        #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
        pub results: ::std::vec::Vec<SpeechOutput>,
        pub status: SpeechStatus,
    }
    #[cfg(feature = "testing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
    impl SpeechResult {
        ///Creates a value from its required properties. Setters add the others.
        #[must_use]
        pub fn new(
            id: impl ::std::convert::Into<::std::string::String>,
            status: impl ::std::convert::Into<SpeechStatus>,
        ) -> Self {}
        ///Sets `created`.
        ///
        ///Seconds or milliseconds since the Unix epoch. The document does not name the unit.
        #[must_use]
        pub fn created(mut self, created: f64) -> Self {}
        ///Sets `finished`.
        ///
        ///Seconds or milliseconds since the Unix epoch. The document does not name the unit.
        #[must_use]
        pub fn finished(mut self, finished: f64) -> Self {}
        ///Sets `model`.
        ///
        ///The model that produces the speech.
        #[must_use]
        pub fn model(
            mut self,
            model: impl ::std::convert::Into<::std::string::String>,
        ) -> Self {}
        ///Sets `results`.
        ///
        ///The outputs. The list is empty until the task is completed.
        #[must_use]
        pub fn results(
            mut self,
            results: impl ::std::convert::Into<::std::vec::Vec<SpeechOutput>>,
        ) -> Self {}
    }
    ///A known value, or another value that the server has added.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[serde(untagged)]
    #[non_exhaustive]
    pub enum SpeechStatus {
        Known(crate::generated::types::KnownStatus),
        Other(::std::string::String),
    }
    impl ::std::fmt::Display for SpeechStatus {}
    impl ::std::convert::From<crate::generated::types::KnownStatus> for SpeechStatus {}
    ///A task that the server has accepted.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[non_exhaustive]
    pub struct TaskCreated {
        ///The id of the task.
        pub id: ::std::string::String,
    }
    #[cfg(feature = "testing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
    impl TaskCreated {
        ///Creates a value from its properties.
        #[must_use]
        pub fn new(id: impl ::std::convert::Into<::std::string::String>) -> Self {}
    }
    ///The id of the task to poll.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    #[non_exhaustive]
    pub struct TaskQuery {
        ///Pattern: `^[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-4[a-fA-F0-9]{3}-[89abAB][a-fA-F0-9]{3}-[a-fA-F0-9]{12}$`, checked by the server.
        pub id: ::std::string::String,
    }
    impl TaskQuery {
        ///Creates a value from its properties.
        #[must_use]
        pub fn new(id: impl ::std::convert::Into<::std::string::String>) -> Self {}
    }
    ///One of default voices: leo, nora or a file_id with purpose voice.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[serde(untagged)]
    #[non_exhaustive]
    pub enum Voice {
        Known(crate::generated::types::KnownVoice),
        FileId(::std::string::String),
    }
    impl ::std::fmt::Display for Voice {}
    impl ::std::convert::From<crate::generated::types::KnownVoice> for Voice {}
    /// Error types.
    pub mod error {
        /// Error from a `TryFrom` or `FromStr` implementation.
        pub struct ConversionError(_);
        impl ::std::error::Error for ConversionError {}
        impl ::std::fmt::Display for ConversionError {}
        impl ::std::fmt::Debug for ConversionError {}
        impl From<&'static str> for ConversionError {}
        impl From<String> for ConversionError {}
    }
    ///The status of a task. These values are known; the server may add others.
    #[derive(
        ::serde::Deserialize,
        ::serde::Serialize,
        Clone,
        Copy,
        Debug,
        Eq,
        Hash,
        Ord,
        PartialEq,
        PartialOrd
    )]
    #[non_exhaustive]
    pub enum KnownStatus {
        #[serde(rename = "CREATED")]
        Created,
        #[serde(rename = "QUEUED")]
        Queued,
        #[serde(rename = "POSTPONED")]
        Postponed,
        #[serde(rename = "ASSIGNED_CONNECTIONS")]
        AssignedConnections,
        #[serde(rename = "PROCESSING")]
        Processing,
        #[serde(rename = "COMPLETED")]
        Completed,
        #[serde(rename = "ERROR")]
        Error,
    }
    impl ::std::fmt::Display for KnownStatus {}
    impl ::std::str::FromStr for KnownStatus {}
    impl ::std::convert::TryFrom<&str> for KnownStatus {}
    impl ::std::convert::TryFrom<::std::string::String> for KnownStatus {}
    ///The API's own voices. These values are known; the server may add others.
    #[derive(
        ::serde::Deserialize,
        ::serde::Serialize,
        Clone,
        Copy,
        Debug,
        Eq,
        Hash,
        Ord,
        PartialEq,
        PartialOrd
    )]
    #[non_exhaustive]
    pub enum KnownVoice {
        #[serde(rename = "leo")]
        Leo,
        #[serde(rename = "nora")]
        Nora,
    }
    impl ::std::fmt::Display for KnownVoice {}
    impl ::std::str::FromStr for KnownVoice {}
    impl ::std::convert::TryFrom<&str> for KnownVoice {}
    impl ::std::convert::TryFrom<::std::string::String> for KnownVoice {}
    ///The model that produces the speech.
    #[derive(
        ::serde::Deserialize,
        ::serde::Serialize,
        Clone,
        Copy,
        Debug,
        Eq,
        Hash,
        Ord,
        PartialEq,
        PartialOrd
    )]
    #[non_exhaustive]
    pub enum SpeechModel {
        #[serde(rename = "Chatterbox")]
        Chatterbox,
    }
    impl ::std::fmt::Display for SpeechModel {}
    impl ::std::str::FromStr for SpeechModel {}
    impl ::std::convert::TryFrom<&str> for SpeechModel {}
    impl ::std::convert::TryFrom<::std::string::String> for SpeechModel {}
    impl ::std::cmp::PartialEq<KnownStatus> for SpeechStatus {}
    impl ::std::cmp::PartialEq<SpeechStatus> for KnownStatus {}
    ///Compares the texts. Unlike a comparison with `Other`, the result stays the same when a later version knows the value.
    impl ::std::cmp::PartialEq<str> for SpeechStatus {}
    ///Compares the texts. Unlike a comparison with `Other`, the result stays the same when a later version knows the value.
    impl ::std::cmp::PartialEq<&str> for SpeechStatus {}
    ///Returns the known value with this text, or `Other` for any other text.
    impl ::std::convert::From<&str> for SpeechStatus {}
    ///Returns the known value with this text, or `Other` for any other text.
    impl ::std::convert::From<::std::string::String> for SpeechStatus {}
    impl ::std::cmp::PartialEq<KnownVoice> for Voice {}
    impl ::std::cmp::PartialEq<Voice> for KnownVoice {}
    ///Compares the texts. Unlike a comparison with `FileId`, the result stays the same when a later version knows the value.
    impl ::std::cmp::PartialEq<str> for Voice {}
    ///Compares the texts. Unlike a comparison with `FileId`, the result stays the same when a later version knows the value.
    impl ::std::cmp::PartialEq<&str> for Voice {}
    ///Returns the known value with this text, or `FileId` for any other text.
    impl ::std::convert::From<&str> for Voice {}
    ///Returns the known value with this text, or `FileId` for any other text.
    impl ::std::convert::From<::std::string::String> for Voice {}
}
#[derive(Clone)]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/ext/client/client.md"))]
pub struct Client {
    pub(crate) baseurl: _,
    pub(crate) client: _,
    pub(crate) inner: _,
}
#[doc(hidden)]
impl ClientInfo<crate::ext::ClientState> for Client {}
impl Client {
    /**Queue a new asynchronous speech generation task for background processing and later retrieval.

Sends a `POST` request to `/async/speech/create`

Arguments:
- `body`: The text to speak, and its settings.
*/
    pub async fn async_speech_create<'a>(
        &'a self,
        body: &'a types::SpeechRequest,
    ) -> Result<ResponseValue<types::TaskCreated>, Error<types::ErrorBody>> {}
    /**Retrieve an asynchronous speech task status or final result.

Sends a `POST` request to `/async/speech/result`

Arguments:
- `body`: The id of the task to poll.
*/
    pub async fn async_speech_result<'a>(
        &'a self,
        body: &'a types::TaskQuery,
    ) -> Result<ResponseValue<types::SpeechResult>, Error<types::ErrorBody>> {}
}
/// Items consumers will typically use such as the Client.
pub mod prelude {
    pub use super::Client;
}
/// Values of the document that the generator leaves out.
pub mod facts {}
/// Numbers with bounds, which the generator leaves out.
pub mod bounded {}
