//! Assigns a name to each schema: the name that the table gives to its path, the name of an equal schema, or a suggested
//! name.
//!
//! Children get their names before their parents. Two schemas are therefore equal only if the schemas within them have
//! the same names.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::{Value, json};

use super::{
    classify::{SchemaKind, canonical_shape, reference},
    inline::InlineSchema,
    names::{Name, Names, TwoNames, toml_key},
    type_names::TypeNames,
};
use crate::{
    failure::{ExitClass, Failure},
    json::excerpt,
    spec::schema_locations::{SchemaLocation, Usage},
};

/// A name. `explicit` is `true` if the table gives the name to this path.
#[derive(Clone, Debug)]
pub(super) struct Assigned {
    pub(super) name: Name,
    pub(super) explicit: bool,
}

/// The names of all schemas.
pub(super) struct Assignment {
    /// The name of each schema, in order, and `None` for a component that keeps its name.
    pub(super) assigned: Vec<Option<Assigned>>,
    /// The table with the suggested names, and without unused ones.
    pub(super) names: Names,
    /// The errors in the table, with the lines that would fix them.
    pub(super) problems: Option<Failure>,
}

pub(super) fn assign(document: &Value, inline: &[InlineSchema], table: &Names) -> Assignment {
    let mut assigner = Assigner {
        document: document.clone(),
        inline,
        assigned: vec![None; inline.len()],
        names: table.clone(),
        types: TypeNames::new(document, inline, table),
        shapes: BTreeMap::new(),
        problems: BTreeMap::new(),
    };
    for level in levels(inline) {
        assigner.assign_level(&level);
    }
    let unused = assigner.remove_unused();
    let Assigner { assigned, names, problems, .. } = assigner;
    let (mut errors, hints): (Vec<_>, Vec<_>) = problems.into_values().unzip();
    errors.extend(unused);
    let failure = Failure::new(ExitClass::Document, errors);
    let problems = (!failure.is_empty()).then(|| hints.into_iter().flatten().fold(failure, Failure::hint));
    Assignment { assigned, names, problems }
}

/// Returns the indices of the schemas by level. A schema is above all schemas within it.
fn levels(inline: &[InlineSchema]) -> Vec<Vec<usize>> {
    let mut heights = vec![0; inline.len()];
    let mut around: Vec<usize> = Vec::new();
    for (i, schema) in inline.iter().enumerate() {
        let at = &schema.location.pointer;
        around.retain(|outer| at.is_within(&inline[*outer].location.pointer));
        for (depth, outer) in around.iter().rev().enumerate() {
            heights[*outer] = heights[*outer].max(depth + 1);
        }
        around.push(i);
    }
    let mut levels = Vec::new();
    for (i, height) in heights.into_iter().enumerate() {
        levels.resize_with(levels.len().max(height + 1), Vec::new);
        levels[height].push(i);
    }
    levels
}

/// The schemas that have a name, by kind and by shape.
type Shapes = BTreeMap<(SchemaKind, String), Vec<(Usage, bool, Name)>>;

struct Assigner<'a> {
    /// The document, with a reference in place of each schema that has a name.
    document: Value,
    inline: &'a [InlineSchema],
    assigned: Vec<Option<Assigned>>,
    names: Names,
    types: TypeNames,
    shapes: Shapes,
    /// The errors in the order of the document, each with the line that fixes the error.
    problems: BTreeMap<usize, (String, Option<String>)>,
}

impl Assigner<'_> {
    /// Assigns names to schemas within which all schemas have names.
    fn assign_level(&mut self, level: &[usize]) {
        let inline = self.inline;
        let shapes: BTreeMap<_, _> = level.iter().map(|i| (*i, self.shape(&inline[*i]))).collect();
        let mut unnamed = Vec::new();
        for i in level.iter().copied() {
            let (schema, shape) = (&inline[i], &shapes[&i]);
            if let Some(component) = schema.component().filter(|_| !schema.needs_two_names()) {
                let name = Name::One(component.to_owned());
                if let Err(found) = self.check(schema, &name, shape) {
                    let error = format!("openapi/names.toml: {}: found {found}", schema.location.pointer);
                    self.problems.insert(i, (error, None));
                }
                self.add_shape(schema, shape, name);
            } else if let Some(name) =
                self.names.get(&schema.location.section, &schema.location.path).cloned()
            {
                match self.check(schema, &name, shape) {
                    Ok(()) => self.set(i, shape, name, true),
                    Err(found) => self.suggest(&[i], shape, &found, Some(&name)),
                }
            } else {
                unnamed.push(i);
            }
        }
        let mut groups: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for i in unnamed {
            let (schema, shape) = (&inline[i], &shapes[&i]);
            match self.equal_to(schema, shape).as_slice() {
                [name] => self.set(i, shape, name.clone(), false),
                [] => {
                    let usage = (!schema.kind.is_shared()).then_some(schema.location.usage);
                    groups.entry((schema.kind, usage, shape.to_string())).or_default().push(i);
                }
                several @ [first, ..] => {
                    let names = several.iter().map(Name::to_toml).collect::<Vec<_>>().join(" and ");
                    self.suggest(
                        &[i],
                        shape,
                        &format!("equal schemas with different names, {names}"),
                        Some(first),
                    );
                }
            }
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort();
        for group in groups {
            self.suggest(&group, &shapes[&group[0]], "no name", None);
        }
        for i in level.iter().copied() {
            self.refer(i);
        }
    }

    /// Returns the shape of a schema, with references to the names of the schemas within it.
    fn shape(&self, schema: &InlineSchema) -> Value {
        let schema = self.document.pointer(schema.location.pointer.as_str()).and_then(Value::as_object);
        schema.map(canonical_shape).unwrap_or_default()
    }

    /// Checks a name of the table. Returns a description of the name if it is not valid for the schema.
    fn check(&mut self, schema: &InlineSchema, name: &Name, shape: &Value) -> Result<(), String> {
        if !schema.accepts(name) {
            return Err(format!("the unsuitable name {}", name.to_toml()));
        }
        self.types.define(name, schema, shape).map_err(|(name, other)| {
            format!(
                "name {name:?}, which is used for two different schemas; the other is {}",
                excerpt(&other)
            )
        })
    }

    fn set(&mut self, i: usize, shape: &Value, name: Name, explicit: bool) {
        self.add_shape(&self.inline[i], shape, name.clone());
        self.assigned[i] = Some(Assigned { name, explicit });
    }

    fn add_shape(&mut self, schema: &InlineSchema, shape: &Value, name: Name) {
        let named = (schema.location.usage, schema.component().is_some(), name);
        self.shapes.entry((schema.kind, shape.to_string())).or_default().push(named);
    }

    fn named(&self, schema: &InlineSchema, shape: &Value) -> impl Iterator<Item = &(Usage, bool, Name)> {
        self.shapes.get(&(schema.kind, shape.to_string())).into_iter().flatten()
    }

    /// Returns the names of all schemas that are equal to this one.
    fn equal_to(&self, schema: &InlineSchema, shape: &Value) -> Vec<Name> {
        let names: BTreeSet<_> = self
            .named(schema, shape)
            // Response schemas are relaxed later and request schemas are not, so they need separate names.
            .filter(|(usage, is_component, _)| {
                schema.kind.is_shared() || *is_component || *usage == schema.location.usage
            })
            .filter_map(|(.., name)| schema.name_from_equal(name))
            .collect();
        names.into_iter().collect()
    }

    /// Adds an error for equal schemas without a valid name, and gives them the name that the hint suggests.
    fn suggest(&mut self, equal: &[usize], shape: &Value, found: &str, similar: Option<&Name>) {
        let inline = self.inline;
        // The name of a component, or of a schema that needs two names, is valid for all.
        let first = *equal
            .iter()
            .max_by_key(|i| {
                let schema = &inline[**i];
                (schema.needs_two_names(), schema.component().is_some(), Reverse(**i))
            })
            .unwrap_or(&equal[0]);
        let schema = &inline[first];
        let SchemaLocation { section, path, pointer, .. } = &schema.location;
        let closed = self.named(schema, shape).filter_map(|(.., name)| name.one()).min().map(str::to_owned);
        let name = self.types.suggest(schema, shape, similar, closed);
        let others = equal.iter().filter(|i| **i != first).map(|i| &inline[*i].location);
        let others: Vec<_> = others.map(|other| format!("[{}] {:?}", other.section, other.path)).collect();
        let others =
            if others.is_empty() { String::new() } else { format!("; equal schemas: {}", others.join(", ")) };
        let error = format!(
            "openapi/names.toml: [{section}] {path:?}: expected {} for the inline schema at {pointer}, {}; found {found}{others}",
            if schema.needs_two_names() { "two names" } else { "a name" },
            excerpt(&schema.shape),
        );
        let before = self.names.get(section, path);
        let before = before.map(|before| format!(", instead of {}", before.to_toml()));
        let hint = format!(
            "openapi/names.toml, under [{}]: {} = {}{}",
            toml_key(section),
            json!(path),
            name.to_toml(),
            before.unwrap_or_default(),
        );
        self.problems.insert(first, (error, Some(hint)));
        self.names.insert(section, path, name.clone());
        for i in equal.iter().copied() {
            if let Some(name) = inline[i].name_from_equal(&name) {
                self.set(i, shape, name, i == first);
            }
        }
    }

    /// Replaces a schema by a reference to its name.
    fn refer(&mut self, i: usize) {
        let Some(Assigned { name, .. }) = &self.assigned[i] else { return };
        let name = match (name, self.inline[i].kind) {
            (Name::Open(TwoNames { known, .. }), SchemaKind::Enum) => known,
            (Name::One(name) | Name::Open(TwoNames { open: name, .. }), _) => name,
        };
        let mut referring = reference(name);
        if let Some(slot) = self.document.pointer_mut(self.inline[i].location.pointer.as_str()) {
            // Whether a child can be null is part of the shape of its parent.
            if let Some(nullable) = slot.get("nullable") {
                referring["nullable"] = nullable.clone();
            }
            *slot = referring;
        }
    }

    /// Removes the names without a schema at their path, and returns an error for each.
    fn remove_unused(&mut self) -> Vec<String> {
        let named =
            self.inline.iter().filter(|schema| schema.component().is_none() || schema.needs_two_names());
        let used: BTreeSet<_> =
            named.map(|schema| (schema.location.section.as_str(), schema.location.path.as_str())).collect();
        let mut errors = Vec::new();
        self.names.retain(|section, path, name| {
            let used = used.contains(&(section, path));
            if !used {
                errors.push(format!(
                    "openapi/names.toml: [{section}] {path:?}: unused name {}, expected an inline schema at this path",
                    name.to_toml()
                ));
            }
            used
        });
        errors
    }
}
