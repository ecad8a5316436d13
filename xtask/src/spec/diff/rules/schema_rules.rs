//! The changes of a schema, with their wire levels for schemas of requests and of responses.
//!
//! After a change that accepts less, requests of published releases may be rejected. Responses still match the old
//! document. After a change that accepts more, requests stay valid. Responses may contain values that the old document does
//! not allow.

use super::Direction;
use crate::spec::diff::severity::WireLevel;

/// The rule of a change of a schema.
pub(super) struct SchemaRule {
    /// The end of the ids of the rule.
    pub(super) suffix: &'static str,
    pub(super) message: &'static str,
    request: WireLevel,
    response: WireLevel,
}

impl SchemaRule {
    pub(super) fn level(&self, direction: Direction) -> WireLevel {
        match direction {
            Direction::Request => self.request,
            Direction::Response => self.response,
        }
    }
}

/// Defines the changes with the end of the ids, the levels in requests and in responses, and the message of each.
macro_rules! schema_changes {
    ($($name:ident: $suffix:literal, $request:ident, $response:ident, $message:literal,)*) => {
        /// A change of a schema.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum SchemaChange {
            $($name,)*
        }

        pub(super) const SCHEMA_RULES: &[SchemaRule] = &[$(SchemaRule {
            suffix: $suffix,
            message: $message,
            request: WireLevel::$request,
            response: WireLevel::$response,
        },)*];
    };
}

schema_changes! {
    // Types.
    TypeChanged: "type-changed", Err, Err, "type or format changed",
    TypeGeneralized: "type-generalized", Info, Err, "type or format widened",
    TypeSpecialized: "type-specialized", Err, Info, "type or format narrowed",
    TypeCompatible: "type-compatible", Info, Info, "type changed to one with the same text on the wire",
    BecameNullable: "became-nullable", Info, Err, "null is now allowed",
    BecameNotNullable: "became-not-nullable", Err, Info, "null is no longer allowed",
    // Values.
    BecameEnum: "became-enum", Err, Info, "became an enum",
    NoLongerEnum: "no-longer-enum", Info, Warn, "no longer an enum",
    EnumValueAdded: "enum-value-added", Info, Warn, "enum value added",
    EnumValueRemoved: "enum-value-removed", Err, Info, "enum value removed",
    PatternAdded: "pattern-added", Err, Info, "pattern added",
    PatternRemoved: "pattern-removed", Info, Info, "pattern removed",
    PatternChanged: "pattern-changed", Warn, Info, "pattern changed",
    PatternGeneralized: "pattern-generalized", Info, Info, "pattern changed to one that accepts any text",
    DefaultValueAdded: "default-value-added", Info, Info, "default added",
    DefaultValueRemoved: "default-value-removed", Info, Info, "default removed",
    DefaultValueChanged: "default-value-changed", Info, Info, "default changed",
    // Bounds.
    MaxSet: "max-set", Err, Info, "maximum set",
    MaxUnset: "max-unset", Info, Err, "maximum removed",
    MaxIncreased: "max-increased", Info, Err, "maximum raised",
    MaxDecreased: "max-decreased", Err, Info, "maximum lowered",
    MinSet: "min-set", Err, Info, "minimum set",
    MinUnset: "min-unset", Info, Err, "minimum removed",
    MinIncreased: "min-increased", Err, Info, "minimum raised",
    MinDecreased: "min-decreased", Info, Err, "minimum lowered",
    ExclusiveMaxSet: "exclusive-max-set", Err, Info, "maximum became exclusive",
    ExclusiveMaxUnset: "exclusive-max-unset", Info, Err, "maximum became inclusive",
    ExclusiveMinSet: "exclusive-min-set", Err, Info, "minimum became exclusive",
    ExclusiveMinUnset: "exclusive-min-unset", Info, Err, "minimum became inclusive",
    MultipleOfSet: "multiple-of-set", Err, Info, "multipleOf set",
    MultipleOfUnset: "multiple-of-unset", Info, Err, "multipleOf removed",
    MultipleOfChanged: "multiple-of-changed", Err, Err, "multipleOf changed",
    MaxLengthSet: "max-length-set", Err, Info, "maxLength set",
    MaxLengthUnset: "max-length-unset", Info, Err, "maxLength removed",
    MaxLengthIncreased: "max-length-increased", Info, Err, "maxLength raised",
    MaxLengthDecreased: "max-length-decreased", Err, Info, "maxLength lowered",
    MinLengthIncreased: "min-length-increased", Err, Info, "minLength raised",
    MinLengthDecreased: "min-length-decreased", Info, Err, "minLength lowered",
    MaxItemsSet: "max-items-set", Err, Info, "maxItems set",
    MaxItemsUnset: "max-items-unset", Info, Err, "maxItems removed",
    MaxItemsIncreased: "max-items-increased", Info, Err, "maxItems raised",
    MaxItemsDecreased: "max-items-decreased", Err, Info, "maxItems lowered",
    MinItemsSet: "min-items-set", Err, Info, "minItems set",
    MinItemsUnset: "min-items-unset", Info, Err, "minItems removed",
    MinItemsIncreased: "min-items-increased", Err, Info, "minItems raised",
    MinItemsDecreased: "min-items-decreased", Info, Err, "minItems lowered",
    ItemsSet: "items-set", Err, Info, "schema of the items added",
    ItemsUnset: "items-unset", Info, Err, "schema of the items removed",
    UniqueItemsSet: "unique-items-set", Err, Info, "items must now be unique",
    UniqueItemsUnset: "unique-items-unset", Info, Err, "items no longer need to be unique",
    MaxPropertiesSet: "max-properties-set", Err, Info, "maxProperties set",
    MaxPropertiesUnset: "max-properties-unset", Info, Err, "maxProperties removed",
    MaxPropertiesIncreased: "max-properties-increased", Info, Err, "maxProperties raised",
    MaxPropertiesDecreased: "max-properties-decreased", Err, Info, "maxProperties lowered",
    MinPropertiesSet: "min-properties-set", Err, Info, "minProperties set",
    MinPropertiesUnset: "min-properties-unset", Info, Err, "minProperties removed",
    MinPropertiesIncreased: "min-properties-increased", Err, Info, "minProperties raised",
    MinPropertiesDecreased: "min-properties-decreased", Info, Err, "minProperties lowered",
    // Additional properties.
    AdditionalPropertiesClosed: "additional-properties-closed", Err, Info, "additional properties are no longer allowed",
    AdditionalPropertiesOpened: "additional-properties-opened", Info, Info, "additional properties are now allowed",
    AdditionalPropertiesNarrowed: "additional-properties-narrowed", Err, Info, "schema of additional properties added",
    AdditionalPropertiesWidened: "additional-properties-widened", Info, Err, "schema of additional properties removed",
    MapClosed: "map-closed", Err, Info, "additional properties, which had a schema, are no longer allowed",
    MapOpened: "map-opened", Info, Info, "additional properties are now allowed, with a schema",
    AlternativesRewritten: "alternatives-rewritten", Warn, Info, "anyOf became oneOf or vice versa",
    // Compositions.
    OneOfAdded: "one-of-added", Info, Err, "oneOf: alternative added",
    OneOfRemoved: "one-of-removed", Err, Info, "oneOf: alternative removed",
    AnyOfAdded: "any-of-added", Info, Err, "anyOf: alternative added",
    AnyOfRemoved: "any-of-removed", Err, Info, "anyOf: alternative removed",
    AllOfAdded: "all-of-added", Err, Info, "allOf: part added",
    AllOfRemoved: "all-of-removed", Warn, Info, "allOf: part removed",
    AllOfAddedAnnotationOnly: "all-of-added-annotation-only", Info, Info, "allOf: part with only annotations added",
    AllOfRemovedAnnotationOnly: "all-of-removed-annotation-only", Info, Info, "allOf: part with only annotations removed",
    NotAdded: "not-added", Err, Info, "not: exclusion added",
    NotRemoved: "not-removed", Info, Err, "not: exclusion removed",
    NotChanged: "not-changed", Err, Err, "not: exclusion changed",
    DiscriminatorAdded: "discriminator-added", Info, Info, "discriminator added",
    DiscriminatorRemoved: "discriminator-removed", Info, Info, "discriminator removed",
    DiscriminatorPropertyNameChanged: "discriminator-property-name-changed", Info, Info, "discriminator: property changed",
    DiscriminatorMappingAdded: "discriminator-mapping-added", Info, Info, "discriminator: mapping added",
    DiscriminatorMappingDeleted: "discriminator-mapping-deleted", Info, Info, "discriminator: mapping removed",
    DiscriminatorMappingChanged: "discriminator-mapping-changed", Info, Info, "discriminator: mapping changed",
    // Deprecation and access.
    Deprecated: "deprecated", Info, Info, "deprecated",
    Reactivated: "reactivated", Info, Info, "no longer deprecated",
    BecameReadOnly: "became-read-only", Info, Info, "became read-only",
    BecameNotReadOnly: "became-not-read-only", Info, Info, "no longer read-only",
    BecameWriteOnly: "became-write-only", Info, Info, "became write-only",
    BecameNotWriteOnly: "became-not-write-only", Info, Info, "no longer write-only",
}
