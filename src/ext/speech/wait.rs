use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    Error, Speech, SpeechTask,
    ext::{
        polling::{poller::Poller, progress::DEFAULT_DEADLINE},
        transport::instant::saturating_add,
    },
};

/// A wait for a task to finish. Await it to get the [`Speech`].
///
/// ```no_run
/// # async fn run(
/// #     client: distribute_ai::Client,
/// #     id: distribute_ai::TaskId,
/// # ) -> Result<(), distribute_ai::Error> {
/// # use std::time::Duration;
/// match client.task(id.clone()).wait().deadline(Duration::from_secs(120)).await {
///     Ok(speech) => drop(speech.save("hello.wav").await?),
///     Err(error) if error.is_deadline() => println!("not finished yet: task {id}"),
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
///
/// The client's [poll policy](crate::pacing) decides when the task is polled, from its status and
/// age. Transient failures are retried: failed connections, resets, timeouts, unreadable responses
/// and the statuses 3xx, 408, 425, 429, 499 and 5xx. The pause before a retry doubles from 0.25 s to 10 s. A 429 or 503
/// with `Retry-After` pauses all requests of the client. A task status that this version does not
/// know counts as unfinished. Dropping the wait stops the polling, but not the task.
///
/// # Default
///
/// - `deadline`: 10 minutes
///
/// # Errors
///
/// Each error carries the [`task_id`](Error::task_id):
/// - [`is_deadline`](Error::is_deadline): the task is unfinished at the deadline, for example still
///   PROCESSING. If the server sent error responses, [`message`](Error::message) is the text of the
///   last error response.
/// - [`is_failed`](Error::is_failed): the task ended with the status ERROR.
/// - [`is_not_found`](Error::is_not_found): the server responded with 404 for 10 s. A replica may
///   lag, so a 404 is retried until then. If another client submitted the task, it is retried once,
///   after one second.
/// - [`is_rate_limited`](Error::is_rate_limited): the pause of all requests, of at most
///   [`max_cooldown`](crate::ClientBuilder::max_cooldown), ends after the deadline. No further poll was sent.
/// - [`is_unauthorized`](Error::is_unauthorized): the server responded with 401 or 403.
/// - [`is_rejected`](Error::is_rejected): the server responded with another 4xx status that is not transient.
#[must_use = "nothing is sent until it is awaited"]
pub struct Wait {
    task: SpeechTask,
    time_limit: Duration,
    deadline: Option<Instant>,
}

impl SpeechTask {
    /// Waits until the task is finished, and returns the speech.
    ///
    /// The default time limit is 10 minutes.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn run(task: distribute_ai::SpeechTask) -> Result<(), distribute_ai::Error> {
    /// let speech = task.wait().deadline(Duration::from_secs(120)).await?;
    /// speech.save("hello.wav").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait(&self) -> Wait {
        Wait::new(self.clone())
    }
}

impl Wait {
    pub(crate) fn new(task: SpeechTask) -> Self {
        Self { task, time_limit: DEFAULT_DEADLINE, deadline: None }
    }

    /// Creates a wait with a deadline that is already running.
    pub(crate) fn until(task: SpeechTask, time_limit: Duration, deadline: Instant) -> Self {
        Self { task, time_limit, deadline: Some(deadline) }
    }

    /// Sets the time limit, which starts when the wait is awaited.
    ///
    /// The last poll is sent at the deadline, and its response may take up to two more seconds. If a
    /// pause of the client ends after the deadline, the wait fails at once and sends nothing. Outside a
    /// pause, a limit of zero means a single poll.
    ///
    /// With a [store](crate::store::Store), the audio is downloaded to the store as well, until five seconds after the
    /// deadline at most. Then the speech is returned without it, and the next request for the speech downloads it. The wait
    /// reads the store before its first poll, without a limit.
    #[doc(alias = "timeout")]
    pub fn deadline(mut self, time: Duration) -> Self {
        self.time_limit = time;
        self
    }

    // Not an `async fn`: its arguments would be stored twice in the future.
    fn run(self) -> impl Future<Output = Result<Speech, Error>> + Send {
        let Self { task, time_limit, deadline } = self;
        let deadline = deadline.unwrap_or_else(|| saturating_add(Instant::now(), time_limit));
        async move {
            // Boxed, because most waits have no store, and because a download is a large future.
            if let Some(speech) = Box::pin(task.find_stored()).await {
                return Ok(speech);
            }
            Box::pin(task.learn_from_store()).await;
            let mut poller = Poller::new(task.schedule(time_limit, Some(deadline)));
            loop {
                let response = poller.next(&task.client().inner().cooldown, || task.poll()).await;
                let response = response.map_err(|error| task.explain(error))?;
                if let Some(outcome) = Box::pin(task.outcome(response, deadline)).await {
                    return outcome;
                }
            }
        }
    }
}

impl IntoFuture for Wait {
    type Output = Result<Speech, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::info_span!("wait", task = self.task.id().printable());
        Box::pin(self.run().instrument(span))
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("task", &self.task)
            .field("deadline", &self.time_limit)
            .finish_non_exhaustive()
    }
}
