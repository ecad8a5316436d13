//! The header of a WAV file, for which the length of the audio is known only at the end.

use crate::ext::audio::wav::format::{Encoding, Format};

/// Builds the header of a WAV file. The header always has the same length, so that it can be overwritten at
/// the end.
///
/// A file of 4 GiB or more is an RF64 file (EBU Tech 3306). Its `ds64` chunk with 64-bit lengths must come
/// first. In smaller files, a `JUNK` chunk of the same length fills the space. It comes after the `fmt ` chunk,
/// because some readers expect `fmt ` as the first chunk.
pub(in crate::ext::long_text) fn wav_header(format: Format, audio_bytes: u64) -> Vec<u8> {
    let Format { encoding, channels, sample_rate, bits_per_sample } = format;
    let format_tag: u16 = match encoding {
        Encoding::Integer => 1,
        Encoding::Float => 3,
    };
    let frame_bytes = u32::from(channels) * u32::from(bits_per_sample / 8);
    let file_bytes = HEADER_BYTES as u64 - 8 + audio_bytes + audio_bytes % 2;
    let lengths_32 = u32::try_from(file_bytes).ok().zip(u32::try_from(audio_bytes).ok());
    let (file_bytes_32, audio_bytes_32) = lengths_32.unwrap_or((u32::MAX, u32::MAX));

    let format_chunk = [
        b"fmt ".as_slice(),
        &16_u32.to_le_bytes(),
        &format_tag.to_le_bytes(),
        &channels.to_le_bytes(),
        &sample_rate.to_le_bytes(),
        &sample_rate.saturating_mul(frame_bytes).to_le_bytes(),
        &u16::try_from(frame_bytes).unwrap_or(u16::MAX).to_le_bytes(),
        &bits_per_sample.to_le_bytes(),
    ]
    .concat();
    let frames = audio_bytes / u64::from(frame_bytes);
    let lengths_64 = [file_bytes, audio_bytes, frames].map(u64::to_le_bytes).concat();
    let head = |id: &[u8; 4]| [id, file_bytes_32.to_le_bytes().as_slice(), b"WAVE"].concat();
    let length = LENGTHS_64_BYTES.to_le_bytes();
    let junk = || [b"JUNK".as_slice(), &length, &[0; LENGTHS_64_BYTES as usize]].concat();
    // The last field is the number of further lengths, which is 0.
    let ds64 = || [b"ds64".as_slice(), &length, &lengths_64, &[0; 4]].concat();
    let data = [b"data".as_slice(), &audio_bytes_32.to_le_bytes()].concat();
    if lengths_32.is_some() {
        [head(b"RIFF"), format_chunk, junk(), data].concat()
    } else {
        [head(b"RF64"), ds64(), format_chunk, data].concat()
    }
}

/// The length of the content of a `ds64` chunk, and of the `JUNK` chunk in its place.
const LENGTHS_64_BYTES: u32 = 28;

/// The length of every header, in bytes.
pub(in crate::ext::long_text) const HEADER_BYTES: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    const MONO: Format =
        Format { encoding: Encoding::Integer, channels: 1, sample_rate: 24_000, bits_per_sample: 16 };

    #[test]
    fn header_of_small_file_is_riff_and_starts_with_fmt() {
        let expected = [
            b"RIFF\x4c\0\0\0WAVE".as_slice(),
            b"fmt \x10\0\0\0\x01\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0",
            b"JUNK\x1c\0\0\0",
            &[0; 28],
            b"data\x04\0\0\0",
        ]
        .concat();
        assert_eq!(wav_header(MONO, 4), expected);
        assert_eq!(expected.len(), HEADER_BYTES);
    }

    #[test]
    fn header_from_4_gib_on_is_rf64() {
        let largest = u64::from(u32::MAX) - 73;
        assert_eq!(&wav_header(MONO, largest)[..8], b"RIFF\xfe\xff\xff\xff");
        let larger = wav_header(MONO, 0x1_2345_6788);
        assert_eq!(larger.len(), HEADER_BYTES);
        assert_eq!(&larger[..20], b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0");
        assert_eq!(larger[20..28], 0x1_2345_67d0_u64.to_le_bytes());
        assert_eq!(larger[28..36], 0x1_2345_6788_u64.to_le_bytes());
        assert_eq!(larger[36..44], 0x0_91a2_b3c4_u64.to_le_bytes());
        assert_eq!(&larger[48..56], b"fmt \x10\0\0\0");
        assert_eq!(&larger[72..], b"data\xff\xff\xff\xff");
    }

    #[test]
    fn odd_audio_length_is_padded_in_riff_length_only() {
        let header = wav_header(Format { bits_per_sample: 8, ..MONO }, 5);
        assert_eq!((header[4], header[76]), (78, 5));
    }
}
