use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use futures_util::{FutureExt, StreamExt, stream};

use crate::{
    Error, Speech, SpeechTask,
    ext::polling::{poller::Poller, progress::DEFAULT_DEADLINE},
    types::SpeechStatus,
};

/// A stream of the changes of a task's status.
///
/// ```no_run
/// # async fn run(task: distribute_ai::SpeechTask) -> Result<(), distribute_ai::Error> {
/// # use std::time::Duration;
/// let mut updates = task.updates().deadline(Duration::from_secs(120));
/// while let Some(update) = updates.next().await {
///     let update = update?;
///     println!("{}", update.status());
///     if let Some(speech) = update.into_speech() {
///         speech.save("hello.wav").await?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// The stream yields each new status once, as soon as the status is received. The stream sends
/// requests only while it is polled. The stream ends after a final status (COMPLETED or ERROR) or
/// after an error. Transient failures are retried as in [`Wait`](super::Wait). If the speech is in a
/// [store](crate::store::Store), the stream yields COMPLETED and sends no request.
///
/// # Default
///
/// - `deadline`: 10 minutes
///
/// # Errors
///
/// The stream yields the errors of [`Wait`](super::Wait), except that the status ERROR is an update here.
#[must_use = "streams do nothing unless polled"]
pub struct Updates {
    task: SpeechTask,
    time_limit: Duration,
    stream: Option<Pin<Box<Changes>>>,
}

type Changes = dyn Stream<Item = Result<Update, Error>> + Send;

impl SpeechTask {
    /// Returns a stream of the status changes, up to the final status. See [`Updates`].
    pub fn updates(&self) -> Updates {
        Updates::new(self.clone())
    }
}

impl Updates {
    pub(crate) fn new(task: SpeechTask) -> Self {
        Self { task, time_limit: DEFAULT_DEADLINE, stream: None }
    }

    /// Sets the time limit, which starts when the stream is first polled. After that, this method
    /// has no effect.
    pub fn deadline(mut self, time: Duration) -> Self {
        self.time_limit = time;
        self
    }

    /// Returns the next update, or `None` after the last update.
    ///
    /// Equivalent to `StreamExt::next`, without importing the trait. Cancel safe: dropping the
    /// future loses no update.
    pub async fn next(&mut self) -> Option<Result<Update, Error>> {
        StreamExt::next(self).await
    }
}

impl Stream for Updates {
    type Item = Result<Update, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { task, time_limit, stream } = &mut *self;
        stream
            .get_or_insert_with(|| Box::pin(changes(task.clone(), *time_limit).fuse()))
            .as_mut()
            .poll_next(context)
    }
}

fn changes(task: SpeechTask, time_limit: Duration) -> impl Stream<Item = Result<Update, Error>> {
    let changes = async move {
        if let Some(speech) = Box::pin(task.find_stored()).await {
            let status = speech.result().status.clone();
            return stream::iter([Ok(Update { status, speech: Some(speech) })]).left_stream();
        }
        Box::pin(task.learn_from_store()).await;
        polled_changes(task, time_limit).right_stream()
    };
    changes.flatten_stream()
}

fn polled_changes(task: SpeechTask, time_limit: Duration) -> impl Stream<Item = Result<Update, Error>> {
    let schedule = task.schedule(time_limit, None);
    let (deadline, poller) = (schedule.deadline, Poller::new(schedule));
    stream::unfold(Some((task, poller, None)), move |state| async move {
        let (task, mut poller, mut last_status) = state?;
        loop {
            match poller.next(&task.client().inner().cooldown, || task.poll()).await {
                Err(error) => return Some((Err(task.explain(error)), None)),
                Ok(response) if last_status.as_ref() == Some(&response.result.status) => {}
                Ok(response) => {
                    let status = response.result.status.clone();
                    // The status ERROR is an update without a speech.
                    let speech = Box::pin(task.outcome(response, deadline)).await.and_then(Result::ok);
                    last_status = Some(status.clone());
                    let next_state = (!status.is_final()).then_some((task, poller, last_status));
                    return Some((Ok(Update { status, speech }), next_state));
                }
            }
        }
    })
}

impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates")
            .field("task", &self.task)
            .field("deadline", &self.time_limit)
            .finish_non_exhaustive()
    }
}

/// A change of a task's status, from [`Updates`].
#[derive(Clone, Debug)]
pub struct Update {
    status: SpeechStatus,
    speech: Option<Speech>,
}

impl Update {
    /// Returns the new status.
    #[must_use]
    pub fn status(&self) -> &SpeechStatus {
        &self.status
    }

    /// Returns the speech if the status is COMPLETED, without another request.
    #[must_use]
    pub fn into_speech(self) -> Option<Speech> {
        self.speech
    }
}
