use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    Client, Error, Speech, SpeechTask, TaskId, Wait,
    ext::{
        polling::progress::DEFAULT_DEADLINE,
        retry::{
            label::Label,
            submit::{Submission, send_once, submit},
        },
        speakable::is_speakable,
        speech::create::{OnSubmitted, Submitted, call_on_submitted, send_create, submit_once},
        store::{
            RequestHash, Store,
            facts::{Redo, Request},
            handle::EntryHandle,
        },
        transport::instant::saturating_add,
    },
    generated::facts,
    types::{SpeechRequest, UnitInterval, Voice},
};

/// A speech request. Nothing is sent until you await it or call [`submit`](Self::submit).
///
/// Awaiting it submits the text, waits for the task and returns the [`Speech`]. The example sets all options:
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::testing::Simulator::start().await?;
/// # let client = simulator.client();
/// use std::time::Duration;
///
/// let speech = client
///     .speak("Good morning.")
///     .voice("nora")
///     .stream(false)
///     .temperature(0.6)
///     .exaggeration(0.3)
///     .cfg_weight(0.4)
///     .deadline(Duration::from_secs(120))
///     .resubmit_in_doubt(0)
///     .on_submitted(|id| println!("task {id}"))
///     .await?;
/// # Ok(()) }
/// ```
///
/// By default, the request is sent again only in two cases. The library takes both to mean that the
/// server has not accepted it:
///
/// - No part of the request was written to a connection. There are up to four attempts, with pauses
///   of about two seconds in total. In a batch, attempts continue until the deadline.
/// - The server responded with 429. Retries continue until the deadline. With your own
///   [`http_client`](crate::ClientBuilder::http_client), a 429 ends the submission.
///
/// A 503 leaves the submission in doubt, even with `Retry-After`: proxies add that header to
/// failures that happen after the server has accepted the request.
///
/// A submission is [in doubt](Error::is_in_doubt) if the server may have accepted it, so it may be billed.
/// You decide whether to submit it again: after the error, or in advance with
/// [`resubmit_in_doubt`](Self::resubmit_in_doubt).
///
/// Dropping the future during the submission also leaves the submission in doubt, unless there is a
/// [store](crate::store::Store): the submission then finishes in the background. Dropping the
/// future later stops the wait but not the task. To keep the task id, use
/// [`on_submitted`](Self::on_submitted), or submit and wait in two steps.
///
/// # Default
///
/// An option that is not set is not sent, and the server chooses the value. The API documents these defaults:
/// - `voice`: `leo`
/// - `stream`: false
/// - `temperature`: 0.8
/// - `exaggeration`: 0.5
/// - `cfg_weight`: 0.5
///
/// The defaults of this library are:
/// - `deadline`: 10 minutes
/// - `resubmit_in_doubt`: 0 times
///
/// # Errors
///
/// Awaiting returns the errors of [`submit`](Self::submit), then those of [`Wait`].
#[doc = include_str!("as_future.md")]
#[derive(Clone)]
#[must_use = "nothing is sent until it is awaited or submitted"]
pub struct Speak {
    client: Client,
    input: String,
    voice: Option<Voice>,
    stream: Option<bool>,
    temperature: Option<f64>,
    exaggeration: Option<f64>,
    cfg_weight: Option<f64>,
    deadline: Duration,
    resubmissions: u32,
    on_submitted: Option<OnSubmitted>,
    take: u32,
    label: Option<String>,
    redo: Redo,
    failed_task: Option<TaskId>,
    /// The text is a piece of a longer one, which may be anything.
    is_piece: bool,
}

/// A validated speech request, without its client.
pub(crate) struct PreparedSpeech {
    pub(crate) request: Arc<SpeechRequest>,
    /// The time limit for the submission and the wait together.
    pub(crate) time_limit: Duration,
    pub(crate) resubmissions: u32,
    pub(crate) on_submitted: Option<OnSubmitted>,
    /// The entry in the store, if there is a store.
    pub(crate) entry: Option<EntryHandle>,
}

impl Client {
    /// Creates a speech request for a text of 2 to 4,096 characters. At least one of them must be neither white space
    /// nor invisible.
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
    /// Nothing is sent until the [`Speak`] is awaited or [submitted](Speak::submit). The text is validated
    /// then. For a longer text, use [`Speak::in_pieces`].
    pub fn speak(&self, input: impl Into<String>) -> Speak {
        Speak::new(self.clone(), input.into())
    }
}

impl Speak {
    pub(crate) fn new(client: Client, input: String) -> Self {
        Self {
            client,
            input,
            voice: None,
            stream: None,
            temperature: None,
            exaggeration: None,
            cfg_weight: None,
            deadline: DEFAULT_DEADLINE,
            resubmissions: 0,
            on_submitted: None,
            take: 0,
            label: None,
            redo: Redo::No,
            failed_task: None,
            is_piece: false,
        }
    }

    /// Sets the voice: `"leo"`, `"nora"` or the id of a file that was uploaded as a voice.
    pub fn voice(mut self, voice: impl Into<Voice>) -> Self {
        self.voice = Some(voice.into());
        self
    }

    /// Sets the API's `stream` flag, which is sent unchanged. The API does not document its effect.
    pub fn stream(mut self, stream: bool) -> Self {
        self.stream = Some(stream);
        self
    }

    /// Sets the sampling temperature, from 0 to 1.
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Sets the strength of the expression, from 0 to 1.
    pub fn exaggeration(mut self, exaggeration: f64) -> Self {
        self.exaggeration = Some(exaggeration);
        self
    }

    /// Sets the weight of the classifier-free guidance, from 0 to 1.
    pub fn cfg_weight(mut self, weight: f64) -> Self {
        self.cfg_weight = Some(weight);
        self
    }

    /// Sets the time limit for the submission and the wait together.
    ///
    /// The time limit starts when the request is awaited or submitted.
    ///
    /// The deadline does not cancel a submission in progress, because that would leave the
    /// submission in doubt. Therefore a call may end after the deadline, by at most the
    /// request timeout and two seconds. With a [store](crate::store::Store), the audio is downloaded to the store as well,
    /// until five seconds after the deadline at most. The submission also waits for the disk of the store, without a limit.
    #[doc(alias = "timeout")]
    pub fn deadline(mut self, time: Duration) -> Self {
        self.deadline = time;
        self
    }

    /// Retries an in-doubt submission up to `times` times.
    ///
    /// **Each retry may be billed**: one request may cost up to `times` + 1 speeches. After a
    /// connection reset, a timeout, a truncated response or a 5xx status, the server may have
    /// accepted the submission. The result is the speech of the last submission; the task ids of
    /// the others are unknown. With 0, the default, a submission that the server may have accepted is not repeated.
    ///
    /// With a [store](crate::store::Store), attempts in doubt of earlier runs count too, and a request in doubt
    /// whose task id is known is not submitted again.
    pub fn resubmit_in_doubt(mut self, times: u32) -> Self {
        self.resubmissions = times;
        self
    }

    /// Sets a callback that receives the task id as soon as the server has accepted the request.
    ///
    /// The callback runs before the wait. With a [store](crate::store::Store), it runs also if the future is dropped
    /// during the submission, and it is not called for a task that an earlier call has submitted; see [`SpeechTask::id`]
    /// and [`Speech::id`](crate::Speech::id). Use the callback to store the task id, in case the process ends during the
    /// wait. If the callback panics, the panic is logged and the submission succeeds. With `panic = "abort"`, a panic ends
    /// the process and the task id may be lost.
    pub fn on_submitted(mut self, callback: impl Fn(&TaskId) + Send + Sync + 'static) -> Self {
        self.on_submitted = Some(Arc::new(callback));
        self
    }

    /// Sets the number of the take, for several speeches of the same text. The default is 0.
    ///
    /// With a [store](crate::store::Store), the same request returns the stored speech. Each take is a request of its own:
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let directory = tempfile::tempdir()?;
    /// let client = simulator.client_builder().store(directory.path()).build()?;
    /// for take in [0, 1, 0] {
    ///     client.speak("To be, or not to be.").take(take).await?;
    /// }
    /// assert_eq!(simulator.creates(), 2);
    /// # Ok(()) }
    /// ```
    ///
    /// Without a store, it is ignored.
    pub fn take(mut self, number: u32) -> Self {
        self.take = number;
        self
    }

    /// Sets a label, by which a person finds the request in the [store](crate::store::Store).
    ///
    /// It replaces the default label: the key in a batch, and `piece 1`, `piece 2` and so on in a long text. In a long text,
    /// all pieces then have the same label. The label is not part of the request. Without a store, it is ignored.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Speaks the text again if the [store](crate::store::Store) has its speech. **The text is billed again.**
    ///
    /// When the new speech is finished, it replaces the one in the store. Meanwhile, later requests wait for the new speech.
    /// If the new submission is in doubt, they return an [`is_in_doubt`](Error::is_in_doubt) error. If the new speech fails
    /// or was not billed, the old speech stays. An unfinished task is not replaced: the request waits for it. Without a
    /// store, `redo` is ignored.
    ///
    /// Each finished run with `redo` is billed, also if the program was interrupted and runs again. A long text refuses `redo`
    /// with an [`is_invalid`](Error::is_invalid) error. Use [`InPieces::redo`](crate::long_text::InPieces::redo), which speaks a
    /// piece again once for each complete file.
    pub fn redo(mut self) -> Self {
        self.redo = Redo::Yes;
        self
    }

    /// Returns the hash of the request, which identifies its entry in a [store](crate::store::Store).
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): the text or an option is invalid, as for [`submit`](Self::submit)
    pub fn hash(&self) -> Result<RequestHash, Error> {
        Ok(self.hash_of(&self.to_request()?))
    }

    /// Submits the request, and returns as soon as the server has accepted it.
    ///
    /// ```no_run
    /// # async fn run(client: distribute_ai::Client) -> Result<(), distribute_ai::Error> {
    /// let task = client.speak("Good morning.").submit().await?;
    /// println!("{}", task.id());
    /// let speech = task.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): a text of 1 or 4,097 characters, a text of white space and
    ///   invisible characters only, a task id as the text, or a temperature of 7. Nothing was sent.
    /// - [`is_unreachable`](Error::is_unreachable): the host refused four connections. The submission was not billed.
    /// - [`is_unauthorized`](Error::is_unauthorized): the server responded with 401 or 403. Nothing was billed.
    /// - [`is_rejected`](Error::is_rejected): the server responded with another 4xx status, such as 400, and without a
    ///   task id. Nothing was billed.
    /// - [`is_rate_limited`](Error::is_rate_limited): the server responded with 429, or to an earlier request
    ///   with 429 or 503 and `Retry-After`, and the pause ends after the deadline. With your own
    ///   [`http_client`](crate::ClientBuilder::http_client), at the first 429. Nothing was billed.
    /// - [`is_in_doubt`](Error::is_in_doubt): the request was sent, and no conclusive response arrived. The connection
    ///   was reset, the request timed out, the response cannot be read, or its status is 408, 499, 5xx or a redirect
    ///   (but 307 and 308 are rejections). The submission may have been billed.
    ///
    /// With a [store](crate::store::Store) also:
    ///
    /// - [`is_io`](Error::is_io): the disk is full, so nothing was sent. If the entry cannot be read, an earlier submission
    ///   may have been billed.
    /// - [`is_deadline`](Error::is_deadline): another call is submitting the same request until the deadline.
    pub async fn submit(self) -> Result<SpeechTask, Error> {
        let prepared = self.prepare(self.client.store())?;
        let PreparedSpeech { request, time_limit, resubmissions, on_submitted, entry } = prepared;
        let client = self.client;
        let characters = request.input.chars().count();
        let label = Label::Request(Arc::clone(&request));
        let deadline = saturating_add(Instant::now(), time_limit);
        let submission = Submission::new(label.clone(), deadline, resubmissions);
        let task = match entry {
            None => {
                let send = async || Ok(send_once(send_create(&client, &request), &label).await?);
                let id = submit(&client.inner().cooldown, submission, send).await?;
                if let Some(callback) = on_submitted {
                    call_on_submitted(&*callback, &id);
                }
                SpeechTask::submitted(client, id)
            }
            Some(entry) => {
                let submitted =
                    submit_once(&client, request, time_limit, submission, on_submitted, &entry).await;
                match submitted.map_err(|error| entry.explain(error))? {
                    Submitted::Now(id) => SpeechTask::submitted(client, id).with_entry(entry),
                    Submitted::Before(id) => return Ok(SpeechTask::resumed(client, id).with_entry(entry)),
                }
            }
        };
        Ok(task.with_characters(characters))
    }

    /// Sets the label, unless the user has set one.
    pub(crate) fn or_label(self, label: &str) -> Self {
        let label = self.label.or_else(|| Some(label.to_owned()));
        Self { label, ..self }
    }

    /// Returns the length of the text.
    pub(crate) fn characters(&self) -> usize {
        self.input.chars().count()
    }

    pub(crate) fn take_text(&mut self) -> String {
        std::mem::take(&mut self.input)
    }

    /// Returns a request with the same settings for another text.
    pub(crate) fn piece(&self, text: &str) -> Self {
        Self { input: text.to_owned(), is_piece: true, ..self.clone() }
    }

    /// Returns `true` if a finished speech is spoken again.
    pub(crate) fn is_redone(&self) -> bool {
        self.redo != Redo::No
    }

    pub(crate) fn with_redo(self, redo: Redo) -> Self {
        Self { redo, ..self }
    }

    /// Returns the request that replaces a failed task. In a store, its speech may be finished: the server reports a task
    /// whose speech it has removed as failed.
    pub(crate) fn replacing(self, failed_task: Option<TaskId>) -> Self {
        Self { failed_task, ..self }
    }

    /// Returns the entry of the request in a store.
    pub(crate) fn to_entry(&self, store: &Store) -> Result<EntryHandle, Error> {
        Ok(self.entry_of(store, &self.to_request()?))
    }

    pub(crate) fn hash_of(&self, request: &SpeechRequest) -> RequestHash {
        RequestHash::of(&self.client.baseurl, request, self.take)
    }

    pub(crate) fn entry_of(&self, store: &Store, request: &SpeechRequest) -> EntryHandle {
        store.entry(Request {
            base_url: &self.client.baseurl,
            speech: request,
            take: self.take,
            label: self.label.clone(),
            resubmissions: self.resubmissions,
            redo: self.redo,
            failed_task: self.failed_task.clone(),
        })
    }

    /// Validates the request and separates it from its client.
    pub(crate) fn prepare(&self, store: Option<&Store>) -> Result<PreparedSpeech, Error> {
        let request = Arc::new(self.to_request()?);
        let entry = store.map(|store| self.entry_of(store, &request));
        Ok(PreparedSpeech {
            request,
            time_limit: self.deadline,
            resubmissions: self.resubmissions,
            on_submitted: self.on_submitted.clone(),
            entry,
        })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Validates the settings and builds the API request.
    pub(crate) fn to_request(&self) -> Result<SpeechRequest, Error> {
        let input = self.input.parse().map_err(|_| {
            let (length, limits) = (self.input.chars().count(), facts::INPUT_LENGTH);
            let (min, max) = (limits.start(), limits.end());
            let problem = if length < *min {
                format!("length {length} is too short, expected at least {min} characters")
            } else {
                format!("length {length} is too long, expected at most {max} characters; use `in_pieces` for a longer text")
            };
            Error::invalid("input", problem)
        })?;
        // A program that means to wait for a task would pay for the speech of its id.
        if !self.is_piece && TaskId::is_id(&self.input) {
            let problem = "is a task id, expected a text; to wait for the task, use `Client::task`";
            return Err(Error::invalid("input", problem));
        }
        if !is_speakable(&self.input) {
            let problem = "contains only white space and invisible characters, expected at least one other";
            return Err(Error::invalid("input", problem));
        }
        let mut request = SpeechRequest::new(input);
        request.cfg_weight = check_range("cfg_weight", self.cfg_weight)?;
        request.exaggeration = check_range("exaggeration", self.exaggeration)?;
        request.stream = self.stream;
        request.temperature = check_range("temperature", self.temperature)?;
        request.voice.clone_from(&self.voice);
        Ok(request)
    }
}

fn check_range(field: &'static str, value: Option<f64>) -> Result<Option<UnitInterval>, Error> {
    value.map(|value| UnitInterval::try_from(value).map_err(|limit| Error::invalid(field, limit))).transpose()
}

impl IntoFuture for Speak {
    type Output = Result<Speech, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (start, time_limit) = (Instant::now(), self.deadline);
            // The box frees the memory of the submission before the wait, which may take minutes.
            let task = Box::pin(self.submit()).await?;
            Wait::until(task, time_limit, saturating_add(start, time_limit)).await
        })
    }
}

/// Omits the text, which may be private.
impl fmt::Debug for Speak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speak")
            .field("characters", &self.characters())
            .field("voice", &self.voice)
            .field("stream", &self.stream)
            .field("temperature", &self.temperature)
            .field("exaggeration", &self.exaggeration)
            .field("cfg_weight", &self.cfg_weight)
            .field("deadline", &self.deadline)
            .field("resubmit_in_doubt", &self.resubmissions)
            .field("take", &self.take)
            .field("label", &self.label)
            .field("redo", &self.is_redone())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_has_the_settings_and_an_invalid_one_is_named() {
        let client = Client::builder().api_key("k").build().unwrap();
        let valid = || client.speak("Hello.").temperature(0.25).exaggeration(0.5).cfg_weight(0.75);
        let request = valid().voice("nora").stream(true).to_request().unwrap();
        let expected = "{\"cfg_weight\":0.75,\"exaggeration\":0.5,\"input\":\"Hello.\",\"model\":\"Chatterbox\",\
            \"stream\":true,\"temperature\":0.25,\"voice\":\"nora\"}";
        assert_eq!(serde_json::to_string(&request).unwrap(), expected);
        client.speak("x".repeat(4096)).to_request().unwrap();
        for (speak, expected) in [
            (client.speak("x"), "input: length 1 is too short, expected at least 2 characters"),
            (
                client.speak("x".repeat(4097)),
                "input: length 4097 is too long, expected at most 4096 characters",
            ),
            (client.speak(" \n"), "input: contains only white space"),
            (client.speak("1b671a64-40d5-491e-99b0-da01ff1f3341"), "input: is a task id"),
            (valid().temperature(1.5), "temperature: "),
            (valid().exaggeration(-0.5), "exaggeration: "),
            (valid().cfg_weight(f64::NAN), "cfg_weight: "),
        ] {
            let error = speak.to_request().unwrap_err();
            assert!(error.is_invalid() && error.to_string().starts_with(expected), "{error}");
        }
    }
}
