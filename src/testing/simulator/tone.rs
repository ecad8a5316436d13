//! The placeholder sound: one soft tone per letter, in a WAV file that any player takes.

use std::{
    f64::consts::{PI, TAU},
    ops::Range,
    sync::LazyLock,
};

const SAMPLES_PER_SECOND: u32 = 24_000;
const BYTES_PER_SAMPLE: u16 = 2;
const BYTES_PER_SECOND: usize = 48_000;

const SAMPLES_PER_CHARACTER: u32 = SAMPLES_PER_SECOND * 60 / 1000;
const BYTES_PER_CHARACTER: usize = BYTES_PER_SECOND * 60 / 1000;

const HEADER: usize = 44;

/// A file that is never held whole: any part of it follows from the text.
pub(crate) struct Tone {
    letters: Vec<char>,
    sound: usize,
}

impl Tone {
    /// 60 ms per character, but at least one second.
    pub(crate) fn from_text(text: &str) -> Self {
        let letters: Vec<char> = text.chars().collect();
        let sound = (letters.len() * BYTES_PER_CHARACTER).max(BYTES_PER_SECOND);
        Self { letters, sound }
    }

    /// Bytes in the file.
    pub(crate) fn len(&self) -> usize {
        HEADER + self.sound
    }

    /// A part of the file; `range` lies within it.
    pub(crate) fn read(&self, range: Range<usize>) -> Vec<u8> {
        let mut part = Vec::with_capacity(range.len());
        if range.start < HEADER {
            part.extend_from_slice(&self.header()[range.start..range.end.min(HEADER)]);
        }
        while part.len() < range.len() {
            let position = range.start + part.len() - HEADER;
            let blip = self.letter_tone(position / BYTES_PER_CHARACTER);
            let rest = &blip[position % BYTES_PER_CHARACTER..];
            part.extend_from_slice(&rest[..rest.len().min(range.len() - part.len())]);
        }
        part
    }

    /// RIFF, PCM, mono.
    fn header(&self) -> Vec<u8> {
        // Formats and chunk sizes have 32 bits; a text of the API's 4,096 characters needs 24.
        let sound = u32::try_from(self.sound).unwrap_or(u32::MAX);
        [
            b"RIFF".as_slice(),
            &sound.saturating_add(36).to_le_bytes(),
            b"WAVEfmt ",
            &16_u32.to_le_bytes(),
            &1_u16.to_le_bytes(),
            &1_u16.to_le_bytes(),
            &SAMPLES_PER_SECOND.to_le_bytes(),
            &(SAMPLES_PER_SECOND * u32::from(BYTES_PER_SAMPLE)).to_le_bytes(),
            &BYTES_PER_SAMPLE.to_le_bytes(),
            &(BYTES_PER_SAMPLE * 8).to_le_bytes(),
            b"data",
            &sound.to_le_bytes(),
        ]
        .concat()
    }

    /// What sounds in the time of one character: a tone for letters and digits, else silence.
    fn letter_tone(&self, index: usize) -> &'static [u8] {
        match self.letters.get(index) {
            Some(letter) if letter.is_alphanumeric() => &TONES[*letter as usize % TONES.len()],
            _ => &SILENCE,
        }
    }
}

static SILENCE: [u8; BYTES_PER_CHARACTER] = [0; BYTES_PER_CHARACTER];

/// A pentatonic scale, in which any two tones go together: C, D, E, G, A, C, D.
static TONES: LazyLock<[Vec<u8>; 7]> =
    LazyLock::new(|| [261.63, 293.66, 329.63, 392.0, 440.0, 523.25, 587.33].map(tone));

/// A sine that swells and fades within the time of one character, so that nothing clicks.
fn tone(hertz: f64) -> Vec<u8> {
    (0..SAMPLES_PER_CHARACTER)
        .flat_map(|sample| {
            let swell = (PI * f64::from(sample) / f64::from(SAMPLES_PER_CHARACTER)).sin();
            let wave = (TAU * hertz * f64::from(sample) / f64::from(SAMPLES_PER_SECOND)).sin();
            level(0.25 * swell * swell * wave).to_le_bytes()
        })
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "between -1 and 1 it fits, and a float's cast saturates")]
fn level(amplitude: f64) -> i16 {
    (amplitude * f64::from(i16::MAX)).round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Vec<u8> {
        let wav = Tone::from_text(text);
        wav.read(0..wav.len())
    }

    fn samples(file: &[u8]) -> Vec<i16> {
        let pairs = file[HEADER..].chunks_exact(2);
        pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    }

    #[test]
    fn the_header_says_16_bit_mono_at_24_khz() {
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
    fn the_length_follows_the_text_from_one_second_on() {
        for (characters, millis) in [(2, 1000), (16, 1000), (17, 1020), (4096, 245_760)] {
            let length = Tone::from_text(&"é".repeat(characters)).len() - HEADER;
            assert_eq!(length * 1000, millis * BYTES_PER_SECOND, "{characters}");
        }
    }

    #[test]
    fn any_part_is_the_same_part_of_the_whole() {
        let wav = Tone::from_text("Any part, anywhere: 0123456789.");
        let whole = wav.read(0..wav.len());
        for range in
            [0..0, 0..1, 10..44, 40..50, 44..2924, 2923..2925, 7777..50_001, whole.len() - 1..whole.len()]
        {
            assert_eq!(wav.read(range.clone()), whole[range]);
        }
    }

    #[test]
    fn letters_sound_softly_and_the_rest_is_silent() {
        let file = file("a !b");
        let sound = samples(&file);
        let loudest = |range: Range<usize>| sound[range].iter().map(|s| s.unsigned_abs()).max();
        assert!(loudest(0..1440) > Some(4000) && loudest(0..1440) < Some(8192));
        assert_eq!(loudest(1440..4320), Some(0));
        assert!(loudest(4320..5760) > Some(4000));
        assert_eq!(loudest(5760..24_000), Some(0));
    }

    #[test]
    fn no_sample_jumps() {
        let sound = samples(&file("Nothing clicks, not even between two letters."));
        let steepest = sound.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max();
        assert!(steepest < Some(1300), "{steepest:?}");
    }

    #[test]
    fn the_same_text_gives_the_same_bytes() {
        assert_eq!(file("Again."), file("Again."));
        assert_ne!(file("Again."), file("Anew!!"));
    }
}
