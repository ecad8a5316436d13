//! One page from the network: the only file that opens a connection.

use std::{io::Read, time::Duration};

use reqwest::{Url, blocking::Client, redirect};

use super::page::Page;
use crate::failure::{ExitClass, Failure};

/// A documentation page is some kilobytes; what is larger than this is something else.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// An address that a page may come from: https, or http on this machine.
pub(crate) fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is no address: {error}"))?;
    if is_allowed(&url) {
        return Ok(url);
    }
    Err(format!("`{text}` is not allowed; expected https:// (http:// only to this machine)"))
}

/// A client whose every page must be complete within the timeout.
pub(crate) fn client(timeout: Duration) -> Result<Client, Failure> {
    // A redirect may not lead where an address in sources.toml may not.
    let redirects = redirect::Policy::custom(|attempt| {
        if !is_allowed(attempt.url()) {
            let error = format!("redirected to {}, which is not https", attempt.url());
            return attempt.error(error);
        }
        redirect::Policy::limited(5).redirect(attempt)
    });
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .timeout(timeout)
        .redirect(redirects)
        .user_agent(concat!("distribute-ai-xtask/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| network(&error))
}

/// The page at the address, whatever it holds: whether it is the right one is for its reader to say.
pub(crate) fn get(client: &Client, address: &Url) -> Result<Page, Failure> {
    let reply = client
        .get(address.clone())
        .send()
        .and_then(reqwest::blocking::Response::error_for_status)
        .map_err(|error| network(&error.without_url()))?;
    let from = reply.url().clone();
    let mut bytes = Vec::new();
    reply.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| network(&error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::document(format!(
            "{from}: larger than {MAX_BYTES} bytes, so no documentation page"
        )));
    }
    let redirected = (from != *address).then(|| from.to_string());
    Page::from_bytes(bytes, redirected)
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

/// An error with its causes on one line: reqwest's own text stops before the reason.
fn network(error: &dyn std::error::Error) -> Failure {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    Failure::new(ExitClass::Network, vec![text])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for allowed in [
            "https://docs.distribute.ai/a.md",
            "http://localhost:80/",
            "http://127.0.0.1:1/a",
            "http://[::1]:1/a",
        ] {
            assert!(address(allowed).is_ok(), "{allowed}");
        }
        for refused in [
            "http://docs.distribute.ai/a.md",
            "http://127.0.0.1.example.com/",
            "file:///etc/passwd",
            "docs.distribute.ai",
        ] {
            assert!(address(refused).is_err(), "{refused}");
        }
    }
}
