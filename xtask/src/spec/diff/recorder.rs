//! The recorder, to which every part of the comparison reports its findings.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    contract::{Found, Frame, Origin, Root, is_condition},
    finding::{Draft, Finding, Values},
    node::{Matched, Pair, ResolvedNode, matched},
    rules::{DocumentChange, Rule},
    schema::Digests,
    segments::Segments,
};
use crate::{
    json::{Pointer, equivalent},
    spec::validate::object_model::Kind,
};

/// The findings so far, and the state that all parts of a comparison share.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    pub(super) findings: Vec<Finding>,
    /// For each finding, the schemas that it is about.
    pub(super) origins: Vec<Option<Origin>>,
    /// The segments as the bodies, parameters and headers reach them.
    pub(super) frames: Vec<Frame>,
    /// The schemas of bodies, parameters and headers that differ.
    pub(super) roots: Vec<Root>,
    pub(super) segments: Segments,
    /// The findings of the segment that is being compared.
    drafts: Option<Vec<Draft>>,
    /// The operation to which the next findings belong, as method and path.
    pub(super) operation: Option<String>,
    pub(super) digests: Digests,
}

impl Recorder {
    /// Records a finding without values. `subject` names the changed part, and `at` is its pointer in the old and the
    /// new document.
    pub(super) fn report(&mut self, rule: impl Into<&'static Rule>, at: (&Pointer, &Pointer), subject: &str) {
        self.report_values(rule, at, subject, Values::default());
    }

    /// Records a finding with the old and the new value.
    pub(super) fn report_values(
        &mut self,
        rule: impl Into<&'static Rule>,
        (base, revision): (&Pointer, &Pointer),
        subject: &str,
        values: Values,
    ) {
        let draft = Draft::new(rule.into(), (base.clone(), revision.clone()), subject, values);
        if let Some(drafts) = &mut self.drafts {
            drafts.push(draft);
        } else {
            self.origins.push(None);
            self.findings.push(draft.finding(self.operation.as_deref(), ""));
        }
    }

    /// Returns the findings of a function instead of recording them.
    pub(super) fn drafts_of(&mut self, compare: impl FnOnce(&mut Self)) -> Vec<Draft> {
        let before = self.drafts.replace(Vec::new());
        compare(self);
        std::mem::replace(&mut self.drafts, before).unwrap_or_default()
    }

    /// Returns everything that was found.
    pub(super) fn into_found(self) -> Found {
        let Self { findings, origins, frames, roots, segments, .. } = self;
        Found { findings, origins, segments: segments.into_compared(), frames, roots }
    }

    /// Returns `true` if both parts are missing, or if both exist and have the same digest. Both are of this kind. A digest
    /// follows references and ignores annotations.
    pub(super) fn same_digest(
        &mut self,
        kind: &Kind,
        a: Option<&ResolvedNode>,
        b: Option<&ResolvedNode>,
    ) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => self.digests.full(a, kind) == self.digests.full(b, kind),
            (None, None) => true,
            _ => false,
        }
    }

    /// Reports a flag that was set or unset, with the rule for each case.
    pub(super) fn report_flag(
        &mut self,
        pair: &Pair,
        key: &str,
        (set, unset): (impl Into<&'static Rule>, impl Into<&'static Rule>),
        subject: &str,
    ) {
        match pair.flags(key) {
            (false, true) => self.report_member(set, pair, key, subject),
            (true, false) => self.report_member(unset, pair, key, subject),
            _ => {}
        }
    }

    /// Reports all changed members except the known ones: annotations, extensions and unrecognised keys.
    pub(super) fn report_other_members(&mut self, pair: &Pair, subject: &str, known: &[&str]) {
        self.report_members_where(pair, subject, |key| !known.contains(&key));
    }

    /// Reports the changed members whose keys are wanted.
    pub(super) fn report_members_where(&mut self, pair: &Pair, subject: &str, wanted: impl Fn(&str) -> bool) {
        for (key, change) in self.changed_members(pair, wanted) {
            let subject = join_subject(subject, key);
            self.report_member(change, pair, key, &subject);
        }
    }

    /// Returns the wanted members that differ, with the rule for each.
    pub(super) fn changed_members<'a>(
        &mut self,
        pair: &Pair<'a>,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<(&'a String, DocumentChange)> {
        let (Some(base), Some(revision)) = (pair.base.object(), pair.revision.object()) else {
            return Vec::new();
        };
        let keys: BTreeSet<_> = base.keys().chain(revision.keys()).collect();
        let other = keys.into_iter().filter(|key| wanted(key) && !UNCOMPARED.contains(&key.as_str()));
        let changed = other.filter(|key| !self.same_members(pair, key));
        changed.map(|key| (key, annotation_change(key))).collect()
    }

    /// Returns `true` if the two members mean the same. References in examples and conditions are followed.
    fn same_members(&mut self, pair: &Pair, key: &str) -> bool {
        match pair.sides(key) {
            (Some(base), Some(revision)) if is_condition(key) => {
                self.digests.member(key, &base) == self.digests.member(key, &revision)
            }
            (Some(base), Some(revision)) if key == "examples" && base.object().is_some() => {
                let Matched { removed, added, both } = matched(base.members(), revision.members());
                let same = |(_, pair): &(_, Pair)| equivalent(pair.base.value, pair.revision.value);
                removed.is_empty() && added.is_empty() && both.iter().all(same)
            }
            _ => same_values(pair.base.value.get(key), pair.revision.value.get(key)),
        }
    }

    /// Reports a member that changed, or that exists in only one of two objects.
    pub(super) fn report_member(
        &mut self,
        rule: impl Into<&'static Rule>,
        pair: &Pair,
        key: &str,
        subject: &str,
    ) {
        let values = Values { before: pair.base.value.get(key), after: pair.revision.value.get(key) };
        let (base, revision) = (nearest_pointer(&pair.base, key), nearest_pointer(&pair.revision, key));
        self.report_values(rule, (&base, &revision), subject, values);
    }
}

/// Keys without a meaning of their own. What references lead to is compared where the references are.
const UNCOMPARED: [&str; 8] =
    ["$schema", "$id", "$anchor", "$dynamicAnchor", "$comment", "$vocabulary", "$defs", "definitions"];

fn annotation_change(key: &str) -> DocumentChange {
    match key {
        "description" | "summary" => DocumentChange::DescriptionChanged,
        "title" => DocumentChange::TitleChanged,
        "example" | "examples" => DocumentChange::ExampleChanged,
        "externalDocs" => DocumentChange::ExternalDocsChanged,
        "xml" => DocumentChange::XmlChanged,
        key if key.starts_with("x-") => DocumentChange::ExtensionChanged,
        key if is_condition(key) => DocumentChange::SchemaConditionChanged,
        _ => DocumentChange::OtherKeyChanged,
    }
}

/// Returns `true` if both values are missing, or if both exist and are equal.
pub(super) fn same_values(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => equivalent(a, b),
        (None, None) => true,
        _ => false,
    }
}

/// Returns the subject of a part of another subject.
pub(super) fn join_subject(subject: &str, part: &str) -> String {
    if subject.is_empty() { part.to_owned() } else { format!("{subject} {part}") }
}

/// Returns the pointer of a member, or the pointer of the node itself if the member is missing.
pub(super) fn nearest_pointer(node: &ResolvedNode, key: &str) -> Pointer {
    if node.value.get(key).is_some() { node.at.child(key) } else { node.at.clone() }
}
