//! Reading the keywords of one schema.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    alternative::{Alternative, Kind, Property, Rest},
    anything::{accepts_anything, accepts_nothing, excludes_anything, is_annotation},
    canonical::{canonical_or_mistaken, is_impossible},
    conditions::conditions,
    key::Keys,
    limit::{Limit, Size},
};
use crate::{
    json::{Pointer, normalized},
    spec::diff::node::{MAX_DEPTH, ResolvedNode},
};

/// The formats of numbers. Any other format is one of texts.
const NUMBER_FORMATS: [&str; 4] = ["int32", "int64", "float", "double"];

/// Returns what the keywords of a schema accept, without its parts and alternatives.
pub(super) fn alternatives<'a>(node: &ResolvedNode<'a>, keys: &mut Keys<'a>) -> Vec<Alternative> {
    if excludes_anything(node) {
        return Vec::new();
    }
    let types = node.types();
    let allowed = |kind: &Kind| types.is_empty() || types.iter().any(|name| kind_of(name) == Some(*kind));
    let integer = types.contains(&"integer") && !types.contains(&"number");
    let words = node.value.get("enum").and_then(Value::as_array);
    let mut all = Vec::new();
    for kind in Kind::ALL.into_iter().filter(allowed) {
        let mut alternative =
            Alternative { integer: integer && kind == Kind::Number, ..Alternative::all(kind) };
        alternative.conditions = conditions(node, kind, keys);
        alternative.words = words.map(|words| {
            let of_kind = words.iter().filter(|word| Kind::of(word) == kind);
            of_kind.map(|word| (normalized(word), word.clone())).collect()
        });
        if let Some(excluded) = node.get("not") {
            alternative.exclusions.insert(keys.of(excluded));
        }
        read(&mut alternative, node, keys);
        let is_impossible = |name| alternative.properties.get(name).copied().is_some_and(is_impossible);
        if !alternative.required.iter().any(is_impossible) {
            all.push(alternative);
        }
    }
    canonical_or_mistaken(all)
}

fn kind_of(name: &str) -> Option<Kind> {
    Some(match name {
        "string" => Kind::String,
        "number" | "integer" => Kind::Number,
        "boolean" => Kind::Boolean,
        "array" => Kind::Array,
        "object" => Kind::Object,
        "null" => Kind::Null,
        _ => return None,
    })
}

/// Reads the keywords of the kind.
fn read<'a>(alternative: &mut Alternative, node: &ResolvedNode<'a>, keys: &mut Keys<'a>) {
    match alternative.kind {
        Kind::Null | Kind::Boolean => {}
        Kind::Number => {
            alternative.low = limit(node, "minimum", "exclusiveMinimum");
            alternative.high = limit(node, "maximum", "exclusiveMaximum");
            alternative.steps.extend(node.value.get("multipleOf").and_then(Value::as_number).cloned());
            read_format(alternative, node);
        }
        Kind::String => {
            alternative.size = size(node, "minLength", "maxLength");
            let pattern = Some(node.text("pattern")).filter(|pattern| !pattern.is_empty());
            alternative.patterns.extend(pattern.map(str::to_owned));
            read_format(alternative, node);
        }
        Kind::Array => {
            alternative.size = size(node, "minItems", "maxItems");
            alternative.unique = node.flag("uniqueItems");
            if let Some(items) = node.get("items") {
                if accepts_nothing(&items) {
                    let first = node.items_of("prefixItems").len();
                    alternative.size = alternative.size.meet(Size { min: 0, max: u64::try_from(first).ok() });
                }
                alternative.items = keys.of(items);
            }
        }
        Kind::Object => {
            alternative.size = size(node, "minProperties", "maxProperties");
            alternative.required = node.texts("required").into_iter().map(str::to_owned).collect();
            alternative.properties = properties(node, keys);
            alternative.rest = match node.get("additionalProperties") {
                Some(rest) if rest.value == &Value::Bool(false) || accepts_nothing(&rest) => Rest::Closed,
                Some(rest) if rest.object().is_some() && !accepts_anything(&rest, MAX_DEPTH) => {
                    Rest::Typed(keys.of(rest))
                }
                _ => Rest::Open,
            };
        }
    }
}

fn read_format(alternative: &mut Alternative, node: &ResolvedNode) {
    let format = node.text("format");
    let of_number = NUMBER_FORMATS.contains(&format);
    let is_only_type = node.types().iter().filter(|name| **name != "null").count() == 1;
    let applies = is_only_type || of_number == (alternative.kind == Kind::Number);
    // `password` says how a value is shown.
    if !format.is_empty() && format != "password" && applies {
        alternative.formats.insert(format.to_owned());
    }
}

fn limit(node: &ResolvedNode, key: &str, exclusive: &str) -> Option<Limit> {
    let value = node.value.get(key)?.as_number()?.clone();
    Some(Limit { value, exclusive: node.flag(exclusive) })
}

fn size(node: &ResolvedNode, min: &str, max: &str) -> Size {
    let number = |key| {
        let value: &Value = node.value.get(key)?;
        // A size may be written as 1.0.
        value.as_u64().or_else(|| format!("{:.0}", value.as_f64()?.max(0.0)).parse().ok())
    };
    Size { min: number(min).unwrap_or(0), max: number(max) }
}

fn properties<'a>(node: &ResolvedNode<'a>, keys: &mut Keys<'a>) -> BTreeMap<String, Property> {
    let property = |(name, node): (&String, ResolvedNode<'a>)| {
        let (read_only, write_only) =
            (has_flag(&node, "readOnly", MAX_DEPTH), has_flag(&node, "writeOnly", MAX_DEPTH));
        let forbidden = accepts_nothing(&node);
        (name.clone(), Property { key: keys.of(node), forbidden, read_only, write_only })
    };
    node.members_of("properties").into_iter().map(property).collect()
}

/// Returns `true` if a schema or a part of it has a flag.
fn has_flag(node: &ResolvedNode, key: &str, depth: usize) -> bool {
    node.flag(key) || (depth > 0 && node.items_of("allOf").iter().any(|part| has_flag(part, key, depth - 1)))
}

/// Returns the reference of each item of a list that has one.
pub(in crate::spec::diff) fn references<'a>(node: &ResolvedNode<'a>, list: &str) -> Vec<Option<&'a str>> {
    let items = node.value.get(list).and_then(Value::as_array).into_iter().flatten();
    items.map(|item| item.get("$ref")?.as_str()).collect()
}

/// Returns the property of the discriminator, and its values for the alternative with this reference.
pub(in crate::spec::diff) fn discriminator_values(
    node: &ResolvedNode,
    reference: &str,
) -> Option<(String, BTreeSet<String>)> {
    let discriminator = node.get("discriminator")?;
    let property = Some(discriminator.text("propertyName")).filter(|name| !name.is_empty())?;
    let component = reference.rsplit('/').next().unwrap_or(reference);
    let mapping = discriminator.value.get("mapping").and_then(Value::as_object);
    let targets = mapping.into_iter().flatten().filter(|(_, target)| {
        target.as_str().is_some_and(|target| target == reference || target == component)
    });
    let mut words: BTreeSet<String> = targets.map(|(word, _)| word.clone()).collect();
    if words.is_empty() {
        words.insert(component.to_owned());
    }
    Some((property.to_owned(), words))
}

/// Returns the property of the discriminator of a schema without alternatives, and its values: the names of the components
/// that have the schema as a part, or those of the mapping.
pub(in crate::spec::diff) fn subtypes(node: &ResolvedNode) -> Option<(String, BTreeSet<String>)> {
    let mut node = node.clone();
    for _ in 0..MAX_DEPTH {
        let is_wrapper = node.object()?.keys().all(|key| key == "allOf" || is_annotation(key));
        match node.items_of("allOf").as_slice() {
            [part] if is_wrapper => node = part.clone(),
            _ => break,
        }
    }
    let property = node.get("discriminator")?.text("propertyName");
    if property.is_empty() || ["oneOf", "anyOf"].iter().any(|list| node.value.get(list).is_some()) {
        return None;
    }
    let components = node.at(&Pointer::new("/components/schemas"))?.object()?;
    // Resolving all references for each discriminator would take long in a large document.
    let is_subtype = |component: &Value| {
        let parts = component.get("allOf").and_then(Value::as_array).into_iter().flatten();
        let mut references = parts.filter_map(|part| part.get("$ref")?.as_str());
        references.any(|reference| Pointer::of_reference(reference).as_ref() == Some(&node.at))
    };
    let subtypes = components.iter().filter(|(_, component)| is_subtype(component));
    let words =
        subtypes.filter_map(|(name, _)| discriminator_values(&node, &format!("#/components/schemas/{name}")));
    Some((property.to_owned(), words.flat_map(|(_, words)| words).collect()))
}
