//! The changes of a schema, with their levels for schemas of requests and of responses.

use super::Direction;
use crate::spec::diff::severity::{
    ClientLevel::{self, Breaking, Compatible},
    WireLevel::{self, Err, Info, Warn},
};

/// A change of a schema.
pub(super) struct SchemaChange {
    /// The end of the ids of its rules.
    pub(super) suffix: &'static str,
    pub(super) message: &'static str,
    request: (WireLevel, ClientLevel),
    response: (WireLevel, ClientLevel),
}

impl SchemaChange {
    pub(super) fn levels(&self, direction: Direction) -> (WireLevel, ClientLevel) {
        match direction {
            Direction::Request => self.request,
            Direction::Response => self.response,
        }
    }
}

const fn schema_change(
    suffix: &'static str,
    request: (WireLevel, ClientLevel),
    response: (WireLevel, ClientLevel),
    message: &'static str,
) -> SchemaChange {
    SchemaChange { suffix, message, request, response }
}

/// Creates a change after which a schema accepts less than before. Requests of published releases may be
/// rejected. Responses still match the old document.
const fn tighter(suffix: &'static str, message: &'static str) -> SchemaChange {
    schema_change(suffix, (Err, Breaking), (Info, Compatible), message)
}

/// Creates a change after which a schema accepts more than before. Requests stay valid. Responses may contain
/// values that the old document does not allow. The generated types accept them anyway, because `build`
/// removes the bounds of responses.
const fn looser(suffix: &'static str, message: &'static str) -> SchemaChange {
    schema_change(suffix, (Info, Compatible), (Err, Compatible), message)
}

/// Creates a change that is compatible on the wire in both directions.
const fn harmless(suffix: &'static str, client: ClientLevel, message: &'static str) -> SchemaChange {
    schema_change(suffix, (Info, client), (Info, client), message)
}

pub(super) const SCHEMA_CHANGES: &[SchemaChange] = &[
    // Types. Every change of a type changes the Rust type.
    schema_change("type-changed", (Err, Breaking), (Err, Breaking), "type or format changed"),
    schema_change("type-generalized", (Info, Breaking), (Err, Breaking), "type or format widened"),
    schema_change("type-specialized", (Err, Breaking), (Info, Breaking), "type or format narrowed"),
    harmless("type-compatible", Breaking, "type changed to one with the same text on the wire"),
    schema_change("became-nullable", (Info, Breaking), (Err, Breaking), "null is now allowed"),
    schema_change("became-not-nullable", (Err, Breaking), (Info, Breaking), "null is no longer allowed"),
    // Values.
    schema_change("became-enum", (Err, Breaking), (Info, Breaking), "became an enum"),
    schema_change("no-longer-enum", (Info, Breaking), (Warn, Breaking), "no longer an enum"),
    schema_change("enum-value-added", (Info, Compatible), (Warn, Compatible), "enum value added"),
    schema_change("enum-value-removed", (Err, Breaking), (Info, Breaking), "enum value removed"),
    tighter("pattern-added", "pattern added"),
    harmless("pattern-removed", Compatible, "pattern removed"),
    schema_change("pattern-changed", (Warn, Compatible), (Info, Compatible), "pattern changed"),
    harmless("pattern-generalized", Compatible, "pattern changed to one that accepts any text"),
    // The generated client never sends a default, so a default is only documentation.
    harmless("default-value-added", ClientLevel::None, "default added"),
    harmless("default-value-removed", ClientLevel::None, "default removed"),
    harmless("default-value-changed", ClientLevel::None, "default changed"),
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
    schema_change("multiple-of-changed", (Err, Breaking), (Err, Compatible), "multipleOf changed"),
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
    // Additional properties. The Rust type has a map for them only if they have a schema.
    schema_change(
        "additional-properties-closed",
        (Err, Compatible),
        (Info, Compatible),
        "additional properties are no longer allowed",
    ),
    harmless("additional-properties-opened", Compatible, "additional properties are now allowed"),
    schema_change(
        "additional-properties-narrowed",
        (Err, Breaking),
        (Info, Breaking),
        "schema of additional properties added",
    ),
    schema_change(
        "additional-properties-widened",
        (Info, Breaking),
        (Err, Breaking),
        "schema of additional properties removed",
    ),
    schema_change(
        "map-closed",
        (Err, Breaking),
        (Info, Breaking),
        "additional properties, which had a schema, are no longer allowed",
    ),
    harmless("map-opened", Breaking, "additional properties are now allowed, with a schema"),
    schema_change(
        "alternatives-rewritten",
        (Warn, Compatible),
        (Info, Compatible),
        "anyOf became oneOf or vice versa",
    ),
    // Compositions. Each alternative is a variant of a Rust enum.
    schema_change("one-of-added", (Info, Compatible), (Err, Breaking), "oneOf: alternative added"),
    schema_change("one-of-removed", (Err, Breaking), (Info, Breaking), "oneOf: alternative removed"),
    schema_change("any-of-added", (Info, Compatible), (Err, Breaking), "anyOf: alternative added"),
    schema_change("any-of-removed", (Err, Breaking), (Info, Breaking), "anyOf: alternative removed"),
    schema_change("all-of-added", (Err, Breaking), (Info, Breaking), "allOf: part added"),
    schema_change("all-of-removed", (Warn, Breaking), (Info, Breaking), "allOf: part removed"),
    harmless("all-of-added-annotation-only", ClientLevel::None, "allOf: part with only annotations added"),
    harmless(
        "all-of-removed-annotation-only",
        ClientLevel::None,
        "allOf: part with only annotations removed",
    ),
    tighter("not-added", "not: exclusion added"),
    looser("not-removed", "not: exclusion removed"),
    schema_change("not-changed", (Err, Breaking), (Err, Compatible), "not: exclusion changed"),
    harmless("discriminator-added", Compatible, "discriminator added"),
    harmless("discriminator-removed", Compatible, "discriminator removed"),
    harmless("discriminator-property-name-changed", Compatible, "discriminator: property changed"),
    harmless("discriminator-mapping-added", Compatible, "discriminator: mapping added"),
    harmless("discriminator-mapping-deleted", Compatible, "discriminator: mapping removed"),
    harmless("discriminator-mapping-changed", Compatible, "discriminator: mapping changed"),
    // Deprecation and access.
    harmless("deprecated", Compatible, "deprecated"),
    harmless("reactivated", Compatible, "no longer deprecated"),
    harmless("became-read-only", Compatible, "became read-only"),
    harmless("became-not-read-only", Compatible, "no longer read-only"),
    harmless("became-write-only", Compatible, "became write-only"),
    harmless("became-not-write-only", Compatible, "no longer write-only"),
];
