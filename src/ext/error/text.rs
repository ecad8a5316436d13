//! Text in errors.

use std::path::Path;

/// Returns the path as text. An empty path would leave a gap in the message.
pub(super) fn display_path(path: &Path) -> String {
    if path.as_os_str().is_empty() { "\"\" (an empty path)".to_owned() } else { path.display().to_string() }
}

/// Replaces control characters, line separators, and the characters that reorder the text around them with spaces, so
/// that server text can neither forge log lines nor control a terminal.
pub(crate) fn single_line(text: &str) -> String {
    let is_removed =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.replace(is_removed, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_line_has_no_character_that_breaks_or_reorders_it() {
        let text = "a\r\n\u{1b}[31m\u{85}\u{2028}\u{2029}\u{202e}\u{2066}\u{2069}b é ש\u{200d}";
        assert_eq!(single_line(text), "a   [31m      b é ש\u{200d}");
    }
}
