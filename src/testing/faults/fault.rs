//! A fault that affects one request.

use std::time::Duration;

use super::{canned_response::CannedResponse, route::Route};

/// A fault that affects one request. A [`Script`](super::Script) selects the request.
///
/// In this example, the response to the submission is lost. The client must not submit again without
/// permission, because the submission was billed:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::{Fault, Route, Script, Simulator};
///
/// let simulator = Simulator::start().await?;
/// let lost_response = Fault::reset().after_accepting();
/// simulator.script(Route::Create, Script::nth(1, lost_response));
///
/// let error = simulator.client().speak("Hello").submit().await.unwrap_err();
///
/// assert!(error.is_in_doubt());
/// assert_eq!(simulator.spoken(), ["Hello"], "billed once");
/// # Ok(()) }
/// ```
///
/// Other faults corrupt the response. A client should survive all of them:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::{Fault, Route, Script, Simulator};
///
/// let simulator = Simulator::start().await?;
/// let faults = [
///     Fault::truncated_json(),
///     Fault::wrong_shape(),
///     Fault::unknown_fields(),
///     Fault::unknown_status(),
///     Fault::reset_mid_response(),
///     Fault::web_page(),
/// ];
/// simulator.script(Route::Result, Script::random(7, 0.5, faults));
/// let downloads = [Some(Fault::cut_short()), Some(Fault::range_ignored())];
/// simulator.script(Route::Audio, Script::steps(downloads));
///
/// let speech = simulator.client().speak("Hello").await?;
/// assert_eq!(speech.audio()?.bytes().await?, Simulator::audio_of("Hello"));
/// # Ok(()) }
/// ```
///
/// There are two kinds of faults:
///
/// - Some **replace the response**. The request is not processed, so a submission is neither accepted nor
///   billed, unless [`after_accepting`](Self::after_accepting) is set.
/// - The others **corrupt the response**. The request is processed, so a submission is accepted and billed.
///   The genuine response is corrupted before it is sent.
///
/// | fault | the client receives | a submission is billed |
/// |---|---|---|
/// | [`reset`](Self::reset) | a connection reset | if after accepting |
/// | [`never_answer`](Self::never_answer) | no response | if after accepting |
/// | [`crash`](Self::crash) | a closed connection; new ones are refused for a while | if after accepting |
/// | [`status`](Self::status) | this status, with JSON, HTML or no body | if after accepting |
/// | [`web_page`](Self::web_page) | 200 with HTML | if after accepting |
/// | [`reset_mid_response`](Self::reset_mid_response) | a part of the body, then a reset | yes |
/// | [`cut_short`](Self::cut_short) | half of the body, then a closed connection | yes |
/// | [`longer_than_announced`](Self::longer_than_announced) | more bytes than the head announces | yes |
/// | [`slow_drip`](Self::slow_drip) | the genuine response in small, delayed parts | yes |
/// | [`truncated_json`](Self::truncated_json) | 200 with half of the JSON | yes |
/// | [`wrong_shape`](Self::wrong_shape) | 200 with JSON of another structure | yes |
/// | [`unknown_fields`](Self::unknown_fields) | the genuine response with undocumented fields | yes |
/// | [`unknown_status`](Self::unknown_status) | an undocumented task status | (polls only) |
/// | [`range_refused`](Self::range_refused) | 416 if the request has a `Range` | (audio only) |
/// | [`range_ignored`](Self::range_ignored) | the whole audio instead of a part | (audio only) |
///
/// For refused connections, see [`Simulator::down_for`](crate::testing::Simulator::down_for). For
/// the outcome of a task, see [`TaskOutcome`](super::TaskOutcome).
#[derive(Clone, Debug)]
#[must_use = "a fault does nothing outside a script"]
pub struct Fault {
    pub(crate) kind: Kind,
    pub(crate) accepts_first: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Replace(Replacement),
    Corrupt(Corruption),
}

/// A replacement for the response.
#[derive(Clone, Debug)]
pub(crate) enum Replacement {
    Reset,
    /// An open connection without a response.
    Silence,
    Crash(Duration),
    Response(CannedResponse),
}

/// A change to the genuine response.
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

impl Fault {
    /// Processes the request before the fault occurs: the submission is accepted and billed, or the
    /// download is counted.
    ///
    /// Faults that corrupt the response always process the request first.
    pub fn after_accepting(mut self) -> Self {
        self.accepts_first = true;
        self
    }

    /// Checks that the fault is supported for `route`.
    ///
    /// # Panics
    ///
    /// Panics if the fault is unsupported.
    #[track_caller]
    pub(crate) fn assert_fits(&self, route: Route) {
        let fits = match &self.kind {
            Kind::Corrupt(Corruption::TruncatedJson | Corruption::WrongShape | Corruption::UnknownFields) => {
                route != Route::Audio
            }
            Kind::Corrupt(Corruption::UnknownStatus) => route == Route::Result,
            Kind::Corrupt(Corruption::RangeRefused | Corruption::RangeIgnored) => route == Route::Audio,
            _ => true,
        };
        assert!(fits, "fault: {:?} is unsupported for Route::{route:?}", self.kind);
    }
}

#[cfg(test)]
mod tests {
    use std::{panic::catch_unwind, time::Duration};

    use super::*;

    #[test]
    fn fault_with_invalid_arguments_panics() {
        for status in [0, 100, 199, 200, 1000] {
            assert!(catch_unwind(|| Fault::status(status)).is_err(), "{status}");
        }
        assert!(catch_unwind(|| Fault::slow_drip(0, Duration::ZERO)).is_err());
        assert!(catch_unwind(|| Fault::reset().html("")).is_err());
        assert!(catch_unwind(|| Fault::truncated_json().retry_after(Duration::ZERO)).is_err());
    }

    #[test]
    fn fault_on_unsupported_route_panics() {
        for (fault, route) in [
            (Fault::truncated_json(), Route::Audio),
            (Fault::unknown_status(), Route::Create),
            (Fault::range_ignored(), Route::Result),
        ] {
            let debug = format!("{fault:?}");
            assert!(catch_unwind(|| fault.assert_fits(route)).is_err(), "{debug}");
        }
        for route in [Route::Create, Route::Result, Route::Audio] {
            Fault::reset().assert_fits(route);
            Fault::cut_short().assert_fits(route);
        }
    }

    #[test]
    fn fault_size_is_at_most_96_bytes() {
        assert!(size_of::<Fault>() <= 96, "{}", size_of::<Fault>());
    }
}
