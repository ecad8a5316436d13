//! Comparing two schemas.
//!
//! Pending pairs are kept in a list instead of on the stack, so a long chain of references does not overflow
//! the stack. A pair that references reach several times is compared once per body or parameter. A pair
//! without a difference is not compared again for other bodies or parameters. The cost therefore grows only
//! with the size of the documents and the number of findings, and cycles end.

mod bounds;
mod composition;
mod digest;
mod matching;
mod pair;
mod properties;
mod tag;
mod types;
mod values;

use std::{collections::HashSet, ptr};

pub(super) use self::digest::Digests;
use self::pair::{KNOWN, SchemaPair};
use super::{
    contract::{Compared, Root},
    finding::Values,
    node::{Pair, ResolvedNode},
    recorder::{Recorder, same_values},
    rules::SchemaPosition,
};

/// Compares two schemas and every schema within them.
pub(super) fn compare(
    recorder: &mut Recorder,
    nodes: Pair,
    position: SchemaPosition,
    subject: &str,
    typed: bool,
) {
    let count = recorder.findings.len();
    let mut visited = HashSet::new();
    let first = recorder.compared.len();
    let subject = subject.to_owned();
    let root = SchemaPair {
        nodes,
        position,
        subject: subject.clone(),
        typed,
        property: None,
        index: None,
        parent: None,
    };
    let mut pending = vec![root];
    while let Some(mut pair) = pending.pop() {
        pair.nodes.base = without_wrapper(pair.nodes.base);
        pair.nodes.revision = without_wrapper(pair.nodes.revision);
        if pair.nodes.base.shared || pair.nodes.revision.shared {
            // A body that contains itself is compared once, not once as a body and once as a property.
            let position = pair.position.within();
            let key =
                (ptr::from_ref(pair.nodes.base.value), ptr::from_ref(pair.nodes.revision.value), position);
            if recorder.visited.0.contains(&key) || !visited.insert(key) {
                continue;
            }
        }
        pair.index = Some(recorder.compared.len());
        recorder.current = pair.index;
        let (base, revision) = (pair.nodes.base.at.clone(), pair.nodes.revision.at.clone());
        recorder.compared.push(Compared { base, revision, parent: pair.parent });
        let mut within = Vec::new();
        pair.compare(recorder, &mut within);
        pending.extend(within.into_iter().rev());
    }
    recorder.current = None;
    if recorder.findings.len() == count {
        recorder.visited.0.extend(visited);
        recorder.compared.truncate(first);
    } else {
        let findings = count..recorder.findings.len();
        let operation = recorder.operation.clone();
        recorder.roots.push(Root { schemas: first, position, typed, subject, operation, findings });
    }
}

impl<'a> SchemaPair<'a> {
    /// Compares the two schemas themselves and adds the schemas within them to `pending`.
    fn compare(&self, recorder: &mut Recorder, pending: &mut Vec<SchemaPair<'a>>) {
        let Pair { base, revision } = &self.nodes;
        if base.object().is_none() || revision.object().is_none() {
            if !same_values(Some(base.value), Some(revision.value)) {
                self.report(recorder, "type-changed", Values::default());
            }
            return;
        }
        self.report_flag(recorder, "nullable", "became-nullable", "became-not-nullable");
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
        self.compare_flags(recorder);
        recorder.report_other_members(&self.nodes, &self.subject, KNOWN);
    }

    fn compare_items(&self, recorder: &mut Recorder, pending: &mut Vec<SchemaPair<'a>>) {
        match self.nodes.sides("items") {
            (Some(base), Some(revision)) => pending.push(self.within(Pair { base, revision }, "[]")),
            (None, Some(_)) => self.report_key(recorder, "items-set", "items"),
            (Some(_), None) => self.report_key(recorder, "items-unset", "items"),
            (None, None) => {}
        }
    }

    /// Compares `deprecated`, `readOnly` and `writeOnly`.
    fn compare_flags(&self, recorder: &mut Recorder) {
        self.report_flag(recorder, "deprecated", "deprecated", "reactivated");
        for (key, suffix) in [("readOnly", "read-only"), ("writeOnly", "write-only")] {
            let became = match self.nodes.flags(key) {
                (false, true) => format!("became-{suffix}"),
                (true, false) => format!("became-not-{suffix}"),
                _ => continue,
            };
            match self.property {
                Some(required) => {
                    let required = if required { "required" } else { "optional" };
                    let rule = format!("{}-{required}-property-{became}", self.side());
                    recorder.report_member(&rule, &self.nodes, key, &self.subject);
                }
                None => self.report_key(recorder, &became, key),
            }
        }
    }
}

/// Returns the only part of an `allOf` if the rest of the schema is annotations. Returns any other schema
/// unchanged.
///
/// Many documents wrap a reference in such an `allOf`, because a `$ref` cannot have siblings.
fn without_wrapper(mut node: ResolvedNode) -> ResolvedNode {
    /// More wrappers than any real document has. The limit also ends cycles.
    const MAX_DEPTH: usize = 16;
    for _ in 0..MAX_DEPTH {
        let allowed = |key: &str| key == "allOf" || !KNOWN.contains(&key);
        let is_wrapper = node
            .object()
            .is_some_and(|object| object.contains_key("allOf") && object.keys().all(|key| allowed(key)));
        let mut parts = node.get("allOf").filter(|_| is_wrapper).map(|list| list.items()).unwrap_or_default();
        match (parts.pop(), parts.is_empty()) {
            (Some(part), true) if part.object().is_some() => {
                let shared = node.shared || part.shared;
                node = part;
                node.shared = shared;
            }
            _ => break,
        }
    }
    node
}
