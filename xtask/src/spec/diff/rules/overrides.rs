//! Where oasdiff and this project part, each with its reason.

use crate::spec::diff::severity::WireLevel::{self, Err, Info, Warn};

/// Ids that do not follow the pattern: ours as the product makes it, and the one that is used instead.
pub(super) const NAMES: &[(&str, &str)] = &[
    ("response-body-enum-value-removed", "response-mediatype-enum-value-removed"),
    // Where everything is text, a text takes every number.
    ("request-parameter-type-compatible", "request-parameter-type-generalized"),
    // On the way in, oasdiff calls a narrower type a changed one, except within parameters.
    ("request-body-type-specialized", "request-body-type-changed"),
    ("request-property-type-specialized", "request-property-type-changed"),
    ("request-parameter-type-specialized", "request-parameter-type-changed"),
];

/// Levels that hold for one id and not for the whole facet.
pub(super) const LEVELS: &[(&str, WireLevel)] = &[
    // oasdiff: a parameter's default is behaviour that callers without it rely on.
    ("request-parameter-default-value-added", Err),
    ("request-parameter-default-value-removed", Err),
    ("request-parameter-default-value-changed", Err),
    ("response-property-pattern-removed", Info),
    ("request-parameter-all-of-removed", Warn),
];

/// How the ids end whose wire level is not oasdiff's, and why.
#[cfg(test)]
pub(super) const OVERRIDES: &[(&str, &str)] = &[
    (
        "-set",
        "what was sent above a bound that is new is refused now, whatever the server did before the document said so",
    ),
    ("any-of-added", "a value of a kind that the client was never told of, just as with oneOf"),
    ("security-scope-added", "a token without the scope is refused"),
    (
        "api-security-component-type-changed",
        "who authenticates in the old way is refused; told of schemes in use only",
    ),
    ("request-parameter-property-type-changed", "as breaking within a parameter as within a body"),
];
