//! Corrections of documents, each with a reason and a guard: `openapi/fixes.json` corrects the spec, and
//! `openapi/corrections/<page>.json` corrects the document of a page before it is validated.
//!
//! A fix is a list of RFC 6902 operations. Its `test` operations are the guard: they state the expected value
//! of each path before the fix changes it. When the pages change, the guard fails and the build stops. A fix
//! therefore never fails silently, and never changes a value that it was not written for.
//!
//! The order of a list of `required` names or of `enum` values is no part of what a guard expects, unless the fix changes a
//! part of such a list. A `test` for `null` expects that the path does not exist. RFC 6902 defines no such test.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    failure::{ExitClass, Failure},
    json::{self, Pointer, equivalent, excerpt, normalized},
    transaction,
    workspace::Workspace,
};

/// The fixes of a file.
#[derive(Debug)]
pub(crate) struct Fixes {
    file: String,
    list: Vec<Fix>,
    /// The numbers of the fixes that are not applied.
    left_out: BTreeSet<usize>,
}

/// The errors of the fixes that cannot be applied, by the number of the fix.
pub(crate) type Outdated = BTreeMap<usize, String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fix {
    reason: String,
    patch: Vec<Value>,
}

/// The corrections of the pages, by the name of the page.
pub(crate) type Corrections = BTreeMap<String, Fixes>;

/// Reads the committed fixes of the spec. Returns an empty list if the file does not exist.
pub(crate) fn read(root: &Workspace) -> Result<Fixes, Failure> {
    let path = root.fixes();
    let file = root.relative(&path);
    if path.exists() { Fixes::read(&path, file) } else { Ok(Fixes::new(file, Vec::new())) }
}

/// Reads the committed corrections of these pages. Fails for the corrections of another page.
pub(crate) fn read_corrections<T>(
    root: &Workspace,
    pages: &BTreeMap<String, T>,
) -> Result<Corrections, Failure> {
    let dir = root.corrections_dir();
    let failed = |error| Failure::usage(format!("{}: {error}", root.relative(&dir)));
    let mut corrections = Corrections::new();
    let mut failures = None;
    if !dir.exists() {
        return Ok(corrections);
    }
    let mut paths = fs::read_dir(&dir)
        .and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
        })
        .map_err(failed)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    for path in paths {
        let file = root.relative(&path);
        let page = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let fixes = if pages.contains_key(page) {
            Fixes::read(&path, file)
        } else {
            let pages = pages.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            Err(Failure::document(format!(
                "{file}: unknown page {page:?}, expected a page of openapi/sources.toml: {pages}"
            )))
        };
        match fixes {
            Ok(fixes) => drop(corrections.insert(page.to_owned(), fixes)),
            Err(failure) => failures = Some(failure.after(failures)),
        }
    }
    failures.map_or(Ok(corrections), Err)
}

impl Fixes {
    fn new(file: String, list: Vec<Fix>) -> Self {
        Self { file, list, left_out: BTreeSet::new() }
    }

    fn read(path: &Path, file: String) -> Result<Self, Failure> {
        let fixes = json::parse(&transaction::read(path, ExitClass::Document)?)
            .map_err(|errors| Failure::new(ExitClass::Document, json::error_lines(&file, errors)))?;
        match serde_json::from_value(fixes) {
            Ok(fixes) => Ok(Self::new(file, fixes)),
            Err(error) => Err(Failure::document(format!(
                "{file}: expected a list of {{\"reason\", \"patch\"}}: {error}"
            ))),
        }
    }

    /// Leaves the fixes of these numbers out from now on.
    pub(crate) fn leave_out(&mut self, numbers: BTreeSet<usize>) {
        self.left_out.extend(numbers);
    }

    /// Applies all fixes in order. Leaves out the fixes that cannot be applied, and returns their errors.
    pub(crate) fn apply(&self, mut document: Value) -> (Value, Outdated) {
        let mut outdated = Outdated::new();
        for (number, Fix { reason, patch }) in (1..).zip(&self.list) {
            if self.left_out.contains(&number) {
                continue;
            }
            let mut fixed = document.clone();
            match apply_one(&mut fixed, patch) {
                Ok(()) => document = fixed,
                Err((at, error)) => {
                    let error = format!("{}: fix {number} ({reason}): {at}: {error}", self.file);
                    outdated.insert(number, error);
                }
            }
        }
        (document, outdated)
    }
}

/// Returns the errors of fixes as a failure, if there are any.
pub(crate) fn failure(outdated: &Outdated) -> Option<Failure> {
    let failure = Failure::new(ExitClass::Document, outdated.values().cloned().collect()).hint(
        "if the pages no longer need a fix, remove the fix; otherwise adapt the fix to their new content",
    );
    (!failure.is_empty()).then_some(failure)
}

#[cfg(test)]
impl Fixes {
    /// Returns a fix that replaces one value.
    pub(crate) fn replacing(at: &str, old: &Value, new: &Value) -> Self {
        let test = serde_json::json!({"op": "test", "path": at, "value": old});
        let replace = serde_json::json!({"op": "replace", "path": at, "value": new});
        let fix = Fix { reason: "because".to_owned(), patch: vec![test, replace] };
        Self::new("openapi/corrections/page.json".to_owned(), vec![fix])
    }
}

fn apply_one(document: &mut Value, patch: &[Value]) -> Result<(), (Pointer, String)> {
    let is_ordered = patch.iter().flat_map(modified_paths).any(|path| is_within_a_set(&path));
    let mut guards = Vec::new();
    for operation in patch {
        let at = Pointer::new(str_field(operation, "path"));
        if str_field(operation, "op") == "test" {
            check_guard(document, &at, operation, is_ordered)?;
            guards.push(at);
            continue;
        }
        for path in modified_paths(operation) {
            if !guards.iter().any(|guard| path.is_within(guard)) {
                let found = guards.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let found = if found.is_empty() { "none".to_owned() } else { found };
                let op = excerpt(operation);
                return Err((
                    path,
                    format!(
                        "missing guard: expected a `test` of this path or a parent before {op}, found {found}"
                    ),
                ));
            }
        }
        apply_operation(document, operation).map_err(|error| (at, error))?;
    }
    Ok(())
}

/// Compares the document with the value that a `test` operation expects.
fn check_guard(
    document: &Value,
    at: &Pointer,
    test: &Value,
    is_ordered: bool,
) -> Result<(), (Pointer, String)> {
    let Some(expected) = test.get("value") else {
        return Err((
            at.clone(),
            format!("missing `value`: expected a `test` with a value, found {}", excerpt(test)),
        ));
    };
    match document.pointer(at.as_str()) {
        Some(found) if equivalent(found, expected) => Ok(()),
        Some(found) if !is_ordered && equivalent(&unordered(at, found), &unordered(at, expected)) => Ok(()),
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

/// The keywords whose values are sets.
const SETS: [&str; 2] = ["required", "enum"];

/// Returns `true` if the pointer is that of a member of a set.
fn is_within_a_set(at: &Pointer) -> bool {
    at.tokens().rev().nth(1).is_some_and(|keyword| SETS.contains(&keyword.as_str()))
}

/// Returns the value at a pointer with sorted sets.
fn unordered(at: &Pointer, value: &Value) -> Value {
    let mut value = value.clone();
    sort_sets(at.tokens().last().as_deref().unwrap_or_default(), &mut value);
    value
}

fn sort_sets(keyword: &str, value: &mut Value) {
    match value {
        Value::Array(items) => {
            for item in &mut *items {
                sort_sets("", item);
            }
            if SETS.contains(&keyword) {
                items.sort_by_cached_key(normalized);
            }
        }
        Value::Object(members) => {
            for (keyword, value) in members {
                sort_sets(keyword, value);
            }
        }
        _ => {}
    }
}

fn apply_operation(document: &mut Value, operation: &Value) -> Result<(), String> {
    let patch: json_patch::PatchOperation = serde_json::from_value(operation.clone()).map_err(|error| {
        format!("invalid operation ({error}): expected an RFC 6902 operation, found {}", excerpt(operation))
    })?;
    let before = document.clone();
    json_patch::patch(document, &[patch])
        .map_err(|error| format!("operation cannot be applied ({}): {}", error.kind, excerpt(operation)))?;
    if equivalent(&before, document) {
        return Err(format!("operation changes nothing: {}", excerpt(operation)));
    }
    Ok(())
}

/// Returns the paths whose values an operation replaces or removes.
fn modified_paths(operation: &Value) -> Vec<Pointer> {
    let path = Pointer::new(str_field(operation, "path"));
    match str_field(operation, "op") {
        "move" => vec![Pointer::new(str_field(operation, "from")), path],
        _ => vec![path],
    }
}

fn str_field<'a>(operation: &'a Value, key: &str) -> &'a str {
    operation.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn apply_patch(patch: &Value) -> Result<Value, String> {
        let document = json!({"a": {"b": "old", "c": [1, 2]}});
        let (fixed, outdated) =
            fixes(&json!([{"reason": "because", "patch": patch}])).apply(document.clone());
        match failure(&outdated) {
            Some(failure) => {
                assert_eq!(fixed, document, "a part of the fix was applied");
                Err(failure.to_string())
            }
            None => Ok(fixed),
        }
    }

    fn fixes(fixes: &Value) -> Fixes {
        Fixes::new("openapi/fixes.json".to_owned(), serde_json::from_value(fixes.clone()).unwrap())
    }

    #[test]
    fn apply_reports_every_failed_fix_and_applies_the_others() {
        let fix = |at: &str| {
            json!({"reason": "r", "patch": [
            {"op": "test", "path": at, "value": 1}, {"op": "replace", "path": at, "value": 2}]})
        };
        let mut all = fixes(&json!([fix("/a"), fix("/x"), fix("/b"), fix("/y")]));
        let (fixed, outdated) = all.apply(json!({"a": 1, "b": 1}));
        assert_eq!(fixed, json!({"a": 2, "b": 2}));
        let failure = failure(&outdated).unwrap().to_string();
        assert!(failure.contains("fix 2 (r): /x: ") && failure.contains("fix 4 (r): /y: "), "{failure}");
        all.leave_out([1, 2].into());
        let (fixed, outdated) = all.apply(json!({"a": 1, "b": 1}));
        assert_eq!((fixed, outdated.into_keys().collect::<Vec<_>>()), (json!({"a": 1, "b": 2}), vec![4]));
    }

    #[test]
    fn apply_with_matching_guard_changes_the_document() {
        let guarded_path = json!([
            {"op": "test", "path": "/a/b", "value": "old"},
            {"op": "replace", "path": "/a/b", "value": "new"}]);
        assert_eq!(apply_patch(&guarded_path).unwrap(), json!({"a": {"b": "new", "c": [1, 2]}}));
        let guarded_parent = json!([
            {"op": "test", "path": "/a", "value": {"b": "old", "c": [1.0, 2]}},
            {"op": "add", "path": "/a/d", "value": 1},
            {"op": "move", "from": "/a/b", "path": "/a/e"}]);
        assert_eq!(apply_patch(&guarded_parent).unwrap(), json!({"a": {"c": [1, 2], "d": 1, "e": "old"}}));
    }

    #[test]
    fn apply_with_null_guard_succeeds_only_if_the_path_is_missing() {
        let patch =
            json!([{"op": "test", "path": "/a/d", "value": null}, {"op": "add", "path": "/a/d", "value": 1}]);
        assert_eq!(apply_patch(&patch).unwrap(), json!({"a": {"b": "old", "c": [1, 2], "d": 1}}));
        let filled =
            json!([{"op": "test", "path": "/a/b", "value": null}, {"op": "add", "path": "/a/b", "value": 1}]);
        assert!(
            apply_patch(&filled)
                .unwrap_err()
                .contains("/a/b: the guard no longer matches: expected null, found")
        );
    }

    #[test]
    fn apply_ignores_the_order_of_required_names_unless_it_changes_one() {
        let document = json!({"required": ["b", "a"], "properties": {"a": {"enum": [2, 1]}}});
        let test = json!({"op": "test", "path": "/required", "value": ["a", "b"]});
        let of = |patch: Value| fixes(&json!([{"reason": "r", "patch": patch}])).apply(document.clone());
        let (fixed, outdated) = of(json!([test, {"op": "replace", "path": "/required", "value": ["a"]}]));
        assert_eq!((&fixed["required"], outdated.len()), (&json!(["a"]), 0));
        let (_, outdated) = of(json!([test, {"op": "remove", "path": "/required/1"}]));
        assert!(outdated[&1].contains("/required: the guard no longer matches"), "{outdated:?}");
        let properties = json!({"op": "test", "path": "/properties", "value": {"a": {"enum": [1, 2.0]}}});
        let (fixed, outdated) = of(json!([properties, {"op": "remove", "path": "/properties/a"}]));
        assert_eq!((&fixed["properties"], outdated.len()), (&json!({}), 0));
    }

    #[test]
    fn apply_with_outdated_guard_fails_with_expected_and_found_values() {
        let error = apply_patch(&json!([
            {"op": "test", "path": "/a/b", "value": "older"},
            {"op": "remove", "path": "/a/b"}]));
        let error = error.unwrap_err();
        let expected = "error: openapi/fixes.json: fix 1 (because): /a/b: the guard no longer matches: expected \"older\", found \"old\"\n";
        assert!(error.starts_with(expected), "{error}");
        let missing = apply_patch(&json!([{"op": "test", "path": "/a/x", "value": 1}])).unwrap_err();
        assert!(
            missing.contains("/a/x: the guard no longer matches: expected 1, found nothing"),
            "{missing}"
        );
    }

    #[test]
    fn apply_of_unguarded_operation_fails() {
        let test = json!({"op": "test", "path": "/a/b", "value": "old"});
        for operation in [
            json!({"op": "remove", "path": "/a/c"}),
            json!({"op": "replace", "path": "/a", "value": 1}),
            json!({"op": "add", "path": "/a/bb", "value": 1}),
            json!({"op": "move", "from": "/a/b", "path": "/a/c"}),
            json!({"op": "move", "from": "/a/c", "path": "/a/b"}),
            json!({"op": "copy", "from": "/a/b", "path": "/a/c"}),
        ] {
            let error = apply_patch(&json!([test, operation])).unwrap_err();
            assert!(error.contains("missing guard: expected a `test` of this path"), "{operation}: {error}");
        }
        let after = json!([{"op": "replace", "path": "/a/b", "value": "new"}, test]);
        assert!(apply_patch(&after).unwrap_err().contains("found none"));
    }

    #[test]
    fn apply_of_ineffective_or_invalid_operation_fails() {
        let test = json!({"op": "test", "path": "/a", "value": {"b": "old", "c": [1, 2]}});
        for (operation, expected) in [
            (json!({"op": "replace", "path": "/a/b", "value": "old"}), "operation changes nothing"),
            (json!({"op": "remove", "path": "/a/x"}), "operation cannot be applied"),
            (json!({"op": "add", "path": "/a/c/9", "value": 1}), "operation cannot be applied"),
            (json!({"op": "swap", "path": "/a/c"}), "expected an RFC 6902 operation"),
        ] {
            let error = apply_patch(&json!([test, operation])).unwrap_err();
            assert!(error.contains(expected), "{operation}: {error}");
        }
    }
}
