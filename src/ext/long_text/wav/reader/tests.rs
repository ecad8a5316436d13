use super::*;

const HEAD: &[u8] = b"RIFF\xff\xff\xff\xffWAVE";
const PCM: &[u8] = b"fmt \x10\0\0\0\x01\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0";
const MONO: Format =
    Format { encoding: Encoding::Integer, channels: 1, sample_rate: 24_000, bits_per_sample: 16 };

/// The format, the sound and how much of the last frame lacks, whatever the parts in which the file comes.
#[track_caller]
fn read(parts: &[&[u8]]) -> Result<(Format, Vec<u8>, usize), String> {
    let file = parts.concat();
    let outcomes: Vec<_> = [1, 2, 3, 7, file.len()].map(|size| read_by(&file, size)).into();
    assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]), "{outcomes:?}");
    outcomes.into_iter().next().unwrap()
}

fn read_by(file: &[u8], size: usize) -> Result<(Format, Vec<u8>, usize), String> {
    let (mut reader, mut sound) = (Reader::default(), Vec::new());
    for part in file.chunks(size) {
        sound.extend_from_slice(&reader.push(&Bytes::copy_from_slice(part))?);
    }
    let format = reader.format();
    let lacking = reader.finish()?;
    Ok((format.unwrap(), sound, lacking))
}

#[test]
fn reads_the_plainest_file() {
    assert_eq!(read(&[HEAD, PCM, b"data\x04\0\0\0abcd"]), Ok((MONO, b"abcd".to_vec(), 0)));
}

#[test]
fn other_chunks_are_no_sound_and_odd_ones_are_padded() {
    let (list, fact) = (b"LIST\x03\0\0\0xyz\0", b"fact\x04\0\0\0\x02\0\0\0");
    let file: &[&[u8]] = &[HEAD, list, PCM, fact, list, b"data\x04\0\0\0abcd", list];
    assert_eq!(read(file), Ok((MONO, b"abcd".to_vec(), 0)));
    let odd: &[&[u8]] = &[HEAD, PCM, b"data\x03\0\0\0abc\0", list];
    assert_eq!(read(odd), Ok((MONO, b"abc".to_vec(), 1)));
}

#[test]
fn a_length_that_was_not_known_when_it_was_written_goes_to_the_end() {
    for length in [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xdb\xff\xff\xff", b"\0\xf0\xff\x7f"] {
        assert_eq!(read(&[HEAD, PCM, b"data", length, b"abcde"]), Ok((MONO, b"abcde".to_vec(), 1)));
    }
}

#[test]
fn reads_more_than_16_bits_and_floats_and_the_extensible_format() {
    let stereo = Format { channels: 2, bits_per_sample: 24, ..MONO };
    let extensible: &[u8] = b"fmt \x28\0\0\0\xfe\xff\x02\0\xc0\x5d\0\0\x80\x32\x02\0\x06\0\x18\0\
        \x16\0\x18\0\x03\0\0\0\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71";
    let sound = b"data\x06\0\0\0abcdef";
    assert_eq!(read(&[HEAD, extensible, sound]), Ok((stereo, b"abcdef".to_vec(), 0)));
    let float: &[u8] = b"fmt \x12\0\0\0\x03\0\x01\0\xc0\x5d\0\0\0\x77\x01\0\x04\0\x20\0\0\0";
    let expected = Format { encoding: Encoding::Float, bits_per_sample: 32, ..MONO };
    assert_eq!(read(&[HEAD, float, sound]), Ok((expected, b"abcdef".to_vec(), 2)));
}

#[test]
fn says_why_it_is_nothing_to_be_joined() {
    #[rustfmt::skip]
    let table: [(&[&[u8]], &str); 13] = [
        (&[b"ID3\x04\0\0\0\0\0\0\0\0\0\0"],                  r#"it is no WAV file (it begins with "ID3\x04")"#),
        (&[b"RIFF\0\0\0\0AVI "],                             "it is no WAV file"),
        (&[b"RIFF"],                                         "it ends before its sound begins"),
        (&[HEAD, PCM],                                       "it ends before its sound begins"),
        (&[HEAD, b"data\x04\0\0\0abcd"],                     "it has sound before its format"),
        (&[HEAD, PCM, b"data\x06\0\0\0abcd"],                "it ends 2 bytes before the sound does"),
        (&[HEAD, PCM, b"data\0\0\0\0"],                      "it holds no sound"),
        (&[HEAD, b"fmt \x04\0\0\0\x01\0\x01\0"],             "its format is cut short"),
        (&[HEAD, b"fmt \0\0\0\x01"],                         "its format has 16777216 bytes"),
        (&[HEAD, b"fmt \x10\0\0\0\x55\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\0\0"], "it is of format 85 with 0 bits"),
        (&[HEAD, b"fmt \x10\0\0\0\x01\0\0\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0"], "it has 0 channels of 24000 samples"),
        (&[HEAD, b"fmt \x10\0\0\0\x01\0\x21\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0"], "it has 33 channels of 24000 samples"),
        (&[HEAD, b"fmt \x10\0\0\0\x01\0\x01\0\xff\xff\xff\xff\x80\xbb\0\0\x02\0\x10\0"], "it has 1 channels of 4294967295 samples"),
    ];
    for (file, expected) in table {
        let problem = read(file).unwrap_err();
        assert!(problem.starts_with(expected), "{problem}");
    }
}

#[test]
fn a_difference_names_both_values() {
    assert_eq!(MONO.difference(MONO), None);
    let faster = Format { sample_rate: 44_100, ..MONO };
    let expected = "it has 44100 samples per second, and what comes before it 24000";
    assert_eq!(MONO.difference(faster).unwrap(), expected);
    let float = Format { encoding: Encoding::Float, ..MONO };
    assert_eq!(MONO.difference(float).unwrap(), "it has float samples, and what comes before it integer");
}

#[test]
fn whatever_the_bytes_it_says_the_same_however_they_come() {
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
        let (whole, parts) = (read_by(&file, 1000), read_by(&file, random.usize(1..9)));
        assert_eq!(whole, parts, "{file:?}");
    }
}
