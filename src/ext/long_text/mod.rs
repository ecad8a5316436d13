//! One audio file from a text of any length.
//!
//! [`boundary`] finds the positions at which a text may be split, and [`candidate`] ranks them. [`anchor`] selects
//! those at which a piece always ends, and [`piece_end`] the others. [`splitter`] applies both to a text. [`sections`]
//! applies it to each paragraph or chapter, if pieces end there; [`heading`] recognises chapters. [`wav`] reads WAV
//! files and joins them. [`job`] submits the pieces and joins their audio in order, and [`narration`] is the user's
//! handle to a job. [`recording`] maps the text to times, and [`outputs`] writes [`subtitles`] and chapters with these
//! times. [`settings`] has the setters for all of this.

mod abbreviations;
mod anchor;
mod boundary;
mod candidate;
mod heading;
mod job;
mod key;
mod narration;
mod outputs;
mod piece_end;
mod recording;
mod sections;
mod settings;
mod splitter;
mod subtitles;
mod wav;

#[cfg(distribute_ai_fuzzing)]
#[doc(hidden)]
pub(super) mod fuzzing;

use std::{
    fmt,
    path::{Path, PathBuf, absolute},
    sync::Arc,
    time::Duration,
};

use futures_util::stream;
use tokio::sync::mpsc;

use self::{
    heading::IsHeading,
    job::Job,
    outputs::{TextFiles, check_paths},
    sections::{Pauses, SectionSplitter, headings, sections},
    splitter::max_characters_range,
    wav::joiner::WavJoiner,
};
pub use self::{
    heading::is_heading,
    job::Progress,
    narration::Narration,
    recording::{Cue, Recording},
    splitter::{Pieces, split},
};
pub use super::piece::Piece;
use crate::{Error, Speak, ext::batch::billed_if_exists};

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
/// // With limits and a journal that is kept.
/// client
///     .speak(book)
///     .in_pieces()
///     .max_characters(64)
///     .max_in_flight(2)
///     .requests_per_second(10.0)
///     .resubmit_failed(1)
///     .journal(directory.path().join("journal"))
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
/// bits, with up to 8 channels and 192,000 samples per second. If it has no samples, the piece adds nothing to the
/// file, a warning is logged, and the [cue](Recording::pieces) of the piece has a duration of zero.
///
/// **Each piece is billed separately.** Until the file is complete, a journal next to it records the pieces:
/// `book.wav.journal` for `book.wav`. After a failure or a crash, run the same program again: submitted
/// pieces are downloaded and not submitted again. Only pieces that are missing or that have changed in text
/// or settings are submitted.
///
/// The first piece that fails ends the narration: no further piece is submitted. Pending
/// submissions finish and are recorded in the journal. The error carries the [piece](Error::piece),
/// and the [task id](Error::task_id) of the piece if there is one.
///
/// # Default
///
/// - `max_characters`: 4,096, the maximum of the API
/// - `max_in_flight`: 16
/// - `requests_per_second`: unlimited; only `max_in_flight`, the poll policy and `Retry-After` limit the rate
/// - `pause`: none
/// - `paragraph_pause`: as `pause`, and pieces do not end at each paragraph
/// - `chapter_pause`: as `paragraph_pause`, and pieces do not end at each chapter
/// - `headings`: [`is_heading`]
/// - `subtitles`, `chapters`: none
/// - `resubmit_failed`: 0 times
/// - `journal`: next to the file, and removed when the file is complete
///
/// # Errors
///
/// Before anything is sent:
/// - [`is_invalid`](Error::is_invalid): a text of one character, a `max_characters` of 2, or a journal that
///   another run uses
/// - [`is_invalid`](Error::is_invalid): subtitles or chapters with another ending, or two files with one path
/// - [`is_io`](Error::is_io): the directory of a file or of the journal is missing
///
/// For a piece, the errors of [`Speak`], and:
/// - [`is_download`](Error::is_download): the audio is not a WAV file, has an unsupported sample format or
///   another sample rate than the pieces before, or is empty for every piece
#[derive(Clone)]
#[must_use = "nothing is sent until it is saved or started"]
pub struct InPieces {
    /// The settings of each piece, with an empty text.
    speak: Speak,
    text: String,
    max_characters: usize,
    max_in_flight: usize,
    requests_per_second: Option<f64>,
    pauses: Pauses,
    is_heading: IsHeading,
    resubmit_failed: u32,
    journal: Option<PathBuf>,
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
    /// and [`on_submitted`](Self::on_submitted) is called for each piece.
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
            pauses: Pauses::default(),
            is_heading: Arc::new(is_heading),
            resubmit_failed: 0,
            journal: None,
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
        self.max_in_flight = count;
        self
    }

    /// Sets the maximum number of requests to the API per second. Any number above 0.
    ///
    /// See [`Batch::requests_per_second`](crate::batch::Batch::requests_per_second).
    pub fn requests_per_second(mut self, rate: f64) -> Self {
        self.requests_per_second = Some(rate);
        self
    }

    /// Sets the length of the silence between two pieces.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
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
    /// Later runs return the same error until you raise `times`.
    pub fn resubmit_failed(mut self, times: u32) -> Self {
        self.resubmit_failed = times;
        self
    }

    /// Sets the path of the journal, and keeps the journal when the file is complete.
    ///
    /// With the journal, the same text can be saved again without being billed again, as long as the server
    /// keeps the audio. This includes the settings: with another voice or another
    /// [`paragraph_pause`](Self::paragraph_pause), for example, the pieces differ. The journal has the format of a
    /// [batch journal](crate::batch::Batch::journal).
    pub fn journal(mut self, path: impl Into<PathBuf>) -> Self {
        self.journal = Some(path.into());
        self
    }

    /// Speaks the text, writes the audio to a file, and returns where each part of the text is in the file.
    ///
    /// If the future is dropped early, no further piece is submitted, and each file is complete or unchanged. The
    /// journal contains the pieces that were submitted. Use [`start`](Self::start) to watch the
    /// progress, or to stop before the program ends.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`InPieces`](Self#errors).
    pub async fn save(self, path: impl AsRef<Path>) -> Result<Recording, Error> {
        self.start(path).await?.await
    }

    /// Validates the settings, opens the file and the journal, and returns the narration.
    ///
    /// Nothing is sent until the [`Narration`] is awaited.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`InPieces`](Self#errors) that occur before anything is sent.
    pub async fn start(self, path: impl AsRef<Path>) -> Result<Narration, Error> {
        let path = path.as_ref();
        let journal = self.journal.clone().unwrap_or_else(|| journal_path(path));
        check_paths(path, &journal, self.subtitles.as_deref(), self.chapters.as_deref()).await?;
        match self.open(path, &journal).await {
            Ok(narration) => Ok(narration),
            Err(error) => Err(billed_if_exists(error, Some(&journal)).await),
        }
    }

    async fn open(self, path: &Path, journal: &Path) -> Result<Narration, Error> {
        let (splitter, headings) = self.split_checked()?;
        // The journal is removed at the end, when the process may have another working directory.
        let journal = absolute(journal).map_err(|error| Error::io("could not write", journal, error))?;
        let text_files =
            TextFiles::create(self.subtitles.as_deref(), self.chapters.as_deref(), headings).await?;
        let file = WavJoiner::create(path).await?;
        let (requests, received) = mpsc::unbounded_channel();
        let received =
            stream::unfold(received, async |mut received| Some((received.recv().await?, received)));
        // The job limits the pieces in flight: it sends the batch at most `max_in_flight` requests.
        let mut batch =
            self.speak.client().batch_stream(received).max_in_flight(self.max_in_flight).journal(&journal);
        if let Some(rate) = self.requests_per_second {
            batch = batch.requests_per_second(rate);
        }
        let results = batch.run().await?;
        let keep_journal = self.journal.is_some();
        let (max_in_flight, resubmit_failed) = (self.max_in_flight, self.resubmit_failed);
        let job =
            Job::new(self.speak, self.text, splitter, self.pauses, max_in_flight, resubmit_failed, file);
        Ok(Narration::new(job, requests, results, text_files, (!keep_journal).then_some(journal)))
    }

    /// Checks the settings and the first piece, which a batch would validate only later. Returns the splitter of the
    /// text, and the byte index of each heading.
    fn split_checked(&self) -> Result<(SectionSplitter, Vec<usize>), Error> {
        let range = max_characters_range();
        if !range.contains(&self.max_characters) {
            let (value, min, max) = (self.max_characters, range.start(), range.end());
            return Err(Error::invalid(
                "max_characters",
                format!("{value} is out of range, expected {min} to {max}"),
            ));
        }
        if self.max_in_flight == 0 {
            return Err(Error::invalid("max_in_flight", "0 is too small, expected at least 1"));
        }
        let needs_headings = self.pauses.chapter.is_some() || self.chapters.is_some();
        let headings = if needs_headings { headings(&self.text, &*self.is_heading) } else { Vec::new() };
        let sections = sections(&self.text, self.pauses.paragraph.is_some(), &headings);
        let splitter = SectionSplitter::new(sections, self.max_characters);
        let Some((first, _)) = splitter.clone().next(&self.text) else {
            let problem = "contains only white space and invisible characters, expected at least one other";
            return Err(Error::invalid("input", problem));
        };
        self.speak.with_text(&self.text[first]).to_request()?;
        Ok((splitter, headings))
    }
}

/// Returns the default path of the journal for a file.
fn journal_path(path: &Path) -> PathBuf {
    let mut journal = path.as_os_str().to_owned();
    journal.push(".journal");
    journal.into()
}

/// Omits the text, which may be private.
impl fmt::Debug for InPieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InPieces")
            .field("bytes", &self.text.len())
            .field("speak", &self.speak)
            .field("max_characters", &self.max_characters)
            .field("max_in_flight", &self.max_in_flight)
            .field("requests_per_second", &self.requests_per_second)
            .field("pauses", &self.pauses)
            .field("resubmit_failed", &self.resubmit_failed)
            .field("journal", &self.journal)
            .field("subtitles", &self.subtitles)
            .field("chapters", &self.chapters)
            .finish_non_exhaustive()
    }
}
