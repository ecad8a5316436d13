//! The first bytes of audio. They tell a page from audio, and how long a WAV file is.

use bytes::{Bytes, BytesMut};

/// The number of bytes that are looked at. They are held back until all have arrived.
const HEAD_BYTES: usize = 64;

/// Lengths that encoders write if they do not know the length yet. The header adds up to this much to the length
/// of the file.
const PLACEHOLDERS: [u32; 2] = [2_000_000_000, 0x4000_0000];
const MAX_HEADER_BYTES: u32 = 4096;

/// From here on every length is a placeholder, such as `0x7fff_ffff` or `0xffff_ffff`.
const MIN_PLACEHOLDER: u32 = 0x7fff_0000;

/// The first bytes of the audio files that this library may meet.
const AUDIO_STARTS: [&[u8]; 9] =
    [b"RIFF", b"RIFX", b"RF64", b"BW64", b"OggS", b"fLaC", b"ID3", b"FORM", b"\x1a\x45\xdf\xa3"];

/// The start of a body. The bytes are held back until the head is complete.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// The content type, if it is that of a page.
    page_type: Option<String>,
    held: BytesMut,
    length: Option<Length>,
}

/// The length of the file by its own header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// The file does not tell.
    Unknown,
    /// The encoder did not know the length.
    Placeholder,
    Known(u64),
}

impl Head {
    pub(super) fn new(page_type: Option<String>) -> Self {
        Self { page_type, ..Self::default() }
    }

    /// Takes the next bytes and returns those that may be delivered.
    ///
    /// # Errors
    ///
    /// Returns the problem if the body is a page.
    pub(super) fn push(&mut self, bytes: Bytes) -> Result<Bytes, String> {
        if self.length.is_some() {
            return Ok(bytes);
        }
        // Avoids a copy, because the first bytes usually arrive together.
        if self.held.is_empty() && bytes.len() >= HEAD_BYTES {
            self.decide(&bytes)?;
            return Ok(bytes);
        }
        self.held.extend_from_slice(&bytes);
        if self.held.len() < HEAD_BYTES { Ok(Bytes::new()) } else { self.finish() }
    }

    /// Returns the bytes that are held back, at the end of the body.
    pub(super) fn finish(&mut self) -> Result<Bytes, String> {
        let held = self.held.split().freeze();
        if self.length.is_none() {
            self.decide(&held)?;
        }
        Ok(held)
    }

    /// Returns the length of the file by its own header.
    pub(super) fn length(&self) -> Length {
        self.length.unwrap_or_else(|| file_length(&self.held))
    }

    fn decide(&mut self, head: &[u8]) -> Result<(), String> {
        self.length = Some(file_length(head));
        // Some hosts send audio with the wrong type, so the bytes count more than the type.
        if is_audio(head) {
            return Ok(());
        }
        if let Some(page_type) = &self.page_type {
            return Err(format!("audio host sent a page ({page_type}), expected audio"));
        }
        if is_page(head) {
            let start = head[..head.len().min(16)].escape_ascii();
            return Err(format!("audio host sent a page that starts with \"{start}\", expected audio"));
        }
        Ok(())
    }
}

fn is_audio(head: &[u8]) -> bool {
    // MPEG audio starts with eleven bits that are set.
    let is_mpeg = matches!(head, [0xff, second, ..] if second & 0xe0 == 0xe0);
    is_mpeg || head.get(4..8) == Some(b"ftyp") || AUDIO_STARTS.iter().any(|start| head.starts_with(start))
}

/// Returns `true` for the start of HTML, XML or JSON.
fn is_page(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let Some((first, rest)) = text.split_first() else { return false };
    let next = rest.trim_ascii_start().first();
    match first {
        b'<' => rest.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"!?".contains(byte)),
        b'{' => next.is_some_and(|byte| b"\"}".contains(byte)),
        b'[' => next.is_some_and(|byte| b"\"{[]".contains(byte)),
        _ => false,
    }
}

/// Returns the length of a WAV file by its RIFF or RF64 header.
fn file_length(head: &[u8]) -> Length {
    let Some((start, rest)) = head.split_at_checked(12).filter(|(start, _)| &start[8..] == b"WAVE") else {
        return Length::Unknown;
    };
    match &start[..4] {
        b"RIFF" => {
            let length = u32::from_le_bytes([start[4], start[5], start[6], start[7]]);
            let near = |placeholder: u32| {
                length.checked_sub(placeholder).is_some_and(|more| more < MAX_HEADER_BYTES)
            };
            if length == 0 || length >= MIN_PLACEHOLDER || PLACEHOLDERS.into_iter().any(near) {
                Length::Placeholder
            } else {
                Length::Known(u64::from(length) + 8)
            }
        }
        b"RF64" | b"BW64" => match rest.split_first_chunk::<8>() {
            Some(([b'd', b's', b'6', b'4', ..], lengths)) => {
                lengths.first_chunk::<8>().map_or(Length::Unknown, |length| {
                    Length::Known(u64::from_le_bytes(*length).saturating_add(8))
                })
            }
            _ => Length::Unknown,
        },
        _ => Length::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the verdict about a body that arrives in parts of `size` bytes.
    fn verdict(page_type: Option<&str>, body: &[u8], size: usize) -> Result<Vec<u8>, String> {
        let mut head = Head::new(page_type.map(str::to_owned));
        let mut delivered = Vec::new();
        for part in body.chunks(size) {
            delivered.extend(head.push(Bytes::copy_from_slice(part))?);
        }
        delivered.extend(head.finish()?);
        Ok(delivered)
    }

    fn riff(length: u32) -> Vec<u8> {
        [b"RIFF", &length.to_le_bytes()[..], b"WAVEfmt "].concat()
    }

    #[test]
    fn head_of_page_is_refused_by_content_whatever_its_type() {
        let pages: [&[u8]; 9] = [
            b"<html>",
            b"\xef\xbb\xbf \r\n<!DOCTYPE html><html><head><title>Log in, please, and then continue</title>",
            b"<?xml version=\"1.0\"?><Error/>",
            b"<Error><Code>AccessDenied</Code></Error>",
            b"{\"message\":\"no\"}",
            b"{\n  \"message\": \"no\"}",
            b"{}",
            b"[{\"a\": 1}]",
            b"[]",
        ];
        for page in pages {
            for size in [1, 100] {
                let problem = verdict(None, page, size).unwrap_err();
                assert!(problem.contains("sent a page that starts with"), "{problem}");
            }
        }
    }

    #[test]
    fn head_of_audio_is_delivered_unchanged_whatever_its_type() {
        let long = [riff(1000), vec![7; 1000]].concat();
        let audios: [&[u8]; 7] =
            [&long, b"RIFF", b"OggS\0", b"ID3\x04", b"\xff\xfb\x90", b"\0\0\0\x20ftypM4A ", b"fLaC"];
        for audio in audios {
            for size in [1, 63, 64, 5000] {
                assert_eq!(verdict(Some("text/html"), audio, size).unwrap(), audio);
            }
        }
    }

    #[test]
    fn head_of_unknown_data_is_judged_by_its_type() {
        for data in [&b"0123456789"[..], b"", b"< 1", b"{3", b"[7"] {
            assert_eq!(verdict(None, data, 3).unwrap(), data);
            assert!(verdict(Some("application/json"), data, 3).unwrap_err().contains("(application/json)"));
        }
    }

    #[test]
    fn head_of_wav_file_tells_its_length_unless_it_is_a_placeholder() {
        assert_eq!(file_length(&riff(48_036)), Length::Known(48_044));
        let placeholders = [
            0,
            0x7fff_ffff,
            0x7fff_f024,
            0xffff_ffff,
            2_000_000_000,
            2_000_000_036,
            0x4000_0000,
            0x4000_0024,
        ];
        for length in placeholders {
            assert_eq!(file_length(&riff(length)), Length::Placeholder, "{length}");
        }
        for length in [36, 1_999_999_999, 2_000_004_096, 0x3fff_ffff] {
            assert_eq!(file_length(&riff(length)), Length::Known(u64::from(length) + 8));
        }
        let rf64 = [b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0", &0x1_0000_0000_u64.to_le_bytes()[..]].concat();
        assert_eq!(file_length(&rf64), Length::Known(0x1_0000_0008));
        for unknown in [&b"RIFF\0\0\0\0"[..], b"RIFF\0\0\0\0AVI ", &rf64[..24], b"OggS", b""] {
            assert_eq!(file_length(unknown), Length::Unknown);
        }
    }

    #[test]
    fn head_is_delivered_as_soon_as_it_is_complete() {
        let (mut head, audio) = (Head::new(None), [riff(1000), vec![7; HEAD_BYTES - 16]].concat());
        assert_eq!(head.push(Bytes::copy_from_slice(&audio[..1])).unwrap(), "");
        assert_eq!(head.push(Bytes::copy_from_slice(&audio[1..])).unwrap(), audio);
    }
}
