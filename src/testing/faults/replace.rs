//! Faults that come instead of the answer.

use std::time::Duration;

use super::{
    canned_response::CannedResponse,
    fault::{Fault, Kind},
    retry_after::RetryAfterFormat,
};

/// What comes instead of the answer.
#[derive(Clone, Debug)]
pub(crate) enum Replacement {
    Reset,
    Silence,
    Crash(Duration),
    Response(CannedResponse),
}

/// Instead of the answer.
impl Fault {
    /// Resets the connection (a TCP `RST`) when the head of the request is read, and its body is not.
    ///
    /// With [`after_accepting`](Self::after_accepting) the request is read and carried out before.
    pub fn reset() -> Self {
        Self::replace_with(Replacement::Reset)
    }

    /// Reads the request and stays silent for as long as the client keeps the connection.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::{
    ///     Client,
    ///     testing::{Fault, Route, Script, Simulator},
    /// };
    /// use std::time::Duration;
    ///
    /// let simulator = Simulator::builder().script(Route::Create, Script::nth(1, Fault::never_answer())).start().await?;
    /// let (key, url) = (simulator.api_key(), simulator.base_url());
    /// let client = Client::builder().api_key(key).base_url(url).request_timeout(Duration::from_millis(200)).build()?;
    ///
    /// assert!(client.speak("Hello").await.unwrap_err().is_in_doubt());
    /// # Ok(()) }
    /// ```
    pub fn never_answer() -> Self {
        Self::replace_with(Replacement::Silence)
    }

    /// The host goes down with all its connections, as with [`Simulator::down_for`](super::Simulator::down_for), and
    /// comes up again after this time.
    pub fn crash(down: Duration) -> Self {
        Self::replace_with(Replacement::Crash(down))
    }

    /// Answers with this status. The body is `{"message": …}` with the status in words, unless [`json`](Self::json),
    /// [`html`](Self::html) or [`no_body`](Self::no_body) replaces it.
    ///
    /// ```
    /// use distribute_ai::testing::{Fault, RetryAfterFormat};
    /// use std::time::Duration;
    ///
    /// let _ = Fault::status(503).html("<h1>Back soon</h1>").retry_after(Duration::from_secs(2));
    /// let _ = Fault::status(429).retry_after(Duration::from_millis(50)).retry_after_format(RetryAfterFormat::Millis);
    /// ```
    ///
    /// # Panics
    ///
    /// For anything but 201 to 999: what is below is no final status, and 200 is no fault. A 200 that is none of the
    /// API's own is a [`web_page`](Self::web_page) or a [`wrong_shape`](Self::wrong_shape).
    #[track_caller]
    pub fn status(status: u16) -> Self {
        assert!((201..=999).contains(&status), "a fault has a status from 201 to 999, not {status}");
        Self::replace_with(Replacement::Response(CannedResponse::status(status)))
    }

    /// Answers 200 with a page in HTML, as the login page of a hotel does. [`html`](Self::html) and
    /// [`json`](Self::json) replace it.
    pub fn web_page() -> Self {
        Self::replace_with(Replacement::Response(
            CannedResponse::status(200).html("<html><h1>Welcome</h1></html>".into()),
        ))
    }

    /// The body of a [`status`](Self::status), as it is, announced as JSON.
    ///
    /// # Panics
    ///
    /// When this is neither a status nor a web page.
    #[track_caller]
    pub fn json(self, text: impl Into<String>) -> Self {
        self.edit_response(|reply| reply.json(text.into()))
    }

    /// The body of a [`status`](Self::status), as it is, announced as HTML.
    ///
    /// # Panics
    ///
    /// When this is neither a status nor a web page.
    #[track_caller]
    pub fn html(self, text: impl Into<String>) -> Self {
        self.edit_response(|reply| reply.html(text.into()))
    }

    /// A [`status`](Self::status) without a body.
    ///
    /// # Panics
    ///
    /// When this is neither a status nor a web page.
    #[track_caller]
    pub fn no_body(self) -> Self {
        self.edit_response(CannedResponse::no_body)
    }

    /// A [`status`](Self::status) that says when to come back: `Retry-After` in seconds, rounded up, unless the
    /// [`retry_after_format`](Self::retry_after_format) has another form. The simulator does not hold anybody to it.
    ///
    /// # Panics
    ///
    /// When this is neither a status nor a web page.
    #[track_caller]
    pub fn retry_after(self, time: Duration) -> Self {
        self.edit_response(|reply| reply.retry_after(time))
    }

    /// The form of the [`retry_after`](Self::retry_after) of a [`status`](Self::status).
    ///
    /// # Panics
    ///
    /// When this is neither a status nor a web page.
    #[track_caller]
    pub fn retry_after_format(self, hint: RetryAfterFormat) -> Self {
        self.edit_response(|reply| reply.retry_after_format(hint))
    }

    fn replace_with(instead: Replacement) -> Self {
        Self { kind: Kind::Replace(instead), accepts_first: false }
    }

    #[track_caller]
    fn edit_response(mut self, change: impl FnOnce(CannedResponse) -> CannedResponse) -> Self {
        let Kind::Replace(Replacement::Response(reply)) = self.kind else {
            panic!("only a status or a web page has a body and a hint, not {self:?}");
        };
        self.kind = Kind::Replace(Replacement::Response(change(reply)));
        self
    }
}
