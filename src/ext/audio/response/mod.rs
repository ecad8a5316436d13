//! Reads the head of a response of the audio host: what the body is, given what has already arrived.

use reqwest::{
    StatusCode, Url, Version,
    header::{
        CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
        HeaderValue, LAST_MODIFIED, LOCATION, TRANSFER_ENCODING,
    },
};

/// The codings that change the bytes. Object stores send other values too, such as `aws-chunked` or `UTF-8`,
/// which compress nothing.
const COMPRESSIONS: [&str; 7] = ["gzip", "x-gzip", "br", "deflate", "zstd", "compress", "x-compress"];

/// The longest part of a header in an error message.
const MAX_VALUE_CHARS: usize = 100;

/// The part of the audio that has arrived, and what is known about the whole.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) received: u64,
    pub(super) total: Option<u64>,
    pub(super) validator: Validator,
    /// `true` if the host gave the audio the type of a page.
    pub(super) has_page_type: bool,
}

/// The kind of a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// The audio from its start, as far as the headers tell the same version. The length is known if announced.
    Whole(Option<u64>),
    /// Another version of the audio, from its start.
    OtherVersion(Option<u64>),
    /// The missing bytes, with the length of the whole audio.
    Rest(u64),
    /// No bytes are missing.
    Nothing,
    /// The range cannot be used, for this reason. The whole audio can be requested instead.
    UnusableRange(&'static str),
    /// A rejection that a new URL may avoid.
    Expired,
    /// A rejection that may pass.
    Busy,
    Rejected,
}

impl Content {
    /// Classifies the response to a request for the whole audio, or for the missing bytes.
    pub(super) fn classify(
        status: StatusCode,
        headers: &HeaderMap,
        known: &Known,
        asked_for_rest: bool,
    ) -> Self {
        let range = header_str(headers, &CONTENT_RANGE);
        match status {
            StatusCode::OK => Self::from_start(headers, known, content_length(headers)),
            StatusCode::PARTIAL_CONTENT => match range.and_then(content_range) {
                // Some hosts send the whole audio as a range.
                Some((0, end, Some(total))) if end.checked_add(1) == Some(total) => {
                    Self::from_start(headers, known, Some(total))
                }
                Some((start, end, total)) if asked_for_rest => {
                    rest_of(start, end, total, known, headers).map_or_else(Self::UnusableRange, Self::Rest)
                }
                None if asked_for_rest => Self::UnusableRange("the host did not name the range that it sent"),
                _ => Self::Rejected,
            },
            // All bytes had arrived, and only the end of the response was missing.
            StatusCode::RANGE_NOT_SATISFIABLE if asked_for_rest => {
                let total = range.and_then(unsatisfied_total);
                let is_same = known.validator.matches(headers) != Some(false);
                let is_end = total == Some(known.received);
                if is_end && is_same && known.total.is_none_or(|known| total == Some(known)) {
                    Self::Nothing
                } else {
                    Self::UnusableRange("the host has no bytes in the range")
                }
            }
            _ => match status.as_u16() {
                408 | 425 | 429 | 500..=599 => Self::Busy,
                400..=499 => Self::Expired,
                _ => Self::Rejected,
            },
        }
    }

    fn from_start(headers: &HeaderMap, known: &Known, total: Option<u64>) -> Self {
        let lengths_differ = known.total.zip(total).is_some_and(|(known, total)| known != total);
        let is_other = known.validator.matches(headers) == Some(false) || lengths_differ;
        if known.received > 0 && is_other { Self::OtherVersion(total) } else { Self::Whole(total) }
    }
}

/// Returns the length of the whole audio, if the range consists of the missing bytes.
fn rest_of(
    start: u64,
    end: u64,
    total: Option<u64>,
    known: &Known,
    headers: &HeaderMap,
) -> Result<u64, &'static str> {
    let total = total.or(known.total).ok_or("the host did not tell the length of the audio")?;
    let fits = start == known.received && end < total && known.total.is_none_or(|known| known == total);
    let is_same = known.validator.matches(headers) != Some(false);
    // The bytes of the rest do not show whether they are audio, because they have no head.
    if compression(headers).is_some() || !known.has_page_type && page_type(headers).is_some() {
        return Err("the host sent compressed data or a page");
    }
    if fits && is_same { Ok(total) } else { Err("the host sent another range or version") }
}

/// Returns `true` if HTTP marks the end of the body. Otherwise a closed connection looks the same as the end.
pub(super) fn has_marked_end(version: Version, headers: &HeaderMap) -> bool {
    version > Version::HTTP_11 || is_chunked(headers) || headers.contains_key(CONTENT_LENGTH)
}

fn is_chunked(headers: &HeaderMap) -> bool {
    let last = headers.get_all(TRANSFER_ENCODING).into_iter().next_back();
    let codings = last.and_then(|value| value.to_str().ok()).unwrap_or_default();
    codings.rsplit(',').next().unwrap_or_default().trim().eq_ignore_ascii_case("chunked")
}

/// Returns the announced length. A transfer coding overrides it (RFC 9112, section 6.3).
fn content_length(headers: &HeaderMap) -> Option<u64> {
    let length = header_str(headers, &CONTENT_LENGTH).filter(|_| !headers.contains_key(TRANSFER_ENCODING));
    length.and_then(|length| length.parse().ok())
}

/// Returns the first coding that compresses the audio.
pub(super) fn compression(headers: &HeaderMap) -> Option<&'static str> {
    let values = headers.get_all(CONTENT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    let mut codings = values.flat_map(|value| value.split(',')).map(str::trim);
    codings.find_map(|coding| COMPRESSIONS.into_iter().find(|name| name.eq_ignore_ascii_case(coding)))
}

/// Returns the content type in lower case, if it is that of a page: HTML, XML or JSON.
pub(super) fn page_type(headers: &HeaderMap) -> Option<String> {
    let value = header_str(headers, &CONTENT_TYPE)?;
    let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_page = matches!(kind.as_str(), "text/html" | "text/xml" | "text/json")
        || kind.strip_prefix("application/").is_some_and(|kind| matches!(kind, "json" | "xml"))
        || [kind.ends_with("+json"), kind.ends_with("+xml")].contains(&true);
    is_page.then(|| kind.chars().take(MAX_VALUE_CHARS).collect())
}

/// Returns the URL to which the response redirects.
///
/// # Errors
///
/// Returns the problem if the URL is invalid.
pub(super) fn redirect(
    status: StatusCode,
    headers: &HeaderMap,
    from: &Url,
) -> Result<Option<Url>, &'static str> {
    let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = headers.get(LOCATION).filter(|_| is_redirect) else { return Ok(None) };
    let url = location.to_str().ok().and_then(|location| from.join(location).ok());
    url.map(Some).ok_or("audio host redirected to an invalid URL")
}

/// The mark at the start of a weak `ETag`.
const WEAK: &[u8] = b"W/";

/// The HTTP validators of a file version: `ETag` and `Last-Modified`.
#[derive(Debug, Default)]
pub(super) struct Validator {
    etag: Option<HeaderValue>,
    modified: Option<HeaderValue>,
}

impl Validator {
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        Self { etag: headers.get(ETAG).cloned(), modified: headers.get(LAST_MODIFIED).cloned() }
    }

    /// Returns the value for `If-Range`.
    pub(super) fn condition(&self) -> Option<&HeaderValue> {
        self.strong_etag().or(self.modified.as_ref())
    }

    /// Returns the tag, unless it is weak: a weak tag does not guarantee that every byte is the same.
    fn strong_etag(&self) -> Option<&HeaderValue> {
        self.etag.as_ref().filter(|tag| !tag.as_bytes().starts_with(WEAK))
    }

    /// Returns the tag without the mark of a weak tag. Two versions with different tags differ, also if a tag is weak.
    fn opaque_etag(&self) -> Option<&[u8]> {
        let tag = self.etag.as_ref()?.as_bytes();
        Some(tag.strip_prefix(WEAK).unwrap_or(tag))
    }

    /// Returns `true` if the headers describe the same version, `false` if another one, and `None` if they do
    /// not tell.
    fn matches(&self, headers: &HeaderMap) -> Option<bool> {
        let other = Self::from_headers(headers);
        let tags_differ = self.opaque_etag().zip(other.opaque_etag()).is_some_and(|(one, two)| one != two);
        let times = self.modified.as_ref().zip(other.modified.as_ref());
        if tags_differ || times.is_some_and(|(one, two)| one != two) {
            return Some(false);
        }
        let tags_agree = self.strong_etag().is_some() && self.strong_etag() == other.strong_etag();
        (tags_agree || times.is_some()).then_some(true)
    }
}

fn header_str<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Parses `bytes 7-9/10` or `bytes 7-9/*` into the first position, the last one and the total length.
fn content_range(value: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = bytes_unit(value)?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let (start, end) = (start.trim().parse().ok()?, end.trim().parse().ok()?);
    let total = if total.trim() == "*" { None } else { Some(total.trim().parse().ok()?) };
    (start <= end).then_some((start, end, total))
}

/// Parses the total length in `bytes */10`, which the host sends if a range starts at or after the end.
fn unsatisfied_total(value: &str) -> Option<u64> {
    bytes_unit(value)?.strip_prefix("*/")?.trim().parse().ok()
}

/// Returns the range without its unit, which is `bytes` in any case.
fn bytes_unit(value: &str) -> Option<&str> {
    let (unit, range) = value.split_once(' ')?;
    unit.eq_ignore_ascii_case("bytes").then(|| range.trim())
}

#[cfg(test)]
mod tests;
