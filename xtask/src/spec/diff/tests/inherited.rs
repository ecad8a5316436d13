//! What operations inherit from their document.

use serde_json::{Value, json};

use super::assert_levels;

#[test]
fn path_with_a_renamed_variable_inherits_servers_and_security() {
    let document = |name: &str, members: Value| {
        let parameter = json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}});
        let mut document = json!({
            "components": {"securitySchemes": {"k": {"type": "apiKey", "in": "header", "name": "k"}}},
            "paths": {format!("/a/{{{name}}}"): {"get": {"parameters": [parameter]}}}});
        json_patch::merge(&mut document, &members);
        document
    };
    let server = |url: &str| json!({"servers": [{"url": url}]});
    for (base, revision, expected) in [
        (server("https://a"), server("https://b"), ["err", "err"]),
        (json!({}), json!({"security": [{"k": []}]}), ["err", "info"]),
    ] {
        assert_levels(&document("id", base.clone()), &document("user_id", revision.clone()), expected);
        assert_levels(&document("id", base), &document("id", revision), expected);
    }
}
