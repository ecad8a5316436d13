//! Every schema of a document: its pointer, a readable path, and its use in requests and responses.
//!
//! Extraction uses the path, relaxing uses the usage. Both traverse the document here, so that they see the
//! same schemas. Callbacks and response headers are skipped, because the generator ignores them. The schema of a `not` is
//! skipped, because its limits exclude values: relaxing them would exclude more.

use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
};

use serde_json::Value;

use super::traverse::{members, operations, paths_of, str_member};
use crate::json::{Object, Pointer};

/// The use of a schema: in requests, in responses, in both, or (for an unused component) in neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Usage {
    pub(crate) request: bool,
    pub(crate) response: bool,
}

const REQUEST: Usage = Usage { request: true, response: false };
const RESPONSE: Usage = Usage { request: false, response: true };

impl Usage {
    fn or(self, other: Self) -> Self {
        Self { request: self.request || other.request, response: self.response || other.response }
    }
}

/// The position of a schema in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SchemaLocation {
    pub(crate) pointer: Pointer,
    /// The operation id, the URL path or a component such as `#/schemas/Pet`: the table in names.toml.
    pub(crate) section: String,
    /// The path within the section, such as `request.voice`, `200.results[]` or `query.limit`. A component
    /// itself is `.`.
    pub(crate) path: String,
    pub(crate) usage: Usage,
}

/// Returns the locations of all schemas, in the order of [`schemas`].
pub(crate) fn locations(document: &Value) -> Vec<SchemaLocation> {
    schemas(document).into_iter().map(|(location, _)| location).collect()
}

/// Returns all schemas, each parent before its children. The order depends only on the content of the
/// document.
pub(crate) fn schemas(document: &Value) -> Vec<(SchemaLocation, &Object)> {
    let mut found = Vec::new();
    for root in roots(document) {
        if let Some(schema) = document.pointer(root.pointer.as_str()) {
            walk(root, schema, &mut found);
        }
    }
    let components = document.pointer("/components/schemas");
    let usages = component_usage(components, &found);
    for (name, schema) in members(components) {
        let root = component("schemas", name, ".", usages.get(name.as_str()).copied().unwrap_or_default());
        walk(root, schema, &mut found);
    }
    found
}

/// Returns the name of the component that a schema refers to, if the schema is such a reference.
pub(crate) fn component_of(schema: &Object) -> Option<&str> {
    let reference = schema.get("$ref")?.as_str()?;
    reference.strip_prefix("#/components/schemas/").filter(|name| !name.contains('/'))
}

/// Returns the direct children of the schema at `at`: pointer, path suffix, and schema.
fn children<'a>(at: &Pointer, schema: &'a Object) -> Vec<(Pointer, String, &'a Value)> {
    let mut found = Vec::new();
    let properties = at.child("properties");
    for (name, property) in members(schema.get("properties")) {
        found.push((properties.child(name), format!(".{}", step(name)), property));
    }
    for (keyword, suffix) in [("items", "[]"), ("additionalProperties", "{}")] {
        if let Some(child) = schema.get(keyword) {
            found.push((at.child(keyword), suffix.to_owned(), child));
        }
    }
    for (keyword, mark) in [("allOf", '&'), ("anyOf", '|'), ("oneOf", '|')] {
        let parts = schema.get(keyword).and_then(Value::as_array).into_iter().flatten();
        let list = at.child(keyword);
        for (i, part) in parts.enumerate() {
            found.push((list.child(i), format!("{mark}{}", i + 1), part));
        }
    }
    found
}

/// Returns a name as a step of a path, in quotes if it could be read as several steps.
fn step(name: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@');
    if !name.is_empty() && name.chars().all(is_plain) { name.into() } else { format!("{name:?}").into() }
}

/// Calls `change` for each direct child schema.
pub(crate) fn for_each_child(schema: &mut Object, change: &mut dyn FnMut(&mut Value)) {
    for (key, value) in schema.iter_mut() {
        match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(&mut *change),
            ("items" | "additionalProperties" | "not", schema @ Value::Object(_)) => change(schema),
            ("allOf" | "anyOf" | "oneOf", Value::Array(parts)) => parts.iter_mut().for_each(&mut *change),
            _ => {}
        }
    }
}

/// Returns the outermost schemas of operations, and of shared bodies, responses and parameters.
fn roots(document: &Value) -> Vec<SchemaLocation> {
    let mut roots = Vec::new();
    for (path, item) in paths_of(document) {
        let at = Pointer::new("/paths").child(path);
        parameters(item, &at, path, &mut roots);
    }
    for (at, _, operation) in operations(document) {
        let section = str_member(operation, "operationId");
        let operation = &document.pointer(at.as_str()).unwrap_or(&Value::Null);
        parameters(operation, &at, section, &mut roots);
        if let Some(body) = operation.get("requestBody") {
            bodies(body, &at.child("requestBody"), section, "request", REQUEST, &mut roots);
        }
        for (status, response) in members(operation.get("responses")) {
            let at = at.child("responses").child(status);
            bodies(response, &at, section, status, RESPONSE, &mut roots);
        }
    }
    for (section, usage) in [("requestBodies", REQUEST), ("responses", RESPONSE)] {
        for (name, body) in members(document.pointer(&format!("/components/{section}"))) {
            let root = component(section, name, "body", usage);
            bodies(body, &root.pointer, &root.section, &root.path, usage, &mut roots);
        }
    }
    for (name, parameter) in members(document.pointer("/components/parameters")) {
        let root = component("parameters", name, "value", REQUEST);
        parameter_schema(parameter, root, &mut roots);
    }
    roots
}

fn component(section: &str, name: &str, path: &str, usage: Usage) -> SchemaLocation {
    SchemaLocation {
        pointer: Pointer::new("/components").child(section).child(name),
        section: format!("#/{section}/{name}"),
        path: path.to_owned(),
        usage,
    }
}

fn parameters(holder: &Value, at: &Pointer, section: &str, roots: &mut Vec<SchemaLocation>) {
    let list = holder.get("parameters").and_then(Value::as_array);
    for (i, parameter) in list.into_iter().flatten().enumerate() {
        let member = |key| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
        let root = SchemaLocation {
            pointer: at.child("parameters").child(i),
            section: section.to_owned(),
            path: format!("{}.{}", member("in"), step(member("name"))),
            usage: REQUEST,
        };
        parameter_schema(parameter, root, roots);
    }
}

fn parameter_schema(parameter: &Value, root: SchemaLocation, roots: &mut Vec<SchemaLocation>) {
    let SchemaLocation { pointer: at, section, path, usage } = root;
    bodies(parameter, &at, &section, &path, usage, roots);
    if parameter.get("schema").is_some() {
        roots.push(SchemaLocation { pointer: at.child("schema"), section, path, usage });
    }
}

/// Adds the schema of each media type. The path of each type but the first JSON type ends in the name of the type.
fn bodies(
    holder: &Value,
    at: &Pointer,
    section: &str,
    path: &str,
    usage: Usage,
    roots: &mut Vec<SchemaLocation>,
) {
    let content = members(holder.get("content"));
    let json =
        content.iter().find(|(media, _)| media.starts_with("application/json")).map(|(media, _)| *media);
    for (media, body) in content {
        if body.get("schema").is_none() {
            continue;
        }
        roots.push(SchemaLocation {
            pointer: at.child("content").child(media).child("schema"),
            section: section.to_owned(),
            path: if Some(media) == json { path.to_owned() } else { format!("{path} {media}") },
            usage,
        });
    }
}

fn walk<'a>(location: SchemaLocation, schema: &'a Value, found: &mut Vec<(SchemaLocation, &'a Object)>) {
    let Some(schema) = schema.as_object() else { return };
    let is_reference = schema.get("$ref").is_some_and(Value::is_string);
    let children = if is_reference { Vec::new() } else { children(&location.pointer, schema) };
    let (section, parent, usage) = (location.section.clone(), location.path.clone(), location.usage);
    found.push((location, schema));
    for (pointer, suffix, child) in children {
        let path = match parent.as_str() {
            // Within a component, the path has no leading dot.
            "." => suffix.trim_start_matches('.').to_owned(),
            path => format!("{path}{suffix}"),
        };
        walk(SchemaLocation { pointer, section: section.clone(), path, usage }, child, found);
    }
}

/// Returns the usage of each component. References are followed to any depth.
fn component_usage<'a>(
    components: Option<&'a Value>,
    found: &[(SchemaLocation, &'a Object)],
) -> BTreeMap<&'a str, Usage> {
    let mut usages: BTreeMap<&str, Usage> = BTreeMap::new();
    let mut pending: VecDeque<_> = references(found).collect();
    while let Some((name, usage)) = pending.pop_front() {
        let before = usages.get(name).copied().unwrap_or_default();
        let after = before.or(usage);
        if after == before {
            continue;
        }
        usages.insert(name, after);
        let mut within = Vec::new();
        if let Some(schema) = components.and_then(|components| components.get(name)) {
            walk(component("schemas", name, ".", after), schema, &mut within);
        }
        pending.extend(references(&within));
    }
    usages
}

/// Returns the components that these schemas refer to, with the usage of the referring schema.
fn references<'a>(found: &[(SchemaLocation, &'a Object)]) -> impl Iterator<Item = (&'a str, Usage)> {
    found.iter().filter_map(|(location, schema)| Some((component_of(schema)?, location.usage)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_of_different_schemas_differ() {
        let schema = json!({"properties": {
            "a": {"properties": {"b": {}, "b[]": {}}}, "a.b": {}, "c": {"items": {}}, "c[]": {}, "": {}}});
        let media = ["application/json", "application/json; charset=utf-8", "text/plain"];
        let content: Object =
            media.iter().map(|media| ((*media).to_owned(), json!({"schema": schema}))).collect();
        let document =
            json!({"paths": {"/a": {"post": {"operationId": "make", "requestBody": {"content": content}}}}});
        let paths: Vec<_> = locations(&document).into_iter().map(|location| location.path).collect();
        let distinct: std::collections::BTreeSet<_> = paths.iter().collect();
        assert_eq!((paths.len(), distinct.len()), (27, 27), "{paths:?}");
        for expected in ["request.a.b", "request.\"a.b\"", "request application/json; charset=utf-8.c[]"] {
            assert!(paths.iter().any(|path| path == expected), "{paths:?}");
        }
    }

    #[test]
    fn schema_of_a_not_has_no_location() {
        let schema = json!({"not": {"properties": {"a": {}}}, "properties": {"not": {}}});
        let document = json!({"components": {"schemas": {"A": schema}}});
        let paths: Vec<_> = locations(&document).into_iter().map(|location| location.path).collect();
        assert_eq!(paths, [".", "not"]);
    }

    #[test]
    fn locations_have_section_path_and_usage() {
        let schema = json!({"type": "object", "properties": {
            "list": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/Pet"}]}},
            "map": {"additionalProperties": {"type": "string"}}}});
        let document = json!({
            "paths": {"/a/{id}": {
                "parameters": [{"name": "id", "in": "path", "schema": {"type": "string"}}],
                "post": {"operationId": "make", "responses": {"200": {"content": {
                    "application/json": {"schema": schema}, "text/plain": {"schema": {"type": "string"}}}}}}}},
            "components": {"schemas": {
                "Pet": {"properties": {"owner": {"$ref": "#/components/schemas/Owner"}}},
                "Owner": {}, "Unused": {}}},
        });
        let found: Vec<_> = locations(&document)
            .into_iter()
            .map(|location| (location.section, location.path, location.usage))
            .collect();
        let expected = [
            ("/a/{id}", "path.id", REQUEST),
            ("make", "200", RESPONSE),
            ("make", "200.list", RESPONSE),
            ("make", "200.list[]", RESPONSE),
            ("make", "200.list[]|1", RESPONSE),
            ("make", "200.list[]|2", RESPONSE),
            ("make", "200.map", RESPONSE),
            ("make", "200.map{}", RESPONSE),
            ("make", "200 text/plain", RESPONSE),
            ("#/schemas/Owner", ".", RESPONSE),
            ("#/schemas/Pet", ".", RESPONSE),
            ("#/schemas/Pet", "owner", RESPONSE),
            ("#/schemas/Unused", ".", Usage::default()),
        ];
        let expected: Vec<_> = expected
            .map(|(section, path, usage)| (section.to_owned(), path.to_owned(), usage))
            .into_iter()
            .collect();
        assert_eq!(found, expected);
    }
}
