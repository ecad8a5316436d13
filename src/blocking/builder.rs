use std::time::Duration;

use super::{Client, forward::forward, runtime::Runtime};
use crate::{Error, pacing::Pacing, store::StoreSettings};

/// The settings of a blocking [`Client`].
///
/// ```
/// use std::time::Duration;
///
/// use distribute_ai::blocking::Client;
///
/// let client = Client::builder().api_key("your-key").request_timeout(Duration::from_secs(10)).build()?;
/// # Ok::<(), distribute_ai::Error>(())
/// ```
///
/// This type is the blocking counterpart of [`crate::ClientBuilder`], with the same
/// [defaults](crate::ClientBuilder#default). `From` converts an async builder.
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    inner: crate::ClientBuilder,
}

impl ClientBuilder {
    forward! {
        "crate::ClientBuilder";
        /// Sets the API key, without `Bearer`: at most 512 visible ASCII characters. White space around it is removed.
        /// Required.
        set api_key(key: impl Into<String>);
        /// Sets the base URL, to which the paths of the API are appended.
        set base_url(url: impl Into<String>);
        /// Changes the HTTP clients that this library builds: proxies, certificates, default headers, pools.
        set configure_http(change: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static);
        /// Sets the HTTP client for the API and the audio. Do not share it with an async runtime, because a
        /// connection belongs to the runtime that opened it.
        set http_client(client: reqwest::Client);
        /// Sets the time limit for opening a connection. The default is 10 s.
        set connect_timeout(time: Duration);
        /// Sets the time limit for one request to the API. The default is 30 s.
        set request_timeout(time: Duration);
        /// Sets the maximum length of a cooldown. The default is 5 minutes.
        set max_cooldown(time: Duration);
        /// Lets submissions use connections that an earlier request has opened.
        set reuse_submit_connections();
        /// Sets the `User-Agent` header of requests to the API.
        set user_agent(name: impl Into<String>);
        /// Sets a fixed poll interval, with a jitter of ten per cent.
        set poll_every(interval: Duration);
        /// Sets the poll policy, which decides when an unfinished task is polled again.
        set pacing(policy: impl Pacing);
        /// Allows plain HTTP to hosts other than loopback, for the API and for audio.
        set allow_http();
        /// Allows audio from loopback, private and link-local addresses.
        set allow_private_audio_hosts();
        /// Sets the store: a directory that records the state and the audio of each request.
        set store(store: impl Into<StoreSettings>);
        /// Sets the minimum rate of a download, in bytes per second. 0 means no limit; the default is 1,024.
        set min_download_rate(bytes_per_second: u64);
    }

    /// Creates a builder with the API key and the base URL of the environment, as [`Client::from_env`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`crate::ClientBuilder::from_env`].
    pub fn from_env() -> Result<Self, Error> {
        Ok(crate::ClientBuilder::from_env()?.into())
    }

    /// Builds the client and starts its thread. No request is sent.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): the thread could not be started
    /// - the errors of [`crate::ClientBuilder::build`]
    pub fn build(self) -> Result<Client, Error> {
        let client = self.inner.build()?;
        let runtime = Runtime::start().map_err(|error| {
            Error::invalid("blocking client", "could not start a thread").with_source(error)
        })?;
        Ok(Client::new(client, runtime))
    }
}

impl Client {
    /// Creates a builder with the [default settings](crate::ClientBuilder#default).
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Creates a client from the environment variables `DISTRIBUTE_AI_API_KEY` and `DISTRIBUTE_AI_BASE_URL`.
    ///
    /// ```no_run
    /// let client = distribute_ai::blocking::Client::from_env()?;
    /// # Ok::<(), distribute_ai::Error>(())
    /// ```
    ///
    /// `DISTRIBUTE_AI_BASE_URL` is optional. All other settings have their
    /// [defaults](crate::ClientBuilder#default).
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): `DISTRIBUTE_AI_API_KEY` is not set or is empty
    /// - the errors of [`ClientBuilder::build`]
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }
}

impl From<crate::ClientBuilder> for ClientBuilder {
    fn from(inner: crate::ClientBuilder) -> Self {
        Self { inner }
    }
}
