//! Every schema of a document: where it stands, what a person would call that place, and who it travels with.
//!
//! Hoisting asks for the place, relaxing for the side; both must agree on what they saw, so both see it here.
//! Callbacks and headers of responses are left out: the generator makes nothing of them.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::operations::{members, operations, paths_of, text};
use crate::json::{Object, Pointer};

/// Whether a schema is part of what we send, of what we receive, of both, or (an unused component) of neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sides {
    pub(crate) sent: bool,
    pub(crate) received: bool,
}

const SENT: Sides = Sides { sent: true, received: false };
const RECEIVED: Sides = Sides { sent: false, received: true };

impl Sides {
    fn or(self, other: Self) -> Self {
        Self { sent: self.sent || other.sent, received: self.received || other.received }
    }
}

/// A schema's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) pointer: Pointer,
    /// The operation's id, a path, or `#/schemas/Pet`: a table of names.toml.
    pub(crate) table: String,
    /// The way within it: `request.voice`, `200.results[]`, `query.limit`; `.` is a component itself.
    pub(crate) place: String,
    pub(crate) sides: Sides,
}

/// The places of all schemas, as in [`schemas`].
pub(crate) fn sites(document: &Value) -> Vec<Site> {
    schemas(document).into_iter().map(|(site, _)| site).collect()
}

/// All schemas, a parent before its children, in an order that depends on the content alone.
pub(crate) fn schemas(document: &Value) -> Vec<(Site, &Object)> {
    let mut found = Vec::new();
    for root in roots(document) {
        if let Some(schema) = document.pointer(root.pointer.as_str()) {
            walk(root, schema, &mut found);
        }
    }
    let components = document.pointer("/components/schemas");
    let sides = reached(components, &found);
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
fn roots(document: &Value) -> Vec<Site> {
    let mut roots = Vec::new();
    for (path, item) in paths_of(document) {
        let at = Pointer::new("/paths").child(path);
        parameters(item, &at, path, &mut roots);
    }
    for (at, _, operation) in operations(document) {
        let table = text(operation, "operationId");
        let operation = &document.pointer(at.as_str()).unwrap_or(&Value::Null);
        parameters(operation, &at, table, &mut roots);
        if let Some(body) = operation.get("requestBody") {
            bodies(body, &at.child("requestBody"), table, "request", SENT, &mut roots);
        }
        for (status, response) in members(operation.get("responses")) {
            let at = at.child("responses").child(status);
            bodies(response, &at, table, status, RECEIVED, &mut roots);
        }
    }
    for (section, sides) in [("requestBodies", SENT), ("responses", RECEIVED)] {
        for (name, body) in members(document.pointer(&format!("/components/{section}"))) {
            let root = component(section, name, "body", sides);
            bodies(body, &root.pointer, &root.table, &root.place, sides, &mut roots);
        }
    }
    for (name, parameter) in members(document.pointer("/components/parameters")) {
        let root = component("parameters", name, "value", SENT);
        parameter_schema(parameter, root, &mut roots);
    }
    roots
}

fn component(section: &str, name: &str, place: &str, sides: Sides) -> Site {
    Site {
        pointer: Pointer::new("/components").child(section).child(name),
        table: format!("#/{section}/{name}"),
        place: place.to_owned(),
        sides,
    }
}

fn parameters(holder: &Value, at: &Pointer, table: &str, roots: &mut Vec<Site>) {
    let list = holder.get("parameters").and_then(Value::as_array);
    for (i, parameter) in list.into_iter().flatten().enumerate() {
        let word = |key| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
        let root = Site {
            pointer: at.child("parameters").child(i),
            table: table.to_owned(),
            place: format!("{}.{}", word("in"), word("name")),
            sides: SENT,
        };
        parameter_schema(parameter, root, roots);
    }
}

fn parameter_schema(parameter: &Value, root: Site, roots: &mut Vec<Site>) {
    let Site { pointer: at, table, place, sides } = root;
    bodies(parameter, &at, &table, &place, sides, roots);
    if parameter.get("schema").is_some() {
        roots.push(Site { pointer: at.child("schema"), table, place, sides });
    }
}

/// The schema of each media type. JSON is what these APIs speak; another type says its name.
fn bodies(holder: &Value, at: &Pointer, table: &str, place: &str, sides: Sides, roots: &mut Vec<Site>) {
    for (media, body) in members(holder.get("content")) {
        if body.get("schema").is_none() {
            continue;
        }
        let json = media.starts_with("application/json");
        roots.push(Site {
            pointer: at.child("content").child(media).child("schema"),
            table: table.to_owned(),
            place: if json { place.to_owned() } else { format!("{place} {media}") },
            sides,
        });
    }
}

fn walk<'a>(site: Site, schema: &'a Value, found: &mut Vec<(Site, &'a Object)>) {
    let Some(schema) = schema.as_object() else { return };
    let is_reference = schema.get("$ref").is_some_and(Value::is_string);
    let children = if is_reference { Vec::new() } else { children(&site.pointer, schema) };
    let (table, parent, sides) = (site.table.clone(), site.place.clone(), site.sides);
    found.push((site, schema));
    for (pointer, suffix, child) in children {
        let place = match parent.as_str() {
            // Within a component the way begins without a dot.
            "." => suffix.trim_start_matches('.').to_owned(),
            place => format!("{place}{suffix}"),
        };
        walk(Site { pointer, table: table.clone(), place, sides }, child, found);
    }
}

/// The sides on which each of these named schemas is reached, through any number of references.
fn reached<'a>(components: Option<&'a Value>, found: &[(Site, &'a Object)]) -> BTreeMap<&'a str, Sides> {
    let mut sides: BTreeMap<&str, Sides> = BTreeMap::new();
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
fn references<'a>(found: &[(Site, &'a Object)]) -> impl Iterator<Item = (&'a str, Sides)> {
    found.iter().filter_map(|(site, schema)| Some((component_of(schema)?, site.sides)))
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
            sites(&document).into_iter().map(|site| (site.table, site.place, site.sides)).collect();
        let expected = [
            ("/a/{id}", "path.id", SENT),
            ("make", "200", RECEIVED),
            ("make", "200.list", RECEIVED),
            ("make", "200.list[]", RECEIVED),
            ("make", "200.list[]|1", RECEIVED),
            ("make", "200.list[]|2", RECEIVED),
            ("make", "200.map", RECEIVED),
            ("make", "200.map{}", RECEIVED),
            ("make", "200 text/plain", RECEIVED),
            ("#/schemas/Owner", ".", RECEIVED),
            ("#/schemas/Pet", ".", RECEIVED),
            ("#/schemas/Pet", "owner", RECEIVED),
            ("#/schemas/Unused", ".", Sides::default()),
        ];
        let expected: Vec<_> = expected
            .map(|(table, place, sides)| (table.to_owned(), place.to_owned(), sides))
            .into_iter()
            .collect();
        assert_eq!(found, expected);
    }
}
