//! Nodes of a document with references resolved, so that moving a value behind a reference is not a change.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    rc::Rc,
};

use serde_json::Value;

use crate::{
    json::{Object, Pointer},
    spec::traverse::METHODS,
};

/// The maximum number of references to follow from one value. A cycle of references resolves to `null`.
const MAX_REFERENCES: usize = 64;

/// The depth to which the parts of a schema are searched.
pub(super) const MAX_DEPTH: usize = 8;

/// A document with the targets of its references. An operation reaches most references of a document, so they are resolved
/// once.
#[derive(Debug)]
struct Source<'a> {
    root: &'a Value,
    /// What the paths begin with, if the servers of the other document contain it.
    prefix: String,
    targets: HashMap<&'a str, Target<'a>>,
}

type Target<'a> = (Pointer, &'a Value);

impl<'a> Source<'a> {
    fn new(root: &'a Value, prefix: String) -> Self {
        let mut targets = HashMap::new();
        let mut pending = vec![root];
        while let Some(value) = pending.pop() {
            match value {
                Value::Object(members) => pending.extend(members.values()),
                Value::Array(items) => pending.extend(items),
                _ => continue,
            }
            if let Some(reference) = reference(value)
                && !targets.contains_key(reference)
                && let Some(target) = resolve(root, reference)
            {
                targets.insert(reference, target);
            }
        }
        Self { root, prefix, targets }
    }
}

fn reference(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()
}

/// Follows a chain of references. A reference that leads nowhere is no reference.
fn resolve<'a>(root: &'a Value, first: &'a str) -> Option<Target<'a>> {
    let mut found = None;
    let mut next = Some(first);
    for _ in 0..MAX_REFERENCES {
        let target = next.and_then(|reference| {
            let at = Pointer::of_reference(reference)?;
            let value = root.pointer(at.as_str())?;
            Some((at, value))
        });
        let Some((at, value)) = target else { return found };
        next = reference(value);
        found = Some((at, value));
    }
    found.map(|(at, _)| (at, &Value::Null))
}

/// A document, or one part of it with its reference resolved.
#[derive(Clone, Debug)]
pub(super) struct ResolvedNode<'a> {
    source: Rc<Source<'a>>,
    pub(super) value: &'a Value,
    /// The pointer of the value, after resolving the reference.
    pub(super) at: Pointer,
    /// `true` if the node was reached through a reference, so other references may reach it too.
    pub(super) shared: bool,
}

impl<'a> ResolvedNode<'a> {
    #[cfg(test)]
    pub(super) fn root(document: &'a Value) -> Self {
        Self::with_prefix(document, String::new())
    }

    /// Returns a document whose paths begin with what the servers of the other document contain.
    pub(super) fn with_prefix(document: &'a Value, prefix: String) -> Self {
        let source = Rc::new(Source::new(document, prefix));
        Self { source, value: document, at: Pointer::default(), shared: false }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.source.prefix
    }

    pub(super) fn is_document(&self) -> bool {
        self.at == Pointer::default()
    }

    /// Returns the part of the document at a pointer.
    pub(super) fn at(&self, at: &Pointer) -> Option<Self> {
        let value = self.source.root.pointer(at.as_str())?;
        Some(Self { source: Rc::clone(&self.source), value, at: at.clone(), shared: false })
    }

    /// Returns a member, with its reference resolved.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        Some(self.child(key, self.value.get(key)?))
    }

    /// Returns the members of an object, sorted by key, with references resolved.
    pub(super) fn members(&self) -> Vec<(&'a String, Self)> {
        let mut members: Vec<_> = self.object().into_iter().flatten().collect();
        members.sort_by_key(|(key, _)| *key);
        members.into_iter().map(|(key, value)| (key, self.child(key, value))).collect()
    }

    /// Returns the members of a member. Returns an empty list if the member is missing or not an object.
    pub(super) fn members_of(&self, key: &str) -> Vec<(&'a String, Self)> {
        self.get(key).map(|object| object.members()).unwrap_or_default()
    }

    /// Returns the items of a member. Returns an empty list if the member is missing or not a list.
    pub(super) fn items_of(&self, key: &str) -> Vec<Self> {
        self.get(key).map(|list| list.items()).unwrap_or_default()
    }

    /// Returns the strings of a member. Returns an empty set if the member is missing or not a list.
    pub(super) fn texts(&self, key: &str) -> BTreeSet<&'a str> {
        let list = self.value.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Returns the items of a list, with references resolved.
    pub(super) fn items(&self) -> Vec<Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(|(index, value)| self.child(index, value)).collect()
    }

    /// Returns the path items of a document by their paths without the prefix, each with the path as written. A path that
    /// does not begin with the prefix gets a second slash, so that it is not taken for another one.
    ///
    /// Paths with servers of their own are kept, because the prefix is part of the servers of the document. If only some
    /// operations of a path have servers, a prefix moves some of its URLs, so the path matches no other one.
    pub(super) fn path_items(&self) -> BTreeMap<String, (&'a String, Self)> {
        let paths = self.members_of("paths").into_iter().filter(|(path, _)| path.starts_with('/'));
        let key = |path: &str, item: &Self| {
            if self.prefix().is_empty() || item.has_servers() == Some(true) {
                return path.to_owned();
            }
            let rest = path.strip_prefix(self.prefix()).filter(|rest| rest.starts_with('/'));
            match rest.filter(|_| item.has_servers().is_some()) {
                Some(rest) => rest.to_owned(),
                None => format!("/{path}"),
            }
        };
        let mut items = BTreeMap::new();
        for (path, item) in paths {
            let mut key = key(path, &item);
            if items.contains_key(&key) {
                key.insert(0, '/');
            }
            items.insert(key, (path, item));
        }
        items
    }

    /// Returns `true` if all operations of a path item have servers of their own. Returns `None` if only some of them have.
    fn has_servers(&self) -> Option<bool> {
        let has = |value: &Value| value.get("servers").is_some();
        if has(self.value) {
            return Some(true);
        }
        let mut operations = METHODS.iter().filter_map(|method| self.value.get(method)).map(has);
        let first = operations.next().unwrap_or_default();
        operations.all(|other| other == first).then_some(first)
    }

    pub(super) fn object(&self) -> Option<&'a Object> {
        self.value.as_object()
    }

    /// Returns the text of a member, or an empty string if the member is missing or not a string.
    pub(super) fn text(&self, key: &str) -> &'a str {
        self.value.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the types of a schema. Without a type, every one is allowed.
    pub(super) fn types(&self) -> Vec<&'a str> {
        match self.value.get("type") {
            Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(name)) => vec![name],
            _ => Vec::new(),
        }
    }

    /// Returns the types of a schema except `null`.
    pub(super) fn types_beside_null(&self) -> Vec<&'a str> {
        let mut types = self.types();
        if types.len() > 1 {
            types.retain(|name| *name != "null");
        }
        types
    }

    /// Returns `true` if a schema names `null` as an allowed value: with `nullable`, or in a list of types.
    pub(super) fn is_nullable(&self) -> bool {
        self.flag("nullable") || self.types().contains(&"null")
    }

    /// Returns `true` if the member is `true`.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.value.get(key) == Some(&Value::Bool(true))
    }

    fn child(&self, token: impl fmt::Display, value: &'a Value) -> Self {
        let source = Rc::clone(&self.source);
        match reference(value).and_then(|reference| self.source.targets.get(reference)) {
            Some((at, value)) => Self { source, value, at: at.clone(), shared: true },
            None => Self { source, value, at: self.at.child(token), shared: false },
        }
    }
}

/// A part of the old document and the corresponding part of the new one.
#[derive(Clone, Debug)]
pub(super) struct Pair<'a> {
    pub(super) base: ResolvedNode<'a>,
    pub(super) revision: ResolvedNode<'a>,
}

/// The members of two objects, or the items of two lists, matched by key.
#[derive(Debug)]
pub(super) struct Matched<'a, K> {
    pub(super) removed: Vec<(K, ResolvedNode<'a>)>,
    pub(super) added: Vec<(K, ResolvedNode<'a>)>,
    pub(super) both: Vec<(K, Pair<'a>)>,
}

/// Matches two lists by key. If a list contains a key several times, its last value counts, as in JSON.
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
    /// Returns a member that exists on both sides.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        Some(Self { base: self.base.get(key)?, revision: self.revision.get(key)? })
    }

    /// Returns a member of each side, if it exists there.
    pub(super) fn sides(&self, key: &str) -> (Option<ResolvedNode<'a>>, Option<ResolvedNode<'a>>) {
        (self.base.get(key), self.revision.get(key))
    }

    /// Returns the value of a flag on each side.
    pub(super) fn flags(&self, key: &str) -> (bool, bool) {
        (self.base.flag(key), self.revision.flag(key))
    }

    /// Matches the members of a member by key.
    pub(super) fn members_of(&self, key: &str) -> Matched<'a, &'a String> {
        matched(self.base.members_of(key), self.revision.members_of(key))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn get_of_reference_returns_its_target() {
        let document = json!({"a": {"$ref": "#/b"}, "b": {"$ref": "#/c~1d"}, "c/d": {"e": 1}});
        let node = ResolvedNode::root(&document).get("a").unwrap();
        assert_eq!((node.at.as_str(), node.value), ("/c~1d", &json!({"e": 1})));
    }

    #[test]
    fn get_of_cyclic_reference_returns_null() {
        let document = json!({"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}});
        assert_eq!(ResolvedNode::root(&document).get("a").unwrap().value, &json!(null));
    }

    #[test]
    fn get_of_unresolvable_reference_returns_the_reference_itself() {
        let document = json!({"a": {"$ref": "other.json#/b"}});
        assert_eq!(ResolvedNode::root(&document).get("a").unwrap().at.as_str(), "/a");
    }
}
