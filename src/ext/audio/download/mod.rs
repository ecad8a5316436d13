//! Downloads one audio file. Interrupted downloads are resumed, and the end is checked.

use std::{fmt, mem, time::Duration};

use bytes::{Buf, Bytes};
use reqwest::Response;
use tokio::time::{Instant, sleep, timeout};

use super::{
    fingerprint::Fingerprint,
    head::{Head, Length},
    host::{Host, HostError, Missing},
    rate::{Failures, MAX_ATTEMPTS, RateMeter},
    response::{Content, Known, Validator, compression, has_marked_end, page_type},
};
use crate::{
    Error,
    ext::{
        error::{ApiErrorResponse, BoxError},
        transport::retry_after::retry_after,
    },
};

/// The maximum number of times that audio is downloaded again because it has changed.
const MAX_RESTARTS: u32 = 3;

pub(super) struct Limits {
    pub(super) max_bytes: u64,
    /// The longest pause between two chunks.
    pub(super) idle: Duration,
    /// The least rate, in bytes per second.
    pub(super) min_rate: u64,
    /// The time for which failures are retried after [`MAX_ATTEMPTS`].
    pub(super) patience: Duration,
}

/// The next part of a download.
#[derive(Debug, PartialEq)]
pub(crate) enum Part {
    Audio(Bytes),
    /// The host has another version of the audio, so all parts before are void.
    Restart,
}

pub(super) struct Download<H> {
    host: H,
    limits: Limits,
    arrived: Arrived,
    body: Option<Body>,
    /// `true` if the host cannot send the missing bytes, so that the whole audio is requested.
    request_whole: bool,
    /// `true` if the URL was replaced and no byte has arrived from it.
    refreshed: bool,
    /// `true` if the parts that were delivered are void.
    void: bool,
    failures: Failures,
    restarts: u32,
}

/// The part of one version of the audio that has arrived.
#[derive(Default)]
struct Arrived {
    known: Known,
    /// Recognises the bytes when the host sends the audio from its start again.
    fingerprint: Fingerprint,
    head: Head,
    delivered: bool,
    complete: bool,
}

/// A response that is being read.
struct Body {
    response: Response,
    has_marked_end: bool,
    rate: RateMeter,
    /// The number of bytes to skip, because they have arrived before.
    skip: u64,
    skipped: Fingerprint,
}

impl<H: Host> Download<H> {
    pub(super) fn new(host: H, limits: Limits) -> Self {
        let failures = Failures::new(limits.min_rate);
        Self {
            host,
            limits,
            arrived: Arrived::default(),
            body: None,
            request_whole: false,
            refreshed: false,
            void: false,
            failures,
            restarts: 0,
        }
    }

    /// Returns the next part, or `None` at the end. Transient failures are retried.
    pub(super) async fn next(&mut self) -> Result<Option<Part>, Error> {
        loop {
            let error = match self.attempt().await {
                Ok(part) => return Ok(part),
                Err(HostError::Permanent(error)) => return Err(error),
                Err(HostError::Transient(error)) => error,
            };
            self.body = None;
            let retry_after = error.retry_after();
            let Some(delay) = self.failures.record(Instant::now(), self.limits.patience, retry_after) else {
                return Err(error);
            };
            let (received, failures) = (self.arrived.known.received, self.failures.count);
            tracing::warn!(received, failures, ?error, "download interrupted, retrying");
            sleep(delay).await;
            if failures >= MAX_ATTEMPTS {
                // The audio may have moved to another host. If not, the old URL is tried again.
                let _ = self.host.refresh().await;
            }
        }
    }

    async fn attempt(&mut self) -> Result<Option<Part>, HostError> {
        let Known { received, total, .. } = self.arrived.known;
        // If all bytes have arrived, it does not matter how the response ends.
        if self.arrived.complete || total == Some(received) && received > 0 {
            return self.held_back();
        }
        if self.body.is_none() && !self.open().await? {
            return self.held_back();
        }
        if mem::take(&mut self.void) {
            return Ok(Some(Part::Restart));
        }
        loop {
            let Some(chunk) = self.read().await? else {
                self.check_end()?;
                return self.held_back();
            };
            let audio = self.process(chunk)?;
            if !audio.is_empty() {
                self.arrived.delivered = true;
                return Ok(Some(Part::Audio(audio)));
            }
        }
    }

    /// Returns the last bytes if the head was never complete, or `None`.
    fn held_back(&mut self) -> Result<Option<Part>, HostError> {
        self.arrived.complete = true;
        let held = self.arrived.head.finish().map_err(permanent)?;
        Ok((!held.is_empty()).then_some(Part::Audio(held)))
    }

    /// Requests the audio or its missing bytes. Returns `false` if no bytes are missing.
    async fn open(&mut self) -> Result<bool, HostError> {
        if !self.host.has_url() {
            let problem = "the task of the audio could not be polled for a URL";
            self.refresh(|cause| Error::download(problem).with_source(cause)).await?;
        }
        loop {
            let known = &self.arrived.known;
            let missing = (known.received > 0 && !self.request_whole)
                .then(|| Missing { from: known.received, condition: known.validator.condition() });
            let asked_for_rest = missing.is_some();
            let response = match timeout(self.limits.idle, self.host.get(missing)).await {
                Ok(response) => response?,
                Err(_) => return Err(self.stalled()),
            };
            let (status, headers) = (response.status(), response.headers());
            let content = Content::classify(status, headers, &self.arrived.known, asked_for_rest);
            let rejected = || {
                let (retry_after, request_id) = (retry_after(headers), self.host.request_id(headers));
                let response = ApiErrorResponse { status, message: None, retry_after, request_id };
                Error::download("audio host rejected the request").with_response(response)
            };
            match content {
                Content::Whole(total) => return self.begin(response, total, false).map(|()| true),
                Content::OtherVersion(total) => return self.begin(response, total, true).map(|()| true),
                Content::Rest(total) => {
                    self.arrived.known.total = Some(total);
                    self.set_body(response, 0);
                    return Ok(true);
                }
                Content::Nothing => return Ok(false),
                Content::UnusableRange(problem) => {
                    self.request_whole = true;
                    let problem = format!("interrupted audio download could not be resumed: {problem}");
                    return Err(HostError::Transient(Error::download(problem)));
                }
                Content::Busy => return Err(HostError::Transient(rejected())),
                Content::Expired if !self.refreshed => {
                    let error = rejected();
                    self.refresh(|_| error).await?;
                }
                Content::Expired | Content::Rejected => return Err(HostError::Permanent(rejected())),
            }
        }
    }

    /// Polls the task for a new URL. If that fails, it is tried again only within the patience.
    async fn refresh(&mut self, error: impl FnOnce(Error) -> Error) -> Result<(), HostError> {
        let Err(cause) = self.host.refresh().await else {
            self.refreshed = true;
            return Ok(());
        };
        let may_retry = !self.limits.patience.is_zero() && may_pass(&cause);
        let error = error(cause);
        Err(if may_retry { HostError::Transient(error) } else { HostError::Permanent(error) })
    }

    /// Begins to read a response that contains the audio from its start.
    fn begin(&mut self, response: Response, total: Option<u64>, is_other: bool) -> Result<(), HostError> {
        let headers = response.headers();
        if let Some(coding) = compression(headers) {
            let problem = format!("audio host sent compressed data ({coding}), expected uncompressed audio");
            return Err(HostError::Permanent(Error::download(problem)));
        }
        if is_other {
            self.discard()?;
        }
        let arrived = &mut self.arrived;
        if arrived.known.received == 0 {
            arrived.known.total = total;
            arrived.known.validator = Validator::from_headers(headers);
            let page_type = page_type(headers);
            arrived.known.has_page_type = page_type.is_some();
            arrived.head = Head::new(page_type);
        }
        if total.is_some_and(|total| total > self.limits.max_bytes) {
            return Err(self.too_large());
        }
        let skip = self.arrived.known.received;
        self.request_whole = false;
        self.set_body(response, skip);
        Ok(())
    }

    fn set_body(&mut self, response: Response, skip: u64) {
        self.body = Some(Body {
            has_marked_end: has_marked_end(response.version(), response.headers()),
            response,
            rate: RateMeter::new(self.limits.min_rate),
            skip,
            skipped: Fingerprint::default(),
        });
    }

    /// Discards what has arrived, because the host has another version.
    fn discard(&mut self) -> Result<(), HostError> {
        self.restarts += 1;
        if self.restarts > MAX_RESTARTS {
            let problem = format!("audio changed {} times during the download", self.restarts);
            return Err(HostError::Permanent(Error::download(problem)));
        }
        self.void |= self.arrived.delivered;
        self.arrived = Arrived::default();
        Ok(())
    }

    /// Reads the next chunk of the response.
    async fn read(&mut self) -> Result<Option<Bytes>, HostError> {
        loop {
            let body = self.body.as_mut().expect("opened before");
            let (start, limit) = (Instant::now(), self.limits.idle.min(body.rate.remaining()));
            let outcome = timeout(limit, body.response.chunk()).await;
            let bytes = outcome.iter().flatten().flatten().map(Bytes::len).sum::<usize>() as u64;
            // If there is a chunk although the time is over, the reader of the audio was slow, and not the host.
            let is_late = outcome.is_ok() && start.elapsed() > limit;
            let waited = if is_late { Duration::ZERO } else { start.elapsed() };
            if !body.rate.record(waited, bytes) {
                let problem = format!("host sent less than {} bytes per second", self.limits.min_rate);
                return Err(self.interrupted(problem));
            }
            match outcome {
                Ok(Ok(chunk)) => return Ok(chunk),
                Ok(Err(error)) => return Err(self.interrupted(error.without_url())),
                Err(_) if waited >= self.limits.idle => return Err(self.stalled()),
                // The rate was judged, and is high enough.
                Err(_) => {}
            }
        }
    }

    /// Checks and counts a chunk. Returns the bytes to deliver.
    fn process(&mut self, mut chunk: Bytes) -> Result<Bytes, HostError> {
        let body = self.body.as_mut().expect("opened before");
        if body.skip > 0 {
            let length = chunk.len().min(usize::try_from(body.skip).unwrap_or(usize::MAX));
            body.skipped.write(&chunk[..length]);
            body.skip -= length as u64;
            chunk.advance(length);
            if body.skip == 0 && body.skipped != self.arrived.fingerprint {
                self.discard()?;
                return Err(self.interrupted("the host has another version of the audio"));
            }
        }
        let length = chunk.len() as u64;
        let known = &mut self.arrived.known;
        known.received += length;
        self.arrived.fingerprint.write(&chunk);
        self.failures.count_bytes(length);
        self.refreshed &= length == 0;
        if known.received > self.limits.max_bytes {
            return Err(self.too_large());
        }
        if let Some(total) = known.total.filter(|total| known.received > *total) {
            return Err(permanent(format!("audio exceeds its announced length of {total} bytes")));
        }
        self.arrived.head.push(chunk).map_err(permanent)
    }

    /// Checks at the end of the response that no bytes are missing.
    fn check_end(&self) -> Result<(), HostError> {
        let Known { received, total, .. } = self.arrived.known;
        let is_skipping = self.body.as_ref().is_some_and(|body| body.skip > 0);
        if total.is_some_and(|total| received < total) || is_skipping {
            return Err(self.interrupted("response ended too early"));
        }
        let is_complete = total.is_some() || self.body.as_ref().is_none_or(|body| body.has_marked_end);
        if received == 0 {
            let problem = "audio is empty, or the connection was lost before its first byte";
            let error = if is_complete { Error::empty_audio() } else { Error::download(problem) };
            return Err(HostError::Permanent(error));
        }
        if is_complete {
            return Ok(());
        }
        // HTTP does not tell whether bytes are missing, but a WAV file may.
        match self.arrived.head.length() {
            // Some encoders omit the pad byte at the end.
            Length::Known(length) if received + 1 < length => Err(self.interrupted(format!(
                "connection closed before the end of the audio, whose header announces {length} bytes"
            ))),
            Length::Placeholder => {
                tracing::warn!(received, "neither the host nor the file tells the length of the audio");
                Ok(())
            }
            Length::Known(_) | Length::Unknown => Ok(()),
        }
    }

    fn too_large(&self) -> HostError {
        let Known { received, total, .. } = self.arrived.known;
        let size = total.map_or_else(|| format!("more than {received}"), |total| total.to_string());
        HostError::Permanent(too_large(size, self.limits.max_bytes))
    }

    fn interrupted(&self, cause: impl Into<BoxError>) -> HostError {
        let Known { received, total, .. } = self.arrived.known;
        let of = total.map_or_else(String::new, |total| format!(" of {total}"));
        let problem = format!("audio download interrupted after {received}{of} bytes");
        HostError::Transient(Error::download(problem).with_source(cause))
    }

    fn stalled(&self) -> HostError {
        self.interrupted(format!("no data received for {:?}", self.limits.idle))
    }
}

/// Returns `true` if a poll may succeed later.
fn may_pass(error: &Error) -> bool {
    error.is_deadline() || error.is_unanswered() || error.is_rate_limited() || error.is_unreachable()
}

pub(super) fn too_large(size: impl fmt::Display, max_bytes: u64) -> Error {
    let advice = "raise `max_bytes` to allow more";
    Error::download(format!("audio has {size} bytes, expected at most {max_bytes}; {advice}"))
}

fn permanent(problem: String) -> HostError {
    HostError::Permanent(Error::download(problem))
}

#[cfg(test)]
mod tests;
