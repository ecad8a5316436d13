//! The placeholder audio: a WAV file with one soft tone per letter.

use std::{
    f64::consts::{PI, TAU},
    ops::Range,
    sync::LazyLock,
    time::Duration,
};

const SAMPLES_PER_SECOND: u32 = 24_000;
const BYTES_PER_SAMPLE: u16 = 2;
const BYTES_PER_SECOND: usize = 48_000;

const SAMPLES_PER_CHARACTER: u32 = SAMPLES_PER_SECOND * 60 / 1000;
const BYTES_PER_CHARACTER: usize = BYTES_PER_SECOND * 60 / 1000;

const HEADER: usize = 44;

/// A WAV file that is generated on demand: any part of it follows from the text.
pub(crate) struct Tone {
    letters: Vec<char>,
    /// The length of the samples in bytes.
    audio_bytes: usize,
}

impl Tone {
    /// Creates the file for a text. It lasts 60 ms per character, but at least one second.
    pub(crate) fn from_text(text: &str) -> Self {
        let letters: Vec<char> = text.chars().collect();
        let audio_bytes = (letters.len() * BYTES_PER_CHARACTER).max(BYTES_PER_SECOND);
        Self { letters, audio_bytes }
    }

    /// Returns how long the audio lasts.
    pub(crate) fn duration(&self) -> Duration {
        // The audio of the longest text has 12 MB.
        let bytes = u32::try_from(self.audio_bytes).unwrap_or(u32::MAX);
        Duration::from_secs(bytes.into()) / 48_000
    }

    /// Returns the length of the file in bytes.
    pub(crate) fn len(&self) -> usize {
        HEADER + self.audio_bytes
    }

    /// Returns a part of the file. `range` must be within the file.
    pub(crate) fn read(&self, range: Range<usize>) -> Vec<u8> {
        let mut part = Vec::with_capacity(range.len());
        if range.start < HEADER {
            part.extend_from_slice(&self.header()[range.start..range.end.min(HEADER)]);
        }
        while part.len() < range.len() {
            let position = range.start + part.len() - HEADER;
            let samples = self.letter_tone(position / BYTES_PER_CHARACTER);
            let rest = &samples[position % BYTES_PER_CHARACTER..];
            part.extend_from_slice(&rest[..rest.len().min(range.len() - part.len())]);
        }
        part
    }

    /// Returns the header: RIFF, PCM, mono.
    fn header(&self) -> Vec<u8> {
        // Chunk sizes have 32 bits. The audio of the longest text, 4,096 characters, needs 24.
        let audio_bytes = u32::try_from(self.audio_bytes).unwrap_or(u32::MAX);
        [
            b"RIFF".as_slice(),
            &audio_bytes.saturating_add(36).to_le_bytes(),
            b"WAVEfmt ",
            &16_u32.to_le_bytes(),
            &1_u16.to_le_bytes(),
            &1_u16.to_le_bytes(),
            &SAMPLES_PER_SECOND.to_le_bytes(),
            &(SAMPLES_PER_SECOND * u32::from(BYTES_PER_SAMPLE)).to_le_bytes(),
            &BYTES_PER_SAMPLE.to_le_bytes(),
            &(BYTES_PER_SAMPLE * 8).to_le_bytes(),
            b"data",
            &audio_bytes.to_le_bytes(),
        ]
        .concat()
    }

    /// Returns the samples of one character: a tone for letters and digits, silence for all others.
    fn letter_tone(&self, index: usize) -> &'static [u8] {
        match self.letters.get(index) {
            Some(letter) if letter.is_alphanumeric() => &TONES[*letter as usize % TONES.len()],
            _ => &SILENCE,
        }
    }
}

static SILENCE: [u8; BYTES_PER_CHARACTER] = [0; BYTES_PER_CHARACTER];

/// The tones of a pentatonic scale, in which any two tones harmonise: C, D, E, G, A, C, D.
static TONES: LazyLock<[Vec<u8>; 7]> =
    LazyLock::new(|| [261.63, 293.66, 329.63, 392.0, 440.0, 523.25, 587.33].map(tone));

/// Returns a sine wave that fades in and out within one character, to avoid clicks.
fn tone(hertz: f64) -> Vec<u8> {
    (0..SAMPLES_PER_CHARACTER)
        .flat_map(|sample| {
            let envelope = (PI * f64::from(sample) / f64::from(SAMPLES_PER_CHARACTER)).sin();
            let wave = (TAU * hertz * f64::from(sample) / f64::from(SAMPLES_PER_SECOND)).sin();
            to_sample(0.25 * envelope * envelope * wave).to_le_bytes()
        })
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "an amplitude from -1 to 1 fits, and casts from floats saturate"
)]
fn to_sample(amplitude: f64) -> i16 {
    (amplitude * f64::from(i16::MAX)).round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Vec<u8> {
        let tone = Tone::from_text(text);
        tone.read(0..tone.len())
    }

    fn samples(file: &[u8]) -> Vec<i16> {
        let pairs = file[HEADER..].chunks_exact(2);
        pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    }

    #[test]
    fn header_describes_16_bit_mono_at_24_khz() {
        let file = file(&"a".repeat(100));
        let expected = [
            b"RIFF".as_slice(),
            &[0x24, 0x65, 0x04, 0x00],
            b"WAVEfmt \x10\0\0\0\x01\0\x01\0",
            &[0xc0, 0x5d, 0x00, 0x00, 0x80, 0xbb, 0x00, 0x00],
            b"\x02\0\x10\0data",
            &[0x00, 0x65, 0x04, 0x00],
        ]
        .concat();
        assert_eq!(file[..HEADER], expected);
        assert_eq!(file.len(), HEADER + 288_000);
    }

    #[test]
    fn length_is_60_ms_per_character_with_minimum_of_one_second() {
        for (characters, millis) in [(2, 1000), (16, 1000), (17, 1020), (4096, 245_760)] {
            let length = Tone::from_text(&"é".repeat(characters)).len() - HEADER;
            assert_eq!(length * 1000, millis * BYTES_PER_SECOND, "{characters}");
        }
    }

    #[test]
    fn read_range_equals_slice_of_whole_file() {
        let tone = Tone::from_text("Any part, anywhere: 0123456789.");
        let whole = tone.read(0..tone.len());
        for range in
            [0..0, 0..1, 10..44, 40..50, 44..2924, 2923..2925, 7777..50_001, whole.len() - 1..whole.len()]
        {
            assert_eq!(tone.read(range.clone()), whole[range]);
        }
    }

    #[test]
    fn letters_are_soft_tones_and_other_characters_silent() {
        let file = file("a !b");
        let samples = samples(&file);
        let loudest = |range: Range<usize>| samples[range].iter().map(|s| s.unsigned_abs()).max();
        assert!(loudest(0..1440) > Some(4000) && loudest(0..1440) < Some(8192));
        assert_eq!(loudest(1440..4320), Some(0));
        assert!(loudest(4320..5760) > Some(4000));
        assert_eq!(loudest(5760..24_000), Some(0));
    }

    #[test]
    fn adjacent_samples_differ_by_less_than_1300() {
        let samples = samples(&file("Nothing clicks, not even between two letters."));
        let steepest = samples.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max();
        assert!(steepest < Some(1300), "{steepest:?}");
    }

    #[test]
    fn same_text_gives_same_bytes() {
        assert_eq!(file("Again."), file("Again."));
        assert_ne!(file("Again."), file("Anew!!"));
    }
}
