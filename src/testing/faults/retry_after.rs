//! `Retry-After` in the formats that servers use.

use std::time::{Duration, SystemTime};

use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};
use serde::{Deserialize, Serialize};

/// The longest pause that is sent, 100 years: HTTP dates end with the year 9999.
const MAX_SECONDS: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The header in which an error response says when to retry.
///
/// [`RateLimit::retry_after_format`](super::RateLimit::retry_after_format) and
/// [`Fault::retry_after_format`](super::Fault::retry_after_format) take this type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfterFormat {
    /// `Retry-After: 2`, in whole seconds, rounded up.
    #[default]
    Seconds,
    /// `Retry-After: Sun, 06 Nov 1994 08:49:37 GMT`, in whole seconds, rounded up, by the system clock.
    Date,
    /// `retry-after-ms: 1500`, in whole milliseconds, rounded up. This header is not registered, but several
    /// API gateways send it.
    Millis,
    /// Neither header is sent.
    Missing,
}

impl RetryAfterFormat {
    /// Returns the header for a pause of `time`.
    pub(crate) fn header(self, time: Duration) -> Option<(HeaderName, HeaderValue)> {
        let time = time.min(MAX_SECONDS);
        let (name, text) = match self {
            Self::Seconds => (RETRY_AFTER, time.as_nanos().div_ceil(1_000_000_000).to_string()),
            Self::Date => (RETRY_AFTER, date(SystemTime::now() + time)),
            Self::Millis => {
                (HeaderName::from_static("retry-after-ms"), time.as_nanos().div_ceil(1_000_000).to_string())
            }
            Self::Missing => return None,
        };
        HeaderValue::from_str(&text).ok().map(|value| (name, value))
    }
}

/// Returns an HTTP date, rounded up to the next second.
fn date(time: SystemTime) -> String {
    httpdate::fmt_http_date(time + Duration::from_nanos(999_999_999))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn retry_after_header_is_rounded_up() {
        for (format, time, name, value) in [
            (RetryAfterFormat::Seconds, Duration::ZERO, "retry-after", "0"),
            (RetryAfterFormat::Seconds, Duration::from_millis(1), "retry-after", "1"),
            (RetryAfterFormat::Seconds, Duration::from_secs(1), "retry-after", "1"),
            (RetryAfterFormat::Seconds, Duration::MAX, "retry-after", "3153600000"),
            (RetryAfterFormat::Millis, Duration::from_micros(1001), "retry-after-ms", "2"),
        ] {
            let (header, text) = format.header(time).unwrap();
            assert_eq!((header.as_str(), text.to_str().unwrap()), (name, value));
        }
        assert_eq!(date(UNIX_EPOCH + Duration::from_millis(1)), "Thu, 01 Jan 1970 00:00:01 GMT");
        assert_eq!(date(UNIX_EPOCH + Duration::from_secs(1)), "Thu, 01 Jan 1970 00:00:01 GMT");
        assert!(RetryAfterFormat::Date.header(Duration::MAX).is_some());
        assert_eq!(RetryAfterFormat::Missing.header(Duration::ZERO), None);
    }
}
