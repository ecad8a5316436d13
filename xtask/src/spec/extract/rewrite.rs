//! Moves each schema to its component and leaves a reference, with what is said of the use beside it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Extracted, InlineSchema, OpenTypes,
    assign::Assigned,
    classify::{SchemaKind, canonical_shape, open_union, split_annotations},
    names::{Name, TwoNames},
};
use crate::json::{Object, Pointer, excerpt};

const SCHEMAS: &str = "/components/schemas";

pub(super) fn rewrite(
    document: Value,
    inline: &[InlineSchema],
    assigned: &[Option<Assigned>],
) -> Result<Extracted, Vec<String>> {
    let mut rewriter = Rewriter {
        document,
        annotations: BTreeMap::new(),
        definitions: BTreeMap::new(),
        open: OpenTypes::default(),
        conflicts: Vec::new(),
    };
    let named = inline.iter().zip(assigned);
    let named: Vec<_> = named.filter_map(|(schema, name)| Some((schema, name.as_ref()?))).collect();
    for (schema, assigned) in &named {
        rewriter.collect_annotations(schema, assigned);
    }
    // Children first: a schema moves when what is within it has moved already, and no pointer goes stale.
    for (schema, assigned) in named.iter().rev() {
        rewriter.extract(schema, &assigned.name);
    }
    rewriter.finish()
}

struct Rewriter {
    document: Value,
    /// What each component says of itself, and whether the table named the place it comes from.
    annotations: BTreeMap<String, (Object, bool)>,
    definitions: BTreeMap<String, (Pointer, Value)>,
    open: OpenTypes,
    conflicts: Vec<String>,
}

impl Rewriter {
    /// A component says of itself what the first place says that the table gives its name to.
    fn collect_annotations(&mut self, schema: &InlineSchema, assigned: &Assigned) {
        let name = match (&assigned.name, schema.kind) {
            // Words and numbers are shared by uses that say different things of them.
            (_, SchemaKind::Enum | SchemaKind::Bounded) => return,
            (Name::One(name) | Name::Open(TwoNames { open: name, .. }), _) => name,
        };
        let before = self.annotations.get(name);
        if before.is_none_or(|(_, explicit)| assigned.explicit && !explicit) {
            let mut words = self
                .object_at(&schema.location.pointer)
                .map(|schema| split_annotations(&schema).0)
                .unwrap_or_default();
            words.retain(|key, _| key == "title" || key == "description");
            self.annotations.insert(name.clone(), (words, assigned.explicit));
        }
    }

    fn extract(&mut self, schema: &InlineSchema, name: &Name) {
        let at = &schema.location.pointer;
        let Some(found) = self.object_at(at) else { return };
        let (mut annotations, mut body) = split_annotations(&found);
        let name = match name {
            Name::One(name) => name,
            Name::Open(TwoNames { open, known }) if schema.kind == SchemaKind::Enum => {
                let other = self.open.enums.insert(known.clone(), open.clone());
                if let Some(other) = other.filter(|other| other != open) {
                    let conflict = format!(
                        "openapi/names.toml: {at}: {known:?} is the known part of both {other:?} and {open:?}"
                    );
                    self.conflicts.push(conflict);
                }
                known
            }
            Name::Open(TwoNames { open, known }) => {
                self.close(at, &mut body, &mut annotations, known);
                self.open.unions.insert(Pointer::new(SCHEMAS).child(open));
                open
            }
        };
        if let Some(component) = schema.component() {
            body.extend(annotations);
            self.replace_component(component, name, Value::Object(body), at);
            return;
        }
        self.define(name, Value::Object(body), at);
        let carried = self.annotations.get(name).map(|(words, _)| words);
        // At the root of a body there is nothing beside the component for the words to be about.
        if at.as_str().ends_with("/schema") && carried == Some(&annotations) {
            annotations = Object::new();
        }
        self.replace_at(at, wrap(name, annotations));
    }

    /// Names the known words of an open union.
    fn close(&mut self, at: &Pointer, union: &mut Object, annotations: &mut Object, known: &str) {
        let Some((word, part, _)) = open_union(union) else { return };
        let slot = &mut union[word][part];
        let Value::Object(words) = slot else { return };
        let (said, body) = split_annotations(words);
        // What one part has as its default is the default of the whole.
        if let Some(default) = said.get("default").filter(|_| !annotations.contains_key("default")) {
            annotations.insert("default".to_owned(), default.clone());
        }
        *slot = reference(known);
        self.define(known, Value::Object(body), &at.child(word).child(part));
    }

    /// A component that is an enum gives its name to the open type; its words move under the name for known ones.
    fn replace_component(&mut self, component: &str, name: &str, body: Value, at: &Pointer) {
        if component == name {
            self.replace_at(at, body);
            return;
        }
        self.define(name, body, at);
        if let Some(Value::Object(schemas)) = self.document.pointer_mut(SCHEMAS) {
            schemas.remove(component);
        }
        redirect(&mut self.document, &reference(component)["$ref"], &reference(name)["$ref"]);
        for (_, definition) in self.definitions.values_mut() {
            redirect(definition, &reference(component)["$ref"], &reference(name)["$ref"]);
        }
    }

    fn define(&mut self, name: &str, body: Value, at: &Pointer) {
        let Some((first, before)) = self.definitions.get(name) else {
            self.definitions.insert(name.to_owned(), (at.clone(), body));
            return;
        };
        if shape_of(before) == shape_of(&body) {
            // Places come last to first; the first one's words stand.
            self.definitions.insert(name.to_owned(), (at.clone(), body));
        } else {
            self.conflicts.push(name_collision(name, at, &body, first, before));
        }
    }

    fn finish(mut self) -> Result<Extracted, Vec<String>> {
        for (name, (at, body)) in std::mem::take(&mut self.definitions) {
            let mut body = body;
            let (words, _) = self.annotations.remove(&name).unwrap_or_default();
            if let Value::Object(body) = &mut body {
                body.extend(words);
            }
            let own = Pointer::new(SCHEMAS).child(&name);
            match self.document.pointer(own.as_str()) {
                Some(before) if shape_of(before) != shape_of(&body) => {
                    self.conflicts.push(name_collision(&name, &at, &body, &own, before));
                }
                Some(_) => {}
                None => self.document["components"]["schemas"][&name] = body,
            }
        }
        for (known, open) in &self.open.enums {
            let own = Pointer::new(SCHEMAS).child(open);
            if let Some(before) = self.document.pointer(own.as_str()) {
                let conflict = format!(
                    "openapi/names.toml: {own}: expected {open:?} to be free for any value beside {known}, found {}",
                    excerpt(before)
                );
                self.conflicts.push(conflict);
            }
        }
        if self.conflicts.is_empty() {
            Ok(Extracted { document: self.document, open: self.open })
        } else {
            Err(self.conflicts)
        }
    }

    fn object_at(&self, at: &Pointer) -> Option<Object> {
        self.document.pointer(at.as_str())?.as_object().cloned()
    }

    fn replace_at(&mut self, at: &Pointer, value: Value) {
        if let Some(slot) = self.document.pointer_mut(at.as_str()) {
            *slot = value;
        }
    }
}

/// Readers of 3.0 ignore what stands beside a `$ref`, so what is said of a use stands around it.
fn wrap(name: &str, annotations: Object) -> Value {
    if annotations.is_empty() {
        return reference(name);
    }
    let mut wrapped = annotations;
    wrapped.insert("allOf".to_owned(), json!([reference(name)]));
    Value::Object(wrapped)
}

pub(crate) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Lets every reference to the one lead to the other.
fn redirect(value: &mut Value, from: &Value, to: &Value) {
    match value {
        Value::Object(members) => {
            for (key, value) in members.iter_mut() {
                if key == "$ref" && value == from {
                    *value = to.clone();
                } else {
                    redirect(value, from, to);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redirect(item, from, to)),
        _ => {}
    }
}

fn shape_of(schema: &Value) -> Option<Value> {
    schema.as_object().map(canonical_shape)
}

fn name_collision(name: &str, at: &Pointer, body: &Value, first: &Pointer, before: &Value) -> String {
    format!(
        "openapi/names.toml: two schemas would be called {name:?}: {at} is {}, {first} is {}",
        excerpt(body),
        excerpt(before)
    )
}
