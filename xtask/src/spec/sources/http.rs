//! Downloads pages and documents. No other module of this tool opens a connection.

use std::time::Duration;

use reqwest::{StatusCode, Url, redirect};
use tokio::runtime::{self, Runtime};

use super::page::{Absence, Page};
use crate::failure::{ExitClass, Failure};

/// The maximum size of a response in bytes. Documentation pages have some kilobytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Parses the address of a page or a document. The scheme must be https, or http for this machine.
pub(crate) fn parse_address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| {
        // It may contain a password or a token.
        let shown = if text.contains(['@', '?', '#']) { String::new() } else { format!(" `{text}`") };
        format!("invalid address{shown}: {error}")
    })?;
    if is_allowed(&url) {
        return Ok(url);
    }
    let shown = without_secrets(&url);
    Err(format!("address `{shown}` is not allowed, expected https:// (or http:// for this machine)"))
}

/// The body of a response, and the final address if the request was redirected.
#[derive(Debug)]
pub(crate) struct Download {
    pub(crate) bytes: Vec<u8>,
    redirected: Option<String>,
}

/// Downloads pages and documents, one at a time.
#[derive(Debug)]
pub(crate) struct Client {
    runtime: Runtime,
    client: reqwest::Client,
}

impl Client {
    /// Returns a client. Each of its downloads must complete within `timeout`.
    ///
    /// The client is not reqwest's blocking one, which applies the timeout to each part of the body.
    pub(crate) fn new(timeout: Duration) -> Result<Self, Failure> {
        // Apply the same rule to redirects as to the addresses in sources.toml.
        let redirects = redirect::Policy::custom(|attempt| {
            if !is_allowed(attempt.url()) {
                let error = format!("redirected to {}, expected https", without_secrets(attempt.url()));
                return attempt.error(error);
            }
            redirect::Policy::limited(5).redirect(attempt)
        });
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .timeout(timeout)
            .redirect(redirects)
            .user_agent(concat!("distribute-ai-xtask/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| network_failure(&error))?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self { runtime: runtime.map_err(|error| network_failure(&error))?, client })
    }

    /// Downloads the page at the address. The content is not checked here.
    ///
    /// # Errors
    ///
    /// Returns an error for every status but a success, 404 and 410, because the page may be unchanged.
    pub(crate) fn get(&self, address: &Url) -> Result<Result<Page, Absence>, Failure> {
        let downloaded = self.download(address)?;
        Ok(downloaded.and_then(|Download { bytes, redirected }| Page::from_bytes(bytes, redirected)))
    }

    /// Downloads the content at the address. Otherwise like [`get`](Self::get).
    pub(crate) fn download(&self, address: &Url) -> Result<Result<Download, Absence>, Failure> {
        let failed = |error: reqwest::Error| network_failure(&error.without_url());
        self.runtime.block_on(async {
            let mut response = self.client.get(address.clone()).send().await.map_err(failed)?;
            let from = without_secrets(response.url());
            if matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::GONE) {
                return Ok(Err(Absence::Removed(format!("{from}: {}", response.status()))));
            }
            response.error_for_status_ref().map_err(failed)?;
            // Such as 304, or a redirect without a location.
            if !response.status().is_success() {
                let error = format!("{from}: HTTP status {}, expected a success", response.status());
                return Err(Failure::new(ExitClass::Network, vec![error]));
            }
            let mut bytes = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                bytes.extend_from_slice(&chunk);
                if bytes.len() > MAX_BYTES {
                    let error = format!("response is too large, expected at most {MAX_BYTES} bytes");
                    return Ok(Err(Absence::NotJson(vec![error])));
                }
            }
            // The address of a response has no user.
            let redirected = (*response.url() != without_user(address)).then_some(from);
            Ok(Ok(Download { bytes, redirected }))
        })
    }
}

/// Returns the address without the parts that may contain a password or a token.
pub(crate) fn without_secrets(address: &Url) -> String {
    let mut address = without_user(address);
    address.set_query(None);
    address.set_fragment(None);
    if address.has_host() { address.into() } else { format!("{}:", address.scheme()) }
}

fn without_user(address: &Url) -> Url {
    let mut address = address.clone();
    // Fails for an address without a host, which has no user.
    let _ = address.set_username("").and(address.set_password(None));
    address
}

fn is_allowed(url: &Url) -> bool {
    let loopback = || match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        None => false,
    };
    match url.scheme() {
        "https" => true,
        "http" => loopback(),
        _ => false,
    }
}

/// Returns a failure with the error and its causes on one line, because reqwest's own message omits the
/// causes.
fn network_failure(error: &dyn std::error::Error) -> Failure {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    Failure::new(ExitClass::Network, vec![text])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_secrets_removes_user_password_query_and_fragment() {
        for (address, shown) in [
            ("https://user:password@x.y/a.md?token=secret#secret", "https://x.y/a.md"),
            ("http://[::1]:1/a", "http://[::1]:1/a"),
            ("mailto:secret@x.y", "mailto:"),
        ] {
            assert_eq!(without_secrets(&address.parse().unwrap()), shown);
        }
    }

    #[test]
    fn parse_address_of_plain_http_is_allowed_only_for_loopback() {
        for allowed in [
            "https://docs.distribute.ai/a.md",
            "http://localhost:80/",
            "http://127.0.0.1:1/a",
            "http://[::1]:1/a",
        ] {
            assert!(parse_address(allowed).is_ok(), "{allowed}");
        }
        for rejected in [
            "http://docs.distribute.ai/a.md",
            "http://127.0.0.1.example.com/",
            "file:///etc/passwd",
            "docs.distribute.ai",
        ] {
            assert!(parse_address(rejected).is_err(), "{rejected}");
        }
    }

    #[test]
    fn error_about_an_address_shows_no_password_and_no_token() {
        for address in [
            "http://user:secret@x.y/a",
            "http://x.y/a?token=secret#secret",
            "https://user:secret@x.y:99999/a",
            "https://x.y:99999/a?token=secret",
            "https://x.y:99999/#secret",
        ] {
            let error = parse_address(address).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
