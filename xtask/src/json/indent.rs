//! Pretty printing that changes only white space.
//!
//! Parsing and printing would lose the author's order of keys and notation, such as `1.0` and `\u00e9`. The
//! committed copy of a page must be that page's document, so only its white space may change.

/// Returns the same JSON with two spaces per level and a final newline. The text must be valid JSON.
pub(crate) fn indent(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0;
    let mut chars = json.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_ascii_whitespace() => {}
            '"' => {
                out.push(c);
                copy_string(&mut chars, &mut out);
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(closing) = chars.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(closing);
                } else {
                    depth += 1;
                    new_line(depth, &mut out);
                }
            }
            '}' | ']' => {
                depth -= 1;
                new_line(depth, &mut out);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(depth, &mut out);
            }
            ':' => out.push_str(": "),
            other => out.push(other),
        }
    }
    out.push('\n');
    out
}

/// Copies a string up to and including its closing quote, with its escapes unchanged.
fn copy_string(chars: &mut impl Iterator<Item = char>, out: &mut String) {
    while let Some(c) = chars.next() {
        out.push(c);
        match c {
            '\\' => out.extend(chars.next()),
            '"' => return,
            _ => {}
        }
    }
}

fn new_line(depth: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indent_keeps_key_order_numbers_and_escapes() {
        let json = "{\"b\":1.0,\r\n \"a\" : [1e3,-0, {} ,[ ]],\"s\":\"\\u00e9 \\\" {[:,]} \\\\\"}";
        let expected = "{\n  \"b\": 1.0,\n  \"a\": [\n    1e3,\n    -0,\n    {},\n    []\n  ],\n  \"s\": \"\\u00e9 \\\" {[:,]} \\\\\"\n}\n";
        assert_eq!(indent(json), expected);
    }

    #[test]
    fn indent_of_indented_text_returns_it_unchanged() {
        let once = indent("{\"a\":[1,{\"b\":\"c\"}],\"d\":null}");
        assert_eq!(indent(&once), once);
    }
}
