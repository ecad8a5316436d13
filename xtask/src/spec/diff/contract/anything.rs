//! Schemas that accept anything or nothing.

use crate::spec::diff::node::{MAX_DEPTH, ResolvedNode};

/// Returns `true` if a schema has only annotations, or parts of this kind, or an alternative of only annotations.
pub(in crate::spec::diff) fn accepts_anything(node: &ResolvedNode, depth: usize) -> bool {
    let accepts = |key: &str| match key {
        "allOf" => node.items_of(key).iter().all(|part| accepts_anything(part, depth - 1)),
        "anyOf" => node.items_of(key).iter().any(|one| accepts_anything(one, (depth - 1).min(1))),
        _ => is_annotation(key),
    };
    depth > 0 && node.object().is_some_and(|schema| schema.keys().all(|key| accepts(key)))
}

/// Returns `true` for a keyword that does not restrict which values are valid.
pub(in crate::spec::diff) fn is_annotation(key: &str) -> bool {
    const ANNOTATIONS: [&str; 12] = [
        "$comment",
        "default",
        "deprecated",
        "description",
        "example",
        "examples",
        "externalDocs",
        "nullable",
        "readOnly",
        "title",
        "writeOnly",
        "xml",
    ];
    key.starts_with("x-") || ANNOTATIONS.contains(&key)
}

/// Returns `true` for the form of the schema `false`.
pub(super) fn accepts_nothing(node: &ResolvedNode) -> bool {
    excludes_anything(node) && !node.flag("nullable")
}

pub(super) fn excludes_anything(node: &ResolvedNode) -> bool {
    node.get("not").is_some_and(|not| accepts_anything(&not, MAX_DEPTH))
}
