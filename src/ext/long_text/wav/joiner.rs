use std::{path::Path, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::{
    header::{HEADER_BYTES, wav_header},
    reader::{Format, Reader},
};
use crate::{Error, Speech, ext::audio::atomic_file::AtomicFile};

/// How much silence is written at a time.
const SILENCE_CHUNK_BYTES: usize = 64 * 1024;

/// A WAV file that grows by one speech after the other.
pub(in crate::ext::long_text) struct WavJoiner {
    file: AtomicFile,
    pause: Duration,
    /// That of the first one, and so of all.
    format: Option<Format>,
}

impl WavJoiner {
    /// In the place of `path`, when it is finished.
    pub(in crate::ext::long_text) async fn create(path: &Path, pause: Duration) -> Result<Self, Error> {
        Ok(Self { file: AtomicFile::create(path.to_owned()).await?, pause, format: None })
    }

    /// Appends the sound of a speech as it comes. After an error the file is good for nothing.
    pub(in crate::ext::long_text) async fn append(&mut self, speech: &Speech) -> Result<(), Error> {
        let before = self.file.written();
        match self.fetch(speech).await {
            // How long an address is good for, nobody says, and it may have waited for its turn.
            Err(error) if is_refused(&error) && self.file.written() == before => {
                let fresh = speech.task().wait().await?;
                self.fetch(&fresh).await
            }
            outcome => outcome,
        }
    }

    async fn fetch(&mut self, speech: &Speech) -> Result<(), Error> {
        let unfit = |problem| {
            Error::download(format!("the audio can't be joined: {problem}")).with_task_id(&speech.id())
        };
        self.append_stream(speech.audio()?.stream()).await.map_err(|problem| problem.into_error(unfit))
    }

    /// The sound of one file, which comes in parts.
    pub(in crate::ext::long_text) async fn append_stream(
        &mut self,
        mut parts: impl Stream<Item = Result<Bytes, Error>> + Unpin,
    ) -> Result<(), JoinError> {
        let (mut reader, mut begun) = (Reader::default(), false);
        while let Some(part) = parts.next().await {
            let sound = reader.push(&part?)?;
            if let Some(format) = reader.format()
                && !sound.is_empty()
            {
                if !begun {
                    self.start_piece(format).await?;
                    begun = true;
                }
                self.file.write(&sound).await?;
            }
        }
        let lacking = reader.finish()?;
        Ok(self.file.write(&vec![0; lacking]).await?)
    }

    /// What comes before the sound of a speech: the head of the file, or a pause.
    async fn start_piece(&mut self, format: Format) -> Result<(), JoinError> {
        let Some(first) = self.format else {
            self.format = Some(format);
            return Ok(self.file.write(&wav_header(format, 0)).await?);
        };
        if let Some(difference) = first.difference(format) {
            return Err(difference.into());
        }
        let mut left = pause_bytes(self.pause, first);
        let silence = Bytes::from(vec![first.silent_byte(); SILENCE_CHUNK_BYTES]);
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(SILENCE_CHUNK_BYTES).min(SILENCE_CHUNK_BYTES);
            self.file.write(&silence[..part]).await?;
            left -= part as u64;
        }
        Ok(())
    }

    /// How many bytes there are so far.
    pub(in crate::ext::long_text) fn written(&self) -> u64 {
        self.file.written()
    }

    /// Puts the file in its place; returns its length.
    pub(in crate::ext::long_text) async fn finish(mut self) -> Result<u64, Error> {
        let Some(format) = self.format else { return self.file.finish().await };
        let sound = self.file.written() - HEADER_BYTES as u64;
        self.file.write(&[0][..usize::from(sound % 2 == 1)]).await?;
        self.file.overwrite_start(&wav_header(format, sound)).await?;
        self.file.finish().await
    }
}

pub(in crate::ext::long_text) enum JoinError {
    /// Why the file can't be joined.
    Mismatch(String),
    Other(Error),
}

impl JoinError {
    pub(in crate::ext::long_text) fn into_error(self, unfit: impl FnOnce(String) -> Error) -> Error {
        match self {
            Self::Mismatch(problem) => unfit(problem),
            Self::Other(error) => error,
        }
    }
}

impl From<String> for JoinError {
    fn from(unfit: String) -> Self {
        Self::Mismatch(unfit)
    }
}

impl From<Error> for JoinError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

fn is_refused(error: &Error) -> bool {
    error.is_download() && error.status().is_some_and(|status| status.is_client_error())
}

/// Whole frames, as long as a pause.
fn pause_bytes(pause: Duration, format: Format) -> u64 {
    let frames = pause.as_nanos() * u128::from(format.sample_rate) / 1_000_000_000;
    u64::try_from(frames * format.frame_bytes() as u128).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ext::long_text::wav::reader::Encoding;

    #[test]
    fn a_pause_is_of_whole_frames() {
        let format =
            Format { encoding: Encoding::Integer, channels: 2, sample_rate: 44_100, bits_per_sample: 24 };
        assert_eq!(pause_bytes(Duration::ZERO, format), 0);
        assert_eq!(pause_bytes(Duration::from_millis(300), format), 13_230 * 6);
        assert_eq!(pause_bytes(Duration::from_micros(30), format), 6);
        assert_eq!(pause_bytes(Duration::MAX, format), u64::MAX);
    }
}
