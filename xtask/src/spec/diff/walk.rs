//! Two documents side by side: what every part of the walk writes to.

use serde_json::Value;

use super::{
    finding::{Finding, Values},
    node::{Node, Pair},
    rules::{self, Rule},
    schema::{Seen, Shapes},
    spelling::spelling,
};
use crate::json::Pointer;

/// What was found so far, and of which operation the walk is about to speak.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) findings: Vec<Finding>,
    pub(super) operation: Option<String>,
    /// What need not be compared again.
    pub(super) seen: Seen,
    pub(super) shapes: Shapes,
}

impl Walk {
    /// Something changed: `subject` says what, the pointers where.
    pub(super) fn say(&mut self, rule: &str, at: (&Pointer, &Pointer), subject: &str, values: Values) {
        self.push(rules::named(rule), at, subject, values);
    }

    /// As [`Walk::say`], with a rule at hand. A test sees to it that there is one for every place.
    pub(super) fn push(
        &mut self,
        rule: Option<&'static Rule>,
        (base, revision): (&Pointer, &Pointer),
        subject: &str,
        values: Values,
    ) {
        debug_assert!(rule.is_some(), "{subject}: a change without a rule");
        let Some(rule) = rule else { return };
        let at = (base.clone(), revision.clone());
        self.findings.push(Finding::new(rule, at, self.operation.as_deref(), subject, values));
    }

    /// Whether two parts that may be missing say the same, references followed and words aside.
    pub(super) fn alike(&mut self, a: Option<&Node>, b: Option<&Node>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => self.shapes.all_of(a) == self.shapes.all_of(b),
            (None, None) => true,
            _ => false,
        }
    }

    /// A flag that was set or unset, with the rule for each.
    pub(super) fn flag(&mut self, pair: &Pair, key: &str, (set, unset): (&str, &str), subject: &str) {
        match pair.flags(key) {
            (false, true) => self.say_member(set, pair, key, subject),
            (true, false) => self.say_member(unset, pair, key, subject),
            _ => {}
        }
    }

    /// Whatever else the two objects say: words, extensions, and keys that nothing else looks at.
    pub(super) fn rest(&mut self, pair: &Pair, subject: &str, known: &[&str]) {
        self.rest_where(pair, subject, |key| !known.contains(&key));
    }

    /// As [`Walk::rest`], of the keys that are wanted.
    pub(super) fn rest_where(&mut self, pair: &Pair, subject: &str, wanted: impl Fn(&str) -> bool) {
        for (key, rule) in changed(pair, wanted) {
            let subject = joined(subject, key);
            self.say_member(rule, pair, key, &subject);
        }
    }

    /// A member of two objects that is not the same, or is there only once.
    pub(super) fn say_member(&mut self, rule: &str, pair: &Pair, key: &str, subject: &str) {
        let values = Values { before: pair.base.value.get(key), after: pair.revision.value.get(key) };
        let (base, revision) = (nearest(&pair.base, key), nearest(&pair.revision, key));
        self.say(rule, (&base, &revision), subject, values);
    }
}

/// The wanted members that differ, with the rule for each.
fn changed<'a>(pair: &Pair<'a>, wanted: impl Fn(&str) -> bool) -> Vec<(&'a String, &'static str)> {
    let (Some(base), Some(revision)) = (pair.base.object(), pair.revision.object()) else {
        return Vec::new();
    };
    let added = revision.keys().filter(|key| !base.contains_key(*key));
    let mut keys: Vec<_> = base.keys().chain(added).collect();
    keys.sort();
    let other = keys.into_iter().filter(|key| wanted(key));
    let differs = |key: &&String| !same(base.get(*key), revision.get(*key));
    other.filter(differs).map(|key| (key, rule_of(key))).collect()
}

fn rule_of(key: &str) -> &'static str {
    match key {
        "description" | "summary" => "description-changed",
        "title" => "title-changed",
        "example" | "examples" => "example-changed",
        "externalDocs" => "external-docs-changed",
        "xml" => "xml-changed",
        key if key.starts_with("x-") => "extension-changed",
        _ => "other-key-changed",
    }
}

/// Whether two values that may be missing say the same.
pub(super) fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        // Most of two documents is equal to the letter, and that is soon seen.
        (Some(a), Some(b)) => a == b || spelling(a) == spelling(b),
        (None, None) => true,
        _ => false,
    }
}

/// The subject of something within another.
pub(super) fn joined(subject: &str, part: &str) -> String {
    if subject.is_empty() { part.to_owned() } else { format!("{subject} {part}") }
}

/// The place of a member; where there is none, the place of what lacks it.
pub(super) fn nearest(node: &Node, key: &str) -> Pointer {
    if node.value.get(key).is_some() { node.at.child(key) } else { node.at.clone() }
}
