//! One request for an audio, with its redirects.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use reqwest::{
    Response, Url,
    header::{ACCEPT_ENCODING, HeaderMap, HeaderValue, IF_RANGE, RANGE},
};

use super::response::redirect;
use crate::{
    Client, Error,
    ext::{
        client::audio_rules::Refused,
        transport::{exchange, instant::MAX_WAIT, request_id::request_id},
    },
};

/// The maximum number of redirects of one request.
const MAX_REDIRECTS: usize = 10;

/// Polls the task for a new URL of the audio.
pub(crate) type Refresh = Arc<dyn Fn() -> PendingUrl + Send + Sync>;
pub(crate) type PendingUrl = Pin<Box<dyn Future<Output = Result<Url, Error>> + Send>>;

/// The missing bytes of an audio.
pub(super) struct Missing<'a> {
    pub(super) from: u64,
    /// The version that the bytes must belong to.
    pub(super) condition: Option<&'a HeaderValue>,
}

/// The reason why a request for an audio failed.
#[derive(Debug)]
pub(super) enum HostError {
    /// A retry may succeed.
    Transient(Error),
    /// A retry will fail too.
    Permanent(Error),
}

/// The host of an audio.
pub(super) trait Host {
    /// Requests the audio, or its missing bytes.
    fn get(&self, missing: Option<Missing<'_>>) -> impl Future<Output = Result<Response, HostError>> + Send;

    /// Returns the id that the host gave to a request.
    fn request_id(&self, headers: &HeaderMap) -> Option<Box<str>>;

    /// Replaces the URL of the audio with a new one.
    fn refresh(&mut self) -> impl Future<Output = Result<(), Error>> + Send;
}

pub(crate) struct AudioHost {
    client: Client,
    url: Url,
    refresh: Refresh,
}

impl AudioHost {
    pub(super) fn new(client: Client, url: Url, refresh: Refresh) -> Self {
        Self { client, url, refresh }
    }
}

impl Host for AudioHost {
    async fn get(&self, missing: Option<Missing<'_>>) -> Result<Response, HostError> {
        let hosts = &self.client.inner().audio;
        let permanent = |problem: &dyn fmt::Display| HostError::Permanent(Error::download(problem));
        let mut url = self.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let http = hosts.client(&url).await.map_err(HostError::Permanent)?;
            let response = send(http, &url, missing.as_ref()).await?;
            if *response.url() != url {
                // The user's HTTP client has followed a redirect.
                hosts.check(response.url()).await.map_err(HostError::Permanent)?;
            }
            if !hosts.follows_redirects {
                return Ok(response);
            }
            match redirect(response.status(), response.headers(), &url) {
                Ok(Some(next)) => url = next,
                Ok(None) => return Ok(response),
                Err(problem) => return Err(permanent(&problem)),
            }
        }
        Err(permanent(&format!("audio host redirected the request more than {MAX_REDIRECTS} times")))
    }

    fn request_id(&self, headers: &HeaderMap) -> Option<Box<str>> {
        request_id(headers, &self.client.inner().key)
    }

    async fn refresh(&mut self) -> Result<(), Error> {
        let fresh = (self.refresh)().await;
        self.url = fresh.inspect_err(|error| tracing::warn!(%error, "could not get a new audio URL"))?;
        Ok(())
    }
}

/// Sends one request, without redirects.
async fn send(
    http: &reqwest::Client,
    url: &Url,
    missing: Option<&Missing<'_>>,
) -> Result<Response, HostError> {
    // With compression, the length and the ranges would not be those of the audio.
    let mut request = http.get(url.clone()).header(ACCEPT_ENCODING, "identity");
    // A custom HTTP client may have a timeout for the whole request. A download only limits the time
    // without data, and the rate.
    request = request.timeout(MAX_WAIT);
    if let Some(missing) = missing {
        request = request.header(RANGE, format!("bytes={}-", missing.from));
        if let Some(condition) = missing.condition {
            request = request.header(IF_RANGE, condition);
        }
    }
    let sent = async { exchange::execute(http, request.build()?).await };
    sent.await.map_err(|error| {
        if let Some(refused) = refused(&error) {
            return HostError::Permanent(Error::download(refused));
        }
        if error.is_redirect() {
            let problem = "audio host redirected the request too often";
            return HostError::Permanent(Error::download(problem).with_source(error.without_url()));
        }
        HostError::Transient(Error::download("audio host did not respond").with_source(error.without_url()))
    })
}

/// Returns the reason if the resolver has refused the host.
fn refused(error: &reqwest::Error) -> Option<&Refused> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(refused) = cause.downcast_ref() {
            return Some(refused);
        }
        source = cause.source();
    }
    None
}
