use std::{path::Path, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::{
    header::{HEADER_BYTES, wav_header},
    reader::{Format, Reader},
};
use crate::{
    Error, Speech,
    ext::{audio::atomic_file::AtomicFile, polling::progress::DEFAULT_DEADLINE},
};

/// The number of bytes of silence in one write.
const SILENCE_CHUNK_BYTES: usize = 64 * 1024;

/// A WAV file to which speeches are appended.
pub(in crate::ext::long_text) struct WavJoiner {
    file: AtomicFile,
    pause: Duration,
    /// The format of the first speech. All others must have the same format.
    format: Option<Format>,
}

impl WavJoiner {
    /// Creates a temporary file, which replaces `path` when it is finished.
    pub(in crate::ext::long_text) async fn create(path: &Path, pause: Duration) -> Result<Self, Error> {
        Ok(Self { file: AtomicFile::create(path.to_owned()).await?, pause, format: None })
    }

    /// Downloads the audio of a speech and appends it. After an error, the file must not be used.
    ///
    /// Failures of the audio host are retried as long as those of the API during a wait.
    pub(in crate::ext::long_text) async fn append(&mut self, speech: &Speech) -> Result<(), Error> {
        let mismatch = |problem| {
            Error::download(format!("could not join the audio: {problem}")).with_task_id(&speech.id())
        };
        self.append_stream(speech.audio()?.patient(DEFAULT_DEADLINE).stream())
            .await
            .map_err(|error| error.into_error(mismatch))
    }

    /// Appends the audio of one WAV file, which arrives in parts.
    pub(in crate::ext::long_text) async fn append_stream(
        &mut self,
        mut parts: impl Stream<Item = Result<Bytes, Error>> + Unpin,
    ) -> Result<(), JoinError> {
        let (mut reader, mut started) = (Reader::default(), false);
        while let Some(part) = parts.next().await {
            let audio = reader.push(&part?)?;
            if let Some(format) = reader.format()
                && !audio.is_empty()
            {
                if !started {
                    self.start_piece(format).await?;
                    started = true;
                }
                self.file.write(&audio).await?;
            }
        }
        let missing_bytes = reader.finish()?;
        Ok(self.file.write(&vec![0; missing_bytes]).await?)
    }

    /// Writes the header of the file before the first speech, or the pause before any other speech.
    async fn start_piece(&mut self, format: Format) -> Result<(), JoinError> {
        let Some(first) = self.format else {
            self.format = Some(format);
            return Ok(self.file.write(&wav_header(format, 0)).await?);
        };
        if let Some(difference) = first.difference(format) {
            return Err(difference.into());
        }
        let mut remaining = pause_bytes(self.pause, first);
        let silence = Bytes::from(vec![first.silent_byte(); SILENCE_CHUNK_BYTES]);
        while remaining > 0 {
            let length = usize::try_from(remaining).unwrap_or(SILENCE_CHUNK_BYTES).min(SILENCE_CHUNK_BYTES);
            self.file.write(&silence[..length]).await?;
            remaining -= length as u64;
        }
        Ok(())
    }

    /// Returns the current length of the file, in bytes.
    pub(in crate::ext::long_text) fn written(&self) -> u64 {
        self.file.written()
    }

    /// Completes the header, moves the file to its path and returns its length in bytes.
    pub(in crate::ext::long_text) async fn finish(mut self) -> Result<u64, Error> {
        let Some(format) = self.format else { return self.file.finish().await };
        let audio_bytes = self.file.written() - HEADER_BYTES as u64;
        self.file.write(&[0][..usize::from(audio_bytes % 2 == 1)]).await?;
        self.file.overwrite_start(&wav_header(format, audio_bytes)).await?;
        self.file.finish().await
    }
}

pub(in crate::ext::long_text) enum JoinError {
    /// The reason why the file cannot be joined with the others.
    Mismatch(String),
    Other(Error),
}

impl JoinError {
    pub(in crate::ext::long_text) fn into_error(self, mismatch: impl FnOnce(String) -> Error) -> Error {
        match self {
            Self::Mismatch(problem) => mismatch(problem),
            Self::Other(error) => error,
        }
    }
}

impl From<String> for JoinError {
    fn from(problem: String) -> Self {
        Self::Mismatch(problem)
    }
}

impl From<Error> for JoinError {
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
    use super::*;
    use crate::ext::long_text::wav::reader::Encoding;

    #[test]
    fn pause_is_rounded_down_to_whole_frames() {
        let format =
            Format { encoding: Encoding::Integer, channels: 2, sample_rate: 44_100, bits_per_sample: 24 };
        assert_eq!(pause_bytes(Duration::ZERO, format), 0);
        assert_eq!(pause_bytes(Duration::from_millis(300), format), 13_230 * 6);
        assert_eq!(pause_bytes(Duration::from_micros(30), format), 6);
        assert_eq!(pause_bytes(Duration::MAX, format), u64::MAX);
    }
}
