//! Faults that replace the response.

use std::time::Duration;

use super::{
    canned_response::{CannedBody, CannedResponse},
    fault::{Fault, Kind},
    retry_after::RetryAfterFormat,
};

/// Faults that replace the response.
impl Fault {
    /// Resets the connection (a TCP `RST`) after the request is read.
    pub fn reset() -> Self {
        Self::new(Kind::Reset)
    }

    /// Closes the connection cleanly (a TCP `FIN`) after the request is read, without a response.
    ///
    /// This is what a client sees if a server closes an idle connection while a request is on its way.
    pub fn close() -> Self {
        Self::new(Kind::Close)
    }

    /// Reads the request and never responds, for as long as the client keeps the connection open.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
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
        Self::new(Kind::NeverAnswer)
    }

    /// Takes the host down and closes all its connections, as
    /// [`Simulator::down_for`](crate::testing::Simulator::down_for) does. The host comes up again
    /// after `down`.
    pub fn crash(down: Duration) -> Self {
        Self::new(Kind::Crash(down))
    }

    /// Responds with this status.
    ///
    /// The body is `{"message": …}` with the reason phrase of the status, unless [`json`](Self::json),
    /// [`html`](Self::html) or [`no_body`](Self::no_body) replaces it. With 204, 205 and 304, HTTP allows no
    /// body, so none is sent.
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
        Self::new(Kind::Respond(CannedResponse::new(status)))
    }

    /// Responds with a redirect to `location`, a URL or a path.
    ///
    /// # Panics
    ///
    /// Panics if `status` is outside 300 to 399, or if `location` is not a valid header value.
    #[track_caller]
    pub fn redirect(status: u16, location: impl Into<String>) -> Self {
        assert!((300..=399).contains(&status), "status: {status} is out of range, expected 300 to 399");
        Self::status(status).header("location", location)
    }

    /// Responds with 200 and an HTML page, as the login page of a hotel Wi-Fi does.
    ///
    /// [`html`](Self::html) and [`json`](Self::json) replace the body.
    pub fn web_page() -> Self {
        Self::new(Kind::Respond(CannedResponse::new(200))).html("<html><h1>Welcome</h1></html>")
    }

    /// Sets the body of a [`status`](Self::status) to `text`, sent unchanged as JSON.
    ///
    /// # Panics
    ///
    /// Panics if the fault is neither a status nor a web page.
    #[track_caller]
    pub fn json(self, text: impl Into<String>) -> Self {
        self.edit_response(|response| response.body = CannedBody::Json(text.into()))
    }

    /// Sets the body of a [`status`](Self::status) to `text`, sent unchanged as HTML.
    ///
    /// # Panics
    ///
    /// Panics if the fault is neither a status nor a web page.
    #[track_caller]
    pub fn html(self, text: impl Into<String>) -> Self {
        self.edit_response(|response| response.body = CannedBody::Html(text.into()))
    }

    /// Removes the body of a [`status`](Self::status).
    ///
    /// # Panics
    ///
    /// Panics if the fault is neither a status nor a web page.
    #[track_caller]
    pub fn no_body(self) -> Self {
        self.edit_response(|response| response.body = CannedBody::None)
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
        self.edit_response(|response| response.retry_after = Some(time))
    }

    /// Sets the format of the [`retry_after`](Self::retry_after) of a [`status`](Self::status).
    ///
    /// # Panics
    ///
    /// Panics if the fault is neither a status nor a web page.
    #[track_caller]
    pub fn retry_after_format(self, format: RetryAfterFormat) -> Self {
        self.edit_response(|response| response.retry_after_format = format)
    }

    #[track_caller]
    fn edit_response(mut self, edit: impl FnOnce(&mut CannedResponse)) -> Self {
        let Kind::Respond(response) = &mut self.response else {
            panic!("fault: {self:?} has no body or headers, expected a status or a web page");
        };
        edit(response);
        self
    }
}
