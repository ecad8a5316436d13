//! Which name each schema gets: the one that the table gives its place, or that of the one named schema it is equal to.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Inline,
    form::Form,
    names::{Name, Names, TwoNames},
};
use crate::{
    error::{Class, Failure},
    json::show,
};

/// A name and whether the table gave it to this very place.
#[derive(Clone, Debug)]
pub(super) struct Assigned {
    pub(super) name: Name,
    pub(super) explicit: bool,
}

/// What is wrong with the table, and the lines that would mend it.
#[derive(Debug, Default)]
pub(super) struct Unnamed {
    errors: Vec<String>,
    hints: Vec<String>,
}

/// A name for each schema in turn; `None` for a component that is named already.
pub(super) fn assign(inline: &[Inline], names: &Names) -> Result<Vec<Option<Assigned>>, Unnamed> {
    let mut unnamed = Unnamed::default();
    let known = Known::new(inline, names);
    let assigned = inline
        .iter()
        .map(|schema| {
            if let Some(name) = names.get(&schema.site.table, &schema.site.place) {
                if !fits(schema, name) {
                    unnamed.add(schema, &format!("a name of another form, {}", line(name)));
                }
                return Some(Assigned { name: name.clone(), explicit: true });
            }
            if schema.component().is_some() && !needs_two(schema) {
                return None;
            }
            match known.equal_to(schema).as_slice() {
                [name] => return Some(Assigned { name: name.clone(), explicit: false }),
                [] => unnamed.add(schema, "no name"),
                several => {
                    let several = several.iter().map(line).collect::<Vec<_>>().join(" and ");
                    unnamed.add(schema, &format!("several equal schemas, {several}"));
                }
            }
            None
        })
        .collect();
    unnamed.unused(inline, names);
    if unnamed.errors.is_empty() { Ok(assigned) } else { Err(unnamed) }
}

/// An enum that the server may extend has a type for any value beside the one for the known ones; so has a union that
/// says of itself that it is open.
fn needs_two(schema: &Inline) -> bool {
    schema.form == Form::OpenUnion || (schema.form == Form::Enum && schema.site.sides.received)
}

fn fits(schema: &Inline, name: &Name) -> bool {
    match (needs_two(schema), name) {
        (false, Name::One(_)) => schema.component().is_none(),
        // A component keeps its name, which its users see: that of the open type.
        (true, Name::Open(TwoNames { open, .. })) => schema.component().is_none_or(|name| name == open),
        _ => false,
    }
}

/// The names given, by the shape of what they are given to.
struct Known<'a>(BTreeMap<String, Vec<(&'a Inline, Name)>>);

impl<'a> Known<'a> {
    fn new(inline: &'a [Inline], names: &Names) -> Self {
        let mut known: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for schema in inline {
            let given = names.get(&schema.site.table, &schema.site.place).cloned();
            let own = || schema.component().map(|name| Name::One(name.to_owned()));
            if let Some(name) = given.or_else(own) {
                known.entry(schema.shape.to_string()).or_default().push((schema, name));
            }
        }
        Self(known)
    }

    /// The names that a schema could go by, being equal to those that have them.
    fn equal_to(&self, schema: &Inline) -> Vec<Name> {
        let candidates = self.0.get(&schema.shape.to_string()).into_iter().flatten();
        let names: BTreeSet<_> = candidates
            .filter(|(other, _)| {
                // What is received is opened later and what is sent is not. Words are shared all the same: the closed
                // enum has an open type beside it, and the open union is open both ways.
                let same_way = other.site.sides == schema.site.sides || other.component().is_some();
                other.form == schema.form && (matches!(schema.form, Form::Enum | Form::OpenUnion) || same_way)
            })
            .filter_map(|(_, name)| match (needs_two(schema), name) {
                (true, Name::Open(_)) | (false, Name::One(_)) => Some(name.clone()),
                (false, Name::Open(TwoNames { known, .. })) => Some(Name::One(known.clone())),
                (true, Name::One(_)) => None,
            })
            .collect();
        names.into_iter().collect()
    }
}

impl Unnamed {
    pub(super) fn into_failure(self) -> Failure {
        let failure = Failure::new(Class::Document, self.errors);
        self.hints.into_iter().fold(failure, Failure::hint)
    }

    fn add(&mut self, schema: &Inline, found: &str) {
        let site = &schema.site;
        self.errors.push(format!(
            "openapi/names.toml: [{}] {:?}: expected {} for the inline schema at {}, {}; found {found}",
            site.table,
            site.place,
            if needs_two(schema) { "two names" } else { "a name" },
            site.pointer,
            show(&schema.shape),
        ));
        let name = match schema.component() {
            Some(name) => suggestion(schema, name.to_owned()),
            None => suggestion(schema, pascal(&format!("{} {}", site.table, site.place))),
        };
        self.hints.push(format!(
            "openapi/names.toml, under [{}]: {:?} = {}",
            key(&site.table),
            site.place,
            line(&name)
        ));
    }

    /// A line that names nothing is a rule that no longer applies.
    fn unused(&mut self, inline: &[Inline], names: &Names) {
        let places: BTreeSet<_> =
            inline.iter().map(|schema| (schema.site.table.as_str(), schema.site.place.as_str())).collect();
        for (table, place, name) in names.entries() {
            if !places.contains(&(table, place)) {
                self.errors.push(format!(
                    "openapi/names.toml: [{table}] {place:?}: expected an inline schema to call {}, found none at this place",
                    line(name)
                ));
            }
        }
    }
}

fn suggestion(schema: &Inline, name: String) -> Name {
    if needs_two(schema) {
        let known = format!("Known{name}");
        Name::Open(TwoNames { open: name, known })
    } else {
        Name::One(name)
    }
}

/// A name as the table has it.
fn line(name: &Name) -> String {
    match name {
        Name::One(name) => format!("{name:?}"),
        Name::Open(TwoNames { open, known }) => format!("{{ open = {open:?}, known = {known:?} }}"),
    }
}

/// A table's name as TOML wants it.
fn key(table: &str) -> String {
    if table.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        table.to_owned()
    } else {
        format!("{table:?}")
    }
}

fn pascal(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .filter_map(|word| {
            let mut letters = word.chars();
            let first = letters.next()?.to_ascii_uppercase();
            Some(format!("{first}{}", letters.as_str()))
        })
        .collect()
}
