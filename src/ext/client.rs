use std::{fmt, sync::Arc, time::Duration};

use reqwest::header::HeaderValue;

use super::{Speak, SpeechTask, TaskId, cooldown::Cooldown, key::ApiKey, pacing::Pacing};
use crate::Client;

impl Client {
    /// Speaks a text of 2 to 4,096 characters; a longer one [in pieces](Speak::in_pieces).
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), distribute_ai::Error> {
    /// let client = distribute_ai::Client::from_env()?;
    /// let speech = client.speak("Hello from Rust.").voice("nora").await?;
    /// speech.save("hello.wav").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Nothing is sent until the [`Speak`] is awaited or [submitted](Speak::submit); the text is checked then.
    pub fn speak(&self, input: impl Into<String>) -> Speak {
        Speak::new(self.clone(), input.into())
    }

    /// Comes back to a task by its id, in this process or another. Sends nothing by itself.
    ///
    /// ```no_run
    /// # async fn run(client: distribute_ai::Client) -> Result<(), distribute_ai::Error> {
    /// let id = "1b671a64-40d5-491e-99b0-da01ff1f3341".parse()?;
    /// let speech = client.task(id).wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn task(&self, id: TaskId) -> SpeechTask {
        SpeechTask::resumed(self.clone(), id)
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner.0
    }

    /// Whether it is a clone of the other.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner.0, &other.inner.0)
    }
}

/// What a [`Client`] knows beside its address. It is opaque: [`Client::builder`] makes it.
#[derive(Clone)]
pub struct ClientState(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) key: ApiKey,
    /// None: the HTTP client says what it is.
    pub(crate) user_agent: Option<HeaderValue>,
    pub(crate) request_timeout: Duration,
    pub(crate) pacing: Arc<dyn Pacing>,
    /// The HTTP client is the user's, and nobody knows what it does about redirects.
    pub(crate) custom_http_client: bool,
    /// Fetches the audio, from hosts that are none of the API's.
    pub(crate) audio: reqwest::Client,
    pub(crate) cooldown: Cooldown,
}

impl ClientState {
    pub(crate) fn new(shared: Inner) -> Self {
        Self(Arc::new(shared))
    }
}

/// The address alone: the HTTP client would show its default headers.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base_url", &self.baseurl).finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("key", &self.0.key).finish_non_exhaustive()
    }
}
