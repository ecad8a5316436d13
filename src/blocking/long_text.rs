use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{forward::forward, runtime::Runtime};
use crate::{
    Error,
    ext::long_text::{self, Recording},
    store::{Plan, StoreSettings},
};

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
    inner: long_text::InPieces,
    runtime: Runtime,
}

impl InPieces {
    pub(super) fn new(inner: long_text::InPieces, runtime: Runtime) -> Self {
        Self { inner, runtime }
    }

    forward! {
        "crate::long_text::InPieces";
        /// Sets the maximum length of a piece, from 3 to 4,096 characters.
        set max_characters(count: usize);
        /// Sets the maximum number of pieces in flight. At least 1.
        set max_in_flight(count: usize);
        /// Sets the maximum number of requests to the API per second. Any number above 0.
        set requests_per_second(rate: f64);
        /// Sets the maximum number of submissions of this run.
        set max_submissions(count: usize);
        /// Sets the maximum duration of the audio that this run submits, in seconds.
        set max_seconds(seconds: f64);
        /// Sets the length of the silence between two pieces. At most one hour.
        set pause(time: Duration);
        /// Sets the length of the silence between two paragraphs. At most one hour. With it, a piece ends at the end of each
        /// paragraph.
        set paragraph_pause(time: Duration);
        /// Sets the length of the silence before the heading of a chapter. At most one hour. With it, a piece ends before
        /// each heading.
        set chapter_pause(time: Duration);
        /// Sets the function that returns `true` if a line is the heading of a chapter.
        set headings(is_heading: impl Fn(&str) -> bool + Send + Sync + 'static);
        /// Resubmits a piece whose task ended with the status ERROR, up to `times` times. **Each resubmission may be
        /// billed.**
        set resubmit_failed(times: u32);
        /// Sets whether a piece without audio is skipped with a warning in the log.
        set skip_empty_audio(skip: bool);
        /// Sets the store of the pieces, and keeps the store when the file is complete.
        set store(store: impl Into<StoreSettings>);
        /// Speaks these pieces again. **They are billed again.** The first piece has number 1.
        set redo(pieces: impl IntoIterator<Item = usize>);
        /// Sets the path of a file with subtitles, as WebVTT (`.vtt`) or SRT (`.srt`).
        set subtitles(path: impl Into<PathBuf>);
        /// Sets the path of a file with chapters, as WebVTT (`.vtt`).
        set chapters(path: impl Into<PathBuf>);
    }

    /// Returns what the text would submit, and what that is expected to cost. Sends nothing.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`long_text::InPieces::plan`]
    pub fn plan(&self) -> Result<Plan, Error> {
        let pieces = self.inner.clone();
        self.runtime.run(async move { pieces.plan().await })
    }

    /// Speaks the text, writes the audio to a file, and returns where each part of the text is in the file.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): called in an async task
    /// - the errors of [`long_text::InPieces::save`]
    pub fn save(self, path: impl AsRef<Path>) -> Result<Recording, Error> {
        let path = path.as_ref().to_owned();
        self.runtime.run(self.inner.save(path))
    }
}
