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
        ReplayError::InvalidEntry(number, what) => (number, what),
        ReplayError::Io(error) => panic!("{error}"),
    }
}

#[test]
fn the_events_of_a_key_add_up() {
    const UNSENT: &str = r#"{"at":2,"event":"unsent","key":"a"}"#;
    const IN_DOUBT: &str = r#"{"at":2,"event":"in_doubt","key":"a"}"#;
    const NAMED: &str = r#"{"at":2,"event":"in_doubt","key":"a","id":"t1"}"#;
    const FINISHED: &str = r#"{"at":3,"event":"finished","key":"a"}"#;
    const FAILED: &str = r#"{"at":3,"event":"failed","key":"a"}"#;
    #[rustfmt::skip]
    let table: [(&[&str], u32, bool); 13] = [
        // events                                        doubts  submitted
        (&[SENDING],                                          1, false),
        (&[SENDING, UNSENT],                                  0, false),
        (&[SENDING, UNSENT, SENDING],                         1, false),
        (&[SENDING, IN_DOUBT],                                1, false),
        (&[SENDING, NAMED],                                   1, false),
        (&[SENDING, SENDING],                                 2, false),
        (&[SENDING, IN_DOUBT, SENDING],                       2, false),
        (&[SENDING, IN_DOUBT, SENDING, UNSENT],               1, false),
        (&[SENDING, SENDING, UNSENT],                         1, false),
        (&[SENDING, SUBMITTED],                               0, true),
        (&[SENDING, IN_DOUBT, SENDING, SUBMITTED],            0, true),
        (&[SENDING, SUBMITTED, FINISHED],                     0, true),
        (&[SENDING, SUBMITTED, FAILED],                       0, true),
    ];
    for (lines, doubts, submitted) in table {
        let replayed = read(&journal(lines));
        let record = &replayed.key_states["a"];
        assert_eq!(
            (record.in_doubt_attempts(), record.submitted.is_some()),
            (doubts, submitted),
            "{lines:?}"
        );
        assert_eq!(record.is_unbilled(), doubts == 0 && !submitted, "{lines:?}");
        assert_eq!(record.line, lines.len() + 1);
        assert_eq!(record.task_id_in_doubt.is_some(), lines.contains(&NAMED));
    }
}

#[test]
fn the_request_is_the_one_that_was_sent_last() {
    let other = SENDING.replace("\"r\"", "\"s\"");
    let replayed = read(&journal(&[SENDING, &other]));
    assert!(replayed.key_states["a"].matches("s") && !replayed.key_states["a"].matches("r"));
}

#[test]
fn a_file_torn_anywhere_gives_what_stood_before() {
    let text = journal(&[SENDING, SUBMITTED]);
    for end in 0..=text.len() {
        let replayed = read(&text[..end]);
        let whole = usize::try_from(replayed.valid_bytes).unwrap();
        assert!(whole <= end && (whole == end || !text[whole..end].contains('\n')), "{end}: {whole}");
        let submitted = replayed.key_states.get("a").is_some_and(|record| record.submitted.is_some());
        // Nothing but its end of line may be missing.
        assert_eq!(submitted, end >= text.len() - 1, "{end}");
        assert_eq!(
            replayed.missing_newline,
            whole == end && end > 0 && !text[..end].ends_with('\n'),
            "{end}"
        );
    }
}

#[test]
fn a_last_line_that_was_cut_or_never_filled_was_torn_too() {
    for rubbish in ["\0\0\0\0\n", "\0\0\0", "{\"at\":1,\"ev\u{fffd}"] {
        let text = journal(&[SENDING]);
        let replayed = read(&format!("{text}{rubbish}"));
        assert_eq!(replayed.valid_bytes, text.len() as u64, "{rubbish:?}");
    }
}

#[test]
fn a_last_line_with_its_end_was_written_whole_and_is_damaged() {
    let text = journal(&[SENDING, &SENDING.replace("\"event\"", "\"event")]);
    assert_eq!(refused(&text).0, 3);
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
