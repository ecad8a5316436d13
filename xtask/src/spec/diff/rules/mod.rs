//! The rules: the id, wire level and message of every kind of change. This module is data; the comparison selects
//! the rules.
//!
//! Ids and wire levels are those of oasdiff if oasdiff has the rule. `oasdiff.tsv` lists all rules of
//! oasdiff, with the reason for each rule that is not adopted. [`overrides`] lists the levels and ids that
//! differ.
//!
//! Most rules are schema rules: a change of a schema ([`schema_rules`]) at a position ([`SchemaPosition`]).
//! The others are [`document_rules`].

mod document_rules;
mod oasdiff;
mod overrides;
mod position;
mod schema_rules;

use std::{collections::BTreeMap, sync::LazyLock};

pub(crate) use self::{
    document_rules::DocumentChange,
    position::{Direction, SchemaPosition},
    schema_rules::SchemaChange,
};

use super::severity::WireLevel;

/// A kind of change.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) wire: WireLevel,
    /// The description of the change in messages.
    pub(crate) message: String,
    /// The position of the schema, for schema rules.
    position: Option<SchemaPosition>,
}

impl Rule {
    /// Returns the id of the same rule in oasdiff, if oasdiff has it. The ids are equal.
    pub(crate) fn oasdiff(&self) -> Option<&str> {
        oasdiff::level(&self.id).map(|_| self.id.as_str())
    }

    /// Returns the level of the same rule in oasdiff and the reason for the other one here, if the levels differ.
    pub(crate) fn departure(&self) -> Option<(WireLevel, &'static str)> {
        let level = oasdiff::level(&self.id).filter(|level| *level != self.wire)?;
        let mut reasons = overrides::OVERRIDES.iter().filter(|(suffix, _)| self.id.ends_with(suffix));
        Some((level, reasons.next()?.1))
    }

    /// Returns the position and the message of the rule on one line.
    pub(crate) fn meaning(&self) -> String {
        match self.position {
            Some(position) => format!("{}: {}", position.description(), self.message),
            None => self.message.clone(),
        }
    }
}

/// Returns all rules by id.
pub(crate) fn all() -> &'static BTreeMap<String, Rule> {
    static ALL: LazyLock<BTreeMap<String, Rule>> = LazyLock::new(|| {
        let of_documents = document_rules::DOCUMENT_RULES
            .iter()
            .map(|(id, wire, message)| rule((*id).to_owned(), None, *wire, message));
        let of_schemas = SchemaPosition::ALL.into_iter().flat_map(|position| {
            schema_rules::SCHEMA_RULES.iter().map(move |change| {
                let wire = change.level(position.direction());
                let wire = if position.is_ignored() { wire.min(WireLevel::Info) } else { wire };
                rule(id_at(position, change.suffix), Some(position), wire, change.message)
            })
        });
        let mut all = BTreeMap::new();
        for rule in of_documents.chain(of_schemas) {
            // `overrides::NAMES` maps several changes to one id. The first one, which has the id without an
            // override, wins.
            all.entry(rule.id.clone()).or_insert(rule);
        }
        all
    });
    &ALL
}

impl From<DocumentChange> for &Rule {
    fn from(change: DocumentChange) -> Self {
        change.rule()
    }
}

impl DocumentChange {
    pub(crate) fn rule(self) -> &'static Rule {
        static RULES: LazyLock<Vec<&Rule>> =
            LazyLock::new(|| document_rules::DOCUMENT_RULES.iter().map(|(id, ..)| &all()[*id]).collect());
        RULES[self as usize]
    }
}

impl SchemaChange {
    /// Returns the rule for a schema at a position.
    pub(crate) fn rule(self, position: SchemaPosition) -> &'static Rule {
        static RULES: LazyLock<Vec<Vec<&Rule>>> = LazyLock::new(|| {
            let at = |position| {
                let changes = schema_rules::SCHEMA_RULES.iter();
                changes.map(move |change| &all()[&id_at(position, change.suffix)]).collect()
            };
            SchemaPosition::ALL.into_iter().map(at).collect()
        });
        RULES[position as usize][self as usize]
    }
}

pub(crate) fn by_id(id: &str) -> Option<&'static Rule> {
    all().get(id)
}

fn id_at(position: SchemaPosition, suffix: &str) -> String {
    let id = format!("{}-{suffix}", position.prefix());
    let renamed = overrides::NAMES.iter().find(|(regular, _)| *regular == id);
    renamed.map_or(id, |(_, used)| (*used).to_owned())
}

fn rule(id: String, position: Option<SchemaPosition>, wire: WireLevel, message: &str) -> Rule {
    let wire = overrides::LEVELS.iter().find(|(of, _)| *of == id).map_or(wire, |(_, level)| *level);
    Rule { wire, message: message.to_owned(), position, id }
}

#[cfg(test)]
mod tests;
