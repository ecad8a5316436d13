//! The union of documents, member by member, with the page that each member came from.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::conflict::{Conflict, Place, Warning};
use crate::{
    json::{Object, Pointer, equivalent},
    spec::traverse::{METHODS, every_operation, members, paths_of, without_parameter_names},
};

/// The document so far.
#[derive(Default)]
pub(super) struct Union {
    merged: Value,
    /// Which document a member came from, by its pointer.
    origins: BTreeMap<Pointer, String>,
    /// Where an operation's id was first seen.
    ids: BTreeMap<String, Place>,
    /// Where a path was first seen, by the path without its parameters' names.
    templates: BTreeMap<String, Place>,
    conflicts: Vec<Conflict>,
    warnings: Vec<Warning>,
}

/// What becomes of a member that two documents fill differently.
#[derive(Clone, Copy)]
enum Differing {
    Refused(&'static str),
    FirstStands(&'static str),
}

use Differing::{FirstStands, Refused};

impl Union {
    pub(super) fn add(&mut self, name: &str, document: &Value) {
        self.ids(name, document);
        self.templates(name, document);
        let root = Pointer::default();
        for (key, value) in members(Some(document)) {
            let at = root.child(key);
            match (key.as_str(), value) {
                ("info", Value::Object(info)) => self.info(name, &at, info),
                ("paths", Value::Object(paths)) => self.paths(name, &at, paths),
                ("components", Value::Object(sections)) => self.components(name, &at, sections),
                ("tags", Value::Array(tags)) => self.tags(name, &at, tags),
                ("externalDocs", value) => {
                    self.put(name, &at, value, FirstStands("external documentation differs"));
                }
                // The meaning is equal, or it would have been pushed down; two spellings of it are one.
                ("servers" | "security", value) => {
                    self.put(name, &at, value, FirstStands("two spellings of one meaning"));
                }
                ("openapi", value) => {
                    self.put(name, &at, value, Refused("documents of different OpenAPI versions"));
                }
                (_, value) => {
                    self.put(name, &at, value, Refused("one extension with different values"));
                }
            }
        }
    }

    pub(super) fn finish(self) -> Result<(Value, Vec<Warning>), Vec<Conflict>> {
        if self.conflicts.is_empty() { Ok((self.merged, self.warnings)) } else { Err(self.conflicts) }
    }

    fn ids(&mut self, name: &str, document: &Value) {
        for (at, operation) in every_operation(document) {
            // The empty one counts too, as it does where a document is validated.
            let Some(id) = operation.get("operationId").and_then(Value::as_str) else {
                continue;
            };
            let here = place(name, &at.child("operationId"), Some(&Value::from(id)));
            if let Some(first) = self.ids.get(id) {
                self.conflicts.push(Conflict {
                    rule: "one operationId for two operations",
                    first: first.clone(),
                    second: here,
                });
            } else {
                self.ids.insert(id.to_owned(), here);
            }
        }
    }

    fn templates(&mut self, name: &str, document: &Value) {
        for (path, _) in paths_of(document) {
            let at = Pointer::new("/paths").child(path);
            let here = place(name, &at, Some(&Value::from(path.as_str())));
            let first = self.templates.entry(without_parameter_names(path)).or_insert_with(|| here.clone());
            if first.pointer != here.pointer {
                self.conflicts.push(Conflict {
                    rule: "two paths for one address",
                    first: first.clone(),
                    second: here,
                });
            }
        }
    }

    fn info(&mut self, name: &str, at: &Pointer, info: &Object) {
        for (key, value) in info {
            let differing = match key.as_str() {
                "title" => Refused("documents of different titles"),
                "version" => Refused("documents of different API versions"),
                _ => FirstStands("info differs"),
            };
            self.put(name, &at.child(key), value, differing);
        }
    }

    fn paths(&mut self, name: &str, at: &Pointer, paths: &Object) {
        self.object(at);
        for (path, item) in paths {
            let at = at.child(path);
            match item {
                Value::Object(item) if path.starts_with('/') => self.path_item(name, &at, item),
                extension => self.put(name, &at, extension, Refused("one extension with different values")),
            }
        }
    }

    fn path_item(&mut self, name: &str, at: &Pointer, item: &Object) {
        // What is said of a path is said of all its operations, so a second document must say all of it and no more.
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
                        rule: "one path of which different things are said",
                        first: place(&first, &at, one.get(key)),
                        second: place(name, &at, other.get(key)),
                    });
                }
            }
        }
        self.object(at);
        self.origins.entry(at.clone()).or_insert_with(|| name.to_owned());
        for (key, value) in item {
            let at = at.child(key);
            match self.merged.pointer(at.as_str()) {
                // Even where they are equal: which document an operation is maintained in must be one.
                Some(before) if is_method(key) => self.conflicts.push(Conflict {
                    rule: "one path and method in two documents",
                    first: place(&self.origins[&at], &at, Some(before)),
                    second: place(name, &at, Some(value)),
                }),
                Some(_) => {}
                None => self.insert(name, &at, value),
            }
        }
    }

    fn components(&mut self, name: &str, at: &Pointer, sections: &Object) {
        self.object(at);
        for (section, members) in sections {
            let at = at.child(section);
            match members {
                Value::Object(members) if !section.starts_with("x-") => {
                    self.object(&at);
                    for (key, value) in members {
                        self.put(
                            name,
                            &at.child(key),
                            value,
                            Refused("one component with different contents"),
                        );
                    }
                }
                extension => self.put(name, &at, extension, Refused("one extension with different values")),
            }
        }
    }

    /// Tags keep the order in which they are first seen; a tag is known by its name.
    fn tags(&mut self, name: &str, at: &Pointer, tags: &[Value]) {
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
                self.put(name, &at.child(key), value, FirstStands("a tag's words differ"));
            }
        }
    }

    /// Adds a member, unless it is there and says the same.
    fn put(&mut self, name: &str, at: &Pointer, value: &Value, differing: Differing) {
        let Some(before) = self.merged.pointer(at.as_str()) else {
            return self.insert(name, at, value);
        };
        if equivalent(before, value) {
            return;
        }
        let first = self.origins.get(at).map_or("", String::as_str);
        let conflict = |rule| Conflict {
            rule,
            first: place(first, at, Some(before)),
            second: place(name, at, Some(value)),
        };
        match differing {
            Refused(rule) => self.conflicts.push(conflict(rule)),
            FirstStands(rule) => self.warnings.push(Warning(conflict(rule))),
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

    /// Makes sure that there is an object, so that an empty one is not lost.
    fn object(&mut self, at: &Pointer) {
        if self.merged.pointer(at.as_str()).is_none() {
            self.insert("", at, &Value::Object(Map::new()));
            self.origins.remove(at);
        }
    }
}

fn is_method(key: &str) -> bool {
    METHODS.contains(&key)
}

fn place(document: &str, pointer: &Pointer, value: Option<&Value>) -> Place {
    Place { document: document.to_owned(), pointer: pointer.clone(), value: value.cloned() }
}
