//! Which alternative of one list is which of the other. They have no names, so they are known by what they say.

use std::collections::BTreeMap;

use super::Digests;
use crate::spec::diff::node::{Pair, ResolvedNode};

/// Alternatives of two lists.
#[derive(Debug)]
pub(super) struct Matches<'a> {
    pub(super) removed: Vec<ResolvedNode<'a>>,
    pub(super) added: Vec<ResolvedNode<'a>>,
    /// Each with its index in the old list.
    pub(super) both: Vec<(usize, Pair<'a>)>,
}

/// How to know an alternative again, from the surest to the least sure: it says the same; it has a title; it alone is of
/// its type; it is a component of the same name and type; it alone is left.
const MATCHERS: [Matcher; 5] = [
    |node, shapes| Some(shapes.shallow(node).to_string()),
    |node, _| Some(node.text("title").to_owned()).filter(|title| !title.is_empty()),
    |node, _| Some(node.text("type").to_owned()),
    |node, _| node.shared.then(|| format!("{} {}", node.text("type"), node.at.as_str())),
    |_, _| Some(String::new()),
];

type Matcher = fn(&ResolvedNode, &mut Digests) -> Option<String>;

type Indexed<'a> = Vec<(usize, ResolvedNode<'a>)>;

pub(super) fn matches<'a>(
    base: Vec<ResolvedNode<'a>>,
    revision: Vec<ResolvedNode<'a>>,
    shapes: &mut Digests,
) -> Matches<'a> {
    let mut before: Indexed = base.into_iter().enumerate().collect();
    let mut after: Indexed = revision.into_iter().enumerate().collect();
    let mut both = Vec::new();
    for (sureness, mark) in MATCHERS.into_iter().enumerate() {
        if before.is_empty() || after.is_empty() {
            break;
        }
        let mut bases = grouped(std::mem::take(&mut before), mark, shapes);
        let mut revisions = grouped(std::mem::take(&mut after), mark, shapes);
        for (key, one) in &mut bases {
            let Some(other) = revisions.get_mut(key).filter(|_| key.is_some()) else { continue };
            // Of several that say the same any will do; another mark must be one of a kind.
            if sureness == 0 || (one.len() == 1 && other.len() == 1) {
                let count = one.len().min(other.len());
                for ((index, base), (_, revision)) in one.drain(..count).zip(other.drain(..count)) {
                    both.push((index, Pair { base, revision }));
                }
            }
        }
        before = unmatched(bases);
        after = unmatched(revisions);
    }
    both.sort_by_key(|(index, _)| *index);
    let nodes = |left: Indexed<'a>| left.into_iter().map(|(_, node)| node).collect();
    Matches { removed: nodes(before), added: nodes(after), both }
}

fn grouped<'a>(
    nodes: Indexed<'a>,
    mark: Matcher,
    shapes: &mut Digests,
) -> BTreeMap<Option<String>, Indexed<'a>> {
    let mut groups: BTreeMap<_, Indexed> = BTreeMap::new();
    for (index, node) in nodes {
        groups.entry(mark(&node, shapes)).or_default().push((index, node));
    }
    groups
}

fn unmatched(groups: BTreeMap<Option<String>, Indexed>) -> Indexed {
    let mut left: Indexed = groups.into_values().flatten().collect();
    left.sort_by_key(|(index, _)| *index);
    left
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn pairs(base: &Value, revision: &Value, expected: &[(usize, &str)]) {
        let items = |list| ResolvedNode::root(list).items();
        let matches = matches(items(base), items(revision), &mut Digests::default());
        let found: Vec<_> =
            matches.both.iter().map(|(index, pair)| (*index, pair.revision.at.as_str())).collect();
        assert_eq!(found, expected);
        assert_eq!(matches.removed.len() + found.len(), base.as_array().unwrap().len());
        assert_eq!(matches.added.len() + found.len(), revision.as_array().unwrap().len());
    }

    #[test]
    fn equal_ones_are_matched_first_wherever_they_stand() {
        let base = json!([{"type": "string", "enum": ["a"]}, {"type": "string"}, {"type": "string"}]);
        let revision = json!([{"type": "string"}, {"type": "string", "enum": ["a", "b"]}, {"type": "string", "title": "t"}]);
        pairs(&base, &revision, &[(0, "/1"), (1, "/0"), (2, "/2")]);
    }

    #[test]
    fn a_type_that_is_one_of_a_kind_is_a_mark() {
        let base = json!([{"type": "string", "maxLength": 1}, {"type": "integer", "maximum": 1}]);
        let revision = json!([{"type": "integer"}, {"type": "object"}, {"type": "string"}]);
        pairs(&base, &revision, &[(0, "/2"), (1, "/0")]);
    }

    #[test]
    fn what_cannot_be_told_apart_is_not_guessed() {
        let base = json!([{"type": "object", "maxProperties": 1}, {"type": "object", "maxProperties": 2}]);
        let revision =
            json!([{"type": "object", "maxProperties": 3}, {"type": "object", "maxProperties": 4}]);
        pairs(&base, &revision, &[]);
    }
}
