//! Matching the alternatives of two lists. Alternatives are unnamed, so they are matched by their contents.

use std::collections::BTreeMap;

use super::{digest::Digests, tag::tag};
use crate::spec::diff::node::{Pair, ResolvedNode};

/// The result of matching two lists of alternatives.
#[derive(Debug)]
pub(super) struct Matches<'a> {
    pub(super) removed: Vec<ResolvedNode<'a>>,
    pub(super) added: Vec<ResolvedNode<'a>>,
    /// The matched pairs, each with its indices in the old and in the new list.
    pub(super) both: Vec<([usize; 2], Pair<'a>)>,
}

/// The criteria by which alternatives are matched, from the most to the least reliable.
///
/// In this order: equal digest and component, equal digest and texts, equal digest, equal tag, equal title, only one of its type, same component and type, only one that
/// remains.
const MATCHERS: [Matcher; 8] = [
    |node, digests| node.shared.then(|| format!("{} {}", digests.shallow(node), component(node))),
    |node, digests| Some(format!("{} {:?}", digests.shallow(node), texts(node))),
    |node, digests| Some(digests.shallow(node).to_string()),
    |node, _| tag(node),
    |node, _| Some(node.text("title").to_owned()).filter(|title| !title.is_empty()),
    |node, _| Some(node.types().join(" ")),
    |node, _| node.shared.then(|| format!("{} {}", node.types().join(" "), node.at.as_str())),
    |_, _| Some(String::new()),
];

/// A criterion: two alternatives match if it returns the same text for both.
type Matcher = fn(&ResolvedNode, &mut Digests) -> Option<String>;

/// The number of criteria after which alternatives that match are interchangeable. Any other criterion must be unique.
const INTERCHANGEABLE: usize = 3;

type Indexed<'a> = Vec<(usize, ResolvedNode<'a>)>;

/// Matches the alternatives of the old list with those of the new list.
pub(super) fn matches<'a>(
    base: Vec<ResolvedNode<'a>>,
    revision: Vec<ResolvedNode<'a>>,
    digests: &mut Digests,
) -> Matches<'a> {
    let mut before: Indexed = base.into_iter().enumerate().collect();
    let mut after: Indexed = revision.into_iter().enumerate().collect();
    let mut both = Vec::new();
    for (rank, matcher) in MATCHERS.into_iter().enumerate() {
        if before.is_empty() || after.is_empty() {
            break;
        }
        let mut bases = grouped(std::mem::take(&mut before), matcher, digests);
        let mut revisions = grouped(std::mem::take(&mut after), matcher, digests);
        for (group, one) in &mut bases {
            let Some(other) = revisions.get_mut(group).filter(|_| group.is_some()) else { continue };
            if rank < INTERCHANGEABLE || (one.len() == 1 && other.len() == 1) {
                let count = one.len().min(other.len());
                for ((old, base), (new, revision)) in one.drain(..count).zip(other.drain(..count)) {
                    both.push(([old, new], Pair { base, revision }));
                }
            }
        }
        before = unmatched(bases);
        after = unmatched(revisions);
    }
    both.sort_by_key(|([index, _], _)| *index);
    let nodes = |remaining: Indexed<'a>| remaining.into_iter().map(|(_, node)| node).collect();
    Matches { removed: nodes(before), added: nodes(after), both }
}

/// Returns the name of the component that a reference leads to.
fn component<'n>(node: &'n ResolvedNode) -> &'n str {
    node.at.as_str().rsplit('/').next().unwrap_or_default()
}

/// Returns the annotations that distinguish schemas with the same values.
fn texts<'n>(node: &'n ResolvedNode) -> [&'n str; 2] {
    [node.text("title"), node.text("description")]
}

fn grouped<'a>(
    nodes: Indexed<'a>,
    matcher: Matcher,
    digests: &mut Digests,
) -> BTreeMap<Option<String>, Indexed<'a>> {
    let mut groups: BTreeMap<_, Indexed> = BTreeMap::new();
    for (index, node) in nodes {
        groups.entry(matcher(&node, digests)).or_default().push((index, node));
    }
    groups
}

fn unmatched(groups: BTreeMap<Option<String>, Indexed>) -> Indexed {
    let mut remaining: Indexed = groups.into_values().flatten().collect();
    remaining.sort_by_key(|(index, _)| *index);
    remaining
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn assert_matches(base: &Value, revision: &Value, expected: &[(usize, &str)]) {
        let items = |list| ResolvedNode::root(list).items();
        let matches = matches(items(base), items(revision), &mut Digests::default());
        let found: Vec<_> =
            matches.both.iter().map(|([index, _], pair)| (*index, pair.revision.at.as_str())).collect();
        assert_eq!(found, expected);
        assert_eq!(matches.removed.len() + found.len(), base.as_array().unwrap().len());
        assert_eq!(matches.added.len() + found.len(), revision.as_array().unwrap().len());
    }

    #[test]
    fn equal_alternatives_are_matched_first_in_any_order() {
        let base = json!([{"type": "string", "enum": ["a"]}, {"type": "string"}, {"type": "string"}]);
        let revision = json!([{"type": "string"}, {"type": "string", "enum": ["a", "b"]}, {"type": "string", "title": "t"}]);
        assert_matches(&base, &revision, &[(0, "/1"), (1, "/0"), (2, "/2")]);
    }

    #[test]
    fn equal_alternatives_are_matched_by_their_texts() {
        let titled = |title: &str| json!({"type": "string", "title": title});
        let described = |text: &str| json!({"type": "string", "description": text});
        let base = json!([titled("a"), titled("b"), described("c"), described("d")]);
        let revision = json!([described("d"), titled("b"), described("e"), titled("a")]);
        assert_matches(&base, &revision, &[(0, "/3"), (1, "/1"), (2, "/2"), (3, "/0")]);
    }

    #[test]
    fn alternatives_with_unique_type_are_matched_by_type() {
        let base = json!([{"type": "string", "maxLength": 1}, {"type": "integer", "maximum": 1}]);
        let revision = json!([{"type": "integer"}, {"type": "object"}, {"type": "string"}]);
        assert_matches(&base, &revision, &[(0, "/2"), (1, "/0")]);
    }

    #[test]
    fn alternatives_are_matched_by_tag_before_type() {
        let tagged = |word: &str, other: &str| {
            json!({"type": "object", "required": ["k"],
                "properties": {"k": {"type": "string", "enum": [word]}, other: {}}})
        };
        let base = json!([tagged("a", "x"), tagged("b", "x")]);
        let revision = json!([tagged("c", "y"), tagged("b", "y"), tagged("a", "y")]);
        assert_matches(&base, &revision, &[(0, "/2"), (1, "/1")]);
    }

    #[test]
    fn ambiguous_alternatives_are_not_matched() {
        let base = json!([{"type": "object", "maxProperties": 1}, {"type": "object", "maxProperties": 2}]);
        let revision =
            json!([{"type": "object", "maxProperties": 3}, {"type": "object", "maxProperties": 4}]);
        assert_matches(&base, &revision, &[]);
    }
}
