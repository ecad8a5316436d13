//! Fuzzes documentation pages: checks the extracted document and the canonical form of its JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xtask::fuzzing::{canonical, equal, indent, page, parse, refusals};

fuzz_target!(|data: &[u8]| {
    let Ok((line, text)) = page(data) else { return };

    // The document starts after that line. Prose before it changes only the line number.
    let input = std::str::from_utf8(data).expect("a page is valid UTF-8");
    let input = input.strip_prefix('\u{feff}').unwrap_or(input);
    let after: String = input.split_inclusive('\n').skip(line).collect();
    assert!(after.starts_with(&text), "not found after line {line}: {text:?}");
    assert_eq!(page(format!("# Prose\n\n{input}").as_bytes()), Ok((line + 2, text.clone())));

    let Ok(value) = parse(&text) else { return };
    // The committed form is equivalent, and does not change when it is read and written again.
    let indented = indent(&text);
    assert_eq!(parse(&indented).as_ref(), Ok(&value), "{text}");
    assert_eq!(indent(&indented), indented, "{text}");
    let written = canonical(&value);
    let reparsed = parse(&written).expect("the canonical form is valid JSON");
    assert!(equal(&reparsed, &value), "{text}");
    assert_eq!(canonical(&reparsed), written, "{text}");
    // Validation accepts any value, and each error is a single line.
    for error in refusals(&value) {
        assert!(!error.contains(['\n', '\r', '\u{1b}']), "{error:?}");
    }
});
