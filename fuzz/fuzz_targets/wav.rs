//! WAV files of any bytes, which come in any parts: what is in one, and what becomes of two that are joined.
#![no_main]

use std::{cell::RefCell, fs, path::Path, time::Duration};

use bytes::Bytes;
use distribute_ai::fuzzing::{WavAudio, join, read};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// What stands before the sound in a file that we write.
const HEADER: usize = 80;

thread_local! {
    static PLACE: RefCell<Option<(TempDir, Runtime)>> = const { RefCell::new(None) };
}

fuzz_target!(|data: &[u8]| {
    let mut random = fastrand::Rng::with_seed(data.last().copied().unwrap_or_default().into());
    // The second file begins where its header does.
    let second = data.windows(4).skip(1).position(|four| four == b"RIFF").map_or(data.len(), |at| at + 1);
    let files = [&data[..second], &data[second..]];

    let sounds = files.map(|file| read(&[Bytes::copy_from_slice(file)]));
    for (file, sound) in files.iter().zip(&sounds) {
        assert_eq!(&read(&parts(file, &mut random)), sound, "the same, however it comes");
        if let Ok(sound) = sound {
            assert!(sound.bytes.len() <= file.len() && !sound.bytes.is_empty());
            assert!((sound.bytes.len() + sound.missing_bytes) % sound.frame == 0 && sound.missing_bytes < sound.frame);
        }
    }

    let Ok(first) = &sounds[0] else { return };
    let pause = Duration::from_millis(random.u64(..3));
    let joined = in_place(|path, runtime| {
        let files = files[..if second < data.len() { 2 } else { 1 }].iter();
        let files = files.map(|file| parts(file, &mut random)).collect();
        let length = runtime.block_on(join(path, pause, files)).ok()?;
        let file = fs::read(path).expect("it is there");
        assert_eq!(file.len() as u64, length);
        fs::remove_file(path).expect("it is ours");
        Some(file)
    });
    match (&sounds[1], joined) {
        (_, None) => assert!(second < data.len(), "a file that can be read can be joined"),
        (Ok(other), Some(file)) => is_what_it_says(&file, &[first, other], pause),
        (Err(problem), Some(file)) => {
            assert_eq!(second, data.len(), "{problem}");
            is_what_it_says(&file, &[first], pause);
        }
    }
});

/// A file in parts of any size.
fn parts(mut file: &[u8], random: &mut fastrand::Rng) -> Vec<Bytes> {
    let mut parts = Vec::new();
    let largest = 1 << random.u8(..8);
    while !file.is_empty() {
        let (part, rest) = file.split_at(file.len().min(random.usize(..=largest)));
        parts.push(Bytes::copy_from_slice(part));
        file = rest;
    }
    parts
}

/// In memory where that is to be had: a file each time.
fn in_place<T>(work: impl FnOnce(&Path, &Runtime) -> T) -> T {
    PLACE.with_borrow_mut(|place| {
        let (directory, runtime) = place.get_or_insert_with(|| {
            let memory = Path::new("/dev/shm");
            let directory = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
            (directory.expect("a directory"), Builder::new_current_thread().build().expect("a runtime"))
        });
        work(&directory.path().join("joined.wav"), runtime)
    })
}

/// The lengths in its header are its own, and all the sound is in it.
fn is_what_it_says(file: &[u8], sounds: &[&WavAudio], pause: Duration) {
    let four = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four")) as usize;
    assert_eq!((&file[..4], &file[8..12]), (b"RIFF".as_slice(), b"WAVE".as_slice()));
    assert_eq!(four(4) + 8, file.len());
    assert_eq!(four(HEADER - 4) + HEADER + four(HEADER - 4) % 2, file.len());

    let sound = read(&[Bytes::copy_from_slice(file)]).expect("what we write can be read");
    assert_eq!((&sound.format, sound.missing_bytes), (&sounds[0].format, 0));
    assert!(sound.bytes.starts_with(&sounds[0].bytes));
    if let [first, other] = sounds {
        assert_eq!(first.format, other.format, "only what is alike is joined");
        let padded = [other.bytes.clone(), vec![0; other.missing_bytes]].concat();
        assert!(sound.bytes.ends_with(&padded));
        let silence = sound.bytes.len() - padded.len() - first.bytes.len() - first.missing_bytes;
        assert!(silence % first.frame == 0 && (silence == 0 || !pause.is_zero()));
    }
}
