use tempfile::TempDir;

use super::*;
use crate::{
    ext::store::{Store, facts::Request},
    types::SpeechRequest,
};

/// The SHA-256 of `audio`, as `sha256sum` prints it.
const SHA256_OF_AUDIO: &str = "6ed8919ce20490a5e3ad8630a4fab69475297abd07db73918dd5f36fcfaeb11b";

fn client() -> Client {
    Client::builder().api_key("k").build().unwrap()
}

/// Returns the audio of a store whose file has this content. A new URL of its task is refused.
fn stored(content: Option<&[u8]>, expected: StoredAudio) -> (TempDir, Audio) {
    let directory = tempfile::tempdir().unwrap();
    let speech = SpeechRequest::new("Hello.".parse().unwrap());
    let mut file = Store::in_memory().entry(Request::of(&speech)).audio_file(expected);
    file.path = directory.path().join("a.wav");
    if let Some(content) = content {
        std::fs::write(&file.path, content).unwrap();
    }
    let fresh_url = || -> PendingUrl { Box::pin(async { Ok(Url::parse("http://8.8.8.8/a.wav").unwrap()) }) };
    (directory, Audio::stored(client(), TaskId::new_unchecked("t1"), file, fresh_url))
}

fn expected(content: &[u8]) -> StoredAudio {
    let sha256 = hex(Sha256::new_with_prefix(content));
    StoredAudio { bytes: content.len() as u64, sha256, seconds: None }
}

#[test]
fn hash_is_written_as_sha256sum_prints_it() {
    assert_eq!(expected(b"audio").sha256, SHA256_OF_AUDIO);
}

#[tokio::test]
async fn audio_in_a_store_is_read_from_its_file() {
    for (content, chunks) in [(b"audio".to_vec(), 1), (vec![7; 256 * 1024 + 9], 3)] {
        let (directory, audio) = stored(Some(&content), expected(&content));
        assert!(audio.bytes().await.unwrap() == content);
        let (mut stream, mut streamed) = (audio.stream(), Vec::new());
        while let Some(chunk) = stream.next().await {
            streamed.push(chunk.unwrap());
        }
        assert!(streamed.concat() == content && streamed.len() == chunks);
        let copy = directory.path().join("copy.wav");
        assert_eq!(audio.save(&copy).await.unwrap(), content.len() as u64);
        assert!(std::fs::read(&copy).unwrap() == content);
    }
}

#[tokio::test]
async fn audio_in_a_store_may_have_at_most_the_maximum_size() {
    let (_directory, audio) = stored(Some(b"audio"), expected(b"audio"));
    assert_eq!(audio.max_bytes, 536_870_912);
    assert_eq!(audio.clone().max_bytes(5).bytes().await.unwrap(), "audio");
    let error = audio.max_bytes(4).bytes().await.unwrap_err().to_string();
    assert!(error.contains("audio has 5 bytes, expected at most 4"), "{error}");
}

#[tokio::test]
async fn file_with_other_content_is_void_and_its_audio_is_downloaded() {
    for (content, delivered) in [("audix", 1), ("aud", 1), ("audios", 0)] {
        let (_directory, audio) = stored(Some(content.as_bytes()), expected(b"audio"));
        let mut parts = audio.parts();
        for _ in 0..delivered {
            assert_eq!(parts.next().await.unwrap(), Some(Part::Audio(content.into())));
        }
        assert_eq!(parts.next().await.unwrap(), Some(Part::Restart), "{content}");
        let error = parts.next().await.unwrap_err().to_string();
        assert!(error.contains("http://8.8.8.8 is not encrypted"), "{error}");
    }
    // Of a missing file, no part is void.
    let (_directory, audio) = stored(None, expected(b"audio"));
    let error = audio.parts().next().await.unwrap_err().to_string();
    assert!(error.contains("http://8.8.8.8 is not encrypted"), "{error}");
}

#[tokio::test]
async fn url_of_audio_in_a_store_is_that_of_its_file() {
    let (directory, audio) = stored(Some(b"audio"), expected(b"audio"));
    let url = Url::from_file_path(directory.path().join("a.wav")).unwrap();
    assert_eq!(audio.url(), url.as_str());
    let shown = format!("{audio:?}");
    assert!(shown.contains(&format!("url: \"{}\"", audio.url())), "{shown}");
    assert_eq!(format!("{:?}", audio.stream()), "AudioStream");
}

#[test]
fn debug_output_of_audio_omits_what_may_grant_access() {
    let refresh = || -> PendingUrl { unreachable!("not downloaded") };
    let url = "https://user:s3cr3t@example.com/a.wav?signature=s3cr3t";
    let audio = Audio::new(client(), TaskId::new_unchecked("t1"), url, refresh).unwrap();
    let shown = format!("{audio:?}");
    assert!(shown.contains("url: \"https://example.com/a.wav\""), "{shown}");
    assert!(shown.contains("t1") && !shown.contains("s3cr3t"), "{shown}");
}

const PCM: &[u8] = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0";

/// Returns a file of 24,000 samples of two bytes per second.
fn wav(announced: u32, bytes: usize) -> Bytes {
    [PCM, b"data", &announced.to_le_bytes(), &vec![7; bytes]].concat().into()
}

#[test]
fn duration_is_known_from_the_header_or_at_the_end() {
    let read = |file: Bytes| {
        let mut reader = DurationReader::default();
        // The last part has one byte.
        let last = file.len() - 1;
        reader.push(&file.slice(..last));
        reader.push(&file.slice(last..));
        (reader.announced_seconds(), reader.seconds())
    };
    assert_eq!(read(wav(72_000, 36_000)), (Some(1.5), Some(0.75)));
    assert_eq!(read(wav(36_000, 36_000)), (None, Some(0.75)));
    // The last sample is completed.
    assert_eq!(read(wav(0xffff_ffff, 35_999)), (None, Some(0.75)));
    assert_eq!(read(Bytes::from_static(PCM)), (None, None));
    assert_eq!(read(Bytes::from_static(b"OggS, and no WAV file")), (None, None));
    // The second file has another format, so the duration is not known.
    let other = [&wav(4, 4)[..], &PCM[..24], b"\x44\xac\0\0", &PCM[28..], b"data\x08\0\0\0abcd"].concat();
    assert_eq!(read(other.into()), (None, None));
}

#[tokio::test]
async fn duration_of_audio_in_a_store_is_known_or_read_from_its_header() {
    let known = StoredAudio { seconds: Some(1.25), ..expected(b"audio") };
    let (_directory, audio) = stored(None, known);
    assert_eq!(audio.duration().await.unwrap(), Duration::from_millis(1_250));
    for file in [wav(72_000, 36_000), wav(0xffff_ffff, 72_000)] {
        let (_directory, audio) = stored(Some(&file), expected(&file));
        assert_eq!(audio.duration().await.unwrap(), Duration::from_millis(1_500));
    }
    let (_directory, audio) = stored(Some(b"audio"), expected(b"audio"));
    let error = audio.duration().await.unwrap_err();
    assert!(error.to_string().contains("not a WAV file") && error.task_id().is_some(), "{error}");
}
