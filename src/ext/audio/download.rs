//! Downloads one audio file. Interrupted downloads are resumed, and the length is checked against the
//! announced length.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    Response, StatusCode, Url,
    header::{
        ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap,
        HeaderName, HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE,
    },
};
use tokio::time::{sleep, timeout};

use crate::{
    Client, Error,
    ext::{
        error::BoxError,
        retry::backoff::{backoff, with_jitter},
        transport::{instant::MAX_WAIT, retry_after::retry_after},
    },
};

/// The number of consecutive failures without a byte in between after which a download fails.
const MAX_ATTEMPTS: u32 = 5;

/// The longest `Retry-After` of the audio host that a download waits for. With a longer one the download
/// fails, because a download has no deadline.
const MAX_DELAY: Duration = Duration::from_secs(60);

pub(crate) struct Download {
    client: Client,
    url: Url,
    max_bytes: u64,
    received: u64,
    /// The number of bytes to discard, because the host started again from the beginning.
    skip: u64,
    total: Option<u64>,
    validator: Validator,
    response: Option<Response>,
    failures: u32,
}

/// The reason why there is no next chunk.
enum DownloadError {
    /// A retry may succeed.
    Transient(Error),
    /// A retry will fail too.
    Permanent(Error),
}

impl Download {
    pub(crate) fn new(client: Client, url: Url, max_bytes: u64) -> Self {
        Self {
            client,
            url,
            max_bytes,
            received: 0,
            skip: 0,
            total: None,
            validator: Validator::default(),
            response: None,
            failures: 0,
        }
    }

    /// Returns the next chunk, or `None` at the end. Transient failures are retried.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            match self.attempt().await {
                Ok(chunk) => {
                    self.failures = 0;
                    return Ok(chunk);
                }
                Err(DownloadError::Permanent(error)) => return Err(error),
                Err(DownloadError::Transient(error)) => {
                    self.response = None;
                    self.failures += 1;
                    let delay = error.retry_after().unwrap_or_default();
                    if self.failures == MAX_ATTEMPTS || delay > MAX_DELAY {
                        return Err(error);
                    }
                    tracing::warn!(
                        received = self.received,
                        failures = self.failures,
                        "download interrupted, retrying"
                    );
                    sleep(delay.max(with_jitter(backoff(self.failures)))).await;
                }
            }
        }
    }

    async fn attempt(&mut self) -> Result<Option<Bytes>, DownloadError> {
        if self.total == Some(self.received) && self.received > 0 {
            // All bytes have arrived, so it does not matter how the response ends.
            return Ok(None);
        }
        let idle = self.client.inner().request_timeout;
        if self.response.is_none() {
            let opened = timeout(idle, self.open()).await.unwrap_or_else(|_| Err(self.stalled()))?;
            match opened {
                Some(response) => self.response = Some(response),
                None => return Ok(None),
            }
        }
        loop {
            let response = self.response.as_mut().expect("opened above");
            let chunk = match timeout(idle, response.chunk()).await {
                Err(_) => return Err(self.stalled()),
                Ok(Err(error)) => return Err(self.interrupted(error.without_url())),
                Ok(Ok(chunk)) => chunk,
            };
            let Some(mut chunk) = chunk else { return self.check_complete() };
            let dropped = chunk.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
            self.skip -= dropped as u64;
            let chunk = chunk.split_off(dropped);
            if !chunk.is_empty() {
                return self.count_bytes(&chunk).map(|()| Some(chunk));
            }
        }
    }

    /// Requests the audio or its remaining bytes. Returns `None` if no bytes remain.
    async fn open(&mut self) -> Result<Option<Response>, DownloadError> {
        // With compression, the length and the ranges would not be those of the audio.
        let mut request = self.client.inner().audio.get(self.url.clone()).header(ACCEPT_ENCODING, "identity");
        // A custom HTTP client may have a timeout for the whole request. A download only limits the time
        // without data.
        request = request.timeout(MAX_WAIT);
        if self.received > 0 {
            request = request.header(RANGE, format!("bytes={}-", self.received));
            if let Some(validator) = self.validator.condition() {
                request = request.header(IF_RANGE, validator);
            }
        }
        let response = request.send().await.map_err(|error| {
            DownloadError::Transient(
                Error::download("audio host did not respond").with_source(error.without_url()),
            )
        })?;
        let has_body = self.check_response(response.status(), response.headers())?;
        Ok(has_body.then_some(response))
    }

    /// Returns `true` if the response starts, continues or restarts the audio, and `false` if no bytes
    /// remain.
    fn check_response(&mut self, status: StatusCode, headers: &HeaderMap) -> Result<bool, DownloadError> {
        let range = header_str(headers, &CONTENT_RANGE);
        match status {
            StatusCode::OK => {
                if let Some(problem) = reject_body(headers) {
                    return Err(DownloadError::Permanent(Error::download(problem)));
                }
                let total = header_str(headers, &CONTENT_LENGTH).and_then(|length| length.parse().ok());
                if self.received == 0 {
                    self.total = total;
                    self.validator = Validator::from_headers(headers);
                } else if self.validator.matches(headers) != Some(true) || total != self.total {
                    return Err(cannot_resume(
                        "the host sent the audio from the start, and its version could not be verified",
                    ));
                }
                self.skip = self.received;
                match self.total {
                    Some(total) if total > self.max_bytes => Err(DownloadError::Permanent(self.too_large())),
                    _ => Ok(true),
                }
            }
            StatusCode::PARTIAL_CONTENT if self.received > 0 => {
                let Some((start, Some(total))) = range.and_then(content_range) else {
                    return Err(cannot_resume("the host did not name the range that it sent"));
                };
                let same = self.validator.matches(headers) != Some(false);
                if start != self.received || *self.total.get_or_insert(total) != total || !same {
                    return Err(cannot_resume("the host sent another range or version"));
                }
                self.skip = 0;
                Ok(true)
            }
            // All bytes had arrived, only the end of the response was missing.
            StatusCode::RANGE_NOT_SATISFIABLE
                if range == Some(&format!("bytes */{}", self.received))
                    && self.total.is_none_or(|total| total == self.received)
                    && self.validator.matches(headers) != Some(false) =>
            {
                Ok(false)
            }
            _ => {
                let error = Error::download("audio host rejected the request")
                    .with_response(status, retry_after(headers));
                let transient = matches!(status.as_u16(), 408 | 425 | 429 | 500..=599);
                Err(if transient { DownloadError::Transient(error) } else { DownloadError::Permanent(error) })
            }
        }
    }

    fn count_bytes(&mut self, chunk: &Bytes) -> Result<(), DownloadError> {
        self.received += chunk.len() as u64;
        if self.received > self.max_bytes {
            return Err(DownloadError::Permanent(self.too_large()));
        }
        match self.total {
            Some(total) if self.received > total => {
                let problem = format!("audio exceeds its announced length of {total} bytes");
                Err(DownloadError::Permanent(Error::download(problem)))
            }
            _ => Ok(()),
        }
    }

    /// Checks at the end of the response that no bytes are missing.
    fn check_complete(&self) -> Result<Option<Bytes>, DownloadError> {
        match self.total {
            Some(total) if self.received < total => Err(self.interrupted("response ended too early")),
            _ if self.skip > 0 => Err(self.interrupted("response ended too early")),
            _ if self.received == 0 => Err(DownloadError::Permanent(Error::download("audio is empty"))),
            _ => Ok(None),
        }
    }

    fn too_large(&self) -> Error {
        let size =
            self.total.map_or_else(|| format!("more than {}", self.received), |total| total.to_string());
        Error::download(format!(
            "audio has {size} bytes, expected at most {}; raise `max_bytes` to allow more",
            self.max_bytes
        ))
    }

    fn interrupted(&self, cause: impl Into<BoxError>) -> DownloadError {
        let of = self.total.map_or_else(String::new, |total| format!(" of {total}"));
        let problem = format!("audio download interrupted after {}{of} bytes", self.received);
        DownloadError::Transient(Error::download(problem).with_source(cause))
    }

    fn stalled(&self) -> DownloadError {
        self.interrupted(format!("no data received for {:?}", self.client.inner().request_timeout))
    }
}

/// The HTTP validators of a file version: `ETag` and `Last-Modified`.
#[derive(Debug, Default)]
struct Validator {
    etag: Option<HeaderValue>,
    modified: Option<HeaderValue>,
}

impl Validator {
    fn from_headers(headers: &HeaderMap) -> Self {
        // A weak tag does not guarantee that every byte is the same.
        let etag = headers.get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/"));
        Self { etag: etag.cloned(), modified: headers.get(LAST_MODIFIED).cloned() }
    }

    /// Returns the value for `If-Range`.
    fn condition(&self) -> Option<&HeaderValue> {
        self.etag.as_ref().or(self.modified.as_ref())
    }

    /// Returns `true` if the headers describe the same version, `false` if another one, and `None` if they do
    /// not tell.
    fn matches(&self, headers: &HeaderMap) -> Option<bool> {
        let other = Self::from_headers(headers);
        let differ = |one: &Option<HeaderValue>, two: &Option<HeaderValue>| {
            one.is_some() && two.is_some() && one != two
        };
        if differ(&self.etag, &other.etag) || differ(&self.modified, &other.modified) {
            return Some(false);
        }
        let agree = |one: &Option<HeaderValue>, two: &Option<HeaderValue>| one.is_some() && one == two;
        (agree(&self.etag, &other.etag) || agree(&self.modified, &other.modified)).then_some(true)
    }
}

fn cannot_resume(problem: &str) -> DownloadError {
    DownloadError::Permanent(Error::download(format!(
        "interrupted audio download could not be resumed: {problem}"
    )))
}

/// Returns the problem if the body is not the audio: an HTML page, such as a login or an error, or compressed
/// data.
fn reject_body(headers: &HeaderMap) -> Option<String> {
    let encoding = header_str(headers, &CONTENT_ENCODING).filter(|encoding| *encoding != "identity");
    let html = header_str(headers, &CONTENT_TYPE).filter(|kind| kind.starts_with("text/html"));
    match (encoding, html) {
        (Some(encoding), _) => {
            Some(format!("audio host sent compressed data ({encoding}), expected uncompressed audio"))
        }
        (None, Some(kind)) => Some(format!("audio host sent a page ({kind}), expected audio")),
        (None, None) => None,
    }
}

fn header_str<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Parses `bytes 7-9/10` or `bytes 7-9/*` into the start of the range and the total length.
fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-')?.0.trim().parse().ok()?;
    let total = if total.trim() == "*" { None } else { Some(total.trim().parse().ok()?) };
    Some((start, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_range_yields_start_and_total_length() {
        assert_eq!(content_range("bytes 7-9/10"), Some((7, Some(10))));
        assert_eq!(content_range("bytes 7-9/*"), Some((7, None)));
        for invalid in ["", "bytes */10", "bytes 7/10", "items 7-9/10", "bytes 7-9/many"] {
            assert_eq!(content_range(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn validator_matches_by_strong_etag_and_date() {
        let headers = |tag: &str, date: &str| -> HeaderMap {
            let pairs = [(ETAG, tag), (LAST_MODIFIED, date)];
            pairs
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(k, v)| (k, v.parse().unwrap()))
                .collect()
        };
        let first = Validator::from_headers(&headers("\"a\"", "Monday"));
        assert_eq!(first.matches(&headers("\"a\"", "Monday")), Some(true));
        assert_eq!(first.matches(&headers("\"a\"", "")), Some(true));
        assert_eq!(first.matches(&headers("\"b\"", "Monday")), Some(false));
        assert_eq!(first.matches(&headers("\"a\"", "Tuesday")), Some(false));
        assert_eq!(first.matches(&headers("", "")), None);
        assert_eq!(Validator::from_headers(&headers("W/\"a\"", "")).condition(), None);
    }
}
