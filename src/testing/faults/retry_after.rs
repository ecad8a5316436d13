//! When to come back, in the forms that servers use.

use std::time::{Duration, SystemTime};

use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};

/// A longer hint says no more, and dates end with the year 9999.
const MAX_SECONDS: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// How a refusal says when to come back: for a [`RateLimit`](super::RateLimit), or by
/// [`Fault::hint`](super::Fault::hint).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryAfterFormat {
    /// `Retry-After: 2`. Whole seconds, rounded up.
    #[default]
    Seconds,
    /// `Retry-After: Sun, 06 Nov 1994 08:49:37 GMT`. Whole seconds, rounded up, by the clock on the wall.
    Date,
    /// `retry-after-ms: 1500`. Whole milliseconds, rounded up; not registered, but sent by several API gateways.
    Millis,
    /// Not at all.
    Missing,
}

impl RetryAfterFormat {
    /// The header that says so.
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

fn date(time: SystemTime) -> String {
    httpdate::fmt_http_date(time + Duration::from_nanos(999_999_999))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_hint_is_never_shorter_than_it_should_be() {
        for (hint, time, name, value) in [
            (RetryAfterFormat::Seconds, Duration::ZERO, "retry-after", "0"),
            (RetryAfterFormat::Seconds, Duration::from_millis(1), "retry-after", "1"),
            (RetryAfterFormat::Seconds, Duration::from_secs(1), "retry-after", "1"),
            (RetryAfterFormat::Seconds, Duration::MAX, "retry-after", "3153600000"),
            (RetryAfterFormat::Millis, Duration::from_micros(1001), "retry-after-ms", "2"),
        ] {
            let (header, text) = hint.header(time).unwrap();
            assert_eq!((header.as_str(), text.to_str().unwrap()), (name, value));
        }
        assert_eq!(date(UNIX_EPOCH + Duration::from_millis(1)), "Thu, 01 Jan 1970 00:00:01 GMT");
        assert_eq!(date(UNIX_EPOCH + Duration::from_secs(1)), "Thu, 01 Jan 1970 00:00:01 GMT");
        assert!(RetryAfterFormat::Date.header(Duration::MAX).is_some());
        assert_eq!(RetryAfterFormat::Missing.header(Duration::ZERO), None);
    }
}
