//! Compares the document with the object model: unknown and missing keys, values of the wrong kind, and
//! references.

use std::collections::BTreeSet;

use regress::Regex;
use serde_json::Value;

use super::object_model::{Keys, Kind, Model, PATH_ITEM, ROOT, SCHEMA};
use crate::{
    json::{Object, Pointer, excerpt, sorted},
    spec::diagnostics::Diagnostics,
};

/// The members without which an object says nothing, even to a lenient reader.
const ESSENTIAL: [(&str, &str); 6] = [
    ("the document", "openapi"),
    ("a parameter", "name"),
    ("a parameter", "in"),
    ("a server", "url"),
    ("a security scheme", "type"),
    ("a discriminator", "propertyName"),
];

/// The words that only OpenAPI 3.1 has.
const LATER_WORDS: &[&str] = &["mutualTLS"];

const TYPES: &[&str] = &["array", "boolean", "integer", "number", "object", "string"];

/// The maximum length of a pattern in bytes. The cost of compiling a pattern grows faster than its length.
const MAX_PATTERN_BYTES: usize = 4_096;

pub(super) fn check(document: &Value, problems: &mut Diagnostics) {
    let mut reader = Reader { document, diagnostics: problems };
    reader.read(document, &Kind::Object(&ROOT), Pointer::default());
}

struct Reader<'a> {
    document: &'a Value,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn read(&mut self, value: &Value, kind: &Kind, at: Pointer) {
        match (kind, value) {
            (Kind::Any, _)
            | (Kind::Bool | Kind::BoolOrSchema, Value::Bool(_))
            | (Kind::Text, Value::String(_))
            | (Kind::Number, Value::Number(_)) => {}
            (Kind::Count, Value::Number(n)) if n.as_f64().is_some_and(is_count) => {}
            (Kind::Word(allowed), Value::String(text)) if allowed.contains(&text.as_str()) => {}
            (Kind::Word(_), Value::String(text))
                if self.diagnostics.is_lenient() && LATER_WORDS.contains(&text.as_str()) => {}
            (Kind::Type, Value::String(text)) if TYPES.contains(&text.as_str()) => {}
            // Normalizing has left only lists of several types. "null" is one of them beside `allOf` and the like.
            (Kind::Type, Value::Array(types)) if self.diagnostics.is_lenient() && are_types(types) => {}
            (Kind::Pattern, Value::String(text)) if text.len() > MAX_PATTERN_BYTES => {
                let message =
                    format!("expected a pattern of at most {MAX_PATTERN_BYTES} bytes, found {}", text.len());
                self.diagnostics.departure(at, message);
            }
            (Kind::Pattern, Value::String(text)) if Regex::with_flags(text, "u").is_ok() => {}
            // Annex B of ECMA 262 allows more without the flag `u`, such as `\@` and `[\w-.]`.
            (Kind::Pattern, Value::String(text)) if Regex::new(text).is_ok() => {
                let message = format!(
                    "valid in ECMA 262 only without the flag `u`, expected a pattern that is also valid with the flag; found {}",
                    excerpt(value)
                );
                self.diagnostics.warn(at, message);
            }
            (Kind::Pattern, Value::String(_)) if self.diagnostics.is_lenient() => {
                let message = "no regular expression of ECMA 262, compared as text";
                self.diagnostics.warn(at, format!("{message}; found {}", excerpt(value)));
            }
            (Kind::NonEmpty(_), Value::Array(items)) if items.is_empty() => {
                self.diagnostics.departure(at, "expected a non-empty list, found []");
            }
            (Kind::List(kind) | Kind::NonEmpty(kind), Value::Array(items)) => {
                for (i, item) in items.iter().enumerate() {
                    self.read(item, kind, at.child(i));
                }
            }
            (Kind::Map(keys, kind), Value::Object(members)) => {
                self.map(members, *keys, kind, &at);
            }
            (Kind::Object(model), Value::Object(members)) => self.object(members, model, &at),
            (Kind::OrRef(model), Value::Object(members)) => self.or_ref(members, model, &at),
            (Kind::BoolOrSchema, Value::Object(members)) => self.or_ref(members, &SCHEMA, &at),
            _ => self.error(at, &expected(kind, value), value),
        }
    }

    fn object(&mut self, members: &Object, model: &Model, at: &Pointer) {
        for key in model.required.iter().copied().filter(|key| !members.contains_key(*key)) {
            let message = format!("missing, required by {}; found {}", model.name, keys(members));
            if ESSENTIAL.contains(&(model.name, key)) {
                self.diagnostics.error(at.child(key), message);
            } else {
                self.diagnostics.departure(at.child(key), message);
            }
        }
        let later = if self.diagnostics.is_lenient() { model.later } else { &[] };
        for (key, value) in sorted(members) {
            let known = model.members.iter().chain(later).find(|(name, _)| name == key);
            if let Some((_, kind)) = known {
                self.read(value, kind, at.child(key));
            } else if !key.starts_with("x-") {
                let known = model.members.iter().map(|(name, _)| *name);
                let known = known.collect::<Vec<_>>().join(", ");
                let message = format!("unknown key in {}, expected x-… or one of {known}", model.name);
                let message = format!("{message}; found {}", excerpt(value));
                if model.descriptive {
                    self.diagnostics.warn(at.child(key), message);
                } else {
                    self.diagnostics.departure(at.child(key), message);
                }
            }
        }
        (model.rule)(members, at, self.diagnostics);
    }

    fn map(&mut self, members: &Object, keys: Keys, kind: &Kind, at: &Pointer) {
        if keys == Keys::Callback && members.contains_key("$ref") {
            return self.reference(members, "callbacks", at);
        }
        for (key, value) in sorted(members) {
            if keys.is_extension(key) {
                continue;
            }
            if let Some(expected) = wrong_key(keys, key) {
                let message = format!("expected a key that is {expected}, found {key:?}");
                self.diagnostics.departure(at.child(key), message);
            }
            self.read(value, kind, at.child(key));
        }
    }

    fn or_ref(&mut self, members: &Object, model: &Model, at: &Pointer) {
        if members.contains_key("$ref") {
            self.reference(members, model.section, at);
        } else {
            self.object(members, model, at);
        }
    }

    fn reference(&mut self, members: &Object, section: &str, at: &Pointer) {
        let message = if section == PATH_ITEM.section {
            "ignored, because keys next to the $ref of a path item are not supported"
        } else {
            "ignored, because OpenAPI 3.0 ignores all keys next to a $ref"
        };
        for key in members.keys().filter(|key| *key != "$ref") {
            self.diagnostics.warn(at.child(key), message);
        }
        let target = &members["$ref"];
        let home = self.check_target(target, section);
        let problem = home.map_err(|message| format!("{message}, found {}", excerpt(target)));
        match problem {
            Ok(None) => {}
            Ok(Some(message)) => {
                let message = format!("{message}, found {}", excerpt(target));
                self.diagnostics.departure(at.child("$ref"), message);
            }
            Err(message) => self.diagnostics.error(at.child("$ref"), message),
        }
    }

    /// Follows a chain of references, and checks that it ends at an existing value. Returns a message if a reference of the
    /// chain leads to another section.
    fn check_target(&self, target: &Value, section: &str) -> Result<Option<String>, String> {
        let mut elsewhere = None;
        let mut target = target;
        let mut seen = BTreeSet::new();
        loop {
            let Value::String(text) = target else {
                return Err("expected a string".to_owned());
            };
            if !seen.insert(text) {
                return Err("expected a reference without a cycle".to_owned());
            }
            let home = format!("#/components/{section}/");
            let pointer = Pointer::of_reference(text).ok_or_else(|| {
                format!(
                    "expected a reference within this document ({home}…), because other documents are not loaded"
                )
            })?;
            if text.starts_with("#/components/") && !section.is_empty() && !text.starts_with(&home) {
                elsewhere = Some(format!("expected a reference to {home}…"));
            }
            let reached = self.document.pointer(pointer.as_str());
            let reached = reached.ok_or("expected a reference to an existing value")?;
            match reached.get("$ref") {
                // A string is always a reference, because a property named `$ref` is an object.
                Some(next) if next.is_string() || !is_data_key(pointer.as_str()) => target = next,
                _ => return Ok(elsewhere),
            }
        }
    }

    fn error(&mut self, at: Pointer, expected: &str, found: &Value) {
        let message = format!("expected {expected}, found {}", excerpt(found));
        self.diagnostics.error(at, message);
    }
}

/// Returns `true` if the pointer leads to a map of properties, in which `$ref` can be a property name.
fn is_data_key(pointer: &str) -> bool {
    pointer.ends_with("/properties")
}

fn are_types(list: &[Value]) -> bool {
    let is_type = |item: &Value| item == "null" || item.as_str().is_some_and(|item| TYPES.contains(&item));
    !list.is_empty() && list.iter().all(is_type)
}

fn is_count(number: f64) -> bool {
    number >= 0.0 && number.fract() == 0.0
}

fn keys(members: &Object) -> String {
    let keys: Vec<_> = sorted(members).into_iter().map(|(key, _)| key.as_str()).collect();
    if keys.is_empty() {
        return "nothing".to_owned();
    }
    format!("only {}", keys.join(", "))
}

/// Describes the expected key if the key is invalid.
fn wrong_key(keys: Keys, key: &str) -> Option<&'static str> {
    let (is_valid, expected) = match keys {
        Keys::Any | Keys::Callback => (true, ""),
        Keys::Path => (key.starts_with('/'), "a path with a leading slash"),
        Keys::Status => (is_status(key), "a status such as 200, 2XX or default"),
        Keys::Component => (
            !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)),
            "a component name of letters, digits, `.`, `_` and `-`",
        ),
    };
    (!is_valid).then_some(expected)
}

fn is_status(key: &str) -> bool {
    match key.as_bytes() {
        b"default" | [b'1'..=b'5', b'X', b'X'] => true,
        [b'1'..=b'5', tens, ones] => tens.is_ascii_digit() && ones.is_ascii_digit(),
        _ => false,
    }
}

fn expected(kind: &Kind, found: &Value) -> String {
    match kind {
        Kind::Any => "anything".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::Text => "a string".to_owned(),
        Kind::Number => "a number".to_owned(),
        Kind::Count => "a whole number of at least 0".to_owned(),
        Kind::Pattern => "an ECMA 262 regular expression".to_owned(),
        Kind::Word(allowed) => format!("one of {}", allowed.join(", ")),
        Kind::Type if found.is_array() => {
            format!("one of {}, because lists of types require OpenAPI 3.1", TYPES.join(", "))
        }
        Kind::Type => format!("one of {}", TYPES.join(", ")),
        Kind::List(_) | Kind::NonEmpty(_) => "a list".to_owned(),
        Kind::Map(..) => "an object".to_owned(),
        Kind::Object(model) | Kind::OrRef(model) => format!("an object, {}", model.name),
        Kind::BoolOrSchema => "true, false or a schema".to_owned(),
    }
}
