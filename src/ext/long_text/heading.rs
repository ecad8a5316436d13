//! Recognises the headings of chapters.

use std::sync::Arc;

/// A function that returns `true` if a line is the heading of a chapter.
pub(super) type IsHeading = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The numbers that may follow `Chapter`, in words. `twenty-one` is two of them.
const NUMBER_WORDS: [&str; 28] = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
];

/// Returns `true` if a line is a heading: a Markdown heading, or `Chapter` with a number.
///
/// ```
/// use distribute_ai::long_text::is_heading;
///
/// for line in ["# Loomings", "### 2.1 The Carpet-Bag", "Chapter 1", "CHAPTER IV. The Counterpane", "Chapter Two: Home"] {
///     assert!(is_heading(line));
/// }
/// for line in ["#hashtag", "Chapter 1 was too long.", "Chapters", "We read chapter 1"] {
///     assert!(!is_heading(line));
/// }
/// ```
///
/// A Markdown heading is one to six `#`, a space and a text. After `Chapter`, the number is in digits, Roman numerals
/// or English words. A title may follow after `.`, `:` or a dash. Upper and lower case are equivalent.
///
/// For other headings, pass a function to [`InPieces::chapters`](super::InPieces::chapters).
#[must_use]
pub fn is_heading(line: &str) -> bool {
    let line = line.trim();
    is_markdown_heading(line) || is_chapter_line(line)
}

fn is_markdown_heading(line: &str) -> bool {
    let rest = line.trim_start_matches('#');
    (1..=6).contains(&(line.len() - rest.len()))
        && rest.starts_with([' ', '\t'])
        && rest.contains(char::is_alphanumeric)
}

fn is_chapter_line(line: &str) -> bool {
    let Some((chapter, rest)) = line.split_once(char::is_whitespace) else { return false };
    let rest = rest.trim_start();
    let number = rest.split(|c: char| !(c.is_alphanumeric() || c == '-')).next().unwrap_or_default();
    let title = rest[number.len()..].trim_start();
    chapter.eq_ignore_ascii_case("chapter")
        && is_number(number.trim_end_matches('-'))
        && (title.is_empty() || number.ends_with('-') || title.starts_with(['.', ':', '-', '–', '—']))
}

fn is_number(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let is_roman = |word: &str| word.chars().all(|c| "ivxlcdm".contains(c));
    let is_digits = |word: &str| word.chars().all(|c| c.is_ascii_digit());
    !word.is_empty()
        && (is_digits(&word) || is_roman(&word) || word.split('-').all(|part| NUMBER_WORDS.contains(&part)))
}

/// Returns the title of a heading: the line without Markdown's marks.
pub(super) fn title(line: &str) -> &str {
    let line = line.trim();
    if is_markdown_heading(line) { line.trim_matches('#').trim() } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_told_from_prose() {
        for line in [
            "# One",
            " ## One ##",
            "###### Ünder",
            "chapter 12",
            "CHAPTER XIV",
            "Chapter Twenty-One",
            "Chapter 1.",
            "Chapter 3 — Home",
            "Chapter 3- Home",
            "Chapter two: Home",
            "Chapter I. Loomings.",
        ] {
            assert!(is_heading(line), "{line:?}");
        }
        for line in [
            "",
            "#",
            "# ",
            "# ***",
            "####### Seven",
            "#1",
            "Chapter",
            "Chapter ",
            "Chapter of accidents",
            "Chapter 3 of the book",
            "Chapter Twenty-Odd",
            "Chapter -",
            "chapter i think",
            "Chapterone",
        ] {
            assert!(!is_heading(line), "{line:?}");
        }
    }

    #[test]
    fn title_has_no_markdown_marks() {
        assert_eq!(title(" ## Home # 2 ##\r"), "Home # 2");
        assert_eq!(title("#1 of all"), "#1 of all");
        assert_eq!(title("CHAPTER I. Loomings"), "CHAPTER I. Loomings");
    }
}
