//! A request that the simulator received, and its response.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::{
    fault::Fault,
    route::{Host, Route},
    seconds,
};
use crate::{TaskId, types::SpeechRequest};

/// A request that the simulator received, and its response.
///
/// [`Simulator::received`](crate::testing::Simulator::received) returns the requests, and
/// [`Script::when`](super::Script::when) selects one before its response.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::{testing::Simulator, types::Voice};
///
/// let simulator = Simulator::start().await?;
/// simulator.client().speak("Hello").voice("nora").temperature(0.5).submit().await?;
///
/// let received = simulator.received();
/// let request = received[0].speech_request().expect("the first request is a submission");
/// assert_eq!(request.voice, Some(Voice::from("nora")));
/// assert_eq!(request.temperature, Some(0.5.try_into()?));
/// assert_eq!(received[0].status, Some(200));
/// # Ok(()) }
/// ```
///
/// A path, body, text, task id or reason of more than 64 KiB is cut. No valid request has one.
///
/// In JSON, an object has the same names, and `at` is in seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// The host that received the request.
    pub host: Host,
    /// The route, or `None` for any other path and for a `HEAD` request of audio.
    pub route: Option<Route>,
    /// The HTTP method, such as `POST`.
    pub method: String,
    /// The path and the query.
    pub path: String,
    /// The headers in order, with names in lower case. The value of the API key header, and the key anywhere
    /// else in the request, is replaced by `[redacted]`.
    pub headers: Vec<(String, String)>,
    /// The body as text. Invalid UTF-8 is replaced by U+FFFD. A body of more than 1 MiB is left out.
    pub body: String,
    /// The text of the submission, or of the task that the poll or download asks for.
    pub text: Option<String>,
    /// The task that the request asks for, or that the submission created.
    #[serde(serialize_with = "any_id")]
    pub task: Option<TaskId>,
    /// The number of this request among those of the same route and the same task, from 1. Submissions
    /// count by their text.
    pub attempt: u64,
    /// The time of arrival since the start of the simulator, on tokio's clock.
    #[serde(with = "seconds")]
    pub at: Duration,
    /// The fault that a script injected.
    pub fault: Option<Fault>,
    /// The status of the response. `None` before the response, and if the fault left none.
    pub status: Option<u16>,
    /// The reason why the simulator refused the request: its `message`. Faults, the rate limit, and
    /// other responses that the test asked for leave it empty.
    pub refused: Option<String>,
}

impl ReceivedRequest {
    /// Returns the value of a header. The name is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Returns the body of a submission. `None` for other requests and for an invalid body.
    #[must_use]
    pub fn speech_request(&self) -> Option<SpeechRequest> {
        (self.route == Some(Route::Create)).then(|| serde_json::from_str(&self.body).ok()).flatten()
    }
}

/// Writes an id unchanged. An invalid request can have an id that [`TaskId`] does not write, such as an empty one.
#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
fn any_id<S: Serializer>(task: &Option<TaskId>, serializer: S) -> Result<S::Ok, S::Error> {
    task.as_ref().map(TaskId::as_str).serialize(serializer)
}
