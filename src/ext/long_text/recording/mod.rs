//! The time at which each part of a text is spoken.

use std::{fmt, ops::Range, time::Duration};

use super::{
    boundary::{Kind, boundaries},
    wav::joiner::WavFile,
};
use crate::ext::speakable::count_speakable;

/// A saved long text, from [`InPieces::save`](super::InPieces::save). It maps the text to the audio.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::testing::Simulator::start().await?;
/// # let client = simulator.client();
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("book.wav");
/// let book = "Call me Ishmael. Some years ago, I went to sea.";
/// let recording = client.speak(book).in_pieces().save(&path).await?;
/// for sentence in recording.sentences() {
///     println!("{:?}: {}", sentence.start(), &book[sentence.bytes()]);
/// }
/// # assert_eq!((recording.pieces().len(), recording.sentences().count()), (1, 2));
/// # assert_eq!(recording.bytes(), std::fs::metadata(&path)?.len());
/// # Ok(()) }
/// ```
///
/// A recording contains the text, and about 56 bytes for each piece.
#[derive(Clone, PartialEq, Eq)]
pub struct Recording {
    text: String,
    bytes: u64,
    duration: Duration,
    pieces: Vec<Cue>,
}

impl Recording {
    /// Creates a recording from the byte range of each piece and the position of its audio in frames.
    pub(super) fn new(file: WavFile, text: String, positions: Vec<(Range<usize>, Range<u64>)>) -> Self {
        let time = |frames| frames_to_time(frames, file.sample_rate);
        let pieces = positions.into_iter().map(|(bytes, frames)| {
            let (start, end) = (time(frames.start), time(frames.end));
            Cue { bytes, start, duration: end.saturating_sub(start), estimated: false }
        });
        Self { text, bytes: file.bytes, duration: time(file.frames), pieces: pieces.collect() }
    }

    /// Returns the length of the file, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the duration of the audio, with all pauses.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// Returns the cue of each piece, in order. The first one is piece number 1.
    ///
    /// The times are exact: they are computed from the number of samples in the file and rounded down to nanoseconds.
    /// The cue of a piece without audio has a duration of zero.
    #[must_use]
    pub fn pieces(&self) -> &[Cue] {
        &self.pieces
    }

    /// Returns the cue of each sentence, in order.
    ///
    /// **The times within a piece are estimated.** The API does not return them, so the time of a piece is divided in
    /// proportion to the characters of each sentence, without white space. The durations of the sentences add up to
    /// the duration of the piece.
    ///
    /// A sentence that is divided into several pieces has a cue for each. Sentences end as for [`split`](super::split()), except
    /// its apparent sentences.
    pub fn sentences(&self) -> impl Iterator<Item = Cue> + '_ {
        self.pieces.iter().flat_map(|piece| piece.divide(&self.text, &sentences(&self.text, piece.bytes())))
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// Omits the text, which may be private.
impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("bytes", &self.bytes)
            .field("duration", &self.duration)
            .field("pieces", &self.pieces)
            .finish_non_exhaustive()
    }
}

/// A part of a text, and the time at which it is spoken, from [`Recording::pieces`] and [`Recording::sentences`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    bytes: Range<usize>,
    start: Duration,
    duration: Duration,
    estimated: bool,
}

impl Cue {
    /// Returns the byte range of the part in the text.
    #[must_use]
    pub fn bytes(&self) -> Range<usize> {
        self.bytes.clone()
    }

    /// Returns the time in the file at which the part starts.
    #[must_use]
    pub fn start(&self) -> Duration {
        self.start
    }

    /// Returns the time in the file at which the part ends. A pause after the part is not included.
    #[must_use]
    pub fn end(&self) -> Duration {
        self.start + self.duration
    }

    /// Returns the duration of the part, without pauses.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// Returns `true` if the start or the end is estimated.
    ///
    /// Pieces are exact, and so is a sentence that is a whole piece. Every other sentence is estimated.
    #[must_use]
    pub fn is_estimated(&self) -> bool {
        self.estimated
    }

    /// Divides the time among consecutive parts of the text, in proportion to their speakable characters.
    pub(super) fn divide(&self, text: &str, parts: &[Range<usize>]) -> Vec<Self> {
        let weights = parts.iter().map(|part| count_speakable(&text[part.clone()]) as u128);
        let weights: Vec<_> = weights.collect();
        let total = weights.iter().sum::<u128>().max(1);
        let time_at = |weight: u128| {
            Duration::from_nanos(u64::try_from(self.duration.as_nanos() * weight / total).unwrap_or(u64::MAX))
        };
        let mut before = 0;
        let cues = parts.iter().zip(weights).map(|(bytes, weight)| {
            let start = time_at(before);
            before += weight;
            let duration = time_at(before).saturating_sub(start);
            Self { bytes: bytes.clone(), start: self.start + start, duration, estimated: parts.len() > 1 }
        });
        cues.collect()
    }
}

/// Returns the byte ranges of the sentences in a part of the text.
pub(super) fn sentences(text: &str, bytes: Range<usize>) -> Vec<Range<usize>> {
    let mut start = bytes.start;
    let mut sentences = Vec::new();
    for boundary in boundaries(&text[bytes.clone()]) {
        if boundary.kind >= Kind::Sentence {
            sentences.push(start..bytes.start + boundary.end);
            start = bytes.start + boundary.start;
        }
    }
    sentences.push(start..bytes.end);
    sentences
}

/// Converts a number of frames to a time, rounded down to nanoseconds.
fn frames_to_time(frames: u64, sample_rate: u32) -> Duration {
    let rate = u64::from(sample_rate.max(1));
    // The remainder is less than 2^32, so the product is less than 2^62.
    Duration::from_secs(frames / rate) + Duration::from_nanos(frames % rate * 1_000_000_000 / rate)
}

#[cfg(test)]
mod tests;
