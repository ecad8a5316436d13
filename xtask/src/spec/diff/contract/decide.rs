//! Correcting the levels of findings by what the schemas mean as a whole.

use std::{collections::HashMap, ops::Range};

use super::{
    key::Key,
    reason::MAX_REASONS,
    relation::{Answer, Question, Relation, Relations},
};
use crate::{
    json::Pointer,
    spec::diff::{
        finding::{Finding, Values},
        node::Pair,
        notation::Notation,
        rules::{Direction, DocumentChange, SchemaPosition},
        severity::WireLevel,
    },
};

/// Two schemas that were compared.
#[derive(Debug)]
pub(in crate::spec::diff) struct Compared {
    pub(in crate::spec::diff) base: Pointer,
    pub(in crate::spec::diff) revision: Pointer,
    /// The path within the segment.
    pub(in crate::spec::diff) subject: String,
    pub(in crate::spec::diff) notation: Notation,
    /// The index of the two schemas that contain these, in the same segment.
    pub(in crate::spec::diff) parent: Option<usize>,
}

/// A segment as a body, parameter or header reaches it.
#[derive(Debug)]
pub(in crate::spec::diff) struct Frame {
    pub(in crate::spec::diff) segment: usize,
    /// The path to the segment.
    pub(in crate::spec::diff) subject: String,
    /// The schemas that refer to the segment.
    pub(in crate::spec::diff) parent: Option<Origin>,
}

/// The schemas that a finding is about: the frame, and their index in the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::spec::diff) struct Origin {
    pub(in crate::spec::diff) frame: usize,
    pub(in crate::spec::diff) pair: usize,
}

/// The schemas of a body, parameter or header, with the findings about them.
#[derive(Debug)]
pub(in crate::spec::diff) struct Root {
    pub(in crate::spec::diff) frame: usize,
    pub(in crate::spec::diff) position: SchemaPosition,
    pub(in crate::spec::diff) operation: Option<String>,
    pub(in crate::spec::diff) findings: Range<usize>,
}

impl Root {
    fn origin(&self) -> Origin {
        Origin { frame: self.frame, pair: 0 }
    }
}

/// The findings of a comparison, each with the schemas that it is about.
#[derive(Debug)]
pub(in crate::spec::diff) struct Found {
    pub(in crate::spec::diff) findings: Vec<Finding>,
    pub(in crate::spec::diff) origins: Vec<Option<Origin>>,
    pub(in crate::spec::diff) segments: Vec<Vec<Compared>>,
    pub(in crate::spec::diff) frames: Vec<Frame>,
    pub(in crate::spec::diff) roots: Vec<Root>,
}

/// The answers about two schemas.
#[derive(Clone, Copy, Debug)]
struct Decision {
    same: bool,
    answer: Answer,
}

/// Decides the questions about the schemas of one comparison.
struct Judge<'a, 'b> {
    document: &'b Pair<'a>,
    segments: &'b [Vec<Compared>],
    frames: &'b [Frame],
    relations: Relations<'a>,
    /// The decisions about the schemas, by their segment and index.
    known: HashMap<(usize, usize, Relation), Decision>,
}

/// Returns the findings with the levels that the schemas as a whole give them.
///
/// A finding is dropped if the schemas around it mean the same. Its level is lowered if the schemas around it
/// fit. A finding is added if the schemas of a body do not fit and no other finding says so.
pub(in crate::spec::diff) fn decide(document: &Pair, found: Found) -> Vec<Finding> {
    let Found { findings, origins, segments, frames, roots } = found;
    let (relations, known) = (Relations::default(), HashMap::new());
    let mut judge = Judge { document, segments: &segments, frames: &frames, relations, known };
    let mut decided = Vec::with_capacity(findings.len());
    let mut remaining = findings.into_iter().zip(origins).enumerate().peekable();
    for root in &roots {
        while let Some((_, (finding, _))) = remaining.next_if(|(index, _)| *index < root.findings.start) {
            decided.push(finding);
        }
        let mut within = Vec::new();
        while let Some((_, found)) = remaining.next_if(|(index, _)| *index < root.findings.end) {
            within.push(found);
        }
        decided.extend(judge.root(root, within));
    }
    decided.extend(remaining.map(|(_, (finding, _))| finding));
    decided
}

impl Judge<'_, '_> {
    fn compared(&self, origin: Origin) -> &Compared {
        &self.segments[self.frames[origin.frame].segment][origin.pair]
    }

    /// Returns the schemas that contain others.
    fn parent(&self, origin: Origin) -> Option<Origin> {
        let parent = self.compared(origin).parent.map(|pair| Origin { pair, ..origin });
        parent.or(self.frames[origin.frame].parent)
    }

    fn root(&mut self, root: &Root, found: Vec<(Finding, Option<Origin>)>) -> Vec<Finding> {
        if found.iter().all(|(finding, _)| is_annotation(&finding.rule.id)) {
            return found.into_iter().map(|(finding, _)| finding).collect();
        }
        let whole = self.decision(root, root.origin());
        let mut decided: Vec<_> =
            found.into_iter().filter_map(|(finding, origin)| self.corrected(root, finding, origin)).collect();
        let worst = decided.iter().filter(|f| !is_annotation(&f.rule.id)).map(|f| f.wire).max();
        let level = level(whole.answer);
        if !whole.same && level > worst.unwrap_or_default().max(WireLevel::Info) {
            decided.push(self.unexplained(root, level));
        }
        decided
    }

    /// Returns the finding with its level. Returns `None` if there is no change.
    fn corrected(&mut self, root: &Root, mut finding: Finding, origin: Option<Origin>) -> Option<Finding> {
        if is_annotation(&finding.rule.id) {
            return Some(finding);
        }
        if finding.rule.id.ends_with("-alternatives-rewritten") {
            let disjoint = origin.is_some_and(|origin| self.has_disjoint_alternatives(origin));
            return Some(finding).filter(|_| !disjoint);
        }
        let mut origin = origin;
        while let Some(schemas) = origin {
            let decision = self.decision(root, schemas);
            if decision.same && !is_kept(&finding.rule.id) {
                return None;
            }
            let highest =
                if decision.answer == Answer::Unknown { WireLevel::Err } else { level(decision.answer) };
            finding.cap(highest, reason(root.position.direction(), decision.answer));
            origin = self.parent(schemas);
        }
        Some(finding)
    }

    /// Returns `true` if no value matches two alternatives of a `oneOf`. Then it means the same as `anyOf`.
    fn has_disjoint_alternatives(&mut self, origin: Origin) -> bool {
        let schemas = self.compared(origin);
        let nodes = [self.document.base.at(&schemas.base), self.document.revision.at(&schemas.revision)];
        nodes.into_iter().all(|node| {
            let Some(node) = node else { return false };
            let items = node.items_of("oneOf").into_iter();
            let keys: Vec<_> = items.map(|item| self.relations.key(item)).collect();
            self.relations.are_disjoint(&keys)
        })
    }

    /// Returns the innermost schemas that have all reasons, so that a reader need not search for them.
    fn innermost(&mut self, root: &Root, level: WireLevel) -> (Origin, Vec<String>) {
        let after = (root.frame + 1..self.frames.len()).find(|frame| self.frames[*frame].parent.is_none());
        let frames = root.frame..after.unwrap_or(self.frames.len());
        let all = frames.flat_map(|frame| {
            (0..self.segments[self.frames[frame].segment].len()).map(move |pair| Origin { frame, pair })
        });
        let mut within: HashMap<Origin, Vec<Origin>> = HashMap::new();
        for origin in all {
            if let Some(parent) = self.parent(origin) {
                within.entry(parent).or_default().push(origin);
            }
        }
        let mut innermost = root.origin();
        let mut reasons = self.reasons(root, innermost, level);
        loop {
            let children = within.remove(&innermost).unwrap_or_default();
            let mut failing =
                children.into_iter().filter(|child| self::level(self.decision(root, *child).answer) >= level);
            // A second child that fails has reasons of its own.
            let (Some(child), None) = (failing.next(), failing.next()) else { return (innermost, reasons) };
            let fewer = self.reasons(root, child, level);
            let is_all = reasons.len() == fewer.len()
                && reasons.len() < MAX_REASONS
                && reasons.iter().zip(&fewer).all(|(one, other)| one.ends_with(other.as_str()));
            if !is_all {
                return (innermost, reasons);
            }
            (innermost, reasons) = (child, fewer);
        }
    }

    /// Returns what the receiver of the schemas does not take.
    fn reasons(&mut self, root: &Root, origin: Origin, level: WireLevel) -> Vec<String> {
        let least = if level == WireLevel::Err { Answer::No } else { Answer::Maybe };
        let Some((receiver, sender)) = self.keys(root, origin) else { return Vec::new() };
        let relation = self.relation(root, origin);
        self.relations.reasons(Question { relation, receiver, sender }, least)
    }

    /// Returns the finding of two schemas that do not fit.
    fn unexplained(&mut self, root: &Root, level: WireLevel) -> Finding {
        let change = match root.position.direction() {
            Direction::Request => DocumentChange::RequestContractNarrowed,
            Direction::Response => DocumentChange::ResponseContractWidened,
        };
        let (origin, reasons) = self.innermost(root, level);
        let schemas = self.compared(origin);
        let at = (schemas.base.clone(), schemas.revision.clone());
        let subject = format!("{}{}", self.frames[origin.frame].subject, schemas.subject);
        let mut finding =
            Finding::new(change.rule(), at, root.operation.as_deref(), &subject, Values::default());
        finding.wire = level;
        finding.because(&reasons);
        finding
    }

    /// Returns the schema of the receiver and that of the sender.
    fn keys(&mut self, root: &Root, origin: Origin) -> Option<(Key, Key)> {
        let schemas = self.compared(origin);
        let nodes = self.document.base.at(&schemas.base).zip(self.document.revision.at(&schemas.revision));
        let (base, revision) = nodes?;
        let (old, new) = (self.relations.key(base), self.relations.key(revision));
        Some(match root.position.direction() {
            Direction::Request => (new, old),
            Direction::Response => (old, new),
        })
    }

    /// Returns the relation of the receiver and the sender.
    fn relation(&self, root: &Root, origin: Origin) -> Relation {
        let direction = root.position.direction();
        let notation = self.compared(origin).notation;
        let list = origin == root.origin()
            && notation == Notation::Text
            && matches!(root.position, SchemaPosition::RequestParameter | SchemaPosition::ResponseHeader);
        Relation::Accepts { direction, notation, list }
    }

    fn decision(&mut self, root: &Root, origin: Origin) -> Decision {
        let relation = self.relation(root, origin);
        let identity = (self.frames[origin.frame].segment, origin.pair, relation);
        if let Some(known) = self.known.get(&identity) {
            return *known;
        }
        let decision = match self.keys(root, origin) {
            Some((receiver, sender)) => {
                let mut ask = |relation| self.relations.answer(Question { relation, receiver, sender });
                Decision { same: ask(Relation::Same) == Answer::Yes, answer: ask(relation) }
            }
            None => Decision { same: false, answer: Answer::Unknown },
        };
        self.known.insert(identity, decision);
        decision
    }
}

fn level(answer: Answer) -> WireLevel {
    match answer {
        Answer::Yes => WireLevel::Info,
        Answer::Maybe | Answer::Unknown => WireLevel::Warn,
        Answer::No => WireLevel::Err,
    }
}

/// Returns why a finding has a lower level than its rule.
fn reason(direction: Direction, answer: Answer) -> &'static str {
    match (direction, answer) {
        (Direction::Request, Answer::Yes) => "the new schema as a whole accepts what the old one allows",
        (Direction::Response, Answer::Yes) => "the old schema as a whole accepts what the new one allows",
        _ => "the schemas as a whole may still fit",
    }
}

/// Returns `true` if the rule is about something that does not affect which values are valid.
fn is_annotation(rule: &str) -> bool {
    const RULES: [&str; 7] = [
        "description-changed",
        "title-changed",
        "example-changed",
        "extension-changed",
        "external-docs-changed",
        "xml-changed",
        "other-key-changed",
    ];
    let suffixes = ["-deprecated", "-reactivated"];
    RULES.contains(&rule)
        || rule.contains("-default-value-")
        || suffixes.iter().any(|end| rule.ends_with(end))
}

/// Returns `true` if the change is reported although both schemas mean the same.
fn is_kept(rule: &str) -> bool {
    rule.contains("-discriminator-")
        || ["read-only", "write-only", "-annotation-only"].iter().any(|end| rule.ends_with(end))
}
