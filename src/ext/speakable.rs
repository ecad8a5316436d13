//! Decides whether a text contains anything to speak.

/// The characters with the Unicode property `Default_Ignorable_Code_Point`, such as zero-width spaces and the byte order
/// mark. From `DerivedCoreProperties.txt` of Unicode 17; reserved code points are included.
const DEFAULT_IGNORABLE: [(char, char); 17] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fff8}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Returns `true` if the text contains a character that is neither white space nor invisible.
///
/// The server would bill any other text, and its audio would be silent.
pub(crate) fn is_speakable(text: &str) -> bool {
    text.chars().any(is_speakable_char)
}

/// Returns the number of characters that are neither white space nor invisible.
pub(crate) fn count_speakable(text: &str) -> usize {
    text.chars().filter(|c| is_speakable_char(*c)).count()
}

fn is_speakable_char(c: char) -> bool {
    !c.is_whitespace() && !DEFAULT_IGNORABLE.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_white_space_and_invisible_characters_is_not_speakable() {
        for text in
            ["", "  ", "\r\n\t", "\u{a0}\u{3000}", "\u{feff}\u{feff}", "\u{200b} \u{200d}", "\u{ad}\u{e0001}"]
        {
            assert!(!is_speakable(text), "{text:?}");
        }
    }

    #[test]
    fn text_with_one_visible_character_is_speakable() {
        for text in ["a", "\u{feff}a", " . ", "\u{200b}你", "👩‍👩‍👧", "\u{301}", "\u{0}"] {
            assert!(is_speakable(text), "{text:?}");
        }
    }
}
