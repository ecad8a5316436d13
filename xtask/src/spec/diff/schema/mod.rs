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
mod properties;
mod segment;
mod tag;
mod types;
mod values;

pub(super) use self::digest::Digests;
use self::{access::Access, pair::SchemaPair};
use super::{
    node::Pair,
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
        match (base.is_nullable(), revision.is_nullable()) {
            (false, true) => self.report_key(recorder, SchemaChange::BecameNullable, "nullable"),
            (true, false) => self.report_key(recorder, SchemaChange::BecameNotNullable, "nullable"),
            _ => {}
        }
        if composition::compare_wrapped(self, recorder, pending) {
            return;
        }
        if !types::compare(self, recorder) {
            return;
        }
        values::compare(self, recorder);
        bounds::compare(self, recorder);
        properties::compare(self, recorder, pending);
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
