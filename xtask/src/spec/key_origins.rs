//! The servers to which the client sends the API key. `sources.toml` lists their origins, so a changed page cannot send
//! the key elsewhere. Without the list, they are those of the spec that was built last.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Url;
use serde_json::Value;

use super::{
    diagnostics::fail_on,
    sources::manifest,
    traverse::{members, operations},
};
use crate::{
    failure::{ExitClass, Failure},
    json::{self, Pointer},
    transaction,
    workspace::Workspace,
};

/// Returns the origins that are not listed to which the client would send the API key, each with the pointer of a server.
pub(crate) fn unlisted(document: &Value, listed: &BTreeSet<String>) -> BTreeMap<String, Pointer> {
    let mut unlisted = BTreeMap::new();
    for (at, url) in servers(document) {
        let origin = Url::parse(&url).map_or(url, |url| url.origin().ascii_serialization());
        if !listed.contains(&origin) {
            unlisted.entry(origin).or_insert(at);
        }
    }
    unlisted
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
    Ok(unlisted(&spec, &BTreeSet::new()).into_keys().collect())
}

/// Fails if the client would send the API key to an origin that is not listed.
pub(crate) fn check(document: &Value, listed: &BTreeSet<String>) -> Result<(), Failure> {
    let missing = unlisted(document, listed);
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

/// Returns the servers that receive the key: the first of the document, and the first of each operation that needs the
/// key and has servers of its own.
fn servers(document: &Value) -> Vec<(Pointer, String)> {
    let root = Pointer::default();
    let mut servers: Vec<_> = first_server(document, &root).into_iter().collect();
    for (at, path, operation) in operations(document) {
        let security = operation.get("security").or_else(|| document.get("security"));
        let requirements = security.and_then(Value::as_array).into_iter().flatten();
        let needs_key = requirements
            .into_iter()
            .any(|requirement| requirement.as_object().is_some_and(|of| !of.is_empty()));
        if needs_key {
            let item = root.child("paths").child(path);
            let own = first_server(&document["paths"][path][method(&at)], &at);
            servers.extend(own.or_else(|| first_server(&document["paths"][path], &item)));
        }
    }
    servers
}

fn method(operation: &Pointer) -> String {
    operation.tokens().next_back().unwrap_or_default()
}

/// Returns the URL of the first server, with the defaults of its variables.
fn first_server(of: &Value, at: &Pointer) -> Option<(Pointer, String)> {
    let server = of.pointer("/servers/0")?;
    let url = server["url"].as_str()?.to_owned();
    let url = members(server.get("variables")).into_iter().fold(url, |url, (name, variable)| {
        url.replace(&format!("{{{name}}}"), variable["default"].as_str().unwrap_or_default())
    });
    Some((at.child("servers").child(0).child("url"), url))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn key_is_sent_to_listed_origins_only() {
        let server = |url: &str| json!([{"url": url}]);
        let document = json!({
        "servers": server("https://a.example/v1"),
        "security": [{"Key": []}],
        "paths": {
            "/a": {"get": {}, "servers": server("https://b.example")},
            "/b": {"get": {"servers": server("https://c.example:8443/x")}},
            "/c": {"get": {"servers": server("https://d.example"), "security": []}},
            "/d": {"get": {"servers": server("https://a.example/v2")}},
        }});
        let check = |origins: &[&str]| {
            let listed = origins.iter().map(|origin| (*origin).to_owned()).collect();
            check(&document, &listed).map_err(|failure| failure.to_string())
        };
        assert_eq!(check(&["https://a.example", "https://b.example", "https://c.example:8443"]), Ok(()));
        let error = check(&["https://a.example"]).unwrap_err();
        assert_eq!(error.matches("error: ").count(), 2, "{error}");
        assert!(
            error.contains(
                "/paths/~1b/get/servers/0/url: the API key would be sent to https://c.example:8443"
            )
        );
        assert!(error.contains("/paths/~1a/servers/0/url: "), "{error}");
        let line = r#"key-origins = ["https://a.example", "https://b.example", "https://c.example:8443"]"#;
        assert!(error.contains(line), "{error}");
    }
}
