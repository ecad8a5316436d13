//! Counts the pieces that a small edit of a long text changes. Each of them is billed again.

use std::{collections::HashMap, env};

use super::*;

/// The text is a list of words with the white space after each.
struct Book {
    random: fastrand::Rng,
    words: Vec<String>,
    has_paragraphs: bool,
}

impl Book {
    fn new(seed: u64, chars: usize, has_paragraphs: bool) -> Self {
        let mut book = Self { random: fastrand::Rng::with_seed(seed), words: Vec::new(), has_paragraphs };
        while book.text().len() < chars {
            for _ in 0..20 {
                let sentence = book.sentence();
                book.words.extend(sentence);
            }
        }
        book
    }

    fn word(&mut self) -> String {
        // Short words are frequent, as in most languages.
        let length = 1 + self.random.usize(1..4) * self.random.usize(1..4);
        let kinds = if length < 4 { 3 } else { 26 };
        (0..length).map(|_| char::from(b'a' + self.random.u8(..kinds))).chain([' ']).collect()
    }

    /// Returns a sentence of 3 to 30 words, with commas.
    fn sentence(&mut self) -> Vec<String> {
        let count = 3 + self.random.usize(..10) + self.random.usize(..10) + self.random.usize(..10);
        let mut words: Vec<String> = (0..count).map(|_| self.word()).collect();
        words[0] = words[0][..1].to_uppercase() + &words[0][1..];
        for word in &mut words[..count - 1] {
            if self.random.u8(..8) == 0 {
                word.insert(word.len() - 1, ',');
            }
        }
        let last = words.last_mut().unwrap();
        last.pop();
        last.push_str(self.random.choice([". ", ". ", ". ", "! ", "? "]).unwrap());
        if self.has_paragraphs && self.random.u8(..5) == 0 {
            last.pop();
            last.push_str("\n\n");
        }
        words
    }

    fn text(&self) -> String {
        self.words.concat()
    }

    fn ends_sentence(word: &str) -> bool {
        word.trim_end().ends_with(['.', '!', '?'])
    }

    /// Inserts, deletes or changes a word or a sentence.
    fn edit(&mut self) {
        let at = self.random.usize(1..self.words.len() - 60);
        let sentence_start =
            at + self.words[at..].iter().position(|word| Self::ends_sentence(word)).unwrap() + 1;
        let sentence_end = sentence_start
            + self.words[sentence_start..].iter().position(|word| Self::ends_sentence(word)).unwrap()
            + 1;
        let (range, new) = match self.random.u8(..6) {
            0 => (at..at, vec![self.word()]),
            1 => (at..at + 1, vec![]),
            2 => (at..at + 1, vec![self.word()]),
            3 => (sentence_start..sentence_start, self.sentence()),
            4 => (sentence_start..sentence_end, vec![]),
            _ => (sentence_start..sentence_end, self.sentence()),
        };
        self.words.splice(range, new);
    }
}

/// Returns the number of pieces that a splitter would need which fills each piece with sentences, and ends it at the
/// last paragraph in its second half.
fn greedy_count(text: &str, max: usize) -> usize {
    let sentences: Vec<&str> = text.split_inclusive(['.', '!', '?']).map(str::trim_start).collect();
    let is_paragraph = |at: usize| text[..at].ends_with("\n\n");
    let ends: Vec<usize> = {
        let start = |part: &str| part.as_ptr() as usize - text.as_ptr() as usize;
        sentences.iter().skip(1).map(|part| start(part)).chain([text.len()]).collect()
    };
    let (mut position, mut count) = (0, 0);
    while position < text.trim_end().len() {
        let fits = |end: &&usize| **end > position && text[position..**end].trim_end().len() <= max;
        let last = ends.iter().rfind(fits);
        let mut paragraph =
            ends.iter().filter(fits).filter(|end| is_paragraph(**end) && **end - position > max / 2);
        let rest_fits = text[position..].trim_end().len() <= max;
        position = match (rest_fits, paragraph.next_back().or(last)) {
            (true, _) => text.len(),
            (false, Some(end)) => *end,
            // A sentence that is longer than a piece is split after a word.
            (false, None) => position + text[position..position + max].rfind(' ').unwrap() + 1,
        };
        count += 1;
    }
    count
}

/// Returns how many pieces are new in `after`.
fn count_new(before: &[String], after: &[String]) -> usize {
    let mut known: HashMap<&str, usize> = HashMap::new();
    for piece in before {
        *known.entry(piece).or_default() += 1;
    }
    let is_new = |piece: &&String| match known.get_mut(piece.as_str()) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    };
    after.iter().filter(is_new).count()
}

/// Edits a text one after another, and checks how many pieces are new after each edit. The environment sets larger
/// numbers: `EDITS`, `PIECE` and `PIECES`.
#[track_caller]
fn assert_edits_change_few_pieces(seed: u64, has_paragraphs: bool) {
    let setting =
        |name, default| env::var(name).map_or(default, |value| value.parse().expect("expected a number"));
    let (edits, max) = (setting("EDITS", 500), setting("PIECE", 400));
    let mut book = Book::new(seed, max * setting("PIECES", 30), has_paragraphs);
    let split = |book: &Book| -> (String, Vec<String>) {
        let text = book.text();
        let pieces = split(&text).at_most(max).map(|(_, piece)| piece.to_owned()).collect();
        (text, pieces)
    };
    let (_, mut before) = split(&book);
    let (mut histogram, mut count, mut greedy) = (vec![0; before.len() + 100], 0, 0);
    for edit in 0..edits {
        book.edit();
        let (text, after) = split(&book);
        histogram[count_new(&before, &after)] += 1;
        if edit % 10 == 0 {
            count += after.len();
            greedy += greedy_count(&text, max);
        }
        before = after;
    }
    let histogram = &histogram[..=histogram.iter().rposition(|count| *count > 0).unwrap()];
    let within_3: usize = histogram.iter().take(4).sum();
    eprintln!(
        "{edits} edits, by new pieces: {histogram:?}; {count} pieces, greedy {greedy}; paragraphs: {has_paragraphs}"
    );
    assert!(within_3 * 100 >= edits * 95, "{within_3} of {edits}: {histogram:?}");
    assert!(histogram.len() <= 9, "{histogram:?}");
    assert!(count * 10 <= greedy * 13, "{count} pieces, greedy {greedy}");
}

#[test]
fn small_edit_of_text_without_paragraphs_changes_few_pieces() {
    assert_edits_change_few_pieces(1, false);
}

#[test]
fn small_edit_of_text_with_paragraphs_changes_few_pieces() {
    assert_edits_change_few_pieces(2, true);
}

#[test]
fn small_edit_of_text_without_punctuation_changes_few_pieces() {
    let mut book = Book::new(3, 15_000, false);
    for word in &mut book.words {
        word.retain(char::is_alphabetic);
        word.push(' ');
    }
    let pieces = |text: &str| split(text).at_most(400).map(|(_, piece)| piece.to_owned()).collect::<Vec<_>>();
    let before = pieces(&book.text());
    for at in [0, 300, 1500] {
        book.words.insert(at, "inserted ".to_owned());
        let new = count_new(&before, &pieces(&book.text()));
        book.words.remove(at);
        assert!((1..=8).contains(&new) && before.len() > 35, "{new} of {}", before.len());
    }
}
