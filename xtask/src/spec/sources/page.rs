//! A documentation page: Markdown with one JSON fence. Everything outside the fence is ignored.

/// The reason why the document of a page is missing.
#[derive(Debug)]
pub(crate) enum Absence {
    /// The page does not exist, with the response of the server.
    Removed(String),
    /// The page does not contain a JSON document, with the problems.
    NotJson(Vec<String>),
    /// The document of the page is not valid OpenAPI 3.0, with the problems.
    NotOpenApi(Vec<String>),
}

impl Absence {
    /// Returns one line for each problem, prefixed with the page.
    pub(crate) fn lines(&self, page: &str) -> Vec<String> {
        self.problems().iter().map(|problem| format!("{page}: {problem}")).collect()
    }

    pub(crate) fn problems(&self) -> &[String] {
        match self {
            Self::Removed(response) => std::slice::from_ref(response),
            Self::NotJson(problems) | Self::NotOpenApi(problems) => problems,
        }
    }
}

/// The text of a page, and the final address if the request was redirected.
#[derive(Debug)]
pub(crate) struct Page {
    text: String,
    pub(crate) redirected: Option<String>,
}

impl Page {
    pub(crate) fn from_bytes(bytes: Vec<u8>, redirected: Option<String>) -> Result<Self, Absence> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            Absence::NotJson(vec![format!("invalid UTF-8 at byte {valid}")])
        })?;
        // A byte order mark would hide a fence in the first line.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        Ok(Self { text, redirected })
    }

    /// Returns the only JSON fence of the page, which contains its document.
    pub(crate) fn json_fence(&self) -> Result<Fence<'_>, Absence> {
        let fences = fences(&self.text).map_err(|error| self.without_fence(error))?;
        let (mut fences, others): (Vec<_>, Vec<_>) = fences.into_iter().partition(Fence::is_json);
        let found = match (fences.pop(), fences.first()) {
            (Some(fence), None) => return Ok(fence),
            (None, _) if self.text.trim_start().starts_with('<') => "none in what looks like HTML".to_owned(),
            (None, _) if others.is_empty() => match self.text.lines().position(has_json_mark) {
                Some(line) => {
                    format!("none, because the one in line {} is {HIDDEN}", line + 1)
                }
                None => "none".to_owned(),
            },
            (None, _) => {
                let others = others.iter().take(MAX_OTHERS).map(Fence::place).collect::<Vec<_>>();
                format!("none, but fences of other languages: {}", others.join(", "))
            }
            (Some(last), Some(first)) => {
                let count = fences.len() + 1;
                format!("{count}, the first at line {}, the last at line {}", first.line, last.line)
            }
        };
        Err(self.without_fence(format!("expected one ```json fence, found {found}")))
    }

    fn without_fence(&self, problem: String) -> Absence {
        let problem = match &self.redirected {
            Some(to) => format!("{problem} (redirected to {to})"),
            None => problem,
        };
        Absence::NotJson(vec![problem])
    }
}

/// The reasons why a fence is not found.
const HIDDEN: &str = "in a list, a quote or a comment, or indented by more than three spaces";

/// Returns `true` if the line has the start of a JSON fence, perhaps not at its beginning.
fn has_json_mark(line: &str) -> bool {
    line.split_once("```").is_some_and(|(_, info)| info.split_whitespace().next() == Some("json"))
}

/// The number of fences of other languages that an error names.
const MAX_OTHERS: usize = 5;

/// A fence and its content.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fence<'a> {
    /// The first word after the fence characters.
    language: &'a str,
    /// The line of the page on which the fence opens, from 1. The text begins on the next line.
    pub(crate) line: usize,
    pub(crate) text: &'a str,
}

impl Fence<'_> {
    fn is_json(&self) -> bool {
        self.language.eq_ignore_ascii_case("json")
    }

    fn place(&self) -> String {
        let language = if self.language.is_empty() { "no language" } else { self.language };
        format!("{} at line {}", language.chars().take(20).collect::<String>(), self.line)
    }
}

/// A fence whose closing line has not been found yet. Its text is the rest of the page.
struct Open<'a> {
    mark: char,
    length: usize,
    fence: Fence<'a>,
}

/// Returns the fences as CommonMark defines them outside of lists and quotes. A fence within another fence or within a
/// comment of HTML is text. A fence in a list is found if it is indented by less than four spaces.
fn fences(page: &str) -> Result<Vec<Fence<'_>>, String> {
    let mut fences = Vec::new();
    let mut open: Option<Open> = None;
    let mut in_comment = false;
    let mut rest = page;
    for number in 1.. {
        if rest.is_empty() {
            break;
        }
        let (line, after) = rest.split_at(rest.find('\n').map_or(rest.len(), |newline| newline + 1));
        match open.take() {
            None if in_comment || opens_comment(line) => in_comment = !line.contains("-->"),
            None => open = opening_fence(line, number, after),
            Some(Open { mut fence, mark, length }) if is_closing_fence(line, mark, length) => {
                fence.text = &fence.text[..fence.text.len() - rest.len()];
                fences.push(fence);
            }
            still_open => open = still_open,
        }
        rest = after;
    }
    match open {
        Some(Open { fence, .. }) if fence.is_json() => {
            Err(format!("the ```json fence that opens at line {} is never closed", fence.line))
        }
        open => {
            fences.extend(open.map(|open| open.fence));
            Ok(fences)
        }
    }
}

fn opening_fence<'a>(line: &'a str, number: usize, after: &'a str) -> Option<Open<'a>> {
    let (mark, length, info) = fence_line(line)?;
    let language = info.split_whitespace().next().unwrap_or_default();
    Some(Open { mark, length, fence: Fence { language, line: number, text: after } })
}

fn opens_comment(line: &str) -> bool {
    let text = line.trim_start_matches(' ');
    line.len() - text.len() < 4 && text.starts_with("<!--")
}

fn is_closing_fence(line: &str, open_mark: char, open_length: usize) -> bool {
    fence_line(line).is_some_and(|(mark, length, info)| {
        mark == open_mark && length >= open_length && info.trim().is_empty()
    })
}

/// Returns the fence character, the number of them, and the info string. Returns `None` for any other line.
fn fence_line(line: &str) -> Option<(char, usize, &str)> {
    let text = line.trim_start_matches(' ');
    let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let info = text.trim_start_matches(mark);
    let length = text.len() - info.len();
    // A line indented by four spaces is an indented block. A line with a backtick in the info string is
    // inline code.
    let is_fence = line.len() - text.len() < 4 && length >= 3 && !(mark == '`' && info.contains('`'));
    is_fence.then_some((mark, length, info))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Result<String, String> {
        let page = Page::from_bytes(text.into(), None).unwrap();
        let fence = page.json_fence();
        fence.map(|fence| fence.text.to_owned()).map_err(|absence| absence.lines("page").join("\n"))
    }

    #[test]
    fn json_fence_ignores_prose_and_other_fences() {
        let page = "# T\n```yaml\na: b\n```\n\n```json\n{\"a\":\n1}\n```\n# More\n`x`\n";
        assert_eq!(document(page).unwrap(), "{\"a\":\n1}\n");
    }

    #[test]
    fn json_fence_with_carriage_returns_is_found() {
        assert_eq!(document("a\r\n```json\r\n{}\r\n```\r\n").unwrap(), "{}\r\n");
    }

    #[test]
    fn json_fence_after_a_byte_order_mark_is_found() {
        assert_eq!(document("\u{feff}```json\n{}\n```\n").unwrap(), "{}\n");
    }

    #[test]
    fn json_fence_within_a_comment_is_ignored() {
        let page = "<!-- old:\n```json\n[\n```\n-->\n<!-- one line -->\n```json\n<!--\n```\n";
        assert_eq!(document(page).unwrap(), "<!--\n");
        assert!(document("<!--\n```json\n{}\n```\n").unwrap_err().contains("found none"));
    }

    #[test]
    fn json_fence_within_a_longer_fence_is_ignored() {
        let page = "````md\n```json\n{}\n```\n````\n~~~ JSON title=x\n[\n```\n]\n~~~~\n";
        assert_eq!(document(page).unwrap(), "[\n```\n]\n");
    }

    #[test]
    fn json_fence_missing_or_ambiguous_is_an_error_with_what_was_found() {
        let two = "```json\n{}\n```\n```json\n{}\n```\n";
        for (page, expected) in [
            ("", "found none"),
            ("just text", "found none"),
            (
                "    ```json\n{}\n",
                "none, because the one in line 1 is in a list, a quote or a comment, or indented by more than three spaces",
            ),
            ("a\n> ```json\n> {}\n> ```\n", "or indented by more than three spaces"),
            ("    ```json5\n{}\n", "found none"),
            ("```json5\n{}\n```\n", "found none, but fences of other languages: json5 at line 1"),
            ("x\n```yaml\na\n```\n```\n{}\n", "other languages: yaml at line 2, no language at line 5"),
            ("<!DOCTYPE html><title>Log in</title>", "found none in what looks like HTML"),
            (two, "found 2, the first at line 1, the last at line 4"),
            ("x\n```json\n{}\n", "opens at line 2 is never closed"),
        ] {
            let error = document(page).unwrap_err();
            assert!(error.ends_with(expected), "{page:?}: {error}");
        }
    }

    #[test]
    fn json_fence_error_after_redirect_contains_the_final_address() {
        let page = Page::from_bytes(b"<html>".to_vec(), Some("https://login".into())).unwrap();
        let lines = page.json_fence().unwrap_err().lines("page");
        assert!(lines[0].ends_with("(redirected to https://login)"), "{lines:?}");
    }
}
