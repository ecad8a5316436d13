//! Differences between the rules of this project and those of oasdiff, each with its reason.

use crate::spec::diff::severity::WireLevel::{self, Err, Info, Warn};

/// Ids that do not follow the pattern `<position>-<change>`: the id by the pattern, and the id that is used
/// instead.
pub(super) const NAMES: &[(&str, &str)] = &[
    ("response-body-enum-value-removed", "response-mediatype-enum-value-removed"),
    // Parameters are sent as text, so a string parameter accepts every number.
    ("request-parameter-type-compatible", "request-parameter-type-generalized"),
    // For requests, oasdiff reports a narrower type as a changed type, except within parameters.
    ("request-body-type-specialized", "request-body-type-changed"),
    ("request-property-type-specialized", "request-property-type-changed"),
    ("request-parameter-type-specialized", "request-parameter-type-changed"),
];

/// Levels of single ids that differ from the level of the schema change.
pub(super) const LEVELS: &[(&str, WireLevel)] = &[
    // As in oasdiff: callers that omit a parameter rely on its default.
    ("request-parameter-default-value-added", Err),
    ("request-parameter-default-value-removed", Err),
    ("request-parameter-default-value-changed", Err),
    ("response-property-pattern-removed", Info),
    ("request-parameter-all-of-removed", Warn),
];

/// The endings of ids whose wire level differs from oasdiff's, with the reasons. `spec checks` prints them.
pub(super) const OVERRIDES: &[(&str, &str)] = &[
    (
        "-set",
        "requests beyond the new bound are rejected, even if the server accepted them before the bound was documented",
    ),
    ("any-of-added", "responses may contain values of an unknown kind, just as with oneOf"),
    ("security-scope-added", "a token without the scope is rejected"),
    (
        "api-security-component-type-changed",
        "clients that authenticate in the old way are rejected; reported only for schemes in use",
    ),
    (
        "request-parameter-property-type-changed",
        "within a parameter, the change is as breaking as within a body",
    ),
];
