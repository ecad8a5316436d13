//! `openapi/fixes.json`: one-off corrections of the document, each with a reason and a guard.
//!
//! A fix is a list of RFC 6902 operations, and says by `test` what it expects to find before it changes anything. When
//! the pages are corrected or move on, the guard fails and the build stops: a fix never fails silently, and never
//! silently corrects what it was not written for.
//!
//! A `test` for null, which RFC 6902 leaves no use in a document like this, expects that nothing is there.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    failure::{ExitClass, Failure},
    json::{self, Pointer, equivalent, excerpt},
    transaction,
    workspace::Workspace,
};

const FILE: &str = "openapi/fixes.json";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fix {
    reason: String,
    patch: Vec<Value>,
}

/// The committed fixes; none where there is no such file.
pub(crate) fn read(root: &Workspace) -> Result<Vec<Fix>, Failure> {
    let path = root.fixes();
    if !path.exists() {
        return Ok(Vec::new());
    }
    let fixes = json::parse(&transaction::read(&path, ExitClass::Document)?).map_err(|faults| {
        let lines = faults.into_iter().map(|(at, said)| format!("{FILE}: {at}: {said}"));
        Failure::new(ExitClass::Document, lines.collect())
    })?;
    serde_json::from_value(fixes).map_err(|error| {
        Failure::document(format!("{FILE}: expected a list of {{\"reason\", \"patch\"}}: {error}"))
    })
}

/// The document with every fix, or what is wrong with the first one that cannot be.
pub(crate) fn apply(mut document: Value, fixes: &[Fix]) -> Result<Value, Failure> {
    for (i, fix) in fixes.iter().enumerate() {
        let about = |(at, error)| {
            let reason = &fix.reason;
            Failure::document(format!("{FILE}: fix {} ({reason}): {at}: {error}", i + 1)).hint(
                "if the pages no longer need this fix, take it out; else write it anew for what they say now",
            )
        };
        apply_one(&mut document, fix).map_err(about)?;
    }
    Ok(document)
}

fn apply_one(document: &mut Value, fix: &Fix) -> Result<(), (Pointer, String)> {
    let mut guards = Vec::new();
    for operation in &fix.patch {
        let at = Pointer::new(text(operation, "path"));
        if text(operation, "op") == "test" {
            check_guard(document, &at, operation)?;
            guards.push(at);
            continue;
        }
        for place in places(operation) {
            if !guards.iter().any(|guard| place.is_within(guard)) {
                let found = guards.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let found = if found.is_empty() { "none".to_owned() } else { found };
                let op = excerpt(operation);
                return Err((
                    place,
                    format!("expected a test of this place, or of one around it, before {op}; found {found}"),
                ));
            }
        }
        change(document, operation).map_err(|error| (at, error))?;
    }
    Ok(())
}

/// Holds the document against what the fix expects to find.
fn check_guard(document: &Value, at: &Pointer, test: &Value) -> Result<(), (Pointer, String)> {
    let Some(expected) = test.get("value") else {
        return Err((at.clone(), format!("expected a value to test for, found {}", excerpt(test))));
    };
    match document.pointer(at.as_str()) {
        Some(found) if equivalent(found, expected) => Ok(()),
        None if expected.is_null() => Ok(()),
        found => {
            let found = found.map_or("nothing".to_owned(), excerpt);
            Err((
                at.clone(),
                format!("the guard no longer matches: expected {}, found {found}", excerpt(expected)),
            ))
        }
    }
}

fn change(document: &mut Value, operation: &Value) -> Result<(), String> {
    let patch: json_patch::PatchOperation = serde_json::from_value(operation.clone()).map_err(|error| {
        format!("expected an operation of RFC 6902 ({error}), found {}", excerpt(operation))
    })?;
    let before = document.clone();
    json_patch::patch(document, &[patch]).map_err(|error| {
        format!("expected a place to change ({}), found none for {}", error.kind, excerpt(operation))
    })?;
    if equivalent(&before, document) {
        return Err(format!("expected {} to change something, found that it does not", excerpt(operation)));
    }
    Ok(())
}

/// The places whose values an operation replaces or takes away.
fn places(operation: &Value) -> Vec<Pointer> {
    let path = Pointer::new(text(operation, "path"));
    match text(operation, "op") {
        "move" => vec![Pointer::new(text(operation, "from")), path],
        _ => vec![path],
    }
}

fn text<'a>(operation: &'a Value, key: &str) -> &'a str {
    operation.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fixed(patch: &Value) -> Result<Value, String> {
        let document = json!({"a": {"b": "old", "c": [1, 2]}});
        let fixes = json!([{"reason": "because", "patch": patch}]);
        let fixes: Vec<Fix> = serde_json::from_value(fixes).unwrap();
        apply(document, &fixes).map_err(|failure| failure.to_string())
    }

    #[test]
    fn changes_what_its_guard_has_seen() {
        let same_place = json!([
            {"op": "test", "path": "/a/b", "value": "old"},
            {"op": "replace", "path": "/a/b", "value": "new"}]);
        assert_eq!(fixed(&same_place).unwrap(), json!({"a": {"b": "new", "c": [1, 2]}}));
        let around_it = json!([
            {"op": "test", "path": "/a", "value": {"b": "old", "c": [1.0, 2]}},
            {"op": "add", "path": "/a/d", "value": 1},
            {"op": "move", "from": "/a/b", "path": "/a/e"}]);
        assert_eq!(fixed(&around_it).unwrap(), json!({"a": {"c": [1, 2], "d": 1, "e": "old"}}));
    }

    #[test]
    fn fills_a_gap_only_where_there_is_one() {
        let patch =
            json!([{"op": "test", "path": "/a/d", "value": null}, {"op": "add", "path": "/a/d", "value": 1}]);
        assert_eq!(fixed(&patch).unwrap(), json!({"a": {"b": "old", "c": [1, 2], "d": 1}}));
        let filled =
            json!([{"op": "test", "path": "/a/b", "value": null}, {"op": "add", "path": "/a/b", "value": 1}]);
        assert!(
            fixed(&filled).unwrap_err().contains("/a/b: the guard no longer matches: expected null, found")
        );
    }

    #[test]
    fn stops_when_the_guard_no_longer_matches() {
        let error = fixed(&json!([
            {"op": "test", "path": "/a/b", "value": "older"},
            {"op": "remove", "path": "/a/b"}]));
        let error = error.unwrap_err();
        let said = "error: openapi/fixes.json: fix 1 (because): /a/b: the guard no longer matches: expected \"older\", found \"old\"\n";
        assert!(error.starts_with(said), "{error}");
        let gone = fixed(&json!([{"op": "test", "path": "/a/x", "value": 1}])).unwrap_err();
        assert!(gone.contains("/a/x: the guard no longer matches: expected 1, found nothing"), "{gone}");
    }

    #[test]
    fn refuses_an_operation_without_a_guard() {
        let test = json!({"op": "test", "path": "/a/b", "value": "old"});
        for operation in [
            json!({"op": "remove", "path": "/a/c"}),
            json!({"op": "replace", "path": "/a", "value": 1}),
            json!({"op": "add", "path": "/a/bb", "value": 1}),
            json!({"op": "move", "from": "/a/b", "path": "/a/c"}),
            json!({"op": "move", "from": "/a/c", "path": "/a/b"}),
            json!({"op": "copy", "from": "/a/b", "path": "/a/c"}),
        ] {
            let error = fixed(&json!([test, operation])).unwrap_err();
            assert!(error.contains("expected a test of this place"), "{operation}: {error}");
        }
        let after = json!([{"op": "replace", "path": "/a/b", "value": "new"}, test]);
        assert!(fixed(&after).unwrap_err().contains("found none"));
    }

    #[test]
    fn refuses_what_changes_nothing_or_cannot_be() {
        let test = json!({"op": "test", "path": "/a", "value": {"b": "old", "c": [1, 2]}});
        for (operation, said) in [
            (json!({"op": "replace", "path": "/a/b", "value": "old"}), "to change something"),
            (json!({"op": "remove", "path": "/a/x"}), "expected a place to change"),
            (json!({"op": "add", "path": "/a/c/9", "value": 1}), "expected a place to change"),
            (json!({"op": "swap", "path": "/a/c"}), "expected an operation of RFC 6902"),
        ] {
            let error = fixed(&json!([test, operation])).unwrap_err();
            assert!(error.contains(said), "{operation}: {error}");
        }
    }
}
