//! Removes the API key from text that a server sent.

/// Replaces the key in messages, ids and `Debug` output.
pub(super) const REDACTED: &str = "[redacted]";

/// The most characters of a server's text that an error keeps.
pub(super) const MAX_MESSAGE_CHARS: usize = 2_000;

/// The shortest part of the key that is redacted at the end of a text that was cut.
const MIN_PART: usize = 4;

/// Replaces each occurrence of the key. If the key occurs in escaped form, the whole text is replaced: a JSON string spells
/// some characters with a backslash or by number, and JSON within JSON adds more backslashes. URLs and HTML spell
/// characters by number too.
pub(super) fn redact(text: &str, key: &str) -> String {
    let text = text.replace(key, REDACTED);
    let (plain, key) = (unescape(&text), unescape(key));
    if !key.is_empty() && (plain.contains(&key) || decode(&plain).contains(&key)) {
        return REDACTED.to_owned();
    }
    text
}

/// As [`redact`], for a text whose end was cut off: also replaces the whole text if it ends within the key.
pub(super) fn redact_cut(text: &str, key: &str) -> String {
    let text = redact(text, key);
    let (end, key) = (unescape(&text), unescape(key));
    let last_escape = end.rfind(['%', '&']).unwrap_or(end.len());
    let (decoded, whole) = (decode(&end), decode(&end[..last_escape]));
    let ends = [without_started_escape(&end), &end, &decoded, &whole];
    let mut parts = key.char_indices().skip(MIN_PART).map(|(at, _)| &key[..at]);
    if parts.any(|part| ends.iter().any(|end| end.ends_with(part))) { REDACTED.to_owned() } else { text }
}

/// Removes a `u00` at the end: the cut may have removed the other digits of an escape.
fn without_started_escape(text: &str) -> &str {
    let digits = text.bytes().rev().take(3).take_while(u8::is_ascii_hexdigit).count();
    let mut starts = (0..=digits).filter_map(|count| text[..text.len() - count].strip_suffix('u'));
    starts.next().unwrap_or(text)
}

/// Returns the text without backslashes, and with each `\u002b` replaced by its character, in one pass.
///
/// The result is not valid JSON. Two texts that spell the same characters give the same result, however often they were
/// escaped.
fn unescape(text: &str) -> String {
    let (mut plain, mut rest, mut escaped) = (String::with_capacity(text.len()), text, false);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('\\') {
            (rest, escaped) = (after, true);
        } else if let Some((character, after)) = unicode_escape(rest).filter(|_| escaped) {
            rest = after;
            // An escaped backslash may start the next escape.
            escaped = character == '\\';
            if !escaped {
                plain.push(character);
            }
        } else {
            let (run, after) = rest.split_at(rest.find('\\').unwrap_or(rest.len()));
            plain.push_str(run);
            (rest, escaped) = (after, false);
        }
    }
    plain
}

/// Returns the text with each `%2b`, `&#x2b;` and `&#43;` replaced by its character, and without the backslashes that this
/// adds.
fn decode(text: &str) -> String {
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(['%', '&']) {
        let (before, escape) = rest.split_at(at);
        plain.push_str(before);
        if let Some((character, after)) = percent_escape(escape).or_else(|| html_escape(escape)) {
            plain.push(character);
            rest = after;
        } else {
            plain.push_str(&escape[..1]);
            rest = &escape[1..];
        }
    }
    plain.push_str(rest);
    unescape(&plain)
}

/// Parses a `%2b`; returns its character and the rest of the text. The key has only ASCII characters.
fn percent_escape(text: &str) -> Option<(char, &str)> {
    let digits = text.strip_prefix('%')?.get(..2)?;
    let digit = |at| char::from(digits.as_bytes()[at]).to_digit(16);
    Some((char::from_u32(digit(0)? * 16 + digit(1)?)?, &text[3..]))
}

/// Parses a `&#x2b;` or `&#43;`; returns its character and the rest of the text. Browsers accept both without the semicolon.
fn html_escape(text: &str) -> Option<(char, &str)> {
    let number = text.strip_prefix("&#")?;
    let (radix, digits) = number.strip_prefix(['x', 'X']).map_or((10, number), |digits| (16, digits));
    let (digits, after) =
        digits.split_at(digits.find(|digit: char| !digit.is_digit(radix)).unwrap_or(digits.len()));
    let character = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
    Some((character, after.strip_prefix(';').unwrap_or(after)))
}

/// Parses the `u002b` of an escape; returns its character and the rest of the text.
fn unicode_escape(text: &str) -> Option<(char, &str)> {
    let digits =
        text.strip_prefix('u')?.get(..4).filter(|four| four.bytes().all(|b| b.is_ascii_hexdigit()))?;
    Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, &text[5..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_key_is_replaced_and_the_text_around_it_stays() {
        assert_eq!(redact("no such key: sk-1", "sk-1"), "no such key: [redacted]");
        assert_eq!(redact(r#"{"error": "no"}"#, "ab+cd"), r#"{"error": "no"}"#);
        assert_eq!(redact(r#"a/b\c"d"#, r#"a/b\c"d"#), "[redacted]");
        assert_eq!(redact(r"a\\\b", r"\\"), r"a[redacted]\b");
    }

    #[test]
    fn escaped_key_replaces_the_whole_text() {
        assert_eq!(redact(r#"{"error": "no key ab\u002Bcd"}"#, "ab+cd"), "[redacted]");
        let key = r#"sk-a/b\c"d+u0041"#;
        for text in [
            r#"{"a": "sk-a\/b\\c\"d+u0041", "a": 1}"#,
            r#"sk-a/bc"d+u0041"#,
            r#"{"a": "sk-a/b\u005Cc\u0022d\u002bu0041", "a": 1}"#,
            r#"{"a": "sk-a/b\\c\"d\u002Bu0041"#,
            r#"{"a": "{\"b\": \"sk-a/b\\\\c\\\"d\\u002bu0041"#,
            r"\u0073\u006b\u002d\u0061\u002f\u0062\u005c\u0063\u0022\u0064\u002b\u0075\u0030\u0030\u0034\u0031",
        ] {
            assert_eq!(redact(text, key), "[redacted]", "{text}");
        }
        assert_eq!(redact(r"no key A", r"\u0041"), "[redacted]", "the key looks like an escape");
    }

    #[test]
    fn key_in_the_escapes_of_urls_and_html_replaces_the_whole_text() {
        let key = r"sk-a/b+c\d=";
        for text in [
            "key=sk-a%2Fb%2bc%5Cd%3D&x=1",
            "<p>sk-a&#x2F;b&#43;c&#92;d&#0061;</p>",
            "sk&#45;a&#47b&#X2b;c&#x5c;d=",
            r#"{"a": "sk-a\u00252Fb\u0026#43;c%5c%5Cd\u003d"}"#,
        ] {
            assert_eq!(redact(text, key), REDACTED, "{text}");
        }
        assert_eq!(redact("sk-a%2Fb", "sk-a%2Fb"), REDACTED);
        assert_eq!(redact(r"sk-a\u00252Fb", "sk-a%2Fb"), REDACTED, "the key looks like an escape");
    }

    #[test]
    fn text_cut_within_the_escapes_of_urls_and_html_is_replaced() {
        let key = "sk-abcdefgh";
        for escape in
            [|byte: u8| format!("%{byte:02X}"), |byte| format!("&#{byte};"), |byte| format!("&#x{byte:x};")]
        {
            let text: String = key.bytes().map(escape).collect();
            let least: usize = key.bytes().take(MIN_PART).map(|byte| escape(byte).len()).sum();
            for end in least..text.len() {
                assert_eq!(redact_cut(&text[..end], key), REDACTED, "{}", &text[..end]);
            }
        }
    }

    #[test]
    fn text_without_the_key_is_unchanged() {
        for text in [r"sk-a\/b", r"\\\", r"\u005c\u005c", r"\u00", r"\uüüüü", "\\", ""].into_iter().chain([
            "%",
            "%2",
            "%+2",
            "%üü",
            "100 %&",
            "&#",
            "&#x",
            "&#;",
            "&#x110000;",
            "&#99999999999;",
            "&amp;",
        ]) {
            assert_eq!(redact(text, "sk-1"), text);
            assert_eq!(redact_cut(text, "sk-1"), text);
        }
    }

    #[test]
    fn text_cut_within_the_key_is_replaced() {
        assert_eq!(redact_cut("the key sk-abcd", "sk-abcdefgh"), "[redacted]");
        assert_eq!(redact_cut(r"the key sk\u002dabcd", "sk-abcdefgh"), "[redacted]");
        assert_eq!(redact_cut("the key sk-", "sk-abcdefgh"), "the key sk-", "shorter than four characters");
        assert_eq!(redact_cut("the key sk-abcdefgh!", "sk-abcdefgh"), "the key [redacted]!");
    }

    #[test]
    fn text_cut_within_an_escape_of_the_key_is_replaced() {
        let key = "sk-abcdefgh";
        for prefix in ["\\", r"\\", r"\u005c"] {
            let text = key.bytes().map(|byte| format!("{prefix}u{byte:04x}")).collect::<Vec<_>>().concat();
            // Three or fewer characters of the key may stay.
            for end in (prefix.len() + 5) * MIN_PART..text.len() {
                assert_eq!(redact_cut(&text[..end], key), REDACTED, "{}", &text[..end]);
            }
        }
    }

    #[test]
    fn long_runs_of_escapes_do_not_overflow_the_stack() {
        let text = r"\u005c\a".repeat(200_000);
        assert_eq!(redact(&text, "sk-1"), text);
        let separated = r"a\".repeat(32_000);
        assert_eq!(redact(&separated, &"a".repeat(512)), "[redacted]");
    }
}
