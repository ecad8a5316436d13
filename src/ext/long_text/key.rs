use std::{collections::HashMap, fmt, ops::Range};

use super::Piece;

use crate::{ext::batch::fingerprint, types::SpeechRequest};

/// What a piece is called in the batch and its journal: by what is requested and not by where it stands, so that a piece
/// that a change of the text has moved is found again, and one that it has changed isn't taken for what it was.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) piece: Piece,
    /// How much of the text is behind, once it is spoken.
    pub(super) characters: usize,
    request: String,
    /// How many pieces before it are the same.
    occurrence: u32,
    /// How many times it was given up by the server and submitted again.
    pub(super) attempt: u32,
}

impl Key {
    /// The same piece, after its task was given up.
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

/// Gives each piece of a text its key.
#[derive(Debug, Default)]
pub(super) struct KeyGenerator {
    given: usize,
    seen: HashMap<String, u32>,
}

impl KeyGenerator {
    pub(super) fn next(&mut self, bytes: Range<usize>, characters: usize, request: &SpeechRequest) -> Key {
        self.given += 1;
        let request = fingerprint(request);
        let seen = self.seen.entry(request.clone()).or_default();
        let repeats = *seen;
        *seen += 1;
        let piece = Piece { number: self.given, bytes };
        Key { piece, characters, request, occurrence: repeats, attempt: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SpeechModel;

    fn request(text: &str) -> SpeechRequest {
        SpeechRequest {
            cfg_weight: None,
            exaggeration: None,
            input: text.parse().unwrap(),
            model: SpeechModel::Chatterbox,
            stream: None,
            temperature: None,
            voice: None,
        }
    }

    #[test]
    fn a_piece_is_known_by_what_it_says_and_not_by_where() {
        let name = |keys: &mut KeyGenerator, at: usize, request: &SpeechRequest| {
            keys.next(at..at + 5, 5, request).to_string()
        };
        let (mut before, mut after) = (KeyGenerator::default(), KeyGenerator::default());
        let first = name(&mut before, 0, &request("Hello"));
        name(&mut after, 0, &request("Inserted"));
        assert_eq!(name(&mut after, 9, &request("Hello")), first);
        let other_voice = SpeechRequest { voice: Some("nora".into()), ..request("Hello") };
        assert_ne!(name(&mut after, 20, &other_voice)[..16], first[..16]);
    }

    #[test]
    fn what_is_said_twice_and_what_is_tried_again_has_names_of_its_own() {
        let mut keys = KeyGenerator::default();
        let once = keys.next(0..5, 5, &request("Hello"));
        let twice = keys.next(6..11, 6, &request("Hello"));
        assert_eq!(twice.piece, Piece { number: 2, bytes: 6..11 });
        assert_eq!(twice.to_string(), format!("{once}-2"));
        assert_eq!(twice.retry().retry().to_string(), format!("{once}-2-again-2"));
    }
}
