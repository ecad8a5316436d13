//! The current date.

use jiff::{Timestamp, tz::TimeZone};

/// Returns the current date in UTC, so that it does not depend on the local time zone.
pub(crate) fn today() -> String {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    now.date().to_string()
}
