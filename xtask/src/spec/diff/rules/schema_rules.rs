//! The changes of a schema, with their wire levels for schemas of requests and of responses.

use super::Direction;
use crate::spec::diff::severity::WireLevel::{self, Err, Info, Warn};

/// A change of a schema.
pub(super) struct SchemaChange {
    /// The end of the ids of its rules.
    pub(super) suffix: &'static str,
    pub(super) message: &'static str,
    request: WireLevel,
    response: WireLevel,
}

impl SchemaChange {
    pub(super) fn level(&self, direction: Direction) -> WireLevel {
        match direction {
            Direction::Request => self.request,
            Direction::Response => self.response,
        }
    }
}

const fn schema_change(
    suffix: &'static str,
    request: WireLevel,
    response: WireLevel,
    message: &'static str,
) -> SchemaChange {
    SchemaChange { suffix, message, request, response }
}

/// Creates a change after which a schema accepts less than before. Requests of published releases may be
/// rejected. Responses still match the old document.
const fn tighter(suffix: &'static str, message: &'static str) -> SchemaChange {
    schema_change(suffix, Err, Info, message)
}

/// Creates a change after which a schema accepts more than before. Requests stay valid. Responses may contain
/// values that the old document does not allow.
const fn looser(suffix: &'static str, message: &'static str) -> SchemaChange {
    schema_change(suffix, Info, Err, message)
}

/// Creates a change that is compatible on the wire in both directions.
const fn harmless(suffix: &'static str, message: &'static str) -> SchemaChange {
    schema_change(suffix, Info, Info, message)
}

pub(super) const SCHEMA_CHANGES: &[SchemaChange] = &[
    // Types.
    schema_change("type-changed", Err, Err, "type or format changed"),
    schema_change("type-generalized", Info, Err, "type or format widened"),
    schema_change("type-specialized", Err, Info, "type or format narrowed"),
    harmless("type-compatible", "type changed to one with the same text on the wire"),
    schema_change("became-nullable", Info, Err, "null is now allowed"),
    schema_change("became-not-nullable", Err, Info, "null is no longer allowed"),
    // Values.
    schema_change("became-enum", Err, Info, "became an enum"),
    schema_change("no-longer-enum", Info, Warn, "no longer an enum"),
    schema_change("enum-value-added", Info, Warn, "enum value added"),
    schema_change("enum-value-removed", Err, Info, "enum value removed"),
    tighter("pattern-added", "pattern added"),
    harmless("pattern-removed", "pattern removed"),
    schema_change("pattern-changed", Warn, Info, "pattern changed"),
    harmless("pattern-generalized", "pattern changed to one that accepts any text"),
    harmless("default-value-added", "default added"),
    harmless("default-value-removed", "default removed"),
    harmless("default-value-changed", "default changed"),
    // Bounds.
    tighter("max-set", "maximum set"),
    looser("max-unset", "maximum removed"),
    looser("max-increased", "maximum raised"),
    tighter("max-decreased", "maximum lowered"),
    tighter("min-set", "minimum set"),
    looser("min-unset", "minimum removed"),
    tighter("min-increased", "minimum raised"),
    looser("min-decreased", "minimum lowered"),
    tighter("exclusive-max-set", "maximum became exclusive"),
    looser("exclusive-max-unset", "maximum became inclusive"),
    tighter("exclusive-min-set", "minimum became exclusive"),
    looser("exclusive-min-unset", "minimum became inclusive"),
    tighter("multiple-of-set", "multipleOf set"),
    looser("multiple-of-unset", "multipleOf removed"),
    schema_change("multiple-of-changed", Err, Err, "multipleOf changed"),
    tighter("max-length-set", "maxLength set"),
    looser("max-length-unset", "maxLength removed"),
    looser("max-length-increased", "maxLength raised"),
    tighter("max-length-decreased", "maxLength lowered"),
    tighter("min-length-increased", "minLength raised"),
    looser("min-length-decreased", "minLength lowered"),
    tighter("max-items-set", "maxItems set"),
    looser("max-items-unset", "maxItems removed"),
    looser("max-items-increased", "maxItems raised"),
    tighter("max-items-decreased", "maxItems lowered"),
    tighter("min-items-set", "minItems set"),
    looser("min-items-unset", "minItems removed"),
    tighter("min-items-increased", "minItems raised"),
    looser("min-items-decreased", "minItems lowered"),
    tighter("items-set", "schema of the items added"),
    looser("items-unset", "schema of the items removed"),
    tighter("unique-items-set", "items must now be unique"),
    looser("unique-items-unset", "items no longer need to be unique"),
    tighter("max-properties-set", "maxProperties set"),
    looser("max-properties-unset", "maxProperties removed"),
    looser("max-properties-increased", "maxProperties raised"),
    tighter("max-properties-decreased", "maxProperties lowered"),
    tighter("min-properties-set", "minProperties set"),
    looser("min-properties-unset", "minProperties removed"),
    tighter("min-properties-increased", "minProperties raised"),
    looser("min-properties-decreased", "minProperties lowered"),
    // Additional properties.
    schema_change("additional-properties-closed", Err, Info, "additional properties are no longer allowed"),
    harmless("additional-properties-opened", "additional properties are now allowed"),
    schema_change("additional-properties-narrowed", Err, Info, "schema of additional properties added"),
    schema_change("additional-properties-widened", Info, Err, "schema of additional properties removed"),
    schema_change(
        "map-closed",
        Err,
        Info,
        "additional properties, which had a schema, are no longer allowed",
    ),
    harmless("map-opened", "additional properties are now allowed, with a schema"),
    schema_change("alternatives-rewritten", Warn, Info, "anyOf became oneOf or vice versa"),
    // Compositions.
    schema_change("one-of-added", Info, Err, "oneOf: alternative added"),
    schema_change("one-of-removed", Err, Info, "oneOf: alternative removed"),
    schema_change("any-of-added", Info, Err, "anyOf: alternative added"),
    schema_change("any-of-removed", Err, Info, "anyOf: alternative removed"),
    schema_change("all-of-added", Err, Info, "allOf: part added"),
    schema_change("all-of-removed", Warn, Info, "allOf: part removed"),
    harmless("all-of-added-annotation-only", "allOf: part with only annotations added"),
    harmless("all-of-removed-annotation-only", "allOf: part with only annotations removed"),
    tighter("not-added", "not: exclusion added"),
    looser("not-removed", "not: exclusion removed"),
    schema_change("not-changed", Err, Err, "not: exclusion changed"),
    harmless("discriminator-added", "discriminator added"),
    harmless("discriminator-removed", "discriminator removed"),
    harmless("discriminator-property-name-changed", "discriminator: property changed"),
    harmless("discriminator-mapping-added", "discriminator: mapping added"),
    harmless("discriminator-mapping-deleted", "discriminator: mapping removed"),
    harmless("discriminator-mapping-changed", "discriminator: mapping changed"),
    // Deprecation and access.
    harmless("deprecated", "deprecated"),
    harmless("reactivated", "no longer deprecated"),
    harmless("became-read-only", "became read-only"),
    harmless("became-not-read-only", "no longer read-only"),
    harmless("became-write-only", "became write-only"),
    harmless("became-not-write-only", "no longer write-only"),
];
