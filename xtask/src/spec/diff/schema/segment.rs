//! Compares the parts of schemas between references.
//!
//! Many bodies reach the same schema. It is compared once, without the references in it, and what is found is kept without
//! its place. Each body then reports the findings of all segments that it reaches, each with the shortest path. The cost of
//! a body therefore grows with the number of references that it reaches, not with the size of their schemas.

use std::{
    collections::{HashSet, VecDeque},
    ptr,
};

use super::pair::{SchemaPair, is_annotation};
use crate::spec::diff::{
    contract::{Compared, Frame, Origin, Root},
    finding::Draft,
    node::{Pair, ResolvedNode},
    recorder::Recorder,
    segments::{Child, Identity, Segment},
};

/// Compares two schemas and every schema that references in them reach.
pub(super) fn compare(recorder: &mut Recorder, root: SchemaPair, subject: &str) {
    let (position, typed) = (root.position, root.typed);
    let root = SchemaPair { nodes: without_wrappers(root.nodes), ..root };
    let drafts = recorder.drafts_of(|recorder| root.compare_flags(recorder));
    let mut pending = Vec::new();
    let first = id(recorder, root, &mut pending);
    while let Some((id, pair)) = pending.pop() {
        recorder.segments.list[id] = compare_segment(recorder, pair, &mut pending);
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

fn identity(pair: &SchemaPair) -> Identity {
    let Pair { base, revision } = &pair.nodes;
    (ptr::from_ref(base.value), ptr::from_ref(revision.value), pair.position, pair.typed)
}

/// Returns the id of a segment, and adds it to `pending` if it is new.
fn id<'a>(
    recorder: &mut Recorder,
    pair: SchemaPair<'a>,
    pending: &mut Vec<(usize, SchemaPair<'a>)>,
) -> usize {
    let (id, is_new) = recorder.segments.id(identity(&pair));
    if is_new {
        pending.push((id, pair));
    }
    id
}

fn compare_segment<'a>(
    recorder: &mut Recorder,
    first: SchemaPair<'a>,
    new: &mut Vec<(usize, SchemaPair<'a>)>,
) -> Segment {
    let mut segment = Segment::new(identity(&first));
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
            let child = Child { pair: parent, subject, drafts, segment: id(recorder, child, new) };
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

/// Returns the only part of an `allOf` if the rest of the schema is annotations. Returns any other schema
/// unchanged.
///
/// Many documents wrap a reference in such an `allOf`, because a `$ref` cannot have siblings.
fn without_wrapper(mut node: ResolvedNode) -> ResolvedNode {
    /// More wrappers than any real document has. The limit also ends cycles.
    const MAX_DEPTH: usize = 16;
    for _ in 0..MAX_DEPTH {
        let allowed = |key: &str| key == "allOf" || is_annotation(key);
        let is_wrapper = node
            .object()
            .is_some_and(|object| object.contains_key("allOf") && object.keys().all(|key| allowed(key)));
        let mut parts = node.get("allOf").filter(|_| is_wrapper).map(|list| list.items()).unwrap_or_default();
        match (parts.pop(), parts.is_empty()) {
            (Some(part), true) if part.object().is_some() => {
                let shared = node.shared || part.shared;
                node = part;
                node.shared = shared;
            }
            _ => break,
        }
    }
    node
}
