//! Text in errors.

use std::path::Path;

/// Returns the path as text. An empty path would leave a gap in the message.
pub(super) fn display_path(path: &Path) -> String {
    if path.as_os_str().is_empty() { "\"\" (an empty path)".to_owned() } else { path.display().to_string() }
}

/// Replaces control characters with spaces, so that server text can neither forge log lines nor control a
/// terminal.
pub(crate) fn single_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
