//! Texts and the patterns that they match.

use regress::Regex;

/// The longest text that is matched with a pattern. Matching a longer one could take very long.
const MAX_MATCHED: usize = 16;

/// Returns `true` if the text matches the pattern. Returns `None` if that is unknown.
pub(super) fn matched(pattern: &str, text: &str) -> Option<bool> {
    let short = text.chars().count() <= MAX_MATCHED && pattern.len() <= 256;
    let regex = short.then(|| Regex::with_flags(pattern, "u").or_else(|_| Regex::new(pattern)).ok())??;
    Some(regex.find(text).is_some())
}

/// Returns `true` if every text matches the pattern.
pub(super) fn is_trivial(pattern: &str) -> bool {
    ["", ".*", "^.*$", "^", "$"].contains(&pattern)
}
