//! The hosts that audio may come from, and the HTTP clients for them.

use std::sync::{Arc, LazyLock};

use reqwest::Url;

use super::{
    address::{is_loopback, literal_address},
    audio_rules::Rules,
    http::HttpSettings,
    resolver::{HostNames, Resolver},
};
use crate::Error;

/// The rules for the hosts of audio, and the HTTP clients that download from them.
pub(crate) struct AudioHosts {
    rules: Arc<Rules>,
    /// For hosts on loopback addresses: without the proxies of the environment.
    local: LocalClient,
    local_names: Arc<HostNames>,
    remote: reqwest::Client,
    remote_names: Arc<HostNames>,
    /// `true` if this library follows redirects, so that each one is checked. A user's HTTP client follows
    /// redirects by its own policy.
    pub(crate) follows_redirects: bool,
    /// The least rate of a download, in bytes per second.
    pub(crate) min_rate: u64,
}

/// Built when it is first used, because few programs need it and building takes some milliseconds.
type LocalClient =
    LazyLock<Result<reqwest::Client, Error>, Box<dyn FnOnce() -> Result<reqwest::Client, Error> + Send>>;

impl AudioHosts {
    pub(super) fn new(rules: Rules, http: &HttpSettings, min_rate: u64) -> Result<Self, Error> {
        let rules = Arc::new(rules);
        let builder = |local, audio_hosts: &Arc<HostNames>| {
            let builder = http.builder(local, None);
            // Without a check, the names may be resolved in any way that the user has chosen.
            if rules.allow_private {
                return builder;
            }
            let (rules, audio_hosts) = (Arc::clone(&rules), Arc::clone(audio_hosts));
            builder.dns_resolver(Arc::new(Resolver { rules, audio_hosts }))
        };
        let (local_names, remote_names) = (Arc::default(), Arc::default());
        let (build, local) = (http.build(), builder(true, &local_names));
        let remote = build(builder(false, &remote_names))?;
        let local: LocalClient = LazyLock::new(Box::new(move || build(local)));
        Ok(Self { rules, local, local_names, remote, remote_names, follows_redirects: true, min_rate })
    }

    /// Uses the user's HTTP client, with its own resolver, proxies and redirect policy.
    pub(super) fn with_http_client(rules: Rules, client: reqwest::Client, min_rate: u64) -> Self {
        let remote = client.clone();
        let local: LocalClient = LazyLock::new(Box::new(|| Ok(client)));
        let (local_names, remote_names) = (Arc::default(), Arc::default());
        let rules = Arc::new(rules);
        Self { rules, local, local_names, remote, remote_names, follows_redirects: false, min_rate }
    }

    /// Checks a URL and returns the HTTP client for it, which checks the addresses of a name.
    pub(crate) async fn client(&self, url: &Url) -> Result<&reqwest::Client, Error> {
        self.check(url).await?;
        let is_local = is_loopback(url);
        if let Some(name) = url.host_str().filter(|host| literal_address(host).is_none()) {
            if is_local { &self.local_names } else { &self.remote_names }.insert(name);
        }
        if is_local { self.local.as_ref().map_err(Clone::clone) } else { Ok(&self.remote) }
    }

    /// Checks a URL: the scheme, and the address if the URL contains one.
    pub(crate) async fn check(&self, url: &Url) -> Result<(), Error> {
        self.rules.check(url).await.map_err(Error::download)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn audio_host_on_loopback_is_reached_without_proxy_of_environment() {
        let http =
            HttpSettings { connect_timeout: Duration::from_secs(1), changes: Vec::new(), allow_http: false };
        let rules = Rules { api_host: "localhost".to_owned(), allow_http: false, allow_private: true };
        let hosts = AudioHosts::new(rules, &http, 0).unwrap();
        let is_local = async |url: &str| {
            let client = hosts.client(&url.parse().unwrap()).await.unwrap();
            std::ptr::eq(client, hosts.local.as_ref().unwrap())
        };
        assert!(is_local("http://127.0.0.1:1/a.wav").await && is_local("http://localhost/a.wav").await);
        assert!(hosts.local_names.may_contain("localhost") && !hosts.remote_names.may_contain("localhost"));
        assert!(
            !is_local("https://cdn.example.com/a.wav").await && !is_local("https://10.0.0.1/a.wav").await
        );
    }

    #[tokio::test]
    async fn audio_url_that_is_not_allowed_has_no_http_client() {
        let http =
            HttpSettings { connect_timeout: Duration::from_secs(1), changes: Vec::new(), allow_http: false };
        let rules = Rules { api_host: "localhost".to_owned(), allow_http: false, allow_private: true };
        let hosts = AudioHosts::new(rules, &http, 0).unwrap();
        let error = hosts.client(&"http://cdn.example.com/a.wav".parse().unwrap()).await.unwrap_err();
        assert!(error.is_download() && error.to_string().contains("is not encrypted"), "{error}");
    }
}
