//! Checks of single settings: the base URL, times and header values.

use std::{env, time::Duration};

use reqwest::{Url, header::HeaderValue};

use super::address::is_loopback;
use crate::{Error, generated::facts};

/// Reads an environment variable. An empty variable counts as not set.
pub(super) fn read_env_var(name: &'static str) -> Result<Option<String>, Error> {
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.trim().is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            Err(Error::invalid(name, "not valid UTF-8, expected UTF-8; set the variable again"))
        }
    }
}

pub(super) fn user_agent_header(agent: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(agent).map_err(|_| {
        let problem = format!("{agent:?} contains an invalid character, expected printable ASCII");
        Error::invalid("user_agent", problem)
    })
}

/// Checks for TLS, because without TLS every request would fail with a connection error.
pub(super) fn require_tls(base_url: &Url) -> Result<(), Error> {
    if base_url.scheme() == "https" && !cfg!(any(feature = "rustls", feature = "native-tls")) {
        let problem = "https is unsupported by this build, expected a build with TLS; enable the feature \
                       `rustls` or `native-tls`, or pass an `http_client`";
        return Err(Error::invalid("base_url", problem));
    }
    Ok(())
}

pub(super) fn require_nonzero(field: &'static str, time: Duration) -> Result<Duration, Error> {
    if time.is_zero() {
        Err(Error::invalid(field, "0 s is too short, expected more than 0 s"))
    } else {
        Ok(time)
    }
}

pub(super) fn parse_base_url(text: &str, allow_http: bool) -> Result<Url, Error> {
    let invalid = |problem: &str| Err(Error::invalid("base_url", problem));
    let text = text.trim();
    let Ok(url) = Url::parse(text) else {
        return invalid(&format!(
            "{} is not a URL, expected a scheme and a host, as in {}",
            quoted(text),
            facts::BASE_URL
        ));
    };
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return invalid(&format!(
            "{} is not supported, expected `https://` and a host, as in {}",
            quoted(text),
            facts::BASE_URL
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return invalid("contains a user or password, expected neither; pass the API key to `api_key`");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return invalid("contains a query or fragment, expected a URL to which paths can be appended");
    }
    if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
        return invalid(&format!(
            "{url} would send the API key unencrypted, expected `https://`; in a trusted network, \
             call `allow_http`"
        ));
    }
    Ok(url)
}

/// Quotes an invalid URL for an error message. The part before an `@` is omitted, because it may be
/// a password.
fn quoted(text: &str) -> String {
    let text: String = text.rsplit('@').next().unwrap_or_default().chars().take(200).collect();
    format!("{text:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_invalid(checked: Result<impl Sized, Error>, expected: &str) {
        let error = checked.map(drop).unwrap_err();
        assert!(error.is_invalid(), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn base_url_without_scheme_or_host_or_with_secrets_is_rejected() {
        for (url, expected) in [
            ("api.distribute.ai", "\"api.distribute.ai\" is not a URL, expected a scheme and a host"),
            ("", "expected a scheme and a host"),
            ("localhost:8080", "expected `https://` and a host"),
            ("ftp://example.com", "expected `https://`"),
            ("me:hunter2@example.com", "\"example.com\" is not supported, expected `https://`"),
            ("https://me:hunter2@example.com", "user or password"),
            ("https://hunter2@example.com", "user or password"),
            ("https://:hunter2@example.com", "user or password"),
            ("https://example.com/?a=1", "query or fragment"),
        ] {
            assert_invalid(parse_base_url(url, false), expected);
        }
    }

    #[test]
    fn plain_http_to_other_hosts_requires_allow_http() {
        assert_invalid(parse_base_url("http://example.com", false), "unencrypted");
        assert_invalid(parse_base_url("http://127.0.0.1.example.com", false), "unencrypted");
        for url in ["http://localhost:1", "http://127.0.0.1:1/v1/", "http://[::1]:1"] {
            parse_base_url(url, false).unwrap();
        }
        parse_base_url("http://example.com", true).unwrap();
    }

    #[test]
    fn user_agent_with_line_break_is_rejected() {
        assert_invalid(user_agent_header("a\nb"), "user_agent");
    }

    #[test]
    fn environment_variable_is_read_if_it_is_set() {
        assert_eq!(read_env_var("PATH").unwrap(), Some(env::var("PATH").unwrap()));
        assert_eq!(read_env_var("DISTRIBUTE_AI_NEVER_SET").unwrap(), None);
    }
}
