//! Two schemas to compare, and their findings.

use crate::spec::diff::{
    contract::is_condition,
    finding::Values,
    node::Pair,
    notation::Notation,
    recorder::{Recorder, nearest_pointer},
    rules::{SchemaChange, SchemaPosition},
};

/// The keys with rules of their own. All other keys are annotations, or conditions of OpenAPI 3.1.
pub(super) const KNOWN: &[&str] = &[
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

/// Returns `true` if the key does not affect which values are valid.
pub(super) fn is_annotation(key: &str) -> bool {
    !KNOWN.contains(&key) && !is_condition(key)
}

/// Two schemas to compare.
#[derive(Debug)]
pub(super) struct SchemaPair<'a> {
    pub(super) nodes: Pair<'a>,
    pub(super) position: SchemaPosition,
    /// The path of the schema within its segment.
    pub(super) subject: String,
    pub(super) notation: Notation,
    /// `Some(true)` for a required property, `Some(false)` for an optional one, `None` for any other schema.
    pub(super) property: Option<bool>,
    /// The index of these schemas within their segment.
    pub(super) index: usize,
    /// The index of the schemas that contain these, in the same segment.
    pub(super) parent: Option<usize>,
}

impl<'a> SchemaPair<'a> {
    pub(super) fn report_flag(
        &self,
        recorder: &mut Recorder,
        key: &str,
        set: SchemaChange,
        unset: SchemaChange,
    ) {
        match self.nodes.flags(key) {
            (false, true) => self.report_key(recorder, set, key),
            (true, false) => self.report_key(recorder, unset, key),
            _ => {}
        }
    }

    /// Reports the changed annotations and conditions whose keys are wanted.
    pub(super) fn report_others(&self, recorder: &mut Recorder, wanted: impl Fn(&str) -> bool) {
        let subject = if self.subject.is_empty() { self.position.of_annotations() } else { &self.subject };
        for (key, change) in recorder.changed_members(&self.nodes, |key| !KNOWN.contains(&key) && wanted(key))
        {
            recorder.report_member(change, &self.nodes, key, &format!("{subject} {key}"));
        }
    }

    /// Returns a pair of schemas within this one. `part` is appended to the subject.
    pub(super) fn within(&self, nodes: Pair<'a>, part: &str) -> SchemaPair<'a> {
        SchemaPair {
            nodes,
            position: self.position.within(),
            subject: format!("{}{part}", self.subject),
            notation: self.notation,
            property: None,
            index: 0,
            parent: Some(self.index),
        }
    }

    /// Returns a pair of schemas of properties.
    pub(super) fn within_object(&self, nodes: Pair<'a>, part: &str) -> SchemaPair<'a> {
        SchemaPair { notation: self.notation.of_properties(), ..self.within(nodes, part) }
    }

    /// Reports a change of the whole schema.
    pub(super) fn report(&self, recorder: &mut Recorder, change: SchemaChange) {
        let at = (&self.nodes.base.at, &self.nodes.revision.at);
        recorder.report(change.rule(self.position), at, &self.subject);
    }

    /// Reports a change of a key, with the two values of the key.
    pub(super) fn report_key(&self, recorder: &mut Recorder, change: SchemaChange, key: &str) {
        let Pair { base, revision } = &self.nodes;
        let values = Values { before: base.value.get(key), after: revision.value.get(key) };
        self.report_at(recorder, change, key, values);
    }

    /// Reports a change of a key, with the given values.
    pub(super) fn report_at(&self, recorder: &mut Recorder, change: SchemaChange, key: &str, values: Values) {
        let (base, revision) =
            (nearest_pointer(&self.nodes.base, key), nearest_pointer(&self.nodes.revision, key));
        recorder.report_values(change.rule(self.position), (&base, &revision), &self.subject, values);
    }
}
