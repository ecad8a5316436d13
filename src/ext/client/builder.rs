use std::{env, fmt, sync::Arc, time::Duration};

use reqwest::{Url, header::HeaderValue, redirect};

use super::{ClientState, Inner};
use crate::{
    Client, Error,
    ext::{
        polling::{Adaptive, Fixed, Pacing},
        transport::{
            api_key::{API_KEY_VAR, ApiKey},
            cooldown::Cooldown,
        },
    },
    generated::facts,
};

/// The environment variable that [`Client::from_env`] reads the base URL from.
const BASE_URL_VAR: &str = "DISTRIBUTE_AI_BASE_URL";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Settings of a [`Client`].
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
/// What each is worth turning for: the guide's page on [tuning](crate::guide::tuning).
///
/// # Default
///
/// - `base_url`: the server that the API's document names, `https://api.distribute.ai`
/// - `connect_timeout`: 10 s
/// - `request_timeout`: 30 s
/// - `user_agent`: `distribute-ai/` and the version of this crate
/// - `pacing`: [`Adaptive`], by the task's status and age and by how long tasks took, every 0.2 s to 5 s or a
///   tenth of its age
/// - `http_client`: one of its own, which follows no redirect of the API
/// - `allow_http`: not allowed, except to loopback addresses
#[derive(Clone, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    api_key: Option<secrecy::SecretString>,
    base_url: Option<String>,
    http_client: Option<reqwest::Client>,
    connect_timeout: Option<Duration>,
    request_timeout: Option<Duration>,
    user_agent: Option<String>,
    pacing: Option<PollSetting>,
    allow_http: bool,
}

#[derive(Clone)]
enum PollSetting {
    /// Not checked yet.
    Every(Duration),
    By(Arc<dyn Pacing>),
}

impl ClientBuilder {
    /// The API key, bare: without `Bearer`. Required.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into().into());
        self
    }

    /// The address that the paths of the API are appended to; it may have a path itself.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Your own HTTP client, with its proxies, certificates and default headers, for the API and for the audio.
    ///
    /// The key is added to requests to the API only; its default headers go to both, so keep secrets out of them.
    /// [`connect_timeout`](Self::connect_timeout) and the handling of redirects are this client's: build it with
    /// `redirect::Policy::none()`, for a submission whose redirect is followed is in doubt. Its own timeout is set aside
    /// for [`request_timeout`](Self::request_timeout).
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http_client = Some(client);
        self
    }

    /// The longest time to make a connection, TLS included. When it runs out, nothing was sent.
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = Some(time);
        self
    }

    /// The longest time for one request to the API, from its start to the end of the reply; for a download, the longest
    /// pause between two pieces. A submission that runs out of it is in doubt; a poll is repeated.
    pub fn request_timeout(mut self, time: Duration) -> Self {
        self.request_timeout = Some(time);
        self
    }

    /// What requests to the API say of themselves in `User-Agent`.
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = Some(name.into());
        self
    }

    /// Polls at a fixed interval, give or take ten per cent. For tests, and for servers whose pace you know.
    ///
    /// [`pacing`](Self::pacing) with [`Fixed`]; of the two, the last one counts.
    pub fn poll_every(mut self, interval: Duration) -> Self {
        self.pacing = Some(PollSetting::Every(interval));
        self
    }

    /// Polls by this policy: when to ask again for a task that isn't done.
    ///
    /// One of [`crate::pacing`] or [your own](Pacing). What it learns is shared by all tasks of the client and of its
    /// clones; clients that are built from clones of this builder share it, too.
    pub fn pacing(mut self, policy: impl Pacing) -> Self {
        self.pacing = Some(PollSetting::By(Arc::new(policy)));
        self
    }

    /// Lets the key and the texts travel unencrypted to hosts other than this one.
    pub fn allow_http(mut self) -> Self {
        self.allow_http = true;
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid), all before anything is sent:
    /// - no API key, or one that no header can carry
    /// - a base URL such as `api.example.com`, without scheme or host, or with a user, query or fragment
    /// - `http://` to another machine, unless [allowed](Self::allow_http)
    /// - a timeout or interval of zero
    /// - a user agent that no header can carry
    /// - no usable TLS on this machine, or none of the features `rustls` and `native-tls`
    pub fn build(self) -> Result<Client, Error> {
        let key = ApiKey::new(self.api_key.as_ref().map_or("", secrecy::ExposeSecret::expose_secret))?;
        let base_url = parse_base_url(self.base_url.as_deref().unwrap_or(facts::BASE_URL), self.allow_http)?;
        let connect_timeout =
            require_nonzero("connect timeout", self.connect_timeout.unwrap_or(CONNECT_TIMEOUT))?;
        let request_timeout =
            require_nonzero("request timeout", self.request_timeout.unwrap_or(REQUEST_TIMEOUT))?;
        let pacing: Arc<dyn Pacing> = match self.pacing {
            Some(PollSetting::Every(interval)) => Arc::new(Fixed::new(interval)?),
            Some(PollSetting::By(policy)) => policy,
            None => Arc::new(Adaptive::new()),
        };
        let agent = match self.user_agent {
            Some(agent) => Some(user_agent_header(&agent)?),
            // A client of the user's says what it is itself.
            None if self.http_client.is_some() => None,
            None => Some(user_agent_header(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))?),
        };

        let may_follow = self.http_client.is_some();
        let (api, audio) = if let Some(client) = self.http_client {
            (client.clone(), client)
        } else {
            require_tls(&base_url)?;
            // The audio's host may send us on; the API may not: a redirected submission is one to somebody else.
            let build = |redirects| build_http_client(connect_timeout, redirects, is_loopback(&base_url));
            (build(redirect::Policy::none())?, build(redirect::Policy::limited(10))?)
        };
        Ok(Client {
            baseurl: base_url.as_str().trim_end_matches('/').to_owned(),
            client: api,
            inner: ClientState::new(Inner {
                key,
                user_agent: agent,
                request_timeout,
                pacing,
                custom_http_client: may_follow,
                audio,
                cooldown: Cooldown::default(),
            }),
        })
    }
}

impl ClientBuilder {
    pub(crate) fn from_env() -> Result<Self, Error> {
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
    /// Settings for a client; see [`ClientBuilder`] for what they are unless you set them.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client for the key in `DISTRIBUTE_AI_API_KEY`, at the address in `DISTRIBUTE_AI_BASE_URL` if that is set.
    ///
    /// ```no_run
    /// let client = distribute_ai::Client::from_env()?;
    /// # Ok::<(), distribute_ai::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid): the key is not set or is empty; or as [`ClientBuilder::build`].
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }
}

/// An empty variable is one that is not set.
fn read_env_var(name: &'static str) -> Result<Option<String>, Error> {
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.trim().is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Error::invalid(name, "is not UTF-8")),
    }
}

fn user_agent_header(agent: &str) -> Result<HeaderValue, Error> {
    let problem =
        || Error::invalid("user agent", format!("{agent:?} holds a character that no header can carry"));
    HeaderValue::from_str(agent).map_err(|_| problem())
}

fn build_http_client(
    connect_timeout: Duration,
    redirects: redirect::Policy,
    loopback: bool,
) -> Result<reqwest::Client, Error> {
    // No referer: it would tell one host of the audio the address at another, which may be all it takes to fetch it.
    let mut builder =
        reqwest::Client::builder().connect_timeout(connect_timeout).redirect(redirects).referer(false);
    if loopback {
        // What stays on this machine in plain text has no business at a proxy.
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| Error::invalid("http client", "could not be built").with_source(error))
}

/// Without it every request would fail as if the host weren't there.
fn require_tls(base_url: &Url) -> Result<(), Error> {
    if base_url.scheme() == "https" && !cfg!(any(feature = "rustls", feature = "native-tls")) {
        let problem =
            "https needs TLS: enable the feature `rustls` or `native-tls`, or pass an `http_client`";
        return Err(Error::invalid("base url", problem));
    }
    Ok(())
}

fn require_nonzero(what: &'static str, time: Duration) -> Result<Duration, Error> {
    if time.is_zero() { Err(Error::invalid(what, "is zero; it must be longer")) } else { Ok(time) }
}

fn parse_base_url(text: &str, allow_http: bool) -> Result<Url, Error> {
    let refused = |problem: &str| Err(Error::invalid("base url", problem));
    let text = text.trim();
    let Ok(url) = Url::parse(text) else {
        return refused(&format!(
            "{} is no address; it needs a scheme and a host, as in {}",
            quoted(text),
            facts::BASE_URL
        ));
    };
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return refused(&format!("{} needs `https://` and a host, as in {}", quoted(text), facts::BASE_URL));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused(
            "holds a user or password; the key goes into `api_key`, nothing else is a secret here",
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refused("holds a query or fragment; paths are appended to it");
    }
    if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
        return refused(&format!("{url} would carry the key unencrypted; use https, or `allow_http`"));
    }
    Ok(url)
}

/// What stands before an `@` may be a password.
fn quoted(text: &str) -> String {
    let text: String = text.rsplit('@').next().unwrap_or_default().chars().take(200).collect();
    format!("{text:?}")
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Without what may be secret: the key, what stands in an address before it is checked, headers of an HTTP client.
impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("user_agent", &self.user_agent)
            .field("allow_http", &self.allow_http)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(builder: ClientBuilder, expected: &str) {
        let error = builder.build().unwrap_err();
        assert!(error.is_invalid(), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    fn with_key() -> ClientBuilder {
        Client::builder().api_key("sk-1")
    }

    #[test]
    fn a_base_url_names_scheme_and_host_and_nothing_secret() {
        refused(with_key().base_url("api.distribute.ai"), "needs a scheme and a host");
        refused(with_key().base_url(""), "needs a scheme and a host");
        refused(with_key().base_url("localhost:8080"), "needs `https://` and a host");
        refused(with_key().base_url("ftp://example.com"), "needs `https://`");
        refused(with_key().base_url("me:hunter2@example.com"), "needs `https://`");
        refused(with_key().base_url("https://me:hunter2@example.com"), "user or password");
        refused(with_key().base_url("https://example.com/?a=1"), "query or fragment");
    }

    #[test]
    fn plain_http_is_for_loopback_or_by_leave() {
        refused(with_key().base_url("http://example.com"), "unencrypted");
        refused(with_key().base_url("http://127.0.0.1.example.com"), "unencrypted");
        for url in ["http://localhost:1", "http://127.0.0.1:1/v1/", "http://[::1]:1"] {
            with_key().base_url(url).build().unwrap();
        }
        with_key().base_url("http://example.com").allow_http().build().unwrap();
    }

    #[test]
    fn times_of_zero_are_refused() {
        refused(with_key().connect_timeout(Duration::ZERO), "connect timeout: is zero");
        refused(with_key().request_timeout(Duration::ZERO), "request timeout: is zero");
        refused(with_key().poll_every(Duration::ZERO), "poll interval: is zero");
        with_key().poll_every(Duration::ZERO).pacing(Adaptive::new()).build().expect("the last one counts");
    }

    #[test]
    fn a_user_agent_fits_a_header() {
        refused(with_key().user_agent("a\nb"), "user agent");
    }

    #[test]
    fn a_slash_at_the_end_is_not_doubled() {
        let client = with_key().base_url("https://example.com/v1/").build().unwrap();
        assert_eq!(client.baseurl, "https://example.com/v1");
    }
}
