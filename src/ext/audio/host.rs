//! One request to the host of the audio, with its redirects.

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

/// The missing bytes of the audio.
pub(super) struct Missing<'a> {
    pub(super) from: u64,
    /// The version that the bytes must belong to.
    pub(super) condition: Option<&'a HeaderValue>,
}

/// The reason why a request for audio failed.
#[derive(Debug)]
pub(super) enum HostError {
    /// A retry may succeed.
    Transient(Error),
    /// A retry will fail too.
    Permanent(Error),
}

/// The host of the audio.
pub(super) trait Host {
    /// Returns `false` if the audio is without a URL until the first [`refresh`](Self::refresh).
    fn has_url(&self) -> bool;

    /// Requests the audio, or its missing bytes.
    fn get(&self, missing: Option<Missing<'_>>) -> impl Future<Output = Result<Response, HostError>> + Send;

    /// Returns the id that the host gave to a request.
    fn request_id(&self, headers: &HeaderMap) -> Option<Box<str>>;

    /// Replaces the URL of the audio with a new one.
    fn refresh(&mut self) -> impl Future<Output = Result<(), Error>> + Send;
}

pub(crate) struct AudioHost {
    client: Client,
    url: Option<Url>,
    refresh: Refresh,
}

impl AudioHost {
    pub(super) fn new(client: Client, url: Option<Url>, refresh: Refresh) -> Self {
        Self { client, url, refresh }
    }
}

impl Host for AudioHost {
    fn has_url(&self) -> bool {
        self.url.is_some()
    }

    async fn get(&self, missing: Option<Missing<'_>>) -> Result<Response, HostError> {
        let hosts = &self.client.inner().audio;
        let permanent = |problem: &dyn fmt::Display| HostError::Permanent(Error::download(problem));
        let mut url = self.url.clone().expect("a host is asked only with a URL");
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
        self.url = Some(fresh.inspect_err(|error| tracing::warn!(?error, "could not get a new audio URL"))?);
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
        if error.is_builder() {
            let length = url.as_str().len();
            let problem = format!(
                "audio URL: not a valid URL ({length} bytes), expected a URL of at most 65,534 bytes"
            );
            return HostError::Permanent(Error::download(problem).with_source(error.without_url()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ext::test_server::{TestServer, response};

    fn client(base_url: &str) -> crate::ClientBuilder {
        Client::builder().api_key("k").base_url(base_url)
    }

    fn host(client: &Client, url: &str, fresh_url: Result<Url, Error>) -> AudioHost {
        let refresh: Refresh = Arc::new(move || Box::pin(std::future::ready(fresh_url.clone())));
        AudioHost::new(client.clone(), Some(url.parse().unwrap()), refresh)
    }

    async fn get(client: &Client, url: &str) -> Result<Response, HostError> {
        host(client, url, Err(Error::stopped())).get(None).await
    }

    #[track_caller]
    fn assert_refused(outcome: Result<Response, HostError>, expected: &str) {
        let Err(HostError::Permanent(error)) = outcome else { panic!("{outcome:?}") };
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[tokio::test]
    async fn redirect_is_followed_after_a_check_of_its_target() {
        let [near, far] = ["location: /b.wav", "location: http://10.0.0.1/c.wav"]
            .map(|location| response("302 Found", &[location], ""));
        let server = TestServer::start([near, response("200 OK", &[], "audio"), far]).await;
        let client = client(&server.url).build().unwrap();
        let url = format!("{}/a.wav", server.url);
        let found = get(&client, &url).await.unwrap();
        assert_eq!(found.text().await.unwrap(), "audio");
        assert!(server.requests()[1].starts_with("get /b.wav "));
        assert_refused(get(&client, &url).await, "http://10.0.0.1 is not encrypted");
    }

    #[tokio::test]
    async fn target_of_a_redirect_that_a_custom_http_client_has_followed_is_checked() {
        let redirect = response("302 Found", &["location: http://10.0.0.1/b.wav"], "");
        let proxy = TestServer::start([redirect, response("200 OK", &[], "audio")]).await;
        let http = reqwest::Client::builder().proxy(reqwest::Proxy::http(&proxy.url).unwrap());
        let client = client("http://127.0.0.1:1").http_client(http.build().unwrap()).build().unwrap();
        assert_refused(get(&client, "http://127.0.0.1:1/a.wav").await, "http://10.0.0.1 is not encrypted");
    }

    #[tokio::test]
    async fn name_with_a_private_address_is_refused_for_good() {
        let client = client("https://93.184.216.34").build().unwrap();
        assert_refused(get(&client, "https://localhost:1/a.wav").await, "allow_private_audio_hosts");
    }

    #[tokio::test]
    async fn url_that_cannot_be_sent_is_invalid_for_good() {
        let client = client("http://127.0.0.1:1").build().unwrap();
        let url = format!("http://127.0.0.1:1/{}", "a".repeat(70_000));
        assert_refused(get(&client, &url).await, "audio URL: not a valid URL (70019 bytes)");
    }

    #[tokio::test]
    async fn new_url_replaces_the_old_one_and_a_failed_poll_does_not() {
        let client = client("https://example.com").build().unwrap();
        let [old, new] = ["https://example.com/old.wav", "https://example.com/new.wav"];
        let mut refreshed = host(&client, old, Ok(new.parse().unwrap()));
        refreshed.refresh().await.unwrap();
        assert_eq!(refreshed.url.unwrap().as_str(), new);
        let mut failed = host(&client, old, Err(Error::stopped()));
        assert!(failed.refresh().await.unwrap_err().is_stopped());
        assert_eq!(failed.url.as_ref().unwrap().as_str(), old);
        let headers = [("x-request-id", "r1")].map(|(name, value)| {
            (reqwest::header::HeaderName::from_static(name), HeaderValue::from_static(value))
        });
        assert_eq!(failed.request_id(&headers.into_iter().collect()).as_deref(), Some("r1"));
    }
}
