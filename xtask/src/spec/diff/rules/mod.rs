//! The rules: what a change is called and how bad it is. Data only; the walk decides which one applies.
//!
//! Ids and wire levels are oasdiff's where it has the rule; `oasdiff.tsv` lists all of its rules, with the reason beside
//! those that are not taken over, and [`departures`] the levels that are not.
//!
//! Most rules are a product: a thing that can happen to a schema ([`facets`]), in a place where schemas stand ([`Site`]).

mod document_rules;
mod oasdiff;
mod overrides;
mod position;
mod schema_rules;

use std::{collections::BTreeMap, sync::LazyLock};

pub(crate) use self::position::{Direction, SchemaPosition};

use super::severity::{ClientLevel, WireLevel};

/// One kind of change.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) wire: WireLevel,
    pub(crate) client: ClientLevel,
    /// What a message says happened.
    pub(crate) message: String,
    /// Where it happens, for rules that are a product.
    position: Option<SchemaPosition>,
}

impl Rule {
    /// The id of the rule in oasdiff, which is the same where there is one.
    pub(crate) fn oasdiff(&self) -> Option<&str> {
        oasdiff::level(&self.id).map(|_| self.id.as_str())
    }

    /// One line that says what the rule is about.
    pub(crate) fn meaning(&self) -> String {
        match self.position {
            Some(site) => format!("{}: {}", site.description(), self.message),
            None => self.message.clone(),
        }
    }
}

/// Every rule by its id.
pub(crate) fn all() -> &'static BTreeMap<String, Rule> {
    static ALL: LazyLock<BTreeMap<String, Rule>> = LazyLock::new(|| {
        let direct = document_rules::DOCUMENT_RULES
            .iter()
            .map(|(id, wire, client, said)| rule((*id).to_owned(), None, *wire, *client, said));
        let products = SchemaPosition::ALL.into_iter().flat_map(|site| {
            schema_rules::SCHEMA_CHANGES.iter().map(move |facet| {
                let (wire, client) = facet.levels(site.direction());
                let wire = if site.is_ignored() { wire.min(WireLevel::Info) } else { wire };
                rule(id_at(site, facet.suffix), Some(site), wire, client, facet.message)
            })
        });
        let mut all = BTreeMap::new();
        for rule in direct.chain(products) {
            // The first of one id is the one that it is named for.
            all.entry(rule.id.clone()).or_insert(rule);
        }
        all
    });
    &ALL
}

/// The rule of something that happened to a schema in a place.
pub(crate) fn at_position(site: SchemaPosition, word: &str) -> Option<&'static Rule> {
    by_id(&id_at(site, word))
}

pub(crate) fn by_id(id: &str) -> Option<&'static Rule> {
    all().get(id)
}

fn id_at(site: SchemaPosition, word: &str) -> String {
    let id = format!("{}-{word}", site.prefix());
    let renamed = overrides::NAMES.iter().find(|(ours, _)| *ours == id);
    renamed.map_or(id, |(_, theirs)| (*theirs).to_owned())
}

fn rule(id: String, site: Option<SchemaPosition>, wire: WireLevel, client: ClientLevel, said: &str) -> Rule {
    let wire = overrides::LEVELS.iter().find(|(of, _)| *of == id).map_or(wire, |(_, level)| *level);
    Rule { wire, client, message: said.to_owned(), position: site, id }
}

#[cfg(test)]
mod tests;
