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
fn replay_error(text: &str) -> (usize, String) {
    match replay(text.as_bytes()).unwrap_err() {
        ReplayError::InvalidEntry(number, what) => (number, what),
        ReplayError::Io(error) => panic!("{error}"),
    }
}

#[test]
fn entries_of_a_key_add_up_to_its_state() {
    const UNSENT: &str = r#"{"at":2,"event":"unsent","key":"a"}"#;
    const IN_DOUBT: &str = r#"{"at":2,"event":"in_doubt","key":"a"}"#;
    const IN_DOUBT_WITH_ID: &str = r#"{"at":2,"event":"in_doubt","key":"a","id":"t1"}"#;
    const FINISHED: &str = r#"{"at":3,"event":"finished","key":"a"}"#;
    const FAILED: &str = r#"{"at":3,"event":"failed","key":"a"}"#;
    #[rustfmt::skip]
    let table: [(&[&str], u32, bool); 13] = [
        // events                                      in doubt  submitted
        (&[SENDING],                                          1, false),
        (&[SENDING, UNSENT],                                  0, false),
        (&[SENDING, UNSENT, SENDING],                         1, false),
        (&[SENDING, IN_DOUBT],                                1, false),
        (&[SENDING, IN_DOUBT_WITH_ID],                                   1, false),
        (&[SENDING, SENDING],                                 2, false),
        (&[SENDING, IN_DOUBT, SENDING],                       2, false),
        (&[SENDING, IN_DOUBT, SENDING, UNSENT],               1, false),
        (&[SENDING, SENDING, UNSENT],                         1, false),
        (&[SENDING, SUBMITTED],                               0, true),
        (&[SENDING, IN_DOUBT, SENDING, SUBMITTED],            0, true),
        (&[SENDING, SUBMITTED, FINISHED],                     0, true),
        (&[SENDING, SUBMITTED, FAILED],                       0, true),
    ];
    for (lines, in_doubt, submitted) in table {
        let replayed = read(&journal(lines));
        let state = &replayed.key_states["a"];
        assert_eq!(
            (state.in_doubt_attempts().count(), state.submitted.is_some()),
            (in_doubt, submitted),
            "{lines:?}"
        );
        assert_eq!(state.is_unbilled(), in_doubt == 0 && !submitted, "{lines:?}");
        assert_eq!(state.line, lines.len() + 1);
        assert_eq!(state.task_id_in_doubt.is_some(), lines.contains(&IN_DOUBT_WITH_ID));
    }
}

#[test]
fn fingerprint_is_that_of_the_request_sent_last() {
    let other = SENDING.replace("\"r\"", "\"s\"");
    let replayed = read(&journal(&[SENDING, &other]));
    assert!(replayed.key_states["a"].matches("s") && !replayed.key_states["a"].matches("r"));
}

#[test]
fn file_cut_at_any_byte_gives_the_complete_entries_before() {
    let text = journal(&[SENDING, SUBMITTED]);
    for end in 0..=text.len() {
        let replayed = read(&text[..end]);
        let whole = usize::try_from(replayed.valid_bytes).unwrap();
        assert!(whole <= end && (whole == end || !text[whole..end].contains('\n')), "{end}: {whole}");
        let submitted = replayed.key_states.get("a").is_some_and(|state| state.submitted.is_some());
        // Only the newline may be missing.
        assert_eq!(submitted, end >= text.len() - 1, "{end}");
        assert_eq!(
            replayed.missing_newline,
            whole == end && end > 0 && !text[..end].ends_with('\n'),
            "{end}"
        );
    }
}

#[test]
fn last_line_that_is_cut_or_not_filled_is_ignored() {
    for garbage in ["\0\0\0\0\n", "\0\0\0", "{\"at\":1,\"ev\u{fffd}"] {
        let text = journal(&[SENDING]);
        let replayed = read(&format!("{text}{garbage}"));
        assert_eq!(replayed.valid_bytes, text.len() as u64, "{garbage:?}");
    }
}

#[test]
fn malformed_last_line_with_newline_is_an_error() {
    let text = journal(&[SENDING, &SENDING.replace("\"event\"", "\"event")]);
    assert_eq!(replay_error(&text).0, 3);
}

#[test]
fn malformed_line_in_the_middle_is_an_error_with_its_line() {
    let (line, what) = replay_error(&journal(&[SENDING, "{\"at\":", SUBMITTED]));
    assert_eq!(line, 3);
    assert!(what.starts_with("is not a journal entry"), "{what}");
}

#[test]
fn well_formed_but_wrong_last_line_is_an_error() {
    for (wrong, word) in [
        (r#"{"at":2,"event":"submitted","key":"a"}"#, "without an `id`"),
        (r#"{"at":2,"event":"sending","key":"b"}"#, "without a `request`"),
        (r#"{"at":2,"event":"finished","key":"a"}"#, "not submitted before"),
        (r#"{"at":2,"event":"paused","key":"a"}"#, "unknown variant"),
        (r#"{"at":2,"event":"unsent"}"#, "missing field"),
    ] {
        let (line, what) = replay_error(&journal(&[SENDING, wrong]));
        assert_eq!(line, 3);
        assert!(what.contains(word), "{what}");
    }
}

#[test]
fn file_of_another_format_is_an_error() {
    for text in ["Dear diary", "Dear diary\n", "{}\n", "[1, 2", "{\"version\": 1}\n"] {
        let (line, what) = replay_error(text);
        assert_eq!((line, what.as_str()), (1, "is not the header of a batch's journal"), "{text:?}");
    }
    let (_, what) = replay_error("{\"journal\":\"recipes\",\"version\":1}\n");
    assert!(what.contains("\"recipes\""), "{what}");
    let (_, what) = replay_error("{\"journal\":\"distribute-ai batch\",\"version\":2}\n");
    assert_eq!(what, "has version 2 of the format, expected version 1");
}
