//! One entry of a journal: a line of JSON in the file.

use std::{borrow::Cow, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::TaskId;

/// The first line of each journal.
pub(super) const HEADER: &str = "{\"journal\":\"distribute-ai batch\",\"version\":1}\n";

/// The version of the format.
pub(super) const VERSION: u64 = 1;

#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub(super) journal: String,
    pub(super) version: u64,
}

pub(super) const FORMAT_NAME: &str = "distribute-ai batch";

/// An event of the request of a key. The words are part of the file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    /// The request is about to be sent. From here on it may be billed.
    Sending,
    /// The server has not accepted the request.
    Unsent,
    /// The server may have accepted the request, without a final response.
    InDoubt,
    /// The server has accepted the request.
    Submitted,
    /// The task is completed.
    Finished,
    /// The task has failed.
    Failed,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry<'a> {
    /// Seconds since 1970 by this machine's clock, for people who compare the journal with a bill.
    at: f64,
    pub(super) event: Event,
    #[serde(borrow)]
    pub(super) key: Cow<'a, str>,
    /// The [fingerprint](super::fingerprint) of the request.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) request: Option<Cow<'a, str>>,
    /// The task id as text, because serde refuses some ids as a [`TaskId`].
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Cow<'a, str>>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(event: Event, key: &'a str) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let at = (now.as_secs_f64() * 1_000.0).round() / 1_000.0;
        Self { at, event, key: key.into(), request: None, id: None }
    }

    pub(super) fn request(mut self, fingerprint: &'a str) -> Self {
        self.request = Some(fingerprint.into());
        self
    }

    pub(super) fn id(mut self, id: &'a TaskId) -> Self {
        self.id = Some(id.as_str().into());
        self
    }

    /// Returns the entry as JSON, with a newline.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("strings and a number are JSON");
        bytes.push(b'\n');
        bytes
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn entry_is_one_line_of_readable_json() {
        let id = TaskId::new_unchecked("t1");
        let line = Entry::new(Event::Submitted, "line\n1").id(&id).bytes();
        let mut value: Value = serde_json::from_slice(&line).unwrap();
        assert!(value["at"].take().as_f64().unwrap() > 1.7e9);
        assert_eq!(value, json!({"at": null, "event": "submitted", "key": "line\n1", "id": "t1"}));
        assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
    }

    #[test]
    fn header_can_be_parsed() {
        let header: Header = serde_json::from_str(HEADER).unwrap();
        assert_eq!((header.journal.as_str(), header.version), (FORMAT_NAME, VERSION));
    }
}
