//! A streaming reader of WAV files. It accepts common deviations from the standard.

use bytes::{Buf, Bytes, BytesMut};

/// The smallest length that counts as a placeholder. Encoders that do not know the length yet write a very
/// large number; a piece is far smaller.
const MIN_PLACEHOLDER_LENGTH: u32 = 0x7fff_0000;

/// The maximum length of a `fmt ` chunk. Real chunks are shorter.
const MAX_FORMAT_BYTES: u32 = 1024;

/// The maximum number of channels. Real files have fewer.
const MAX_CHANNELS: u16 = 32;

/// The maximum sample rate, in samples per second. Real files have a lower one.
const MAX_SAMPLE_RATE: u32 = 768_000;

/// The format of the samples. It must be equal in all files that are joined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::ext::long_text) struct Format {
    pub(in crate::ext::long_text) encoding: Encoding,
    pub(in crate::ext::long_text) channels: u16,
    pub(in crate::ext::long_text) sample_rate: u32,
    pub(in crate::ext::long_text) bits_per_sample: u16,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::ext::long_text) enum Encoding {
    Integer,
    Float,
}

impl Format {
    /// Returns the length of a frame, which is one sample of each channel.
    pub(in crate::ext::long_text) fn frame_bytes(self) -> usize {
        usize::from(self.channels) * usize::from(self.bits_per_sample / 8)
    }

    /// Returns the byte that encodes silence.
    pub(in crate::ext::long_text) fn silent_byte(self) -> u8 {
        // 8-bit samples are unsigned.
        if self.bits_per_sample == 8 { 0x80 } else { 0 }
    }

    /// Describes the first difference to the format of a later file, with both values.
    pub(in crate::ext::long_text) fn difference(self, other: Self) -> Option<String> {
        let compare = |field: &str, expected: String, found: String| {
            (expected != found)
                .then(|| format!("{field} is {found}, expected {expected} as in the pieces before"))
        };
        let encoding = |format: Self| format!("{:?}", format.encoding).to_lowercase();
        compare("sample rate", self.sample_rate.to_string(), other.sample_rate.to_string())
            .or_else(|| compare("channel count", self.channels.to_string(), other.channels.to_string()))
            .or_else(|| {
                compare("bit depth", self.bits_per_sample.to_string(), other.bits_per_sample.to_string())
            })
            .or_else(|| compare("sample encoding", encoding(self), encoding(other)))
    }
}

/// Reads a WAV file that arrives in parts of any size. Buffers at most some hundred bytes.
#[derive(Debug, Default)]
pub(in crate::ext::long_text) struct Reader {
    /// The received start of an incomplete header or chunk.
    pending: BytesMut,
    state: ReadState,
    format: Option<Format>,
    /// The number of received bytes of audio.
    audio_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default)]
enum ReadState {
    #[default]
    Riff,
    Chunk,
    Format(u32),
    Skip(u64),
    /// The remaining length of the audio, if known.
    Data(Option<u64>),
    /// The audio is complete. The rest of the file is ignored.
    Done,
}

impl Reader {
    /// Reads the next part of the file, and returns the audio in it.
    pub(in crate::ext::long_text) fn push(&mut self, part: &Bytes) -> Result<Bytes, String> {
        // Avoids a copy, because most parts contain only audio.
        let mut part = if self.pending.is_empty() {
            part.clone()
        } else {
            self.pending.extend_from_slice(part);
            self.pending.split().freeze()
        };
        loop {
            match &mut self.state {
                ReadState::Riff => {
                    let Some(head) = part.get(..12) else { break };
                    if (&head[..4], &head[8..]) != (b"RIFF", b"WAVE") {
                        return Err(format!("not a WAV file, starts with \"{}\"", head[..4].escape_ascii()));
                    }
                    part.advance(12);
                    self.state = ReadState::Chunk;
                }
                ReadState::Chunk => {
                    let Some(head) = part.get(..8) else { break };
                    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
                    self.state = match &head[..4] {
                        b"fmt " if length <= MAX_FORMAT_BYTES => ReadState::Format(length),
                        b"fmt " => {
                            return Err(format!(
                                "format chunk has {length} bytes, expected at most {MAX_FORMAT_BYTES}"
                            ));
                        }
                        b"data" if self.format.is_none() => {
                            return Err("data chunk comes before the format chunk".into());
                        }
                        b"data" if length == 0 || length >= MIN_PLACEHOLDER_LENGTH => ReadState::Data(None),
                        b"data" => ReadState::Data(Some(length.into())),
                        // A chunk of odd length is padded with one byte.
                        _ => ReadState::Skip(u64::from(length) + u64::from(length % 2)),
                    };
                    part.advance(8);
                }
                ReadState::Format(length) => {
                    let length = *length as usize;
                    let Some(chunk) = part.get(..length + length % 2) else { break };
                    self.format = Some(parse_format(&chunk[..length])?);
                    part.advance(length + length % 2);
                    self.state = ReadState::Chunk;
                }
                ReadState::Skip(remaining) => {
                    let skipped = part.len().min(usize::try_from(*remaining).unwrap_or(usize::MAX));
                    part.advance(skipped);
                    *remaining -= skipped as u64;
                    if *remaining > 0 {
                        break;
                    }
                    self.state = ReadState::Chunk;
                }
                ReadState::Data(None) => return Ok(self.count(part)),
                ReadState::Data(Some(remaining)) => {
                    let length = part.len().min(usize::try_from(*remaining).unwrap_or(usize::MAX));
                    let audio = part.split_to(length);
                    *remaining -= audio.len() as u64;
                    if *remaining == 0 {
                        self.state = ReadState::Done;
                    }
                    return Ok(self.count(audio));
                }
                ReadState::Done => return Ok(Bytes::new()),
            }
        }
        self.pending.extend_from_slice(&part);
        Ok(Bytes::new())
    }

    fn count(&mut self, audio: Bytes) -> Bytes {
        self.audio_bytes += audio.len() as u64;
        audio
    }

    /// Returns the format. It is known before `push` returns the first audio.
    pub(in crate::ext::long_text) fn format(&self) -> Option<Format> {
        self.format
    }

    /// Ends the file, and returns the number of bytes that are missing from the last frame.
    ///
    /// # Errors
    ///
    /// Returns the problem if the file ends too early or contains no audio.
    pub(in crate::ext::long_text) fn finish(self) -> Result<usize, String> {
        match (self.state, self.format) {
            (ReadState::Data(None) | ReadState::Done, Some(format)) if self.audio_bytes > 0 => {
                let frame_bytes = format.frame_bytes() as u64;
                let missing_bytes = (frame_bytes - self.audio_bytes % frame_bytes) % frame_bytes;
                Ok(usize::try_from(missing_bytes).unwrap_or_default())
            }
            (ReadState::Data(Some(remaining)), _) => {
                Err(format!("file ends {remaining} bytes before the announced end of the audio"))
            }
            (ReadState::Data(None) | ReadState::Done, _) => Err("file contains no audio".to_owned()),
            _ => Err("file ends before the audio starts".to_owned()),
        }
    }
}

/// Parses the content of a `fmt ` chunk.
fn parse_format(chunk: &[u8]) -> Result<Format, String> {
    let u16_at = |at: usize| chunk.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let u32_at = |at: usize| Some(u32::from(u16_at(at)?) | u32::from(u16_at(at + 2)?) << 16);
    let fields = || Some((u16_at(0)?, u16_at(2)?, u32_at(4)?, u16_at(14)?));
    let (tag, channels, sample_rate, bits_per_sample) = fields().ok_or("format chunk is truncated")?;
    // In the extensible format, the tag is the start of the sub-format GUID.
    let tag = if tag == 0xfffe { u16_at(24).ok_or("extensible format chunk is truncated")? } else { tag };
    let encoding = match (tag, bits_per_sample) {
        (1, 8 | 16 | 24 | 32) => Encoding::Integer,
        (3, 32 | 64) => Encoding::Float,
        _ => {
            return Err(format!(
                "format {tag} with {bits_per_sample} bits is not supported, \
                 expected PCM (1) with 8, 16, 24 or 32 bits or float (3) with 32 or 64 bits"
            ));
        }
    };
    // Without these limits, a malicious file could make a pause fill the disk.
    if !(1..=MAX_CHANNELS).contains(&channels) || !(1..=MAX_SAMPLE_RATE).contains(&sample_rate) {
        return Err(format!(
            "{channels} channels with {sample_rate} samples per second are not supported, expected 1 to \
             {MAX_CHANNELS} channels and 1 to {MAX_SAMPLE_RATE} samples per second"
        ));
    }
    Ok(Format { encoding, channels, sample_rate, bits_per_sample })
}

#[cfg(test)]
mod tests;
