//! Segments: the parts of schemas between references. [`schema`](super::schema) compares each of them once.

use std::collections::HashMap;

use serde_json::Value;

use super::{contract::Compared, finding::Draft, notation::Notation, rules::SchemaPosition};

/// The two schemas of a segment, by their addresses, their use, and how they are written.
pub(super) type Identity = (*const Value, *const Value, SchemaPosition, Notation);

/// The segments that were compared so far.
#[derive(Debug, Default)]
pub(super) struct Segments {
    ids: HashMap<Identity, usize>,
    pub(super) list: Vec<Segment>,
}

impl Segments {
    /// Returns the compared schemas of each segment.
    pub(super) fn into_compared(self) -> Vec<Vec<Compared>> {
        self.list.into_iter().map(|segment| segment.compared).collect()
    }

    /// Returns the id of a segment, and `true` if it is new.
    pub(super) fn id(&mut self, identity: Identity) -> (usize, bool) {
        let next = self.list.len();
        let id = *self.ids.entry(identity).or_insert(next);
        if id == next {
            self.list.push(Segment::new(identity));
        }
        (id, id == next)
    }
}

/// Two schemas without what references in them lead to.
#[derive(Debug)]
pub(super) struct Segment {
    /// The identity in the position of a property. A body that contains itself is reported once, not once as a body and
    /// once as a property.
    pub(super) within: Identity,
    /// The compared pairs of schemas. The first one is that of the segment itself.
    pub(super) compared: Vec<Compared>,
    /// The findings, each with the index of its pair.
    pub(super) drafts: Vec<(usize, Draft)>,
    pub(super) children: Vec<Child>,
}

impl Segment {
    pub(super) fn new((base, revision, position, notation): Identity) -> Self {
        let within = (base, revision, position.within(), notation);
        Self { within, compared: Vec::new(), drafts: Vec::new(), children: Vec::new() }
    }
}

/// A segment that another one refers to.
#[derive(Debug)]
pub(super) struct Child {
    /// The index of the pair that contains the reference.
    pub(super) pair: usize,
    /// The path of the reference within its segment.
    pub(super) subject: String,
    /// The findings about the reference itself: whether the property is read-only.
    pub(super) drafts: Vec<Draft>,
    pub(super) segment: usize,
}
