use std::{collections::HashMap, fmt, ops::Range};

use super::Piece;
use crate::{ext::batch::fingerprint, types::SpeechRequest};

/// The key of a piece in the batch and its journal.
///
/// The key depends on the request, not on the position in the text. After a change of the text, moved pieces
/// therefore keep their keys, and changed pieces get new ones.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) piece: Piece,
    /// The length of the piece in characters, with the white space before it. Used for the progress.
    pub(super) characters: usize,
    request: String,
    /// The number of earlier pieces with the same request.
    occurrence: u32,
    /// The number of resubmissions after a failed task.
    pub(super) attempt: u32,
}

impl Key {
    /// Returns the key for the next submission of the same piece, after a failed task.
    pub(super) fn retry(self) -> Self {
        Self { attempt: self.attempt + 1, ..self }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.request)?;
        if self.occurrence > 0 {
            write!(f, "-{}", self.occurrence + 1)?;
        }
        if self.attempt > 0 {
            write!(f, "-again-{}", self.attempt)?;
        }
        Ok(())
    }
}

/// Generates the keys of the pieces of a text, in order.
#[derive(Debug, Default)]
pub(super) struct KeyGenerator {
    count: usize,
    occurrences: HashMap<String, u32>,
}

impl KeyGenerator {
    pub(super) fn next(&mut self, bytes: Range<usize>, characters: usize, request: &SpeechRequest) -> Key {
        self.count += 1;
        let request = fingerprint(request);
        let next = self.occurrences.entry(request.clone()).or_default();
        let occurrence = *next;
        *next += 1;
        let piece = Piece { number: self.count, bytes };
        Key { piece, characters, request, occurrence, attempt: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> SpeechRequest {
        SpeechRequest::new(text.parse().unwrap())
    }

    #[test]
    fn key_depends_on_request_and_not_on_position() {
        let key_text = |keys: &mut KeyGenerator, start: usize, request: &SpeechRequest| {
            keys.next(start..start + 5, 5, request).to_string()
        };
        let (mut before, mut after) = (KeyGenerator::default(), KeyGenerator::default());
        let first = key_text(&mut before, 0, &request("Hello"));
        key_text(&mut after, 0, &request("Inserted"));
        assert_eq!(key_text(&mut after, 9, &request("Hello")), first);
        let other_voice = request("Hello").voice("nora");
        assert_ne!(key_text(&mut after, 20, &other_voice)[..16], first[..16]);
    }

    #[test]
    fn repeated_and_retried_pieces_have_distinct_keys() {
        let mut keys = KeyGenerator::default();
        let once = keys.next(0..5, 5, &request("Hello"));
        let twice = keys.next(6..11, 6, &request("Hello"));
        assert_eq!(twice.piece, Piece { number: 2, bytes: 6..11 });
        assert_eq!(twice.to_string(), format!("{once}-2"));
        assert_eq!(twice.retry().retry().to_string(), format!("{once}-2-again-2"));
    }
}
