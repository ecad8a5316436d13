use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::runtime::Runtime;
use crate::{Error, ext::long_text};

/// A speech request for a text of any length, from [`Speak::in_pieces`](super::Speak::in_pieces).
/// [`save`](Self::save) sends it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// # let directory = tempfile::tempdir()?;
/// let book = "Call me Ishmael. Some years ago, I thought I would sail about a little.";
/// let path = directory.path().join("book.wav");
/// client.speak(book).in_pieces().max_characters(40).save(path)?;
/// assert!(simulator.creates() > 1);
/// # Ok(()) }
/// ```
///
/// This type is the blocking counterpart of [`long_text::InPieces`], with the same defaults.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until it is saved"]
pub struct InPieces {
    pieces: long_text::InPieces,
    runtime: Runtime,
}

impl InPieces {
    pub(super) fn new(pieces: long_text::InPieces, runtime: Runtime) -> Self {
        Self { pieces, runtime }
    }

    /// Sets the maximum length of a piece, from 3 to 4,096 characters.
    ///
    /// See [`long_text::InPieces::max_characters`].
    pub fn max_characters(self, count: usize) -> Self {
        self.with(|pieces| pieces.max_characters(count))
    }

    /// Sets the maximum number of pieces in flight. At least 1.
    ///
    /// See [`long_text::InPieces::max_in_flight`].
    pub fn max_in_flight(self, count: usize) -> Self {
        self.with(|pieces| pieces.max_in_flight(count))
    }

    /// Sets the maximum number of requests to the API per second. Any number above 0.
    ///
    /// See [`long_text::InPieces::requests_per_second`].
    pub fn requests_per_second(self, rate: f64) -> Self {
        self.with(|pieces| pieces.requests_per_second(rate))
    }

    /// Sets the length of the silence between two pieces.
    ///
    /// See [`long_text::InPieces::pause`].
    pub fn pause(self, time: Duration) -> Self {
        self.with(|pieces| pieces.pause(time))
    }

    /// Resubmits a piece whose task ended with the status ERROR, up to `times` times.
    ///
    /// **Each resubmission may be billed.** See [`long_text::InPieces::resubmit_failed`].
    pub fn resubmit_failed(self, times: u32) -> Self {
        self.with(|pieces| pieces.resubmit_failed(times))
    }

    /// Sets the path of the journal, and keeps the journal when the file is complete.
    ///
    /// See [`long_text::InPieces::journal`].
    pub fn journal(self, path: impl Into<PathBuf>) -> Self {
        self.with(|pieces| pieces.journal(path))
    }

    /// Speaks the text, writes the audio to a file, and returns the length of the file in bytes.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`long_text::InPieces::save`]
    pub fn save(self, path: impl AsRef<Path>) -> Result<u64, Error> {
        let path = path.as_ref().to_owned();
        self.runtime.run(self.pieces.save(path))
    }

    fn with(mut self, setting: impl FnOnce(long_text::InPieces) -> long_text::InPieces) -> Self {
        self.pieces = setting(self.pieces);
        self
    }
}
