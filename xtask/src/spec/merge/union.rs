//! The union of documents. It records the document from which each member comes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::conflict::{Conflict, Occurrence, Warning};
use crate::{
    json::{Object, Pointer, equivalent},
    spec::traverse::{METHODS, every_operation, members, paths_of, without_parameter_names},
};

/// The merged document so far.
#[derive(Default)]
pub(super) struct Union {
    merged: Value,
    /// The document from which each member comes, by pointer.
    origins: BTreeMap<Pointer, String>,
    /// The first occurrence of each operation id.
    ids: BTreeMap<String, Occurrence>,
    /// The first occurrence of each path, by path without parameter names.
    templates: BTreeMap<String, Occurrence>,
    conflicts: Vec<Conflict>,
    warnings: Vec<Warning>,
}

/// The action for a member that differs between two documents: the message is the rule of the conflict or
/// warning.
#[derive(Clone, Copy)]
enum OnDifference {
    Fail(&'static str),
    KeepFirst(&'static str),
}

use OnDifference::{Fail, KeepFirst};

impl Union {
    pub(super) fn add(&mut self, name: &str, document: &Value) {
        self.check_ids(name, document);
        self.check_templates(name, document);
        let root = Pointer::default();
        for (key, value) in members(Some(document)) {
            let at = root.child(key);
            match (key.as_str(), value) {
                ("info", Value::Object(info)) => self.merge_info(name, &at, info),
                ("paths", Value::Object(paths)) => self.merge_paths(name, &at, paths),
                ("components", Value::Object(sections)) => self.merge_components(name, &at, sections),
                ("tags", Value::Array(tags)) => self.merge_tags(name, &at, tags),
                ("externalDocs", value) => {
                    self.put(name, &at, value, KeepFirst("external documentation differs"));
                }
                // The effective values are equal except for descriptions. Otherwise `pushdown` would have moved them to
                // the operations.
                ("servers" | "security", value) => {
                    self.put(name, &at, value, KeepFirst("equivalent values with different spellings"));
                }
                ("openapi", value) => {
                    self.put(name, &at, value, Fail("different OpenAPI versions"));
                }
                (_, value) => {
                    self.put(name, &at, value, Fail("same extension with different values"));
                }
            }
        }
    }

    pub(super) fn finish(self) -> Result<(Value, Vec<Warning>), Vec<Conflict>> {
        if self.conflicts.is_empty() { Ok((self.merged, self.warnings)) } else { Err(self.conflicts) }
    }

    fn check_ids(&mut self, name: &str, document: &Value) {
        for (at, operation) in every_operation(document) {
            // An empty id counts too, as in validation.
            let Some(id) = operation.get("operationId").and_then(Value::as_str) else {
                continue;
            };
            let here = occurrence(name, &at.child("operationId"), Some(&Value::from(id)));
            if let Some(first) = self.ids.get(id) {
                self.conflicts.push(Conflict {
                    rule: "same operationId for two operations",
                    first: first.clone(),
                    second: here,
                });
            } else {
                self.ids.insert(id.to_owned(), here);
            }
        }
    }

    fn check_templates(&mut self, name: &str, document: &Value) {
        for (path, _) in paths_of(document) {
            let at = Pointer::new("/paths").child(path);
            let here = occurrence(name, &at, Some(&Value::from(path.as_str())));
            let first = self.templates.entry(without_parameter_names(path)).or_insert_with(|| here.clone());
            if first.pointer != here.pointer {
                self.conflicts.push(Conflict {
                    rule: "two paths match the same URLs",
                    first: first.clone(),
                    second: here,
                });
            }
        }
    }

    fn merge_info(&mut self, name: &str, at: &Pointer, info: &Object) {
        for (key, value) in info {
            let on_difference = match key.as_str() {
                "title" => Fail("different titles"),
                "version" => Fail("different API versions"),
                _ => KeepFirst("info differs"),
            };
            self.put(name, &at.child(key), value, on_difference);
        }
    }

    fn merge_paths(&mut self, name: &str, at: &Pointer, paths: &Object) {
        self.ensure_object(at);
        for (path, item) in paths {
            let at = at.child(path);
            match item {
                Value::Object(item) if path.starts_with('/') => self.merge_path_item(name, &at, item),
                extension => self.put(name, &at, extension, Fail("same extension with different values")),
            }
        }
    }

    fn merge_path_item(&mut self, name: &str, at: &Pointer, item: &Object) {
        // Members of a path item apply to all its operations, so both documents must have the same members.
        if let Some(first) = self.origins.get(at).cloned() {
            let before = self.merged.pointer(at.as_str()).and_then(Value::as_object);
            let shared = |item: Option<&Object>| -> Object {
                let members = item.into_iter().flatten().filter(|(key, _)| !is_method(key));
                members.map(|(key, value)| (key.clone(), value.clone())).collect()
            };
            let (one, other) = (shared(before), shared(Some(item)));
            for key in one.keys().chain(other.keys().filter(|key| !one.contains_key(*key))) {
                let same = matches!((one.get(key), other.get(key)), (Some(a), Some(b)) if equivalent(a, b));
                if !same {
                    let at = at.child(key);
                    self.conflicts.push(Conflict {
                        rule: "same path with different members",
                        first: occurrence(&first, &at, one.get(key)),
                        second: occurrence(name, &at, other.get(key)),
                    });
                }
            }
        }
        self.ensure_object(at);
        self.origins.entry(at.clone()).or_insert_with(|| name.to_owned());
        for (key, value) in item {
            let at = at.child(key);
            match self.merged.pointer(at.as_str()) {
                // Equal operations are a conflict too: an operation must be maintained in one document only.
                Some(before) if is_method(key) => self.conflicts.push(Conflict {
                    rule: "same path and method in two documents",
                    first: occurrence(&self.origins[&at], &at, Some(before)),
                    second: occurrence(name, &at, Some(value)),
                }),
                Some(_) => {}
                None => self.insert(name, &at, value),
            }
        }
    }

    fn merge_components(&mut self, name: &str, at: &Pointer, sections: &Object) {
        self.ensure_object(at);
        for (section, members) in sections {
            let at = at.child(section);
            match members {
                Value::Object(members) if !section.starts_with("x-") => {
                    self.ensure_object(&at);
                    for (key, value) in members {
                        self.put(name, &at.child(key), value, Fail("same component with different contents"));
                    }
                }
                extension => self.put(name, &at, extension, Fail("same extension with different values")),
            }
        }
    }

    /// Merges tags by name, in the order of their first occurrence.
    fn merge_tags(&mut self, name: &str, at: &Pointer, tags: &[Value]) {
        if self.merged.pointer(at.as_str()).is_none() {
            self.insert(name, at, &Value::Array(Vec::new()));
        }
        for tag in tags {
            let list = self.merged.pointer_mut(at.as_str()).and_then(Value::as_array_mut);
            let Some(list) = list else { return };
            let known = list.iter().position(|known| known["name"] == tag["name"]);
            let at = at.child(known.unwrap_or(list.len()));
            if known.is_none() {
                list.push(Value::Object(Map::new()));
            }
            for (key, value) in members(Some(tag)) {
                self.put(name, &at.child(key), value, KeepFirst("same tag with different members"));
            }
        }
    }

    /// Adds a member. If an equivalent member exists, changes nothing.
    fn put(&mut self, name: &str, at: &Pointer, value: &Value, on_difference: OnDifference) {
        let Some(before) = self.merged.pointer(at.as_str()) else {
            return self.insert(name, at, value);
        };
        if equivalent(before, value) {
            return;
        }
        let first = self.origins.get(at).map_or("", String::as_str);
        let conflict = |rule| Conflict {
            rule,
            first: occurrence(first, at, Some(before)),
            second: occurrence(name, at, Some(value)),
        };
        match on_difference {
            Fail(rule) => self.conflicts.push(conflict(rule)),
            KeepFirst(rule) => self.warnings.push(Warning(conflict(rule))),
        }
    }

    fn insert(&mut self, name: &str, at: &Pointer, value: &Value) {
        let mut target = &mut self.merged;
        for token in at.tokens() {
            target = match target {
                Value::Array(items) => match token.parse::<usize>() {
                    Ok(i) if i < items.len() => &mut items[i],
                    _ => return,
                },
                other => {
                    if !other.is_object() {
                        *other = Value::Object(Map::new());
                    }
                    &mut other[token.as_str()]
                }
            };
        }
        *target = value.clone();
        self.origins.insert(at.clone(), name.to_owned());
    }

    /// Inserts an empty object if the member is missing, so that empty objects are kept.
    fn ensure_object(&mut self, at: &Pointer) {
        if self.merged.pointer(at.as_str()).is_none() {
            self.insert("", at, &Value::Object(Map::new()));
            self.origins.remove(at);
        }
    }
}

fn is_method(key: &str) -> bool {
    METHODS.contains(&key)
}

fn occurrence(document: &str, pointer: &Pointer, value: Option<&Value>) -> Occurrence {
    Occurrence { document: document.to_owned(), pointer: pointer.clone(), value: value.cloned() }
}
