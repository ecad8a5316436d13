use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use reqwest::{StatusCode, header::HeaderMap};
use tokio::time::Instant;

use crate::{
    Client, Error, Speech, SpeechTask, TaskId, Wait,
    ext::{
        polling::progress::DEFAULT_DEADLINE,
        retry::submit::{Submission, submit},
        transport::{
            failure::{Failure, into_result},
            instant::saturating_add,
        },
    },
    types::{SpeechModel, SpeechRequest, UnitInterval, Voice},
};

/// A speech to be: what to say and how, until it is awaited or [submitted](Self::submit).
///
/// Awaiting it submits, waits and returns the [`Speech`]. With everything that there is to set:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
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
/// It is submitted at most once. It is sent again only where the server has provably not taken it: nothing of it was
/// written to a connection (four attempts, with pauses of two seconds in all), or the server answered 429, or 503 with
/// `Retry-After` (until the deadline). Whatever may have reached it is [in doubt](Error::is_in_doubt) and left to you,
/// now or [beforehand](Self::resubmit_in_doubt). Dropping the future while it submits
/// leaves the same doubt; dropping it later stops the waiting, not the task: keep its id by
/// [`on_submitted`](Self::on_submitted), or submit and wait in two steps.
///
/// # Default
///
/// Whatever is not set is not sent; the server chooses. Its document of today says:
/// - `voice`: `leo`
/// - `stream`: false
/// - `temperature`: 0.8
/// - `exaggeration`: 0.5
/// - `cfg_weight`: 0.5
///
/// Our own:
/// - `deadline`: 10 minutes
/// - `resubmit_in_doubt`: 0 times
///
/// # Errors
///
/// When awaited, those of [`submit`](Self::submit) and then those of [`Wait`].
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
    on_submitted: Option<Callback>,
}

type Callback = Arc<dyn Fn(&TaskId) + Send + Sync>;

/// A speech to be, checked, without the client that it is of.
pub(crate) struct PreparedSpeech {
    pub(crate) request: Arc<SpeechRequest>,
    /// The time for submission and wait together.
    pub(crate) timeout: Duration,
    pub(crate) resubmissions: u32,
    pub(crate) on_submitted: Option<Callback>,
}

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
        }
    }

    /// One of the API's own voices, `"leo"` or `"nora"`, or else the id of a file uploaded as a voice.
    pub fn voice(mut self, voice: impl Into<Voice>) -> Self {
        self.voice = Some(voice.into());
        self
    }

    /// The API's `stream` flag, passed on as it is. The document does not say what it changes.
    pub fn stream(mut self, stream: bool) -> Self {
        self.stream = Some(stream);
        self
    }

    /// How much chance has a part in it, from 0 to 1.
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// How strong the expression is, from 0 to 1.
    pub fn exaggeration(mut self, exaggeration: f64) -> Self {
        self.exaggeration = Some(exaggeration);
        self
    }

    /// The weight of the classifier-free guidance, from 0 to 1.
    pub fn cfg_weight(mut self, weight: f64) -> Self {
        self.cfg_weight = Some(weight);
        self
    }

    /// How long to go on, from now: submission and wait together. A submission that is on its way is not cut off, for that
    /// would leave a doubt: it may end later, by the request timeout at most.
    pub fn deadline(mut self, time: Duration) -> Self {
        self.deadline = time;
        self
    }

    /// Sends it again when in doubt, up to so many times, for those who would rather pay twice than not be served.
    ///
    /// **Each time may be billed**, up to `times` + 1 speeches for one: a reset, a timeout, a reply cut short and most
    /// 5xx leave open whether the server took it. What comes back is the last one; of the others nobody knows the id.
    /// With 0, which is the default, it is billed at most once.
    pub fn resubmit_in_doubt(mut self, times: u32) -> Self {
        self.resubmissions = times;
        self
    }

    /// Called with the id as soon as the server has taken the task, before the wait: the place to write it down.
    pub fn on_submitted(mut self, callback: impl Fn(&TaskId) + Send + Sync + 'static) -> Self {
        self.on_submitted = Some(Arc::new(callback));
        self
    }

    /// Submits, and returns as soon as the server has taken the task.
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
    /// - [`is_invalid`](Error::is_invalid): a text of 1 or 4,097 characters, a temperature of 7; nothing was sent
    /// - [`is_unreachable`](Error::is_unreachable): no connection; nothing was sent
    /// - [`is_rejected`](Error::is_rejected): the server refused it; nothing was billed
    /// - [`is_rate_limited`](Error::is_rate_limited): the server asked to hold off for longer than the deadline
    /// - [`is_in_doubt`](Error::is_in_doubt): it may have been taken, and billed
    pub async fn submit(self) -> Result<SpeechTask, Error> {
        let request = self.to_request()?;
        let Self { client, input, deadline, resubmissions, on_submitted, .. } = self;
        let submission = Submission::new(saturating_add(Instant::now(), deadline), resubmissions);
        let id = submit(&client.inner().cooldown, submission, || send_create(&client, &request)).await?;
        if let Some(callback) = on_submitted {
            callback(&id);
        }
        Ok(SpeechTask::submitted(client, id).with_characters(input.chars().count()))
    }

    pub(crate) fn take_text(&mut self) -> String {
        std::mem::take(&mut self.input)
    }

    /// The same for another text.
    pub(crate) fn with_text(&self, input: impl Into<String>) -> Self {
        Self { input: input.into(), ..self.clone() }
    }

    /// What a batch needs of it.
    pub(crate) fn prepare(self) -> Result<PreparedSpeech, Error> {
        let request = Arc::new(self.to_request()?);
        let Self { deadline, resubmissions, on_submitted, .. } = self;
        Ok(PreparedSpeech { request, timeout: deadline, resubmissions, on_submitted })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The request, checked.
    pub(crate) fn to_request(&self) -> Result<SpeechRequest, Error> {
        let input = self.input.parse().map_err(|limit| {
            Error::invalid("input", format!("{limit} (it has {})", self.input.chars().count()))
        })?;
        Ok(SpeechRequest {
            cfg_weight: check_range("cfg_weight", self.cfg_weight)?,
            exaggeration: check_range("exaggeration", self.exaggeration)?,
            input,
            model: SpeechModel::Chatterbox,
            stream: self.stream,
            temperature: check_range("temperature", self.temperature)?,
            voice: self.voice.clone(),
        })
    }
}

fn check_range(what: &'static str, value: Option<f64>) -> Result<Option<UnitInterval>, Error> {
    value.map(|value| UnitInterval::try_from(value).map_err(|limit| Error::invalid(what, limit))).transpose()
}

/// One request.
pub(crate) async fn send_create(client: &Client, request: &SpeechRequest) -> Result<TaskId, Failure> {
    let created = into_result(client.async_speech_create(request).await, &client.inner().key).await?;
    if created.id.is_empty() {
        return Err(Failure::from_response(StatusCode::OK, &HeaderMap::new(), "the id is empty"));
    }
    Ok(TaskId::from_server(created.id))
}

impl IntoFuture for Speak {
    type Output = Result<Speech, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (start, time) = (Instant::now(), self.deadline);
            // Its room is wanted no longer than it takes: what follows may wait for long.
            let task = Box::pin(self.submit()).await?;
            Wait::until(task, time, saturating_add(start, time)).await
        })
    }
}

/// Without the text: it is the user's own.
impl fmt::Debug for Speak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speak")
            .field("characters", &self.input.chars().count())
            .field("voice", &self.voice)
            .field("stream", &self.stream)
            .field("temperature", &self.temperature)
            .field("exaggeration", &self.exaggeration)
            .field("cfg_weight", &self.cfg_weight)
            .field("deadline", &self.deadline)
            .field("resubmit_in_doubt", &self.resubmissions)
            .finish_non_exhaustive()
    }
}
