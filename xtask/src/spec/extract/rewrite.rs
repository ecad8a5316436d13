//! Moves each schema to its component, and leaves a reference with the annotations of the use.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    assign::Assigned,
    classify::{SchemaKind, open_union, reference, split_annotations},
    inline::InlineSchema,
    names::{Name, TwoNames},
};
use crate::json::{Object, Pointer};

const SCHEMAS: &str = "/components/schemas";

/// A document whose inline schemas have become components, and its open types.
#[derive(Debug)]
pub(crate) struct Extracted {
    pub(crate) document: Value,
    pub(crate) open: OpenTypes,
    pub(crate) origins: Origins,
}

/// The schemas of the merged document that each component was extracted from.
pub(crate) type Origins = BTreeMap<String, Vec<Pointer>>;

/// The types that accept values other than the known ones.
#[derive(Debug, Default)]
pub(crate) struct OpenTypes {
    /// The closed enums in responses, each with the name of the open type that replaces it.
    pub(crate) enums: BTreeMap<String, String>,
    /// The components that are unions of known values and any string.
    pub(crate) unions: BTreeSet<Pointer>,
}

/// Moves the schemas to components of the assigned names. Schemas of one name are equal, and the first one determines
/// the annotations.
pub(super) fn rewrite(document: Value, inline: &[InlineSchema], assigned: &[Option<Assigned>]) -> Extracted {
    let mut rewriter = Rewriter {
        document,
        annotations: BTreeMap::new(),
        definitions: BTreeMap::new(),
        open: OpenTypes::default(),
        origins: Origins::new(),
    };
    let named = inline.iter().zip(assigned);
    let named: Vec<_> = named.filter_map(|(schema, name)| Some((schema, name.as_ref()?))).collect();
    for (schema, assigned) in &named {
        rewriter.collect_annotations(schema, assigned);
    }
    // Move children before their parents, so that the remaining pointers stay valid.
    for (schema, assigned) in named.iter().rev() {
        rewriter.extract(schema, &assigned.name);
    }
    rewriter.finish()
}

struct Rewriter {
    document: Value,
    /// The title and description of each component. The flag is `true` if the table names the path that they
    /// come from.
    annotations: BTreeMap<String, (Object, bool)>,
    definitions: BTreeMap<String, Value>,
    open: OpenTypes,
    origins: Origins,
}

impl Rewriter {
    /// Collects the title and description of a component from the first location that the table names.
    fn collect_annotations(&mut self, schema: &InlineSchema, assigned: &Assigned) {
        let name = match (&assigned.name, schema.kind) {
            // Enums and numbers are shared by uses with different descriptions, so their components have
            // none.
            (_, SchemaKind::Enum | SchemaKind::Bounded) => return,
            (Name::One(name) | Name::Open(TwoNames { open: name, .. }), _) => name,
        };
        let before = self.annotations.get(name);
        if before.is_none_or(|(_, explicit)| assigned.explicit && !explicit) {
            let mut annotations = self
                .object_at(&schema.location.pointer)
                .map(|schema| split_annotations(&schema).0)
                .unwrap_or_default();
            annotations.retain(|key, _| key == "title" || key == "description");
            self.annotations.insert(name.clone(), (annotations, assigned.explicit));
        }
    }

    fn extract(&mut self, schema: &InlineSchema, name: &Name) {
        let at = &schema.location.pointer;
        let Some(found) = self.object_at(at) else { return };
        let (mut annotations, mut body) = split_annotations(&found);
        let name = match name {
            Name::One(name) => name,
            Name::Open(TwoNames { open, known }) if schema.kind == SchemaKind::Enum => {
                self.open.enums.insert(known.clone(), open.clone());
                self.origins.entry(open.clone()).or_default().insert(0, at.clone());
                known
            }
            Name::Open(TwoNames { open, known }) => {
                self.extract_known(at, &mut body, &mut annotations, known);
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
        let carried = self.annotations.get(name).map(|(annotations, _)| annotations);
        // Do not repeat the annotations of the component at the root of a body.
        if at.as_str().ends_with("/schema") && carried == Some(&annotations) {
            annotations = Object::new();
        }
        self.replace_at(at, wrap(name, annotations));
    }

    /// Moves the enum of an open union to the component `known`.
    fn extract_known(&mut self, at: &Pointer, union: &mut Object, annotations: &mut Object, known: &str) {
        let Some((keyword, part, _)) = open_union(union) else { return };
        let slot = &mut union[keyword][part];
        let Value::Object(closed_enum) = slot else { return };
        let (enum_annotations, body) = split_annotations(closed_enum);
        // The default of a part is the default of the union, and a part that can be null makes the union nullable.
        for key in ["default", "nullable"] {
            if let Some(value) = enum_annotations.get(key).filter(|_| !annotations.contains_key(key)) {
                annotations.insert(key.to_owned(), value.clone());
            }
        }
        *slot = reference(known);
        self.define(known, Value::Object(body), &at.child(keyword).child(part));
    }

    /// Replaces a component. An enum component gives its name to the open type, and its values move to
    /// `name`.
    fn replace_component(&mut self, component: &str, name: &str, body: Value, at: &Pointer) {
        if component == name {
            self.replace_at(&Pointer::new(SCHEMAS).child(component), body);
            return;
        }
        self.define(name, body, at);
        if let Some(Value::Object(schemas)) = self.document.pointer_mut(SCHEMAS) {
            schemas.remove(component);
        }
        redirect(&mut self.document, &reference(component)["$ref"], &reference(name)["$ref"]);
        for definition in self.definitions.values_mut() {
            redirect(definition, &reference(component)["$ref"], &reference(name)["$ref"]);
        }
    }

    fn define(&mut self, name: &str, body: Value, at: &Pointer) {
        self.origins.entry(name.to_owned()).or_default().insert(0, at.clone());
        // Schemas are moved from last to first, and the first one determines the annotations.
        self.definitions.insert(name.to_owned(), body);
    }

    fn finish(mut self) -> Extracted {
        for (name, mut body) in self.definitions {
            let (annotations, _) = self.annotations.remove(&name).unwrap_or_default();
            if let Value::Object(body) = &mut body {
                body.extend(annotations);
            }
            let schemas = &mut self.document["components"]["schemas"];
            // The document may have an equal component.
            if schemas.get(&name).is_none() {
                schemas[name] = body;
            }
        }
        Extracted { document: self.document, open: self.open, origins: self.origins }
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

/// Returns a reference with annotations. In OpenAPI 3.0 the siblings of a `$ref` are ignored, so it is
/// wrapped in `allOf`.
fn wrap(name: &str, annotations: Object) -> Value {
    if annotations.is_empty() {
        return reference(name);
    }
    let mut wrapped = annotations;
    wrapped.insert("allOf".to_owned(), json!([reference(name)]));
    Value::Object(wrapped)
}

/// Replaces every reference to `from` by `to`.
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
