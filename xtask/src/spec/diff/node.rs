//! A place in a document, with references followed: where a thing is written makes no difference to what it says.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use crate::json::{Object, Pointer};

/// How many references may lead to references. A circle of them leads nowhere, and says nothing.
const HOPS: usize = 64;

/// A document, or one part of it.
#[derive(Clone, Debug)]
pub(super) struct ResolvedNode<'a> {
    document: &'a Value,
    pub(super) value: &'a Value,
    pub(super) at: Pointer,
    /// Whether a reference led here, so that others may come by it too.
    pub(super) shared: bool,
}

impl<'a> ResolvedNode<'a> {
    pub(super) fn root(document: &'a Value) -> Self {
        Self { document, value: document, at: Pointer::default(), shared: false }
    }

    /// The member or item, wherever a reference leads from there.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        Some(self.below(key, self.value.get(key)?))
    }

    /// The members of an object, sorted by key, references followed.
    pub(super) fn members(&self) -> Vec<(&'a String, Self)> {
        let mut members: Vec<_> = self.object().into_iter().flatten().collect();
        members.sort_by_key(|(key, _)| *key);
        members.into_iter().map(|(key, value)| (key, self.below(key, value))).collect()
    }

    /// The members of a member; none where it is no object.
    pub(super) fn members_of(&self, key: &str) -> Vec<(&'a String, Self)> {
        self.get(key).map(|object| object.members()).unwrap_or_default()
    }

    /// The items of a member; none where it is no list.
    pub(super) fn items_of(&self, key: &str) -> Vec<Self> {
        self.get(key).map(|list| list.items()).unwrap_or_default()
    }

    /// The items of a list, references followed.
    pub(super) fn items(&self) -> Vec<Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(|(index, value)| self.below(index, value)).collect()
    }

    /// Returns the path items of a document by their paths.
    pub(super) fn path_items(&self) -> BTreeMap<String, Self> {
        let paths = self.members_of("paths").into_iter().filter(|(path, _)| path.starts_with('/'));
        paths.map(|(path, item)| (path.clone(), item)).collect()
    }

    pub(super) fn object(&self) -> Option<&'a Object> {
        self.value.as_object()
    }

    /// The text of a member; empty where there is none.
    pub(super) fn text(&self, key: &str) -> &'a str {
        self.value.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether a member is `true`.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.value.get(key) == Some(&Value::Bool(true))
    }

    fn below(&self, token: impl fmt::Display, value: &'a Value) -> Self {
        let mut node = Self { document: self.document, value, at: self.at.child(token), shared: false };
        for _ in 0..HOPS {
            let Some(target) = node.target() else { return node };
            node = target;
        }
        Self { value: &Value::Null, ..node }
    }

    fn target(&self) -> Option<Self> {
        let reference = self.value.get("$ref")?.as_str()?;
        let at = Pointer::of_reference(reference)?;
        let value = self.document.pointer(at.as_str())?;
        Some(Self { document: self.document, value, at, shared: true })
    }
}

/// The same thing in the old document and in the new one.
#[derive(Clone, Debug)]
pub(super) struct Pair<'a> {
    pub(super) base: ResolvedNode<'a>,
    pub(super) revision: ResolvedNode<'a>,
}

/// What became of the members of two objects, or of the items of two lists.
#[derive(Debug)]
pub(super) struct Matched<'a, K> {
    pub(super) removed: Vec<(K, ResolvedNode<'a>)>,
    pub(super) added: Vec<(K, ResolvedNode<'a>)>,
    pub(super) both: Vec<(K, Pair<'a>)>,
}

/// Pairs by key. Of several with one key the last counts, as it does in JSON.
pub(super) fn matched<'a, K: Ord + Clone>(
    base: impl IntoIterator<Item = (K, ResolvedNode<'a>)>,
    revision: impl IntoIterator<Item = (K, ResolvedNode<'a>)>,
) -> Matched<'a, K> {
    let base: BTreeMap<K, ResolvedNode> = base.into_iter().collect();
    let mut revision: BTreeMap<K, ResolvedNode> = revision.into_iter().collect();
    let mut matched = Matched { removed: Vec::new(), added: Vec::new(), both: Vec::new() };
    for (key, base) in base {
        match revision.remove(&key) {
            Some(revision) => matched.both.push((key, Pair { base, revision })),
            None => matched.removed.push((key, base)),
        }
    }
    matched.added = revision.into_iter().collect();
    matched
}

impl<'a> Pair<'a> {
    /// A member that both have.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        Some(Self { base: self.base.get(key)?, revision: self.revision.get(key)? })
    }

    /// A member that may be missing on either side.
    pub(super) fn sides(&self, key: &str) -> (Option<ResolvedNode<'a>>, Option<ResolvedNode<'a>>) {
        (self.base.get(key), self.revision.get(key))
    }

    /// What both say as a flag.
    pub(super) fn flags(&self, key: &str) -> (bool, bool) {
        (self.base.flag(key), self.revision.flag(key))
    }

    /// The members of an object that only one side may have.
    pub(super) fn members_of(&self, key: &str) -> Matched<'a, &'a String> {
        matched(self.base.members_of(key), self.revision.members_of(key))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reference_is_what_it_leads_to() {
        let document = json!({"a": {"$ref": "#/b"}, "b": {"$ref": "#/c~1d"}, "c/d": {"e": 1}});
        let node = ResolvedNode::root(&document).get("a").unwrap();
        assert_eq!((node.at.as_str(), node.value), ("/c~1d", &json!({"e": 1})));
    }

    #[test]
    fn a_circle_of_references_says_nothing() {
        let document = json!({"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}});
        assert_eq!(ResolvedNode::root(&document).get("a").unwrap().value, &json!(null));
    }

    #[test]
    fn a_reference_to_nowhere_stays_what_it_is() {
        let document = json!({"a": {"$ref": "other.json#/b"}});
        assert_eq!(ResolvedNode::root(&document).get("a").unwrap().at.as_str(), "/a");
    }
}
