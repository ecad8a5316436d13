use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
};

use tokio::sync::{mpsc::UnboundedSender, watch};

use super::{
    key::{Key, KeyGenerator},
    sections::{Gap, Pauses, SectionSplitter},
    wav::joiner::WavJoiner,
};
use crate::{Billed, Error, Speak, Speech, batch::Results};

/// The progress of a narration, from [`Narration::progress`](super::Narration::progress).
///
/// `characters`, `spoken` and `saved` are in characters of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The length of the text, without trailing white space.
    pub characters: usize,
    /// The length of the text whose speech is finished.
    pub spoken: usize,
    /// The length of the text whose audio is in the file.
    pub saved: usize,
    /// The number of pieces whose audio is in the file.
    pub pieces: usize,
    /// The current length of the file, in bytes.
    pub bytes: u64,
}

/// The pipeline that splits a text, submits the pieces and joins their audio in order.
pub(super) struct Job {
    /// The settings of each piece, with an empty text.
    speak: Speak,
    pub(super) text: String,
    splitter: SectionSplitter,
    pauses: Pauses,
    keys: KeyGenerator,
    max_in_flight: usize,
    resubmit_failed: u32,
    /// The number of submitted pieces.
    started: usize,
    /// The number of pieces whose audio is in the file.
    saved: usize,
    /// What separates each piece in flight from the piece before, in order.
    gaps: VecDeque<Gap>,
    /// The pieces whose audio is in the file, in order, with the position of the audio in frames.
    pub(super) positions: Vec<(Range<usize>, Range<u64>)>,
    /// The end of the last split piece, as a byte index of the text.
    split_end: usize,
    /// Finished speeches that wait for an earlier piece, by piece number.
    ready: BTreeMap<usize, (Key, Speech)>,
    pub(super) file: WavJoiner,
    pub(super) progress: watch::Sender<Progress>,
}

impl Job {
    pub(super) fn new(
        speak: Speak,
        text: String,
        splitter: SectionSplitter,
        pauses: Pauses,
        max_in_flight: usize,
        resubmit_failed: u32,
        file: WavJoiner,
    ) -> Self {
        let characters = text.trim_end().chars().count();
        Self {
            speak,
            text,
            splitter,
            pauses,
            keys: KeyGenerator::default(),
            max_in_flight,
            resubmit_failed,
            started: 0,
            saved: 0,
            gaps: VecDeque::new(),
            positions: Vec::new(),
            split_end: 0,
            ready: BTreeMap::new(),
            file,
            progress: watch::Sender::new(Progress { characters, ..Progress::default() }),
        }
    }

    /// Runs until the audio of all pieces is in the file, or until a piece fails.
    pub(super) async fn speak_all(
        &mut self,
        requests: UnboundedSender<(Key, Speak)>,
        results: &mut Results<Key>,
    ) -> Result<(), Error> {
        loop {
            self.submit_more(&requests)?;
            if self.saved == self.started {
                return Ok(());
            }
            if let Some((key, speech)) = self.ready.remove(&(self.saved + 1)) {
                // A gap is stored for each piece in flight.
                self.file.pause(self.pauses.before(self.gaps.pop_front().unwrap_or_default()));
                let frames = self.file.append(&speech).await.map_err(|error| error.with_piece(&key.piece))?;
                self.positions.push((key.piece.bytes, frames));
                self.saved += 1;
                self.update_progress(|progress, file| {
                    progress.saved += key.characters;
                    progress.pieces += 1;
                    progress.bytes = file.written();
                });
                continue;
            }
            let Some((key, outcome)) = results.next().await else {
                let problem = "the async runtime shut down before the narration finished";
                return Err(Error::stopped().with_source(problem));
            };
            match outcome {
                Ok(speech) => {
                    self.update_progress(|progress, _| progress.spoken += key.characters);
                    self.ready.insert(key.piece.number, (key, speech));
                }
                Err(error) if error.is_failed() && key.attempt < self.resubmit_failed => {
                    tracing::warn!(piece = key.piece.number, %error, "piece failed, resubmitting");
                    let speak = self.speak.with_text(&self.text[key.piece.bytes.clone()]);
                    let _ = requests.send((key.retry(), speak));
                }
                Err(error) => {
                    let error = error.with_piece(&key.piece);
                    // The failed task before may be billed.
                    return Err(if key.attempt > 0 { error.billed_at_least(Billed::Maybe) } else { error });
                }
            }
        }
    }

    /// Submits pieces until `max_in_flight` are in flight. A finished piece that is not saved counts as in
    /// flight, because the URL of its audio may expire.
    fn submit_more(&mut self, requests: &UnboundedSender<(Key, Speak)>) -> Result<(), Error> {
        while self.started - self.saved < self.max_in_flight
            && let Some((bytes, gap)) = self.splitter.next(&self.text)
        {
            let speak = self.speak.with_text(&self.text[bytes.clone()]);
            // Includes the white space before the piece, so that the pieces add up to the text.
            let characters = self.text[self.split_end..bytes.end].chars().count();
            self.split_end = bytes.end;
            let key = self.keys.next(bytes, characters, &speak.to_request()?);
            self.gaps.push_back(gap);
            self.started += 1;
            // The batch holds the receiver as long as its results are read, so sending cannot fail.
            let _ = requests.send((key, speak));
        }
        Ok(())
    }

    fn update_progress(&mut self, change: impl FnOnce(&mut Progress, &WavJoiner)) {
        let file = &self.file;
        self.progress.send_modify(|progress| change(progress, file));
    }
}
