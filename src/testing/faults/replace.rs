//! Faults that replace the response.

use std::time::Duration;

use super::{
    canned_response::CannedResponse,
    fault::{Fault, Kind, Replacement},
    retry_after::RetryAfterFormat,
};

/// Faults that replace the response.
impl Fault {
    /// Resets the connection (a TCP `RST`) after the head of the request is read, but before its body.
    ///
    /// With [`after_accepting`](Self::after_accepting), the whole request is read and processed first.
    pub fn reset() -> Self {
        Self::replace_with(Replacement::Reset)
    }

    /// Reads the request and never responds, for as long as the client keeps the connection open.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::{
    ///     Client,
    ///     testing::{Fault, Route, Script, Simulator},
    /// };
    /// use std::time::Duration;
    ///
    /// let silent = Script::nth(1, Fault::never_answer());
    /// let simulator = Simulator::builder().script(Route::Create, silent).start().await?;
    /// let client = Client::builder()
    ///     .api_key(simulator.api_key())
    ///     .base_url(simulator.base_url())
    ///     .request_timeout(Duration::from_millis(200))
    ///     .build()?;
    ///
    /// assert!(client.speak("Hello").await.unwrap_err().is_in_doubt());
    /// # Ok(()) }
    /// ```
    pub fn never_answer() -> Self {
        Self::replace_with(Replacement::Silence)
    }

    /// Takes the host down and closes all its connections, as
    /// [`Simulator::down_for`](crate::testing::Simulator::down_for) does. The host comes up again
    /// after `down`.
    pub fn crash(down: Duration) -> Self {
        Self::replace_with(Replacement::Crash(down))
    }

    /// Responds with this status.
    ///
    /// The body is `{"message": …}` with the reason phrase of the status, unless [`json`](Self::json),
    /// [`html`](Self::html) or [`no_body`](Self::no_body) replaces it.
    ///
    /// ```
    /// use distribute_ai::testing::{Fault, RetryAfterFormat};
    /// use std::time::Duration;
    ///
    /// let _ = Fault::status(503)
    ///     .html("<h1>Back soon</h1>")
    ///     .retry_after(Duration::from_secs(2));
    /// let _ = Fault::status(429)
    ///     .retry_after(Duration::from_millis(50))
    ///     .retry_after_format(RetryAfterFormat::Millis);
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if `status` is outside 201 to 999. A lower status is either an interim response, or
    /// 200, which is a success. For an unexpected 200, use [`web_page`](Self::web_page) or
    /// [`wrong_shape`](Self::wrong_shape).
    #[track_caller]
    pub fn status(status: u16) -> Self {
        assert!((201..=999).contains(&status), "status: {status} is out of range, expected 201 to 999");
        Self::replace_with(Replacement::Response(CannedResponse::status(status)))
    }

    /// Responds with 200 and an HTML page, as the login page of a hotel Wi-Fi does.
    ///
    /// [`html`](Self::html) and [`json`](Self::json) replace the body.
    pub fn web_page() -> Self {
        Self::replace_with(Replacement::Response(
            CannedResponse::status(200).html("<html><h1>Welcome</h1></html>".into()),
        ))
    }

    /// Sets the body of a [`status`](Self::status) to `text`, sent unchanged as JSON.
    ///
    /// # Panics
    ///
    /// Panics if the fault is neither a status nor a web page.
    #[track_caller]
    pub fn json(self, text: impl Into<String>) -> Self {
        self.edit_response(|response| response.json(text.into()))
    }

    /// Sets the body of a [`status`](Self::status) to `text`, sent unchanged as HTML.
    ///
    /// # Panics
    ///
    /// Panics if the fault is neither a status nor a web page.
    #[track_caller]
    pub fn html(self, text: impl Into<String>) -> Self {
        self.edit_response(|response| response.html(text.into()))
    }

    /// Removes the body of a [`status`](Self::status).
    ///
    /// # Panics
    ///
    /// Panics if the fault is neither a status nor a web page.
    #[track_caller]
    pub fn no_body(self) -> Self {
        self.edit_response(CannedResponse::no_body)
    }

    /// Adds `Retry-After` to a [`status`](Self::status), by default in seconds, rounded up.
    ///
    /// [`retry_after_format`](Self::retry_after_format) selects another format. The simulator does not
    /// enforce the pause.
    ///
    /// # Panics
    ///
    /// Panics if the fault is neither a status nor a web page.
    #[track_caller]
    pub fn retry_after(self, time: Duration) -> Self {
        self.edit_response(|response| response.retry_after(time))
    }

    /// Sets the format of the [`retry_after`](Self::retry_after) of a [`status`](Self::status).
    ///
    /// # Panics
    ///
    /// Panics if the fault is neither a status nor a web page.
    #[track_caller]
    pub fn retry_after_format(self, format: RetryAfterFormat) -> Self {
        self.edit_response(|response| response.retry_after_format(format))
    }

    fn replace_with(replacement: Replacement) -> Self {
        Self { kind: Kind::Replace(replacement), accepts_first: false }
    }

    #[track_caller]
    fn edit_response(mut self, edit: impl FnOnce(CannedResponse) -> CannedResponse) -> Self {
        let Kind::Replace(Replacement::Response(response)) = self.kind else {
            panic!("fault: {self:?} has no body or headers, expected a status or a web page");
        };
        self.kind = Kind::Replace(Replacement::Response(edit(response)));
        self
    }
}
