//! Reading the keywords of OpenAPI 3.1 that are compared only for equality.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::Value;

use super::{alternative::Kind, anything::accepts_nothing, condition::Condition, key::Keys};
use crate::{
    json::{Object, normalized},
    spec::diff::node::ResolvedNode,
};

/// Keywords for all values, for objects and for arrays.
const CONDITIONS: [&str; 4] = ["if", "then", "else", "$dynamicRef"];
const OBJECT_CONDITIONS: [&str; 5] =
    ["patternProperties", "propertyNames", "dependentRequired", "dependentSchemas", "unevaluatedProperties"];
const ARRAY_CONDITIONS: [&str; 5] =
    ["prefixItems", "contains", "minContains", "maxContains", "unevaluatedItems"];

/// Returns `true` for a keyword that is compared only for equality.
pub(in crate::spec::diff) fn is_condition(key: &str) -> bool {
    [&CONDITIONS[..], &OBJECT_CONDITIONS, &ARRAY_CONDITIONS].iter().any(|keys| keys.contains(&key))
}

/// Returns the conditions of a schema that apply to values of the kind.
pub(super) fn conditions<'a>(
    node: &ResolvedNode<'a>,
    kind: Kind,
    keys: &mut Keys<'a>,
) -> BTreeSet<Condition> {
    let applies = |key: &str| match kind {
        Kind::Object => OBJECT_CONDITIONS.contains(&key),
        Kind::Array => ARRAY_CONDITIONS.contains(&key),
        _ => false,
    };
    let has = |key| node.value.get(key).is_some();
    let mut conditions = BTreeSet::new();
    for (key, member) in node.members() {
        if !CONDITIONS.contains(&key.as_str()) && !applies(key) {
            continue;
        }
        let keyed = |(name, part): (&String, ResolvedNode<'a>)| {
            Condition::new(format!("{key} {name}"), vec![keys.of(part)])
        };
        match key.as_str() {
            "patternProperties" | "dependentSchemas" => {
                conditions.extend(member.members().into_iter().map(keyed));
            }
            "prefixItems" => {
                let items = member.items().into_iter().enumerate();
                conditions.extend(
                    items.map(|(index, part)| Condition::new(format!("{key} {index}"), vec![keys.of(part)])),
                );
            }
            "dependentRequired" => {
                let names = member.object().into_iter().flat_map(Object::keys);
                let text = |name| format!("{key} {name} {:?}", member.texts(name));
                conditions.extend(names.map(|name| Condition::new(text(name), Vec::new())));
            }
            "contains" => {
                let count = |key| node.value.get(key).map(normalized);
                let min = count("minContains").unwrap_or_else(|| "1".to_owned());
                // Each count implies the lowest one.
                let lowest = (min != "0").then(|| "at least 1".to_owned());
                let min = (min != "0").then(|| format!("at least {min}"));
                let max = count("maxContains").map(|max| format!("at most {max}"));
                let keys = vec![keys.of(member)];
                let texts = [lowest, min, max].into_iter().flatten();
                conditions.extend(texts.map(|text| Condition::new(format!("{key} {text}"), keys.clone())));
            }
            // These belong to the keyword beside them.
            "then" | "else" if has("if") => {}
            "minContains" | "maxContains" if has("contains") => {}
            _ => {
                conditions.insert(condition(node, key, member, keys));
            }
        }
    }
    conditions
}

/// Returns the condition of a keyword with the keywords that belong to it.
fn condition<'a>(
    node: &ResolvedNode<'a>,
    key: &str,
    member: ResolvedNode<'a>,
    keys: &mut Keys<'a>,
) -> Condition {
    let mut condition = Condition::new(key, Vec::new());
    if member.object().is_some() {
        condition.keys.push(keys.of(member));
    } else {
        let _ = write!(condition.text, " {}", normalized(member.value));
    }
    match key {
        "if" => {
            for other in ["then", "else"] {
                if let Some(part) = node.get(other) {
                    let _ = write!(condition.text, " {other}");
                    condition.keys.push(keys.of(part));
                }
            }
        }
        "unevaluatedProperties" | "unevaluatedItems" => {
            condition.exceptions = evaluated(node, key == "unevaluatedItems");
        }
        _ => {}
    }
    condition
}

/// Returns the names of what a schema evaluates: its properties or its items.
fn evaluated(node: &ResolvedNode, of_items: bool) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut pending = vec![node.clone()];
    while let Some(part) = pending.pop() {
        let is_first = seen.is_empty();
        if !seen.insert(part.at.as_str().to_owned()) {
            continue;
        }
        for (key, member) in part.members() {
            let within = || member.members().into_iter().map(|(name, _)| format!("{key} {name}"));
            match key.as_str() {
                "properties" | "patternProperties" if !of_items => names.extend(within()),
                "prefixItems" if of_items => {
                    names.extend((0..member.items().len()).map(|index| format!("{key} {index}")));
                }
                "unevaluatedProperties" | "unevaluatedItems" if is_first => {}
                "additionalProperties"
                | "unevaluatedProperties"
                | "items"
                | "contains"
                | "unevaluatedItems" => {
                    let is_of_items = !key.ends_with("Properties");
                    let is_nothing = member.value == &Value::Bool(false) || accepts_nothing(&member);
                    if is_of_items == of_items && !is_nothing {
                        names.insert(key.clone());
                    }
                }
                "allOf" | "anyOf" | "oneOf" => pending.extend(member.items()),
                "if" | "then" | "else" => pending.push(member),
                "dependentSchemas" => {
                    names.extend(within());
                    pending.extend(member.members().into_iter().map(|(_, part)| part));
                }
                _ => {}
            }
        }
    }
    names
}
