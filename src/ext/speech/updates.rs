use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use futures_util::{StreamExt, stream};

use crate::{
    Error, Speech, SpeechTask,
    ext::polling::{poller::Poller, progress::DEFAULT_DEADLINE, status::TaskPhase},
    types::SpeechStatus,
};

/// The changes of a task's status, as a stream.
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
/// Each status is yielded as soon as it is seen, once, before the stream sleeps; it asks when it is polled and not
/// otherwise. It ends after a final status (COMPLETED or ERROR) or after an error. Faults that may pass are waited out
/// as in [`Wait`](super::Wait).
///
/// # Default
///
/// - `deadline`: 10 minutes
///
/// # Errors
///
/// Those of [`Wait`](super::Wait), except that ERROR is a status here.
#[must_use = "streams do nothing unless polled"]
pub struct Updates {
    task: SpeechTask,
    timeout: Duration,
    stream: Option<Pin<Box<Changes>>>,
}

type Changes = dyn Stream<Item = Result<Update, Error>> + Send;

impl SpeechTask {
    /// A stream of the changes of the status, up to the last one: see [`Updates`].
    pub fn updates(&self) -> Updates {
        Updates::new(self.clone())
    }
}

impl Updates {
    pub(crate) fn new(task: SpeechTask) -> Self {
        Self { task, timeout: DEFAULT_DEADLINE, stream: None }
    }

    /// How long to go on, from the first time it is polled. Has no effect later.
    pub fn deadline(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// The next status, or nothing after the last one. Cancel safe: no status is lost with the future.
    ///
    /// That of `StreamExt`, without the import.
    pub async fn next(&mut self) -> Option<Result<Update, Error>> {
        StreamExt::next(self).await
    }
}

impl Stream for Updates {
    type Item = Result<Update, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { task, timeout: time, stream } = &mut *self;
        stream
            .get_or_insert_with(|| Box::pin(changes(task.clone(), *time).fuse()))
            .as_mut()
            .poll_next(context)
    }
}

fn changes(task: SpeechTask, time: Duration) -> impl Stream<Item = Result<Update, Error>> {
    let poller = Poller::new(task.schedule(time, None));
    stream::unfold(Some((task, poller, None)), |state| async {
        let (task, mut poller, mut last) = state?;
        loop {
            match poller.next(&task.client().inner().cooldown, || task.poll()).await {
                Err(error) => return Some((Err(error), None)),
                Ok(result) if last.as_ref() == Some(&result.status) => {}
                Ok(result) => {
                    let status = result.status.clone();
                    let speech =
                        (status.phase() == TaskPhase::Completed).then(|| Speech::new(task.clone(), result));
                    last = Some(status.clone());
                    let rest = (!status.is_final()).then_some((task, poller, last));
                    return Some((Ok(Update { status, speech }), rest));
                }
            }
        }
    })
}

impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates")
            .field("task", &self.task)
            .field("deadline", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A status that a task has come to: one of its [`Updates`].
#[derive(Clone, Debug)]
pub struct Update {
    status: SpeechStatus,
    speech: Option<Speech>,
}

impl Update {
    /// The status.
    #[must_use]
    pub fn status(&self) -> &SpeechStatus {
        &self.status
    }

    /// The speech, with the status COMPLETED; no further request is made for it.
    #[must_use]
    pub fn into_speech(self) -> Option<Speech> {
        self.speech
    }
}
