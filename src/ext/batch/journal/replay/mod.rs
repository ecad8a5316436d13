//! Replays the entries of a journal into the states that earlier runs left.

use std::{
    collections::HashMap,
    io::{self, BufRead},
};

use super::entry::{Entry, Event, FORMAT_NAME, HEADER, Header, VERSION};
use crate::{Error, TaskId, ext::retry::in_doubt::InDoubtAttempts};

/// The state of a key.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct KeyState {
    /// The [fingerprint](super::fingerprint) of the request that was sent last.
    pub(crate) request: Option<Box<str>>,
    /// The task id, if the server accepted the request. The task can be polled whatever its status is.
    pub(crate) submitted: Option<TaskId>,
    in_doubt: InDoubtAttempts,
    /// The request was about to be sent, and no later event is recorded.
    announced: bool,
    /// The task id in an error response in doubt.
    pub(crate) task_id_in_doubt: Option<TaskId>,
    /// The line of the last event, counted from 1.
    pub(crate) line: usize,
}

impl KeyState {
    /// Returns the attempts that may have been accepted. With a task id the count is zero.
    pub(crate) fn in_doubt_attempts(&self) -> InDoubtAttempts {
        if self.submitted.is_some() {
            return InDoubtAttempts::default();
        }
        self.in_doubt.plus_one_if(self.announced)
    }

    /// Returns `true` if the request cannot have been billed. Then it may be changed or removed.
    pub(crate) fn is_unbilled(&self) -> bool {
        self.submitted.is_none() && self.in_doubt_attempts().is_zero()
    }

    /// Adds the task id or the attempts in doubt to an error of the current run.
    pub(crate) fn enrich(&self, error: Error) -> Error {
        let error = if error.is_in_doubt() { error } else { self.in_doubt_attempts().apply_to(error) };
        self.submitted.iter().chain(&self.task_id_in_doubt).fold(error, Error::with_task_id)
    }

    /// Returns `true` if the request has this fingerprint.
    pub(crate) fn matches(&self, fingerprint: &str) -> bool {
        self.request.as_deref().is_none_or(|request| request == fingerprint)
    }

    fn apply(&mut self, entry: Entry<'_>) -> Result<(), &'static str> {
        let id = entry.id.map(TaskId::new_unchecked);
        match entry.event {
            Event::Sending => {
                let request = entry.request.ok_or("says `sending` without a `request`")?;
                self.request = Some(request.into_owned().into_boxed_str());
                self.in_doubt = self.in_doubt.plus_one_if(self.announced);
                self.announced = true;
            }
            Event::Unsent => self.announced = false,
            Event::InDoubt => {
                self.in_doubt = self.in_doubt.plus_one_if(true);
                self.announced = false;
                self.task_id_in_doubt = id.or(self.task_id_in_doubt.take());
            }
            Event::Submitted => {
                self.submitted = Some(id.ok_or("says `submitted` without an `id`")?);
                self.announced = false;
            }
            Event::Finished | Event::Failed if self.submitted.is_some() => {}
            Event::Finished | Event::Failed => {
                return Err("ends a task that was not submitted before");
            }
        }
        Ok(())
    }
}

/// The states by key.
pub(crate) type KeyStates = HashMap<String, KeyState>;

#[derive(Debug)]
pub(super) struct Replay {
    pub(super) key_states: KeyStates,
    /// The number of bytes in complete lines. The rest is an incomplete line.
    pub(super) valid_bytes: u64,
    /// `true` if the newline of the last complete line is missing.
    pub(super) missing_newline: bool,
}

#[derive(Debug)]
pub(super) enum ReplayError {
    Io(io::Error),
    /// The line, counted from 1, and the problem.
    InvalidEntry(usize, String),
}

impl From<io::Error> for ReplayError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a journal to its end and ignores an incomplete last line.
///
/// An entry is synced before its request is sent, so the request of an incomplete `sending` entry was not sent. If the
/// incomplete entry was a task id, its request stays in doubt.
pub(super) fn replay(mut file: impl BufRead) -> Result<Replay, ReplayError> {
    let mut replay = Replay { key_states: KeyStates::new(), valid_bytes: 0, missing_newline: false };
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        if file.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let result =
            if number == 1 { read_header(&bytes) } else { read_line(&mut replay.key_states, number, &bytes) };
        if let Err(problem) = result {
            let last = file.fill_buf()?.is_empty();
            // Without a newline, or allocated and not filled. A line with a newline was written completely.
            let incomplete = !bytes.ends_with(b"\n") || bytes.iter().all(|byte| matches!(byte, 0 | b'\n'));
            // A file of another format must not be truncated.
            let is_journal = number > 1 || HEADER.as_bytes().starts_with(&bytes);
            if last && incomplete && is_journal && problem.malformed {
                tracing::warn!(
                    line = number,
                    bytes = bytes.len(),
                    "incomplete last line of the journal ignored"
                );
                break;
            }
            return Err(ReplayError::InvalidEntry(number, problem.problem));
        }
        replay.valid_bytes += bytes.len() as u64;
        replay.missing_newline = bytes.last() != Some(&b'\n');
    }
    Ok(replay)
}

struct InvalidEntry {
    problem: String,
    /// The line is not JSON.
    malformed: bool,
}

impl InvalidEntry {
    fn new(what: impl Into<String>) -> Self {
        Self { problem: what.into(), malformed: false }
    }
}

impl From<serde_json::Error> for InvalidEntry {
    fn from(error: serde_json::Error) -> Self {
        Self { malformed: !error.is_data(), problem: format!("is not a journal entry ({error})") }
    }
}

fn read_header(bytes: &[u8]) -> Result<(), InvalidEntry> {
    let header: Header = serde_json::from_slice(bytes).map_err(|error| InvalidEntry {
        malformed: !error.is_data(),
        problem: "is not the header of a batch's journal".to_owned(),
    })?;
    if header.journal != FORMAT_NAME {
        return Err(InvalidEntry::new(format!(
            "is the header of a journal of {:?}, not of {FORMAT_NAME:?}",
            header.journal
        )));
    }
    if header.version != VERSION {
        let version = header.version;
        return Err(InvalidEntry::new(format!(
            "has version {version} of the format, expected version {VERSION}"
        )));
    }
    Ok(())
}

fn read_line(records: &mut KeyStates, number: usize, bytes: &[u8]) -> Result<(), InvalidEntry> {
    let entry: Entry<'_> = serde_json::from_slice(bytes)?;
    let state = match records.get_mut(entry.key.as_ref()) {
        Some(state) => state,
        None => records.entry(entry.key.clone().into_owned()).or_default(),
    };
    state.line = number;
    state.apply(entry).map_err(InvalidEntry::new)
}

#[cfg(test)]
mod tests;
