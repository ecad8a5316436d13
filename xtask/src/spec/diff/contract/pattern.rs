//! Texts and the patterns that they match.

use regress::Regex;

/// The longest pattern that is read.
const MAX_PATTERN: usize = 256;

/// The number of steps up to which a pattern is matched. The matcher goes back to try another way, so that a pattern with
/// alternatives and repetitions can take very long.
const MAX_STEPS: usize = 1 << 18;

/// Returns `true` if the text matches the pattern. Returns `None` if that is unknown.
pub(super) fn matched(pattern: &str, text: &str) -> Option<bool> {
    if pattern.len() > MAX_PATTERN || steps(pattern, text.chars().count()) > MAX_STEPS {
        return None;
    }
    let regex = Regex::with_flags(pattern, "u").or_else(|_| Regex::new(pattern)).ok()?;
    Some(regex.find(text).is_some())
}

/// Returns a rough upper limit of the number of steps in which the pattern is matched with a text of this length.
fn steps(pattern: &str, length: usize) -> usize {
    let (mut groups, mut depth, mut bars) = (1, 0_usize, 0);
    // The repetitions of characters outside and inside of groups, and those of groups with their number of times.
    let (mut outer, mut inner, mut nested, mut times) = (0, 0_usize, 0, 0_usize);
    let mut last = None;
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        let braces = characters.as_str().split('}').next().filter(|_| c == '{').unwrap_or_default();
        match c {
            '\\' => drop(characters.next()),
            '[' => loop {
                match characters.next() {
                    Some('\\') => drop(characters.next()),
                    Some(']') | None => break,
                    Some(_) => {}
                }
            },
            '(' => (groups, depth) = (groups + 1, depth + 1),
            ')' => depth = depth.saturating_sub(1),
            '|' => bars += 1,
            '*' | '+' | '?' | '{' if last == Some(')') => {
                let numbers = braces.split(',').filter_map(|number| number.parse().ok());
                nested += 1;
                times = times.max(1).saturating_mul(numbers.max().unwrap_or(1));
            }
            '*' | '+' | '?' if last != Some('(') && depth > 0 => inner += 1,
            '*' | '+' | '?' if last != Some('(') => outer += 1,
            '{' if braces.contains(',') && depth > 0 => inner += 1,
            '{' if braces.contains(',') => outer += 1,
            _ => {}
        }
        last = Some(c);
    }
    let power = |base: usize, exponent| base.saturating_pow(u32::try_from(exponent).unwrap_or(u32::MAX));
    let length = length.max(1);
    if nested == 0 {
        return power(bars + 1, groups).saturating_mul(power(length, outer + inner + 1));
    }
    let choices = bars + nested + inner.max(1);
    power(choices, length.saturating_add(times)).saturating_mul(power(length, outer))
}

/// Returns `true` if every text matches the pattern.
pub(super) fn is_trivial(pattern: &str) -> bool {
    ["", ".*", "^.*$", "^", "$"].contains(&pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_is_matched_only_in_few_steps() {
        let long = "a_name_that_is_longer_than_16_characters";
        for (pattern, text, expected) in [
            ("^a_", long, Some(true)),
            ("^b", long, Some(false)),
            ("^(a|b)_[*+]?", long, Some(true)),
            ("^[a-z0-9_]*$", long, Some(true)),
            (r"^[\]a]{2}$", "]a", Some(true)),
            ("^[a-z]+(-[a-z]+)*$", "some-name", Some(true)),
            ("^[a-z]+(-[a-z]+)*$", long, None),
            ("^(a|a|a)*X$", "aaaaaaaaaaaaaaaa", None),
            ("^(a+)+$", long, None),
            ("^((|){8}){8}X$", "a", None),
            ("^a*a*a*a*a*X$", "aaaaaaaaaaaaaaaa", None),
            ("(", "a", None),
        ] {
            assert_eq!(matched(pattern, text), expected, "{pattern} {text}");
        }
    }
}
