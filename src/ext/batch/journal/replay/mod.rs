//! What a journal says of the runs before.

use std::{
    collections::HashMap,
    io::{self, BufRead},
};

use super::entry::{Entry, Event, FORMAT_NAME, HEADER, Header, VERSION};
use crate::{Error, TaskId};

/// What is known of a key.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct KeyState {
    /// The [fingerprint](super::fingerprint) of its request, when it was sent last.
    pub(crate) request: Option<Box<str>>,
    /// The server has taken it; whatever became of it, it can be asked for.
    pub(crate) submitted: Option<TaskId>,
    /// How often it was sent and may have been taken.
    in_doubt: u32,
    /// Announced, and no answer noted.
    announced: bool,
    /// What came with a doubt.
    pub(crate) task_id_in_doubt: Option<TaskId>,
    /// The line of the last event, counted from 1.
    pub(crate) line: usize,
}

impl KeyState {
    /// How often it was sent and may have been taken, though no id came back.
    pub(crate) fn in_doubt_attempts(&self) -> u32 {
        if self.submitted.is_some() { 0 } else { self.in_doubt + u32::from(self.announced) }
    }

    /// Whether nothing of it can have been billed: then it may be changed, or be gone.
    pub(crate) fn is_unbilled(&self) -> bool {
        self.submitted.is_none() && self.in_doubt_attempts() == 0
    }

    /// What is wrong now, with what it knows: an id, or a doubt.
    pub(crate) fn enrich(&self, error: Error) -> Error {
        let error =
            if error.is_in_doubt() { error } else { error.with_prior_attempts(self.in_doubt_attempts()) };
        self.submitted.iter().chain(&self.task_id_in_doubt).fold(error, Error::with_task_id)
    }

    /// Whether it is of a request with this fingerprint.
    pub(crate) fn matches(&self, fingerprint: &str) -> bool {
        self.request.as_deref().is_none_or(|request| request == fingerprint)
    }

    fn apply(&mut self, line: Entry<'_>) -> Result<(), &'static str> {
        match line.event {
            Event::Sending => {
                let request = line.request.ok_or("says `sending` without a `request`")?;
                self.request = Some(request.into_owned().into_boxed_str());
                self.in_doubt += u32::from(self.announced);
                self.announced = true;
            }
            Event::Unsent => self.announced = false,
            Event::InDoubt => {
                self.in_doubt += 1;
                self.announced = false;
                self.task_id_in_doubt = line.id.or(self.task_id_in_doubt.take());
            }
            Event::Submitted => {
                self.submitted = Some(line.id.ok_or("says `submitted` without an `id`")?);
                self.announced = false;
            }
            Event::Finished | Event::Failed if self.submitted.is_some() => {}
            Event::Finished | Event::Failed => {
                return Err("tells the end of a task that was not submitted before");
            }
        }
        Ok(())
    }
}

/// By key.
pub(crate) type KeyStates = HashMap<String, KeyState>;

#[derive(Debug)]
pub(super) struct Replay {
    pub(super) key_states: KeyStates,
    /// As many bytes of the file are whole lines; what follows was torn.
    pub(super) valid_bytes: u64,
    /// The last of these lines lacks its end of line only.
    pub(super) missing_newline: bool,
}

#[derive(Debug)]
pub(super) enum ReplayError {
    Io(io::Error),
    /// The line, counted from 1, and what is wrong with it.
    InvalidEntry(usize, String),
}

impl From<io::Error> for ReplayError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a journal to its end. A last line that was torn is left out: a line is on the disk before its request leaves,
/// and what it announced was never sent. What it kept, if that was an id, is a doubt now.
pub(super) fn replay(mut file: impl BufRead) -> Result<Replay, ReplayError> {
    let mut replay = Replay { key_states: KeyStates::new(), valid_bytes: 0, missing_newline: false };
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        if file.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let outcome =
            if number == 1 { read_header(&bytes) } else { read_line(&mut replay.key_states, number, &bytes) };
        if let Err(problem) = outcome {
            let last = file.fill_buf()?.is_empty();
            // Cut short, or room that was made and not filled. A line with its end was written whole.
            let torn = !bytes.ends_with(b"\n") || bytes.iter().all(|byte| matches!(byte, 0 | b'\n'));
            // A file that is none of ours must not be taken for a torn one, and cut.
            let ours = number > 1 || HEADER.as_bytes().starts_with(&bytes);
            if last && torn && ours && problem.malformed {
                tracing::warn!(
                    line = number,
                    bytes = bytes.len(),
                    "the journal's last line was torn, and is left out"
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
    /// It is no JSON.
    malformed: bool,
}

impl InvalidEntry {
    fn new(what: impl Into<String>) -> Self {
        Self { problem: what.into(), malformed: false }
    }
}

impl From<serde_json::Error> for InvalidEntry {
    fn from(error: serde_json::Error) -> Self {
        Self { malformed: !error.is_data(), problem: format!("is not what a journal holds ({error})") }
    }
}

fn read_header(bytes: &[u8]) -> Result<(), InvalidEntry> {
    let header: Header = serde_json::from_slice(bytes).map_err(|error| InvalidEntry {
        malformed: !error.is_data(),
        problem: "is no header of a batch's journal".to_owned(),
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
            "is of version {version} of the format; this crate knows version {VERSION}"
        )));
    }
    Ok(())
}

fn read_line(records: &mut KeyStates, number: usize, bytes: &[u8]) -> Result<(), InvalidEntry> {
    let line: Entry<'_> = serde_json::from_slice(bytes)?;
    let record = match records.get_mut(line.key.as_ref()) {
        Some(record) => record,
        None => records.entry(line.key.clone().into_owned()).or_default(),
    };
    record.line = number;
    record.apply(line).map_err(InvalidEntry::new)
}

#[cfg(test)]
mod tests;
