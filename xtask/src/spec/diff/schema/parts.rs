//! The properties of a schema together with those of its `allOf`.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    ptr,
};

use serde_json::Value;

use super::{digest::Digests, matching::matches, pair::is_annotation};
use crate::spec::{
    diff::node::{MAX_DEPTH, Pair, ResolvedNode},
    validate::object_model::SCHEMA_OR_REFERENCE,
};

/// The number of parts up to which properties are searched.
const MAX_PARTS: usize = 200;

pub(super) const ALL_OF: &str = "allOf";

/// The properties of a schema, with or without those of its parts.
#[derive(Debug)]
pub(super) struct Object<'a> {
    pub(super) required: BTreeSet<&'a str>,
    /// The different schemas of each property. All of them must hold.
    pub(super) properties: BTreeMap<&'a String, Vec<ResolvedNode<'a>>>,
}

impl<'a> Object<'a> {
    /// Returns what the schema itself declares.
    pub(super) fn own(node: &ResolvedNode<'a>, digests: &mut Digests) -> Self {
        Self::of(&[not_shared(node)], digests)
    }

    /// Returns what the schemas declare together.
    pub(super) fn of(schemas: &[ResolvedNode<'a>], digests: &mut Digests) -> Self {
        let mut properties: BTreeMap<_, Vec<ResolvedNode>> = BTreeMap::new();
        for schema in schemas {
            for (name, mut property) in schema.members_of("properties") {
                let known = properties.entry(name).or_default();
                let is_other = |other: &ResolvedNode| {
                    digests.full(other, &SCHEMA_OR_REFERENCE) != digests.full(&property, &SCHEMA_OR_REFERENCE)
                };
                if known.iter().all(is_other) {
                    property.shared |= schema.shared;
                    known.push(property);
                }
            }
        }
        Self { required: required(schemas), properties }
    }

    /// Returns the first schema of each property.
    pub(super) fn firsts(&self) -> impl Iterator<Item = (&'a String, ResolvedNode<'a>)> {
        self.properties.iter().filter_map(|(name, schemas)| Some((*name, schemas.first()?.clone())))
    }
}

fn required<'a>(schemas: &[ResolvedNode<'a>]) -> BTreeSet<&'a str> {
    schemas.iter().flat_map(|schema| schema.texts("required")).collect()
}

/// The lists of parts that are compared with each other.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) base: Vec<ResolvedNode<'a>>,
    pub(super) revision: Vec<ResolvedNode<'a>>,
    /// The schema around the only list, if the other schema is compared as a part.
    pub(super) wrapper: Option<ResolvedNode<'a>>,
}

impl<'a> Parts<'a> {
    /// Returns the parts of both schemas.
    pub(super) fn of(nodes: &Pair<'a>) -> Self {
        let (base, revision) = (nodes.base.items_of(ALL_OF), nodes.revision.items_of(ALL_OF));
        Self { base, revision, wrapper: None }
    }

    /// Returns `true` if both schemas have a property, or require a name, in parts that do not match.
    pub(super) fn have_moves(&self, nodes: &Pair<'a>, digests: &mut Digests) -> bool {
        if self.base.is_empty() && self.revision.is_empty() {
            return false;
        }
        let (Some(old), Some(new)) = (all_parts(&nodes.base), all_parts(&nodes.revision)) else {
            return false;
        };
        let parts = |node| all_parts(node).unwrap_or_default();
        let digest = |node, digests: &mut Digests| digests.full(node, &SCHEMA_OR_REFERENCE);
        let matches = matches(self.base.clone(), self.revision.clone(), digests);
        let mut compared: Vec<_> = matches.removed.iter().map(|node| [parts(node), Vec::new()]).collect();
        compared.extend(matches.added.iter().map(|node| [Vec::new(), parts(node)]));
        for (_, Pair { base, revision }) in &matches.both {
            if digest(base, digests) != digest(revision, digests) {
                compared.push([parts(base), parts(revision)]);
            }
        }
        if self.wrapper.is_none() {
            compared.push([vec![nodes.base.clone()], vec![nodes.revision.clone()]]);
        }
        let (mut lost, mut gained) = (BTreeSet::new(), BTreeSet::new());
        for [before, after] in compared {
            let [before, after] = [names(&before), names(&after)];
            lost.extend(before.difference(&after).copied());
            gained.extend(after.difference(&before).copied());
        }
        let occurs = |some: &BTreeSet<_>, parts: &[_]| !some.is_empty() && !some.is_disjoint(&names(parts));
        occurs(&lost, &new) || occurs(&gained, &old)
    }
}

/// Returns the names of properties, and those that are required, each with `true`.
fn names<'a>(schemas: &[ResolvedNode<'a>]) -> BTreeSet<(bool, &'a str)> {
    let properties = schemas.iter().filter_map(|schema| schema.value.get("properties")?.as_object());
    let declared = properties.flat_map(|properties| properties.keys()).map(|name| (false, name.as_str()));
    declared.chain(required(schemas).into_iter().map(|name| (true, name))).collect()
}

/// Returns the schema as one that only its own segment reaches, so that its properties are compared in that segment.
fn not_shared<'a>(node: &ResolvedNode<'a>) -> ResolvedNode<'a> {
    let mut node = node.clone();
    node.shared = false;
    node
}

/// Returns the schema, the schemas of its `allOf`, and those of theirs. Returns `None` if they are too many.
pub(super) fn all_parts<'a>(node: &ResolvedNode<'a>) -> Option<Vec<ResolvedNode<'a>>> {
    let mut all = vec![not_shared(node)];
    let mut seen = HashSet::from([ptr::from_ref(node.value)]);
    let mut start = 0;
    for _ in 0..MAX_DEPTH {
        let level = start..all.len();
        start = all.len();
        for index in level {
            let is_shared = all[index].shared;
            for mut part in all[index].items_of(ALL_OF) {
                if seen.insert(ptr::from_ref(part.value)) {
                    part.shared |= is_shared;
                    all.push(part);
                }
            }
            if all.len() > MAX_PARTS {
                return None;
            }
        }
    }
    Some(all)
}

/// Returns `true` if both schemas are an `allOf` of only the same part, whatever else they have.
pub(super) fn wrap_the_same(nodes: &Pair, digests: &mut Digests) -> bool {
    let parts = single_part(&nodes.base).zip(single_part(&nodes.revision));
    parts.is_some_and(|(base, revision)| {
        let mut digest = |node| digests.full(node, &SCHEMA_OR_REFERENCE);
        is_same_component(&base, &revision) || digest(&base) == digest(&revision)
    })
}

/// Returns the only part of an `allOf`.
pub(super) fn single_part<'a>(node: &ResolvedNode<'a>) -> Option<ResolvedNode<'a>> {
    let mut parts = node.items_of(ALL_OF);
    let mut part = parts.pop().filter(|part| parts.is_empty() && part.object().is_some())?;
    part.shared |= node.shared;
    Some(part)
}

/// Returns `true` if references lead to both schemas, at the same place.
pub(super) fn is_same_component(base: &ResolvedNode, revision: &ResolvedNode) -> bool {
    base.shared && revision.shared && base.at == revision.at
}

/// Returns `true` if the schema or one of its parts has a keyword that is not compared with the properties.
pub(super) fn has_other_keywords(node: &ResolvedNode) -> bool {
    let is_other = |schema: &ResolvedNode, key: &str| match key {
        "type" | "properties" | "required" | "default" | ALL_OF => false,
        "additionalProperties" => match schema.value.get(key) {
            Some(Value::Bool(is_open)) => !is_open,
            Some(Value::Object(rest)) => !rest.is_empty(),
            _ => true,
        },
        "nullable" | "deprecated" | "readOnly" | "writeOnly" => schema.flag(key),
        key => !is_annotation(key),
    };
    all_parts(node).is_none_or(|parts| {
        parts
            .iter()
            .any(|part| part.object().is_none_or(|schema| schema.keys().any(|key| is_other(part, key))))
    })
}
