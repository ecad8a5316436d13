//! The resolver of the HTTP clients for audio, which drops the addresses that are not allowed.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::dns::{Name, Resolve, Resolving};

use super::audio_rules::{Rules, lookup};

/// The most names that are kept. With about 20 bytes each, they take at most 1.3 MB.
const MAX_NAMES: usize = 65_536;

/// Resolves the names of audio hosts and of proxies, and drops the addresses of audio hosts that are not allowed.
///
/// The check is part of the resolver, because a separate lookup before the connection could return other
/// addresses.
pub(super) struct Resolver {
    pub(super) rules: Arc<Rules>,
    pub(super) audio_hosts: Arc<HostNames>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (rules, host) = (Arc::clone(&self.rules), name.as_str().to_owned());
        // An HTTP client resolves the names of its requests and of its proxies. A proxy may have a private address.
        let is_audio_host = self.audio_hosts.may_contain(&host);
        Box::pin(async move {
            let mut addresses = lookup(&host).await?;
            if is_audio_host {
                addresses = rules.allowed(&host, addresses).await?;
            }
            // Port 0 stands for the port of the URL.
            let sockets = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(sockets) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}

/// The names of the hosts from which an HTTP client has requested audio.
///
/// A name stays until the client is dropped, because a connection may be opened after its request was dropped. If an
/// audio URL names a proxy with a private address, the proxy is therefore refused from then on.
/// Hashes stand for the names. If two are equal by chance, the addresses of a proxy are checked, too.
#[derive(Default)]
pub(super) struct HostNames {
    hasher: RandomState,
    names: Mutex<HashSet<u64>>,
}

impl HostNames {
    pub(super) fn insert(&self, name: &str) {
        let hash = self.hash(name);
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() < MAX_NAMES {
            names.insert(hash);
        }
    }

    /// Returns `true` if the name was inserted. After [`MAX_NAMES`] names, returns `true` for every name.
    pub(super) fn may_contain(&self, name: &str) -> bool {
        let hash = self.hash(name);
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.len() >= MAX_NAMES || names.contains(&hash)
    }

    /// Ignores the case and a dot at the end, which do not change the host.
    fn hash(&self, name: &str) -> u64 {
        self.hasher.hash_one(name.trim_end_matches('.').to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::audio_rules::Refused, *};

    async fn resolve(rules: Rules, audio_host: &str, name: &str) -> Result<Vec<SocketAddr>, String> {
        let resolver = Resolver { rules: Arc::new(rules), audio_hosts: Arc::default() };
        resolver.audio_hosts.insert(audio_host);
        let found = resolver.resolve(name.parse().unwrap()).await;
        found.map(Iterator::collect).map_err(|error| error.downcast::<Refused>().unwrap().to_string())
    }

    fn rules(api_host: &str, allow_private: bool) -> Rules {
        Rules { api_host: api_host.to_owned(), allow_http: false, allow_private }
    }

    #[tokio::test]
    async fn audio_host_name_that_resolves_to_loopback_requires_api_there_or_opt_in() {
        let refused = resolve(rules("93.184.216.34", false), "localhost", "localhost").await.unwrap_err();
        assert!(refused.contains("loopback address"), "{refused}");
        for rules in [rules("localhost", false), rules("93.184.216.34", true)] {
            let addresses = resolve(rules, "localhost", "localhost").await.unwrap();
            assert!(addresses.iter().all(|address| address.ip().is_loopback()), "{addresses:?}");
        }
    }

    #[tokio::test]
    async fn proxy_name_that_resolves_to_loopback_is_allowed() {
        let addresses = resolve(rules("93.184.216.34", false), "cdn.example.com", "localhost").await.unwrap();
        assert!(addresses.iter().all(|address| address.ip().is_loopback()), "{addresses:?}");
    }

    #[test]
    fn audio_host_name_is_recognised_in_any_case_and_with_a_dot_at_the_end() {
        let names = HostNames::default();
        names.insert("cdn.example.com");
        assert!(names.may_contain("CDN.example.com") && names.may_contain("cdn.example.com."));
        assert!(!names.may_contain("example.com"));
    }

    #[test]
    fn every_name_counts_as_audio_host_beyond_the_limit() {
        let names = HostNames::default();
        for number in 0..MAX_NAMES - 1 {
            names.insert(&number.to_string());
        }
        assert!(names.may_contain("7") && !names.may_contain("proxy"));
        names.insert("last");
        names.insert("forgotten");
        assert!(names.may_contain("proxy") && names.may_contain("forgotten"));
        assert_eq!(names.names.lock().unwrap().len(), MAX_NAMES);
    }
}
