//! The normal form of schemas: alternatives of one kind each, with `allOf` merged.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use super::{
    alternative::{Alternative, Kind},
    canonical::{canonical, canonical_or_mistaken},
    key::{Key, Keys, NodeId},
    schema, word,
};
use crate::spec::diff::node::ResolvedNode;

/// The number of alternatives up to which merging may multiply.
const MAX_ALTERNATIVES: usize = 64;

/// The number of schemas that are nested by `allOf`, `oneOf` and `anyOf` only.
const MAX_DEPTH: usize = 48;

/// The number of schemas that are visited for one normal form.
const MAX_STEPS: usize = 20_000;

/// The alternatives of a schema. A schema without alternatives accepts nothing.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub(super) alternatives: Vec<Alternative>,
    /// `false` if a limit was reached or a reference could not be resolved.
    pub(super) exact: bool,
}

impl Norm {
    fn anything(exact: bool) -> Self {
        Self { alternatives: Kind::ALL.map(Alternative::all).to_vec(), exact }
    }

    fn nothing() -> Self {
        Self { alternatives: Vec::new(), exact: true }
    }

    pub(super) fn is_anything(&self) -> bool {
        self.exact
            && Kind::ALL.iter().all(|kind| self.alternatives.iter().any(|a| a.kind == *kind && a.is_all()))
    }
}

/// The normal forms that were computed so far.
#[derive(Debug, Default)]
pub(super) struct Norms<'a> {
    pub(super) keys: Keys<'a>,
    of_keys: HashMap<Key, Rc<Norm>>,
    of_nodes: HashMap<NodeId, Rc<Norm>>,
}

/// The schemas between the root of a normal form and the visited one.
#[derive(Debug, Default)]
struct Path {
    nodes: Vec<NodeId>,
    steps: usize,
    /// `true` if a schema contains itself, or if a limit was reached. The result then depends on the path.
    cut: bool,
}

impl<'a> Norms<'a> {
    /// Returns the normal form of the schemas of a key.
    pub(super) fn norm(&mut self, key: Key) -> Rc<Norm> {
        if let Some(known) = self.of_keys.get(&key) {
            return Rc::clone(known);
        }
        let mut met = Norm::anything(true);
        let mut path = Path::default();
        for id in self.keys.nodes_of(key).iter() {
            if let Some(norm) = self.expand(*id, &mut path) {
                met = self.meet(&met, &norm);
            }
        }
        // The values of the discriminator do not apply to the schemas of which this one is a part.
        for id in self.keys.nodes_of(key).iter() {
            let Some(tag) = schema::subtypes(self.keys.node(*id)) else { continue };
            for alternative in met.alternatives.iter_mut().filter(|a| a.kind == Kind::Object) {
                alternative.tag.get_or_insert_with(|| tag.clone());
            }
        }
        let norm = Rc::new(met);
        self.of_keys.insert(key, Rc::clone(&norm));
        norm
    }

    /// Returns the normal form of a schema. Returns `None` if the schema contains itself here.
    fn expand(&mut self, id: NodeId, path: &mut Path) -> Option<Rc<Norm>> {
        if let Some(known) = self.of_nodes.get(&id) {
            return Some(Rc::clone(known));
        }
        if path.nodes.contains(&id) {
            path.cut = true;
            return None;
        }
        path.steps += 1;
        if path.nodes.len() >= MAX_DEPTH || path.steps > MAX_STEPS {
            path.cut = true;
            return Some(Rc::new(Norm::anything(false)));
        }
        path.nodes.push(id);
        let cut_before = std::mem::take(&mut path.cut);
        let node = self.keys.node(id).clone();
        let norm = Rc::new(self.expand_node(&node, path));
        path.nodes.pop();
        if !path.cut {
            self.of_nodes.insert(id, Rc::clone(&norm));
        }
        path.cut |= cut_before;
        Some(norm)
    }

    fn expand_node(&mut self, node: &ResolvedNode<'a>, path: &mut Path) -> Norm {
        if node.object().is_none_or(|schema| schema.contains_key("$ref")) {
            return Norm::anything(false);
        }
        let own = schema::alternatives(node, &mut self.keys);
        let mut norm = Norm { alternatives: own, exact: true };
        for part in self.distinct(node, "allOf") {
            // A part that was met before adds nothing.
            if let Some(part) = self.expand(part.0, path) {
                norm = self.meet(&norm, &part);
            }
        }
        for list in ["oneOf", "anyOf"] {
            if node.value.get(list).is_some_and(|list| list.as_array().is_some_and(|list| !list.is_empty())) {
                let union = self.union(node, list, path);
                norm = self.meet(&norm, &union);
            }
        }
        // `not` may exclude null from an alternative.
        let accepts_null = norm.alternatives.iter().any(|a| a.kind == Kind::Null && a.is_all());
        if node.flag("nullable") && !accepts_null {
            norm.alternatives.retain(|a| a.kind != Kind::Null);
            norm.alternatives.push(Alternative::all(Kind::Null));
        }
        norm
    }

    /// Returns the normal form of a list of alternatives.
    fn union(&mut self, node: &ResolvedNode<'a>, list: &str, path: &mut Path) -> Norm {
        let mut union = Norm::nothing();
        for (id, reference) in self.distinct(node, list) {
            // An alternative that was met before adds no alternative.
            let Some(norm) = self.expand(id, path) else { continue };
            let tag = reference.and_then(|reference| schema::discriminator_values(node, reference));
            union.exact &= norm.exact;
            for alternative in &norm.alternatives {
                let tag = tag.clone().filter(|_| alternative.kind == Kind::Object);
                let tag = tag.or_else(|| alternative.tag.clone());
                union.alternatives.push(Alternative { tag, ..alternative.clone() });
            }
        }
        union.alternatives = tidy(union.alternatives);
        union
    }

    /// Returns the different schemas of a list, each with its reference.
    fn distinct(&mut self, node: &ResolvedNode<'a>, list: &str) -> Vec<(NodeId, Option<&'a str>)> {
        let references: Vec<_> = schema::references(node, list);
        let ids: Vec<_> = node.items_of(list).into_iter().map(|item| self.keys.node_id(item)).collect();
        let mut seen = BTreeSet::new();
        ids.into_iter().zip(references).filter(|(id, _)| seen.insert(*id)).collect()
    }

    /// Returns what both normal forms accept.
    fn meet(&mut self, one: &Norm, other: &Norm) -> Norm {
        if one.is_anything() {
            return other.clone();
        }
        if other.is_anything() {
            return one.clone();
        }
        let limit = MAX_ALTERNATIVES.max(one.alternatives.len()).max(other.alternatives.len());
        let mut alternatives = Vec::new();
        for first in &one.alternatives {
            for second in other.alternatives.iter().filter(|second| second.kind == first.kind) {
                if alternatives.len() >= limit {
                    return Norm { alternatives: tidy(alternatives), exact: false };
                }
                alternatives.push(first.meet(second, &mut self.keys));
            }
        }
        Norm { alternatives: tidy(alternatives), exact: one.exact && other.exact }
    }
}

/// Returns the one list of all lists of alternatives that accept the same values.
fn tidy(alternatives: Vec<Alternative>) -> Vec<Alternative> {
    let mut words: BTreeMap<Kind, Alternative> = BTreeMap::new();
    let mut others: Vec<Alternative> = Vec::new();
    for alternative in canonical_or_mistaken(alternatives) {
        let only_words = Alternative { words: None, ..alternative.clone() }.is_all();
        match &alternative.words {
            Some(more) if only_words => {
                let merged = words.entry(alternative.kind).or_insert_with(|| Alternative {
                    words: Some(BTreeMap::new()),
                    ..Alternative::all(alternative.kind)
                });
                merged.words.get_or_insert_default().extend(more.clone());
            }
            _ => others.push(alternative),
        }
    }
    for mut merged in words.into_values() {
        let mut remaining = BTreeMap::new();
        for (text, word) in merged.words.take().into_iter().flatten() {
            match others.iter_mut().find(|other| word::accepted(other, &word) == Some(true)) {
                Some(other) => {
                    other.hints.insert(text);
                }
                None => {
                    remaining.insert(text, word);
                }
            }
        }
        merged.words = Some(remaining);
        others.extend(canonical(merged));
    }
    without_repeated(others)
}

/// Removes repeated alternatives, and scalar ones that another alternative of their kind includes.
fn without_repeated(alternatives: Vec<Alternative>) -> Vec<Alternative> {
    let is_scalar = |kind| !matches!(kind, Kind::Array | Kind::Object);
    let complete: BTreeSet<Kind> = alternatives.iter().filter(|a| a.is_all()).map(|a| a.kind).collect();
    let mut kept: Vec<Alternative> = Vec::new();
    for alternative in alternatives {
        let included =
            is_scalar(alternative.kind) && complete.contains(&alternative.kind) && !alternative.is_all();
        let repeated = kept.len() < 4 * MAX_ALTERNATIVES && kept.contains(&alternative);
        if !included && !repeated {
            kept.push(alternative);
        }
    }
    kept
}
