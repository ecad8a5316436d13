use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Error, error::single_line};

/// The most characters of an id in errors and logs. A UUID has 36.
const MAX_PRINTABLE_CHARS: usize = 100;

/// The id of a task. The id is enough to resume the task, in this process or another.
///
/// Pass the id to [`Client::task`](crate::Client::task) to resume the task. The id is not a secret, so you
/// can store it anywhere. [`Display`](fmt::Display), [`FromStr`], and serde's `Serialize` and `Deserialize`
/// treat it as a plain string.
///
/// ```
/// use distribute_ai::TaskId;
///
/// let id: TaskId = "1b671a64-40d5-491e-99b0-da01ff1f3341".parse()?;
/// assert_eq!(id.to_string(), "1b671a64-40d5-491e-99b0-da01ff1f3341");
///
/// let stored = id.as_str().to_owned();
/// assert_eq!(TaskId::from_server(stored), id);
/// # Ok::<(), distribute_ai::Error>(())
/// ```
///
/// Parsing with [`FromStr`] is for ids that a person types: it accepts only a UUID version 4, as
/// the API's document requires. Ids from the server are accepted unchanged by
/// [`from_server`](Self::from_server) and serde, because rejecting such an id would lose a task
/// that was paid for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(String);

impl TaskId {
    /// Creates an id from text that the server returned, unchanged. The text does not need to be a UUID.
    pub fn from_server(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Returns the id for an error or a log: on one line, and at most 100 characters long.
    pub(crate) fn printable(&self) -> String {
        let mut text = single_line(&self.0);
        if let Some((end, _)) = text.char_indices().nth(MAX_PRINTABLE_CHARS) {
            text.truncate(end);
            text.push('…');
        }
        text
    }

    /// Returns the id exactly as the server wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// # Errors
///
/// [`is_invalid`](Error::is_invalid): the text is not a UUID version 4 with hyphens, for example `"42"`.
impl FromStr for TaskId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if is_uuid_v4(text) {
            return Ok(Self(text.to_owned()));
        }
        let excerpt: String = text.chars().take(64).collect();
        Err(Error::invalid(
            "task id",
            format!("{excerpt:?} is invalid, expected a UUID version 4 (8-4-4-4-12 hexadecimal digits)"),
        ))
    }
}

/// Returns `true` if the text matches the pattern of `id` in the API's document.
fn is_uuid_v4(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            14 => byte == b'4',
            19 => matches!(byte, b'8' | b'9' | b'a' | b'b' | b'A' | b'B'),
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_uuid_v4_is_accepted() {
        for valid in ["1b671a64-40d5-491e-99b0-da01ff1f3341", "1B671A64-40D5-491E-B9B0-DA01FF1F3341"] {
            assert_eq!(valid.parse::<TaskId>().unwrap().as_str(), valid);
        }
    }

    #[test]
    fn parse_other_text_is_invalid() {
        let invalid = [
            "",
            "42",
            "1b671a64-40d5-191e-99b0-da01ff1f3341",
            "1b671a64-40d5-491e-c9b0-da01ff1f3341",
            "1b671a6440d5491e99b0da01ff1f3341",
            "{1b671a64-40d5-491e-99b0-da01ff1f3341}",
            " 1b671a64-40d5-491e-99b0-da01ff1f334",
            "ég671a64-40d5-491e-99b0-da01ff1f3341",
        ];
        for text in invalid {
            let error = text.parse::<TaskId>().unwrap_err();
            assert!(error.is_invalid(), "{text}");
            assert!(error.to_string().contains("expected a UUID version 4"), "{error}");
        }
    }

    #[test]
    fn serde_accepts_server_id_that_is_not_a_uuid() {
        let id: TaskId = serde_json::from_str(r#""task_7""#).unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), r#""task_7""#);
    }
}
