//! Faults that corrupt the response.

use std::{num::NonZeroUsize, time::Duration};

use super::fault::{Fault, Kind};

/// Faults that corrupt the genuine response.
impl Fault {
    /// Sends the head and up to half of the body, then resets the connection (a TCP `RST`).
    ///
    /// The client may read less than was sent. After a reset, this depends on the operating systems
    /// of both sides.
    pub fn reset_mid_response() -> Self {
        Self::new(Kind::ResetMidResponse)
    }

    /// Announces the whole body, sends half of it, and closes the connection cleanly.
    pub fn cut_short() -> Self {
        Self::new(Kind::CutShort)
    }

    /// Sends 1,000 more bytes than the response announces.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::{Fault, Route, Script, Simulator};
    ///
    /// let simulator = Simulator::start().await?;
    /// simulator.script(Route::Audio, Script::always(Fault::longer_than_announced()));
    ///
    /// let speech = simulator.client().speak("Hello").await?;
    /// let audio = speech.audio()?.bytes().await?;
    /// assert_eq!(audio, Simulator::audio_of("Hello"), "the extra bytes are ignored");
    /// # Ok(()) }
    /// ```
    ///
    /// With `Content-Length`, the extra bytes arrive where the next response on the connection
    /// would begin. After the extra bytes, the connection is closed. The response to a `Range`
    /// request is sent without `Content-Length`: the extra bytes are then part of the body, and
    /// only `Content-Range` is wrong.
    pub fn longer_than_announced() -> Self {
        Self::new(Kind::LongerThanAnnounced)
    }

    /// Sends the head at once, then the body in parts of `bytes` bytes, pausing for `every` before each part.
    ///
    /// Pauses are measured on tokio's clock.
    ///
    /// # Panics
    ///
    /// Panics if `bytes` is 0; use [`never_answer`](Self::never_answer) instead.
    #[track_caller]
    pub fn slow_drip(bytes: usize, every: Duration) -> Self {
        let bytes = NonZeroUsize::new(bytes).expect("bytes: 0 is too small, expected at least 1");
        Self::new(Kind::SlowDrip { bytes, every })
    }

    /// Sends half of the JSON, with headers that announce the half as the whole body.
    ///
    /// Unsupported for [`Route::Audio`](super::Route::Audio).
    pub fn truncated_json() -> Self {
        Self::new(Kind::TruncatedJson)
    }

    /// Wraps the genuine response in another object, `{"data": …}`: valid JSON with an unexpected structure.
    ///
    /// Unsupported for [`Route::Audio`](super::Route::Audio).
    pub fn wrong_shape() -> Self {
        Self::new(Kind::WrongShape)
    }

    /// Adds a field to the genuine response: to the object itself and to each of its results.
    ///
    /// A client should ignore the fields, because an API may add fields at any time. Unsupported for
    /// [`Route::Audio`](super::Route::Audio).
    pub fn unknown_fields() -> Self {
        Self::new(Kind::UnknownFields)
    }

    /// Replaces the task status in the genuine response with `A_NEW_STATUS`.
    ///
    /// A client should not treat that status as final. For a task that reports an unknown status
    /// while it runs, see [`TaskOutcome::running_as`](super::TaskOutcome::running_as). Supported
    /// for [`Route::Result`](super::Route::Result) only.
    pub fn unknown_status() -> Self {
        Self::new(Kind::UnknownStatus)
    }

    /// Responds with 416 to every request that has a `Range`. Requests without a `Range` are served.
    ///
    /// Supported for [`Route::Audio`](super::Route::Audio) only.
    pub fn range_refused() -> Self {
        Self::new(Kind::RangeRefused)
    }

    /// Sends the whole audio and ignores any `Range`.
    ///
    /// Supported for [`Route::Audio`](super::Route::Audio) only.
    pub fn range_ignored() -> Self {
        Self::new(Kind::RangeIgnored)
    }
}
