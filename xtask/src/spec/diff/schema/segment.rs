//! Segments: the parts of schemas between references.
//!
//! Many bodies reach the same schema. It is compared once, without the references in it, and what is found is kept without
//! its place. Each body then reports the findings of all segments that it reaches, each with the shortest path. The cost of
//! a body therefore grows with the number of references that it reaches, not with the size of their schemas.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    ptr,
};

use serde_json::Value;

use super::{pair::SchemaPair, without_wrapper};
use crate::spec::diff::{
    contract::{Compared, Frame, Origin, Root},
    finding::Draft,
    node::Pair,
    recorder::Recorder,
    rules::SchemaPosition,
};

/// The two schemas of a segment, by their addresses, and their use.
type Identity = (*const Value, *const Value, SchemaPosition, bool);

/// The segments that were compared so far.
#[derive(Debug, Default)]
pub(in crate::spec::diff) struct Segments {
    ids: HashMap<Identity, usize>,
    list: Vec<Segment>,
}

impl Segments {
    /// Returns the compared schemas of each segment.
    pub(in crate::spec::diff) fn into_compared(self) -> Vec<Vec<Compared>> {
        self.list.into_iter().map(|segment| segment.compared).collect()
    }

    /// Returns the id of a segment, and adds it to `pending` if it is new.
    fn id<'a>(&mut self, pair: SchemaPair<'a>, pending: &mut Vec<(usize, SchemaPair<'a>)>) -> usize {
        let Pair { base, revision } = &pair.nodes;
        let identity = (ptr::from_ref(base.value), ptr::from_ref(revision.value), pair.position, pair.typed);
        let next = self.list.len();
        let id = *self.ids.entry(identity).or_insert(next);
        if id == next {
            // A body that contains itself is compared once, not once as a body and once as a property.
            let within = (identity.0, identity.1, pair.position.within(), pair.typed);
            self.list.push(Segment { within, ..Segment::new() });
            pending.push((id, pair));
        }
        id
    }
}

/// Two schemas without what references in them lead to.
#[derive(Debug)]
struct Segment {
    within: Identity,
    /// The compared pairs of schemas. The first one is that of the segment itself.
    compared: Vec<Compared>,
    /// The findings, each with the index of its pair.
    drafts: Vec<(usize, Draft)>,
    children: Vec<Child>,
}

impl Segment {
    const fn new() -> Self {
        let within = (ptr::null(), ptr::null(), SchemaPosition::RequestBody, false);
        Self { within, compared: Vec::new(), drafts: Vec::new(), children: Vec::new() }
    }
}

/// A segment that another one refers to.
#[derive(Debug)]
struct Child {
    /// The index of the pair that contains the reference.
    pair: usize,
    /// The path of the reference within its segment.
    subject: String,
    /// The findings about the reference itself: whether the property is read-only.
    drafts: Vec<Draft>,
    segment: usize,
}

/// Compares two schemas and every schema that references in them reach.
pub(super) fn compare(recorder: &mut Recorder, root: SchemaPair, subject: &str) {
    let (position, typed) = (root.position, root.typed);
    let root = SchemaPair { nodes: without_wrappers(root.nodes), ..root };
    let drafts = recorder.drafts_of(|recorder| root.compare_flags(recorder));
    let mut pending = Vec::new();
    let first = recorder.segments.id(root, &mut pending);
    while let Some((id, pair)) = pending.pop() {
        let segment = compare_segment(recorder, pair, &mut pending);
        let within = recorder.segments.list[id].within;
        recorder.segments.list[id] = Segment { within, ..segment };
    }
    let (findings, frame) = (recorder.findings.len(), recorder.frames.len());
    report(recorder, first, &drafts, subject);
    if recorder.findings.len() == findings {
        recorder.frames.truncate(frame);
    } else {
        let (operation, findings) = (recorder.operation.clone(), findings..recorder.findings.len());
        recorder.roots.push(Root { frame, position, typed, operation, findings });
    }
}

fn compare_segment<'a>(
    recorder: &mut Recorder,
    first: SchemaPair<'a>,
    new: &mut Vec<(usize, SchemaPair<'a>)>,
) -> Segment {
    let mut segment = Segment::new();
    let mut pending = vec![first];
    while let Some(mut pair) = pending.pop() {
        pair.nodes = without_wrappers(pair.nodes);
        let flags = |recorder: &mut Recorder| {
            // Those of the first pair are the findings of whoever refers to it.
            if pair.parent.is_some() {
                pair.compare_flags(recorder);
            }
        };
        let mut drafts = recorder.drafts_of(flags);
        if let Some(parent) = pair.parent
            && (pair.nodes.base.shared || pair.nodes.revision.shared)
        {
            let subject = std::mem::take(&mut pair.subject);
            for draft in &mut drafts {
                draft.subject.clear();
            }
            let child = SchemaPair { property: None, parent: None, ..pair };
            let child = Child { pair: parent, subject, drafts, segment: recorder.segments.id(child, new) };
            segment.children.push(child);
            continue;
        }
        let index = segment.compared.len();
        pair.index = index;
        let (base, revision) = (pair.nodes.base.at.clone(), pair.nodes.revision.at.clone());
        segment.compared.push(Compared {
            base,
            revision,
            subject: pair.subject.clone(),
            parent: pair.parent,
        });
        let mut within = Vec::new();
        drafts.splice(0..0, recorder.drafts_of(|recorder| pair.compare(recorder, &mut within)));
        segment.drafts.extend(drafts.into_iter().map(|draft| (index, draft)));
        pending.extend(within.into_iter().rev());
    }
    segment
}

fn without_wrappers(pair: Pair) -> Pair {
    Pair { base: without_wrapper(pair.base), revision: without_wrapper(pair.revision) }
}

/// Reports the findings of all segments that are reached, the nearest first.
fn report(recorder: &mut Recorder, first: usize, drafts: &[Draft], subject: &str) {
    let Recorder { segments, frames, findings, origins, operation, .. } = recorder;
    let operation = operation.as_deref();
    let list = &segments.list;
    let mut visited = HashSet::from([list[first].within]);
    let mut queue = VecDeque::from([(first, None, drafts, subject.to_owned())]);
    while let Some((id, parent, drafts, prefix)) = queue.pop_front() {
        let (segment, frame) = (&list[id], frames.len());
        let own = segment.drafts.iter().map(|(pair, draft)| (*pair, draft));
        for (pair, draft) in drafts.iter().map(|draft| (0, draft)).chain(own) {
            findings.push(draft.finding(operation, &prefix));
            origins.push(Some(Origin { frame, pair }));
        }
        for child in &segment.children {
            if visited.insert(list[child.segment].within) {
                let parent = Some(Origin { frame, pair: child.pair });
                queue.push_back((
                    child.segment,
                    parent,
                    child.drafts.as_slice(),
                    format!("{prefix}{}", child.subject),
                ));
            }
        }
        frames.push(Frame { segment: id, subject: prefix, parent });
    }
}
