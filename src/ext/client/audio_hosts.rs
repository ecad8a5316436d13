//! The hosts that audio may come from, and the HTTP clients for them.

use std::{
    env, fmt, io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::{Arc, LazyLock},
    time::Duration,
};

use reqwest::{
    Url,
    dns::{Name, Resolve, Resolving},
    redirect,
};
use tokio::task::spawn_blocking;

use super::address::{Zone, is_loopback, literal_address};
use crate::Error;

/// The environment variables that name a proxy.
const PROXY_VARS: [&str; 6] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The longest part of a host name in an error message.
const MAX_HOST_CHARS: usize = 100;

/// The rules for the hosts of audio, and the HTTP clients that download from them.
pub(crate) struct AudioHosts {
    rules: Arc<Rules>,
    /// For hosts on loopback addresses: without a proxy, which would look for the host on its own machine.
    local: LocalClient,
    remote: reqwest::Client,
    /// `true` if this library follows redirects, so that each one is checked. A user's HTTP client follows
    /// redirects by its own policy.
    pub(crate) follows_redirects: bool,
    /// The least rate of a download, in bytes per second.
    pub(crate) min_rate: u64,
}

/// Built when it is first used, because few programs need it and building takes some milliseconds.
type LocalClient =
    LazyLock<Result<reqwest::Client, Error>, Box<dyn FnOnce() -> Result<reqwest::Client, Error> + Send>>;

/// Which URLs and addresses are allowed.
pub(super) struct Rules {
    pub(super) api_host: String,
    pub(super) allow_http: bool,
    pub(super) allow_private: bool,
}

impl AudioHosts {
    pub(super) fn new(rules: Rules, connect_timeout: Duration, min_rate: u64) -> Result<Self, Error> {
        let rules = Arc::new(rules);
        let resolver = Arc::new(Resolver { rules: Arc::clone(&rules), proxies: proxy_hosts() });
        let remote = build(connect_timeout, Arc::clone(&resolver), false)?;
        let local: LocalClient = LazyLock::new(Box::new(move || build(connect_timeout, resolver, true)));
        Ok(Self { rules, local, remote, follows_redirects: true, min_rate })
    }

    /// Uses the user's HTTP client, with its own resolver, proxies and redirect policy.
    pub(super) fn with_http_client(rules: Rules, client: reqwest::Client, min_rate: u64) -> Self {
        let remote = client.clone();
        let local: LocalClient = LazyLock::new(Box::new(|| Ok(client)));
        Self { rules: Arc::new(rules), local, remote, follows_redirects: false, min_rate }
    }

    /// Returns the HTTP client for a URL.
    pub(crate) fn client(&self, url: &Url) -> Result<&reqwest::Client, Error> {
        if is_loopback(url) { self.local.as_ref().map_err(Clone::clone) } else { Ok(&self.remote) }
    }

    /// Checks a URL before its host is contacted: the scheme, and the address if the URL contains one. The
    /// HTTP clients check the addresses of a name.
    pub(crate) async fn check(&self, url: &Url) -> Result<(), Error> {
        self.rules.check(url).await.map_err(Error::download)
    }
}

impl Rules {
    async fn check(&self, url: &Url) -> Result<(), String> {
        let host = url.host_str().unwrap_or_default();
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http || is_loopback(url) => {}
            "http" => {
                return Err(format!(
                    "audio URL: http://{} is not encrypted, expected https; in a trusted network, call \
                     `allow_http`",
                    shortened(host)
                ));
            }
            scheme => {
                return Err(format!(
                    "audio URL: unsupported scheme `{}:`, expected https or http",
                    shortened(scheme)
                ));
            }
        }
        match literal_address(host) {
            Some(address) => self.allowed(host, vec![address]).await.map(drop).map_err(|error| error.0),
            None => Ok(()),
        }
    }

    /// Returns the addresses of a host that are allowed.
    async fn allowed(&self, host: &str, addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, Refused> {
        if self.allow_private || addresses.iter().all(|address| Zone::of(*address).is_none()) {
            return Ok(addresses);
        }
        // An API in the same network is likely to be a setup on purpose, such as a test or a company network.
        let api_zones: Vec<_> = match literal_address(&self.api_host) {
            Some(address) => vec![Zone::of(address)],
            None => lookup(&self.api_host).await.unwrap_or_default().into_iter().map(Zone::of).collect(),
        };
        let (allowed, refused): (Vec<_>, Vec<_>) = addresses
            .into_iter()
            .partition(|address| Zone::of(*address).is_none_or(|zone| api_zones.contains(&Some(zone))));
        match refused.first() {
            Some(address) if allowed.is_empty() => Err(Refused(format!(
                "audio URL: host {} has the {} address {address}, expected a public address; to allow it, \
                 call `allow_private_audio_hosts`",
                shortened(host),
                Zone::of(*address).map_or("public", Zone::name)
            ))),
            _ => Ok(allowed),
        }
    }
}

fn build(connect_timeout: Duration, resolver: Arc<Resolver>, local: bool) -> Result<reqwest::Client, Error> {
    let builder = reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .redirect(redirect::Policy::none())
        // Another crate may enable decompression, which hides the length of the audio.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .dns_resolver(resolver);
    let builder = if local { builder.no_proxy() } else { builder };
    builder
        .build()
        .map_err(|error| Error::invalid("http_client", "could not build the HTTP client").with_source(error))
}

/// Resolves the names of audio hosts, and drops the addresses that are not allowed.
///
/// The check is part of the resolver, because a separate lookup before the connection could return other
/// addresses.
struct Resolver {
    rules: Arc<Rules>,
    /// The proxies, which may have private addresses. A proxy resolves the names of audio hosts itself.
    proxies: Vec<String>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (rules, host) = (Arc::clone(&self.rules), name.as_str().to_owned());
        let is_proxy = self.proxies.contains(&host);
        Box::pin(async move {
            let mut addresses = lookup(&host).await?;
            if !is_proxy {
                addresses = rules.allowed(&host, addresses).await?;
            }
            // Port 0 stands for the port of the URL.
            let sockets = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(sockets) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}

/// The reason why a host is refused. It stays in the source chain of reqwest's error.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

async fn lookup(host: &str) -> io::Result<Vec<IpAddr>> {
    let host = host.to_owned();
    spawn_blocking(move || Ok((host, 0).to_socket_addrs()?.map(|socket| socket.ip()).collect())).await?
}

fn proxy_hosts() -> Vec<String> {
    PROXY_VARS.iter().filter_map(|name| proxy_host(&env::var(name).ok()?)).collect()
}

/// Returns the host of a proxy, with or without a scheme as in `proxy:3128`.
fn proxy_host(proxy: &str) -> Option<String> {
    let url = if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") };
    Some(Url::parse(&url).ok()?.host_str()?.to_owned())
}

fn shortened(host: &str) -> &str {
    host.char_indices().nth(MAX_HOST_CHARS).map_or(host, |(end, _)| &host[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(api_host: &str) -> Rules {
        Rules { api_host: api_host.to_owned(), allow_http: false, allow_private: false }
    }

    async fn problem_of(rules: &Rules, url: &str) -> String {
        rules.check(&url.parse().unwrap()).await.err().unwrap_or_default()
    }

    #[tokio::test]
    async fn audio_url_with_plain_http_requires_loopback_or_allow_http() {
        let (local, remote) = (rules("127.0.0.1"), rules("api.example.com"));
        for url in ["http://cdn.example.com/a.wav", "http://8.8.8.8/a.wav?signature=s3cr3t"] {
            for rules in [&local, &remote] {
                let problem = problem_of(rules, url).await;
                assert!(problem.contains("is not encrypted") && problem.contains("allow_http"), "{problem}");
                assert!(!problem.contains("s3cr3t"), "{problem}");
            }
            assert_eq!(problem_of(&Rules { allow_http: true, ..rules("api.example.com") }, url).await, "");
        }
        assert_eq!(problem_of(&local, "http://localhost:8080/a.wav").await, "");
        assert_eq!(problem_of(&remote, "https://cdn.example.com/a.wav").await, "");
        assert!(
            problem_of(&remote, "ftp://cdn.example.com/a.wav").await.contains("unsupported scheme `ftp:`")
        );
    }

    #[tokio::test]
    async fn audio_url_with_private_address_requires_api_in_same_zone_or_opt_in() {
        let zones = [
            ("loopback", "127.0.0.1", ["127.0.0.2", "[::1]", "0x7f.1", "[::ffff:127.0.0.1]"]),
            ("private", "10.1.1.1", ["192.168.0.1", "[fd00::1]", "0xa000001", "[::ffff:10.0.0.1]"]),
            ("link-local", "[fe80::1]", ["169.254.169.254", "[fe80::1]", "2852039166", "169.254.43518"]),
        ];
        for (zone, _, hosts) in zones {
            for url in hosts.map(|host| format!("https://{host}/a.wav")) {
                let refused = problem_of(&rules("93.184.216.34"), &url).await;
                assert!(refused.contains(zone) && refused.contains("allow_private_audio_hosts"), "{refused}");
                for (other, api_host, _) in zones {
                    assert_eq!(problem_of(&rules(api_host), &url).await.is_empty(), zone == other, "{url}");
                }
                let allowed = Rules { allow_private: true, ..rules("93.184.216.34") };
                assert_eq!(problem_of(&allowed, &url).await, "");
            }
        }
    }

    #[tokio::test]
    async fn audio_host_name_that_resolves_to_loopback_requires_api_there_or_opt_in() {
        let resolve = async |rules: Rules, proxies: &[&str]| {
            let proxies = proxies.iter().map(ToString::to_string).collect();
            Resolver { rules: Arc::new(rules), proxies }.resolve("localhost".parse().unwrap()).await
        };
        let remote = || rules("93.184.216.34");
        let error = resolve(remote(), &["proxy.corp"]).await.err().unwrap();
        assert!(error.is::<Refused>() && error.to_string().contains("loopback address"), "{error}");
        for allowed in [
            resolve(rules("localhost"), &[]).await,
            resolve(Rules { allow_private: true, ..remote() }, &[]).await,
            resolve(remote(), &["localhost"]).await,
        ] {
            assert!(allowed.unwrap().all(|address| address.ip().is_loopback()));
        }
    }

    #[test]
    fn proxy_host_is_read_with_and_without_scheme() {
        assert_eq!(proxy_host("http://user:secret@Proxy.corp:3128").as_deref(), Some("proxy.corp"));
        assert_eq!(proxy_host("proxy.corp:3128").as_deref(), Some("proxy.corp"));
        assert_eq!(proxy_host(""), None);
    }

    #[test]
    fn audio_host_on_loopback_is_reached_without_proxy() {
        let hosts = AudioHosts::new(rules("localhost"), Duration::from_secs(1), 0).unwrap();
        let is_local = |url: &str| {
            let client = hosts.client(&url.parse().unwrap()).unwrap();
            std::ptr::eq(client, hosts.local.as_ref().unwrap())
        };
        assert!(is_local("http://127.0.0.1:1/a.wav") && is_local("http://localhost/a.wav"));
        assert!(!is_local("https://cdn.example.com/a.wav") && !is_local("https://10.0.0.1/a.wav"));
    }
}
