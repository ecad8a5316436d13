use std::time::Duration;

use super::{InPieces, Speech, SpeechTask, runtime::Runtime};
use crate::{Client, Error, TaskId, batch::IntoSpeak, types::Voice};

/// A speech request. Nothing is sent until you call [`wait`](Self::wait) or [`submit`](Self::submit).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// let speech = client.speak("Good morning.").voice("nora").temperature(0.6).wait()?;
/// # Ok(()) }
/// ```
///
/// This type is the blocking counterpart of [`crate::Speak`], with the same defaults
/// and the same rules for retries.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `wait` or `submit` is called"]
pub struct Speak {
    speak: crate::Speak,
    runtime: Runtime,
}

impl Speak {
    pub(super) fn new(speak: crate::Speak, runtime: Runtime) -> Self {
        Self { speak, runtime }
    }

    /// Sets the voice: `"leo"`, `"nora"` or the id of a file that was uploaded as a voice.
    pub fn voice(self, voice: impl Into<Voice>) -> Self {
        self.with(|speak| speak.voice(voice))
    }

    /// Sets the API's `stream` flag, which is sent unchanged. The API does not document its effect.
    pub fn stream(self, stream: bool) -> Self {
        self.with(|speak| speak.stream(stream))
    }

    /// Sets the sampling temperature, from 0 to 1.
    pub fn temperature(self, temperature: f64) -> Self {
        self.with(|speak| speak.temperature(temperature))
    }

    /// Sets the strength of the expression, from 0 to 1.
    pub fn exaggeration(self, exaggeration: f64) -> Self {
        self.with(|speak| speak.exaggeration(exaggeration))
    }

    /// Sets the weight of the classifier-free guidance, from 0 to 1.
    pub fn cfg_weight(self, weight: f64) -> Self {
        self.with(|speak| speak.cfg_weight(weight))
    }

    /// Sets the time limit for the submission and the wait together.
    ///
    /// The time limit starts when `wait` or `submit` is called. See [`crate::Speak::deadline`].
    pub fn deadline(self, time: Duration) -> Self {
        self.with(|speak| speak.deadline(time))
    }

    /// Retries an in-doubt submission up to `times` times.
    ///
    /// **Each retry may be billed.** A submission is [in doubt](Error::is_in_doubt) if the server
    /// may have accepted it. See [`crate::Speak::resubmit_in_doubt`].
    pub fn resubmit_in_doubt(self, times: u32) -> Self {
        self.with(|speak| speak.resubmit_in_doubt(times))
    }

    /// Sets a callback that receives the task id as soon as the server has accepted the request.
    ///
    /// The callback runs before the wait. Use the callback to store the task id, in case the
    /// process ends during the wait.
    pub fn on_submitted(self, callback: impl Fn(&TaskId) + Send + Sync + 'static) -> Self {
        self.with(|speak| speak.on_submitted(callback))
    }

    /// Splits a text of any length into pieces that are spoken with these settings and joined in one file.
    ///
    /// See [`crate::Speak::in_pieces`].
    pub fn in_pieces(self) -> InPieces {
        InPieces::new(self.speak.in_pieces(), self.runtime)
    }

    /// Submits the request, and returns as soon as the server has accepted it.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::blocking::Simulator::start()?;
    /// # let client = simulator.client();
    /// let task = client.speak("Good morning.").submit()?;
    /// println!("{}", task.id());
    /// let speech = task.wait()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`crate::Speak::submit`]
    pub fn submit(self) -> Result<SpeechTask, Error> {
        let task = self.runtime.run(self.speak.submit())?;
        Ok(SpeechTask::new(task, self.runtime))
    }

    /// Submits the request, waits for the task and returns the speech.
    ///
    /// Equivalent to awaiting a [`crate::Speak`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`submit`](Self::submit), then those of [`SpeechTask::wait`].
    pub fn wait(self) -> Result<Speech, Error> {
        let speech = self.runtime.run(self.speak.into_future())?;
        Ok(Speech::new(speech, self.runtime))
    }

    fn with(mut self, setting: impl FnOnce(crate::Speak) -> crate::Speak) -> Self {
        self.speak = setting(self.speak);
        self
    }
}

/// Allows a `Speak` as a request of [`Client::batch`](super::Client::batch).
impl IntoSpeak for Speak {
    fn into_speak(self, _: &Client) -> crate::Speak {
        self.speak
    }
}
