//! The HTTP clients that this library builds: its defaults, then the user's changes, then the settings that stay.

use std::{sync::Arc, time::Duration};

use reqwest::{header::HeaderValue, redirect, retry};

use crate::Error;

/// A change of the settings by the user.
pub(super) type ConfigureHttp = Arc<dyn Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync>;

/// The settings that all HTTP clients of a [`Client`](crate::Client) have in common.
pub(super) struct HttpSettings {
    pub(super) connect_timeout: Duration,
    pub(super) changes: Vec<ConfigureHttp>,
    pub(super) allow_http: bool,
}

impl HttpSettings {
    /// Returns the settings of an HTTP client. The user's code runs here, not in [`build`](Self::build).
    ///
    /// A `local` client ignores the proxies of the environment. That keeps plain-text requests to this machine off
    /// the network, and a proxy would look for the host on its own machine.
    pub(super) fn builder(&self, local: bool, user_agent: Option<&HeaderValue>) -> reqwest::ClientBuilder {
        let mut builder = reqwest::Client::builder().connect_timeout(self.connect_timeout);
        if local {
            builder = builder.no_proxy();
        }
        if let Some(agent) = user_agent {
            builder = builder.user_agent(agent.clone());
        }
        let mut builder = self.changes.iter().fold(builder, |builder, change| change(builder));
        if local && !self.allow_http {
            // A proxy would receive the API key unencrypted.
            builder = builder.no_proxy();
        }
        builder
            // A request to the API must not be redirected to another server, and each redirect of a download is checked.
            .redirect(redirect::Policy::none())
            // A retried submission may be billed again. The library retries the other requests itself.
            .retry(retry::never())
            // Another crate may enable decompression. It hides the length of the audio, and the library decodes
            // the API's responses itself.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
    }

    /// Returns the function that builds an HTTP client from its settings.
    pub(super) fn build(&self) -> impl Fn(reqwest::ClientBuilder) -> Result<reqwest::Client, Error> + use<> {
        let field = if self.changes.is_empty() { "http_client" } else { "configure_http" };
        move |builder| {
            let problem = "could not build an HTTP client with these settings";
            builder.build().map_err(|error| Error::invalid(field, problem).with_source(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_of_the_user_is_ignored_for_plain_http_to_this_machine() {
        let uses_proxy = |local, allow_http| {
            let proxy = reqwest::Proxy::all("http://127.0.0.1:1").unwrap();
            let change: ConfigureHttp = Arc::new(move |builder| builder.proxy(proxy.clone()));
            let changes = vec![change];
            let http = HttpSettings { connect_timeout: Duration::from_secs(1), changes, allow_http };
            format!("{:?}", http.builder(local, None)).contains("proxies")
        };
        assert!(!uses_proxy(true, false));
        assert!(uses_proxy(true, true) && uses_proxy(false, false) && uses_proxy(false, true));
    }
}
