//! One audio from its host: cut downloads go on where they stopped, and the length is what was announced.

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

/// Failures in a row, without a byte between them, after which a download gives up.
const MAX_ATTEMPTS: u32 = 5;

/// The longest `Retry-After` of a host that is waited out; a longer one is told to the caller, as a download has no
/// deadline to bound it.
const MAX_DELAY: Duration = Duration::from_secs(60);

pub(crate) struct Download {
    client: Client,
    url: Url,
    max_bytes: u64,
    received: u64,
    /// Bytes to drop: the host has begun from the start again.
    skip: u64,
    total: Option<u64>,
    validator: Validator,
    response: Option<Response>,
    failures: u32,
}

/// Why there is no next piece.
enum DownloadError {
    /// It may be better next time.
    Transient(Error),
    /// It won't.
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

    /// The next piece; none at the end.
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
                        "download interrupted"
                    );
                    sleep(delay.max(with_jitter(backoff(self.failures)))).await;
                }
            }
        }
    }

    async fn attempt(&mut self) -> Result<Option<Bytes>, DownloadError> {
        if self.total == Some(self.received) && self.received > 0 {
            // However the reply ends: this is all.
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

    /// Asks for the audio, or for the rest of it. None where there is no rest.
    async fn open(&mut self) -> Result<Option<Response>, DownloadError> {
        // Compressed, neither length nor position would be those of the audio.
        let mut request = self.client.inner().audio.get(self.url.clone()).header(ACCEPT_ENCODING, "identity");
        // A user's HTTP client may have a timeout for the whole of a request; here it is silence that counts.
        request = request.timeout(MAX_WAIT);
        if self.received > 0 {
            request = request.header(RANGE, format!("bytes={}-", self.received));
            if let Some(version) = self.validator.condition() {
                request = request.header(IF_RANGE, version);
            }
        }
        let response = request.send().await.map_err(|error| {
            DownloadError::Transient(
                Error::download("the host of the audio did not answer").with_source(error.without_url()),
            )
        })?;
        let more = self.check_response(response.status(), response.headers())?;
        Ok(more.then_some(response))
    }

    /// Whether a reply begins, continues or restarts the audio, or says that there is nothing more.
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
                        "its host sends it from the start, and can't tell whether it is the same",
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
                    return Err(cannot_resume("its host does not say which part it sent"));
                };
                let same = self.validator.matches(headers) != Some(false);
                if start != self.received || *self.total.get_or_insert(total) != total || !same {
                    return Err(cannot_resume("its host sent another part or version"));
                }
                self.skip = 0;
                Ok(true)
            }
            // All was there but the end of the reply.
            StatusCode::RANGE_NOT_SATISFIABLE
                if range == Some(&format!("bytes */{}", self.received))
                    && self.total.is_none_or(|total| total == self.received)
                    && self.validator.matches(headers) != Some(false) =>
            {
                Ok(false)
            }
            _ => {
                let error = Error::download("the host of the audio refused it")
                    .with_response(status, retry_after(headers));
                let passing = matches!(status.as_u16(), 408 | 425 | 429 | 500..=599);
                Err(if passing { DownloadError::Transient(error) } else { DownloadError::Permanent(error) })
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
                let problem = format!("the audio is longer than the {total} bytes its host announced");
                Err(DownloadError::Permanent(Error::download(problem)))
            }
            _ => Ok(()),
        }
    }

    /// The host says that this was all.
    fn check_complete(&self) -> Result<Option<Bytes>, DownloadError> {
        match self.total {
            Some(total) if self.received < total => Err(self.interrupted("it ended too soon")),
            _ if self.skip > 0 => Err(self.interrupted("it ended too soon")),
            _ if self.received == 0 => Err(DownloadError::Permanent(Error::download("the audio is empty"))),
            _ => Ok(None),
        }
    }

    fn too_large(&self) -> Error {
        let size = self.total.map_or_else(|| format!("over {}", self.received), |total| total.to_string());
        Error::download(format!("the audio has {size} bytes, more than the limit of {}", self.max_bytes))
    }

    fn interrupted(&self, cause: impl Into<BoxError>) -> DownloadError {
        let of = self.total.map_or_else(String::new, |total| format!(" of {total}"));
        let problem = format!("the audio was cut after {}{of} bytes", self.received);
        DownloadError::Transient(Error::download(problem).with_source(cause))
    }

    fn stalled(&self) -> DownloadError {
        self.interrupted(format!("nothing came for {:?}", self.client.inner().request_timeout))
    }
}

/// What a host calls the version of a file that it sends.
#[derive(Debug, Default)]
struct Validator {
    etag: Option<HeaderValue>,
    modified: Option<HeaderValue>,
}

impl Validator {
    fn from_headers(headers: &HeaderMap) -> Self {
        // A weak tag does not vouch for every byte.
        let etag = headers.get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/"));
        Self { etag: etag.cloned(), modified: headers.get(LAST_MODIFIED).cloned() }
    }

    /// For `If-Range`.
    fn condition(&self) -> Option<&HeaderValue> {
        self.etag.as_ref().or(self.modified.as_ref())
    }

    /// Whether this is that version, if it can be told.
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
        "the audio was cut and could not be continued: {problem}"
    )))
}

/// Why the body can't be the audio: a page of a login or an error, or not the bytes that were asked for.
fn reject_body(headers: &HeaderMap) -> Option<String> {
    let encoding = header_str(headers, &CONTENT_ENCODING).filter(|encoding| *encoding != "identity");
    let page = header_str(headers, &CONTENT_TYPE).filter(|kind| kind.starts_with("text/html"));
    match (encoding, page) {
        (Some(encoding), _) => {
            Some(format!("the host of the audio sent it compressed ({encoding}), unasked"))
        }
        (None, Some(kind)) => Some(format!("the host of the audio sent a page instead ({kind})")),
        (None, None) => None,
    }
}

fn header_str<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// The start and the length of the whole, of `bytes 7-9/10` or `bytes 7-9/*`.
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
    fn reads_where_a_part_begins_and_how_long_the_whole_is() {
        assert_eq!(content_range("bytes 7-9/10"), Some((7, Some(10))));
        assert_eq!(content_range("bytes 7-9/*"), Some((7, None)));
        for nonsense in ["", "bytes */10", "bytes 7/10", "items 7-9/10", "bytes 7-9/many"] {
            assert_eq!(content_range(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_version_is_told_by_strong_tags_and_dates() {
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
