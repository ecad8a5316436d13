//! Which URLs and addresses audio may come from.

use std::{
    fmt, io,
    net::{IpAddr, ToSocketAddrs},
};

use reqwest::Url;
use tokio::task::spawn_blocking;

use super::address::{Zone, is_loopback, literal_address};

/// The longest part of a host name in an error message.
const MAX_HOST_CHARS: usize = 100;

/// Which URLs and addresses are allowed.
pub(super) struct Rules {
    pub(super) api_host: String,
    pub(super) allow_http: bool,
    pub(super) allow_private: bool,
}

impl Rules {
    /// Checks a URL before its host is contacted: the scheme, and the address if the URL contains one.
    pub(super) async fn check(&self, url: &Url) -> Result<(), String> {
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
    pub(super) async fn allowed(&self, host: &str, addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, Refused> {
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

/// The reason why a host is refused. It stays in the source chain of reqwest's error.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

pub(super) async fn lookup(host: &str) -> io::Result<Vec<IpAddr>> {
    let host = host.to_owned();
    spawn_blocking(move || Ok((host, 0).to_socket_addrs()?.map(|socket| socket.ip()).collect())).await?
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
    async fn host_with_public_and_private_addresses_is_reached_at_the_public_ones() {
        let [public, private]: [IpAddr; 2] = ["93.184.216.34", "10.0.0.1"].map(|text| text.parse().unwrap());
        let rules = rules("93.184.216.34");
        assert_eq!(rules.allowed("a", vec![private, public]).await.unwrap(), [public]);
        let refused = rules.allowed("a", vec![private]).await.unwrap_err();
        assert!(refused.to_string().contains("host a has the private address 10.0.0.1"), "{refused}");
    }
}
