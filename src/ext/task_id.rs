use std::{borrow::Borrow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::{Error, error::single_line};

/// The most characters of an id in errors and logs. A UUID has 36.
const MAX_PRINTABLE_CHARS: usize = 100;

/// The most bytes of an id that serde reads and writes.
pub(crate) const MAX_STORED_BYTES: usize = 256;

/// The id of a task. The id is enough to resume the task, in this process or another.
///
/// Pass the id to [`Client::task`](crate::Client::task) to resume the task. The id is not a secret, so you
/// can store it anywhere.
///
/// ```
/// use distribute_ai::TaskId;
///
/// let id: TaskId = "1b671a64-40d5-491e-99b0-da01ff1f3341\n".parse()?;
/// assert_eq!(id, "1b671a64-40d5-491e-99b0-da01ff1f3341");
///
/// let stored = serde_json::to_string(&id)?;
/// assert_eq!(serde_json::from_str::<TaskId>(&stored)?, id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An id can come from three sources:
///
/// - From a person or a file: [`FromStr`] and `TryFrom` trim white space, and accept only a UUID version 4, as
///   the API's document requires.
/// - From data that serde wrote: `Deserialize` accepts every id that `Serialize` wrote. The id of a task that
///   was paid for must not be lost, even if the server changes the form of its ids. The limits: both return an
///   error for an empty id, an id with control characters, and an id of more than 256 bytes.
/// - From the server: [`new_unchecked`](Self::new_unchecked) accepts any text.
///
/// Ids are equal if their bytes are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(String);

impl TaskId {
    /// Creates an id from text that the server returned, unchanged. The text does not need to be a UUID.
    ///
    /// ```
    /// let id = distribute_ai::TaskId::new_unchecked("task-7");
    /// assert_eq!(id, "task-7");
    /// ```
    pub fn new_unchecked(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Returns the UUID version 4 with these bits (RFC 9562). The 13th digit holds the version, and the top two bits of
    /// the 17th digit the variant.
    pub(crate) fn of_bits(bits: u128) -> Self {
        const VERSION: u128 = 0xf << 76;
        const VARIANT: u128 = 0b11 << 62;
        let digits = format!("{:032x}", bits & !VERSION & !VARIANT | 4 << 76 | 0b10 << 62);
        let groups = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        Self(groups.join("-"))
    }

    /// Returns `true` if the text, without the white space around it, is a UUID version 4.
    pub(crate) fn is_id(text: &str) -> bool {
        is_uuid_v4(text.trim())
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
        f.pad(&self.0)
    }
}

/// # Errors
///
/// [`is_invalid`](Error::is_invalid): the text, without the white space around it, is not a UUID version 4 with
/// hyphens, for example `"42"`.
impl FromStr for TaskId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let id = text.trim();
        if is_uuid_v4(id) {
            return Ok(Self(id.to_owned()));
        }
        let excerpt: String = id.chars().take(64).collect();
        Err(Error::invalid(
            "task id",
            format!("{excerpt:?} is invalid, expected a UUID version 4 (8-4-4-4-12 hexadecimal digits)"),
        ))
    }
}

/// Equivalent to [`FromStr`].
impl TryFrom<&str> for TaskId {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

/// Equivalent to [`FromStr`].
impl TryFrom<String> for TaskId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> Self {
        id.0
    }
}

impl AsRef<str> for TaskId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for TaskId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for TaskId {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for TaskId {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl PartialEq<String> for TaskId {
    fn eq(&self, other: &String) -> bool {
        self.0 == *other
    }
}

impl PartialEq<TaskId> for String {
    fn eq(&self, other: &TaskId) -> bool {
        *self == other.0
    }
}

impl PartialEq<TaskId> for str {
    fn eq(&self, other: &TaskId) -> bool {
        self == other.0
    }
}

impl PartialEq<TaskId> for &str {
    fn eq(&self, other: &TaskId) -> bool {
        *self == other.0
    }
}

impl Serialize for TaskId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        check_stored(&self.0).map_err(ser::Error::custom)?;
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TaskId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        check_stored(&id).map_err(de::Error::custom)?;
        Ok(Self(id))
    }
}

/// Checks an id that serde reads or writes. Reading and writing have the same limits, so that every id that was
/// written can be read again.
fn check_stored(id: &str) -> Result<(), String> {
    if id.is_empty() {
        Err("task id: empty, expected at least one character".to_owned())
    } else if id.len() > MAX_STORED_BYTES {
        Err(format!("task id: {} bytes are too long, expected at most {MAX_STORED_BYTES}", id.len()))
    } else if let Some(character) = id.chars().find(|character| character.is_control()) {
        Err(format!("task id: contains the control character {character:?}, expected printable characters"))
    } else {
        Ok(())
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
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    const ID: &str = "1b671a64-40d5-491e-99b0-da01ff1f3341";

    #[test]
    fn parse_uuid_v4_is_accepted() {
        for valid in [ID, "1B671A64-40D5-491E-B9B0-DA01FF1F3341"] {
            assert_eq!(valid.parse::<TaskId>().unwrap(), valid);
            assert_eq!(TaskId::try_from(valid).unwrap(), valid);
            assert_eq!(TaskId::try_from(valid.to_owned()).unwrap(), valid);
        }
    }

    #[test]
    fn id_of_bits_is_a_uuid_v4() {
        for (bits, id) in [
            (0, "00000000-0000-4000-8000-000000000000"),
            (u128::MAX, "ffffffff-ffff-4fff-bfff-ffffffffffff"),
            (0x0123_4567_89ab_cdef_0123_4567_89ab_cdef, "01234567-89ab-4def-8123-456789abcdef"),
        ] {
            assert_eq!(TaskId::of_bits(bits), id);
            assert_eq!(id.parse::<TaskId>().unwrap(), id);
        }
    }

    #[test]
    fn parse_trims_white_space() {
        for text in [format!("{ID}\n"), format!(" {ID}\r\n"), format!("\t{ID}\u{a0}")] {
            assert_eq!(text.parse::<TaskId>().unwrap(), ID, "{text:?}");
            assert_eq!(TaskId::try_from(text).unwrap(), ID);
        }
    }

    #[test]
    fn parse_other_text_is_invalid() {
        let invalid = [
            "",
            " ",
            "42",
            "1b671a64-40d5-191e-99b0-da01ff1f3341",
            "1b671a64-40d5-491e-c9b0-da01ff1f3341",
            "1b671a6440d5491e99b0da01ff1f3341",
            "{1b671a64-40d5-491e-99b0-da01ff1f3341}",
            " 1b671a64-40d5-491e-99b0-da01ff1f334",
            "1b671a64-40d5-491e-99b0-da01 ff1f3341",
            "ég671a64-40d5-491e-99b0-da01ff1f3341",
        ];
        for text in invalid {
            for error in [text.parse::<TaskId>(), TaskId::try_from(text), TaskId::try_from(text.to_owned())] {
                let error = error.unwrap_err();
                assert!(error.is_invalid(), "{text}");
                assert!(error.to_string().contains("expected a UUID version 4"), "{error}");
            }
        }
    }

    #[test]
    fn serde_reads_every_id_that_it_writes() {
        let longest = "é".repeat(128);
        for id in [ID, "task_7", "a b", &longest] {
            let written = serde_json::to_string(&TaskId::new_unchecked(id)).unwrap();
            assert_eq!(serde_json::from_str::<TaskId>(&written).unwrap(), id);
        }
        let too_long = "é".repeat(128) + "e";
        for (id, problem) in [
            ("", "empty"),
            ("a\nb", "control character '\\n'"),
            ("a\u{85}", "control character"),
            (&too_long, "257 bytes"),
        ] {
            let error = serde_json::to_string(&TaskId::new_unchecked(id)).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
            let text = serde_json::to_string(id).unwrap();
            let error = serde_json::from_str::<TaskId>(&text).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn id_compares_by_bytes_with_ids_and_text() {
        let (lower, upper) = (TaskId::new_unchecked("a"), TaskId::new_unchecked("A"));
        assert_ne!(lower, upper);
        assert!(upper < lower);
        let is_text = [lower == "a", lower == *"a", "a" == lower, *"a" == lower, lower != "A", *"A" != lower];
        assert_eq!(is_text, [true; 6]);
        let text = "a".to_owned();
        let is_string = [lower == text, text == lower];
        assert_eq!(is_string, [true; 2]);
        let other = "b".to_owned();
        let is_other =
            [lower == "b", lower == *"b", "b" == lower, *"b" == lower, lower == other, other == lower];
        assert_eq!(is_other, [false; 6]);
        assert_eq!(String::from(lower.clone()), lower.as_ref());
        assert_eq!(format!("{lower:>3}|"), "  a|");
        // Found by a text, because `Borrow` requires the same `Hash` and `Ord`.
        assert!(HashSet::from([lower.clone()]).contains("a"));
        assert!(BTreeSet::from([lower]).contains("a"));
    }
}
