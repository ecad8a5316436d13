//! Parses the `Range` header of an audio request (RFC 9110, section 14).

use std::ops::Range;

/// The part of a file to send.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    Whole,
    Part(Range<usize>),
    /// The range is outside the file.
    Nothing,
}

/// Returns the part of a file that a `Range` header selects. As the RFC allows, everything except one
/// well-formed byte range is ignored.
pub(crate) fn select(header: &str, length: usize) -> Selection {
    let Some(range) = parse(header, length) else {
        return Selection::Whole;
    };
    if range.start < range.end { Selection::Part(range) } else { Selection::Nothing }
}

/// Returns the range clamped to the file. A range outside the file is empty.
fn parse(header: &str, length: usize) -> Option<Range<usize>> {
    let (first, last) = header.strip_prefix("bytes=")?.trim().split_once('-')?;
    match (first, last) {
        ("", suffix) => Some(length.saturating_sub(position(suffix)?)..length),
        (first, "") => Some(position(first)?..length),
        (first, last) => {
            let (first, last) = (position(first)?, position(last)?);
            (first <= last).then(|| first..last.saturating_add(1).min(length))
        }
    }
}

/// Parses a position, digits only. A number that overflows `usize` counts as `usize::MAX`.
fn position(digits: &str) -> Option<usize> {
    let digits_only = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits_only.then(|| digits.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::{
        Selection::{Nothing, Part, Whole},
        select,
    };

    #[test]
    fn valid_range_selects_part_of_the_file() {
        for (header, selection) in [
            ("bytes=0-", Part(0..10)),
            ("bytes=4-", Part(4..10)),
            ("bytes=9-", Part(9..10)),
            ("bytes=0-0", Part(0..1)),
            ("bytes=2-4", Part(2..5)),
            ("bytes=2-99", Part(2..10)),
            ("bytes=-3", Part(7..10)),
            ("bytes=-99", Part(0..10)),
            ("bytes=2-99999999999999999999999", Part(2..10)),
            ("bytes=-99999999999999999999999", Part(0..10)),
        ] {
            assert_eq!(select(header, 10), selection, "{header}");
        }
    }

    #[test]
    fn range_outside_the_file_selects_nothing() {
        for header in ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(select(header, 10), Nothing, "{header}");
        }
    }

    #[test]
    fn malformed_or_multiple_ranges_are_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=4-2",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=0-1,3-4",
            "bytes=1--2",
            "lines=0-1",
        ] {
            assert_eq!(select(header, 10), Whole, "{header}");
        }
    }
}
