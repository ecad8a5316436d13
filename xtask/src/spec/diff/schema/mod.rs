//! Comparing two schemas.
//!
//! Pending pairs are kept in a list instead of on the stack, so a long chain of references does not overflow
//! the stack. [`segment`] compares a pair that references reach only once, so cycles end.

mod access;
mod bounds;
mod composition;
mod digest;
mod matching;
mod pair;
mod parts;
mod properties;
mod segment;
mod tag;
mod types;
mod values;

use std::{collections::HashSet, ptr};

pub(super) use self::digest::Digests;
use self::{
    access::Access,
    pair::SchemaPair,
    parts::{ALL_OF, Object, Parts, all_parts},
};
use super::{
    node::{Pair, ResolvedNode},
    notation::Notation,
    recorder::{Recorder, same_values},
    rules::{SchemaChange, SchemaPosition},
};

/// Compares two schemas and every schema within them.
pub(super) fn compare(
    recorder: &mut Recorder,
    nodes: Pair,
    position: SchemaPosition,
    subject: &str,
    notation: Notation,
) {
    let root = SchemaPair {
        nodes,
        position,
        subject: String::new(),
        notation,
        property: None,
        index: 0,
        parent: None,
    };
    segment::compare(recorder, root, subject);
}

impl<'a> SchemaPair<'a> {
    /// Compares the two schemas themselves and adds the schemas within them to `pending`.
    fn compare(&self, recorder: &mut Recorder, pending: &mut Vec<SchemaPair<'a>>) {
        let Pair { base, revision } = &self.nodes;
        if base.object().is_none() || revision.object().is_none() {
            if !same_values(Some(base.value), Some(revision.value)) {
                self.report(recorder, SchemaChange::TypeChanged);
            }
            return;
        }
        self.compare_nullable(recorder);
        let parts = composition::parts(&self.nodes, recorder);
        if parts.have_moves(&self.nodes, &mut recorder.digests) {
            self.compare_merged(recorder, pending, parts);
            return;
        }
        if let Some(wrapper) = parts.wrapper {
            composition::compare_parts(self, recorder, pending, parts.base, parts.revision);
            self.report_others(recorder, |key| wrapper.value.get(key).is_some());
            return;
        }
        if composition::compare_wrapped(self, recorder, pending) || !types::compare(self, recorder) {
            return;
        }
        let objects = [base, revision].map(|node| Object::own(node, &mut recorder.digests));
        properties::compare_named(self, recorder, pending, objects);
        self.compare_keywords(recorder, pending);
        composition::compare_parts(self, recorder, pending, parts.base, parts.revision);
    }

    /// Compares two schemas whose properties moved between parts. The types, properties and required names of all parts are
    /// compared together, and the other keywords of each part with those of the part that matches.
    fn compare_merged(&self, recorder: &mut Recorder, pending: &mut Vec<SchemaPair<'a>>, parts: Parts<'a>) {
        let Pair { base, revision } = &self.nodes;
        let [old, new] = [base, revision].map(|node| all_parts(node).unwrap_or_default());
        let first_typed = |all: &[ResolvedNode<'a>], node: &ResolvedNode<'a>| {
            all.iter().find(|part| !part.types().is_empty()).unwrap_or(node).clone()
        };
        let nodes = Pair { base: first_typed(&old, base), revision: first_typed(&new, revision) };
        if !types::compare(&SchemaPair { position: self.position, ..self.within(nodes, "") }, recorder) {
            return;
        }
        let objects = [old, new].map(|all| Object::of(&all, &mut recorder.digests));
        properties::compare_named(self, recorder, pending, objects);
        match parts.wrapper {
            Some(wrapper) => self.report_others(recorder, |key| wrapper.value.get(key).is_some()),
            None => self.compare_keywords(recorder, pending),
        }
        let mut visited = HashSet::new();
        let mut remaining =
            composition::matched_beside_properties(self, recorder, parts.base, parts.revision);
        while let Some(part) = remaining.pop() {
            let Pair { base, revision } = part.nodes.clone();
            if !visited.insert((ptr::from_ref(base.value), ptr::from_ref(revision.value))) {
                continue;
            }
            let part = SchemaPair { index: self.index, ..part };
            part.compare_flags(recorder);
            part.compare_nullable(recorder);
            part.compare_keywords(recorder, pending);
            let (before, after) = (base.items_of(ALL_OF), revision.items_of(ALL_OF));
            remaining.extend(composition::matched_beside_properties(&part, recorder, before, after));
        }
    }

    fn compare_nullable(&self, recorder: &mut Recorder) {
        match (self.nodes.base.is_nullable(), self.nodes.revision.is_nullable()) {
            (false, true) => self.report_key(recorder, SchemaChange::BecameNullable, "nullable"),
            (true, false) => self.report_key(recorder, SchemaChange::BecameNotNullable, "nullable"),
            _ => {}
        }
    }

    /// Compares all keywords but `nullable`, `type`, `properties`, `required` and `allOf`.
    fn compare_keywords(&self, recorder: &mut Recorder, pending: &mut Vec<SchemaPair<'a>>) {
        values::compare(self, recorder);
        bounds::compare(self, recorder);
        properties::compare_additional(self, recorder, pending);
        self.compare_items(recorder, pending);
        composition::compare(self, recorder, pending);
        self.report_others(recorder, |_| true);
    }

    fn compare_items(&self, recorder: &mut Recorder, pending: &mut Vec<SchemaPair<'a>>) {
        match self.nodes.sides("items") {
            (Some(base), Some(revision)) => pending.push(self.within(Pair { base, revision }, "[]")),
            (None, Some(_)) => self.report_key(recorder, SchemaChange::ItemsSet, "items"),
            (Some(_), None) => self.report_key(recorder, SchemaChange::ItemsUnset, "items"),
            (None, None) => {}
        }
    }

    /// Compares `deprecated`, `readOnly` and `writeOnly`.
    fn compare_flags(&self, recorder: &mut Recorder) {
        self.report_flag(recorder, "deprecated", SchemaChange::Deprecated, SchemaChange::Reactivated);
        for access in [Access::ReadOnly, Access::WriteOnly] {
            let key = access.key();
            let became = match self.nodes.flags(key) {
                (false, true) => true,
                (true, false) => false,
                _ => continue,
            };
            match self.property {
                Some(required) => {
                    let change = access.of_property(self.position.direction(), required, became);
                    recorder.report_member(change, &self.nodes, key, &self.subject);
                }
                None => self.report_key(recorder, access.of_schema(became), key),
            }
        }
    }
}
