//! One audio file from a text of any length.
//!
//! [`boundary`] finds the positions at which a text may be split, and [`candidate`] ranks them. [`anchor`] selects
//! those at which a piece always ends, and [`piece_end`] the others. [`splitter`] applies both to a text. [`sections`]
//! applies it to each paragraph or chapter, if pieces end there; [`heading`] recognises chapters. [`wav`] reads WAV
//! files and joins them. [`start`] opens the files and the store, [`job`] submits the pieces and joins their audio in
//! order, and [`narration`] is the user's handle to a job. [`recording`] maps the text to times, and [`outputs`] writes
//! [`subtitles`] and chapters with these times. [`paths`] checks that all these files are different, and [`checks`] the
//! other settings. [`settings`] has the setters for all of this.

mod abbreviations;
mod anchor;
mod boundary;
mod candidate;
mod checks;
mod heading;
mod job;
mod narration;
mod outputs;
mod paths;
mod piece_end;
mod recording;
mod sections;
mod settings;
mod splitter;
mod start;
mod subtitles;
mod wav;

#[cfg(distribute_ai_fuzzing)]
#[doc(hidden)]
pub(super) mod fuzzing;

use std::{collections::BTreeSet, fmt, hash::Hasher, path::PathBuf, sync::Arc, time::Duration};

use fnv::FnvHasher;

use self::{heading::IsHeading, sections::Pauses, splitter::max_characters_range};
pub use self::{
    heading::is_heading,
    job::Progress,
    narration::Narration,
    recording::{Cue, Recording},
    splitter::{Pieces, split},
};
pub use super::piece::Piece;
#[cfg(doc)]
use crate::store::Store;
use crate::{
    Error, Speak,
    ext::{
        batch::{config::Config, plan::plan},
        store::{Plan, StoreSettings, facts::Redo},
    },
};

const MAX_IN_FLIGHT: usize = 16;

/// A speech request for a text of any length, from [`Speak::in_pieces`]. [`save`](Self::save) sends it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::testing::Simulator::start().await?;
/// # let client = simulator.client();
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("book.wav");
/// let book = "Call me Ishmael. Some years ago, never mind how long precisely, \
///             I thought I would sail about a little.";
/// client.speak(book).voice("nora").in_pieces().max_characters(64).save(&path).await?;
/// # assert_eq!(simulator.creates(), 3);
/// # assert_eq!(std::fs::read_dir(directory.path())?.count(), 1);
///
/// // With limits and a store that is kept.
/// client
///     .speak(book)
///     .in_pieces()
///     .max_characters(64)
///     .max_in_flight(2)
///     .requests_per_second(10.0)
///     .resubmit_failed(1)
///     .store(directory.path().join("speeches"))
///     .save(&path)
///     .await?;
/// # Ok(()) }
/// ```
///
/// The text is [split](split()) where a speaker would pause. The pieces are submitted as a
/// [batch](crate::Client::batch), and their audio is joined in order while it is downloaded. Memory use does
/// not grow with the length of the audio. It grows with that of the text: the text, a small entry for each piece, and the
/// [subtitles](Self::subtitles) are in memory.
///
/// The file appears only when it is complete, as with [`Audio::save`](crate::Audio::save). It is a
/// WAV file with the same format as the audio of its pieces. A file of 4 GiB or more is an RF64
/// file, which is WAV with 64-bit lengths.
///
/// The audio of a piece is a WAV file of integer samples with 8, 16, 24 or 32 bits, or of float samples with 32
/// bits, with up to 8 channels and 192,000 samples per second. An audio without samples ends the narration, unless
/// [`skip_empty_audio`](Self::skip_empty_audio) is set.
///
/// **Each piece is billed separately.** If you set no [store](Store), the directory `book.wav.store` next to `book.wav`
/// records the pieces until the file is complete. After a failure or a crash, run the same program again: submitted
/// pieces are downloaded and not submitted again. Only pieces that are missing or that have changed in text
/// or settings are submitted. Pieces with the same text are submitted once. When the file is complete, the directory is
/// removed, so **one more run bills the whole text again**, unless you set a store.
///
/// The first piece that fails ends the narration: no further piece is submitted. Pending
/// submissions finish and are recorded in the store. The error carries the [piece](Error::piece),
/// and the [task id](Error::task_id) of the piece if there is one.
///
/// # Default
///
/// - `max_characters`: 4,096, the maximum of the API
/// - `max_in_flight`: 16
/// - `requests_per_second`: unlimited; only `max_in_flight`, the poll policy and `Retry-After` limit the rate
/// - `max_submissions`, `max_seconds`: unlimited
/// - `pause`: none
/// - `paragraph_pause`: as `pause`, and pieces do not end at each paragraph
/// - `chapter_pause`: as `paragraph_pause`, and pieces do not end at each chapter
/// - `headings`: [`is_heading`]
/// - `subtitles`, `chapters`: none
/// - `resubmit_failed`: 0 times
/// - `skip_empty_audio`: false, a piece without audio is an error
/// - `store`: that of the client; otherwise next to the file, and removed when the file is complete
/// - `redo`: no piece
///
/// # Errors
///
/// Before anything is sent:
/// - [`is_invalid`](Error::is_invalid): a text of one character, a `max_characters` of 2, or a pause of more than an hour
/// - [`is_invalid`](Error::is_invalid): [`Speak::redo`] of the whole text
/// - [`is_invalid`](Error::is_invalid): subtitles or chapters with another ending, or two paths that lead to one file
/// - [`is_io`](Error::is_io): the directory of a file is missing
/// - the errors of [`Store::open`]
///
/// For a piece, the errors of [`Speak`], and:
/// - [`is_download`](Error::is_download): the audio is empty or not a WAV file, or has an unsupported sample format or
///   another sample rate than the pieces before
#[derive(Clone)]
#[must_use = "nothing is sent until it is saved or started"]
pub struct InPieces {
    /// The settings of each piece, with an empty text.
    speak: Speak,
    text: String,
    max_characters: usize,
    config: Config,
    pauses: Pauses,
    is_heading: IsHeading,
    resubmit_failed: u32,
    skip_empty_audio: bool,
    /// The numbers of the pieces that are spoken again.
    redo: BTreeSet<usize>,
    subtitles: Option<PathBuf>,
    chapters: Option<PathBuf>,
}

impl Speak {
    /// Splits a text of any length into pieces that are spoken with these settings and joined in one file.
    ///
    /// ```no_run
    /// # async fn run(
    /// #     client: distribute_ai::Client,
    /// #     book: String,
    /// # ) -> Result<(), distribute_ai::Error> {
    /// client.speak(book).voice("nora").in_pieces().save("book.wav").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`deadline`](Self::deadline) and [`resubmit_in_doubt`](Self::resubmit_in_doubt) apply to each piece,
    /// and [`on_submitted`](Self::on_submitted) is called for each piece. [`redo`](Self::redo) is an
    /// [`is_invalid`](Error::is_invalid) error: use [`InPieces::redo`] with the numbers of the pieces.
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
            config: Config::new(MAX_IN_FLIGHT),
            pauses: Pauses::default(),
            is_heading: Arc::new(is_heading),
            resubmit_failed: 0,
            skip_empty_audio: false,
            redo: BTreeSet::new(),
            subtitles: None,
            chapters: None,
        }
    }

    /// Sets the maximum length of a piece, from 3 to 4,096 characters.
    ///
    /// Shorter pieces are finished sooner, and a failed piece costs less. However, shorter pieces
    /// have more audible joints, and each piece is billed for at least one second.
    pub fn max_characters(mut self, count: usize) -> Self {
        self.max_characters = count;
        self
    }

    /// Sets the maximum number of pieces in flight. At least 1.
    ///
    /// A piece is in flight from its submission until its audio is in the file.
    pub fn max_in_flight(mut self, count: usize) -> Self {
        self.config.limits.max_in_flight = count;
        self
    }

    /// Sets the maximum number of requests to the API per second. Any number above 0.
    ///
    /// See [`Batch::requests_per_second`](crate::batch::Batch::requests_per_second).
    pub fn requests_per_second(mut self, rate: f64) -> Self {
        self.config.limits.requests_per_second = Some(rate);
        self
    }

    /// Sets the maximum number of submissions of this run.
    ///
    /// A piece that would exceed the limit ends the narration with an [`is_stopped`](Error::is_stopped) error. What was
    /// submitted stays in the [store](Self::store), so a later run with a higher limit continues. See
    /// [`Batch::max_submissions`](crate::batch::Batch::max_submissions).
    pub fn max_submissions(mut self, count: usize) -> Self {
        self.config.max_submissions = Some(count);
        self
    }

    /// Sets the maximum duration of the audio that this run submits, in seconds. A number from 0. Each piece counts for at
    /// least one second, as on the bill.
    ///
    /// A piece that would exceed the limit ends the narration with an [`is_stopped`](Error::is_stopped) error, which names
    /// the numbers. The duration of a piece is known when its audio is in the file, and expected before. See
    /// [`Batch::max_seconds`](crate::batch::Batch::max_seconds).
    pub fn max_seconds(mut self, seconds: f64) -> Self {
        self.config.max_seconds = Some(seconds);
        self
    }

    /// Sets the length of the silence between two pieces. At most one hour.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("two.wav");
    /// use std::time::Duration;
    ///
    /// let pieces = client.speak("Wait for it. Here it is.").in_pieces().max_characters(12);
    /// let recording = pieces.pause(Duration::from_secs(1)).save(&path).await?;
    /// let [first, second] = recording.pieces() else { panic!("expected two pieces") };
    /// assert_eq!(second.start() - first.end(), Duration::from_secs(1));
    /// # Ok(()) }
    /// ```
    ///
    /// See also [`paragraph_pause`](Self::paragraph_pause) and [`chapter_pause`](Self::chapter_pause).
    pub fn pause(mut self, time: Duration) -> Self {
        self.pauses.piece = time;
        self
    }

    /// Resubmits a piece whose task ended with the status ERROR, up to `times` times.
    ///
    /// **Each resubmission may be billed**: the API does not document whether it bills failed
    /// tasks. With 0, the default, such a piece returns an [`is_failed`](Error::is_failed) error.
    /// The next run submits the piece again, unless its speech was finished before.
    pub fn resubmit_failed(mut self, times: u32) -> Self {
        self.resubmit_failed = times;
        self
    }

    /// Sets whether a piece without audio is skipped with a warning in the log.
    ///
    /// With `false`, the default, such a piece returns an [`is_download`](Error::is_download) error with the
    /// [piece](Error::piece): a part of the text would be missing from the file. The same piece ends each later run, until
    /// [`redo`](Self::redo) speaks it again or its text changes.
    ///
    /// With `true`, the piece adds nothing to the file, and its [cue](Recording::pieces) has a duration of zero. This is a
    /// piece whose audio has no samples, or whose download is complete without a single byte. It is billed. Every other
    /// problem of audio stays an error, also a missing URL, which a later run may receive. If all pieces are skipped,
    /// there is no file, and the error is `is_download`, too.
    pub fn skip_empty_audio(mut self, skip: bool) -> Self {
        self.skip_empty_audio = skip;
        self
    }

    /// Sets the store of the pieces, and keeps the store when the file is complete.
    ///
    /// With the store, the same text can be saved again without being billed again. This includes the settings: with
    /// another voice or another [`paragraph_pause`](Self::paragraph_pause), for example, the pieces differ.
    ///
    /// The audio of each piece is kept in the store, in addition to the file. To keep entries without audio, use
    /// [`keep_audio(false)`](StoreSettings::keep_audio).
    pub fn store(mut self, store: impl Into<StoreSettings>) -> Self {
        self.config.store = Some(store.into());
        self
    }

    /// Speaks these pieces again. **They are billed again.** The first piece has number 1.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("book.wav");
    /// let book = client.speak("Call me Ishmael. Some years ago.").in_pieces().max_characters(20);
    /// let book = book.store(directory.path().join("speeches"));
    /// book.clone().save(&path).await?;
    /// // The second piece sounds wrong.
    /// book.redo([2]).save(&path).await?;
    /// assert_eq!(simulator.creates(), 3);
    /// # Ok(()) }
    /// ```
    ///
    /// The new speech replaces the one in the store, so later runs use it. A piece that is not finished is not spoken again.
    /// If a piece does not exist, `save` returns an [`is_invalid`](Error::is_invalid) error. So it does if the store has no
    /// piece of the text, because all pieces would be billed again then. If the run is interrupted, run it again with the
    /// same pieces: a piece that was already spoken again is not billed a third time. If the program was killed just after
    /// the file was complete, the next run with `redo` therefore bills nothing and writes the same file. Pieces with the same
    /// text have one speech, so all of them get the new one.
    pub fn redo(mut self, pieces: impl IntoIterator<Item = usize>) -> Self {
        self.redo.extend(pieces);
        self
    }

    /// Returns what the text would submit, and what that is expected to cost. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// let book = client.speak("Call me Ishmael. Some years ago.").in_pieces().max_characters(20);
    /// let plan = book.plan().await?;
    /// println!("{plan}");
    /// assert_eq!((plan.new, simulator.requests()), (2, 0));
    /// # Ok(()) }
    /// ```
    ///
    /// The [`store`](Self::store), or that of the client, is read. A store that exists next to an incomplete file is not:
    /// pass it with `store("book.wav.store")`.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): the text or a setting is invalid
    /// - the errors of [`Store::open`]
    pub async fn plan(&self) -> Result<Plan, Error> {
        let (mut splitter, _) = self.split_checked()?;
        let mut job = self.clone();
        job.redo_equal_pieces(&splitter);
        let pieces = std::iter::from_fn(|| splitter.next(&self.text));
        let requests = (1..).zip(pieces).map(|(number, (bytes, _))| job.request(&Piece { number, bytes }));
        // Without a store of its own, the job has one next to the file, in which equal pieces are one.
        let unknown = StoreSettings::none();
        let own =
            self.config.store.as_ref().or_else(|| self.speak.client().store().is_none().then_some(&unknown));
        plan(self.speak.client(), own, self.config.limits, requests).await
    }

    /// Returns the request of a piece.
    fn request(&self, piece: &Piece) -> Speak {
        let redo = if self.redo.contains(&piece.number) { Redo::OncePerJob(self.job_id()) } else { Redo::No };
        self.speak.piece(&self.text[piece.bytes.clone()]).with_redo(redo)
    }

    /// Returns a number that another text does not have.
    fn job_id(&self) -> u64 {
        let mut hasher = FnvHasher::default();
        hasher.write(self.text.as_bytes());
        hasher.finish()
    }
}

/// Omits the text, which may be private.
impl fmt::Debug for InPieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InPieces")
            .field("bytes", &self.text.len())
            .field("speak", &self.speak)
            .field("max_characters", &self.max_characters)
            .field("max_in_flight", &self.config.limits.max_in_flight)
            .field("requests_per_second", &self.config.limits.requests_per_second)
            .field("pauses", &self.pauses)
            .field("resubmit_failed", &self.resubmit_failed)
            .field("store", &self.config.store)
            .field("redo", &self.redo)
            .field("subtitles", &self.subtitles)
            .field("chapters", &self.chapters)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
