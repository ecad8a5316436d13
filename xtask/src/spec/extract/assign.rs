//! Assigns a name to each schema: the name that the table gives to its path, or the name of an equal schema.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    classify::SchemaKind,
    inline::InlineSchema,
    names::{Name, Names, TwoNames},
};
use crate::{
    failure::{ExitClass, Failure},
    json::excerpt,
};

/// A name. `explicit` is `true` if the table gives the name to this path.
#[derive(Clone, Debug)]
pub(super) struct Assigned {
    pub(super) name: Name,
    pub(super) explicit: bool,
}

/// Errors in the table, and the lines that would fix them.
#[derive(Debug, Default)]
pub(super) struct NamingErrors {
    errors: Vec<String>,
    hints: Vec<String>,
}

/// Returns a name for each schema, in order, and `None` for a component that keeps its name.
pub(super) fn assign(inline: &[InlineSchema], names: &Names) -> Result<Vec<Option<Assigned>>, NamingErrors> {
    let mut naming_errors = NamingErrors::default();
    let shapes = NamedShapes::new(inline, names);
    let assigned = inline
        .iter()
        .map(|schema| {
            if let Some(name) = names.get(&schema.location.section, &schema.location.path) {
                if !fits(schema, name) {
                    naming_errors.add(schema, &format!("the unsuitable name {}", toml_value(name)));
                }
                return Some(Assigned { name: name.clone(), explicit: true });
            }
            if schema.component().is_some() && !needs_two_names(schema) {
                return None;
            }
            match shapes.equal_to(schema).as_slice() {
                [name] => return Some(Assigned { name: name.clone(), explicit: false }),
                [] => naming_errors.add(schema, "no name"),
                several => {
                    let several = several.iter().map(toml_value).collect::<Vec<_>>().join(" and ");
                    naming_errors.add(schema, &format!("equal schemas with different names, {several}"));
                }
            }
            None
        })
        .collect();
    naming_errors.check_unused(inline, names);
    if naming_errors.errors.is_empty() { Ok(assigned) } else { Err(naming_errors) }
}

/// Returns `true` if the schema becomes two types: one that accepts any value, and one for the known values.
///
/// This applies to enums in responses, which the server may extend, and to open unions.
fn needs_two_names(schema: &InlineSchema) -> bool {
    schema.kind == SchemaKind::OpenUnion
        || (schema.kind == SchemaKind::Enum && schema.location.usage.response)
}

fn fits(schema: &InlineSchema, name: &Name) -> bool {
    match (needs_two_names(schema), name) {
        (false, Name::One(_)) => schema.component().is_none(),
        // A component keeps its name as the open type, because that is the type that users see.
        (true, Name::Open(TwoNames { open, .. })) => schema.component().is_none_or(|name| name == open),
        _ => false,
    }
}

/// The named schemas, by shape.
struct NamedShapes<'a>(BTreeMap<String, Vec<(&'a InlineSchema, Name)>>);

impl<'a> NamedShapes<'a> {
    fn new(inline: &'a [InlineSchema], names: &Names) -> Self {
        let mut by_shape: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for schema in inline {
            let explicit = names.get(&schema.location.section, &schema.location.path).cloned();
            let component = || schema.component().map(|name| Name::One(name.to_owned()));
            if let Some(name) = explicit.or_else(component) {
                by_shape.entry(schema.shape.to_string()).or_default().push((schema, name));
            }
        }
        Self(by_shape)
    }

    /// Returns the names of all schemas that are equal to this one.
    fn equal_to(&self, schema: &InlineSchema) -> Vec<Name> {
        let candidates = self.0.get(&schema.shape.to_string()).into_iter().flatten();
        let names: BTreeSet<_> = candidates
            .filter(|(other, _)| {
                // Response schemas are relaxed later and request schemas are not, so they need separate
                // names. Enums and open unions are shared anyway: the closed enum stays next to its open
                // type, and an open union accepts any string in requests too.
                let same_usage = other.location.usage == schema.location.usage || other.component().is_some();
                other.kind == schema.kind
                    && (matches!(schema.kind, SchemaKind::Enum | SchemaKind::OpenUnion) || same_usage)
            })
            .filter_map(|(_, name)| match (needs_two_names(schema), name) {
                (true, Name::Open(_)) | (false, Name::One(_)) => Some(name.clone()),
                (false, Name::Open(TwoNames { known, .. })) => Some(Name::One(known.clone())),
                (true, Name::One(_)) => None,
            })
            .collect();
        names.into_iter().collect()
    }
}

impl NamingErrors {
    pub(super) fn into_failure(self) -> Failure {
        let failure = Failure::new(ExitClass::Document, self.errors);
        self.hints.into_iter().fold(failure, Failure::hint)
    }

    fn add(&mut self, schema: &InlineSchema, found: &str) {
        let location = &schema.location;
        self.errors.push(format!(
            "openapi/names.toml: [{}] {:?}: expected {} for the inline schema at {}, {}; found {found}",
            location.section,
            location.path,
            if needs_two_names(schema) { "two names" } else { "a name" },
            location.pointer,
            excerpt(&schema.shape),
        ));
        let name = match schema.component() {
            Some(name) => suggest(schema, name.to_owned()),
            None => suggest(schema, pascal_case(&format!("{} {}", location.section, location.path))),
        };
        self.hints.push(format!(
            "openapi/names.toml, under [{}]: {:?} = {}",
            toml_key(&location.section),
            location.path,
            toml_value(&name)
        ));
    }

    /// Adds an error for each name in the table without a schema at its path.
    fn check_unused(&mut self, inline: &[InlineSchema], names: &Names) {
        let locations: BTreeSet<_> = inline
            .iter()
            .map(|schema| (schema.location.section.as_str(), schema.location.path.as_str()))
            .collect();
        for (section, path, name) in names.entries() {
            if !locations.contains(&(section, path)) {
                self.errors.push(format!(
                    "openapi/names.toml: [{section}] {path:?}: unused name {}, expected an inline schema at this path",
                    toml_value(name)
                ));
            }
        }
    }
}

fn suggest(schema: &InlineSchema, name: String) -> Name {
    if needs_two_names(schema) {
        let known = format!("Known{name}");
        Name::Open(TwoNames { open: name, known })
    } else {
        Name::One(name)
    }
}

/// Returns a name in the syntax of the table.
fn toml_value(name: &Name) -> String {
    match name {
        Name::One(name) => format!("{name:?}"),
        Name::Open(TwoNames { open, known }) => format!("{{ open = {open:?}, known = {known:?} }}"),
    }
}

/// Returns the name of a table, quoted if TOML requires it.
fn toml_key(section: &str) -> String {
    if section.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        section.to_owned()
    } else {
        format!("{section:?}")
    }
}

fn pascal_case(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .filter_map(|word| {
            let mut letters = word.chars();
            let first = letters.next()?.to_ascii_uppercase();
            Some(format!("{first}{}", letters.as_str()))
        })
        .collect()
}
