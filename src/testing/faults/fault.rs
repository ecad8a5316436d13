//! What goes wrong with one request.

use super::{corrupt::Corruption, replace::Replacement, route::Route};

/// What goes wrong with one request; a [`Script`](super::Script) says with which.
///
/// The reply to the create is lost. The client must not send it again in silence, as it was billed:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::{Fault, Route, Script, Simulator};
///
/// let simulator = Simulator::start().await?;
/// simulator.script(Route::Create, Script::nth(1, Fault::reset().after_accepting()));
///
/// let error = simulator.client().speak("Hello").submit().await.unwrap_err();
///
/// assert!(error.is_in_doubt());
/// assert_eq!(simulator.spoken(), ["Hello"], "billed once");
/// # Ok(()) }
/// ```
///
/// In the answer there is more to go wrong, and a client is to survive all of it:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::{Fault, Route, Script, Simulator};
///
/// let simulator = Simulator::start().await?;
/// let nuisances = [
///     Fault::truncated_json(),
///     Fault::wrong_shape(),
///     Fault::unknown_fields(),
///     Fault::unknown_status(),
///     Fault::reset_mid_response(),
///     Fault::web_page(),
/// ];
/// simulator.script(Route::Result, Script::random(7, 0.5, nuisances));
/// simulator.script(Route::Audio, Script::steps([Some(Fault::cut_short()), Some(Fault::range_ignored())]));
///
/// let speech = simulator.client().speak("Hello").await?;
/// assert_eq!(speech.audio()?.bytes().await?, Simulator::audio_of("Hello"));
/// # Ok(()) }
/// ```
///
/// There are two kinds. Some come **instead of the answer**: the request is not carried out, and a create is neither
/// accepted nor billed, unless [`after_accepting`](Self::after_accepting) says otherwise. The others come **in the
/// answer**: the request is carried out, a create is accepted and billed, and its true answer is spoiled on the way.
///
/// | fault | the client sees | a create is billed |
/// |---|---|---|
/// | [`reset`](Self::reset) | the connection is reset | if after accepting |
/// | [`never_answer`](Self::never_answer) | nothing | if after accepting |
/// | [`crash`](Self::crash) | the connection ends, and new ones are refused for a while | if after accepting |
/// | [`status`](Self::status) | this status, with JSON, HTML or no body | if after accepting |
/// | [`web_page`](Self::web_page) | 200 with HTML | if after accepting |
/// | [`reset_mid_response`](Self::reset_mid_response) | a part of the body, then a reset | yes |
/// | [`cut_short`](Self::cut_short) | half of the body, then the end of the connection | yes |
/// | [`longer_than_announced`](Self::longer_than_announced) | more bytes than the head says | yes |
/// | [`slow_drip`](Self::slow_drip) | the true answer, little by little | yes |
/// | [`truncated_json`](Self::truncated_json) | 200 with half of the JSON | yes |
/// | [`wrong_shape`](Self::wrong_shape) | 200 with JSON of another shape | yes |
/// | [`unknown_fields`](Self::unknown_fields) | the true answer, and fields that no document has | yes |
/// | [`unknown_status`](Self::unknown_status) | a task status that no document has | (polls only) |
/// | [`range_refused`](Self::range_refused), [`range_ignored`](Self::range_ignored) | 416; the whole audio again | (audio only) |
///
/// For connections that are refused see [`Simulator::down_for`](super::Simulator::down_for), for what becomes of a
/// task see [`TaskOutcome`](super::TaskOutcome).
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

impl Fault {
    /// It happens after the request was carried out: the create is accepted and billed, the download counted.
    ///
    /// What comes in the answer comes after that anyway.
    pub fn after_accepting(mut self) -> Self {
        self.accepts_first = true;
        self
    }

    /// # Panics
    ///
    /// When this cannot happen there.
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
        assert!(fits, "{:?} cannot happen to {route:?}", self.kind);
    }
}

#[cfg(test)]
mod tests {
    use std::{panic::catch_unwind, time::Duration};

    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        for status in [0, 100, 199, 200, 1000] {
            assert!(catch_unwind(|| Fault::status(status)).is_err(), "{status}");
        }
        assert!(catch_unwind(|| Fault::slow_drip(0, Duration::ZERO)).is_err());
        assert!(catch_unwind(|| Fault::reset().html("")).is_err());
        assert!(catch_unwind(|| Fault::truncated_json().retry_after(Duration::ZERO)).is_err());
    }

    #[test]
    fn a_fault_is_refused_where_it_cannot_happen() {
        for (fault, route) in [
            (Fault::truncated_json(), Route::Audio),
            (Fault::unknown_status(), Route::Create),
            (Fault::range_ignored(), Route::Result),
        ] {
            let shown = format!("{fault:?}");
            assert!(catch_unwind(|| fault.assert_fits(route)).is_err(), "{shown}");
        }
        for route in [Route::Create, Route::Result, Route::Audio] {
            Fault::reset().assert_fits(route);
            Fault::cut_short().assert_fits(route);
        }
    }

    #[test]
    fn a_fault_is_small() {
        assert!(size_of::<Fault>() <= 96, "{}", size_of::<Fault>());
    }
}
