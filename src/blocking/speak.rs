use std::time::Duration;

use super::{InPieces, Speech, SpeechTask, runtime::Runtime};
use crate::{Client, Error, TaskId, batch::IntoSpeak, types::Voice};

/// A speech to be: what to say and how, until it is [waited for](Self::wait) or [submitted](Self::submit).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// let speech = client.speak("Good morning.").voice("nora").temperature(0.6).wait()?;
/// # Ok(()) }
/// ```
///
/// It is submitted at most once, as [`crate::Speak`] is, which also has the defaults.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `wait` or `submit`"]
pub struct Speak {
    speak: crate::Speak,
    runtime: Runtime,
}

impl Speak {
    pub(super) fn new(speak: crate::Speak, runtime: Runtime) -> Self {
        Self { speak, runtime }
    }

    /// One of the API's own voices, `"leo"` or `"nora"`, or else the id of a file uploaded as a voice.
    pub fn voice(self, voice: impl Into<Voice>) -> Self {
        self.with(|speak| speak.voice(voice))
    }

    /// The API's `stream` flag, passed on as it is. The document does not say what it changes.
    pub fn stream(self, stream: bool) -> Self {
        self.with(|speak| speak.stream(stream))
    }

    /// How much chance has a part in it, from 0 to 1.
    pub fn temperature(self, temperature: f64) -> Self {
        self.with(|speak| speak.temperature(temperature))
    }

    /// How strong the expression is, from 0 to 1.
    pub fn exaggeration(self, exaggeration: f64) -> Self {
        self.with(|speak| speak.exaggeration(exaggeration))
    }

    /// The weight of the classifier-free guidance, from 0 to 1.
    pub fn cfg_weight(self, weight: f64) -> Self {
        self.with(|speak| speak.cfg_weight(weight))
    }

    /// How long to go on, from the call on: submission and wait together. See [`crate::Speak::deadline`].
    pub fn deadline(self, time: Duration) -> Self {
        self.with(|speak| speak.deadline(time))
    }

    /// Sends it again when in doubt, up to so many times. **Each time may be billed**; see
    /// [`crate::Speak::resubmit_in_doubt`].
    pub fn resubmit_in_doubt(self, times: u32) -> Self {
        self.with(|speak| speak.resubmit_in_doubt(times))
    }

    /// Called with the id as soon as the server has taken the task, before the wait: the place to write it down, in case
    /// that the process ends meanwhile.
    pub fn on_submitted(self, callback: impl Fn(&TaskId) + Send + Sync + 'static) -> Self {
        self.with(|speak| speak.on_submitted(callback))
    }

    /// A text of any length, as one file; see [`crate::Speak::in_pieces`].
    pub fn in_pieces(self) -> InPieces {
        InPieces::new(self.speak.in_pieces(), self.runtime)
    }

    /// Submits, and returns as soon as the server has taken the task.
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
    /// Those of [`crate::Speak::submit`]; [`is_invalid`](Error::is_invalid) within an async runtime.
    pub fn submit(self) -> Result<SpeechTask, Error> {
        let task = self.runtime.run(self.speak.submit())?;
        Ok(SpeechTask::new(task, self.runtime))
    }

    /// Submits, waits, and returns the speech: what awaiting a [`crate::Speak`] does.
    ///
    /// # Errors
    ///
    /// Those of [`submit`](Self::submit) and then those of [`SpeechTask::wait`].
    pub fn wait(self) -> Result<Speech, Error> {
        let speech = self.runtime.run(self.speak.into_future())?;
        Ok(Speech::new(speech, self.runtime))
    }

    fn with(mut self, setting: impl FnOnce(crate::Speak) -> crate::Speak) -> Self {
        self.speak = setting(self.speak);
        self
    }
}

/// For [`Client::batch`](super::Client::batch).
impl IntoSpeak for Speak {
    fn into_speak(self, _: &Client) -> crate::Speak {
        self.speak
    }
}
