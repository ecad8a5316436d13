//! Keys: sets of schemas that must all hold for one value.

use std::{collections::HashMap, ptr, rc::Rc};

use serde_json::Value;

use crate::spec::diff::node::ResolvedNode;

/// A schema of either document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NodeId(usize);

/// A sorted set of schemas that must all hold. The empty set accepts anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(usize);

impl Key {
    pub(super) const ANYTHING: Self = Self(0);
}

/// The schemas and keys that were met so far.
#[derive(Debug)]
pub(super) struct Keys<'a> {
    nodes: Vec<ResolvedNode<'a>>,
    node_ids: HashMap<*const Value, NodeId>,
    sets: Vec<Rc<[NodeId]>>,
    ids: HashMap<Rc<[NodeId]>, Key>,
}

impl Default for Keys<'_> {
    fn default() -> Self {
        let anything: Rc<[NodeId]> = Rc::new([]);
        let ids = HashMap::from([(Rc::clone(&anything), Key::ANYTHING)]);
        Self { nodes: Vec::new(), node_ids: HashMap::new(), sets: vec![anything], ids }
    }
}

impl<'a> Keys<'a> {
    /// Returns the id of a schema. A schema that several references reach has one id.
    pub(super) fn node_id(&mut self, node: ResolvedNode<'a>) -> NodeId {
        let next = NodeId(self.nodes.len());
        let id = *self.node_ids.entry(ptr::from_ref(node.value)).or_insert(next);
        if id == next {
            self.nodes.push(node);
        }
        id
    }

    pub(super) fn node(&self, id: NodeId) -> &ResolvedNode<'a> {
        &self.nodes[id.0]
    }

    /// Returns the key of a single schema.
    pub(super) fn of(&mut self, node: ResolvedNode<'a>) -> Key {
        let id = self.node_id(node);
        self.intern(vec![id])
    }

    /// Returns the key of all schemas of two keys.
    pub(super) fn both(&mut self, one: Key, other: Key) -> Key {
        if one == other || other == Key::ANYTHING {
            return one;
        }
        let nodes = self.nodes_of(one).iter().chain(self.nodes_of(other).iter()).copied().collect();
        self.intern(nodes)
    }

    pub(super) fn nodes_of(&self, key: Key) -> Rc<[NodeId]> {
        Rc::clone(&self.sets[key.0])
    }

    fn intern(&mut self, mut nodes: Vec<NodeId>) -> Key {
        nodes.sort_unstable();
        nodes.dedup();
        let nodes: Rc<[NodeId]> = nodes.into();
        let next = Key(self.sets.len());
        let key = *self.ids.entry(Rc::clone(&nodes)).or_insert(next);
        if key == next {
            self.sets.push(nodes);
        }
        key
    }
}
