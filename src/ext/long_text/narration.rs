use std::{
    fmt,
    future::Future,
    path::PathBuf,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use futures_util::future::{Either, select};
use tokio::sync::{mpsc::UnboundedSender, oneshot, watch};

use super::{
    job::{Job, Progress},
    key::Key,
};
use crate::{Error, Speak, batch::Results};

/// A long text that is being spoken, by [`InPieces::start`](super::InPieces::start). Awaited, it goes on to the end and
/// returns the length of the file in bytes.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::testing::Simulator::start().await?;
/// # let client = simulator.client();
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("book.wav");
/// # let interrupted = std::future::pending::<()>();
/// let mut narration = client.speak("Call me Ishmael. Some years ago…").in_pieces().start(&path).await?;
/// let mut progress = narration.progress();
/// tokio::spawn(async move {
///     while progress.changed().await.is_ok() {
///         let now = progress.borrow_and_update().clone();
///         println!("{} of {} characters", now.saved, now.characters);
///     }
/// });
/// tokio::select! {
///     bytes = &mut narration => println!("{} bytes", bytes?),
///     () = interrupted => narration.stop().await,
/// }
/// # Ok(()) }
/// ```
///
/// It does its work while it is awaited; what has been submitted is waited for in any case.
#[must_use = "nothing is sent until it is awaited"]
pub struct Narration {
    work: Pin<Box<dyn Future<Output = Result<u64, Error>> + Send>>,
    progress: watch::Receiver<Progress>,
    stop: oneshot::Sender<()>,
    over: bool,
}

impl Narration {
    pub(super) fn new(
        mut job: Job,
        requests: UnboundedSender<(Key, Speak)>,
        results: Results<Key>,
        journal: Option<PathBuf>,
    ) -> Self {
        let progress = job.progress.subscribe();
        let (stop, stopped) = oneshot::channel();
        let work = async move {
            let mut results = results;
            let outcome = {
                let spoken = pin!(job.speak_all(requests, &mut results));
                match select(stopped, spoken).await {
                    // Nobody sees this end: whoever stops it doesn't wait for its outcome.
                    Either::Left(_) => Err(Error::invalid("narration", "it was stopped")),
                    Either::Right((outcome, _)) => outcome,
                }
            };
            // Of what is being submitted the ids are still to come; the journal is closed by then.
            results.stop().await;
            outcome?;
            let bytes = job.file.finish().await?;
            if let Some(journal) = journal {
                // Left behind, it would only bring the same pieces once more, unpaid.
                let _ = tokio::fs::remove_file(journal).await;
            }
            Ok(bytes)
        };
        Self { work: Box::pin(work), progress, stop, over: false }
    }

    /// How far it is, whenever you look, and a word whenever that changes.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Stops, and returns when nothing is on its way any more that could be billed: what is being submitted is heard to
    /// the end, by the request timeout at most, and noted in the journal. There is no file then, unless it was all but
    /// ready, and the same run again goes on where this was.
    pub async fn stop(self) {
        let Self { work, stop, over, .. } = self;
        // If it is too late to stop it, it ends by itself.
        let _ = stop.send(());
        if !over {
            let _ = work.await;
        }
    }
}

impl Future for Narration {
    type Output = Result<u64, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(self.work.as_mut().poll(context));
        self.over = true;
        Poll::Ready(outcome)
    }
}

impl fmt::Debug for Narration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Narration").field("progress", &*self.progress.borrow()).finish_non_exhaustive()
    }
}
