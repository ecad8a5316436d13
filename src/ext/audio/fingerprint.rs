//! Recognises bytes that have arrived before.

/// The number of bytes that are mixed at a time. Four independent words are about as fast as reading the bytes.
const BLOCK: usize = 32;

/// An odd number with evenly distributed bits, from the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// A hash of a sequence of bytes, however it is cut into chunks. It detects accidents and no attacks: whoever
/// sends the bytes could send anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    words: [u64; BLOCK / 8],
    /// The start of the next block.
    rest: [u8; BLOCK],
    rest_length: usize,
}

impl Default for Fingerprint {
    fn default() -> Self {
        // A word of 0 would not change with zeros.
        Self {
            words: [1, 2, 3, 4].map(|word: u64| word.wrapping_mul(FACTOR)),
            rest: [0; BLOCK],
            rest_length: 0,
        }
    }
}

impl Fingerprint {
    pub(super) fn write(&mut self, mut bytes: &[u8]) {
        let length = bytes.len().min(BLOCK - self.rest_length);
        self.rest[self.rest_length..][..length].copy_from_slice(&bytes[..length]);
        self.rest_length += length;
        if self.rest_length < BLOCK {
            return;
        }
        bytes = &bytes[length..];
        let block = self.rest;
        self.mix(&block);
        let (blocks, rest) = bytes.as_chunks();
        for block in blocks {
            self.mix(block);
        }
        self.rest = [0; BLOCK];
        self.rest[..rest.len()].copy_from_slice(rest);
        self.rest_length = rest.len();
    }

    fn mix(&mut self, block: &[u8; BLOCK]) {
        for (word, bytes) in self.words.iter_mut().zip(block.as_chunks().0) {
            *word = (*word ^ u64::from_le_bytes(*bytes)).wrapping_mul(FACTOR).rotate_left(29);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(bytes: &[u8], chunk: usize) -> Fingerprint {
        let mut fingerprint = Fingerprint::default();
        bytes.chunks(chunk).for_each(|chunk| fingerprint.write(chunk));
        fingerprint
    }

    #[test]
    fn fingerprint_does_not_depend_on_the_chunks() {
        let bytes: Vec<u8> = (0..1000).map(|_| fastrand::u8(..)).collect();
        for length in [0, 1, 31, 32, 33, 64, 1000] {
            let whole = fingerprint(&bytes[..length], 1000);
            for chunk in [1, 7, 31, 32, 33, 100] {
                assert_eq!(
                    fingerprint(&bytes[..length], chunk),
                    whole,
                    "{length} bytes in chunks of {chunk}"
                );
            }
        }
    }

    #[test]
    fn fingerprint_differs_if_any_byte_or_the_length_differs() {
        let bytes = [7; 200];
        let whole = fingerprint(&bytes, 200);
        for at in 0..200 {
            let mut other = bytes;
            other[at] ^= 1 << (at % 8);
            assert_ne!(fingerprint(&other, 200), whole, "byte {at}");
            assert_ne!(fingerprint(&bytes[..at], 200), whole, "{at} bytes");
        }
        let swapped = |at: usize| {
            let mut words: Vec<u8> = (0..64).collect();
            words.swap(at, at + 8);
            fingerprint(&words, 64)
        };
        assert_ne!(swapped(0), swapped(8));
        // Zeros at the end are no padding.
        assert_ne!(fingerprint(&[0; 33], 64), fingerprint(&[0; 34], 64));
        assert_ne!(fingerprint(&[0; 32], 64), fingerprint(&[0; 64], 64));
    }
}
