use std::collections::BTreeMap;

use tokio::sync::{mpsc::UnboundedSender, watch};

use super::{
    key::{Key, KeyGenerator},
    splitter::Splitter,
    wav::joiner::WavJoiner,
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
    pub(super) file: WavJoiner,
    pub(super) progress: watch::Sender<Progress>,
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
