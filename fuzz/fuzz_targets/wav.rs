//! Fuzzes WAV files that arrive in parts: checks reading one file and joining two.
#![no_main]

use std::{cell::RefCell, fs, path::Path, time::Duration};

use bytes::Bytes;
use distribute_ai::fuzzing::{WavAudio, join, read};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// The length of the header, in bytes, in a file that the library writes.
const HEADER: usize = 80;

thread_local! {
    static RESOURCES: RefCell<Option<(TempDir, Runtime)>> = const { RefCell::new(None) };
}

fuzz_target!(|data: &[u8]| {
    let mut random = fastrand::Rng::with_seed(data.last().copied().unwrap_or_default().into());
    // The second file starts at its own header.
    let second = data.windows(4).skip(1).position(|window| window == b"RIFF").map_or(data.len(), |at| at + 1);
    let files = [&data[..second], &data[second..]];

    let audios = files.map(|file| read(&[Bytes::copy_from_slice(file)]));
    for (file, audio) in files.iter().zip(&audios) {
        assert_eq!(&read(&parts(file, &mut random)), audio, "the result depends on the parts");
        if let Ok(audio) = audio {
            // Each data chunk takes eight bytes, and at most one frame of up to 32 bytes is completed in it.
            assert!(audio.bytes.len() % audio.frame == 0 && audio.bytes.len() <= 5 * file.len());
        }
    }

    let Ok(first_audio) = &audios[0] else { return };
    let pause = Duration::from_millis(random.u64(..3));
    let joined = with_output_path(|path, runtime| {
        let files = files[..if second < data.len() { 2 } else { 1 }].iter();
        let files = files.map(|file| parts(file, &mut random)).collect();
        let length = runtime.block_on(join(path, pause, files)).ok()?;
        let file = fs::read(path).expect("the file exists");
        assert_eq!(file.len() as u64, length);
        fs::remove_file(path).expect("the file can be removed");
        Some(file)
    });
    match (&audios[1], joined) {
        (_, None) => {
            assert!(second < data.len() || first_audio.bytes.is_empty(), "a readable file can be joined");
        }
        (Ok(second_audio), Some(file)) => assert_valid_join(&file, &[first_audio, second_audio], pause),
        (Err(problem), Some(file)) => {
            assert_eq!(second, data.len(), "{problem}");
            assert_valid_join(&file, &[first_audio], pause);
        }
    }
});

/// Splits a file into parts of random sizes.
fn parts(mut file: &[u8], random: &mut fastrand::Rng) -> Vec<Bytes> {
    let mut parts = Vec::new();
    let max_size = 1 << random.u8(..8);
    while !file.is_empty() {
        let (part, rest) = file.split_at(file.len().min(random.usize(..=max_size)));
        parts.push(Bytes::copy_from_slice(part));
        file = rest;
    }
    parts
}

/// Calls `test` with the path of an output file, in memory if `/dev/shm` is available.
fn with_output_path<T>(test: impl FnOnce(&Path, &Runtime) -> T) -> T {
    RESOURCES.with_borrow_mut(|cell| {
        let (directory, runtime) = cell.get_or_insert_with(|| {
            let memory = Path::new("/dev/shm");
            let directory = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
            (
                directory.expect("a temporary directory"),
                Builder::new_current_thread().build().expect("a runtime"),
            )
        });
        test(&directory.path().join("joined.wav"), runtime)
    })
}

/// Asserts that the header has the right lengths and that the file contains all the audio.
fn assert_valid_join(file: &[u8], audios: &[&WavAudio], pause: Duration) {
    let u32_at = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize;
    assert_eq!((&file[..4], &file[8..12]), (b"RIFF".as_slice(), b"WAVE".as_slice()));
    assert_eq!(u32_at(4) + 8, file.len());
    assert_eq!(u32_at(HEADER - 4) + HEADER + u32_at(HEADER - 4) % 2, file.len());

    let audio = read(&[Bytes::copy_from_slice(file)]).expect("a written file is readable");
    let audios: Vec<_> = audios.iter().filter(|audio| !audio.bytes.is_empty()).collect();
    assert!(
        audios.iter().all(|part| part.format == audio.format),
        "only files of the same format are joined"
    );
    let lengths: usize = audios.iter().map(|part| part.bytes.len()).sum();
    let silence = audio.bytes.len() - lengths;
    assert!(silence % audio.frame == 0 && (silence == 0 || audios.len() == 2 && !pause.is_zero()));
    assert!(
        audio.bytes.starts_with(&audios[0].bytes) && audio.bytes.ends_with(&audios.last().unwrap().bytes)
    );
}
