//! Which name each schema gets: the one that the table gives its place, or that of the one named schema it is equal to.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    InlineSchema,
    classify::SchemaKind,
    names::{Name, Names, TwoNames},
};
use crate::{
    failure::{ExitClass, Failure},
    json::excerpt,
};

/// A name and whether the table gave it to this very place.
#[derive(Clone, Debug)]
pub(super) struct Assigned {
    pub(super) name: Name,
    pub(super) explicit: bool,
}

/// What is wrong with the table, and the lines that would mend it.
#[derive(Debug, Default)]
pub(super) struct NamingErrors {
    errors: Vec<String>,
    hints: Vec<String>,
}

/// A name for each schema in turn; `None` for a component that is named already.
pub(super) fn assign(inline: &[InlineSchema], names: &Names) -> Result<Vec<Option<Assigned>>, NamingErrors> {
    let mut unnamed = NamingErrors::default();
    let known = NamedShapes::new(inline, names);
    let assigned = inline
        .iter()
        .map(|schema| {
            if let Some(name) = names.get(&schema.location.section, &schema.location.path) {
                if !fits(schema, name) {
                    unnamed.add(schema, &format!("a name of another form, {}", toml_value(name)));
                }
                return Some(Assigned { name: name.clone(), explicit: true });
            }
            if schema.component().is_some() && !needs_two_names(schema) {
                return None;
            }
            match known.equal_to(schema).as_slice() {
                [name] => return Some(Assigned { name: name.clone(), explicit: false }),
                [] => unnamed.add(schema, "no name"),
                several => {
                    let several = several.iter().map(toml_value).collect::<Vec<_>>().join(" and ");
                    unnamed.add(schema, &format!("several equal schemas, {several}"));
                }
            }
            None
        })
        .collect();
    unnamed.check_unused(inline, names);
    if unnamed.errors.is_empty() { Ok(assigned) } else { Err(unnamed) }
}

/// An enum that the server may extend has a type for any value beside the one for the known ones; so has a union that
/// says of itself that it is open.
fn needs_two_names(schema: &InlineSchema) -> bool {
    schema.kind == SchemaKind::OpenUnion
        || (schema.kind == SchemaKind::Enum && schema.location.usage.response)
}

fn fits(schema: &InlineSchema, name: &Name) -> bool {
    match (needs_two_names(schema), name) {
        (false, Name::One(_)) => schema.component().is_none(),
        // A component keeps its name, which its users see: that of the open type.
        (true, Name::Open(TwoNames { open, .. })) => schema.component().is_none_or(|name| name == open),
        _ => false,
    }
}

/// The names given, by the shape of what they are given to.
struct NamedShapes<'a>(BTreeMap<String, Vec<(&'a InlineSchema, Name)>>);

impl<'a> NamedShapes<'a> {
    fn new(inline: &'a [InlineSchema], names: &Names) -> Self {
        let mut known: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for schema in inline {
            let given = names.get(&schema.location.section, &schema.location.path).cloned();
            let own = || schema.component().map(|name| Name::One(name.to_owned()));
            if let Some(name) = given.or_else(own) {
                known.entry(schema.shape.to_string()).or_default().push((schema, name));
            }
        }
        Self(known)
    }

    /// The names that a schema could go by, being equal to those that have them.
    fn equal_to(&self, schema: &InlineSchema) -> Vec<Name> {
        let candidates = self.0.get(&schema.shape.to_string()).into_iter().flatten();
        let names: BTreeSet<_> = candidates
            .filter(|(other, _)| {
                // What is received is opened later and what is sent is not. Words are shared all the same: the closed
                // enum has an open type beside it, and the open union is open both ways.
                let same_way = other.location.usage == schema.location.usage || other.component().is_some();
                other.kind == schema.kind
                    && (matches!(schema.kind, SchemaKind::Enum | SchemaKind::OpenUnion) || same_way)
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
        let site = &schema.location;
        self.errors.push(format!(
            "openapi/names.toml: [{}] {:?}: expected {} for the inline schema at {}, {}; found {found}",
            site.section,
            site.path,
            if needs_two_names(schema) { "two names" } else { "a name" },
            site.pointer,
            excerpt(&schema.shape),
        ));
        let name = match schema.component() {
            Some(name) => suggest(schema, name.to_owned()),
            None => suggest(schema, pascal_case(&format!("{} {}", site.section, site.path))),
        };
        self.hints.push(format!(
            "openapi/names.toml, under [{}]: {:?} = {}",
            toml_key(&site.section),
            site.path,
            toml_value(&name)
        ));
    }

    /// A line that names nothing is a rule that no longer applies.
    fn check_unused(&mut self, inline: &[InlineSchema], names: &Names) {
        let places: BTreeSet<_> = inline
            .iter()
            .map(|schema| (schema.location.section.as_str(), schema.location.path.as_str()))
            .collect();
        for (table, place, name) in names.entries() {
            if !places.contains(&(table, place)) {
                self.errors.push(format!(
                    "openapi/names.toml: [{table}] {place:?}: expected an inline schema to call {}, found none at this place",
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

/// A name as the table has it.
fn toml_value(name: &Name) -> String {
    match name {
        Name::One(name) => format!("{name:?}"),
        Name::Open(TwoNames { open, known }) => format!("{{ open = {open:?}, known = {known:?} }}"),
    }
}

/// A table's name as TOML wants it.
fn toml_key(table: &str) -> String {
    if table.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        table.to_owned()
    } else {
        format!("{table:?}")
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
