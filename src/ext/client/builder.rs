use std::{fmt, sync::Arc, time::Duration};

use reqwest::header::HeaderValue;

use super::{
    ClientState, Inner,
    address::is_loopback,
    audio_hosts::AudioHosts,
    audio_rules::Rules,
    http::{ConfigureHttp, HttpSettings},
    unfinished::UnfinishedTasks,
    values::{parse_base_url, read_env_var, require_nonzero, require_tls, user_agent_header},
};
use crate::{
    Client, Error,
    ext::{
        disk::Disk,
        polling::{Adaptive, Fixed, Pacing, client_policy::ClientPolicy},
        store::{Store, StoreSettings},
        transport::{
            api_key::{API_KEY_VAR, ApiKey},
            cooldown::{Cooldown, MAX_COOLDOWN},
        },
    },
    generated::facts,
};

/// The environment variable from which [`Client::from_env`] reads the base URL.
const BASE_URL_VAR: &str = "DISTRIBUTE_AI_BASE_URL";

static DEFAULT_USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A slow mobile connection is ten times faster.
const MIN_DOWNLOAD_RATE: u64 = 1024;

/// The settings of a [`Client`].
///
/// ```
/// use std::time::Duration;
/// use distribute_ai::Client;
///
/// let client = Client::builder()
///     .api_key("your-key")
///     .base_url("http://speech.internal:8080/v1")
///     .allow_http()
///     .connect_timeout(Duration::from_secs(3))
///     .request_timeout(Duration::from_secs(10))
///     .user_agent("my-reader/1.0")
///     .poll_every(Duration::from_secs(2))
///     .build()?;
/// # Ok::<(), distribute_ai::Error>(())
/// ```
///
/// The guide's page on [tuning](crate::guide::tuning) explains when to change which setting.
///
/// # Default
///
/// - `base_url`: `https://api.distribute.ai`, the server in the API's OpenAPI document
/// - `connect_timeout`: 10 s
/// - `request_timeout`: 30 s
/// - `user_agent`: `distribute-ai/` and the version of this crate
/// - `pacing`: [`Adaptive`], with intervals from 0.2 s to 5 s, or to a tenth of the task's age if
///   that is longer. The policy uses the task's status and age, and the durations of earlier tasks.
/// - `max_cooldown`: 5 minutes
/// - `reuse_submit_connections`: off, each submission opens a connection
/// - `http_client`: a new HTTP client, which does not follow redirects of the API
/// - `allow_http`: plain HTTP is allowed to loopback addresses only
/// - `allow_private_audio_hosts`: audio comes from public addresses, and from addresses of the same kind as the API's
/// - `min_download_rate`: 1,024 bytes per second
/// - `store`: none, each request is submitted
#[derive(Clone, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    api_key: Option<secrecy::SecretString>,
    base_url: Option<String>,
    http_client: Option<reqwest::Client>,
    configure_http: Vec<ConfigureHttp>,
    connect_timeout: Option<Duration>,
    request_timeout: Option<Duration>,
    user_agent: Option<String>,
    pacing: Option<PollSetting>,
    max_cooldown: Option<Duration>,
    reuse_submit_connections: bool,
    allow_http: bool,
    allow_private_audio_hosts: bool,
    min_download_rate: Option<u64>,
    store: Option<StoreSettings>,
}

#[derive(Clone)]
enum PollSetting {
    /// An interval that is not validated yet.
    Every(Duration),
    By(Arc<dyn Pacing>),
}

impl ClientBuilder {
    /// Sets the API key, without `Bearer`. Required.
    ///
    /// A key has at most 512 visible ASCII characters. White space around it is removed.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into().into());
        self
    }

    /// Sets the base URL, to which the paths of the API are appended. The base URL may contain a path.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Changes the HTTP clients that this library builds: proxies, certificates, default headers, pools.
    ///
    /// ```
    /// use distribute_ai::{Client, reqwest::Proxy};
    ///
    /// let proxy = Proxy::all("http://proxy.internal:3128")?;
    /// let client = Client::builder()
    ///     .api_key("your-key")
    ///     .configure_http(move |http| http.proxy(proxy.clone()))
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`build`](Self::build) calls the function for each HTTP client, up to four times: for submissions, for polls, for
    /// audio, and for audio on loopback addresses. The function receives the settings of this builder and may replace them:
    /// the connect timeout, and for the API the user agent. If you call `configure_http` again, the functions run in that
    /// order. If the function panics, `build` panics.
    ///
    /// These settings of your function are ignored:
    ///
    /// - `redirect`: a request to the API is never redirected, and the library checks each redirect of a download.
    /// - `retry`: reqwest never retries. The library retries what is safe to send again.
    /// - `gzip` and other decompression: the audio is stored unchanged. The library decodes the API's responses.
    /// - `pool_max_idle_per_host` for submissions: each submission opens a connection, unless you call
    ///   [`reuse_submit_connections`](Self::reuse_submit_connections).
    /// - `dns_resolver` for audio: the library resolves and checks the names, unless you call
    ///   [`allow_private_audio_hosts`](Self::allow_private_audio_hosts). Addresses set with `resolve` are not
    ///   checked, and a proxy resolves names itself.
    /// - `timeout`: use [`request_timeout`](Self::request_timeout). A `read_timeout` does take effect, and a submission that
    ///   exceeds it is [in doubt](Error::is_in_doubt).
    ///
    /// Default headers are sent to the API and to the host of the audio, so keep secrets out of them. The API
    /// key is sent to the API only. Proxies are not used for loopback addresses. With [`allow_http`](Self::allow_http), a
    /// proxy that your function adds is used for them, too.
    ///
    /// If the proxy has a private address, and an audio URL names the proxy's host, later downloads through it fail. Then call
    /// [`allow_private_audio_hosts`](Self::allow_private_audio_hosts).
    #[doc(alias = "proxy")]
    #[doc(alias = "certificate")]
    pub fn configure_http(
        mut self,
        change: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        self.configure_http.push(Arc::new(change));
        self
    }

    /// Sets one HTTP client for the API and the audio, in place of those that this library builds.
    ///
    /// For proxies, certificates and default headers, [`configure_http`](Self::configure_http) is enough. The limits
    /// below do not apply to it. Use `http_client` for a client that you cannot build in that function, for example
    /// one that other parts of your program share. The two cannot be combined.
    ///
    /// The API key is sent to the API only. The default headers of your client are sent to the API and to the
    /// host of the audio, so keep secrets out of them.
    ///
    /// The connect timeout and the redirect policy of your client apply, and
    /// [`connect_timeout`](Self::connect_timeout) and
    /// [`reuse_submit_connections`](Self::reuse_submit_connections) have no effect.
    /// [`request_timeout`](Self::request_timeout) replaces the timeout of your client.
    ///
    /// Some promises of this library then depend on your client:
    ///
    /// - A submission is not retried after a 429, because a client that follows redirects may have
    ///   received the 429 in response to another request. The error
    ///   [is rate limited](Error::is_rate_limited). A submission whose redirect is detected is
    ///   [in doubt](Error::is_in_doubt). A redirect to the same URL may stay undetected, and a
    ///   rejection after it then counts as not billed. Build your client with
    ///   `redirect::Policy::none()`.
    /// - A submission may use a connection that the server is closing, and is then in doubt. Build
    ///   your client with `pool_max_idle_per_host(0)`, or with a `pool_idle_timeout` below that of
    ///   the server.
    /// - Retries by your client or its proxy may be billed.
    /// - For audio, the redirects and the addresses that names resolve to are not checked, because
    ///   your client handles both. Only the URL that the API returned and the URL of the response are
    ///   checked. See [`allow_private_audio_hosts`](Self::allow_private_audio_hosts).
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http_client = Some(client);
        self
    }

    /// Sets the time limit for opening a connection, including TLS. If opening takes longer, the
    /// attempt fails and nothing was sent.
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = Some(time);
        self
    }

    /// Sets the time limit for one request to the API, from its start to the end of the response.
    ///
    /// For a download, the timeout limits the pause between two chunks. A submission that times out is
    /// [in doubt](Error::is_in_doubt). A poll that times out is retried.
    pub fn request_timeout(mut self, time: Duration) -> Self {
        self.request_timeout = Some(time);
        self
    }

    /// Sets the maximum length of a cooldown, the pause of all requests after a 429 or 503 with
    /// `Retry-After`.
    ///
    /// A longer `Retry-After` is shortened to this time, because its value may be wrong: a date from
    /// a wrong clock, or milliseconds instead of seconds. If a request received the response itself,
    /// [`Error::retry_after`] returns the server's value; if it was not sent because of the pause, the rest of
    /// the pause. With zero, the client ignores `Retry-After`.
    pub fn max_cooldown(mut self, time: Duration) -> Self {
        self.max_cooldown = Some(time);
        self
    }

    /// Lets submissions use connections that an earlier request has opened.
    ///
    /// This saves a TCP and TLS handshake for each submission. The risk: a server closes a connection
    /// that was idle for some time, for example for 5 seconds. A submission that is sent at that
    /// moment never arrives, but the client cannot tell, so the submission is
    /// [in doubt](Error::is_in_doubt). Polls use such connections in any case, because a failed poll
    /// is repeated.
    ///
    /// With the feature `http2`, submissions then share one connection with the polls. If the server
    /// closes it with GOAWAY, the requests after the last one that GOAWAY names were not processed.
    /// The library does not evaluate this and reports those submissions in doubt, too.
    pub fn reuse_submit_connections(mut self) -> Self {
        self.reuse_submit_connections = true;
        self
    }

    /// Sets the `User-Agent` header of requests to the API.
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = Some(name.into());
        self
    }

    /// Sets a fixed poll interval, with a jitter of ten per cent.
    ///
    /// Use a fixed interval for tests, and for servers whose speed you know.
    ///
    /// Equivalent to [`pacing`](Self::pacing) with [`Fixed`]. Only the last call of `poll_every` or `pacing`
    /// takes effect.
    pub fn poll_every(mut self, interval: Duration) -> Self {
        self.pacing = Some(PollSetting::Every(interval));
        self
    }

    /// Sets the poll policy, which decides when an unfinished task is polled again.
    ///
    /// Use a policy of [`crate::pacing`], or implement [`Pacing`]. All tasks of the client and its
    /// clones share the policy and what it learns. Clients that are built from clones of this
    /// builder share the policy, too.
    pub fn pacing(mut self, policy: impl Pacing) -> Self {
        self.pacing = Some(PollSetting::By(Arc::new(policy)));
        self
    }

    /// Allows plain HTTP to hosts other than loopback, for the API and for audio. The API key, the texts and
    /// the audio are then sent unencrypted.
    pub fn allow_http(mut self) -> Self {
        self.allow_http = true;
        self
    }

    /// Allows audio from loopback, private and link-local addresses.
    ///
    /// By default, such an audio URL is refused, because it could make your program read a service that only
    /// your network can reach. Cloud providers serve credentials on such an address. The check covers the
    /// audio URL, each redirect, and the addresses that a name resolves to. If you use a proxy, the proxy
    /// resolves the names, so only addresses in URLs are checked.
    ///
    /// Addresses of the same kind as the API's are always allowed: loopback, private or link-local. So an API and
    /// a storage in one company network need no setting.
    pub fn allow_private_audio_hosts(mut self) -> Self {
        self.allow_private_audio_hosts = true;
        self
    }

    /// Sets the minimum rate of a download, in bytes per second. 0 means no limit.
    ///
    /// The rate is averaged over 30 seconds in which the download waits for the host. A slower response counts
    /// as a failed attempt, and the download continues with a new request. After five failed attempts in a
    /// row the download fails. The count of failed attempts starts again after 30 seconds' worth of this rate
    /// has arrived, 30 KiB by default.
    pub fn min_download_rate(mut self, bytes_per_second: u64) -> Self {
        self.min_download_rate = Some(bytes_per_second);
        self
    }

    /// Sets the store: a directory that records the state and the audio of each request. The same request is not submitted
    /// again, unless the server rejected it, its task failed, or you ask for it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let directory = tempfile::tempdir()?;
    /// # let speeches = directory.path().join("speeches");
    /// let client = simulator.client_builder().store(&speeches).build()?;
    /// let first = client.speak("Good morning.").await?;
    /// // Sends nothing, also in another process.
    /// let second = client.speak("Good morning.").await?;
    /// assert_eq!((first.id(), simulator.creates()), (second.id(), 1));
    /// # Ok(()) }
    /// ```
    ///
    /// Single requests, batches and long texts use the store. The generated methods `async_…` do not: each call of
    /// `async_speech_create` is submitted and billed. [`Store`](crate::store::Store) describes when a request is submitted.
    /// [`build`](Self::build) opens the directory, and creates it if necessary.
    ///
    /// Opening blocks the thread: usually for a few milliseconds, for longer after a crash or on a slow disk. In async code
    /// that must not wait, open the store first:
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::testing::Simulator::start().await?;
    /// # let directory = tempfile::tempdir()?;
    /// # let speeches = directory.path().join("speeches");
    /// use distribute_ai::store::Store;
    ///
    /// let store = Store::open(&speeches).await?;
    /// let client = simulator.client_builder().store(store).build()?;
    /// # Ok(()) }
    /// ```
    pub fn store(mut self, store: impl Into<StoreSettings>) -> Self {
        self.store = Some(store.into());
        self
    }

    /// Builds the client. No request is sent. With the directory of a [`store`](Self::store), this blocks the thread while
    /// the directory is opened.
    ///
    /// # Errors
    ///
    /// The errors of [`Store::open`], if there is a store. Each other error [`is_invalid`](Error::is_invalid):
    /// - The API key is missing, begins with `Bearer `, is longer than 512 characters, or contains a space or another
    ///   character that is not visible ASCII.
    /// - The base URL is missing a scheme, as in `api.example.com`, or contains a user, query or
    ///   fragment.
    /// - The base URL is `http://example.com`, and [`allow_http`](Self::allow_http) was not called.
    /// - A timeout or the poll interval is zero.
    /// - The user agent contains a character that is invalid in a header, such as a line break.
    /// - The base URL is `https`, the features `rustls` and `native-tls` are both disabled, and no
    ///   [`http_client`](Self::http_client) is set.
    /// - TLS cannot be initialised on this machine.
    /// - [`configure_http`](Self::configure_http) was called with settings that reqwest refuses, or together with
    ///   [`http_client`](Self::http_client).
    pub fn build(self) -> Result<Client, Error> {
        let key = ApiKey::new(self.api_key.as_ref().map_or("", secrecy::ExposeSecret::expose_secret))?;
        let custom_base_url = self.base_url.is_some();
        let base_url = parse_base_url(self.base_url.as_deref().unwrap_or(facts::BASE_URL), self.allow_http)?;
        let connect_timeout =
            require_nonzero("connect_timeout", self.connect_timeout.unwrap_or(CONNECT_TIMEOUT))?;
        let request_timeout =
            require_nonzero("request_timeout", self.request_timeout.unwrap_or(REQUEST_TIMEOUT))?;
        let pacing: Arc<dyn Pacing> = match self.pacing {
            Some(PollSetting::Every(interval)) => Arc::new(Fixed::new(interval)?),
            Some(PollSetting::By(policy)) => policy,
            None => Arc::new(Adaptive::new()),
        };
        let agent = self.user_agent.as_deref().map(user_agent_header).transpose()?;
        if self.http_client.is_some() && !self.configure_http.is_empty() {
            let problem = "cannot be combined with `configure_http`; configure your HTTP client instead";
            return Err(Error::invalid("http_client", problem));
        }

        let custom_http_client = self.http_client.is_some();
        let min_rate = self.min_download_rate.unwrap_or(MIN_DOWNLOAD_RATE);
        let rules = Rules {
            api_host: base_url.host_str().unwrap_or_default().to_owned(),
            allow_http: self.allow_http,
            allow_private: self.allow_private_audio_hosts,
        };
        let (api, submit_client, audio) = if let Some(client) = self.http_client {
            (client.clone(), None, AudioHosts::with_http_client(rules, client, min_rate))
        } else {
            require_tls(&base_url)?;
            let http =
                HttpSettings { connect_timeout, changes: self.configure_http, allow_http: self.allow_http };
            let agent = agent.as_ref().unwrap_or(&DEFAULT_USER_AGENT);
            let (build, builder) = (http.build(), || http.builder(is_loopback(&base_url), Some(agent)));
            // A submission on an idle connection that the server is closing would be in doubt.
            let submit_client =
                (!self.reuse_submit_connections).then(|| build(builder().pool_max_idle_per_host(0)));
            let audio = AudioHosts::new(rules, &http, min_rate)?;
            (build(builder())?, submit_client.transpose()?, audio)
        };
        let disk = Disk::system();
        Ok(Client {
            baseurl: base_url.as_str().trim_end_matches('/').to_owned(),
            client: api,
            inner: ClientState::new(Inner {
                key,
                custom_base_url,
                // Otherwise, the HTTP clients set the header themselves.
                user_agent: agent.filter(|_| custom_http_client),
                request_timeout,
                policy: Arc::new(ClientPolicy::new(pacing)),
                custom_http_client,
                submit_client,
                audio: Arc::new(audio),
                cooldown: Cooldown::new(self.max_cooldown.unwrap_or(MAX_COOLDOWN)),
                unfinished: UnfinishedTasks::default(),
                // Last, so that invalid settings create no directory.
                store: self.store.map(|store| Store::open_blocking(&disk, store)).transpose()?,
                disk,
            }),
        })
    }
}

impl ClientBuilder {
    /// Creates a builder with the API key and the base URL of the environment, as [`Client::from_env`].
    ///
    /// ```no_run
    /// use distribute_ai::ClientBuilder;
    ///
    /// let client = ClientBuilder::from_env()?.store("speeches").build()?;
    /// # Ok::<(), distribute_ai::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): a variable is not valid Unicode
    pub fn from_env() -> Result<Self, Error> {
        let mut builder = Self::default();
        if let Some(key) = read_env_var(API_KEY_VAR)? {
            builder = builder.api_key(key);
        }
        if let Some(url) = read_env_var(BASE_URL_VAR)? {
            builder = builder.base_url(url);
        }
        Ok(builder)
    }
}

impl Client {
    /// Creates a builder with the [default settings](ClientBuilder#default).
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Creates a client from the environment variables `DISTRIBUTE_AI_API_KEY` and `DISTRIBUTE_AI_BASE_URL`.
    ///
    /// ```no_run
    /// let client = distribute_ai::Client::from_env()?;
    /// # Ok::<(), distribute_ai::Error>(())
    /// ```
    ///
    /// `DISTRIBUTE_AI_BASE_URL` is optional. All other settings have their
    /// [defaults](ClientBuilder#default).
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): `DISTRIBUTE_AI_API_KEY` is not set or is empty
    /// - the errors of [`ClientBuilder::build`]
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }
}

/// Omits possible secrets: the API key, the unvalidated base URL and the headers of the HTTP client.
impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("user_agent", &self.user_agent)
            .field("max_cooldown", &self.max_cooldown)
            .field("reuse_submit_connections", &self.reuse_submit_connections)
            .field("allow_http", &self.allow_http)
            .field("allow_private_audio_hosts", &self.allow_private_audio_hosts)
            .field("min_download_rate", &self.min_download_rate)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_invalid(builder: ClientBuilder, expected: &str) {
        let error = builder.build().unwrap_err();
        assert!(error.is_invalid(), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }

    fn with_key() -> ClientBuilder {
        Client::builder().api_key("sk-1")
    }

    #[test]
    fn server_of_an_operation_is_used_unless_the_base_url_is_set() {
        let server =
            |builder: ClientBuilder| builder.build().unwrap().server("https://eu.example/v1/").to_owned();
        assert_eq!(server(with_key()), "https://eu.example/v1");
        assert_eq!(server(with_key().base_url(facts::BASE_URL)), facts::BASE_URL);
    }

    #[test]
    fn zero_timeouts_and_intervals_are_rejected() {
        assert_invalid(with_key().connect_timeout(Duration::ZERO), "connect_timeout: 0 s is too short");
        assert_invalid(with_key().request_timeout(Duration::ZERO), "request_timeout: 0 s is too short");
        assert_invalid(with_key().poll_every(Duration::ZERO), "poll interval: 0 s is too short");
        with_key()
            .poll_every(Duration::ZERO)
            .pacing(Adaptive::new())
            .build()
            .expect("the last setting takes effect");
    }

    #[test]
    fn base_url_with_trailing_slash_is_trimmed() {
        let client = with_key().base_url("https://example.com/v1/").build().unwrap();
        assert_eq!(client.baseurl, "https://example.com/v1");
    }

    #[test]
    fn http_client_together_with_configure_http_is_rejected() {
        let both = with_key().http_client(reqwest::Client::new()).configure_http(|http| http);
        assert_invalid(both, "http_client: cannot be combined with `configure_http`");
    }

    #[test]
    fn configured_http_client_that_cannot_be_built_is_rejected() {
        let unbuildable = || with_key().configure_http(|http| http.user_agent("a\nb"));
        assert_invalid(unbuildable(), "configure_http: could not build an HTTP client with these settings");
        assert_invalid(unbuildable().reuse_submit_connections(), "configure_http");
    }

    #[test]
    #[should_panic = "in the function"]
    fn panic_in_configure_http_reaches_the_caller_of_build() {
        let _ = with_key().configure_http(|_| panic!("in the function")).build();
    }

    #[test]
    fn every_setting_is_kept_and_shown_without_secrets() {
        let builder = with_key()
            .base_url("http://example.com/s3cr3t")
            .connect_timeout(Duration::from_secs(1))
            .request_timeout(Duration::from_secs(2))
            .user_agent("reader/1")
            .max_cooldown(Duration::from_secs(3))
            .reuse_submit_connections()
            .allow_http()
            .allow_private_audio_hosts()
            .min_download_rate(4)
            .store("speeches");
        let expected = "ClientBuilder { connect_timeout: Some(1s), request_timeout: Some(2s), \
            user_agent: Some(\"reader/1\"), max_cooldown: Some(3s), reuse_submit_connections: true, \
            allow_http: true, allow_private_audio_hosts: true, min_download_rate: Some(4), \
            store: Some(StoreSettings { directory: \"speeches\", keep_audio: true, keep_text: false, \
            max_audio_bytes: None, .. }), .. }";
        assert_eq!(format!("{builder:?}"), expected);
        let client = ClientBuilder { store: None, ..builder }.build().unwrap();
        assert_eq!(client.baseurl, "http://example.com/s3cr3t");
        assert_eq!(
            (client.inner().request_timeout, client.inner().audio.min_rate),
            (Duration::from_secs(2), 4)
        );
    }

    #[test]
    fn client_has_the_store_of_its_builder() {
        let directory = tempfile::tempdir().unwrap();
        let client = with_key().store(directory.path()).build().unwrap();
        assert_eq!(client.store().unwrap().directory(), directory.path().canonicalize().unwrap());
        assert!(with_key().build().unwrap().store().is_none());
    }

    #[test]
    fn client_is_the_same_as_its_clones_only() {
        let (client, other) = (with_key().build().unwrap(), with_key().build().unwrap());
        assert!(client.is_same(&client.clone()) && !client.is_same(&other));
        assert_eq!(format!("{client:?}"), r#"Client { base_url: "https://api.distribute.ai", .. }"#);
        assert_eq!(format!("{:?}", client.inner), "ClientState { key: [redacted], .. }");
    }

    /// Runs again as a child with other variables, because they belong to the whole process.
    #[test]
    fn key_and_base_url_are_read_from_the_environment() {
        const EXPECTED: &str = "DISTRIBUTE_AI_TEST_EXPECTED_URL";
        if let Ok(expected) = std::env::var(EXPECTED) {
            let client = Client::from_env().unwrap();
            assert_eq!((client.baseurl, client.inner.0.key.header().to_str().unwrap()), (expected, "sk-1"));
            return;
        }
        for (url, expected) in [("https://example.com/v1", "https://example.com/v1"), (" ", facts::BASE_URL)]
        {
            let test = format!("{}::key_and_base_url_are_read_from_the_environment", module_path!());
            let child = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", test.split_once("::").unwrap().1])
                .envs([(API_KEY_VAR, "sk-1"), (BASE_URL_VAR, url), (EXPECTED, expected)])
                .output()
                .unwrap();
            let output = String::from_utf8_lossy(&child.stdout);
            assert!(child.status.success() && output.contains("1 passed"), "{output}");
        }
    }
}
