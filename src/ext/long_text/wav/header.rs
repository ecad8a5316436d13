//! The head of a WAV file whose length is known only at its end.

use super::reader::{Encoding, Format};

/// What stands before the sound. It is as long for any length of it, so that it can be written anew at the end.
///
/// A file of 4 GiB and more is RF64, as EBU Tech 3306 has it: its lengths of 64 bits stand where a smaller file has a
/// chunk of nothing.
pub(in crate::ext::long_text) fn wav_header(format: Format, sound: u64) -> Vec<u8> {
    let Format { encoding, channels, sample_rate: samples_per_second, bits_per_sample: bits } = format;
    let tag: u16 = match encoding {
        Encoding::Integer => 1,
        Encoding::Float => 3,
    };
    let frame = u32::from(channels) * u32::from(bits / 8);
    let whole = HEADER_BYTES as u64 - 8 + sound + sound % 2;
    let small = u32::try_from(whole).ok().zip(u32::try_from(sound).ok());
    let (whole_32, sound_32) = small.unwrap_or((u32::MAX, u32::MAX));

    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend(if small.is_some() { b"RIFF" } else { b"RF64" });
    header.extend(whole_32.to_le_bytes());
    header.extend(b"WAVE");
    header.extend(if small.is_some() { b"JUNK" } else { b"ds64" });
    header.extend(28_u32.to_le_bytes());
    let long =
        [whole, sound, sound / u64::from(frame)].map(|length| if small.is_some() { 0 } else { length });
    header.extend(long.iter().flat_map(|length| length.to_le_bytes()));
    header.extend(0_u32.to_le_bytes());
    header.extend(b"fmt ");
    header.extend(16_u32.to_le_bytes());
    header.extend(tag.to_le_bytes());
    header.extend(channels.to_le_bytes());
    header.extend(samples_per_second.to_le_bytes());
    header.extend(samples_per_second.saturating_mul(frame).to_le_bytes());
    header.extend(u16::try_from(frame).unwrap_or(u16::MAX).to_le_bytes());
    header.extend(bits.to_le_bytes());
    header.extend(b"data");
    header.extend(sound_32.to_le_bytes());
    header
}

/// How long a header is, in bytes.
pub(in crate::ext::long_text) const HEADER_BYTES: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    const MONO: Format =
        Format { encoding: Encoding::Integer, channels: 1, sample_rate: 24_000, bits_per_sample: 16 };

    #[test]
    fn a_file_begins_as_any_player_expects_it() {
        let expected = [
            b"RIFF\x4c\0\0\0WAVE".as_slice(),
            b"JUNK\x1c\0\0\0",
            &[0; 28],
            b"fmt \x10\0\0\0\x01\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0",
            b"data\x04\0\0\0",
        ]
        .concat();
        assert_eq!(wav_header(MONO, 4), expected);
        assert_eq!(expected.len(), HEADER_BYTES);
    }

    #[test]
    fn from_4_gib_on_lengths_have_64_bits() {
        let largest = u64::from(u32::MAX) - 73;
        assert_eq!(&wav_header(MONO, largest)[..8], b"RIFF\xfe\xff\xff\xff");
        let longer = wav_header(MONO, 0x1_2345_6788);
        assert_eq!(longer.len(), HEADER_BYTES);
        assert_eq!(&longer[..20], b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0");
        assert_eq!(longer[20..28], 0x1_2345_67d0_u64.to_le_bytes());
        assert_eq!(longer[28..36], 0x1_2345_6788_u64.to_le_bytes());
        assert_eq!(longer[36..44], 0x0_91a2_b3c4_u64.to_le_bytes());
        assert_eq!(&longer[72..], b"data\xff\xff\xff\xff");
    }

    #[test]
    fn an_odd_length_is_that_of_the_sound_and_the_file_has_one_more() {
        let header = wav_header(Format { bits_per_sample: 8, ..MONO }, 5);
        assert_eq!((header[4], header[76]), (78, 5));
    }
}
