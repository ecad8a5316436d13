//! Compares the parts of schemas between references.
//!
//! Many bodies reach the same schema. It is compared once, without the references in it, and what is found is kept without
//! its place. Each body then reports the findings of all segments that it reaches, each with the shortest path. The cost of
//! a body therefore grows with the number of references that it reaches, not with the size of their schemas.

use std::{
    collections::{HashSet, VecDeque},
    ptr,
};

use serde_json::Value;

use super::{
    pair::{SchemaPair, is_annotation},
    parts::{ALL_OF, single_part, wrap_the_same},
};
use crate::spec::diff::{
    contract::{Compared, Frame, Origin, Root},
    finding::Draft,
    node::{Pair, ResolvedNode},
    recorder::Recorder,
    segments::{Child, Identity, Segment},
};

/// The flags that mean nothing if they are `false`.
const FLAGS: [&str; 4] = ["nullable", "deprecated", "readOnly", "writeOnly"];

/// Compares two schemas and every schema that references in them reach.
pub(super) fn compare(recorder: &mut Recorder, mut root: SchemaPair, subject: &str) {
    let position = root.position;
    let drafts = recorder.drafts_of(|recorder| {
        root.subject.push_str(position.of_annotations());
        unwrap(&mut root, recorder);
        root.compare_flags(recorder);
        root.subject.clear();
    });
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
        recorder.roots.push(Root { frame, position, operation, findings });
    }
}

fn identity(pair: &SchemaPair) -> Identity {
    let Pair { base, revision } = &pair.nodes;
    (ptr::from_ref(base.value), ptr::from_ref(revision.value), pair.position, pair.notation)
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
        if let Some(parent) = pair.parent {
            let drafts = recorder.drafts_of(|recorder| unwrap(&mut pair, recorder));
            segment.drafts.extend(drafts.into_iter().map(|draft| (parent, draft)));
        }
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
            notation: pair.notation,
            parent: pair.parent,
        });
        let mut within = Vec::new();
        drafts.splice(0..0, recorder.drafts_of(|recorder| pair.compare(recorder, &mut within)));
        segment.drafts.extend(drafts.into_iter().map(|draft| (index, draft)));
        pending.extend(within.into_iter().rev());
    }
    segment
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

/// Replaces each schema that is an `allOf` of one part by that part, and reports the changed annotations beside the
/// `allOf`. A schema that is not wrapped is compared with the wrapper itself. Two wrappers of the same part stay if only one of
/// them has more than annotations beside it.
///
/// Many documents wrap a reference in such an `allOf`, because a `$ref` cannot have siblings.
fn unwrap(pair: &mut SchemaPair, recorder: &mut Recorder) {
    // A cycle of wrappers ends where it began.
    let mut visited = HashSet::new();
    loop {
        let Pair { base, revision } = &pair.nodes;
        let parts = [only_part(base), only_part(revision)];
        let is_new = visited.insert((ptr::from_ref(base.value), ptr::from_ref(revision.value)));
        let missing = parts.iter().filter(|part| part.is_none()).count();
        if !is_new || missing == 2 || (missing == 1 && wrap_the_same(&pair.nodes, &mut recorder.digests)) {
            return;
        }
        let wrappers: Vec<_> =
            [base, revision].into_iter().zip(&parts).filter(|(_, part)| part.is_some()).collect();
        pair.report_others(recorder, |key| wrappers.iter().any(|(node, _)| node.value.get(key).is_some()));
        let [base, revision] = parts;
        pair.nodes.base = base.unwrap_or_else(|| pair.nodes.base.clone());
        pair.nodes.revision = revision.unwrap_or_else(|| pair.nodes.revision.clone());
    }
}

/// Returns the only part of an `allOf` if the rest of the schema is annotations and flags that are not set.
fn only_part<'a>(node: &ResolvedNode<'a>) -> Option<ResolvedNode<'a>> {
    let is_unset = |key: &str| FLAGS.contains(&key) && node.value.get(key) == Some(&Value::Bool(false));
    let is_ignored = |key: &String| key == ALL_OF || is_annotation(key) || is_unset(key);
    node.object()?.keys().all(is_ignored).then(|| single_part(node))?
}
