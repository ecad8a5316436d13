use super::*;
use crate::ext::audio::wav::format::Encoding;

const HEAD: &[u8] = b"RIFF\xff\xff\xff\xffWAVE";
const PCM: &[u8] = b"fmt \x10\0\0\0\x01\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0";
const MONO: Format =
    Format { encoding: Encoding::Integer, channels: 1, sample_rate: 24_000, bits_per_sample: 16 };

/// Reads a file in parts of several sizes, and checks that the result is the same for each size.
#[track_caller]
fn read(parts: &[&[u8]]) -> Result<(Format, Vec<u8>), String> {
    let file = parts.concat();
    let outcomes: Vec<_> = [1, 2, 3, 7, file.len()].map(|size| read_in_parts(&file, size)).into();
    assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]), "{outcomes:?}");
    outcomes.into_iter().next().unwrap()
}

fn read_in_parts(file: &[u8], size: usize) -> Result<(Format, Vec<u8>), String> {
    let (mut reader, mut audio) = (Reader::default(), Vec::new());
    for part in file.chunks(size) {
        audio.extend(reader.push(&Bytes::copy_from_slice(part))?);
    }
    let format = reader.format();
    audio.extend(reader.finish()?);
    Ok((format.unwrap(), audio.concat()))
}

#[track_caller]
fn assert_audio(parts: &[&[u8]], expected: &[u8]) {
    assert_eq!(read(parts), Ok((MONO, expected.to_vec())));
}

/// Chunks of odd length, without the padding byte.
const LIST: &[u8] = b"LIST\x07\0\0\0INFOxyz";
const UNKNOWN: &[u8] = b"abcd\x01\0\0\0x";
const PAD: &[u8] = b"\0";
const DATA: &[u8] = b"data\x04\0\0\0abcd";

#[test]
fn file_with_format_and_data_chunks_is_read() {
    assert_audio(&[HEAD, PCM, DATA], b"abcd");
}

#[test]
fn other_chunks_are_skipped_with_and_without_padding_of_odd_lengths() {
    let fact: &[u8] = b"fact\x04\0\0\0\x02\0\0\0";
    for pad in [PAD, b"", b"\xff"] {
        assert_audio(&[HEAD, LIST, pad, PCM, fact, LIST, pad, DATA, LIST, pad], b"abcd");
        assert_audio(&[HEAD, UNKNOWN, pad, PCM, UNKNOWN, pad, UNKNOWN, pad, DATA], b"abcd");
        // The last frame is completed.
        let odd = b"data\x03\0\0\0abc";
        assert_audio(&[HEAD, PCM, odd, pad, LIST], b"abc\0");
        assert_audio(&[HEAD, PCM, odd, pad, DATA], b"abc\0abcd");
    }
}

const PLACEHOLDERS: [u32; 8] =
    [0, 0x4000_0000, 2_000_000_000, 0x7fff_f000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffdb, 0xffff_ffff];

#[test]
fn data_with_placeholder_length_extends_to_end_of_file() {
    for length in PLACEHOLDERS {
        let length = length.to_le_bytes();
        for audio in [b"".as_slice(), b"ab", b"abcdef", b"abRIFFabcdWAV_", b"abcdRI"] {
            assert_audio(&[HEAD, PCM, b"data", &length, audio], audio);
        }
        assert_audio(&[HEAD, PCM, b"data", &length, b"RIF"], b"RIF\0");
    }
}

#[test]
fn empty_data_chunk_before_other_chunk_has_no_audio() {
    let empty: &[u8] = b"data\0\0\0\0";
    assert_audio(&[HEAD, PCM, empty], b"");
    assert_audio(&[HEAD, PCM, empty, LIST], b"");
    assert_audio(&[HEAD, PCM, empty, LIST, PAD, empty, DATA], b"abcd");
    assert_audio(&[HEAD, PCM, empty, HEAD, PCM, DATA], b"abcd");
}

#[test]
fn several_data_chunks_and_files_are_read_as_one() {
    assert_audio(&[HEAD, PCM, DATA, LIST, PAD, DATA], b"abcdabcd");
    assert_audio(&[HEAD, PCM, DATA, HEAD, LIST, PAD, PCM, DATA, HEAD, PCM, DATA], b"abcdabcdabcd");
    for length in PLACEHOLDERS {
        let start: &[u8] = &[HEAD, PCM, b"data", &length.to_le_bytes()].concat();
        assert_audio(&[start, b"abc", start, b"xyRIFF", start, b"ef"], b"abc\0xyRIFFef");
    }
    let faster = [&PCM[..12], &44_100_u32.to_le_bytes(), &PCM[16..]].concat();
    let problem = read(&[HEAD, PCM, DATA, HEAD, &faster, DATA]).unwrap_err();
    assert_eq!(problem, "sample rate is 44100, expected 24000 as in the audio before");
}

#[test]
fn audio_shorter_than_announced_is_read_and_reported() {
    let file = [HEAD, PCM, b"data\x08\0\0\0abc"].concat();
    assert_audio(&[&file], b"abc\0");
    let mut reader = Reader::default();
    reader.push(&file.into()).unwrap();
    assert_eq!(reader.outstanding_bytes(), 5);
}

#[test]
fn bytes_after_the_audio_are_ignored() {
    for rest in [b"\0\0\0".as_slice(), b"\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"RIFF\x04\0\0\0AVI ", b"da"]
    {
        assert_audio(&[HEAD, PCM, DATA, rest], b"abcd");
    }
}

#[test]
fn extensible_24_bit_and_float_formats_are_read() {
    let stereo = Format { channels: 2, bits_per_sample: 24, ..MONO };
    let extensible: &[u8] = b"fmt \x28\0\0\0\xfe\xff\x02\0\xc0\x5d\0\0\x80\x32\x02\0\x06\0\x18\0\
        \x16\0\x18\0\x03\0\0\0\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71";
    let data = b"data\x06\0\0\0abcdef";
    assert_eq!(read(&[HEAD, extensible, data]), Ok((stereo, b"abcdef".to_vec())));
    let float: &[u8] = b"fmt \x12\0\0\0\x03\0\x01\0\xc0\x5d\0\0\0\x77\x01\0\x04\0\x20\0\0\0";
    let expected = Format { encoding: Encoding::Float, bits_per_sample: 32, ..MONO };
    assert_eq!(read(&[HEAD, float, data]), Ok((expected, b"abcdef\0\0".to_vec())));
}

#[test]
fn invalid_file_error_names_the_problem() {
    #[rustfmt::skip]
    let table: [(&[&[u8]], &str); 13] = [
        (&[b"ID3\x04\0\0\0\0\0\0\0\0\0\0"],                  r#"not a WAV file, starts with "ID3\x04""#),
        (&[b"RIFF\0\0\0\0AVI "],                             "not a WAV file"),
        (&[b"RIFF"],                                         "file ends before the audio starts"),
        (&[HEAD, PCM],                                       "file ends before the audio starts"),
        (&[HEAD, b"data\x04\0\0\0abcd"],                     "data chunk comes before the format chunk"),
        (&[HEAD, b"fmt \x04\0\0\0\x01\0\x01\0"],             "format chunk is truncated"),
        (&[HEAD, b"fmt \0\0\0\x01"],                         "format chunk has 16777216 bytes, expected at most 1024"),
        (&[HEAD, b"fmt \x10\0\0\0\x55\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\0\0"], "format 85 with 0 bits is not supported"),
        (&[HEAD, b"fmt \x10\0\0\0\x01\0\0\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0"], "0 channels with 24000 samples per second"),
        (&[HEAD, b"fmt \x10\0\0\0\x01\0\x09\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0"], "9 channels with 24000 samples per second"),
        (&[HEAD, b"fmt \x10\0\0\0\x01\0\x01\0\x01\xee\x02\0\x80\xbb\0\0\x02\0\x10\0"], "1 channels with 192001 samples per second"),
        (&[HEAD, b"fmt \x10\0\0\0\x03\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x08\0\x40\0"], "format 3 with 64 bits is not supported"),
        (&[HEAD, b"fmt \x10\0\0\0\x01\0\x01\0\xff\xff\xff\xff\x80\xbb\0\0\x02\0\x10\0"], "1 channels with 4294967295 samples per second"),
    ];
    for (file, expected) in table {
        let problem = read(file).unwrap_err();
        assert!(problem.starts_with(expected), "{problem}");
    }
}

#[test]
fn format_difference_names_both_values() {
    assert_eq!(MONO.difference(MONO), None);
    let faster = Format { sample_rate: 44_100, ..MONO };
    let expected = "sample rate is 44100, expected 24000 as in the audio before";
    assert_eq!(MONO.difference(faster).unwrap(), expected);
    let float = Format { encoding: Encoding::Float, ..MONO };
    let expected = "sample encoding is float, expected integer as in the audio before";
    assert_eq!(MONO.difference(float).unwrap(), expected);
}

#[test]
fn result_for_random_bytes_does_not_depend_on_part_size() {
    let mut random = fastrand::Rng::with_seed(8);
    let list: &[u8] = b"LIST\x03\0\0\0xyz\0";
    let file = [HEAD, list, PCM, b"data\x06\0\0\0abcdef", list].concat();
    for _ in 0..20_000 {
        let mut file = file.clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..file.len());
            file[at] = random.u8(..);
        }
        file.truncate(random.usize(..=file.len()));
        let (at_once, in_parts) = (read_in_parts(&file, 1000), read_in_parts(&file, random.usize(1..9)));
        assert_eq!(at_once, in_parts, "{file:?}");
    }
}

#[test]
fn format_chunk_of_odd_length_is_padded() {
    let odd: &[u8] = &[b"fmt \x11\0\0\0", &PCM[8..], b"\0"].concat();
    for pad in [PAD, b""] {
        assert_audio(&[HEAD, odd, pad, DATA], b"abcd");
    }
}

#[test]
fn chunk_with_a_binary_id_is_skipped_after_chunks_of_even_length() {
    let (even, binary): (&[u8], &[u8]) = (b"LIST\x04\0\0\0INFO", b"\x01abc\x04\0\0\0wxyz");
    assert_audio(&[HEAD, even, binary, PCM, DATA, binary, DATA], b"abcdabcd");
}

#[test]
fn header_of_another_file_at_the_end_is_no_audio() {
    for length in PLACEHOLDERS {
        assert_audio(&[HEAD, PCM, b"data", &length.to_le_bytes(), b"abcd", HEAD], b"abcd");
    }
}

#[test]
fn last_frame_of_four_bytes_is_completed() {
    let stereo: &[u8] = b"fmt \x10\0\0\0\x01\0\x02\0\xc0\x5d\0\0\0\x77\x01\0\x04\0\x10\0";
    let format = Format { channels: 2, ..MONO };
    for (data, expected) in [(&b"data\x01\0\0\0a\0"[..], b"a\0\0\0"), (b"data\x03\0\0\0abc\0", b"abc\0")] {
        assert_eq!(read(&[HEAD, stereo, data]), Ok((format, expected.to_vec())));
    }
}
