//! The WAV files of `in_pieces` in readers of other authors.
//!
//! `.ci/wav_readers/run` runs more readers on the same files: `WAV_FILES` names the directory in which this
//! test leaves them, with their formats in `expected.json` and their audio in `.raw` files.

use std::{env, fs, path::Path, time::Duration};

use distribute_ai::{long_text::split, testing::Simulator};
use hound::{SampleFormat, WavReader, WavSpec};
use serde_json::{Value, json};

use crate::support::{Action, ID, ScriptedServer, client, completed_result, serve_result};

const BOOK: &str = "One one one. Two two two. Three three three.";

fn spec(channels: u16, sample_rate: u32, bits_per_sample: u16, sample_format: SampleFormat) -> WavSpec {
    WavSpec { channels, sample_rate, bits_per_sample, sample_format }
}

/// Saves the simulator's audio of three pieces with pauses, and returns its format and content.
async fn save_book(path: &Path) -> (WavSpec, Vec<u8>) {
    let simulator = Simulator::builder().running(Duration::from_millis(5)).start().await.unwrap();
    let pieces = simulator.client().speak(BOOK).in_pieces().max_characters(18);
    pieces.pause(Duration::from_millis(100)).save(path).await.unwrap();
    let pieces: Vec<_> =
        split(BOOK).at_most(18).map(|(_, text)| Simulator::audio_of(text)[44..].to_vec()).collect();
    assert_eq!(pieces.len(), 3);
    (spec(1, 24_000, 16, SampleFormat::Int), pieces.join([0; 4800].as_slice()))
}

/// Saves one piece whose audio has another format, and returns its format and content.
async fn save_format(path: &Path, spec: WavSpec, audio: Vec<u8>) -> (WavSpec, Vec<u8>) {
    let tag: u16 = if spec.sample_format == SampleFormat::Int { 1 } else { 3 };
    let frame_bytes = spec.channels * spec.bits_per_sample / 8;
    let wav = [
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0".as_slice(),
        &tag.to_le_bytes(),
        &spec.channels.to_le_bytes(),
        &spec.sample_rate.to_le_bytes(),
        &(spec.sample_rate * u32::from(frame_bytes)).to_le_bytes(),
        &frame_bytes.to_le_bytes(),
        &spec.bits_per_sample.to_le_bytes(),
        b"data\xff\xff\xff\xff",
        &audio,
    ]
    .concat();
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", wav.len());
    let host = ScriptedServer::start([Action::SendRaw([head.as_bytes(), &wav].concat())]).await;
    let mut result = completed_result(&format!("{}/a.wav", host.url));
    result["id"] = json!(ID);
    let server = serve_result(result);
    client(&server.base_url()).speak("One one one.").in_pieces().save(path).await.unwrap();
    (spec, audio)
}

/// Saves files of several formats. Returns the name, the format and the content of each.
async fn save_files(directory: &Path) -> Vec<(&'static str, WavSpec, Vec<u8>)> {
    let counting = |count: u8| (0..count).map(|byte| byte.wrapping_mul(37)).collect::<Vec<u8>>();
    let floats = [0.0_f32, 0.5, -0.25, 1.0, -1.0].map(f32::to_le_bytes).concat();
    let formats = [
        ("8-bit.wav", spec(1, 8_000, 8, SampleFormat::Int), counting(101)),
        ("24-bit-stereo.wav", spec(2, 44_100, 24, SampleFormat::Int), counting(120)),
        ("32-bit.wav", spec(1, 48_000, 32, SampleFormat::Int), counting(160)),
        ("float.wav", spec(1, 48_000, 32, SampleFormat::Float), floats),
    ];
    let (book_spec, book) = save_book(&directory.join("book.wav")).await;
    let mut files = vec![("book.wav", book_spec, book)];
    for (name, spec, audio) in formats {
        let (spec, audio) = save_format(&directory.join(name), spec, audio).await;
        files.push((name, spec, audio));
    }
    files
}

/// Reads a file with hound, and returns the samples in little-endian bytes.
fn read_with_hound(path: &Path) -> (WavSpec, Vec<u8>) {
    let reader = WavReader::open(path).unwrap();
    let spec = reader.spec();
    let bytes = usize::from(spec.bits_per_sample / 8);
    let audio = match spec.sample_format {
        SampleFormat::Float => {
            reader.into_samples::<f32>().flat_map(|sample| sample.unwrap().to_le_bytes()).collect()
        }
        SampleFormat::Int => {
            // In the file, samples of 8 bits are unsigned.
            let offset = if bytes == 1 { 128 } else { 0 };
            let samples = reader.into_samples::<i32>().map(|sample| (sample.unwrap() + offset).to_le_bytes());
            samples.flat_map(|sample| sample[..bytes].to_vec()).collect()
        }
    };
    (spec, audio)
}

#[tokio::test]
async fn long_text_files_are_read_by_hound_in_every_format() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = env::var_os("WAV_FILES").map_or(temporary.path().to_owned(), Into::into);
    let mut expected = serde_json::Map::new();
    for (name, spec, audio) in save_files(&directory).await {
        let frames = audio.len() / usize::from(spec.channels * spec.bits_per_sample / 8);
        let entry: Value = json!({
            "channels": spec.channels,
            "sample_rate": spec.sample_rate,
            "bits": spec.bits_per_sample,
            "float": spec.sample_format == SampleFormat::Float,
            "frames": frames,
        });
        expected.insert(name.to_owned(), entry);
        fs::write(directory.join(name).with_extension("raw"), &audio).unwrap();
        assert_eq!(read_with_hound(&directory.join(name)), (spec, audio), "{name}");
    }
    fs::write(directory.join("expected.json"), Value::Object(expected).to_string()).unwrap();
}
