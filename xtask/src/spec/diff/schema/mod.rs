//! Two schemas: what one asks of a value and the other does not.
//!
//! Pairs wait in a list instead of on the stack, so that no chain of references is too long. Where references meet, a
//! pair is compared once per body or parameter; and once for all where nothing in it differs. So the cost of a walk is
//! that of the documents and of what there is to say, and circles end.

mod bounds;
mod composition;
mod digest;
mod matching;
mod properties;
mod types;
mod values;

use std::collections::HashSet;

pub(super) use self::digest::Digests;

use super::{
    finding::Values,
    node::{Pair, ResolvedNode},
    recorder::{Recorder, nearest_pointer, same_values},
    rules::{self, Direction, SchemaPosition},
};
use crate::json::Pointer;

/// What the walk looks at by itself; the rest is words.
const KNOWN: &[&str] = &[
    "type",
    "format",
    "nullable",
    "enum",
    "pattern",
    "default",
    "maximum",
    "minimum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "multipleOf",
    "maxLength",
    "minLength",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxProperties",
    "minProperties",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "oneOf",
    "anyOf",
    "allOf",
    "not",
    "discriminator",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// Pairs in which nothing differs, by where they are.
#[derive(Debug, Default)]
pub(super) struct Visited(HashSet<(Pointer, Pointer, SchemaPosition)>);

/// A pair of schemas that is to be compared.
#[derive(Debug)]
struct SchemaPair<'a> {
    pair: Pair<'a>,
    position: SchemaPosition,
    /// What a message calls it.
    subject: String,
    /// Whether 1 and "1" are two things where it is written, as in JSON.
    typed: bool,
    /// Whether it is a property that must be there, if it is a property at all.
    property: Option<bool>,
}

/// Compares what the two schemas take, and everything within them.
pub(super) fn compare(
    recorder: &mut Recorder,
    pair: Pair,
    position: SchemaPosition,
    subject: &str,
    typed: bool,
) {
    let said = recorder.findings.len();
    let mut visited = HashSet::new();
    let mut open = vec![SchemaPair { pair, position, subject: subject.to_owned(), typed, property: None }];
    while let Some(mut task) = open.pop() {
        task.pair.base = unwrapped(task.pair.base);
        task.pair.revision = unwrapped(task.pair.revision);
        if task.pair.base.shared || task.pair.revision.shared {
            let place = (task.pair.base.at.clone(), task.pair.revision.at.clone(), task.position);
            if recorder.visited.0.contains(&place) || !visited.insert(place) {
                continue;
            }
        }
        let mut within = Vec::new();
        task.compare(recorder, &mut within);
        open.extend(within.into_iter().rev());
    }
    if recorder.findings.len() == said {
        recorder.visited.0.extend(visited);
    }
}

impl<'a> SchemaPair<'a> {
    /// Compares the two schemas themselves, and leaves what stands within them for later.
    fn compare(&self, recorder: &mut Recorder, open: &mut Vec<SchemaPair<'a>>) {
        let Pair { base, revision } = &self.pair;
        if base.object().is_none() || revision.object().is_none() {
            if !same_values(Some(base.value), Some(revision.value)) {
                self.report(recorder, "type-changed", Values::default());
            }
            return;
        }
        self.report_flag(recorder, "nullable", "became-nullable", "became-not-nullable");
        if composition::wrapped(self, recorder, open) {
            return;
        }
        if !types::compare(self, recorder) {
            return;
        }
        values::compare(self, recorder);
        bounds::compare(self, recorder);
        properties::compare(self, recorder, open);
        self.items(recorder, open);
        composition::compare(self, recorder, open);
        self.marks(recorder);
        recorder.report_other_members(&self.pair, &self.subject, KNOWN);
    }

    fn items(&self, recorder: &mut Recorder, open: &mut Vec<SchemaPair<'a>>) {
        match self.pair.sides("items") {
            (Some(base), Some(revision)) => open.push(self.within(Pair { base, revision }, "[]")),
            (None, Some(_)) => self.report_key(recorder, "items-set", "items"),
            (Some(_), None) => self.report_key(recorder, "items-unset", "items"),
            (None, None) => {}
        }
    }

    /// Whose property it is, and whether to use it at all.
    fn marks(&self, recorder: &mut Recorder) {
        self.report_flag(recorder, "deprecated", "deprecated", "reactivated");
        for (key, word) in [("readOnly", "read-only"), ("writeOnly", "write-only")] {
            let became = match self.pair.flags(key) {
                (false, true) => format!("became-{word}"),
                (true, false) => format!("became-not-{word}"),
                _ => continue,
            };
            match self.property {
                Some(required) => {
                    let required = if required { "required" } else { "optional" };
                    let rule = format!("{}-{required}-property-{became}", self.side());
                    recorder.report_member(&rule, &self.pair, key, &self.subject);
                }
                None => self.report_key(recorder, &became, key),
            }
        }
    }

    fn report_flag(&self, recorder: &mut Recorder, key: &str, set: &str, unset: &str) {
        match self.pair.flags(key) {
            (false, true) => self.report_key(recorder, set, key),
            (true, false) => self.report_key(recorder, unset, key),
            _ => {}
        }
    }

    /// How the ids of rules about properties begin.
    fn side(&self) -> &'static str {
        match self.position.direction() {
            Direction::Request => "request",
            Direction::Response => "response",
        }
    }

    /// A pair within this one; `part` is what its subject adds.
    fn within(&self, pair: Pair<'a>, part: &str) -> SchemaPair<'a> {
        SchemaPair {
            pair,
            position: self.position.within(),
            subject: format!("{}{part}", self.subject),
            typed: self.typed,
            property: None,
        }
    }

    /// What happened to the schema as a whole.
    fn report(&self, recorder: &mut Recorder, word: &str, values: Values) {
        let at = (&self.pair.base.at, &self.pair.revision.at);
        recorder.push(rules::at_position(self.position, word), at, &self.subject, values);
    }

    /// What happened to one of its keys, with the values of that key.
    fn report_key(&self, recorder: &mut Recorder, word: &str, key: &str) {
        let Pair { base, revision } = &self.pair;
        let values = Values { before: base.value.get(key), after: revision.value.get(key) };
        self.report_at(recorder, word, key, values);
    }

    /// What happened to one of its keys, with values of the caller's choice.
    fn report_at(&self, recorder: &mut Recorder, word: &str, key: &str, values: Values) {
        let (base, revision) =
            (nearest_pointer(&self.pair.base, key), nearest_pointer(&self.pair.revision, key));
        recorder.push(rules::at_position(self.position, word), (&base, &revision), &self.subject, values);
    }
}

/// What an `allOf` of one part says, if the schema says nothing else but words: a reference can't have any beside it, so
/// many documents wrap it.
fn unwrapped(mut node: ResolvedNode) -> ResolvedNode {
    /// Deeper than anyone wraps; a circle ends here too.
    const DEPTH: usize = 16;
    for _ in 0..DEPTH {
        let words = |key: &str| key == "allOf" || !KNOWN.contains(&key);
        let bare = node.object().is_some_and(|object| object.keys().all(|key| words(key)));
        let mut parts = node.get("allOf").filter(|_| bare).map(|list| list.items()).unwrap_or_default();
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
