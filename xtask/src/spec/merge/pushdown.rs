//! Moves `security` and `servers` from the roots of the documents to their operations, if the roots differ.
//!
//! A missing member has a meaning too: without `security`, no authentication is required. Without `servers`,
//! the server is the one that serves the document.

use serde_json::{Value, json};

use crate::{json::equivalent, spec::traverse::METHODS};

/// Returns the documents with roots that do not differ in `security` and `servers`.
pub(super) fn push_down(documents: &[(String, Value)]) -> Vec<(String, Value)> {
    let mut documents = documents.to_vec();
    for (key, effective) in [("security", effective_security as Effective), ("servers", effective_servers)] {
        let values: Vec<_> = documents.iter().map(|(_, d)| effective(d)).collect();
        if values.windows(2).all(|pair| equivalent(&pair[0], &pair[1])) {
            continue;
        }
        for ((_, document), value) in documents.iter_mut().zip(values) {
            move_to_operations(document, key, &value);
        }
    }
    documents
}

/// Returns the effective value of a root member, which may be missing.
type Effective = fn(&Value) -> Value;

fn effective_security(document: &Value) -> Value {
    document.get("security").cloned().unwrap_or(json!([]))
}

fn effective_servers(document: &Value) -> Value {
    let explicit = document.get("servers").filter(|servers| **servers != json!([]));
    explicit.cloned().unwrap_or(json!([{"url": "/"}]))
}

fn move_to_operations(document: &mut Value, key: &str, value: &Value) {
    let Value::Object(root) = document else { return };
    root.remove(key);
    let paths = root.get_mut("paths").and_then(Value::as_object_mut);
    let items = paths.into_iter().flatten().filter(|(path, _)| path.starts_with('/'));
    for (_, item) in items {
        let Value::Object(item) = item else { continue };
        // The operations already use the servers of their path item.
        if is_specified(item.get(key), key) {
            continue;
        }
        for method in METHODS {
            if let Some(Value::Object(operation)) = item.get_mut(method)
                && !is_specified(operation.get(key), key)
            {
                operation.insert(key.to_owned(), value.clone());
            }
        }
    }
}

/// Returns `true` if the member has a meaning of its own.
///
/// An empty `security` turns authentication off. An empty `servers` is equivalent to a missing one.
fn is_specified(value: Option<&Value>, key: &str) -> bool {
    value.is_some_and(|value| key == "security" || *value != json!([]))
}
