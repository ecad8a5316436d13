//! A page of documentation of any bytes: the document in it, and how it is written down.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xtask::fuzzing::{canonical, equal, indent, page, parse, refusals};

fuzz_target!(|data: &[u8]| {
    let Ok((line, text)) = page(data) else { return };

    // It stands in the page below that line, and prose before it changes nothing but the line.
    let whole = std::str::from_utf8(data).expect("a page is text");
    let after: String = whole.split_inclusive('\n').skip(line).collect();
    assert!(after.starts_with(&text), "not below line {line}: {text:?}");
    assert_eq!(page(format!("# Prose\n\n{whole}").as_bytes()), Ok((line + 2, text.clone())));

    let Ok(value) = parse(&text) else { return };
    // What is committed says the same, and stays as it is when it is read and written again.
    let indented = indent(&text);
    assert_eq!(parse(&indented).as_ref(), Ok(&value), "{text}");
    assert_eq!(indent(&indented), indented, "{text}");
    let written = canonical(&value);
    let again = parse(&written).expect("what we write is JSON");
    assert!(equal(&again, &value), "{text}");
    assert_eq!(canonical(&again), written, "{text}");
    // Whatever it is, it is judged, and each complaint is a line of its own.
    for refusal in refusals(&value) {
        assert!(!refusal.contains(['\n', '\r', '\u{1b}']), "{refusal:?}");
    }
});
