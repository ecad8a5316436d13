//! Fuzzes `Retry-After` (the first line of the input) and `retry-after-ms` (the rest).
#![no_main]

use std::time::{Duration, SystemTime};

use distribute_ai::fuzzing::retry_after;
use libfuzzer_sys::fuzz_target;

/// The tolerated difference between two reads of the clock.
const SLACK: Duration = Duration::from_secs(5);

fuzz_target!(|data: &[u8]| {
    let (standard, milliseconds) = match data.iter().position(|byte| *byte == b'\n') {
        Some(line_end) => (&data[..line_end], Some(&data[line_end + 1..])),
        None => (data, None),
    };
    let header = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
    let alone = retry_after(&[header("Retry-After", standard)]);
    assert_follows_rfc_9110(standard, alone);

    let Some(milliseconds) = milliseconds else { return };
    let both = retry_after(&[header("Retry-After", standard), header("retry-after-ms", milliseconds)]);
    match retry_after(&[header("retry-after-ms", milliseconds)]) {
        // `retry-after-ms` is in milliseconds and takes precedence.
        Some(pause) => {
            assert_eq!(both, Some(pause));
            let as_seconds = retry_after(&[header("Retry-After", milliseconds)])
                .expect("a number is valid in both headers");
            let difference = pause.saturating_mul(1_000).abs_diff(as_seconds);
            assert!(
                as_seconds > Duration::from_secs(1 << 40)
                    || difference <= as_seconds / 1_000_000 + Duration::from_micros(1)
            );
        }
        // An invalid `retry-after-ms` is ignored. Compare only the presence: if the other header is a date,
        // the pause has become shorter meanwhile.
        None => assert_eq!(both.is_some(), alone.is_some()),
    }
});

/// Asserts that the value is parsed by RFC 9110, as whole seconds or a date, or as the fractional seconds
/// that servers send. All other values must be rejected.
fn assert_follows_rfc_9110(value: &[u8], parsed: Option<Duration>) {
    let text = std::str::from_utf8(value)
        .ok()
        .filter(|text| text.bytes().all(|b| b == b'\t' || (b' '..0x7f).contains(&b)));
    let Some(text) = text.map(str::trim) else {
        assert_eq!(parsed, None, "not a text header value");
        return;
    };
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let exact = text.parse::<u64>().map_or(Duration::MAX, Duration::from_secs);
        let parsed = parsed.expect("a number of seconds");
        // Pauses are exact up to 285 million years.
        assert!(parsed == exact || exact > Duration::from_secs(1 << 53), "{text}: {parsed:?}");
    } else if let Ok(date) = httpdate::parse_http_date(text) {
        let parsed = parsed.expect("a date");
        let expected = date.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
        assert!(parsed.abs_diff(expected) < SLACK, "{text}: {parsed:?}");
        // The latest HTTP date is in the year 9999.
        assert!(parsed < Duration::from_secs(8_000 * 366 * 24 * 60 * 60), "{text}: {parsed:?}");
        let written = httpdate::fmt_http_date(date);
        let reparsed = httpdate::parse_http_date(&written).expect("a formatted date is valid");
        assert_eq!(reparsed, date, "{text}");
    } else if let Some(parsed) = parsed {
        let (integer, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        assert!(digits(integer) && digits(fraction), "{text:?} is invalid, but was parsed as {parsed:?}");
    }
}
