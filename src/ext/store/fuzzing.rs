//! Access for the fuzz target of records.

#![cfg_attr(
    not(distribute_ai_fuzzing),
    expect(unreachable_pub, reason = "only the fuzz target uses it outside of this crate")
)]

use super::record::{Meaning, Record, RecordState};
use crate::TaskId;

/// Parses a record and asserts what holds for every record. Returns `false` if the bytes are not a record.
///
/// # Panics
///
/// Panics if an assertion fails.
#[must_use]
pub fn check_record(bytes: &[u8]) -> bool {
    let Ok(record) = Record::parse(bytes) else { return false };
    assert_readable(&record);
    let id = TaskId::new_unchecked("id");
    let submitted = record.clone().submitted(&id);
    assert_readable(&submitted);
    assert_eq!(submitted.meaning(), Meaning::Submitted(id.clone()), "a task id is not lost");
    assert_readable(&record.clone().doubted(None));
    assert_readable(&record.clone().failed());
    let doubted = record.clone().doubted(Some(&id));
    assert!(matches!(doubted.meaning(), Meaning::InDoubt(_, Some(found)) if found == id));
    assert!(doubted.in_doubt_attempts().count() >= record.in_doubt_attempts().count(), "a doubt is not lost");

    // Requests whose record has a task id to poll are not announced.
    let may_be_announced = match record.meaning() {
        Meaning::New | Meaning::InDoubt(_, None) | Meaning::Stored(_) => true,
        Meaning::InDoubt(_, Some(_)) | Meaning::Submitted(_) => false,
    };
    if may_be_announced {
        let announced = Record::announce(Some(record.clone()), record.about.clone());
        let attempts = record.in_doubt_attempts();
        assert_eq!(announced.in_doubt_attempts(), attempts.plus_one_if(true));
        assert_readable(&announced);
        let taken_back = announced.not_sent();
        taken_back.iter().for_each(assert_readable);
        let meaning = taken_back.as_ref().map_or(Meaning::New, Record::meaning);
        // A doubt about a speech that is spoken again hides the speech until it is settled.
        let expected = if attempts.is_zero() { record.meaning() } else { Meaning::InDoubt(attempts, None) };
        assert_eq!(meaning, expected, "an announcement that is taken back leaves no trace");
    }
    if matches!(record.state, RecordState::Announced | RecordState::InDoubt) {
        let settled = record.not_billed();
        settled.iter().for_each(assert_readable);
        assert!(settled.is_none_or(|record| record.in_doubt_attempts().is_zero()), "a settled doubt is gone");
    }
    true
}

#[track_caller]
fn assert_readable(record: &Record) {
    let text = serde_json::to_vec(record).expect("strings and numbers are JSON");
    let again = Record::parse(&text).expect("a written record can be read");
    assert_eq!(again, *record, "a record that is written and read is unchanged");
}
