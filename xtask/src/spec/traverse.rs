//! Functions to traverse a document: its paths, operations, path templates and references.

use serde_json::Value;

use crate::json::{Object, Pointer, sorted};

/// The methods of a path item, in the order of the specification.
pub(crate) const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The member of a document that has the files to which the document refers, by their paths. [`input`](super::input) adds it.
pub(crate) const EXTERNAL_FILES: &str = "x-external-files";

/// Returns the path items without extensions, sorted by path.
pub(crate) fn paths_of(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let paths = members(document.get("paths")).into_iter();
    paths.filter(|(path, _)| path.starts_with('/'))
}

/// Returns every operation under `paths` with its pointer and its path, sorted by path.
pub(crate) fn operations(document: &Value) -> Vec<(Pointer, &String, &Object)> {
    let paths = Pointer::default().child("paths");
    let mut found = Vec::new();
    for (path, item) in paths_of(document) {
        for method in METHODS {
            if let Some(Value::Object(operation)) = item.get(method) {
                found.push((paths.child(path).child(method), path, operation));
            }
        }
    }
    found
}

/// Returns the operations of all paths and of all callbacks, at any depth, with their pointers.
pub(crate) fn every_operation(document: &Value) -> Vec<(Pointer, &Object)> {
    let mut pending: Vec<_> =
        operations(document).into_iter().rev().map(|(at, _, operation)| (at, operation)).collect();
    let components = Pointer::new("/components/callbacks");
    callback_operations(document.pointer(components.as_str()), &components, &mut pending);
    let mut found = Vec::new();
    while let Some((at, operation)) = pending.pop() {
        callback_operations(operation.get("callbacks"), &at.child("callbacks"), &mut pending);
        found.push((at, operation));
    }
    found
}

fn callback_operations<'a>(
    callbacks: Option<&'a Value>,
    at: &Pointer,
    found: &mut Vec<(Pointer, &'a Object)>,
) {
    for (name, callback) in members(callbacks) {
        for (expression, item) in members(Some(callback)) {
            for method in METHODS {
                if let Some(Value::Object(operation)) = item.get(method) {
                    found.push((at.child(name).child(expression).child(method), operation));
                }
            }
        }
    }
}

/// Returns a path or URL with `{}` for each parameter. Two paths with equal results match the same URLs.
pub(crate) fn without_parameter_names(path: &str) -> String {
    template_names(path).fold(path.to_owned(), |path, name| path.replacen(&format!("{{{name}}}"), "{}", 1))
}

/// Returns the names in braces in a path or a server's URL.
pub(crate) fn template_names(template: &str) -> impl Iterator<Item = &str> {
    let parts = template.split('{').skip(1);
    parts.filter_map(|part| part.split_once('}').map(|(name, _)| name))
}

/// Returns the members of an object, sorted by key. Any other value results in an empty list.
pub(crate) fn members(value: Option<&Value>) -> Vec<(&String, &Value)> {
    let object = value.and_then(Value::as_object);
    object.map(sorted).unwrap_or_default()
}

/// Returns a string member, or an empty string if the member is missing or not a string.
pub(crate) fn str_member<'a>(object: &'a Object, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Follows references to their target. Returns a value that is not a reference unchanged.
///
/// Validation has rejected cycles before, so the loop ends.
pub(crate) fn resolve<'a>(document: &'a Value, mut value: &'a Value) -> &'a Value {
    let target = |value: &Value| {
        let reference = value.get("$ref").and_then(Value::as_str);
        let pointer = reference.and_then(Pointer::of_reference);
        pointer.and_then(|pointer| document.pointer(pointer.as_str()))
    };
    while let Some(next) = target(value) {
        value = next;
    }
    value
}
