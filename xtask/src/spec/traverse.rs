//! Finding one's way in a document: its paths, operations, templates and references.

use serde_json::Value;

use crate::json::{Object, Pointer, sorted};

/// The methods of a path item, in the order of the specification.
pub(crate) const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The path items, sorted, extensions left out.
pub(crate) fn paths_of(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let paths = members(document.get("paths")).into_iter();
    paths.filter(|(path, _)| path.starts_with('/'))
}

/// Every operation under `paths`, sorted, with its place and its path.
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

/// Operations of paths and, at any depth, of their callbacks.
pub(crate) fn every_operation(document: &Value) -> Vec<(Pointer, &Object)> {
    let mut open: Vec<_> =
        operations(document).into_iter().rev().map(|(at, _, operation)| (at, operation)).collect();
    let components = Pointer::new("/components/callbacks");
    callback_operations(document.pointer(components.as_str()), &components, &mut open);
    let mut found = Vec::new();
    while let Some((at, operation)) = open.pop() {
        callback_operations(operation.get("callbacks"), &at.child("callbacks"), &mut open);
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

/// A path with its parameters' names taken out: what is equal then is one address.
pub(crate) fn without_parameter_names(path: &str) -> String {
    template_names(path).fold(path.to_owned(), |path, name| path.replacen(&format!("{{{name}}}"), "{}", 1))
}

/// The names in braces, as in a path or a server's URL.
pub(crate) fn template_names(template: &str) -> impl Iterator<Item = &str> {
    let parts = template.split('{').skip(1);
    parts.filter_map(|part| part.split_once('}').map(|(name, _)| name))
}

/// The members of an object, sorted; none of what is no object.
pub(crate) fn members(value: Option<&Value>) -> Vec<(&String, &Value)> {
    let object = value.and_then(Value::as_object);
    object.map(sorted).unwrap_or_default()
}

/// A member that is text; empty where there is none.
pub(crate) fn str_member<'a>(object: &'a Object, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// What a reference leads to; anything else is itself. Circles have been refused before.
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
