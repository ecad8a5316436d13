//! Moves `security` and `servers` from the roots of the documents to their operations, where the documents differ.
//!
//! The value of most documents stays at the root, because the client has one base URL. The operations of the other
//! documents get their own. A missing member has a meaning too: without `security`, no authentication is required.
//! Without `servers`, the server is the one that serves the document.

use std::cmp::Reverse;

use serde_json::{Value, json};

use crate::{json::equivalent, spec::traverse::METHODS};

/// Returns the documents with roots that do not differ in `security` and `servers`.
pub(super) fn push_down(documents: &[(String, Value)]) -> Vec<(String, Value)> {
    let mut documents = documents.to_vec();
    for (key, effective) in [("security", effective_security as Effective), ("servers", effective_servers)] {
        let values: Vec<_> = documents.iter().map(|(_, document)| effective(document)).collect();
        let count = |value: &Value| values.iter().filter(|other| same(value, other)).count();
        let explicit = |value: &Value| documents.iter().any(|(_, document)| document.get(key) == Some(value));
        // The most frequent value. Of two, one that a document states, and then any, independently of their order.
        let rank = |value: &&Value| (count(value), explicit(value), Reverse(value.to_string()));
        let common = values.iter().max_by_key(rank).cloned().unwrap_or_default();
        for ((_, document), value) in documents.iter_mut().zip(&values) {
            if !same(value, &common) {
                move_to_operations(document, key, value);
            }
        }
    }
    documents
}

/// Returns `true` if the values differ in descriptions only.
fn same(one: &Value, other: &Value) -> bool {
    equivalent(&without_descriptions(one), &without_descriptions(other))
}

fn without_descriptions(value: &Value) -> Value {
    let mut value = value.clone();
    for item in value.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        item.remove("description");
    }
    value
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
