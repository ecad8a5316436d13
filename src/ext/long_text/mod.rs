//! One file out of a text of any length.
//!
//! Reading order: where the text is cut ([`cut`], [`split`]), what a WAV file says ([`wav`]) and how another one begins
//! ([`header`]), into which several are joined ([`join`]), and who submits, waits and joins ([`narration`]).

mod boundary;
mod job;
mod key;
mod narration;
mod splitter;
mod wav;

#[cfg(fuzzing)]
#[doc(hidden)]
pub(super) mod fuzzing;

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::stream;
use tokio::sync::mpsc;

use self::{
    job::Job,
    splitter::{Splitter, max_characters_range},
    wav::joiner::WavJoiner,
};
pub use self::{
    job::Progress,
    narration::Narration,
    splitter::{Pieces, split},
};
pub use super::piece::Piece;
use crate::{Error, Speak};

const MAX_IN_FLIGHT: usize = 16;

/// A text of any length to be spoken, by [`Speak::in_pieces`]: until it is [saved](Self::save).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::testing::Simulator::start().await?;
/// # let client = simulator.client();
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("book.wav");
/// let book = "Call me Ishmael. Some years ago, never mind how long precisely, I thought I would sail about a little.";
/// client.speak(book).voice("nora").in_pieces().max_characters(64).save(&path).await?;
/// # assert_eq!(simulator.creates(), 3);
/// # assert_eq!(std::fs::read_dir(directory.path())?.count(), 1);
///
/// // With everything that there is to set, and a journal that stays.
/// let pieces = client.speak(book).in_pieces().max_characters(64).max_in_flight(2).requests_per_second(10.0);
/// pieces.resubmit_failed(1).journal(directory.path().join("journal")).save(&path).await?;
/// # Ok(()) }
/// ```
///
/// The text is [split](split()) where a speaker would pause, its pieces are spoken as a [batch](crate::Client::batch), and their
/// audio is joined in order while it comes: neither the sound nor the pieces are ever held as a whole, however long the text.
/// The file appears whole or not at all, as by [`Audio::save`](crate::Audio::save). It is a WAV file of the same format as
/// its pieces; from 4 GiB on it is RF64, which is WAV with larger lengths.
///
/// **Each piece is paid for by itself.** So a journal is kept beside the file while it is being made, `book.wav.journal`
/// for `book.wav`, and removed when the file is there. Whatever goes wrong before, a crash included: run the same again, and
/// what was submitted is not submitted again, but fetched. What has changed since, in the text or in its settings, is
/// another piece and is submitted; what has not changed is not.
///
/// The first piece that fails ends it: nothing more is submitted, what is being submitted is heard to the end and noted. The
/// error says which [piece](Error::piece) it was, and has its [task id](Error::task_id), if there is one.
///
/// # Default
///
/// - `max_characters`: as many as the API takes, 4,096
/// - `max_in_flight`: 16
/// - `requests_per_second`: no limit but that by `max_in_flight`, the pace of the polls and the server's `Retry-After`
/// - `pause`: none
/// - `resubmit_failed`: 0 times
/// - `journal`: beside the file, removed when that is there
///
/// # Errors
///
/// Before anything is sent:
/// - [`is_invalid`](Error::is_invalid): a text that is too short, a setting out of its limits, a journal that is in use or
///   no journal
/// - [`is_io`](Error::is_io): the file or its journal can't be written
///
/// For a piece: those of [`Speak`], and [`is_download`](Error::is_download) also where its audio is no WAV file, or one
/// with samples of another kind than the pieces before.
#[derive(Clone)]
#[must_use = "nothing is sent until it is saved or started"]
pub struct InPieces {
    /// With the settings, and without a text.
    speak: Speak,
    text: String,
    max_characters: usize,
    max_in_flight: usize,
    requests_per_second: Option<f64>,
    pause: Duration,
    resubmit_failed: u32,
    journal: Option<PathBuf>,
}

impl Speak {
    /// For a text of any length: speaks it piece by piece, with these settings for each, into one file.
    ///
    /// ```no_run
    /// # async fn run(client: distribute_ai::Client, book: String) -> Result<(), distribute_ai::Error> {
    /// client.speak(book).voice("nora").in_pieces().save("book.wav").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`deadline`](Self::deadline) and [`resubmit_in_doubt`](Self::resubmit_in_doubt) hold for each piece, and
    /// [`on_submitted`](Self::on_submitted) is called for each.
    pub fn in_pieces(mut self) -> InPieces {
        let text = self.take_text();
        InPieces::new(self, text)
    }
}

impl InPieces {
    pub(crate) fn new(speak: Speak, text: String) -> Self {
        Self {
            speak,
            text,
            max_characters: *max_characters_range().end(),
            max_in_flight: MAX_IN_FLIGHT,
            requests_per_second: None,
            pause: Duration::ZERO,
            resubmit_failed: 0,
            journal: None,
        }
    }

    /// How many characters a piece has at most, from 3 to 4,096.
    ///
    /// Shorter pieces are spoken sooner and lose less when one of them fails; there are more joints to be heard, and each
    /// is billed for a second at least.
    pub fn max_characters(mut self, count: usize) -> Self {
        self.max_characters = count;
        self
    }

    /// How many pieces are under way at most, from their submission until their audio is in the file. At least 1.
    pub fn max_in_flight(mut self, count: usize) -> Self {
        self.max_in_flight = count;
        self
    }

    /// How many requests to the API go out in any second, as for a
    /// [batch](crate::batch::Batch::requests_per_second).
    pub fn requests_per_second(mut self, rate: f64) -> Self {
        self.requests_per_second = Some(rate);
        self
    }

    /// Silence between two pieces.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("two.wav");
    /// use std::time::Duration;
    ///
    /// let pieces = client.speak("Wait for it. Here it is.").in_pieces().max_characters(12);
    /// let bytes = pieces.pause(Duration::from_secs(1)).save(&path).await?;
    /// # assert!(bytes > 3 * 48_000, "a second for each piece, and one between them");
    /// # Ok(()) }
    /// ```
    pub fn pause(mut self, time: Duration) -> Self {
        self.pause = time;
        self
    }

    /// Submits a piece again whose task ended in the status ERROR, up to so many times.
    ///
    /// **Each time may be billed**: the API does not say whether it bills what it gave up. With 0, which is the default,
    /// such a piece is an error that [`is_failed`](Error::is_failed), also when it is run again, until this is set.
    pub fn resubmit_failed(mut self, times: u32) -> Self {
        self.resubmit_failed = times;
        self
    }

    /// Keeps the journal in this file, and leaves it there at the end: the same text can then be saved again without being
    /// paid for again, for as long as the server keeps the audio. It is one of a
    /// [batch](crate::batch::Batch::journal).
    pub fn journal(mut self, path: impl Into<PathBuf>) -> Self {
        self.journal = Some(path.into());
        self
    }

    /// Speaks it into a file, and returns the length of that in bytes.
    ///
    /// Dropped before its end, it submits nothing more and leaves no file; what was submitted is in the journal. Use
    /// [`start`](Self::start) to watch its progress, or to stop it before the program ends.
    ///
    /// # Errors
    ///
    /// [Those](Self#errors) of all this.
    pub async fn save(self, path: impl AsRef<Path>) -> Result<u64, Error> {
        self.start(path).await?.await
    }

    /// Checks everything that can be checked before anything is sent. Nothing is sent until the [`Narration`] is awaited.
    ///
    /// # Errors
    ///
    /// [Those](Self#errors) that come before anything is sent.
    pub async fn start(self, path: impl AsRef<Path>) -> Result<Narration, Error> {
        let path = path.as_ref();
        self.check()?;
        let file = WavJoiner::create(path, self.pause).await?;
        let journal = self.journal.clone().unwrap_or_else(|| journal_path(path));
        let (requests, received) = mpsc::unbounded_channel();
        let received =
            stream::unfold(received, async |mut received| Some((received.recv().await?, received)));
        // As many as are fed to it: how many that may be is decided where they are joined.
        let mut batch =
            self.speak.client().batch(received).max_in_flight(self.max_in_flight).journal(&journal);
        if let Some(rate) = self.requests_per_second {
            batch = batch.requests_per_second(rate);
        }
        let results = batch.start().await?;
        let kept = self.journal.is_some();
        let splitter = Splitter::new(self.max_characters);
        let job = Job::new(self.speak, self.text, splitter, self.max_in_flight, self.resubmit_failed, file);
        Ok(Narration::new(job, requests, results, (!kept).then_some(journal)))
    }

    /// What a batch would find only when it comes to it.
    fn check(&self) -> Result<(), Error> {
        let lengths = max_characters_range();
        if !lengths.contains(&self.max_characters) {
            let (given, least, most) = (self.max_characters, lengths.start(), lengths.end());
            return Err(Error::invalid(
                "max_characters",
                format!("{given} is not between {least} and {most}"),
            ));
        }
        if self.max_in_flight == 0 {
            return Err(Error::invalid("max_in_flight", "is 0; with less than 1 nothing is ever sent"));
        }
        let Some(first) = Splitter::new(self.max_characters).next(&self.text) else {
            return Err(Error::invalid("input", "there is nothing in it but white space"));
        };
        self.speak.with_text(&self.text[first]).to_request().map(drop)
    }
}

/// The journal of a file.
fn journal_path(path: &Path) -> PathBuf {
    let mut journal = path.as_os_str().to_owned();
    journal.push(".journal");
    journal.into()
}

/// Without the text: it is the user's own.
impl fmt::Debug for InPieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InPieces")
            .field("bytes", &self.text.len())
            .field("speak", &self.speak)
            .field("max_characters", &self.max_characters)
            .field("max_in_flight", &self.max_in_flight)
            .field("requests_per_second", &self.requests_per_second)
            .field("pause", &self.pause)
            .field("resubmit_failed", &self.resubmit_failed)
            .field("journal", &self.journal)
            .finish()
    }
}
