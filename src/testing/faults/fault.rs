//! A fault that affects one request.

use std::{collections::BTreeMap, num::NonZeroUsize, time::Duration};

use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use serde::{Deserialize, Serialize, de::Error as _};

use super::{canned_response::CannedResponse, route::Route, seconds};

/// A fault that affects one request. A [`Script`](super::Script) selects the request.
///
/// In this example, the response to the submission is lost. The client must not submit again without
/// permission, because the submission was billed:
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
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
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
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
/// There are three kinds of faults:
///
/// - [`genuine`](Self::genuine) leaves the response unchanged. It is the start for the settings below.
/// - Some **replace the response**. The request is not processed, so a submission is neither accepted nor
///   billed, unless [`after_accepting`](Self::after_accepting) is set.
/// - The others **corrupt the response**. The request is processed, so a submission is accepted and billed.
///   The genuine response is corrupted before it is sent.
///
/// | fault | the client receives | a submission is billed |
/// |---|---|---|
/// | [`genuine`](Self::genuine) | the genuine response | yes |
/// | [`reset`](Self::reset) | a connection reset | if after accepting |
/// | [`close`](Self::close) | a closed connection without a response | if after accepting |
/// | [`never_answer`](Self::never_answer) | no response | if after accepting |
/// | [`crash`](Self::crash) | a closed connection; new ones are refused for a while | if after accepting |
/// | [`status`](Self::status) | this status, with JSON, HTML or no body | if after accepting |
/// | [`redirect`](Self::redirect) | a redirect to another URL | if after accepting |
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
/// Each fault can have these settings, in any combination:
///
/// | setting | effect |
/// |---|---|
/// | [`after_accepting`](Self::after_accepting) | the request is processed first |
/// | [`delay`](Self::delay), [`jitter`](Self::jitter) | the response is late |
/// | [`header`](Self::header) | the response has another header |
/// | [`chunked`](Self::chunked) | the response has no length |
/// | [`close_idle_after`](Self::close_idle_after) | the connection is closed when it is idle |
///
/// In JSON, a fault is an object. `response` names the fault and has its arguments. The settings are
/// optional, and times are in seconds:
///
/// ```
/// use distribute_ai::testing::Fault;
///
/// for json in [
///     r#"{ "response": "reset", "after_accepting": true }"#,
///     r#"{ "response": { "respond": { "status": 503, "retry_after": 2 } } }"#,
///     r#"{ "response": { "respond": { "status": 200, "body": { "html": "<h1>Welcome</h1>" } } } }"#,
///     r#"{ "response": { "slow_drip": { "bytes": 10, "every": 0.1 } }, "headers": { "via": "proxy" } }"#,
///     r#"{ "response": { "crash": 1.5 } }"#,
///     r#"{ "response": "genuine", "delay": 0.2, "jitter": 0.1, "chunked": true, "close_idle_after": 5 }"#,
/// ] {
///     serde_json::from_str::<Fault>(json)?;
/// }
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// For refused connections, see [`Simulator::down_for`](crate::testing::Simulator::down_for). For
/// the outcome of a task, see [`TaskOutcome`](super::TaskOutcome).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a fault does nothing outside a script"]
pub struct Fault {
    pub(crate) response: Kind,
    #[serde(default)]
    pub(crate) after_accepting: bool,
    #[serde(default, with = "seconds")]
    pub(crate) delay: Duration,
    #[serde(default, with = "seconds")]
    pub(crate) jitter: Duration,
    #[serde(default, deserialize_with = "valid_headers")]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) chunked: bool,
    #[serde(default, with = "seconds::optional")]
    pub(crate) close_idle_after: Option<Duration>,
}

/// The kind of a fault: the response that it leaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Genuine,
    // Replacements of the response.
    Reset,
    Close,
    /// An open connection without a response.
    NeverAnswer,
    Crash(#[serde(with = "seconds")] Duration),
    Respond(CannedResponse),
    // Changes of the genuine response.
    ResetMidResponse,
    CutShort,
    LongerThanAnnounced,
    SlowDrip {
        bytes: NonZeroUsize,
        #[serde(with = "seconds")]
        every: Duration,
    },
    TruncatedJson,
    WrongShape,
    UnknownFields,
    UnknownStatus,
    RangeRefused,
    RangeIgnored,
}

impl Kind {
    /// Returns `true` if the genuine response is not sent.
    pub(crate) fn replaces_response(&self) -> bool {
        matches!(self, Self::Reset | Self::Close | Self::NeverAnswer | Self::Crash(_) | Self::Respond(_))
    }
}

impl Fault {
    /// Leaves the response unchanged, for settings such as [`delay`](Self::delay).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::{Fault, Route, Script, Simulator};
    /// use std::time::Duration;
    ///
    /// let simulator = Simulator::start().await?;
    /// let slow = Fault::genuine().delay(Duration::from_millis(20)).header("via", "1.1 proxy");
    /// simulator.script(Route::Result, Script::always(slow));
    ///
    /// simulator.client().speak("Hello").await?;
    /// assert_eq!(simulator.faults(), simulator.polls());
    /// # Ok(()) }
    /// ```
    pub fn genuine() -> Self {
        Self::new(Kind::Genuine)
    }

    pub(crate) fn new(response: Kind) -> Self {
        Self {
            response,
            after_accepting: false,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            headers: BTreeMap::new(),
            chunked: false,
            close_idle_after: None,
        }
    }

    /// Processes the request before the fault occurs: the submission is accepted and billed, or the
    /// download is counted.
    ///
    /// Faults that do not replace the response always process the request first.
    pub fn after_accepting(mut self) -> Self {
        self.after_accepting = true;
        self
    }

    /// Waits before the response, on tokio's clock. The request is processed before the delay.
    ///
    /// A fault without a response, such as a reset, also occurs after the delay.
    pub fn delay(mut self, time: Duration) -> Self {
        self.delay = time;
        self
    }

    /// Adds a random time between zero and `time` to the [`delay`](Self::delay).
    ///
    /// The time follows from the [seed](crate::testing::SimulatorBuilder::seed) of the simulator, the
    /// route, the task and the number of the attempt. It does not depend on the order of the requests.
    pub fn jitter(mut self, time: Duration) -> Self {
        self.jitter = time;
        self
    }

    /// Sets a header of the response.
    ///
    /// # Panics
    ///
    /// Panics if the name or the value is invalid, or if the name is `connection`, `content-length` or
    /// `transfer-encoding`. Those describe how the simulator sends the response.
    #[track_caller]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        if let Err(problem) = check_header(&name, &value) {
            panic!("{problem}");
        }
        self.headers.insert(name, value);
        self
    }

    /// Sends the response in chunks, without `Content-Length`.
    ///
    /// It has no effect on [`reset_mid_response`](Self::reset_mid_response), [`cut_short`](Self::cut_short) and
    /// [`longer_than_announced`](Self::longer_than_announced), which need the length.
    pub fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// Closes the connection after the response, as soon as it is idle for this time on tokio's clock.
    ///
    /// The response does not announce it, so a client keeps the connection for its next request.
    pub fn close_idle_after(mut self, time: Duration) -> Self {
        self.close_idle_after = Some(time);
        self
    }

    /// Returns an error if the fault is unsupported for `route`.
    pub(crate) fn check_route(&self, route: Route) -> Result<(), String> {
        let fits = match &self.response {
            Kind::TruncatedJson | Kind::WrongShape | Kind::UnknownFields => route != Route::Audio,
            Kind::UnknownStatus => route == Route::Result,
            Kind::RangeRefused | Kind::RangeIgnored => route == Route::Audio,
            _ => true,
        };
        if fits {
            return Ok(());
        }
        Err(format!("fault: {:?} is unsupported for Route::{route:?}", self.response))
    }
}

fn check_header(name: &str, value: &str) -> Result<(), String> {
    let parsed = name.parse::<HeaderName>().map_err(|_| format!("header: {name:?} is not a valid name"))?;
    if [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&parsed) {
        return Err(format!("header: {name} cannot be set, because it describes how the response is sent"));
    }
    HeaderValue::from_str(value).map_err(|_| format!("header: {value:?} is not a valid value of {name}"))?;
    Ok(())
}

fn valid_headers<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let headers = BTreeMap::<String, String>::deserialize(deserializer)?;
    headers.iter().try_for_each(|(name, value)| check_header(name, value)).map_err(D::Error::custom)?;
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn fault_with_invalid_arguments_panics() {
        for status in [0, 100, 199, 200, 1000] {
            assert!(catch_unwind(|| Fault::status(status)).is_err(), "{status}");
        }
        assert!(catch_unwind(|| Fault::slow_drip(0, Duration::ZERO)).is_err());
        assert!(catch_unwind(|| Fault::reset().html("")).is_err());
        assert!(catch_unwind(|| Fault::truncated_json().retry_after(Duration::ZERO)).is_err());
        for (name, value) in [("a b", "c"), ("a", "b\nc"), ("Content-Length", "7"), ("connection", "close")] {
            assert!(catch_unwind(|| Fault::genuine().header(name, value)).is_err(), "{name}");
        }
        assert!(catch_unwind(|| Fault::redirect(200, "/")).is_err());
    }

    #[test]
    fn fault_on_unsupported_route_is_rejected() {
        for (fault, route) in [
            (Fault::truncated_json(), Route::Audio),
            (Fault::unknown_status(), Route::Create),
            (Fault::range_ignored(), Route::Result),
        ] {
            assert!(fault.check_route(route).is_err(), "{fault:?}");
        }
        for route in [Route::Create, Route::Result, Route::Audio] {
            assert_eq!(Fault::reset().check_route(route), Ok(()));
            assert_eq!(Fault::cut_short().check_route(route), Ok(()));
        }
    }

    #[test]
    fn fault_keeps_every_setting_in_json() {
        let respond = Fault::status(429)
            .html("<h1>Slow down</h1>")
            .retry_after(Duration::from_millis(1500))
            .header("via", "proxy")
            .delay(Duration::from_millis(250))
            .jitter(Duration::from_secs(1))
            .close_idle_after(Duration::ZERO)
            .chunked();
        for fault in [
            respond,
            Fault::reset().after_accepting(),
            Fault::crash(Duration::from_secs(3)),
            Fault::slow_drip(7, Duration::from_millis(100)),
            Fault::redirect(307, "https://example.com/"),
            Fault::status(500).json("{}"),
            Fault::status(500).no_body(),
        ] {
            let json = serde_json::to_string(&fault).unwrap();
            assert_eq!(serde_json::from_str::<Fault>(&json).unwrap(), fault, "{json}");
        }
    }

    #[test]
    fn fault_with_invalid_json_is_rejected() {
        for json in [
            "{}",
            r#"{"response":"nothing"}"#,
            r#"{"response":"reset","delays":1}"#,
            r#"{"response":"reset","delay":-1}"#,
            r#"{"response":"genuine","headers":{"content-length":"1"}}"#,
            r#"{"response":{"slow_drip":{"bytes":0,"every":1}}}"#,
            r#"{"response":{"respond":{"status":199}}}"#,
            r#"{"response":{"respond":{"status":500,"code":1}}}"#,
        ] {
            assert!(serde_json::from_str::<Fault>(json).is_err(), "{json}");
        }
    }
}
