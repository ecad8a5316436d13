//! The sample format of a WAV file.

/// The maximum number of channels. Speech has one or two.
const MAX_CHANNELS: u16 = 8;

/// The maximum sample rate, in samples per second. Speech has at most 48,000.
const MAX_SAMPLE_RATE: u32 = 192_000;

/// The format of the samples. It must be equal in all files that are joined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Format {
    pub(crate) encoding: Encoding,
    pub(crate) channels: u16,
    pub(crate) sample_rate: u32,
    pub(crate) bits_per_sample: u16,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Encoding {
    Integer,
    Float,
}

impl Format {
    /// Returns the length of a frame, which is one sample of each channel.
    pub(crate) fn frame_bytes(self) -> usize {
        usize::from(self.channels) * usize::from(self.bits_per_sample / 8)
    }

    /// Returns the byte that encodes silence.
    pub(crate) fn silent_byte(self) -> u8 {
        // 8-bit samples are unsigned.
        if self.bits_per_sample == 8 { 0x80 } else { 0 }
    }

    /// Describes the first difference to the format of a later file, with both values.
    pub(crate) fn difference(self, other: Self) -> Option<String> {
        let compare = |field: &str, expected: String, found: String| {
            (expected != found)
                .then(|| format!("{field} is {found}, expected {expected} as in the audio before"))
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

/// Parses the content of a `fmt ` chunk.
pub(crate) fn parse_format(chunk: &[u8]) -> Result<Format, String> {
    let u16_at = |at: usize| chunk.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let u32_at = |at: usize| Some(u32::from(u16_at(at)?) | u32::from(u16_at(at + 2)?) << 16);
    let fields = || Some((u16_at(0)?, u16_at(2)?, u32_at(4)?, u16_at(14)?));
    let (tag, channels, sample_rate, bits_per_sample) = fields().ok_or("format chunk is truncated")?;
    // In the extensible format, the tag is the start of the sub-format GUID.
    let tag = if tag == 0xfffe { u16_at(24).ok_or("extensible format chunk is truncated")? } else { tag };
    let encoding = match (tag, bits_per_sample) {
        (1, 8 | 16 | 24 | 32) => Encoding::Integer,
        (3, 32) => Encoding::Float,
        _ => {
            return Err(format!(
                "format {tag} with {bits_per_sample} bits is not supported, \
                 expected PCM (1) with 8, 16, 24 or 32 bits or float (3) with 32 bits"
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
