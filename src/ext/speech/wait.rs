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
    ext::polling::{poller::Poller, progress::DEFAULT_DEADLINE, status::TaskPhase},
};

/// A wait for a task to be done. Await it for the [`Speech`].
///
/// ```no_run
/// # async fn run(client: distribute_ai::Client, id: distribute_ai::TaskId) -> Result<(), distribute_ai::Error> {
/// # use std::time::Duration;
/// match client.task(id).wait().deadline(Duration::from_secs(120)).await {
///     Ok(speech) => drop(speech.save("hello.wav").await?),
///     Err(error) if error.is_deadline() => println!("later: {}", error.task_id().expect("it was submitted")),
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
///
/// The task is polled as the client's [policy](crate::pacing) says, by its status and age. Resets, timeouts, replies that can't be read and the
/// statuses 408, 425, 429 and 5xx are waited out: first 0.25 s, then doubling to 10 s, or as long as `Retry-After` says.
/// A status that this version doesn't know means "not done". Dropping the wait stops the polling and nothing else.
///
/// # Default
///
/// - `deadline`: 10 minutes
///
/// # Errors
///
/// Each carries the [`task_id`](Error::task_id):
/// - [`is_deadline`](Error::is_deadline): not done in time; the server's last words, if it refused to
///   answer, are its [`message`](Error::message)
/// - [`is_failed`](Error::is_failed): the task ended in ERROR
/// - [`is_not_found`](Error::is_not_found): 404, and still after 10 s in which a replica may lag
/// - [`is_rejected`](Error::is_rejected): 400, 401, 403 or another refusal for good
#[must_use = "nothing is asked until it is awaited"]
pub struct Wait {
    task: SpeechTask,
    timeout: Duration,
    deadline: Option<Instant>,
}

impl SpeechTask {
    /// Waits for the speech.
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
        Self { task, timeout: DEFAULT_DEADLINE, deadline: None }
    }

    /// With a deadline that began to count before.
    pub(crate) fn until(task: SpeechTask, time: Duration, deadline: Instant) -> Self {
        Self { task, timeout: time, deadline: Some(deadline) }
    }

    /// How long to go on, from the moment it is awaited. The last poll is made at the end of it and is given two more
    /// seconds for its answer; zero is a single look.
    pub fn deadline(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// What is made before the future has one place in it; arguments of an `async fn` have two.
    fn run(self) -> impl Future<Output = Result<Speech, Error>> + Send {
        let Self { task, timeout: time, deadline } = self;
        let mut poller = Poller::new(task.schedule(time, deadline));
        async move {
            loop {
                let result = poller.next(&task.client().inner().cooldown, || task.poll()).await?;
                match result.status.phase() {
                    TaskPhase::Completed => return Ok(Speech::new(task, result)),
                    TaskPhase::Failed => return Err(Error::failed().with_task_id(&task.id())),
                    TaskPhase::Waiting | TaskPhase::Running => {}
                }
            }
        }
    }
}

impl IntoFuture for Wait {
    type Output = Result<Speech, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::info_span!("wait", task = self.task.id().as_str());
        Box::pin(self.run().instrument(span))
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("task", &self.task)
            .field("deadline", &self.timeout)
            .finish_non_exhaustive()
    }
}
