//! Requirements of credentials.

use serde_json::{Value, json};

use super::assert_levels;
use crate::spec::diff::{diff, finding::worst};

#[test]
fn requirements_that_differ_only_in_scopes_are_alternatives() {
    let of_document = |security: &Value| json!({"security": security, "paths": {"/a": {"get": {}}}});
    let of_operation = |security: &Value| json!({"paths": {"/a": {"get": {"security": security}}}});
    for (base, revision, expected) in [
        (json!([{"o": ["r"]}, {"o": ["w"]}]), json!([{"o": ["w"]}]), ["err", "info"]),
        (json!([{"o": ["r"]}, {"o": ["w"]}]), json!([{"o": ["r"]}]), ["err", "info"]),
        (json!([{"o": ["r"]}]), json!([{"o": ["r"]}, {"o": ["r", "w"]}]), ["info", "info"]),
        (json!([{"o": ["r"]}]), json!([{"o": ["r", "w"]}, {}]), ["info", "err"]),
        (json!([{"o": ["r"]}]), json!([{"o": ["r", "w"]}]), ["err", "info"]),
        (json!([{"o": ["r"]}]), json!([{"o": ["w"]}]), ["err", "err"]),
        (json!([{"o": ["r"]}, {"o": ["w"]}]), json!([{"o": ["w"]}, {"o": ["r"]}]), ["none", "none"]),
    ] {
        assert_levels(&of_document(&base), &of_document(&revision), expected);
        assert_levels(&of_operation(&base), &of_operation(&revision), expected);
    }
}

#[test]
fn schemes_with_equal_credentials_are_one() {
    let document = |schemes: Value, name: &str| json!({"components": {"securitySchemes": schemes}, "security": [{name: []}], "paths": {"/a": {"get": {}}}});
    let key = |name: &str| json!({"type": "apiKey", "in": "header", "name": name});
    let [a, b] = [key("A"), key("B")];
    let bearer = |more: Value| {
        let mut scheme = json!({"type": "http", "scheme": "bearer"});
        json_patch::merge(&mut scheme, &more);
        scheme
    };
    let oauth = |url: &str, scopes: Value| json!({"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": url, "scopes": scopes}}});
    for (base, revision, expected) in [
        // Both are defined and equal.
        (document(json!({"k": a, "k2": a}), "k"), document(json!({"k": a, "k2": a}), "k2"), ["none", "none"]),
        (document(json!({"k": a}), "k"), document(json!({"k": a, "k2": key("a")}), "k2"), ["info", "info"]),
        (document(json!({"k": a, "l": b}), "k"), document(json!({"k": b, "l": a}), "l"), ["info", "info"]),
        (document(json!({"k": a, "l": b}), "k"), document(json!({"k": b, "l": a}), "k"), ["err", "err"]),
        (document(json!({"k": a, "l": b}), "k"), document(json!({"k": a, "l": b}), "l"), ["err", "err"]),
        (document(json!({"k": a}), "k"), document(json!({"k": b}), "k"), ["err", "err"]),
        (
            document(json!({"k": bearer(json!({}))}), "k"),
            document(json!({"l": bearer(json!({"scheme": "Bearer", "bearerFormat": "JWT"}))}), "l"),
            ["info", "info"],
        ),
        (
            document(json!({"k": oauth("u", json!({}))}), "k"),
            document(json!({"l": oauth("u", json!({"r": "d"}))}), "l"),
            ["info", "info"],
        ),
        (
            document(json!({"k": oauth("u", json!({}))}), "k"),
            document(json!({"l": oauth("v", json!({}))}), "l"),
            ["err", "err"],
        ),
    ] {
        assert_levels(&base, &revision, expected);
    }
}

#[test]
fn scheme_that_no_operation_requires_may_change() {
    let document = |scheme: Value, security: Value| json!({"components": {"securitySchemes": {"s": scheme}}, "security": security, "paths": {"/a": {"get": {}}}});
    let flow = json!({"tokenUrl": "u", "scopes": {}});
    let oauth = |flows: Value| json!({"type": "oauth2", "flows": flows});
    let both = oauth(json!({"clientCredentials": flow, "password": flow}));
    for other in [oauth(json!({"password": flow})), json!({"type": "apiKey", "in": "header", "name": "a"})] {
        for (security, expected) in [(json!([]), "info"), (json!([{"s": []}]), "err")] {
            let level =
                worst(&diff(&document(both.clone(), security.clone()), &document(other.clone(), security)));
            assert_eq!(level.0.as_str(), expected, "{other}");
        }
    }
}

#[test]
fn scheme_that_the_documents_do_not_require_in_common_may_change() {
    let document = |name: &str, of_document: Value, of_operation: Value| {
        let scheme = json!({"type": "apiKey", "in": "header", "name": name});
        json!({"components": {"securitySchemes": {"s": scheme}}, "security": of_document,
            "paths": {"/a": {"get": {"security": of_operation}}}})
    };
    let (needed, open) = (json!([{"s": []}]), json!([]));
    for (base, revision, expected) in [
        // The operation overrides the document.
        (document("a", needed.clone(), open.clone()), document("b", needed.clone(), open.clone()), "info"),
        (document("a", open.clone(), needed.clone()), document("b", open.clone(), open.clone()), "info"),
        (document("a", open.clone(), needed.clone()), document("b", open.clone(), needed), "err"),
    ] {
        assert_eq!(worst(&diff(&base, &revision)).0.as_str(), expected, "{base} {revision}");
    }
}

#[test]
fn requirements_that_differ_only_in_scopes_have_other_fingerprints() {
    let document = |security: Value| json!({"security": security, "paths": {"/a": {"get": {}}}});
    let base = document(json!([{"o": ["r"]}, {"o": ["w"]}, {"k": []}]));
    let findings = diff(&base, &document(json!([{"k": []}])));
    let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert!(
        messages[0].starts_with("security o (r): ") && messages[1].starts_with("security o (w): "),
        "{messages:?}"
    );
    assert_ne!(findings[0].fingerprint, findings[1].fingerprint);
}
