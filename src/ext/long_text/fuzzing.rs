//! Reads and joins WAV files of untrusted bytes, for the fuzz target `wav`.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use futures_util::stream;

use super::wav::joiner::WavJoiner;
use crate::{
    Error,
    ext::{
        audio::{Part, wav::reader::Reader},
        disk::Disk,
    },
};

/// The content of a WAV file.
#[derive(Clone, Debug, PartialEq)]
pub struct WavAudio {
    /// The sample format, as debug output.
    pub format: String,
    /// The audio data, in whole frames.
    pub bytes: Vec<u8>,
    /// The length of a frame, in bytes.
    pub frame: usize,
}

/// Reads a WAV file that arrives in parts.
///
/// # Errors
///
/// Returns the reason why the file cannot be joined with others.
pub fn read(parts: &[Bytes]) -> Result<WavAudio, String> {
    let (mut reader, mut audio) = (Reader::default(), Vec::new());
    for part in parts {
        audio.extend(reader.push(part)?);
    }
    let format = reader.format();
    audio.extend(reader.finish()?);
    let format = format.expect("a file with a data chunk has a format");
    Ok(WavAudio { format: format!("{format:?}"), bytes: audio.concat(), frame: format.frame_bytes() })
}

/// Joins files that arrive in parts, writes the result to `path`, and returns its length in bytes.
pub async fn join(path: &Path, pause: Duration, files: Vec<Vec<Bytes>>) -> Result<u64, Error> {
    let mut joiner = WavJoiner::create(&Disk::system(), path).await?;
    for parts in files {
        joiner.pause(pause);
        let result = joiner.append_stream(stream::iter(parts.into_iter().map(Part::Audio).map(Ok))).await;
        result.map_err(|error| error.into_error(Error::download))?;
    }
    Ok(joiner.finish().await?.bytes)
}
