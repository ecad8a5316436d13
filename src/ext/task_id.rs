use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Error;

/// The id of a task: all that is needed to come back for a speech that was paid for.
///
/// Keep it anywhere: it holds no secret, is [`Display`](fmt::Display), [`FromStr`] and serde's `Serialize` and
/// `Deserialize` as a plain string. [`Client::task`](crate::Client::task) resumes it, in this process or another.
///
/// ```
/// use distribute_ai::TaskId;
///
/// let id: TaskId = "1b671a64-40d5-491e-99b0-da01ff1f3341".parse()?;
/// assert_eq!(id.to_string(), "1b671a64-40d5-491e-99b0-da01ff1f3341");
///
/// let kept = id.as_str().to_owned();
/// assert_eq!(TaskId::from_server(kept), id);
/// # Ok::<(), distribute_ai::Error>(())
/// ```
///
/// What a person types is checked: parsing takes a UUID version 4, as the API's document asks. An id that the server
/// gave is taken as it came, also when it is read back by serde or [`from_server`](Self::from_server): refusing it
/// would lose something paid for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(String);

impl TaskId {
    /// An id exactly as the server gave it, UUID or not: for one that was kept as text.
    pub fn from_server(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as the server wrote it.
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
/// [`is_invalid`](Error::is_invalid): anything but a UUID version 4 with its hyphens, such as `"42"`.
impl FromStr for TaskId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if is_uuid_v4(text) {
            return Ok(Self(text.to_owned()));
        }
        let shown: String = text.chars().take(64).collect();
        Err(Error::invalid(
            "task id",
            format!("{shown:?} is not a UUID of version 4 (8-4-4-4-12 hexadecimal digits)"),
        ))
    }
}

/// The rule of the document's pattern for `id`.
fn is_uuid_v4(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
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
    fn takes_what_the_document_takes() {
        for good in ["1b671a64-40d5-491e-99b0-da01ff1f3341", "1B671A64-40D5-491E-B9B0-DA01FF1F3341"] {
            assert_eq!(good.parse::<TaskId>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn refuses_what_the_document_refuses() {
        let bad = [
            "",
            "42",
            "1b671a64-40d5-191e-99b0-da01ff1f3341",
            "1b671a64-40d5-491e-c9b0-da01ff1f3341",
            "1b671a6440d5491e99b0da01ff1f3341",
            "{1b671a64-40d5-491e-99b0-da01ff1f3341}",
            " 1b671a64-40d5-491e-99b0-da01ff1f334",
            "ég671a64-40d5-491e-99b0-da01ff1f3341",
        ];
        for text in bad {
            let error = text.parse::<TaskId>().unwrap_err();
            assert!(error.is_invalid(), "{text}");
            assert!(error.to_string().contains("not a UUID of version 4"), "{error}");
        }
    }

    #[test]
    fn an_id_of_the_server_is_read_back_as_it_came() {
        let id: TaskId = serde_json::from_str(r#""task_7""#).unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), r#""task_7""#);
    }
}
