//! Faults that come in the answer.

use std::time::Duration;

use super::fault::{Fault, Kind};

/// What becomes of the true answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Corruption {
    ResetMidResponse,
    CutShort,
    LongerThanAnnounced,
    SlowDrip { bytes: usize, every: Duration },
    TruncatedJson,
    WrongShape,
    UnknownFields,
    UnknownStatus,
    RangeRefused,
    RangeIgnored,
}

/// In the answer.
impl Fault {
    /// Sends the head and up to half of the body, and resets the connection (a TCP `RST`).
    ///
    /// How much of it the client still gets to read is up to both systems, as after any reset.
    pub fn reset_mid_response() -> Self {
        Self::corrupt(Corruption::ResetMidResponse)
    }

    /// Announces the whole body, sends half of it, and closes the connection properly.
    pub fn cut_short() -> Self {
        Self::corrupt(Corruption::CutShort)
    }

    /// Sends 1,000 bytes more than announced.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::{Fault, Route, Script, Simulator};
    ///
    /// let simulator = Simulator::start().await?;
    /// simulator.script(Route::Audio, Script::always(Fault::longer_than_announced()));
    ///
    /// let speech = simulator.client().speak("Hello").await?;
    /// assert_eq!(speech.audio()?.bytes().await?, Simulator::audio_of("Hello"), "the rest is none of it");
    /// # Ok(()) }
    /// ```
    ///
    /// Behind a `Content-Length` they stand where the next reply on this connection would begin; the connection is
    /// closed after them. A part that was asked for by `Range` is sent without `Content-Length`, so that they are
    /// in the body and only its `Content-Range` is wrong.
    pub fn longer_than_announced() -> Self {
        Self::corrupt(Corruption::LongerThanAnnounced)
    }

    /// Sends the head at once and then as many bytes of the body at a time, with this pause before each, on tokio's
    /// clock.
    ///
    /// # Panics
    ///
    /// For 0 bytes at a time: see [`never_answer`](Self::never_answer).
    #[track_caller]
    pub fn slow_drip(bytes: usize, every: Duration) -> Self {
        assert!(bytes > 0, "a drip has at least 1 byte");
        Self::corrupt(Corruption::SlowDrip { bytes, every })
    }

    /// Half of the JSON, properly announced as if it were all. Not for audio.
    pub fn truncated_json() -> Self {
        Self::corrupt(Corruption::TruncatedJson)
    }

    /// The true answer wrapped in another object, `{"data": …}`: JSON, but nothing is where it should be. Not for
    /// audio.
    pub fn wrong_shape() -> Self {
        Self::corrupt(Corruption::WrongShape)
    }

    /// The true answer with one more field, in the object itself and in each of its results. Not for audio.
    ///
    /// No fault of the server's: a client should not mind.
    pub fn unknown_fields() -> Self {
        Self::corrupt(Corruption::UnknownFields)
    }

    /// The true answer with `A_NEW_STATUS` as the status of the task. For [`Route::Result`](super::Route::Result) only.
    ///
    /// A client should not take it for an end. See [`TaskOutcome::running_as`](super::TaskOutcome::running_as) for a task that
    /// shows it for as long as it runs.
    pub fn unknown_status() -> Self {
        Self::corrupt(Corruption::UnknownStatus)
    }

    /// Answers 416 to a `Range`, whatever it asks for. Requests without one are served. For [`Route::Audio`](super::Route::Audio) only.
    pub fn range_refused() -> Self {
        Self::corrupt(Corruption::RangeRefused)
    }

    /// Sends the whole audio, whatever the `Range`. For [`Route::Audio`](super::Route::Audio) only.
    pub fn range_ignored() -> Self {
        Self::corrupt(Corruption::RangeIgnored)
    }

    fn corrupt(spoil: Corruption) -> Self {
        Self { kind: Kind::Corrupt(spoil), accepts_first: true }
    }
}
