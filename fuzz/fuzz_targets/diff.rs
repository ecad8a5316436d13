//! Fuzzes the diff of two documents, and its reports.
#![no_main]

use fuzz::{documents, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use serde_json::Value;
use xtask::fuzzing::{canonical, changes, normalized, parse};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| {
    let Some(texts) = documents(data) else { return };
    let [Ok(base), Ok(revision)] = texts.map(parse) else { return };

    for document in [&base, &revision] {
        assert_eq!(changes(document, document).0, [], "a document differs from itself");
        let rewritten: Value = parse(&canonical(document)).expect("the canonical form is valid JSON");
        assert_eq!(changes(document, &rewritten).0, [], "a document differs from its canonical form");
        let normal = normalized(document);
        assert_eq!(changes(&normal, &normal).0, [], "a normalized document differs from itself");
    }

    let (forward, reports) = changes(&base, &revision);
    let (repeated, repeated_reports) = changes(&base, &revision);
    assert_eq!((&forward, &reports), (&repeated, &repeated_reports), "the diff is deterministic");
    let (backward, _) = changes(&revision, &base);
    assert_eq!(
        forward.is_empty(),
        backward.is_empty(),
        "documents differ in only one direction: {forward:?} {backward:?}"
    );

    for change in &forward {
        assert_eq!(change.fingerprint.len(), 16);
        // Each reported pointer exists in its document.
        assert!(
            pointer_exists(&base, &change.places[0]),
            "{:?} does not exist: {change:?}",
            change.places[0]
        );
        assert!(
            pointer_exists(&revision, &change.places[1]),
            "{:?} does not exist: {change:?}",
            change.places[1]
        );
    }
    let [text, markdown, json, github, junit] = &reports;
    assert_eq!(line_count(github), forward.len(), "expected one annotation per change: {github}");
    let report: Value = serde_json::from_str(json).expect("the report is JSON");
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(forward.len()));
    assert_eq!(junit.matches("<testcase ").count(), forward.len().max(1));
    for report in [text, markdown, github, junit] {
        let is_control = |c: char| c.is_control() && c != '\n';
        assert!(!report.contains(is_control), "a report contains control characters: {report:?}");
    }
});

fn pointer_exists(document: &Value, pointer: &str) -> bool {
    let pointer = if pointer == "(root)" { "" } else { pointer };
    document.pointer(pointer).is_some()
}

fn line_count(text: &str) -> usize {
    text.split_terminator('\n').count()
}
