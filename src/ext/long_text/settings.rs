//! The settings of a long text that concern paragraphs, chapters and subtitles.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::InPieces;

impl InPieces {
    /// Sets the length of the silence between two paragraphs, instead of [`pause`](Self::pause). At most one hour.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("book.wav");
    /// use std::time::Duration;
    ///
    /// let book = "# Loomings\n\nCall me Ishmael.\n\nSome years ago, I went to sea.";
    /// let pieces = client.speak(book).in_pieces().paragraph_pause(Duration::from_millis(600));
    /// let recording = pieces.chapter_pause(Duration::from_secs(2)).save(&path).await?;
    /// let [heading, first, second] = recording.pieces() else { panic!("expected three pieces") };
    /// assert_eq!(first.start() - heading.end(), Duration::from_millis(600));
    /// assert_eq!(second.start() - first.end(), Duration::from_millis(600));
    /// # Ok(()) }
    /// ```
    ///
    /// An empty line ends a paragraph. **With this setting, also with a pause of zero, a piece ends at the end of each
    /// paragraph.** A text then has at least as many pieces as paragraphs, and each piece is billed for at least one
    /// second. With the store of a run without this setting, the pieces that change are billed again. A paragraph without
    /// letters and digits, such as `* * *`, stays with the paragraph before it.
    pub fn paragraph_pause(mut self, time: Duration) -> Self {
        self.pauses.paragraph = Some(time);
        self
    }

    /// Sets the length of the silence before the heading of a chapter. At most one hour.
    ///
    /// **With this setting, a piece ends before each heading.** Each piece is billed for at least one second. With the store
    /// of a run without this setting, the pieces that change are billed again. Without this setting, the pause before a heading is that between paragraphs, or else that between pieces.
    /// [`headings`](Self::headings) defines what a heading is.
    pub fn chapter_pause(mut self, time: Duration) -> Self {
        self.pauses.chapter = Some(time);
        self
    }

    /// Sets the function that returns `true` if a line is the heading of a chapter.
    ///
    /// ```no_run
    /// # async fn run(
    /// #     client: distribute_ai::Client,
    /// #     book: String,
    /// # ) -> Result<(), distribute_ai::Error> {
    /// let pieces = client.speak(book).in_pieces().headings(|line| line.starts_with("Kapitel "));
    /// pieces.chapters("book.chapters.vtt").save("book.wav").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The function is called for each line with a letter or a digit, without white space at both ends. It has an effect
    /// only with
    /// [`chapter_pause`](Self::chapter_pause) or [`chapters`](Self::chapters). A line without letters and
    /// digits is never a heading.
    pub fn headings(mut self, is_heading: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.is_heading = Arc::new(is_heading);
        self
    }

    /// Sets the path of a file with subtitles, as WebVTT (`.vtt`) or SRT (`.srt`).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let client = simulator.client();
    /// # let directory = tempfile::tempdir()?;
    /// # let (path, subtitles) = (directory.path().join("book.wav"), directory.path().join("book.vtt"));
    /// let pieces = client.speak("Call me Ishmael.").in_pieces();
    /// pieces.subtitles(&subtitles).save(&path).await?;
    /// assert!(std::fs::read_to_string(&subtitles)?.starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:01."));
    /// # Ok(()) }
    /// ```
    ///
    /// A subtitle usually has at most two lines of 42 columns, where a wide character such as `你` takes two columns. It is shown
    /// for 1 to 7 seconds if the text allows it, and ends at the end of a sentence, a clause or a word. A subtitle
    /// belongs to one piece. The first subtitle of a piece starts exactly, rounded down to milliseconds, where the audio of
    /// the piece starts. The times within a piece are [estimated](super::Recording::sentences). A piece without audio has no
    /// subtitle.
    ///
    /// SRT has no escape characters. An invisible word joiner (U+2060) therefore follows each `<` and `{`, and separates
    /// `-->`, so that players do not read them as markup.
    ///
    /// The file is written after the audio, in one step like the audio. If this fails, the store remains, and another
    /// run writes it without being billed again. The path must be different from those of the other files.
    pub fn subtitles(mut self, path: impl Into<PathBuf>) -> Self {
        self.subtitles = Some(path.into());
        self
    }

    /// Sets the path of a file with chapters, as WebVTT (`.vtt`).
    ///
    /// A chapter starts at its heading and ends where the next chapter starts. The text before the first heading belongs to
    /// no chapter. **With this setting, a piece ends before each heading**, so that the times are exact. As with
    /// [`chapter_pause`](Self::chapter_pause), this can cost more. A heading that is too short for a piece of its own, such as
    /// a single character, belongs to the chapter before.
    /// [`headings`](Self::headings) defines what a heading is. The file is written as that of the
    /// [subtitles](Self::subtitles).
    pub fn chapters(mut self, path: impl Into<PathBuf>) -> Self {
        self.chapters = Some(path.into());
        self
    }
}
