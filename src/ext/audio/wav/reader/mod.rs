//! A streaming reader of WAV files. It accepts common deviations from the standard.

use bytes::{Buf, Bytes, BytesMut};

use super::format::{Format, parse_format};

/// The smallest length of audio that counts as a placeholder, together with 0. Encoders that do not know the
/// length yet write a very large number, such as `0x4000_0000`, 2,000,000,000 or `0xffff_ffff`; a piece is far
/// smaller.
const MIN_PLACEHOLDER_LENGTH: u32 = 0x4000_0000;

/// The maximum length of a `fmt ` chunk. Real chunks are shorter.
const MAX_FORMAT_BYTES: u32 = 1024;

/// The chunks that occur in WAV files. After an ambiguous position, they show where the next chunk starts.
const CHUNK_IDS: [&[u8; 4]; 13] = [
    b"data", b"fmt ", b"LIST", b"RIFF", b"JUNK", b"fact", b"bext", b"cue ", b"id3 ", b"ID3 ", b"PEAK",
    b"smpl", b"iXML",
];

/// Reads a WAV file that arrives in parts of any size. Buffers at most some hundred bytes.
///
/// Several `data` chunks, and several WAV files after one another, are read as one audio.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// The received start of an incomplete header or chunk.
    pending: BytesMut,
    state: ReadState,
    format: Option<Format>,
    /// `true` after the header of a `data` chunk.
    has_data: bool,
    /// The number of bytes of audio, with the bytes that complete a frame.
    audio_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default)]
enum ReadState {
    #[default]
    Riff,
    Chunk,
    Format(u32),
    /// The remaining length of another chunk, and whether a padding byte may follow.
    Skip(u64, bool),
    /// After a chunk of odd length, which some encoders write without the padding byte.
    Padding,
    /// After the header of a `data` chunk of length 0, which is a placeholder unless another chunk follows.
    EmptyData,
    /// The remaining length of the audio, and whether a padding byte may follow.
    Data(u64, bool),
    /// The audio extends to the next file, or to the end.
    UnknownData,
}

impl Reader {
    /// Reads the next part of the file, and returns the audio in it.
    pub(crate) fn push(&mut self, part: &Bytes) -> Result<Vec<Bytes>, String> {
        // Avoids a copy, because most parts contain only audio.
        let mut part = if self.pending.is_empty() {
            part.clone()
        } else {
            self.pending.extend_from_slice(part);
            self.pending.split().freeze()
        };
        let mut audio = Vec::new();
        while self.step(&mut part, &mut audio)? {}
        self.pending.extend_from_slice(&part);
        Ok(audio)
    }

    /// Reads up to the next change of state. Returns `false` if more bytes must arrive first.
    fn step(&mut self, part: &mut Bytes, audio: &mut Vec<Bytes>) -> Result<bool, String> {
        self.state = match self.state {
            ReadState::Riff => {
                let Some(head) = part.get(..12) else { return Ok(false) };
                if !is_file_header(head) {
                    return Err(format!("not a WAV file, starts with \"{}\"", head[..4].escape_ascii()));
                }
                part.advance(12);
                ReadState::Chunk
            }
            ReadState::Chunk => match self.read_chunk_header(part, audio)? {
                Some(next) => next,
                None => return Ok(false),
            },
            ReadState::Format(length) => {
                let Some(chunk) = part.get(..length as usize) else { return Ok(false) };
                let format = parse_format(chunk)?;
                if let Some(difference) = self.format.and_then(|first| first.difference(format)) {
                    return Err(difference);
                }
                self.format = Some(format);
                part.advance(length as usize);
                if length % 2 == 1 { ReadState::Padding } else { ReadState::Chunk }
            }
            ReadState::Skip(remaining, is_odd) => {
                let skipped = split_up_to(part, remaining).len() as u64;
                match remaining - skipped {
                    0 if is_odd => ReadState::Padding,
                    0 => ReadState::Chunk,
                    remaining => {
                        self.state = ReadState::Skip(remaining, is_odd);
                        return Ok(false);
                    }
                }
            }
            ReadState::Padding => {
                let Some(padded) = has_padding(part) else { return Ok(false) };
                part.advance(usize::from(padded));
                ReadState::Chunk
            }
            ReadState::EmptyData => match part.get(..4) {
                None => return Ok(false),
                Some(id) if is_chunk_id(id) => ReadState::Chunk,
                Some(_) => ReadState::UnknownData,
            },
            ReadState::Data(remaining, is_odd) => {
                let bytes = split_up_to(part, remaining);
                let remaining = remaining - bytes.len() as u64;
                self.add(bytes, audio);
                match remaining {
                    0 if is_odd => ReadState::Padding,
                    0 => ReadState::Chunk,
                    remaining => {
                        self.state = ReadState::Data(remaining, is_odd);
                        return Ok(false);
                    }
                }
            }
            ReadState::UnknownData => {
                let end = possible_file_header(part);
                let bytes = part.split_to(end);
                self.add(bytes, audio);
                if part.len() < 12 {
                    return Ok(false);
                }
                ReadState::Chunk
            }
        };
        Ok(true)
    }

    /// Returns the state after the header of a chunk, or `None` if more bytes must arrive first.
    fn read_chunk_header(
        &mut self,
        part: &mut Bytes,
        audio: &mut Vec<Bytes>,
    ) -> Result<Option<ReadState>, String> {
        let Some(head) = part.get(..8) else { return Ok(None) };
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let is_odd = length % 2 == 1;
        let next = match &head[..4] {
            // Another file follows.
            b"RIFF" if part.get(..12).is_none() => return Ok(None),
            b"RIFF" if is_file_header(&part[..12]) => return Ok(Some(ReadState::Riff)),
            b"fmt " if length <= MAX_FORMAT_BYTES => ReadState::Format(length),
            b"fmt " => {
                return Err(format!("format chunk has {length} bytes, expected at most {MAX_FORMAT_BYTES}"));
            }
            b"data" => {
                self.start_data(audio)?;
                match length {
                    0 => ReadState::EmptyData,
                    MIN_PLACEHOLDER_LENGTH.. => ReadState::UnknownData,
                    _ => ReadState::Data(length.into(), is_odd),
                }
            }
            _ => ReadState::Skip(length.into(), is_odd),
        };
        part.advance(8);
        Ok(Some(next))
    }

    /// Begins a `data` chunk. Completes the last frame of the chunk before, because its missing bytes would
    /// turn the rest into noise.
    fn start_data(&mut self, audio: &mut Vec<Bytes>) -> Result<(), String> {
        if self.format.is_none() {
            return Err("data chunk comes before the format chunk".into());
        }
        self.has_data = true;
        let missing_bytes = self.missing_bytes();
        self.add(vec![0; missing_bytes].into(), audio);
        Ok(())
    }

    fn add(&mut self, bytes: Bytes, audio: &mut Vec<Bytes>) {
        if !bytes.is_empty() {
            self.audio_bytes += bytes.len() as u64;
            audio.push(bytes);
        }
    }

    /// Returns the number of bytes that are missing from the last frame.
    fn missing_bytes(&self) -> usize {
        let frame_bytes = self.format.map_or(1, Format::frame_bytes) as u64;
        usize::try_from((frame_bytes - self.audio_bytes % frame_bytes) % frame_bytes).unwrap_or_default()
    }

    /// Returns the format. It is known before `push` returns the first audio.
    pub(crate) fn format(&self) -> Option<Format> {
        self.format
    }

    /// Returns the announced length of the audio that has not arrived.
    ///
    /// At the end of a complete download, a number above 0 means that the encoder announced too much.
    pub(crate) fn outstanding_bytes(&self) -> u64 {
        if let ReadState::Data(remaining, _) = self.state { remaining } else { 0 }
    }

    /// Ends the file. Returns the rest of the audio, and zeros that complete the last frame.
    ///
    /// A file without samples is valid.
    ///
    /// # Errors
    ///
    /// Returns the problem if the file ends before the audio starts.
    pub(crate) fn finish(mut self) -> Result<Vec<Bytes>, String> {
        if !self.has_data {
            return Err("file ends before the audio starts".into());
        }
        let mut audio = Vec::new();
        if matches!(self.state, ReadState::EmptyData | ReadState::UnknownData) {
            let rest = self.pending.split().freeze();
            self.add(rest, &mut audio);
        }
        let missing_bytes = self.missing_bytes();
        self.add(vec![0; missing_bytes].into(), &mut audio);
        Ok(audio)
    }
}

fn is_file_header(head: &[u8]) -> bool {
    head.starts_with(b"RIFF") && &head[8..12] == b"WAVE"
}

fn is_chunk_id(id: &[u8]) -> bool {
    CHUNK_IDS.iter().any(|known| id == *known)
}

/// Removes and returns the first `length` bytes, or all bytes if there are fewer.
fn split_up_to(part: &mut Bytes, length: u64) -> Bytes {
    part.split_to(part.len().min(usize::try_from(length).unwrap_or(usize::MAX)))
}

/// Returns `true` if a padding byte comes before the next chunk, or `None` if more bytes must arrive first.
fn has_padding(part: &[u8]) -> Option<bool> {
    if *part.first()? == 0 {
        return Some(true);
    }
    let next = part.get(..5)?;
    let is_text = next[..4].iter().all(|byte| (b' '..=b'~').contains(byte));
    Some(is_chunk_id(&next[1..]) || !is_text)
}

/// Returns the position at which the header of another file starts, or may start once more bytes arrive. Else
/// returns the length.
fn possible_file_header(part: &[u8]) -> usize {
    let may_be_header = |at: &usize| {
        let head = &part[*at..];
        let matches = |from: usize, id: &[u8]| head.iter().skip(from).zip(id).all(|(byte, id)| byte == id);
        matches(0, b"RIFF") && matches(8, b"WAVE")
    };
    let candidates = part.iter().enumerate().filter(|(_, byte)| **byte == b'R').map(|(at, _)| at);
    candidates.into_iter().find(may_be_header).unwrap_or(part.len())
}

#[cfg(test)]
mod tests;
