// The public surface of the generated client: names, signatures, derives and documentation, without code.
// `SURFACE=write cargo test --test it surface` updates this file, which shows a review what users will see.

pub use progenitor_client::{ByteStream, ClientInfo, Error, ResponseValue};
/// Types used as operation parameters and responses.
pub mod types {
    ///What the server says of a request that it refuses.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    pub struct ErrorBody {
        ///Why, in its own words.
        pub message: ::std::string::String,
    }
    ///How far a task has come, in the words known today.
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
    ///The API's own voices, as known today.
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
    ///The model that speaks.
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
        Chatterbox,
    }
    impl ::std::fmt::Display for SpeechModel {}
    impl ::std::str::FromStr for SpeechModel {}
    impl ::std::convert::TryFrom<&str> for SpeechModel {}
    impl ::std::convert::TryFrom<::std::string::String> for SpeechModel {}
    ///What a task has brought.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
    pub struct SpeechOutput {
        ///Where the audio is. May be missing, also when the task is completed.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub url: ::std::option::Option<::std::string::String>,
    }
    ///Text to speak, and how.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    pub struct SpeechRequest {
        ///Default: 0.5, chosen by the server.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cfg_weight: ::std::option::Option<crate::generated::bounded::UnitInterval>,
        ///Default: 0.5, chosen by the server.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub exaggeration: ::std::option::Option<crate::generated::bounded::UnitInterval>,
        ///The text to speak.
        pub input: SpeechRequestInput,
        pub model: SpeechModel,
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
    ///The text to speak.
    #[derive(::serde::Serialize, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
    #[serde(transparent)]
    pub struct SpeechRequestInput(_);
    impl ::std::ops::Deref for SpeechRequestInput {}
    impl ::std::convert::From<SpeechRequestInput> for ::std::string::String {}
    impl ::std::str::FromStr for SpeechRequestInput {}
    impl ::std::convert::TryFrom<&str> for SpeechRequestInput {}
    impl ::std::convert::TryFrom<::std::string::String> for SpeechRequestInput {}
    impl<'de> ::serde::Deserialize<'de> for SpeechRequestInput {}
    ///How far a task has come, and what it has brought.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    pub struct SpeechResult {
        ///Seconds or milliseconds since the Unix epoch; the document names no unit.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub created: ::std::option::Option<f64>,
        ///Seconds or milliseconds since the Unix epoch; the document names no unit.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub finished: ::std::option::Option<f64>,
        ///The id of the task.
        pub id: ::std::string::String,
        ///The model that speaks.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub model: ::std::option::Option<::std::string::String>,
        ///What it has brought: nothing, until it is completed.
        #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
        pub results: ::std::vec::Vec<SpeechOutput>,
        pub status: SpeechStatus,
    }
    ///One of the values known today, or another that the server has learned since.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[serde(untagged)]
    #[non_exhaustive]
    pub enum SpeechStatus {
        Known(KnownStatus),
        Other(::std::string::String),
    }
    impl ::std::fmt::Display for SpeechStatus {}
    impl ::std::convert::From<KnownStatus> for SpeechStatus {}
    ///The task that the server has taken.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    pub struct TaskCreated {
        ///Its id, to ask for it by.
        pub id: ::std::string::String,
    }
    ///Which task to tell about.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    pub struct TaskQuery {
        ///Pattern: `^[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-4[a-fA-F0-9]{3}-[89abAB][a-fA-F0-9]{3}-[a-fA-F0-9]{12}$`, checked by the server.
        pub id: ::std::string::String,
    }
    ///One of default voices: leo, nora or a file_id with purpose voice.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
    #[serde(untagged)]
    #[non_exhaustive]
    pub enum Voice {
        Known(KnownVoice),
        FileId(::std::string::String),
    }
    impl ::std::fmt::Display for Voice {}
    impl ::std::convert::From<KnownVoice> for Voice {}
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
- `body`: The text to speak, and how to speak it.
*/
    pub async fn async_speech_create<'a>(
        &'a self,
        body: &'a types::SpeechRequest,
    ) -> Result<ResponseValue<types::TaskCreated>, Error<types::ErrorBody>> {}
    /**Retrieve an asynchronous speech task status or final result.

Sends a `POST` request to `/async/speech/result`

Arguments:
- `body`: The task to tell about, by the id that came with its creation.
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
