//! The committed form of a document. It is the same for equal documents, so a text diff shows only real
//! changes.

use serde_json::Value;

use super::sorted;

/// Returns the document with keys sorted at every depth, two spaces per level, and a final newline.
///
/// The keys are sorted explicitly because another crate's feature flag may turn `serde_json`'s map into one
/// that keeps insertion order.
pub(crate) fn canonical(value: &Value) -> String {
    format!("{:#}\n", sort(value))
}

fn sort(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let members = sorted(object).into_iter();
            Value::Object(members.map(|(key, value)| (key.clone(), sort(value))).collect())
        }
        Value::Array(items) => items.iter().map(sort).collect(),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_sorts_keys_at_every_depth_and_keeps_list_order() {
        let value = json!({"b": [{"d": 1, "c": 2.50}, "a"], "a": {}});
        let expected = "{\n  \"a\": {},\n  \"b\": [\n    {\n      \"c\": 2.5,\n      \"d\": 1\n    },\n    \"a\"\n  ]\n}\n";
        assert_eq!(canonical(&value), expected);
    }
}
