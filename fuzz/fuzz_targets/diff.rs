//! The changes between two documents of any content, and the reports of them.
#![no_main]

use fuzz::{documents, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use serde_json::Value;
use xtask::fuzzing::{canonical, changes, parse};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| {
    let Some(texts) = documents(data) else { return };
    let [Ok(base), Ok(revision)] = texts.map(parse) else { return };

    for document in [&base, &revision] {
        assert_eq!(changes(document, document).0, [], "a document is no change of itself");
        let rewritten: Value = parse(&canonical(document)).expect("what we write is JSON");
        assert_eq!(changes(document, &rewritten).0, [], "nor is it when it is written otherwise");
    }

    let (there, reports) = changes(&base, &revision);
    let (again, reports_again) = changes(&base, &revision);
    assert_eq!((&there, &reports), (&again, &reports_again), "it is the same each time");
    let (back, _) = changes(&revision, &base);
    assert_eq!(
        there.is_empty(),
        back.is_empty(),
        "what is a change is one in both directions: {there:?} {back:?}"
    );

    for change in &there {
        assert_eq!(change.fingerprint.len(), 16);
        // Where it says that it is, something is.
        assert!(at(&base, &change.places[0]), "nothing at {:?}: {change:?}", change.places[0]);
        assert!(at(&revision, &change.places[1]), "nothing at {:?}: {change:?}", change.places[1]);
    }
    let [text, markdown, json, github, junit] = &reports;
    assert_eq!(lines(github), there.len(), "one annotation each: {github}");
    let told: Value = serde_json::from_str(json).expect("the report is JSON");
    assert_eq!(told["findings"].as_array().map(Vec::len), Some(there.len()));
    assert_eq!(junit.matches("<testcase ").count(), there.len().max(1));
    for report in [text, markdown, github, junit] {
        let commands = |c: char| c.is_control() && c != '\n';
        assert!(!report.contains(commands), "a report commands a terminal: {report:?}");
    }
});

fn at(document: &Value, pointer: &str) -> bool {
    let pointer = if pointer == "(root)" { "" } else { pointer };
    document.pointer(pointer).is_some()
}

fn lines(text: &str) -> usize {
    text.split_terminator('\n').count()
}
