//! Parses `Retry-After` in the three forms that servers use.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// A delay in milliseconds. The header is not registered, but several API gateways send it next to the standard one.
static RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// Returns the delay that the server asks for, from now. Milliseconds win over seconds; an invalid header is ignored.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let millis = text(&RETRY_AFTER_MS).and_then(|text| seconds(text, 1_000.0));
    millis.or_else(|| {
        text(&RETRY_AFTER).and_then(|value| seconds(value, 1.0).or_else(|| time_until(value, text(&DATE))))
    })
}

/// Parses a count. RFC 9110 allows whole seconds only; servers send fractions anyway, and they are accepted.
fn seconds(text: &str, per_second: f64) -> Option<Duration> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let count = if digits { text.parse::<f64>().ok()? } else { return None };
    Some(Duration::try_from_secs_f64(count / per_second).unwrap_or(Duration::MAX))
}

/// Returns the time from the response to an HTTP date. A date in the past means no delay.
///
/// The time of the response is its `Date`, because the server's clock may differ from ours.
fn time_until(date: &str, response_date: Option<&str>) -> Option<Duration> {
    let date = httpdate::parse_http_date(date).ok()?;
    let now =
        response_date.and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or_else(SystemTime::now);
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(headers: &[(&'static str, &str)]) -> Option<Duration> {
        retry_after(
            &headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect(),
        )
    }

    #[test]
    fn retry_after_is_parsed_as_seconds_milliseconds_or_date() {
        assert_eq!(from(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(from(&[("retry-after", " 1.5 ")]), Some(Duration::from_millis(1_500)));
        assert_eq!(from(&[("retry-after-ms", "250")]), Some(Duration::from_millis(250)));
        assert_eq!(from(&[("retry-after", "99999999999999999999999")]), Some(Duration::MAX));
        assert_eq!(
            from(&[("retry-after", "1"), ("retry-after-ms", "250")]),
            Some(Duration::from_millis(250))
        );
        assert_eq!(from(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]), Some(Duration::ZERO));
        let in_a_minute = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        let wait = from(&[("retry-after", &in_a_minute)]).unwrap();
        assert!((58..=60).contains(&wait.as_secs()), "{wait:?}");
        let ahead =
            [("retry-after", "Sat, 06 Nov 2094 08:49:39 GMT"), ("date", "Sat, 06 Nov 2094 08:49:37 GMT")];
        assert_eq!(from(&ahead), Some(Duration::from_secs(2)), "the clock of the server counts");
    }

    #[test]
    fn invalid_retry_after_is_ignored() {
        for invalid in ["", "-1", "soon", "1e3", "NaN", "inf", "1.2.3"] {
            assert_eq!(from(&[("retry-after", invalid)]), None, "{invalid}");
        }
        assert_eq!(from(&[("retry-after", "3"), ("retry-after-ms", "soon")]), Some(Duration::from_secs(3)));
        assert_eq!(from(&[]), None);
    }
}
