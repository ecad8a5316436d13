use super::*;

const HEAD: &[u8] = b"RIFF\xff\xff\xff\xffWAVE";
const PCM: &[u8] = b"fmt \x10\0\0\0\x01\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0";
const MONO: Format =
    Format { encoding: Encoding::Integer, channels: 1, sample_rate: 24_000, bits_per_sample: 16 };

/// Reads a file in parts of several sizes, and checks that the result is the same for each size. Returns the
/// format, the audio and the number of bytes that are missing from the last frame.
#[track_caller]
fn read(parts: &[&[u8]]) -> Result<(Format, Vec<u8>, usize), String> {
    let file = parts.concat();
    let outcomes: Vec<_> = [1, 2, 3, 7, file.len()].map(|size| read_in_parts(&file, size)).into();
    assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]), "{outcomes:?}");
    outcomes.into_iter().next().unwrap()
}

fn read_in_parts(file: &[u8], size: usize) -> Result<(Format, Vec<u8>, usize), String> {
    let (mut reader, mut audio) = (Reader::default(), Vec::new());
    for part in file.chunks(size) {
        audio.extend_from_slice(&reader.push(&Bytes::copy_from_slice(part))?);
    }
    let format = reader.format();
    let missing_bytes = reader.finish()?;
    Ok((format.unwrap(), audio, missing_bytes))
}

#[test]
fn file_with_format_and_data_chunks_is_read() {
    assert_eq!(read(&[HEAD, PCM, b"data\x04\0\0\0abcd"]), Ok((MONO, b"abcd".to_vec(), 0)));
}

#[test]
fn other_chunks_are_skipped_with_padding_of_odd_lengths() {
    let (list, fact) = (b"LIST\x03\0\0\0xyz\0", b"fact\x04\0\0\0\x02\0\0\0");
    let file: &[&[u8]] = &[HEAD, list, PCM, fact, list, b"data\x04\0\0\0abcd", list];
    assert_eq!(read(file), Ok((MONO, b"abcd".to_vec(), 0)));
    let odd: &[&[u8]] = &[HEAD, PCM, b"data\x03\0\0\0abc\0", list];
    assert_eq!(read(odd), Ok((MONO, b"abc".to_vec(), 1)));
}

#[test]
fn data_with_placeholder_length_extends_to_end_of_file() {
    for length in [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xdb\xff\xff\xff", b"\0\xf0\xff\x7f"] {
        assert_eq!(read(&[HEAD, PCM, b"data", length, b"abcde"]), Ok((MONO, b"abcde".to_vec(), 1)));
    }
}

#[test]
fn extensible_24_bit_and_float_formats_are_read() {
    let stereo = Format { channels: 2, bits_per_sample: 24, ..MONO };
    let extensible: &[u8] = b"fmt \x28\0\0\0\xfe\xff\x02\0\xc0\x5d\0\0\x80\x32\x02\0\x06\0\x18\0\
        \x16\0\x18\0\x03\0\0\0\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71";
    let data = b"data\x06\0\0\0abcdef";
    assert_eq!(read(&[HEAD, extensible, data]), Ok((stereo, b"abcdef".to_vec(), 0)));
    let float: &[u8] = b"fmt \x12\0\0\0\x03\0\x01\0\xc0\x5d\0\0\0\x77\x01\0\x04\0\x20\0\0\0";
    let expected = Format { encoding: Encoding::Float, bits_per_sample: 32, ..MONO };
    assert_eq!(read(&[HEAD, float, data]), Ok((expected, b"abcdef".to_vec(), 2)));
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
        (&[HEAD, PCM, b"data\x06\0\0\0abcd"],                "file ends 2 bytes before the announced end of the audio"),
        (&[HEAD, PCM, b"data\0\0\0\0"],                      "file contains no audio"),
        (&[HEAD, b"fmt \x04\0\0\0\x01\0\x01\0"],             "format chunk is truncated"),
        (&[HEAD, b"fmt \0\0\0\x01"],                         "format chunk has 16777216 bytes, expected at most 1024"),
        (&[HEAD, b"fmt \x10\0\0\0\x55\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\0\0"], "format 85 with 0 bits is not supported"),
        (&[HEAD, b"fmt \x10\0\0\0\x01\0\0\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0"], "0 channels with 24000 samples per second"),
        (&[HEAD, b"fmt \x10\0\0\0\x01\0\x21\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0"], "33 channels with 24000 samples per second"),
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
    let expected = "sample rate is 44100, expected 24000 as in the pieces before";
    assert_eq!(MONO.difference(faster).unwrap(), expected);
    let float = Format { encoding: Encoding::Float, ..MONO };
    let expected = "sample encoding is float, expected integer as in the pieces before";
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
