//! The differences between the public surfaces of two generated clients, by the rules that cargo has for compatible
//! versions.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    json::Object,
    spec::{diff::ClientLevel, generator::Items},
};

/// A difference of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The path of the item, such as `types::SpeechRequest::voice`.
    pub(crate) item: String,
    pub(crate) level: ClientLevel,
    pub(crate) text: String,
}

/// Returns all differences, in the order of the items.
pub(crate) fn differences(old: &Items, new: &Items) -> Vec<Difference> {
    let paths: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let mut found = Vec::new();
    for path in paths {
        // The items of an item that is added or removed as a whole are not differences of their own.
        let is_part = |items: &Items| parents(path).any(|parent| items.contains_key(parent));
        match (old.get(path), new.get(path)) {
            (Some(old_item), None) if !parents(path).any(|parent| is_missing(parent, old, new)) => {
                let text = format!("{} removed", kind(old_item));
                found.push(Difference { item: path.clone(), level: ClientLevel::Breaking, text });
            }
            (None, Some(new_item)) if !parents(path).any(|parent| is_missing(parent, new, old)) => {
                let owner = parents(path).find_map(|parent| old.get(parent));
                let level = if is_part(old) && breaks_owner(owner, new_item) {
                    ClientLevel::Breaking
                } else {
                    ClientLevel::Compatible
                };
                found.push(Difference {
                    item: path.clone(),
                    level,
                    text: format!("{} added", kind(new_item)),
                });
            }
            (Some(Value::Object(old)), Some(Value::Object(new))) => compare(path, old, new, &mut found),
            _ => {}
        }
    }
    found
}

/// Returns the paths of the items that contain an item.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices("::").map(|(end, _)| &path[..end])
}

/// Returns `true` if an item exists in the first surface only.
fn is_missing(path: &str, first: &Items, second: &Items) -> bool {
    first.contains_key(path) && !second.contains_key(path)
}

fn kind(item: &Value) -> &str {
    item["kind"].as_str().unwrap_or("item")
}

/// Returns `true` if code for a type without the new item does not compile: a match without the variant, or a literal
/// without the field.
fn breaks_owner(owner: Option<&Value>, item: &Value) -> bool {
    let is_extensible = owner.is_some_and(|owner| owner["extensible"] == true);
    !is_extensible && matches!(kind(item), "variant" | "field")
}

/// Compares two items of the same path.
fn compare(path: &str, old: &Object, new: &Object, found: &mut Vec<Difference>) {
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for key in keys {
        let (before, after) =
            (&old.get(key).cloned().unwrap_or_default(), &new.get(key).cloned().unwrap_or_default());
        // The place in the document, and the name in JSON, which `serde` has too, are no part of the API.
        if before == after || key == "origin" || key == "property" {
            continue;
        }
        if key == "traits" {
            compare_traits(path, before, after, found);
            continue;
        }
        let level = match (key.as_str(), before, after) {
            // The limits of a number are checked when a program runs. A type can be extended later, or a method is
            // there without the feature.
            ("bounds", ..) | ("extensible" | "testing", Value::Bool(true), _) => ClientLevel::Compatible,
            ("type", ..) if old.get("kind").is_some_and(|kind| kind == "constant") => {
                constant_level(path, before, after)
            }
            _ => ClientLevel::Breaking,
        };
        let text = format!("{} {} is now {}", label(key), shown(before), shown(after));
        found.push(Difference { item: path.to_owned(), level, text });
    }
}

/// Returns the level of a changed fact of the document.
fn constant_level(path: &str, before: &Value, after: &Value) -> ClientLevel {
    let is_breaking = match path {
        // Another default server receives the requests of every program that sets none. Published releases send the key in
        // the old header.
        "facts::BASE_URL" | "facts::KEY_HEADER" => true,
        // Published releases send no key to these operations.
        "facts::WITHOUT_KEY" => !quoted(before).is_subset(&quoted(after)),
        _ => false,
    };
    if is_breaking { ClientLevel::Breaking } else { ClientLevel::Compatible }
}

/// Returns the texts of a constant that is a list of texts.
fn quoted(list: &Value) -> BTreeSet<&str> {
    list.as_str().unwrap_or_default().split('"').skip(1).step_by(2).collect()
}

fn compare_traits(path: &str, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    let names = |value: &Value| -> BTreeSet<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (before, after) = (names(before), names(after));
    let removed =
        before.difference(&after).map(|name| (ClientLevel::Breaking, format!("no longer implements {name}")));
    let added = after.difference(&before).map(|name| (ClientLevel::Compatible, format!("implements {name}")));
    found.extend(removed.chain(added).map(|(level, text)| Difference { item: path.to_owned(), level, text }));
}

fn label(key: &str) -> &str {
    match key {
        "serde" => "form in JSON",
        key => key,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        Value::Array(items) => {
            let items =
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
            format!("`{}`", items.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(old: Value, new: Value) -> Vec<(String, ClientLevel, String)> {
        let items = |value: Value| value.as_object().cloned().unwrap();
        let found = differences(&items(old), &items(new));
        found.into_iter().map(|difference| (difference.item, difference.level, difference.text)).collect()
    }

    fn one(old: &Value, new: &Value) -> (ClientLevel, String) {
        let found = of(json!({"types::A": old}), json!({"types::A": new}));
        let [(_, level, text)] = found.as_slice() else { panic!("{found:?}") };
        (*level, text.clone())
    }

    #[test]
    fn items_are_compared_by_the_rules_of_cargo() {
        use ClientLevel::{Breaking, Compatible};
        let open = json!({"kind": "struct", "extensible": true, "traits": ["Clone"]});
        let closed = json!({"kind": "struct", "extensible": false, "traits": ["Clone"]});
        assert_eq!(one(&closed, &open), (Breaking, "extensible false is now true".to_owned()));
        assert_eq!(one(&open, &closed), (Compatible, "extensible true is now false".to_owned()));
        let copy = json!({"kind": "struct", "extensible": true, "traits": ["Clone", "Copy"]});
        assert_eq!(one(&open, &copy), (Compatible, "implements Copy".to_owned()));
        assert_eq!(one(&copy, &open), (Breaking, "no longer implements Copy".to_owned()));
        let number = |bounds: &str| json!({"kind": "number", "type": "f64", "bounds": bounds});
        assert_eq!(one(&number("0..1"), &number("0..2")).0, Compatible);
        let field = |kind: &str| json!({"kind": "field", "type": kind, "serde": []});
        assert_eq!(one(&field("i64"), &field("f64")), (Breaking, "type `i64` is now `f64`".to_owned()));
        let method = |testing: bool| json!({"kind": "method", "arguments": [], "testing": testing});
        assert_eq!(one(&method(true), &method(false)).0, Compatible);
        assert_eq!(one(&method(false), &method(true)).0, Breaking);
    }

    #[test]
    fn method_that_sends_another_request_is_breaking() {
        let method = |request: &str| json!({"Client::a()": {"kind": "method", "request": request}});
        let expected =
            ("Client::a()".to_owned(), ClientLevel::Breaking, "request `GET /a` is now `GET /b`".to_owned());
        assert_eq!(of(method("GET /a"), method("GET /b")), [expected]);
        assert_eq!(of(method("GET /a"), method("GET /a")), []);
    }

    #[test]
    fn parts_of_a_new_or_removed_item_are_no_differences_of_their_own() {
        use ClientLevel::{Breaking, Compatible};
        let open = json!({"kind": "enum", "extensible": true});
        let closed = json!({"kind": "enum", "extensible": false});
        let variant = json!({"kind": "variant", "type": "", "serde": []});
        let whole = json!({"types::A": open, "types::A::B": variant});
        assert_eq!(
            of(json!({}), whole.clone()),
            [("types::A".to_owned(), Compatible, "enum added".to_owned())]
        );
        assert_eq!(
            of(whole.clone(), json!({})),
            [("types::A".to_owned(), Breaking, "enum removed".to_owned())]
        );
        let added = |owner: &Value| {
            of(json!({"types::A": owner}), json!({"types::A": owner, "types::A::B": variant}))
        };
        assert_eq!(added(&open), [("types::A::B".to_owned(), Compatible, "variant added".to_owned())]);
        assert_eq!(added(&closed), [("types::A::B".to_owned(), Breaking, "variant added".to_owned())]);
        let removed = of(whole, json!({"types::A": open}));
        assert_eq!(removed, [("types::A::B".to_owned(), Breaking, "variant removed".to_owned())]);
    }

    #[test]
    fn fact_is_breaking_if_requests_of_published_releases_are_rejected() {
        let fact = |name: &str, value: &str| json!({name: {"kind": "constant", "type": value}});
        let level = |name: &str, old: &str, new: &str| of(fact(name, old), fact(name, new))[0].1;
        assert_eq!(level("facts::BASE_URL", "a", "b"), ClientLevel::Breaking);
        assert_eq!(level("facts::KEY_HEADER", r#""a""#, r#""b""#), ClientLevel::Breaking);
        assert_eq!(level("facts::INPUT_LENGTH", "a", "b"), ClientLevel::Compatible);
        let (one, both) = (r#"&["a"]"#, r#"&["b", "a"]"#);
        assert_eq!(level("facts::WITHOUT_KEY", both, one), ClientLevel::Breaking);
        assert_eq!(level("facts::WITHOUT_KEY", one, both), ClientLevel::Compatible);
    }
}
