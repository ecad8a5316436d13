//! One audio from its host: cut downloads go on where they stopped, and the length is what was announced.

use bytes::Bytes;
use reqwest::{
    Response, StatusCode, Url,
    header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, RANGE},
};
use tokio::time::{sleep, timeout};

use super::{
    Error,
    fault::BoxError,
    pacing::{backoff, jittered},
};
use crate::Client;

/// Failures in a row, without a byte between them, after which a download gives up.
const ATTEMPTS: u32 = 5;

pub(crate) struct Download {
    client: Client,
    url: Url,
    max_bytes: u64,
    received: u64,
    total: Option<u64>,
    /// What the host calls this version of the file.
    etag: Option<HeaderValue>,
    response: Option<Response>,
    failures: u32,
}

/// Why there is no next piece.
enum Stop {
    /// It may be better next time.
    Passing(Error),
    /// It won't.
    Final(Error),
}

impl Download {
    pub(crate) fn new(client: Client, url: Url, max_bytes: u64) -> Self {
        Self { client, url, max_bytes, received: 0, total: None, etag: None, response: None, failures: 0 }
    }

    /// The next piece; none at the end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            match self.attempt().await {
                Ok(chunk) => {
                    self.failures = 0;
                    return Ok(chunk);
                }
                Err(Stop::Final(error)) => return Err(error),
                Err(Stop::Passing(error)) => {
                    self.response = None;
                    self.failures += 1;
                    if self.failures == ATTEMPTS {
                        return Err(error);
                    }
                    tracing::warn!(
                        received = self.received,
                        failures = self.failures,
                        "download interrupted"
                    );
                    sleep(jittered(backoff(self.failures))).await;
                }
            }
        }
    }

    async fn attempt(&mut self) -> Result<Option<Bytes>, Stop> {
        let idle = self.client.state().request_timeout;
        if self.response.is_none() {
            let opened = timeout(idle, self.open()).await;
            self.response = Some(opened.unwrap_or_else(|_| Err(self.stalled()))?);
        }
        let response = self.response.as_mut().expect("opened above");
        match timeout(idle, response.chunk()).await {
            Err(_) => Err(self.stalled()),
            Ok(Err(error)) => Err(self.cut(error.without_url())),
            Ok(Ok(Some(chunk))) => self.count(&chunk).map(|()| Some(chunk)),
            Ok(Ok(None)) if self.total.is_some_and(|total| self.received < total) => {
                Err(self.cut("it ended too soon"))
            }
            Ok(Ok(None)) => Ok(None),
        }
    }

    async fn open(&mut self) -> Result<Response, Stop> {
        // Compressed, neither length nor position would be those of the audio.
        let mut request = self.client.state().audio.get(self.url.clone()).header(ACCEPT_ENCODING, "identity");
        if self.received > 0 {
            request = request.header(RANGE, format!("bytes={}-", self.received));
            if let Some(etag) = &self.etag {
                request = request.header(IF_RANGE, etag);
            }
        }
        let response = request.send().await.map_err(|error| {
            Stop::Passing(
                Error::download("the host of the audio did not answer").caused_by(error.without_url()),
            )
        })?;
        self.accept(response.status(), response.headers())?;
        Ok(response)
    }

    /// Whether a reply begins, or continues, the audio.
    fn accept(&mut self, status: StatusCode, headers: &HeaderMap) -> Result<(), Stop> {
        let number = |name| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
        match status {
            StatusCode::OK if self.received == 0 => {
                self.total = number(CONTENT_LENGTH);
                // A weak tag does not vouch for every byte.
                self.etag = headers.get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")).cloned();
                match self.total {
                    Some(total) if total > self.max_bytes => Err(Stop::Final(self.too_large())),
                    _ => Ok(()),
                }
            }
            StatusCode::PARTIAL_CONTENT if self.received > 0 => {
                let range =
                    headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok()).and_then(content_range);
                match range {
                    Some((start, total))
                        if start == self.received && (total.is_none() || total == self.total) =>
                    {
                        Ok(())
                    }
                    _ => Err(Stop::Final(Error::download(
                        "the audio could not be continued: its host sent another part",
                    ))),
                }
            }
            StatusCode::OK => Err(Stop::Final(Error::download(
                "the audio was cut and could not be continued: its host sends it from the start or has changed it",
            ))),
            _ => {
                let error = Error::download("the host of the audio refused it").with_status(status);
                let passing = matches!(status.as_u16(), 408 | 425 | 429 | 500..=599);
                Err(if passing { Stop::Passing(error) } else { Stop::Final(error) })
            }
        }
    }

    fn count(&mut self, chunk: &Bytes) -> Result<(), Stop> {
        self.received += chunk.len() as u64;
        if self.received > self.max_bytes {
            return Err(Stop::Final(self.too_large()));
        }
        match self.total {
            Some(total) if self.received > total => {
                let problem = format!("the audio is longer than the {total} bytes its host announced");
                Err(Stop::Final(Error::download(problem)))
            }
            _ => Ok(()),
        }
    }

    fn too_large(&self) -> Error {
        let size = self.total.map_or_else(|| format!("over {}", self.received), |total| total.to_string());
        Error::download(format!("the audio has {size} bytes, more than the limit of {}", self.max_bytes))
    }

    fn cut(&self, cause: impl Into<BoxError>) -> Stop {
        let of = self.total.map_or_else(String::new, |total| format!(" of {total}"));
        Stop::Passing(
            Error::download(format!("the audio was cut after {}{of} bytes", self.received)).caused_by(cause),
        )
    }

    fn stalled(&self) -> Stop {
        self.cut(format!("nothing came for {:?}", self.client.state().request_timeout))
    }
}

/// The start and the length of the whole, of `bytes 7-9/10` or `bytes 7-9/*`.
fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
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
}
