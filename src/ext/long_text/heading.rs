//! Recognises the headings of chapters.

use std::sync::Arc;

/// A function that returns `true` if a line is the heading of a chapter.
pub(super) type IsHeading = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The numbers that may follow `Chapter`, in words. `twenty-one` is two of them.
const NUMBER_WORDS: [&str; 27] = [
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
/// in upper case, or English words up to `ninety-nine`. A title may follow after `.`, `:` or a dash.
///
/// The function sees one line only. A line of a table of contents, such as `Chapter 1. Loomings`, is therefore a heading,
/// too, and so is a line of wrapped prose that begins with `Chapter 4.`
///
/// For other headings, pass a function to [`InPieces::headings`](super::InPieces::headings).
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
    let is_digits = |word: &str| word.chars().all(|c| c.is_ascii_digit());
    let is_spelled_out =
        |word: &str| word.to_ascii_lowercase().split('-').all(|part| NUMBER_WORDS.contains(&part));
    !word.is_empty() && (is_digits(word) || is_roman(word) || is_spelled_out(word))
}

/// Returns `true` for a Roman numeral in upper case. In lower case, `mild` and `civil` would be too similar.
fn is_roman(word: &str) -> bool {
    // For each decimal place: one, five and ten.
    const PLACES: [[&str; 3]; 3] = [["C", "D", "M"], ["X", "L", "C"], ["I", "V", "X"]];
    let thousands = word.trim_start_matches('M');
    if word.len() - thousands.len() > 3 {
        return false;
    }
    let mut rest = thousands;
    for [one, five, ten] in PLACES {
        let subtracted = [[one, ten].concat(), [one, five].concat()];
        if let Some(next) = subtracted.iter().find_map(|pair| rest.strip_prefix(pair.as_str())) {
            rest = next;
            continue;
        }
        rest = rest.strip_prefix(five).unwrap_or(rest);
        let next = rest.trim_start_matches(one);
        if rest.len() - next.len() > 3 {
            return false;
        }
        rest = next;
    }
    !word.is_empty() && rest.is_empty()
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
            "Chapter MCMXCIX",
            "Chapter XLVIII: Home",
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
            "Chapter mild",
            "Chapter MILD",
            "Chapter IIII",
            "Chapter MMMM",
            "Chapter IXI",
            "Chapter VX",
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
