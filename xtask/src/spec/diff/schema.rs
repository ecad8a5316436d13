//! Two schemas: what one asks of a value and the other does not.
//!
//! Pairs wait in a list instead of on the stack, so that no chain of references is too long. Where references meet, a
//! pair is compared once per body or parameter; and once for all where nothing in it differs. So the cost of a walk is
//! that of the documents and of what there is to say, and circles end.

mod alternatives;
mod bounds;
mod matching;
mod properties;
mod shape;
mod types;
mod values;

use std::collections::HashSet;

pub(super) use shape::Shapes;

use super::{
    node::{Node, Pair},
    rules::{self, Direction, Site},
    walk::{Walk, nearest, same},
};
use crate::{json::Pointer, spec::diff::finding::Values};

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
pub(super) struct Seen(HashSet<(Pointer, Pointer, Site)>);

/// A pair of schemas that is to be compared.
#[derive(Debug)]
struct Task<'a> {
    pair: Pair<'a>,
    site: Site,
    /// What a message calls it.
    subject: String,
    /// Whether 1 and "1" are two things where it is written, as in JSON.
    typed: bool,
    /// Whether it is a property that must be there, if it is a property at all.
    property: Option<bool>,
}

/// Compares what the two schemas take, and everything within them.
pub(super) fn compare(walk: &mut Walk, pair: Pair, site: Site, subject: &str, typed: bool) {
    let said = walk.findings.len();
    let mut visited = HashSet::new();
    let mut open = vec![Task { pair, site, subject: subject.to_owned(), typed, property: None }];
    while let Some(mut task) = open.pop() {
        task.pair.base = unwrapped(task.pair.base);
        task.pair.revision = unwrapped(task.pair.revision);
        if task.pair.base.shared || task.pair.revision.shared {
            let place = (task.pair.base.at.clone(), task.pair.revision.at.clone(), task.site);
            if walk.seen.0.contains(&place) || !visited.insert(place) {
                continue;
            }
        }
        let mut within = Vec::new();
        task.compare(walk, &mut within);
        open.extend(within.into_iter().rev());
    }
    if walk.findings.len() == said {
        walk.seen.0.extend(visited);
    }
}

impl<'a> Task<'a> {
    /// Compares the two schemas themselves, and leaves what stands within them for later.
    fn compare(&self, walk: &mut Walk, open: &mut Vec<Task<'a>>) {
        let Pair { base, revision } = &self.pair;
        if base.object().is_none() || revision.object().is_none() {
            if !same(Some(base.value), Some(revision.value)) {
                self.say(walk, "type-changed", Values::default());
            }
            return;
        }
        self.flag(walk, "nullable", "became-nullable", "became-not-nullable");
        if alternatives::wrapped(self, walk, open) {
            return;
        }
        if !types::compare(self, walk) {
            return;
        }
        values::compare(self, walk);
        bounds::compare(self, walk);
        properties::compare(self, walk, open);
        self.items(walk, open);
        alternatives::compare(self, walk, open);
        self.marks(walk);
        walk.rest(&self.pair, &self.subject, KNOWN);
    }

    fn items(&self, walk: &mut Walk, open: &mut Vec<Task<'a>>) {
        match self.pair.sides("items") {
            (Some(base), Some(revision)) => open.push(self.within(Pair { base, revision }, "[]")),
            (None, Some(_)) => self.say_key(walk, "items-set", "items"),
            (Some(_), None) => self.say_key(walk, "items-unset", "items"),
            (None, None) => {}
        }
    }

    /// Whose property it is, and whether to use it at all.
    fn marks(&self, walk: &mut Walk) {
        self.flag(walk, "deprecated", "deprecated", "reactivated");
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
                    walk.say_member(&rule, &self.pair, key, &self.subject);
                }
                None => self.say_key(walk, &became, key),
            }
        }
    }

    fn flag(&self, walk: &mut Walk, key: &str, set: &str, unset: &str) {
        match self.pair.flags(key) {
            (false, true) => self.say_key(walk, set, key),
            (true, false) => self.say_key(walk, unset, key),
            _ => {}
        }
    }

    /// How the ids of rules about properties begin.
    fn side(&self) -> &'static str {
        match self.site.direction() {
            Direction::Request => "request",
            Direction::Response => "response",
        }
    }

    /// A pair within this one; `part` is what its subject adds.
    fn within(&self, pair: Pair<'a>, part: &str) -> Task<'a> {
        Task {
            pair,
            site: self.site.within(),
            subject: format!("{}{part}", self.subject),
            typed: self.typed,
            property: None,
        }
    }

    /// What happened to the schema as a whole.
    fn say(&self, walk: &mut Walk, word: &str, values: Values) {
        let at = (&self.pair.base.at, &self.pair.revision.at);
        walk.push(rules::at(self.site, word), at, &self.subject, values);
    }

    /// What happened to one of its keys, with the values of that key.
    fn say_key(&self, walk: &mut Walk, word: &str, key: &str) {
        let Pair { base, revision } = &self.pair;
        let values = Values { before: base.value.get(key), after: revision.value.get(key) };
        self.say_at(walk, word, key, values);
    }

    /// What happened to one of its keys, with values of the caller's choice.
    fn say_at(&self, walk: &mut Walk, word: &str, key: &str, values: Values) {
        let (base, revision) = (nearest(&self.pair.base, key), nearest(&self.pair.revision, key));
        walk.push(rules::at(self.site, word), (&base, &revision), &self.subject, values);
    }
}

/// What an `allOf` of one part says, if the schema says nothing else but words: a reference can't have any beside it, so
/// many documents wrap it.
fn unwrapped(mut node: Node) -> Node {
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
