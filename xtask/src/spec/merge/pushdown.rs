//! What a document says at its root about all its operations, said at each operation where the documents disagree.
//!
//! A root that is silent says something too: no `security` means that nobody is asked who they are, no `servers`
//! means the server that the document came from.

use serde_json::{Value, json};

use crate::{json::equivalent, spec::traverse::METHODS};

/// The documents, with roots that no longer differ in `security` and `servers`.
pub(super) fn push_down(documents: &[(String, Value)]) -> Vec<(String, Value)> {
    let mut documents = documents.to_vec();
    for (key, meaning) in [("security", security as Meaning), ("servers", servers)] {
        let meanings: Vec<_> = documents.iter().map(|(_, d)| meaning(d)).collect();
        if meanings.windows(2).all(|pair| equivalent(&pair[0], &pair[1])) {
            continue;
        }
        for ((_, document), meaning) in documents.iter_mut().zip(meanings) {
            push(document, key, &meaning);
        }
    }
    documents
}

type Meaning = fn(&Value) -> Value;

fn security(document: &Value) -> Value {
    document.get("security").cloned().unwrap_or(json!([]))
}

fn servers(document: &Value) -> Value {
    let said = document.get("servers").filter(|servers| **servers != json!([]));
    said.cloned().unwrap_or(json!([{"url": "/"}]))
}

fn push(document: &mut Value, key: &str, meaning: &Value) {
    let Value::Object(root) = document else { return };
    root.remove(key);
    let paths = root.get_mut("paths").and_then(Value::as_object_mut);
    let items = paths.into_iter().flatten().filter(|(path, _)| path.starts_with('/'));
    for (_, item) in items {
        let Value::Object(item) = item else { continue };
        // A path item may have servers of its own, which its operations already follow.
        if says(item.get(key), key) {
            continue;
        }
        for method in METHODS {
            if let Some(Value::Object(operation)) = item.get_mut(method)
                && !says(operation.get(key), key)
            {
                operation.insert(key.to_owned(), meaning.clone());
            }
        }
    }
}

/// An empty `security` says that nobody is asked; an empty `servers` says nothing.
fn says(value: Option<&Value>, key: &str) -> bool {
    value.is_some_and(|value| key == "security" || *value != json!([]))
}
