use std::{
    fmt,
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::future::{Either, select};
use tokio::sync::{mpsc::UnboundedSender, oneshot, watch};

use super::{
    job::{Job, Key, Progress},
    outputs::TextFiles,
    recording::Recording,
};
use crate::{Billed, Error, Speak, batch::Results};

/// A started narration of a long text, from [`InPieces::start`](super::InPieces::start).
///
/// Await the narration to complete the file and get the [`Recording`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::testing::Simulator::start().await?;
/// # let client = simulator.client();
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("book.wav");
/// # let interrupted = std::future::pending::<()>();
/// let book = "Call me Ishmael. Some years ago…";
/// let mut narration = client.speak(book).in_pieces().start(&path).await?;
/// let mut progress = narration.progress();
/// tokio::spawn(async move {
///     while progress.changed().await.is_ok() {
///         let now = progress.borrow_and_update().clone();
///         println!("{} of {} characters", now.saved, now.characters);
///     }
/// });
/// tokio::select! {
///     recording = &mut narration => println!("{} bytes", recording?.bytes()),
///     () = interrupted => match narration.stop().await? {
///         Some(recording) => println!("{} bytes", recording.bytes()),
///         None => println!("run the same program again to continue"),
///     },
/// }
/// # Ok(()) }
/// ```
///
/// Audio is joined only while the narration is awaited. Submitted pieces are also polled while the
/// narration is not awaited.
#[must_use = "nothing is sent until it is awaited"]
pub struct Narration {
    /// Returns `None` if it was stopped.
    work: Pin<Box<dyn Future<Output = Result<Option<Recording>, Error>> + Send>>,
    progress: watch::Receiver<Progress>,
    stop: oneshot::Sender<()>,
    finished: bool,
}

impl Narration {
    pub(super) fn new(
        mut job: Job,
        requests: UnboundedSender<(Key, Speak)>,
        results: Results<Key>,
        text_files: TextFiles,
        is_temporary: bool,
    ) -> Self {
        let progress = job.progress.subscribe();
        let (stop, stop_requested) = oneshot::channel();
        let work = async move {
            let mut results = results;
            let outcome = {
                let speak_all = pin!(job.speak_all(requests, &mut results));
                match select(stop_requested, speak_all).await {
                    Either::Left(_) => None,
                    Either::Right((outcome, _)) => Some(outcome),
                }
            };
            // Without this, the task ids of pending submissions would be lost.
            results.stop().await;
            let Some(outcome) = outcome else { return Ok(None) };
            outcome.map_err(|error| match error.piece() {
                Some(_) => error,
                None => error.billed_at_least(Billed::Maybe),
            })?;
            let id = job.settings.job_id();
            // Also the pieces that an earlier run has spoken again, which was not finished.
            let (entries, store) = (if is_temporary { Vec::new() } else { job.entries() }, job.store);
            let file = job.file.finish().await.map_err(|error| error.billed_at_least(Billed::Yes))?;
            let recording = Arc::new(Recording::new(file, job.settings.text, job.positions));
            // If this fails, the next run writes all files without being billed again, because the store remains.
            text_files.write(&recording).await.map_err(|error| error.billed_at_least(Billed::Yes))?;
            for entry in &entries {
                entry.job_finished(id);
            }
            drop(entries);
            if is_temporary {
                store.remove().await;
            } else {
                store.flush().await;
            }
            Ok(Some(Arc::unwrap_or_clone(recording)))
        };
        Self { work: Box::pin(work), progress, stop, finished: false }
    }

    /// Returns a receiver that holds the latest progress and is notified of each change.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Stops the narration, and returns when no submission is pending. Returns `None` if the narration was stopped, and
    /// the recording if all pieces were in the file already. After the narration has returned its recording, `stop`
    /// returns `None` too.
    ///
    /// Pending submissions finish and are recorded in the store, which takes at most the request
    /// timeout. To resume a narration that was stopped, run the same program again. If you do this after a recording was
    /// returned, and did not set a store, **the text is billed again**.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`InPieces`](super::InPieces#errors) if a piece or the file failed before the narration was
    /// stopped.
    pub async fn stop(self) -> Result<Option<Recording>, Error> {
        let Self { work, stop, finished, .. } = self;
        // Fails if the work is past the point where it can be stopped. Then it finishes normally.
        let _ = stop.send(());
        if finished { Ok(None) } else { work.await }
    }
}

impl Future for Narration {
    type Output = Result<Recording, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(self.work.as_mut().poll(context));
        self.finished = true;
        // Only `stop` stops the work, and takes the narration.
        Poll::Ready(outcome.and_then(|recording| recording.ok_or_else(Error::stopped)))
    }
}

impl fmt::Debug for Narration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Narration").field("progress", &*self.progress.borrow()).finish_non_exhaustive()
    }
}
