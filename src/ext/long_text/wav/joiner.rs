use std::{ops::Range, path::Path, pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::header::{HEADER_BYTES, wav_header};
use crate::{
    Error, Speech,
    ext::{
        audio::{
            Part,
            atomic_file::AtomicFile,
            wav::{format::Format, reader::Reader},
        },
        disk::Disk,
        polling::progress::DEFAULT_DEADLINE,
    },
};

/// The number of bytes of silence in one write.
const SILENCE_CHUNK_BYTES: usize = 64 * 1024;

/// The length of a finished file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ext::long_text) struct WavFile {
    pub(in crate::ext::long_text) bytes: u64,
    pub(in crate::ext::long_text) frames: u64,
    pub(in crate::ext::long_text) sample_rate: u32,
}

/// A WAV file to which speeches are appended.
pub(in crate::ext::long_text) struct WavJoiner {
    file: AtomicFile,
    /// The silence before the next audio. It is written with that audio, because a piece without audio gets none.
    pause: Duration,
    /// The format of the first speech. All others must have the same format.
    format: Option<Format>,
}

impl WavJoiner {
    /// Creates a temporary file, which replaces `path` when it is finished.
    pub(in crate::ext::long_text) async fn create(disk: &Disk, path: &Path) -> Result<Self, Error> {
        let file = AtomicFile::create(disk, path.to_owned()).await?;
        Ok(Self { file, pause: Duration::ZERO, format: None })
    }

    /// Requests silence of at least this length between the audio before and the next audio.
    pub(in crate::ext::long_text) fn pause(&mut self, time: Duration) {
        self.pause = self.pause.max(time);
    }

    /// Downloads the audio of a speech and appends it. Returns the position of the audio in the file, in frames. It is
    /// empty if the audio has no samples. After an error, the file must not be used.
    ///
    /// Failures of the audio host are retried as long as those of the API during a wait.
    pub(in crate::ext::long_text) async fn append(&mut self, speech: &Speech) -> Result<Range<u64>, Error> {
        let mismatch = |problem| Error::download(format!("could not join the audio: {problem}"));
        let audio = speech.audio()?.patient(DEFAULT_DEADLINE);
        match self.append_stream(audio.part_stream()).await {
            Err(AppendError::Other(error)) if error.is_empty_audio() => Ok(self.frames()..self.frames()),
            // Also the error of a file that cannot be written is about this task.
            appended => appended.map_err(|error| error.into_error(mismatch).with_task_id(speech.id())),
        }
    }

    /// Appends the audio of one WAV file, which arrives in parts. Returns the position of the audio in frames, which is
    /// empty for a file without samples.
    ///
    /// At a restart, the joiner is again as it was before the call.
    pub(in crate::ext::long_text) async fn append_stream(
        &mut self,
        parts: impl Stream<Item = Result<Part, Error>>,
    ) -> Result<Range<u64>, AppendError> {
        let mut parts = pin!(parts);
        let (start, before) = (self.file.written(), (self.format, self.pause));
        let (mut reader, mut audio_bytes, mut mismatch) = (Reader::default(), 0, None);
        while let Some(part) = parts.next().await {
            match part? {
                Part::Audio(part) if mismatch.is_none() => {
                    match self.write_part(&part, &mut reader, &mut audio_bytes).await {
                        // A file of a store is checked at its end, so a restart may follow.
                        Err(AppendError::Mismatch(problem)) => mismatch = Some(problem),
                        written => written?,
                    }
                }
                Part::Audio(_) => {}
                Part::Restart => {
                    self.file.truncate(start).await?;
                    (self.format, self.pause) = before;
                    (reader, audio_bytes, mismatch) = (Reader::default(), 0, None);
                }
            }
        }
        if let Some(problem) = mismatch {
            return Err(problem.into());
        }
        let (format, outstanding_bytes) = (reader.format(), reader.outstanding_bytes());
        let audio = reader.finish()?;
        self.write_audio(&audio, format, &mut audio_bytes).await?;
        if outstanding_bytes > 0 {
            // The download is complete, so the encoder announced too much.
            tracing::warn!(outstanding_bytes, "audio shorter than its header announces");
        }
        let end = self.frames();
        Ok(end - self.format.map_or(0, |format| audio_bytes / format.frame_bytes() as u64)..end)
    }

    async fn write_part(
        &mut self,
        part: &Bytes,
        reader: &mut Reader,
        audio_bytes: &mut u64,
    ) -> Result<(), AppendError> {
        let audio = reader.push(part)?;
        self.write_audio(&audio, reader.format(), audio_bytes).await
    }

    async fn write_audio(
        &mut self,
        audio: &[Bytes],
        format: Option<Format>,
        audio_bytes: &mut u64,
    ) -> Result<(), AppendError> {
        for bytes in audio {
            if let Some(format) = format.filter(|_| *audio_bytes == 0) {
                self.start_piece(format).await?;
            }
            self.file.write(bytes.clone()).await?;
            *audio_bytes += bytes.len() as u64;
        }
        Ok(())
    }

    /// Writes the header of the file before the first speech, or the pause before any other speech.
    async fn start_piece(&mut self, format: Format) -> Result<(), AppendError> {
        let Some(first) = self.format else {
            self.format = Some(format);
            self.pause = Duration::ZERO;
            return Ok(self.file.write(wav_header(format, 0).into()).await?);
        };
        if let Some(difference) = first.difference(format) {
            return Err(difference.into());
        }
        let mut remaining = pause_bytes(std::mem::take(&mut self.pause), first);
        let silence = Bytes::from(vec![first.silent_byte(); SILENCE_CHUNK_BYTES]);
        while remaining > 0 {
            let length = usize::try_from(remaining).unwrap_or(SILENCE_CHUNK_BYTES).min(SILENCE_CHUNK_BYTES);
            self.file.write(silence.slice(..length)).await?;
            remaining -= length as u64;
        }
        Ok(())
    }

    /// Returns the duration of these frames.
    pub(in crate::ext::long_text) fn seconds(&self, frames: &Range<u64>) -> Option<f64> {
        let rate = self.format?.sample_rate;
        #[expect(clippy::cast_precision_loss, reason = "a piece has fewer than 2^52 frames")]
        Some((frames.end - frames.start) as f64 / f64::from(rate))
    }

    /// Returns the current length of the file, in bytes.
    pub(in crate::ext::long_text) fn written(&self) -> u64 {
        self.file.written()
    }

    /// Returns the number of frames of audio and silence that are written.
    fn frames(&self) -> u64 {
        self.format
            .map_or(0, |format| (self.file.written() - HEADER_BYTES as u64) / format.frame_bytes() as u64)
    }

    /// Completes the header, moves the file to its path and returns its length. A file without any audio is an
    /// error.
    pub(in crate::ext::long_text) async fn finish(mut self) -> Result<WavFile, Error> {
        let Some(format) = self.format else { return Err(Error::download("audio of all pieces is empty")) };
        let (frames, audio_bytes) = (self.frames(), self.file.written() - HEADER_BYTES as u64);
        self.file.write(Bytes::from_static(&[0][..usize::from(audio_bytes % 2 == 1)])).await?;
        self.file.overwrite_start(wav_header(format, audio_bytes).into()).await?;
        let bytes = self.file.finish().await?;
        Ok(WavFile { bytes, frames, sample_rate: format.sample_rate })
    }
}

pub(in crate::ext::long_text) enum AppendError {
    /// The reason why the file cannot be joined with the others.
    Mismatch(String),
    Other(Error),
}

impl AppendError {
    pub(in crate::ext::long_text) fn into_error(self, mismatch: impl FnOnce(String) -> Error) -> Error {
        match self {
            Self::Mismatch(problem) => mismatch(problem),
            Self::Other(error) => error,
        }
    }
}

impl From<String> for AppendError {
    fn from(problem: String) -> Self {
        Self::Mismatch(problem)
    }
}

impl From<Error> for AppendError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// Returns the length of a pause in bytes, rounded down to whole frames.
fn pause_bytes(pause: Duration, format: Format) -> u64 {
    let frames = pause.as_nanos() * u128::from(format.sample_rate) / 1_000_000_000;
    u64::try_from(frames * format.frame_bytes() as u128).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use futures_util::stream;
    use serde_json::json;

    use super::*;
    use crate::{
        Client, TaskId,
        ext::{
            audio::wav::format::Encoding,
            captured_log::CapturedLog,
            disk::simulated::State,
            test_server::{TestServer, response},
        },
    };

    const PCM: &[u8] =
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0";
    const LIST: &[u8] = b"LIST\x04\0\0\0INFO";

    fn part(bytes: &[u8]) -> Part {
        Part::Audio(Bytes::copy_from_slice(bytes))
    }

    async fn append_parts<const N: usize>(
        joiner: &mut WavJoiner,
        parts: [Part; N],
    ) -> Result<Range<u64>, Error> {
        let appended = joiner.append_stream(stream::iter(parts.map(Ok))).await;
        appended.map_err(|error| error.into_error(Error::download))
    }

    /// Joins files with a pause of one sample, and returns the audio.
    async fn join(files: &[&[&[u8]]]) -> Result<Vec<u8>, Error> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.wav");
        let mut joiner = WavJoiner::create(&Disk::system(), &path).await?;
        for parts in files {
            joiner.pause(Duration::from_micros(50));
            append_parts(&mut joiner, [part(&parts.concat())]).await?;
        }
        joiner.finish().await?;
        Ok(fs::read(&path).unwrap()[HEADER_BYTES..].to_vec())
    }

    #[tokio::test]
    async fn piece_without_audio_adds_neither_audio_nor_pause() {
        let (one, two) = ([PCM, b"data\x04\0\0\0abcd"], [PCM, b"data\0\0\0\0efgh"]);
        let empty: [&[&[u8]]; 2] = [&[PCM, b"data\0\0\0\0", LIST], &[PCM, b"data\xff\xff\xff\xff"]];
        for empty in empty {
            assert_eq!(join(&[empty, &one, empty, &two, empty]).await.unwrap(), b"abcd\0\0efgh");
            let error = join(&[empty, empty]).await.unwrap_err();
            assert!(
                error.is_download() && error.to_string().contains("audio of all pieces is empty"),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn piece_with_several_files_or_false_length_is_joined_without_noise() {
        let body = [PCM, b"data\xff\xff\xff\xffabc", PCM, b"data\x02\0\0\0de", PCM, b"data\x99\0\0\0f"];
        assert_eq!(join(&[&body, &body[2..4]]).await.unwrap(), b"abc\0def\0\0\0de");
    }

    #[tokio::test]
    async fn pause_between_8_bit_samples_has_their_middle_value() {
        let pcm = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x20\x4e\0\0\x20\x4e\0\0\x01\0\x08\0";
        let piece: &[&[u8]] = &[pcm, b"data\x02\0\0\0ab"];
        assert_eq!(join(&[piece, piece]).await.unwrap(), b"ab\x80ab\0", "with a pad byte");
    }

    #[tokio::test]
    async fn positions_of_pieces_exclude_pauses_and_the_longest_one_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let mut joiner = WavJoiner::create(&Disk::system(), &directory.path().join("a.wav")).await.unwrap();
        let mut positions = Vec::new();
        // Each micro pause of 50 rounds down to one frame. A pause before the first audio is not written.
        for (pause, audio) in [(900, ""), (50, "abcd"), (200, ""), (50, "ef"), (0, "gh"), (50, "")] {
            joiner.pause(Duration::from_micros(pause));
            let length = u32::try_from(audio.len()).unwrap().to_le_bytes();
            let file = [PCM, b"data", &length, audio.as_bytes()].concat();
            positions.push(append_parts(&mut joiner, [part(&file)]).await.unwrap());
        }
        assert_eq!(positions, [0..0, 0..2, 2..2, 6..7, 7..8, 8..8]);
        let finished = joiner.finish().await.unwrap();
        assert_eq!(finished, WavFile { bytes: HEADER_BYTES as u64 + 16, frames: 8, sample_rate: 24_000 });
    }

    #[tokio::test]
    async fn error_of_a_piece_is_about_its_first_invalid_part() {
        let directory = tempfile::tempdir().unwrap();
        let mut joiner = WavJoiner::create(&Disk::system(), &directory.path().join("a.wav")).await.unwrap();
        let parts = [part(b"a file without a WAV header"), part(b"more that is invalid")];
        let error = append_parts(&mut joiner, parts).await.unwrap_err();
        assert!(error.to_string().contains("starts with \"a fi\""), "{error}");
    }

    #[tokio::test]
    async fn restarted_piece_replaces_its_own_audio_only() {
        let file = [PCM, b"data\x04\0\0\0abcd"].concat();
        // 16,000 samples per second instead of 24,000.
        let other_rate = [&PCM[..24], b"\x80\x3e\0\0", &PCM[28..], b"data\x04\0\0\0zzzz"].concat();
        let invalid = b"a file without a WAV header".to_vec();
        let longer = [PCM, b"data\x09\0\0\0zzzzzzzzz"].concat();
        for void in [other_rate, invalid, longer, file.clone(), Vec::new()] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("a.wav");
            let mut joiner = WavJoiner::create(&Disk::system(), &path).await.unwrap();
            for expected in [0..2, 3..5, 6..8] {
                joiner.pause(Duration::from_micros(50));
                let parts = [part(&void), part(b"more"), Part::Restart, part(&file)];
                assert_eq!(append_parts(&mut joiner, parts).await.unwrap(), expected);
            }
            joiner.finish().await.unwrap();
            let written = fs::read(&path).unwrap();
            assert_eq!(&written[HEADER_BYTES..], b"abcd\0\0abcd\0\0abcd");
            assert_eq!(written[24..28], PCM[24..28], "sample rate");
        }
    }

    #[test]
    fn pause_is_rounded_down_to_whole_frames() {
        let format =
            Format { encoding: Encoding::Integer, channels: 2, sample_rate: 44_100, bits_per_sample: 24 };
        assert_eq!(pause_bytes(Duration::ZERO, format), 0);
        assert_eq!(pause_bytes(Duration::from_millis(300), format), 13_230 * 6);
        assert_eq!(pause_bytes(Duration::from_micros(30), format), 6);
        assert_eq!(pause_bytes(Duration::MAX, format), u64::MAX);
    }

    #[tokio::test]
    async fn header_and_duration_are_those_of_the_audio() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.wav");
        let mut joiner = WavJoiner::create(&Disk::system(), &path).await.unwrap();
        assert_eq!((joiner.seconds(&(0..0)), joiner.written()), (None, 0));
        append_parts(&mut joiner, [part(&[PCM, b"data\x04\0\0\0abcd"].concat())]).await.unwrap();
        assert_eq!(joiner.seconds(&(12_000..48_000)), Some(1.5));
        assert_eq!(joiner.written(), HEADER_BYTES as u64 + 4);
        let format = joiner.format.unwrap();
        joiner.finish().await.unwrap();
        assert_eq!(fs::read(&path).unwrap()[..HEADER_BYTES], wav_header(format, 4));
    }

    #[tokio::test]
    async fn audio_shorter_than_its_header_announces_is_logged() {
        for (length, is_logged) in [(b"\x04\0\0\0", false), (b"\x08\0\0\0", true)] {
            let log = CapturedLog::start();
            join(&[&[PCM, b"data", length, b"abcd"]]).await.unwrap();
            assert_eq!(log.text().contains("audio shorter than its header announces"), is_logged);
        }
    }

    /// Appends a speech whose audio host sends this response.
    async fn append(response: String) -> Result<Range<u64>, Error> {
        let server = TestServer::start([response]).await;
        let client = Client::builder().api_key("k").base_url(&server.url).build().unwrap();
        let url = format!("{}/a.wav", server.url);
        let result = json!({"id": "t1", "status": "COMPLETED", "results": [{"url": url}]});
        let result = serde_json::from_value(result).unwrap();
        let speech = Speech::new(client, TaskId::new_unchecked("t1"), result);
        let directory = tempfile::tempdir().unwrap();
        WavJoiner::create(&Disk::system(), &directory.path().join("a.wav")).await?.append(&speech).await
    }

    #[tokio::test]
    async fn empty_download_is_a_piece_without_audio_and_a_page_is_an_error() {
        assert_eq!(append(response("200 OK", &[], "")).await.unwrap(), 0..0);
        let error = append(response("200 OK", &[], "<html>Log in</html>")).await.unwrap_err();
        assert!(error.is_download() && error.task_id().is_some(), "{error}");
    }

    #[tokio::test]
    async fn long_pause_is_written_in_few_parts() {
        let (sender, steps) = std::sync::mpsc::channel();
        let disk = Disk::simulated(State::with_directory(Path::new("/d")), move |step, _| {
            sender.send(step.to_owned()).unwrap();
            None
        });
        let mut joiner = WavJoiner::create(&disk, Path::new("/d/a.wav")).await.unwrap();
        for expected in [0..2, 72_002..72_004] {
            joiner.pause(Duration::from_secs(3));
            let file = [PCM, b"data\x04\0\0\0abcd"].concat();
            assert_eq!(append_parts(&mut joiner, [part(&file)]).await.unwrap(), expected);
        }
        joiner.finish().await.unwrap();
        // The header, the first piece, 144,000 bytes of silence, the second piece, the end and the header again.
        assert_eq!(steps.try_iter().filter(|step| step.starts_with("write /d/.")).count(), 8);
    }
}
