//! WAV files of any bytes, for the target in `fuzz`.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use futures_util::stream;

use super::wav::{joiner::WavJoiner, reader::Reader};
use crate::Error;

/// What is in a WAV file.
#[derive(Clone, Debug, PartialEq)]
pub struct WavAudio {
    /// How it is to be read.
    pub format: String,
    /// The sound itself.
    pub bytes: Vec<u8>,
    /// How many bytes lack, for its last frame to be whole.
    pub missing_bytes: usize,
    /// Bytes of a frame.
    pub frame: usize,
}

/// A file that comes in parts; or why it can't be joined with others.
pub fn read(parts: &[Bytes]) -> Result<WavAudio, String> {
    let (mut reader, mut bytes) = (Reader::default(), Vec::new());
    for part in parts {
        bytes.extend_from_slice(&reader.push(part)?);
    }
    let format = reader.format();
    let lacking = reader.finish()?;
    let format = format.expect("there is sound");
    Ok(WavAudio { format: format!("{format:?}"), bytes, missing_bytes: lacking, frame: format.frame_bytes() })
}

/// Joins files, each of which comes in parts; returns the length of what then stands at `path`.
pub async fn join(path: &Path, pause: Duration, files: Vec<Vec<Bytes>>) -> Result<u64, Error> {
    let mut joined = WavJoiner::create(path, pause).await?;
    for parts in files {
        let taken = joined.append_stream(stream::iter(parts.into_iter().map(Ok))).await;
        taken.map_err(|problem| problem.into_error(Error::download))?;
    }
    joined.finish().await
}
