use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::runtime::Runtime;
use crate::{Error, long_text};

/// A text of any length to be, as one file: [`Speak::in_pieces`](super::Speak::in_pieces).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let client = simulator.client();
/// # let directory = tempfile::tempdir()?;
/// let book = "Call me Ishmael. Some years ago, I thought I would sail about a little.";
/// client.speak(book).in_pieces().max_characters(40).save(directory.path().join("book.wav"))?;
/// assert!(simulator.creates() > 1);
/// # Ok(()) }
/// ```
///
/// It is [`long_text::InPieces`], with its defaults.
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

    /// The longest piece, in characters; see [`long_text::InPieces::max_characters`].
    pub fn max_characters(self, count: usize) -> Self {
        self.with(|pieces| pieces.max_characters(count))
    }

    /// How many pieces are under way at most; see [`long_text::InPieces::max_in_flight`].
    pub fn max_in_flight(self, count: usize) -> Self {
        self.with(|pieces| pieces.max_in_flight(count))
    }

    /// How many requests to the API go out in any second; see [`long_text::InPieces::requests_per_second`].
    pub fn requests_per_second(self, rate: f64) -> Self {
        self.with(|pieces| pieces.requests_per_second(rate))
    }

    /// Silence between two pieces; see [`long_text::InPieces::pause`].
    pub fn pause(self, time: Duration) -> Self {
        self.with(|pieces| pieces.pause(time))
    }

    /// Submits a piece anew that the server gave up, up to so many times. **Each time may be billed**; see
    /// [`long_text::InPieces::resubmit_failed`].
    pub fn resubmit_failed(self, times: u32) -> Self {
        self.with(|pieces| pieces.resubmit_failed(times))
    }

    /// Keeps the journal in another file than beside the speech; see [`long_text::InPieces::journal`].
    pub fn journal(self, path: impl Into<PathBuf>) -> Self {
        self.with(|pieces| pieces.journal(path))
    }

    /// Speaks it into a file, and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// Those of [`long_text::InPieces::save`]; [`is_invalid`](Error::is_invalid) within an async runtime.
    pub fn save(self, path: impl AsRef<Path>) -> Result<u64, Error> {
        self.runtime.run(self.pieces.save(path))
    }

    fn with(mut self, setting: impl FnOnce(long_text::InPieces) -> long_text::InPieces) -> Self {
        self.pieces = setting(self.pieces);
        self
    }
}
