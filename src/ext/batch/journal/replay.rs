//! What a journal says of the runs before.

use std::{
    collections::HashMap,
    io::{self, BufRead},
};

use super::line::{Event, HEADER, Header, Line, NAME, VERSION};
use crate::TaskId;

/// What is known of a key.
#[derive(Debug, PartialEq)]
pub(crate) struct Record {
    /// The [fingerprint](super::fingerprint) of its request.
    pub(crate) request: Option<Box<str>>,
    pub(crate) state: State,
    /// The line of the last event, counted from 1.
    pub(crate) line: usize,
}

impl Record {
    /// Whether it is of a request with this fingerprint.
    pub(crate) fn is_of(&self, fingerprint: &str) -> bool {
        self.request.as_deref().is_none_or(|request| request == fingerprint)
    }
}

#[derive(Debug, PartialEq)]
pub(crate) enum State {
    /// Announced, and no answer noted: the process died in between.
    Announced,
    /// The server has provably not taken it.
    Unsent,
    /// The server may have taken it.
    InDoubt,
    /// The server has taken it; whatever became of it, it can be asked for.
    Submitted(TaskId),
}

/// By key.
pub(crate) type Records = HashMap<String, Record>;

#[derive(Debug)]
pub(super) struct Replay {
    pub(super) records: Records,
    /// As many bytes of the file are whole lines; what follows was torn.
    pub(super) whole: u64,
    /// The last of these lines lacks its end of line only.
    pub(super) unended: bool,
}

#[derive(Debug)]
pub(super) enum Problem {
    Io(io::Error),
    /// The line, counted from 1, and what is wrong with it.
    Line(usize, String),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a journal to its end. A last line that was torn is left out: what it announced was never sent, for a line is on
/// the disk before its request leaves.
pub(super) fn replay(mut file: impl BufRead) -> Result<Replay, Problem> {
    let mut replay = Replay { records: Records::new(), whole: 0, unended: false };
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        if file.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let outcome =
            if number == 1 { read_header(&bytes) } else { read_line(&mut replay.records, number, &bytes) };
        if let Err(problem) = outcome {
            let last = file.fill_buf()?.is_empty();
            // A file that is none of ours must not be taken for a torn one, and cut.
            let ours = number > 1 || HEADER.as_bytes().starts_with(&bytes);
            if last && ours && problem.torn {
                break;
            }
            return Err(Problem::Line(number, problem.what));
        }
        replay.whole += bytes.len() as u64;
        replay.unended = bytes.last() != Some(&b'\n');
    }
    Ok(replay)
}

struct Bad {
    what: String,
    /// It may be half of a line that was being written.
    torn: bool,
}

impl Bad {
    fn said(what: impl Into<String>) -> Self {
        Self { what: what.into(), torn: false }
    }
}

impl From<serde_json::Error> for Bad {
    fn from(error: serde_json::Error) -> Self {
        Self { torn: !error.is_data(), what: format!("is not what a journal holds ({error})") }
    }
}

fn read_header(bytes: &[u8]) -> Result<(), Bad> {
    let header: Header = serde_json::from_slice(bytes).map_err(|error| Bad {
        torn: !error.is_data(),
        what: "is no header of a batch's journal".to_owned(),
    })?;
    if header.journal != NAME {
        return Err(Bad::said(format!(
            "is the header of a journal of {:?}, not of {NAME:?}",
            header.journal
        )));
    }
    if header.version != VERSION {
        let version = header.version;
        return Err(Bad::said(format!(
            "is of version {version} of the format; this crate knows version {VERSION}"
        )));
    }
    Ok(())
}

fn read_line(records: &mut Records, number: usize, bytes: &[u8]) -> Result<(), Bad> {
    let line: Line<'_> = serde_json::from_slice(bytes)?;
    let known = records.get_mut(line.key.as_ref());
    let state = match (line.event, line.id) {
        (Event::Sending, _) => State::Announced,
        (Event::Unsent, _) => State::Unsent,
        (Event::InDoubt, _) => State::InDoubt,
        (Event::Submitted, Some(id)) => State::Submitted(id),
        (Event::Submitted, None) => return Err(Bad::said("says `submitted` without an `id`")),
        (Event::Finished | Event::Failed, _) => match known {
            Some(record) if matches!(record.state, State::Submitted(_)) => {
                record.line = number;
                return Ok(());
            }
            _ => return Err(Bad::said("tells the end of a task that was not submitted before")),
        },
    };
    if line.event == Event::Sending && line.request.is_none() {
        return Err(Bad::said("says `sending` without a `request`"));
    }
    if let Some(record) = known {
        record.state = state;
        record.line = number;
    } else {
        let request = line.request.map(|request| request.into_owned().into_boxed_str());
        records.insert(line.key.into_owned(), Record { request, state, line: number });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDING: &str = r#"{"at":1,"event":"sending","key":"a","request":"r"}"#;
    const SUBMITTED: &str = r#"{"at":2,"event":"submitted","key":"a","id":"t1"}"#;

    fn journal(lines: &[&str]) -> String {
        format!("{HEADER}{}\n", lines.join("\n"))
    }

    #[track_caller]
    fn read(text: &str) -> Replay {
        replay(text.as_bytes()).unwrap()
    }

    #[track_caller]
    fn refused(text: &str) -> (usize, String) {
        match replay(text.as_bytes()).unwrap_err() {
            Problem::Line(number, what) => (number, what),
            Problem::Io(error) => panic!("{error}"),
        }
    }

    #[test]
    fn the_last_event_of_a_key_counts() {
        #[rustfmt::skip]
        let table = [
            (vec![SENDING],                                                           State::Announced),
            (vec![SENDING, r#"{"at":2,"event":"unsent","key":"a"}"#],                 State::Unsent),
            (vec![SENDING, r#"{"at":2,"event":"unsent","key":"a"}"#, SENDING],        State::Announced),
            (vec![SENDING, r#"{"at":2,"event":"in_doubt","key":"a"}"#],               State::InDoubt),
            (vec![SENDING, SUBMITTED],                                                State::Submitted(TaskId::from_server("t1"))),
            (vec![SENDING, SUBMITTED, r#"{"at":3,"event":"finished","key":"a"}"#],    State::Submitted(TaskId::from_server("t1"))),
            (vec![SENDING, SUBMITTED, r#"{"at":3,"event":"failed","key":"a"}"#],      State::Submitted(TaskId::from_server("t1"))),
        ];
        for (lines, state) in table {
            let replayed = read(&journal(&lines));
            let record = Record { request: Some("r".into()), state, line: lines.len() + 1 };
            assert_eq!(replayed.records, HashMap::from([("a".to_owned(), record)]), "{lines:?}");
        }
    }

    #[test]
    fn a_file_torn_anywhere_gives_what_stood_before() {
        let text = journal(&[SENDING, SUBMITTED]);
        for end in 0..=text.len() {
            let replayed = read(&text[..end]);
            let whole = usize::try_from(replayed.whole).unwrap();
            assert!(whole <= end && (whole == end || !text[whole..end].contains('\n')), "{end}: {whole}");
            let submitted =
                matches!(replayed.records.get("a"), Some(Record { state: State::Submitted(_), .. }));
            // Nothing but its end of line may be missing.
            assert_eq!(submitted, end >= text.len() - 1, "{end}");
            assert_eq!(replayed.unended, whole == end && end > 0 && !text[..end].ends_with('\n'), "{end}");
        }
    }

    #[test]
    fn a_last_line_of_rubbish_was_torn_too() {
        for rubbish in ["\0\0\0\0\n", "{\"at\":1,\"ev\u{fffd}", "\u{fffd}\n"] {
            let text = journal(&[SENDING]);
            let replayed = read(&format!("{text}{rubbish}"));
            assert_eq!(replayed.whole, text.len() as u64, "{rubbish:?}");
        }
    }

    #[test]
    fn rubbish_in_the_middle_is_named_by_its_line() {
        let (line, what) = refused(&journal(&[SENDING, "{\"at\":", SUBMITTED]));
        assert_eq!(line, 3);
        assert!(what.starts_with("is not what a journal holds"), "{what}");
    }

    #[test]
    fn what_is_well_formed_and_wrong_is_refused_in_the_last_line_too() {
        for (wrong, word) in [
            (r#"{"at":2,"event":"submitted","key":"a"}"#, "without an `id`"),
            (r#"{"at":2,"event":"sending","key":"b"}"#, "without a `request`"),
            (r#"{"at":2,"event":"finished","key":"a"}"#, "not submitted before"),
            (r#"{"at":2,"event":"paused","key":"a"}"#, "unknown variant"),
            (r#"{"at":2,"event":"unsent"}"#, "missing field"),
        ] {
            let (line, what) = refused(&journal(&[SENDING, wrong]));
            assert_eq!(line, 3);
            assert!(what.contains(word), "{what}");
        }
    }

    #[test]
    fn a_file_of_somebody_else_is_not_a_torn_journal() {
        for text in ["Dear diary", "Dear diary\n", "{}\n", "[1, 2", "{\"version\": 1}\n"] {
            let (line, what) = refused(text);
            assert_eq!((line, what.as_str()), (1, "is no header of a batch's journal"), "{text:?}");
        }
        let (_, what) = refused("{\"journal\":\"recipes\",\"version\":1}\n");
        assert!(what.contains("\"recipes\""), "{what}");
        let (_, what) = refused("{\"journal\":\"distribute-ai batch\",\"version\":2}\n");
        assert_eq!(what, "is of version 2 of the format; this crate knows version 1");
    }
}
