//! What can happen to a schema, wherever it stands: once for a schema that we fill, once for one that is filled for us.

use super::Direction;
use crate::spec::diff::severity::{
    ClientLevel::{self, Breaking, Compatible},
    WireLevel::{self, Err, Info, Warn},
};

/// One thing that can happen to a schema.
pub(super) struct SchemaChange {
    /// How the ids of its rules end.
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
    word: &'static str,
    request: (WireLevel, ClientLevel),
    response: (WireLevel, ClientLevel),
    said: &'static str,
) -> SchemaChange {
    SchemaChange { suffix: word, message: said, request, response }
}

/// What takes less than before: a request may be refused now, and releases send it; a response keeps its promise.
const fn tighter(word: &'static str, said: &'static str) -> SchemaChange {
    schema_change(word, (Err, Breaking), (Info, Compatible), said)
}

/// What allows more than before: a request stays good; a response may now hold what nobody was told of. The generated
/// types take it all the same, for `build` takes bounds off what is received.
const fn looser(word: &'static str, said: &'static str) -> SchemaChange {
    schema_change(word, (Info, Compatible), (Err, Compatible), said)
}

/// What harms nobody on the wire.
const fn harmless(word: &'static str, client: ClientLevel, said: &'static str) -> SchemaChange {
    schema_change(word, (Info, client), (Info, client), said)
}

pub(super) const SCHEMA_CHANGES: &[SchemaChange] = &[
    // Types. Every change of one is another Rust type.
    schema_change("type-changed", (Err, Breaking), (Err, Breaking), "type or format changed"),
    schema_change("type-generalized", (Info, Breaking), (Err, Breaking), "type or format widened"),
    schema_change("type-specialized", (Err, Breaking), (Info, Breaking), "type or format narrowed"),
    harmless("type-compatible", Breaking, "type changed to one that is the same text on the wire"),
    schema_change("became-nullable", (Info, Breaking), (Err, Breaking), "null is allowed"),
    schema_change("became-not-nullable", (Err, Breaking), (Info, Breaking), "null is no longer allowed"),
    // Values.
    schema_change("became-enum", (Err, Breaking), (Info, Breaking), "became an enum"),
    schema_change("no-longer-enum", (Info, Breaking), (Warn, Breaking), "is no longer an enum"),
    schema_change("enum-value-added", (Info, Compatible), (Warn, Compatible), "enum value added"),
    schema_change("enum-value-removed", (Err, Breaking), (Info, Breaking), "enum value removed"),
    tighter("pattern-added", "pattern added"),
    harmless("pattern-removed", Compatible, "pattern removed"),
    schema_change("pattern-changed", (Warn, Compatible), (Info, Compatible), "pattern changed"),
    harmless("pattern-generalized", Compatible, "pattern changed to one that takes anything"),
    // The client never sends a default, so it is documentation for us.
    harmless("default-value-added", ClientLevel::None, "default added"),
    harmless("default-value-removed", ClientLevel::None, "default removed"),
    harmless("default-value-changed", ClientLevel::None, "default changed"),
    // Bounds.
    tighter("max-set", "maximum set"),
    looser("max-unset", "maximum taken away"),
    looser("max-increased", "maximum raised"),
    tighter("max-decreased", "maximum lowered"),
    tighter("min-set", "minimum set"),
    looser("min-unset", "minimum taken away"),
    tighter("min-increased", "minimum raised"),
    looser("min-decreased", "minimum lowered"),
    tighter("exclusive-max-set", "the maximum itself is no longer allowed"),
    looser("exclusive-max-unset", "the maximum itself is allowed"),
    tighter("exclusive-min-set", "the minimum itself is no longer allowed"),
    looser("exclusive-min-unset", "the minimum itself is allowed"),
    tighter("multiple-of-set", "multipleOf set"),
    looser("multiple-of-unset", "multipleOf taken away"),
    schema_change("multiple-of-changed", (Err, Breaking), (Err, Compatible), "multipleOf changed"),
    tighter("max-length-set", "maxLength set"),
    looser("max-length-unset", "maxLength taken away"),
    looser("max-length-increased", "maxLength raised"),
    tighter("max-length-decreased", "maxLength lowered"),
    tighter("min-length-increased", "minLength raised"),
    looser("min-length-decreased", "minLength lowered"),
    tighter("max-items-set", "maxItems set"),
    looser("max-items-unset", "maxItems taken away"),
    looser("max-items-increased", "maxItems raised"),
    tighter("max-items-decreased", "maxItems lowered"),
    tighter("min-items-set", "minItems set"),
    looser("min-items-unset", "minItems taken away"),
    tighter("min-items-increased", "minItems raised"),
    looser("min-items-decreased", "minItems lowered"),
    tighter("items-set", "items have a schema"),
    looser("items-unset", "items no longer have a schema"),
    tighter("unique-items-set", "items must be unique"),
    looser("unique-items-unset", "items need not be unique"),
    tighter("max-properties-set", "maxProperties set"),
    looser("max-properties-unset", "maxProperties taken away"),
    looser("max-properties-increased", "maxProperties raised"),
    tighter("max-properties-decreased", "maxProperties lowered"),
    tighter("min-properties-set", "minProperties set"),
    looser("min-properties-unset", "minProperties taken away"),
    tighter("min-properties-increased", "minProperties raised"),
    looser("min-properties-decreased", "minProperties lowered"),
    // Properties beyond those that are named. The Rust type has a map for them only where they have a schema.
    schema_change(
        "additional-properties-closed",
        (Err, Compatible),
        (Info, Compatible),
        "properties beyond the named ones are no longer allowed",
    ),
    harmless("additional-properties-opened", Compatible, "properties beyond the named ones are allowed"),
    schema_change(
        "additional-properties-narrowed",
        (Err, Breaking),
        (Info, Breaking),
        "properties beyond the named ones have a schema",
    ),
    schema_change(
        "additional-properties-widened",
        (Info, Breaking),
        (Err, Breaking),
        "properties beyond the named ones no longer have a schema",
    ),
    schema_change(
        "map-closed",
        (Err, Breaking),
        (Info, Breaking),
        "properties beyond the named ones had a schema and are no longer allowed",
    ),
    harmless("map-opened", Breaking, "properties beyond the named ones are allowed, and have a schema"),
    schema_change(
        "alternatives-rewritten",
        (Warn, Compatible),
        (Info, Compatible),
        "anyOf became oneOf or the other way round",
    ),
    // Compositions. Each alternative is a variant.
    schema_change("one-of-added", (Info, Compatible), (Err, Breaking), "oneOf: an alternative added"),
    schema_change("one-of-removed", (Err, Breaking), (Info, Breaking), "oneOf: an alternative removed"),
    schema_change("any-of-added", (Info, Compatible), (Err, Breaking), "anyOf: an alternative added"),
    schema_change("any-of-removed", (Err, Breaking), (Info, Breaking), "anyOf: an alternative removed"),
    schema_change("all-of-added", (Err, Breaking), (Info, Breaking), "allOf: a part added"),
    schema_change("all-of-removed", (Warn, Breaking), (Info, Breaking), "allOf: a part removed"),
    harmless("all-of-added-annotation-only", ClientLevel::None, "allOf: a part of words only added"),
    harmless("all-of-removed-annotation-only", ClientLevel::None, "allOf: a part of words only removed"),
    tighter("not-added", "not: something is excluded"),
    looser("not-removed", "not: nothing is excluded any more"),
    schema_change("not-changed", (Err, Breaking), (Err, Compatible), "not: something else is excluded"),
    harmless("discriminator-added", Compatible, "discriminator added"),
    harmless("discriminator-removed", Compatible, "discriminator removed"),
    harmless("discriminator-property-name-changed", Compatible, "discriminator: property changed"),
    harmless("discriminator-mapping-added", Compatible, "discriminator: mapping added"),
    harmless("discriminator-mapping-deleted", Compatible, "discriminator: mapping removed"),
    harmless("discriminator-mapping-changed", Compatible, "discriminator: mapping changed"),
    // Words and marks.
    harmless("deprecated", Compatible, "deprecated"),
    harmless("reactivated", Compatible, "no longer deprecated"),
    harmless("became-read-only", Compatible, "only the server sets it"),
    harmless("became-not-read-only", Compatible, "the client may set it too"),
    harmless("became-write-only", Compatible, "only the client sets it"),
    harmless("became-not-write-only", Compatible, "the server may send it too"),
];
