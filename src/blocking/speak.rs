use std::time::Duration;

use super::{InPieces, Speech, SpeechTask, forward::forward, runtime::Runtime};
use crate::{Client, Error, TaskId, batch::IntoSpeak, store::RequestHash, types::Voice};

/// A speech request. Nothing is sent until you call [`run`](Self::run) or [`submit`](Self::submit).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// let speech = client.speak("Good morning.").voice("nora").temperature(0.6).run()?;
/// # Ok(()) }
/// ```
///
/// This type is the blocking counterpart of [`crate::Speak`], with the same defaults
/// and the same rules for retries.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `run` or `submit` is called"]
pub struct Speak {
    inner: crate::Speak,
    runtime: Runtime,
}

impl Speak {
    pub(super) fn new(inner: crate::Speak, runtime: Runtime) -> Self {
        Self { inner, runtime }
    }

    forward! {
        "crate::Speak";
        /// Sets the voice: `"leo"`, `"nora"` or the id of a file that was uploaded as a voice.
        set voice(voice: impl Into<Voice>);
        /// Sets the API's `stream` flag, which is sent unchanged. The API does not document its effect.
        set stream(stream: bool);
        /// Sets the sampling temperature, from 0 to 1.
        set temperature(temperature: f64);
        /// Sets the strength of the expression, from 0 to 1.
        set exaggeration(exaggeration: f64);
        /// Sets the weight of the classifier-free guidance, from 0 to 1.
        set cfg_weight(weight: f64);
        /// Sets the time limit for the submission and the wait together. It starts when `run` or `submit` is
        /// called.
        set deadline(time: Duration);
        /// Retries an in-doubt submission up to `times` times. **Each retry may be billed.**
        set resubmit_in_doubt(times: u32);
        /// Sets the number of the reading, for several speeches of the same text. The default is 0.
        set take(number: u32);
        /// Sets a label, by which a person finds the request in the store.
        set label(label: impl Into<String>);
        /// Speaks the text again if the store has its speech. **The text is billed again.**
        set redo();
        /// Sets a callback that receives the task id as soon as the server has accepted the request.
        set on_submitted(callback: impl Fn(&TaskId) + Send + Sync + 'static);
    }

    /// Splits a text of any length into pieces that are spoken with these settings and joined in one file.
    ///
    /// See [`crate::Speak::in_pieces`].
    pub fn in_pieces(self) -> InPieces {
        InPieces::new(self.inner.in_pieces(), self.runtime)
    }

    /// Returns the hash of the request, which identifies its entry in a store.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`crate::Speak::hash`].
    pub fn hash(&self) -> Result<RequestHash, Error> {
        self.inner.hash()
    }

    /// Submits the request, and returns as soon as the server has accepted it.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::blocking::Simulator::start()?;
    /// # let client = simulator.client();
    /// let task = client.speak("Good morning.").submit()?;
    /// println!("{}", task.id());
    /// let speech = task.wait().run()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`crate::Speak::submit`]
    pub fn submit(self) -> Result<SpeechTask, Error> {
        let task = self.runtime.run(self.inner.submit())?;
        Ok(SpeechTask::new(task, self.runtime))
    }

    /// Submits the request, waits for the task and returns the speech.
    ///
    /// Equivalent to awaiting a [`crate::Speak`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`submit`](Self::submit), then those of [`Wait`](super::Wait).
    pub fn run(self) -> Result<Speech, Error> {
        let speech = self.runtime.run(self.inner.into_future())?;
        Ok(Speech::new(speech, self.runtime))
    }
}

/// Allows a `Speak` as a request of [`Client::batch`](super::Client::batch).
impl IntoSpeak for Speak {
    fn into_speak(self, _: &Client) -> crate::Speak {
        self.inner
    }
}
