//! The servers to which the client sends the API key. `sources.toml` lists their origins, so a changed page cannot send
//! the key elsewhere. Without the list, only the server of the spec that was built last receives it.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Url;
use serde_json::Value;

use super::{diagnostics::fail_on, generator::KeyServer, sources::manifest};
use crate::{
    failure::{ExitClass, Failure},
    json, transaction,
    workspace::Workspace,
};

/// Returns the origins of servers that are not listed, each with the pointer of a server.
pub(crate) fn unlisted<'a>(servers: &'a [KeyServer], listed: &BTreeSet<String>) -> BTreeMap<String, &'a str> {
    let mut unlisted = BTreeMap::new();
    for KeyServer { pointer, url } in servers {
        let origin = origin(url);
        if !listed.contains(&origin) {
            unlisted.entry(origin).or_insert(pointer.as_str());
        }
    }
    unlisted
}

fn origin(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization())
}

/// Returns the origins that may receive the API key.
pub(crate) fn listed(root: &Workspace) -> Result<BTreeSet<String>, Failure> {
    if let Some(listed) = manifest::key_origins(root)? {
        return Ok(listed);
    }
    let spec = root.merged();
    if !spec.exists() {
        return Ok(BTreeSet::new());
    }
    let spec = json::parse(&transaction::read(&spec, ExitClass::Document)?).unwrap_or_default();
    Ok(spec.pointer("/servers/0/url").and_then(Value::as_str).map(origin).into_iter().collect())
}

/// Fails if the client would send the API key to an origin that is not listed, or to no origin at all.
pub(crate) fn check(servers: &[KeyServer], listed: &BTreeSet<String>) -> Result<(), Failure> {
    let invalid = servers.iter().filter(|server| Url::parse(&server.url).is_err());
    let invalid = invalid.map(|KeyServer { pointer, url }| {
        format!("openapi/distribute-ai.json: {pointer}: {url} is not a URL; correct the page in openapi/corrections/")
    });
    fail_on(invalid.collect())?;
    let missing = unlisted(servers, listed);
    let errors = missing.iter().map(|(origin, at)| {
        format!(
            "openapi/distribute-ai.json: {at}: the API key would be sent to {origin}, which openapi/sources.toml does not list"
        )
    });
    fail_on(errors.collect()).map_err(|failure| {
        let origins = listed.iter().chain(missing.keys()).cloned().collect();
        let line = manifest::key_origins_line(&origins);
        failure.hint(format!(
            "if these servers may receive the key, set this line in openapi/sources.toml: {line}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_sent_to_listed_origins_only() {
        let servers = ["https://a.example/v1", "https://c.example:8443/x", "https://a.example/v2"]
            .map(|url| KeyServer { pointer: format!("/{}", &url[8..9]), url: url.to_owned() });
        let check = |origins: &[&str]| {
            let listed = origins.iter().map(|origin| (*origin).to_owned()).collect();
            check(&servers, &listed).map_err(|failure| failure.to_string())
        };
        assert_eq!(check(&["https://a.example", "https://c.example:8443"]), Ok(()));
        let error = check(&["https://a.example"]).unwrap_err();
        assert_eq!(error.matches("error: ").count(), 1, "{error}");
        assert!(error.contains("/c: the API key would be sent to https://c.example:8443"), "{error}");
        assert!(
            error.contains(r#"key-origins = ["https://a.example", "https://c.example:8443"]"#),
            "{error}"
        );
    }
}
