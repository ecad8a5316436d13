//! Today's date.

use jiff::{Timestamp, tz::TimeZone};

/// The day in UTC, so that two people who fetch at one moment write one date.
pub(crate) fn today() -> String {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    now.date().to_string()
}
