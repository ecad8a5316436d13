//! The behaviour of the audio host.

use std::{borrow::Cow, time::Duration};

use hyper::header::HeaderValue;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::seconds;

/// The behaviour of the audio host, which differs between storage providers.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::{AudioHost, Simulator};
/// use std::time::Duration;
///
/// let host = AudioHost::new()
///     .signed_urls(Duration::from_secs(60))
///     .redirects(2)
///     .without_etag()
///     .without_ranges()
///     .media_type("application/octet-stream");
/// let simulator = Simulator::builder().audio_host(host).start().await?;
///
/// let speech = simulator.client().speak("Hello").await?;
/// assert_eq!(speech.audio()?.bytes().await?, Simulator::audio_of("Hello"));
/// # Ok(()) }
/// ```
///
/// In JSON, all members are optional, and times are in seconds: `{ "signed_urls": 60, "redirects": 2,
/// "etag": false, "ranges": false, "media_type": "application/octet-stream" }`.
///
/// # Default
///
/// - `signed_urls`: no signature, no expiry
/// - `redirects`: 0
/// - `etag`, `ranges`: yes
/// - `media_type`: `audio/wav`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use = "the settings do nothing until they are passed to a simulator"]
pub struct AudioHost {
    #[serde(with = "seconds::optional")]
    pub(crate) signed_urls: Option<Duration>,
    pub(crate) redirects: u32,
    pub(crate) etag: bool,
    pub(crate) ranges: bool,
    #[serde(deserialize_with = "valid_media_type")]
    pub(crate) media_type: Cow<'static, str>,
}

impl Default for AudioHost {
    fn default() -> Self {
        Self {
            signed_urls: None,
            redirects: 0,
            etag: true,
            ranges: true,
            media_type: Cow::Borrowed("audio/wav"),
        }
    }
}

impl AudioHost {
    /// Returns the [default](Self#default) behaviour.
    pub fn new() -> Self {
        Self::default()
    }

    /// Signs each URL in the result of a poll. It is valid for `lifetime` after the poll, on tokio's clock,
    /// rounded up to milliseconds. Then the host responds with 403 and XML, until a poll returns a new URL.
    ///
    /// An expired URL does not count as a refused request. A wrong signature does.
    pub fn signed_urls(mut self, lifetime: Duration) -> Self {
        self.signed_urls = Some(lifetime);
        self
    }

    /// Redirects each download `count` times (302) on the audio host. Only the last request counts as a
    /// download. A script of [`Route::Audio`](crate::testing::Route::Audio) counts each request, and a fault
    /// that cuts off or changes audio does not change a redirect.
    pub fn redirects(mut self, count: u32) -> Self {
        self.redirects = count;
        self
    }

    /// Sends no `ETag`. A range with `If-Range` then gets the whole audio.
    pub fn without_etag(mut self) -> Self {
        self.etag = false;
        self
    }

    /// Sends no `Accept-Ranges`, and ignores any `Range`.
    pub fn without_ranges(mut self) -> Self {
        self.ranges = false;
        self
    }

    /// Sets the `Content-Type` of the audio.
    ///
    /// # Panics
    ///
    /// Panics if the value is not a valid header value.
    #[track_caller]
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        let media_type = media_type.into();
        if let Err(problem) = check(&media_type) {
            panic!("{problem}");
        }
        self.media_type = media_type.into();
        self
    }
}

fn check(media_type: &str) -> Result<(), String> {
    let valid = HeaderValue::from_str(media_type);
    valid.map(drop).map_err(|_| format!("media_type: {media_type:?} is not a valid header value"))
}

fn valid_media_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, str>, D::Error> {
    let media_type = String::deserialize(deserializer)?;
    check(&media_type).map_err(D::Error::custom)?;
    Ok(media_type.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_host_json_is_checked_and_defaults_to_new() {
        assert_eq!(serde_json::from_str::<AudioHost>("{}").unwrap(), AudioHost::new());
        let host = AudioHost::new().signed_urls(Duration::from_millis(1500)).without_etag();
        let json = serde_json::to_string(&host).unwrap();
        assert_eq!(serde_json::from_str::<AudioHost>(&json).unwrap(), host, "{json}");
        for json in [r#"{"media_type":"a\nb"}"#, r#"{"e_tag":false}"#, r#"{"signed_urls":-1}"#] {
            assert!(serde_json::from_str::<AudioHost>(json).is_err(), "{json}");
        }
    }
}
