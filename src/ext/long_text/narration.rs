use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    path::PathBuf,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use futures_util::future::{Either, select};
use tokio::sync::{mpsc::UnboundedSender, oneshot, watch};

use super::{
    join::WavJoiner,
    piece::{Key, KeyGenerator},
    split::Splitter,
};
use crate::{Error, Speak, Speech, batch::Results};

/// How far a long text is: the [`progress`](Narration::progress) of a [`Narration`]. All but `bytes` and `pieces` in characters of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How long the text is, without white space at its end.
    pub characters: usize,
    /// How much of it has been spoken.
    pub spoken: usize,
    /// How much of it is in the file.
    pub saved: usize,
    /// How many pieces are in the file.
    pub pieces: usize,
    /// How long the file is by now.
    pub bytes: u64,
}

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

/// What there is to do, and how far it is.
pub(super) struct Job {
    /// With the settings, and without a text.
    speak: Speak,
    text: String,
    splitter: Splitter,
    keys: KeyGenerator,
    max_in_flight: usize,
    resubmit_failed: u32,
    /// How many pieces were begun, and how many of these are in the file.
    started: usize,
    saved: usize,
    /// How far the text was split, in bytes.
    split: usize,
    /// Spoken before their turn, by their number.
    early: BTreeMap<usize, (Key, Speech)>,
    file: WavJoiner,
    progress: watch::Sender<Progress>,
}

impl Job {
    pub(super) fn new(
        speak: Speak,
        text: String,
        splitter: Splitter,
        max_in_flight: usize,
        resubmit_failed: u32,
        file: WavJoiner,
    ) -> Self {
        let characters = text.trim_end().chars().count();
        Self {
            speak,
            text,
            splitter,
            keys: KeyGenerator::default(),
            max_in_flight,
            resubmit_failed,
            started: 0,
            saved: 0,
            split: 0,
            early: BTreeMap::new(),
            file,
            progress: watch::Sender::new(Progress { characters, ..Progress::default() }),
        }
    }

    /// Until all pieces are in the file, or the first has failed.
    async fn speak_all(
        &mut self,
        requests: UnboundedSender<(Key, Speak)>,
        results: &mut Results<Key>,
    ) -> Result<(), Error> {
        loop {
            self.submit_more(&requests)?;
            if self.saved == self.started {
                return Ok(());
            }
            if let Some((key, speech)) = self.early.remove(&(self.saved + 1)) {
                self.file.append(&speech).await.map_err(|error| error.with_piece(&key.piece))?;
                self.saved += 1;
                self.update_progress(|progress, file| {
                    progress.saved += key.characters;
                    progress.pieces += 1;
                    progress.bytes = file.written();
                });
                continue;
            }
            let Some((key, outcome)) = results.next().await else {
                return Err(Error::invalid("narration", "the runtime that drove it has ended before it"));
            };
            match outcome {
                Ok(speech) => {
                    self.update_progress(|progress, _| progress.spoken += key.characters);
                    self.early.insert(key.piece.number, (key, speech));
                }
                Err(error) if error.is_failed() && key.attempt < self.resubmit_failed => {
                    tracing::warn!(piece = key.piece.number, %error, "a piece is submitted again");
                    let speak = self.speak.with_text(&self.text[key.piece.bytes.clone()]);
                    let _ = requests.send((key.retry(), speak));
                }
                Err(error) => return Err(error.with_piece(&key.piece)),
            }
        }
    }

    /// As many as may be under way. What is spoken and not saved counts: an address is not good for ever.
    fn submit_more(&mut self, requests: &UnboundedSender<(Key, Speak)>) -> Result<(), Error> {
        while self.started - self.saved < self.max_in_flight
            && let Some(bytes) = self.splitter.next(&self.text)
        {
            let speak = self.speak.with_text(&self.text[bytes.clone()]);
            // With the white space before it, so that all together are the text.
            let characters = self.text[self.split..bytes.end].chars().count();
            self.split = bytes.end;
            let key = self.keys.next(bytes, characters, &speak.to_request()?);
            self.started += 1;
            // Who receives these goes on for as long as results are taken.
            let _ = requests.send((key, speak));
        }
        Ok(())
    }

    fn update_progress(&mut self, change: impl FnOnce(&mut Progress, &WavJoiner)) {
        let file = &self.file;
        self.progress.send_modify(|progress| change(progress, file));
    }
}
