//! Two documents side by side: what every part of the walk writes to.

use serde_json::Value;

use super::{
    finding::{Finding, Values},
    node::{Pair, ResolvedNode},
    normalized::normalized,
    rules::{self, Rule},
    schema::{Digests, Visited},
};
use crate::json::Pointer;

/// What was found so far, and of which operation the walk is about to speak.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    pub(super) findings: Vec<Finding>,
    pub(super) operation: Option<String>,
    /// What need not be compared again.
    pub(super) visited: Visited,
    pub(super) digests: Digests,
}

impl Recorder {
    /// Something changed: `subject` says what, the pointers where.
    pub(super) fn report(&mut self, rule: &str, at: (&Pointer, &Pointer), subject: &str, values: Values) {
        self.push(rules::by_id(rule), at, subject, values);
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
    pub(super) fn equivalent(&mut self, a: Option<&ResolvedNode>, b: Option<&ResolvedNode>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => self.digests.full(a) == self.digests.full(b),
            (None, None) => true,
            _ => false,
        }
    }

    /// A flag that was set or unset, with the rule for each.
    pub(super) fn report_flag(&mut self, pair: &Pair, key: &str, (set, unset): (&str, &str), subject: &str) {
        match pair.flags(key) {
            (false, true) => self.report_member(set, pair, key, subject),
            (true, false) => self.report_member(unset, pair, key, subject),
            _ => {}
        }
    }

    /// Whatever else the two objects say: words, extensions, and keys that nothing else looks at.
    pub(super) fn report_other_members(&mut self, pair: &Pair, subject: &str, known: &[&str]) {
        self.report_members_where(pair, subject, |key| !known.contains(&key));
    }

    /// As [`Walk::rest`], of the keys that are wanted.
    pub(super) fn report_members_where(&mut self, pair: &Pair, subject: &str, wanted: impl Fn(&str) -> bool) {
        for (key, rule) in changed_members(pair, wanted) {
            let subject = join_subject(subject, key);
            self.report_member(rule, pair, key, &subject);
        }
    }

    /// A member of two objects that is not the same, or is there only once.
    pub(super) fn report_member(&mut self, rule: &str, pair: &Pair, key: &str, subject: &str) {
        let values = Values { before: pair.base.value.get(key), after: pair.revision.value.get(key) };
        let (base, revision) = (nearest_pointer(&pair.base, key), nearest_pointer(&pair.revision, key));
        self.report(rule, (&base, &revision), subject, values);
    }
}

/// The wanted members that differ, with the rule for each.
fn changed_members<'a>(pair: &Pair<'a>, wanted: impl Fn(&str) -> bool) -> Vec<(&'a String, &'static str)> {
    let (Some(base), Some(revision)) = (pair.base.object(), pair.revision.object()) else {
        return Vec::new();
    };
    let added = revision.keys().filter(|key| !base.contains_key(*key));
    let mut keys: Vec<_> = base.keys().chain(added).collect();
    keys.sort();
    let other = keys.into_iter().filter(|key| wanted(key));
    let differs = |key: &&String| !same_values(base.get(*key), revision.get(*key));
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
pub(super) fn same_values(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        // Most of two documents is equal to the letter, and that is soon seen.
        (Some(a), Some(b)) => a == b || normalized(a) == normalized(b),
        (None, None) => true,
        _ => false,
    }
}

/// The subject of something within another.
pub(super) fn join_subject(subject: &str, part: &str) -> String {
    if subject.is_empty() { part.to_owned() } else { format!("{subject} {part}") }
}

/// The place of a member; where there is none, the place of what lacks it.
pub(super) fn nearest_pointer(node: &ResolvedNode, key: &str) -> Pointer {
    if node.value.get(key).is_some() { node.at.child(key) } else { node.at.clone() }
}
