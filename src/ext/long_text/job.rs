use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    ops::Range,
};

use tokio::sync::{mpsc::UnboundedSender, watch};

use super::{
    InPieces, Piece,
    sections::{Gap, SectionSplitter},
    wav::joiner::WavJoiner,
};
use crate::{
    Billed, Error, Speak, Speech,
    batch::Results,
    ext::store::{Store, handle::EntryHandle},
};

/// The progress of a narration, from [`Narration::progress`](super::Narration::progress).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The length of the text in characters, without trailing white space.
    pub characters: usize,
    /// The length of the text whose speech is finished, in characters.
    pub spoken: usize,
    /// The length of the text whose audio is in the file, in characters.
    pub saved: usize,
    /// The number of pieces whose audio is in the file.
    pub pieces: usize,
    /// The current length of the file, in bytes.
    pub bytes: u64,
}

/// The key of a piece in the batch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) piece: Piece,
    /// The length of the piece in characters, with the white space before it. Used for the progress.
    characters: usize,
    /// The number of resubmissions after a failed task.
    attempt: u32,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "piece {}", self.piece.number)?;
        if self.attempt > 0 {
            write!(f, ", resubmission {}", self.attempt)?;
        }
        Ok(())
    }
}

/// The pipeline that splits a text, submits the pieces and joins their audio in order.
pub(super) struct Job {
    pub(super) settings: InPieces,
    splitter: SectionSplitter,
    pub(super) store: Store,
    /// The number of submitted pieces.
    started: usize,
    /// The number of pieces whose audio is in the file.
    saved: usize,
    /// The gap between each piece in flight and the piece before, in order.
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
    pub(super) fn new(settings: InPieces, splitter: SectionSplitter, store: Store, file: WavJoiner) -> Self {
        let characters = settings.text.trim_end().chars().count();
        Self {
            settings,
            splitter,
            store,
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
            self.submit_more(&requests);
            if self.saved == self.started {
                return Ok(());
            }
            if let Some((key, speech)) = self.ready.remove(&(self.saved + 1)) {
                // A gap is stored for each piece in flight.
                self.file.pause(self.settings.pauses.before(self.gaps.pop_front().unwrap_or_default()));
                let appended = self.append(&key.piece, &speech).await;
                let frames = appended.map_err(|error| error.with_piece(&key.piece))?;
                if let (Some(seconds), Ok(entry)) = (self.file.seconds(&frames), self.entry(&key.piece)) {
                    entry.has_duration(speech.id(), seconds);
                    results.spending().on_duration(speech.id(), seconds);
                }
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
                Err(error) if error.is_failed() && key.attempt < self.settings.resubmit_failed => {
                    tracing::warn!(piece = key.piece.number, ?error, "piece failed, resubmitting");
                    let speak = self.settings.request(&key.piece).replacing(error.task_id().cloned());
                    let _ = requests.send((Key { attempt: key.attempt + 1, ..key }, speak));
                }
                Err(error) => {
                    let error = error.with_piece(&key.piece);
                    // The failed task before may be billed.
                    return Err(if key.attempt > 0 { error.billed_at_least(Billed::Maybe) } else { error });
                }
            }
        }
    }

    /// Appends the audio of a piece to the file. Returns its position, which is empty if a piece without audio is skipped.
    async fn append(&mut self, piece: &Piece, speech: &Speech) -> Result<Range<u64>, Error> {
        let (frames, number) = (self.file.append(speech).await?, piece.number);
        if !frames.is_empty() {
            return Ok(frames);
        }
        if self.settings.skip_empty_audio {
            tracing::warn!(piece = number, task = speech.id().printable(), "piece without audio skipped");
            return Ok(frames);
        }
        // Without this, `redo` would not speak the piece a third time.
        if let Ok(entry) = self.entry(piece) {
            entry.job_finished(self.settings.job_id());
        }
        let problem = format!(
            "audio is empty; speak the piece again with `redo([{number}])`, which is billed again, or skip it with \
             `skip_empty_audio(true)`"
        );
        Err(Error::download(problem).with_task_id(speech.id()))
    }

    /// Submits pieces until `max_in_flight` are in flight. A finished piece that is not saved counts as in
    /// flight, because the URL of its audio may expire.
    fn submit_more(&mut self, requests: &UnboundedSender<(Key, Speak)>) {
        while self.started - self.saved < self.settings.config.limits.max_in_flight
            && let Some((bytes, gap)) = self.splitter.next(&self.settings.text)
        {
            // Includes the white space before the piece, so that the pieces add up to the text.
            let characters = self.settings.text[self.split_end..bytes.end].chars().count();
            self.split_end = bytes.end;
            self.started += 1;
            let piece = Piece { number: self.started, bytes };
            self.gaps.push_back(gap);
            let (speak, key) = (self.settings.request(&piece), Key { piece, characters, attempt: 0 });
            // The batch holds the receiver as long as its results are read, so sending cannot fail.
            let _ = requests.send((key, speak));
        }
    }

    /// Returns the entry of a piece in the store.
    fn entry(&self, piece: &Piece) -> Result<EntryHandle, Error> {
        self.settings.request(piece).to_entry(&self.store)
    }

    /// Returns the entries of the pieces whose audio is in the file.
    pub(super) fn entries(&self) -> Vec<EntryHandle> {
        let pieces = (1..).zip(&self.positions);
        let pieces = pieces.map(|(number, (bytes, _))| Piece { number, bytes: bytes.clone() });
        // Each piece was valid when it was submitted.
        pieces.filter_map(|piece| self.entry(&piece).ok()).collect()
    }

    fn update_progress(&mut self, change: impl FnOnce(&mut Progress, &WavJoiner)) {
        let file = &self.file;
        self.progress.send_modify(|progress| change(progress, file));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_tells_the_piece_and_its_resubmission() {
        let key = |attempt| Key { piece: Piece { number: 3, bytes: 0..9 }, characters: 9, attempt };
        assert_eq!(key(0).to_string(), "piece 3");
        assert_eq!(key(2).to_string(), "piece 3, resubmission 2");
    }
}
