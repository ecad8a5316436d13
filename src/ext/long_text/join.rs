use std::{path::Path, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::{
    header::{LENGTH, header},
    wav::{Format, Reader},
};
use crate::{Error, Speech, ext::partial_file::PartialFile};

/// How much silence is written at a time.
const SILENCE: usize = 64 * 1024;

/// A WAV file that grows by one speech after the other.
pub(super) struct Joined {
    file: PartialFile,
    pause: Duration,
    /// That of the first one, and so of all.
    format: Option<Format>,
}

impl Joined {
    /// In the place of `path`, when it is finished.
    pub(super) async fn beside(path: &Path, pause: Duration) -> Result<Self, Error> {
        Ok(Self { file: PartialFile::beside(path.to_owned()).await?, pause, format: None })
    }

    /// Appends the sound of a speech as it comes. After an error the file is good for nothing.
    pub(super) async fn append(&mut self, speech: &Speech) -> Result<(), Error> {
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
        let unfit =
            |problem| Error::download(format!("the audio can't be joined: {problem}")).of_task(&speech.id());
        self.take(speech.audio()?.stream()).await.map_err(|problem| problem.told(unfit))
    }

    /// The sound of one file, which comes in parts.
    pub(super) async fn take(
        &mut self,
        mut parts: impl Stream<Item = Result<Bytes, Error>> + Unpin,
    ) -> Result<(), Problem> {
        let (mut reader, mut begun) = (Reader::default(), false);
        while let Some(part) = parts.next().await {
            let sound = reader.push(&part?)?;
            if let Some(format) = reader.format()
                && !sound.is_empty()
            {
                if !begun {
                    self.begin(format).await?;
                    begun = true;
                }
                self.file.write(&sound).await?;
            }
        }
        let lacking = reader.finish()?;
        Ok(self.file.write(&vec![0; lacking]).await?)
    }

    /// What comes before the sound of a speech: the head of the file, or a pause.
    async fn begin(&mut self, format: Format) -> Result<(), Problem> {
        let Some(first) = self.format else {
            self.format = Some(format);
            return Ok(self.file.write(&header(format, 0)).await?);
        };
        if let Some(difference) = first.difference(format) {
            return Err(difference.into());
        }
        let mut left = bytes_of(self.pause, first);
        let silence = Bytes::from(vec![first.silent_byte(); SILENCE]);
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(SILENCE).min(SILENCE);
            self.file.write(&silence[..part]).await?;
            left -= part as u64;
        }
        Ok(())
    }

    /// How many bytes there are so far.
    pub(super) fn written(&self) -> u64 {
        self.file.written()
    }

    /// Puts the file in its place; returns its length.
    pub(super) async fn finish(mut self) -> Result<u64, Error> {
        let Some(format) = self.format else { return self.file.finish().await };
        let sound = self.file.written() - LENGTH as u64;
        self.file.write(&[0][..usize::from(sound % 2 == 1)]).await?;
        self.file.correct_start(&header(format, sound)).await?;
        self.file.finish().await
    }
}

pub(super) enum Problem {
    /// Why the file can't be joined.
    Unfit(String),
    Other(Error),
}

impl Problem {
    pub(super) fn told(self, unfit: impl FnOnce(String) -> Error) -> Error {
        match self {
            Self::Unfit(problem) => unfit(problem),
            Self::Other(error) => error,
        }
    }
}

impl From<String> for Problem {
    fn from(unfit: String) -> Self {
        Self::Unfit(unfit)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

fn is_refused(error: &Error) -> bool {
    error.is_download() && error.status().is_some_and(|status| status.is_client_error())
}

/// Whole frames, as long as a pause.
fn bytes_of(pause: Duration, format: Format) -> u64 {
    let frames = pause.as_nanos() * u128::from(format.samples_per_second) / 1_000_000_000;
    u64::try_from(frames * format.frame() as u128).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{super::wav::Encoding, *};

    #[test]
    fn a_pause_is_of_whole_frames() {
        let format =
            Format { encoding: Encoding::Integer, channels: 2, samples_per_second: 44_100, bits: 24 };
        assert_eq!(bytes_of(Duration::ZERO, format), 0);
        assert_eq!(bytes_of(Duration::from_millis(300), format), 13_230 * 6);
        assert_eq!(bytes_of(Duration::from_micros(30), format), 6);
        assert_eq!(bytes_of(Duration::MAX, format), u64::MAX);
    }
}
