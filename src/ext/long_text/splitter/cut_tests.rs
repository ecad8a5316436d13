//! Where texts are cut must not change: an unfinished long text would be submitted again in other pieces.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::*;

/// Pseudo-random numbers that stay the same in each version: an LCG with the constants of Knuth's MMIX.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit as u64).expect("below limit")
    }

    fn choice<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// Returns a text of about `characters`, with what decides where a text is cut.
fn book(seed: u64, characters: usize) -> String {
    const WORDS: [&str; 24] = [
        "the",
        "a",
        "of",
        "harbour",
        "lantern",
        "“quiet”",
        "(at last)",
        "Dr.",
        "No. 7",
        "z. B.",
        "1.50",
        "3. Mai",
        "well-known",
        "“Stop!” he said",
        "«Oui»",
        "über",
        "e\u{301}tude",
        "日本語の本です。",
        "ภาษาไทย",
        "e.g.",
        "Tom",
        "U.S.",
        "etc.",
        "supercalifragilisticexpialidocious",
    ];
    let mut numbers = Numbers(seed);
    let mut text = String::new();
    while text.chars().count() < characters {
        for _ in 0..=numbers.below(20) {
            text += numbers.choice(&WORDS);
            text += numbers.choice(&[" ", " ", " ", " ", ", ", "; ", " — ", "\n", "\u{a0}"]);
        }
        text +=
            numbers.choice(&["end. ", "end! ", "end? ", "end: ", "end.” ", "end.\n\n", "end\n\n", "end… "]);
    }
    text
}

#[test]
fn texts_are_cut_where_earlier_versions_cut_them() {
    let mut found = String::new();
    for max in [3, 12, 31, 32, 100, 400, 1_000, 4_096] {
        let (mut count, mut hash) = (0, Sha256::new());
        for seed in 0..3 {
            let text = book(seed, 40 * max.min(1_000) + 500 * usize::try_from(seed).expect("small"));
            for (start, piece) in split(&text).at_most(max) {
                count += 1;
                hash.update(format!("{start} {}\n", piece.len()));
            }
        }
        let hash = hash.finalize()[..6].iter().fold(0, |hash, byte| hash << 8 | u64::from(*byte));
        writeln!(found, "{max} {count} {hash:012x}").expect("a text");
    }
    let expected = "\
3 655 722c0259d83c
12 328 03e732c49145
31 259 9a613ca6cdf5
32 274 b17684fcb613
100 203 a728c42d59f1
400 187 8e43a5ec6a7a
1000 168 47f7f343ba87
4096 35 c5ba861838d9
";
    assert_eq!(found, expected, "the pieces are others: stored pieces are submitted, and billed, again");
}
