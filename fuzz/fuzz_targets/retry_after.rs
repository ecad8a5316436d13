//! `Retry-After` and `retry-after-ms` of any bytes: a line each.
#![no_main]

use std::time::{Duration, SystemTime};

use distribute_ai::fuzzing::retry_after;
use libfuzzer_sys::fuzz_target;

/// Between two looks at the clock.
const SLACK: Duration = Duration::from_secs(5);

fuzz_target!(|data: &[u8]| {
    let (standard, finer) = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], Some(&data[end + 1..])),
        None => (data, None),
    };
    let named = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
    let alone = retry_after(&[named("Retry-After", standard)]);
    agrees_with_the_rule(standard, alone);

    let Some(finer) = finer else { return };
    let both = retry_after(&[named("Retry-After", standard), named("retry-after-ms", finer)]);
    match retry_after(&[named("retry-after-ms", finer)]) {
        // In milliseconds, and it wins.
        Some(time) => {
            assert_eq!(both, Some(time));
            let as_seconds = retry_after(&[named("Retry-After", finer)]).expect("a number is one there, too");
            let difference = time.saturating_mul(1_000).abs_diff(as_seconds);
            assert!(
                as_seconds > Duration::from_secs(1 << 40)
                    || difference <= as_seconds / 1_000_000 + Duration::from_micros(1)
            );
        }
        // What can't be read is as if it weren't there; a moment has passed if the other is a date.
        None => assert_eq!(both.is_some(), alone.is_some()),
    }
});

/// RFC 9110: a whole number of seconds or a date; fractions, as servers send them; and nothing else.
fn agrees_with_the_rule(value: &[u8], found: Option<Duration>) {
    let text = std::str::from_utf8(value)
        .ok()
        .filter(|text| text.bytes().all(|b| b == b'\t' || (b' '..0x7f).contains(&b)));
    let Some(text) = text.map(str::trim) else {
        assert_eq!(found, None, "no header, or none of text");
        return;
    };
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let exact = text.parse::<u64>().map_or(Duration::MAX, Duration::from_secs);
        let found = found.expect("a number of seconds");
        // Up to 285 million years to the second; nobody waits for longer.
        assert!(found == exact || exact > Duration::from_secs(1 << 53), "{text}: {found:?}");
    } else if let Ok(date) = httpdate::parse_http_date(text) {
        let found = found.expect("a date");
        let expected = date.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
        assert!(found.abs_diff(expected) < SLACK, "{text}: {found:?}");
        // The last date that it can tell is of the year 9999.
        assert!(found < Duration::from_secs(8_000 * 366 * 24 * 60 * 60), "{text}: {found:?}");
        let written = httpdate::fmt_http_date(date);
        let again = httpdate::parse_http_date(&written).expect("a date that was written is one");
        assert_eq!(again, date, "{text}");
    } else if let Some(found) = found {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        assert!(digits(whole) && digits(fraction), "{text:?} is no time, and was {found:?}");
    }
}
