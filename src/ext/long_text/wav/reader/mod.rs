//! What a WAV file says, read while it comes; as servers write it, and not only as it should be.

use bytes::{Buf, Bytes, BytesMut};

/// From here on a length can't be meant: encoders that don't know it yet write the greatest number they can think of.
/// A piece is far smaller.
const MIN_PLACEHOLDER_LENGTH: u32 = 0x7fff_0000;

/// More than any `fmt ` chunk has.
const MAX_FORMAT_BYTES: u32 = 1024;

/// Far more than any sound has: the channels of a file, and the samples of each in a second.
const MAX_CHANNELS: u16 = 32;
const MAX_SAMPLE_RATE: u32 = 768_000;

/// How the samples are written. What has to be the same in all files that are joined.
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
    /// One sample of each channel.
    pub(in crate::ext::long_text) fn frame_bytes(self) -> usize {
        usize::from(self.channels) * usize::from(self.bits_per_sample / 8)
    }

    /// What silence is made of.
    pub(in crate::ext::long_text) fn silent_byte(self) -> u8 {
        // Samples of 8 bits have no sign.
        if self.bits_per_sample == 8 { 0x80 } else { 0 }
    }

    /// What is different in another one, both values named.
    pub(in crate::ext::long_text) fn difference(self, other: Self) -> Option<String> {
        let told = |what: &str, here: String, there: String| {
            (here != there).then(|| format!("it has {there} {what}, and what comes before it {here}"))
        };
        let encodings = |format: Self| format!("{:?}", format.encoding).to_lowercase();
        told("samples per second", self.sample_rate.to_string(), other.sample_rate.to_string())
            .or_else(|| told("channels", self.channels.to_string(), other.channels.to_string()))
            .or_else(|| {
                told("bits per sample", self.bits_per_sample.to_string(), other.bits_per_sample.to_string())
            })
            .or_else(|| told("samples", encodings(self), encodings(other)))
    }
}

/// Reads a file as it comes, in pieces of any size. Holds some hundred bytes of it at most.
#[derive(Debug, Default)]
pub(in crate::ext::long_text) struct Reader {
    /// The start of something that has not come whole.
    pending: BytesMut,
    state: ReadState,
    format: Option<Format>,
    /// Bytes of sound that have come.
    audio_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default)]
enum ReadState {
    #[default]
    Riff,
    Chunk,
    Format(u32),
    Skip(u64),
    /// With what is left of it, if that is known.
    Data(Option<u64>),
    /// What comes behind the sound is of no interest.
    Done,
}

impl Reader {
    /// Takes the next part of the file, and gives what sound is in it.
    pub(in crate::ext::long_text) fn push(&mut self, part: &Bytes) -> Result<Bytes, String> {
        // Sound isn't copied: most parts are nothing else.
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
                        return Err(format!(
                            "it is no WAV file (it begins with \"{}\")",
                            head[..4].escape_ascii()
                        ));
                    }
                    part.advance(12);
                    self.state = ReadState::Chunk;
                }
                ReadState::Chunk => {
                    let Some(head) = part.get(..8) else { break };
                    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
                    self.state = match &head[..4] {
                        b"fmt " if length <= MAX_FORMAT_BYTES => ReadState::Format(length),
                        b"fmt " => return Err(format!("its format has {length} bytes")),
                        b"data" if self.format.is_none() => {
                            return Err("it has sound before its format".into());
                        }
                        b"data" if length == 0 || length >= MIN_PLACEHOLDER_LENGTH => ReadState::Data(None),
                        b"data" => ReadState::Data(Some(length.into())),
                        // A chunk of an odd length has one byte more.
                        _ => ReadState::Skip(u64::from(length) + u64::from(length % 2)),
                    };
                    part.advance(8);
                }
                ReadState::Format(length) => {
                    let length = *length as usize;
                    let Some(chunk) = part.get(..length + length % 2) else { break };
                    self.format = Some(format(&chunk[..length])?);
                    part.advance(length + length % 2);
                    self.state = ReadState::Chunk;
                }
                ReadState::Skip(left) => {
                    let skipped = part.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    part.advance(skipped);
                    *left -= skipped as u64;
                    if *left > 0 {
                        break;
                    }
                    self.state = ReadState::Chunk;
                }
                ReadState::Data(None) => return Ok(self.count(part)),
                ReadState::Data(Some(left)) => {
                    let sound = part.split_to(part.len().min(usize::try_from(*left).unwrap_or(usize::MAX)));
                    *left -= sound.len() as u64;
                    if *left == 0 {
                        self.state = ReadState::Done;
                    }
                    return Ok(self.count(sound));
                }
                ReadState::Done => return Ok(Bytes::new()),
            }
        }
        self.pending.extend_from_slice(&part);
        Ok(Bytes::new())
    }

    fn count(&mut self, sound: Bytes) -> Bytes {
        self.audio_bytes += sound.len() as u64;
        sound
    }

    /// There from the first sound on.
    pub(in crate::ext::long_text) fn format(&self) -> Option<Format> {
        self.format
    }

    /// At the end of the file: how many bytes of sound lack, for a last frame to be whole.
    pub(in crate::ext::long_text) fn finish(self) -> Result<usize, String> {
        match (self.state, self.format) {
            (ReadState::Data(None) | ReadState::Done, Some(format)) if self.audio_bytes > 0 => {
                let frame = format.frame_bytes() as u64;
                Ok(usize::try_from((frame - self.audio_bytes % frame) % frame).unwrap_or_default())
            }
            (ReadState::Data(Some(left)), _) => {
                Err(format!("it ends {left} bytes before the sound does that it announces"))
            }
            (ReadState::Data(None) | ReadState::Done, _) => Err("it holds no sound".to_owned()),
            _ => Err("it ends before its sound begins".to_owned()),
        }
    }
}

/// What a `fmt ` chunk says.
fn format(chunk: &[u8]) -> Result<Format, String> {
    let two = |at: usize| chunk.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let four = |at: usize| Some(u32::from(two(at)?) | u32::from(two(at + 2)?) << 16);
    let read = || Some((two(0)?, two(2)?, four(4)?, two(14)?));
    let (tag, channels, samples_per_second, bits) = read().ok_or("its format is cut short")?;
    // The extensible format has the tag further behind, as the start of a longer one.
    let tag = if tag == 0xfffe { two(24).ok_or("its extensible format is cut short")? } else { tag };
    let encoding = match (tag, bits) {
        (1, 8 | 16 | 24 | 32) => Encoding::Integer,
        (3, 32 | 64) => Encoding::Float,
        _ => {
            return Err(format!(
                "it is of format {tag} with {bits} bits; what can be joined is PCM (1) of 8, 16, 24 or 32 bits and \
                 float (3) of 32 or 64"
            ));
        }
    };
    // Else a pause would be as long as the disk, by the word of whoever wrote the file.
    if !(1..=MAX_CHANNELS).contains(&channels) || !(1..=MAX_SAMPLE_RATE).contains(&samples_per_second) {
        return Err(format!("it has {channels} channels of {samples_per_second} samples per second"));
    }
    Ok(Format { encoding, channels, sample_rate: samples_per_second, bits_per_sample: bits })
}

#[cfg(test)]
mod tests;
