//! Every schema of a document: where it stands, what a person would call that place, and who it travels with.
//!
//! Hoisting asks for the place, relaxing for the side; both must agree on what they saw, so both see it here.
//! Callbacks and headers of responses are left out: the generator makes nothing of them.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::traverse::{members, operations, paths_of, str_member};
use crate::json::{Object, Pointer};

/// Whether a schema is part of what we send, of what we receive, of both, or (an unused component) of neither.
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

/// A schema's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SchemaLocation {
    pub(crate) pointer: Pointer,
    /// The operation's id, a path, or `#/schemas/Pet`: a table of names.toml.
    pub(crate) section: String,
    /// The way within it: `request.voice`, `200.results[]`, `query.limit`; `.` is a component itself.
    pub(crate) path: String,
    pub(crate) usage: Usage,
}

/// The places of all schemas, as in [`schemas`].
pub(crate) fn locations(document: &Value) -> Vec<SchemaLocation> {
    schemas(document).into_iter().map(|(site, _)| site).collect()
}

/// All schemas, a parent before its children, in an order that depends on the content alone.
pub(crate) fn schemas(document: &Value) -> Vec<(SchemaLocation, &Object)> {
    let mut found = Vec::new();
    for root in roots(document) {
        if let Some(schema) = document.pointer(root.pointer.as_str()) {
            walk(root, schema, &mut found);
        }
    }
    let components = document.pointer("/components/schemas");
    let sides = component_usage(components, &found);
    for (name, schema) in members(components) {
        let root = component("schemas", name, ".", sides.get(name.as_str()).copied().unwrap_or_default());
        walk(root, schema, &mut found);
    }
    found
}

/// The name of the component that a schema refers to.
pub(crate) fn component_of(schema: &Object) -> Option<&str> {
    let reference = schema.get("$ref")?.as_str()?;
    reference.strip_prefix("#/components/schemas/").filter(|name| !name.contains('/'))
}

/// The schemas directly within the one at `at`: where, the way there as a person writes it, and what is there.
fn children<'a>(at: &Pointer, schema: &'a Object) -> Vec<(Pointer, String, &'a Value)> {
    let mut found = Vec::new();
    let properties = at.child("properties");
    for (name, property) in members(schema.get("properties")) {
        found.push((properties.child(name), format!(".{name}"), property));
    }
    for (word, suffix) in [("items", "[]"), ("additionalProperties", "{}"), ("not", "!")] {
        if let Some(child) = schema.get(word) {
            found.push((at.child(word), suffix.to_owned(), child));
        }
    }
    for (word, mark) in [("allOf", '&'), ("anyOf", '|'), ("oneOf", '|')] {
        let parts = schema.get(word).and_then(Value::as_array).into_iter().flatten();
        let list = at.child(word);
        for (i, part) in parts.enumerate() {
            found.push((list.child(i), format!("{mark}{}", i + 1), part));
        }
    }
    found
}

/// As [`children`], to change each.
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

/// The schemas at which operations and shared bodies begin.
fn roots(document: &Value) -> Vec<SchemaLocation> {
    let mut roots = Vec::new();
    for (path, item) in paths_of(document) {
        let at = Pointer::new("/paths").child(path);
        parameters(item, &at, path, &mut roots);
    }
    for (at, _, operation) in operations(document) {
        let table = str_member(operation, "operationId");
        let operation = &document.pointer(at.as_str()).unwrap_or(&Value::Null);
        parameters(operation, &at, table, &mut roots);
        if let Some(body) = operation.get("requestBody") {
            bodies(body, &at.child("requestBody"), table, "request", REQUEST, &mut roots);
        }
        for (status, response) in members(operation.get("responses")) {
            let at = at.child("responses").child(status);
            bodies(response, &at, table, status, RESPONSE, &mut roots);
        }
    }
    for (section, sides) in [("requestBodies", REQUEST), ("responses", RESPONSE)] {
        for (name, body) in members(document.pointer(&format!("/components/{section}"))) {
            let root = component(section, name, "body", sides);
            bodies(body, &root.pointer, &root.section, &root.path, sides, &mut roots);
        }
    }
    for (name, parameter) in members(document.pointer("/components/parameters")) {
        let root = component("parameters", name, "value", REQUEST);
        parameter_schema(parameter, root, &mut roots);
    }
    roots
}

fn component(section: &str, name: &str, place: &str, sides: Usage) -> SchemaLocation {
    SchemaLocation {
        pointer: Pointer::new("/components").child(section).child(name),
        section: format!("#/{section}/{name}"),
        path: place.to_owned(),
        usage: sides,
    }
}

fn parameters(holder: &Value, at: &Pointer, table: &str, roots: &mut Vec<SchemaLocation>) {
    let list = holder.get("parameters").and_then(Value::as_array);
    for (i, parameter) in list.into_iter().flatten().enumerate() {
        let word = |key| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
        let root = SchemaLocation {
            pointer: at.child("parameters").child(i),
            section: table.to_owned(),
            path: format!("{}.{}", word("in"), word("name")),
            usage: REQUEST,
        };
        parameter_schema(parameter, root, roots);
    }
}

fn parameter_schema(parameter: &Value, root: SchemaLocation, roots: &mut Vec<SchemaLocation>) {
    let SchemaLocation { pointer: at, section: table, path: place, usage: sides } = root;
    bodies(parameter, &at, &table, &place, sides, roots);
    if parameter.get("schema").is_some() {
        roots.push(SchemaLocation { pointer: at.child("schema"), section: table, path: place, usage: sides });
    }
}

/// The schema of each media type. JSON is what these APIs speak; another type says its name.
fn bodies(
    holder: &Value,
    at: &Pointer,
    table: &str,
    place: &str,
    sides: Usage,
    roots: &mut Vec<SchemaLocation>,
) {
    for (media, body) in members(holder.get("content")) {
        if body.get("schema").is_none() {
            continue;
        }
        let json = media.starts_with("application/json");
        roots.push(SchemaLocation {
            pointer: at.child("content").child(media).child("schema"),
            section: table.to_owned(),
            path: if json { place.to_owned() } else { format!("{place} {media}") },
            usage: sides,
        });
    }
}

fn walk<'a>(site: SchemaLocation, schema: &'a Value, found: &mut Vec<(SchemaLocation, &'a Object)>) {
    let Some(schema) = schema.as_object() else { return };
    let is_reference = schema.get("$ref").is_some_and(Value::is_string);
    let children = if is_reference { Vec::new() } else { children(&site.pointer, schema) };
    let (table, parent, sides) = (site.section.clone(), site.path.clone(), site.usage);
    found.push((site, schema));
    for (pointer, suffix, child) in children {
        let place = match parent.as_str() {
            // Within a component the way begins without a dot.
            "." => suffix.trim_start_matches('.').to_owned(),
            place => format!("{place}{suffix}"),
        };
        walk(SchemaLocation { pointer, section: table.clone(), path: place, usage: sides }, child, found);
    }
}

/// The sides on which each of these named schemas is reached, through any number of references.
fn component_usage<'a>(
    components: Option<&'a Value>,
    found: &[(SchemaLocation, &'a Object)],
) -> BTreeMap<&'a str, Usage> {
    let mut sides: BTreeMap<&str, Usage> = BTreeMap::new();
    let mut open: VecDeque<_> = references(found).collect();
    while let Some((name, reached_on)) = open.pop_front() {
        let known = sides.get(name).copied().unwrap_or_default();
        let now = known.or(reached_on);
        if now == known {
            continue;
        }
        sides.insert(name, now);
        let mut within = Vec::new();
        if let Some(schema) = components.and_then(|components| components.get(name)) {
            walk(component("schemas", name, ".", now), schema, &mut within);
        }
        open.extend(references(&within));
    }
    sides
}

/// The components that these schemas refer to, with the sides of who refers to them.
fn references<'a>(found: &[(SchemaLocation, &'a Object)]) -> impl Iterator<Item = (&'a str, Usage)> {
    found.iter().filter_map(|(site, schema)| Some((component_of(schema)?, site.usage)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_reads_like_the_way_there() {
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
        let found: Vec<_> =
            locations(&document).into_iter().map(|site| (site.section, site.path, site.usage)).collect();
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
            .map(|(table, place, sides)| (table.to_owned(), place.to_owned(), sides))
            .into_iter()
            .collect();
        assert_eq!(found, expected);
    }
}
