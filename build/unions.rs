//! Unions: a `oneOf` or `anyOf` becomes an enum with a variant for each alternative.
//!
//! The generator's enum takes the first alternative that accepts a value. An open object accepts every object, so the
//! first alternative would take the values of all others, and their properties would be lost. Here the tag decides, a
//! property whose known values differ between the alternatives. Without a tag, the alternative that keeps most of the
//! value is chosen. A received union has another variant, which holds any other value.

use std::collections::BTreeSet;

use proc_macro2::Span;
use serde_json::Value;
use syn::{Ident, Item, Type, parse_quote};

use super::names::{pascal_case, resolve_schema, type_ident};

/// The title of the alternative for any other value, which `cargo xtask spec build` adds to received unions.
const OTHER: &str = "Other";
/// The title of the known values of an open enum, for which the generator's enum is right.
const KNOWN: &str = "Known";

const COMPONENTS: &str = "#/components/schemas/";

/// A component schema with alternatives.
pub(crate) struct Union {
    pub(crate) name: String,
    description: Option<String>,
    tag: Option<String>,
    alternatives: Vec<Alternative>,
    /// The variant for any other value.
    other: Option<Ident>,
}

struct Alternative {
    variant: Ident,
    content: Type,
    /// The content is in a `Box`, because it contains the union.
    boxed: bool,
    /// The values of the tag.
    tags: Vec<String>,
    /// The content is an open enum, whose other values would hide the known ones of later alternatives.
    is_open: bool,
}

/// Returns the unions of the document, without open enums.
pub(crate) fn unions(document: &Value) -> Vec<Union> {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    let schemas = schemas.into_iter().flatten();
    schemas.filter_map(|(name, schema)| union(document, name, schema)).collect()
}

fn union(document: &Value, name: &str, schema: &Value) -> Option<Union> {
    let parts = ["oneOf", "anyOf"].into_iter().find_map(|keyword| schema[keyword].as_array())?;
    // With properties or parts beside it, the schema is an object, which the generator merges.
    let is_composed = ["properties", "allOf"].iter().any(|keyword| schema.get(keyword).is_some());
    if is_composed || parts.iter().any(|part| part["title"] == KNOWN) {
        return None;
    }
    let is_other = |part: &&Value| part["title"] == OTHER && part.get("type").is_none();
    let (other, parts): (Vec<_>, Vec<_>) = parts.iter().partition(is_other);
    let tag = tag(document, schema, &parts);
    // An enum with a variant `Known` is an open enum.
    let mut used = BTreeSet::from([KNOWN, OTHER].map(str::to_owned));
    let alternatives = parts.iter().map(|part| {
        let tags = tag.as_ref().map_or(Vec::new(), |tag| tags_of(document, schema, tag, part));
        let plain = variant_name(part, &tags);
        let numbered = (2..).map(|number| format!("{plain}{number}"));
        let names = std::iter::once(plain.clone()).chain(numbered);
        let variant = names.into_iter().find(|name| !used.contains(name)).unwrap_or(plain);
        used.insert(variant.clone());
        let boxed = component(part).is_some_and(|part| contains(document, part, name));
        let is_open = component(part).is_some_and(|part| is_open_enum(document, part));
        Alternative { variant: ident(&variant), content: rust_type(part), boxed, tags, is_open }
    });
    Some(Union {
        name: name.to_owned(),
        description: schema["description"].as_str().map(str::to_owned),
        alternatives: alternatives.collect(),
        other: other.first().map(|_| ident(OTHER)),
        tag,
    })
}

fn is_open_enum(document: &Value, component: &str) -> bool {
    let parts = document["components"]["schemas"][component]["oneOf"].as_array();
    parts.is_some_and(|parts| parts.iter().any(|part| part["title"] == KNOWN))
}

fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

/// Returns the name of the component that a part refers to.
fn component(part: &Value) -> Option<&str> {
    let reference = match part["allOf"].as_array().map(Vec::as_slice) {
        Some([only]) => &only["$ref"],
        _ => &part["$ref"],
    };
    reference.as_str()?.strip_prefix(COMPONENTS)
}

/// Returns the property whose known values tell the alternatives that are objects apart.
fn tag(document: &Value, union: &Value, parts: &[&Value]) -> Option<String> {
    if let Some(property) = union.pointer("/discriminator/propertyName").and_then(Value::as_str) {
        return Some(property.to_owned());
    }
    let objects: Vec<_> = parts.iter().filter(|part| is_object(document, part)).collect();
    let first = resolve_schema(document, objects.first()?);
    let mut candidates = first["properties"].as_object()?.keys();
    let found = candidates.find(|property| {
        let mut seen = BTreeSet::new();
        objects.len() > 1
            && objects.iter().all(|part| {
                let values =
                    known_values(document, &resolve_schema(document, part)["properties"][property.as_str()]);
                !values.is_empty() && values.into_iter().all(|value| seen.insert(value))
            })
    });
    found.cloned()
}

fn is_object(document: &Value, part: &Value) -> bool {
    resolve_schema(document, part).get("properties").is_some()
}

/// Returns the values of an enum of texts, or the known values of an open enum.
fn known_values(document: &Value, schema: &Value) -> Vec<String> {
    let schema = resolve_schema(document, schema);
    let known = schema["oneOf"].as_array().and_then(|parts| parts.iter().find(|part| part["title"] == KNOWN));
    let schema = known.map_or(schema, |known| resolve_schema(document, known));
    let values = schema["enum"].as_array().into_iter().flatten();
    values.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Returns the values of the tag that select an alternative.
fn tags_of(document: &Value, union: &Value, tag: &str, part: &Value) -> Vec<String> {
    let values = known_values(document, &resolve_schema(document, part)["properties"][tag]);
    let Some(discriminator) = union.get("discriminator") else { return values };
    let Some(name) = component(part) else { return values };
    let mapping = discriminator["mapping"].as_object().into_iter().flatten();
    let mapped: Vec<_> = mapping
        .filter(|(_, target)| {
            target
                .as_str()
                .is_some_and(|target| target == name || target.strip_prefix(COMPONENTS) == Some(name))
        })
        .map(|(value, _)| value.clone())
        .collect();
    match (mapped.is_empty(), values.is_empty()) {
        (false, _) => mapped,
        (true, false) => values,
        // Without a mapping, the name of the component is the value.
        (true, true) => vec![name.to_owned()],
    }
}

fn variant_name(part: &Value, tags: &[String]) -> String {
    let kind = || match part["type"].as_str() {
        Some("array") => "List",
        Some("integer") => "Integer",
        Some("number") => "Number",
        Some("boolean") => "Boolean",
        Some("string") => "Text",
        Some("object") => "Object",
        _ => "Value",
    };
    let tag = match tags {
        [only] => Some(only.as_str()),
        _ => None,
    };
    let name = part["title"].as_str().or(tag).or_else(|| component(part)).unwrap_or_else(kind);
    pascal_case(name)
}

/// Returns the type of a schema that is a component or needs no name.
fn rust_type(schema: &Value) -> Type {
    if let Some(name) = component(schema) {
        let name = type_ident(name);
        return parse_quote!(crate::types::#name);
    }
    let content = |schema: &Value| {
        let content = rust_type(schema);
        if schema["nullable"] == true { parse_quote!(::std::option::Option<#content>) } else { content }
    };
    match schema["type"].as_str() {
        Some("string") => parse_quote!(::std::string::String),
        Some("integer") => parse_quote!(i64),
        Some("number") => parse_quote!(f64),
        Some("boolean") => parse_quote!(bool),
        Some("array") => {
            let item: Type = content(&schema["items"]);
            parse_quote!(::std::vec::Vec<#item>)
        }
        Some("object") if schema["additionalProperties"].is_object() => {
            let value: Type = content(&schema["additionalProperties"]);
            parse_quote!(::std::collections::HashMap<::std::string::String, #value>)
        }
        Some("object") => {
            parse_quote!(::serde_json::Map<::std::string::String, ::serde_json::Value>)
        }
        _ => parse_quote!(::serde_json::Value),
    }
}

/// Returns `true` if values of a component contain values of the union without a list or a map between them.
fn contains(document: &Value, component: &str, union: &str) -> bool {
    reaches(vec![component], union, |name, found| {
        direct_references(&document["components"]["schemas"][name], found);
    })
}

/// Returns `true` if one of the names leads to `goal`. `next` adds the names to which a name leads.
fn reaches<'a>(mut pending: Vec<&'a str>, goal: &str, next: impl Fn(&'a str, &mut Vec<&'a str>)) -> bool {
    let mut seen = BTreeSet::new();
    while let Some(name) = pending.pop() {
        if name == goal {
            return true;
        }
        if seen.insert(name) {
            next(name, &mut pending);
        }
    }
    false
}

/// Collects the components that each value of a schema may contain, by the position of the schemas: a property may have the
/// name of a keyword.
fn direct_references<'a>(schema: &'a Value, found: &mut Vec<&'a str>) {
    found.extend(schema["$ref"].as_str().and_then(|target| target.strip_prefix(COMPONENTS)));
    for (_, property) in schema["properties"].as_object().into_iter().flatten() {
        direct_references(property, found);
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        for part in schema[keyword].as_array().into_iter().flatten() {
            direct_references(part, found);
        }
    }
    // The generator makes an array of a list whose length is fixed.
    if schema["maxItems"].is_number() && schema["maxItems"] == schema["minItems"] {
        direct_references(&schema["items"], found);
    }
}

/// Returns `true` if a component is a part of itself by one of the keywords, such as `allOf`, directly or through others.
pub(crate) fn is_own_part(document: &Value, own: &str, keywords: &[&str]) -> bool {
    let add_parts = |name: &str, found: &mut Vec<_>| {
        let schema = &document["components"]["schemas"][name];
        let parts = keywords.iter().flat_map(|keyword| schema[*keyword].as_array().into_iter().flatten());
        found.extend(parts.chain([schema]).filter_map(component));
    };
    let mut parts = Vec::new();
    add_parts(own, &mut parts);
    reaches(parts, own, add_parts)
}

impl Union {
    /// Returns the enum and its implementations.
    pub(crate) fn items(&self) -> Vec<Item> {
        let name = type_ident(&self.name);
        let description = self.description.clone().unwrap_or_else(|| format!("`{}`", self.name));
        let variants = self.alternatives.iter().map(|alternative| -> syn::Variant {
            let (variant, content) = (&alternative.variant, alternative.stored());
            parse_quote!(#variant(#content))
        });
        let other = self.other.iter().map(|other| -> syn::Variant {
            parse_quote! {
                /// Any other value.
                #other(::serde_json::Value)
            }
        });
        let variants = variants.chain(other);
        let mut items = vec![
            parse_quote! {
                #[doc = #description]
                #[derive(::serde::Serialize, Clone, Debug, PartialEq)]
                #[serde(untagged)]
                pub enum #name { #(#variants),* }
            },
            self.deserialize(&name),
        ];
        let text = |content: &Type| quote::quote!(#content).to_string();
        let types: Vec<_> = self.alternatives.iter().map(|alternative| text(&alternative.content)).collect();
        let any = text(&parse_quote!(::serde_json::Value));
        for alternative in &self.alternatives {
            let (variant, content) = (&alternative.variant, &alternative.content);
            let own = text(content);
            if own != any && types.iter().filter(|other| **other == own).count() == 1 {
                let value = alternative.conversion();
                items.push(parse_quote! {
                    impl ::std::convert::From<#content> for #name {
                        fn from(content: #content) -> Self {
                            Self::#variant(#value)
                        }
                    }
                });
            }
        }
        items
    }

    fn deserialize(&self, name: &Ident) -> Item {
        let by_tag: Option<syn::Stmt> = self.tag.as_ref().map(|tag| {
            let tagged = self.alternatives.iter().filter(|alternative| !alternative.tags.is_empty());
            let arms = tagged.map(|Alternative { variant, tags, .. }| -> syn::Arm {
                parse_quote! {
                    ::std::option::Option::Some(#(#tags)|*) => {
                        return choice.tagged(Self::#variant).map_err(<D::Error as ::serde::de::Error>::custom);
                    }
                }
            });
            let unknown = self.other.iter().map(|_| -> syn::Arm {
                parse_quote!(::std::option::Option::Some(_) => return Ok(Self::Other(choice.into_value())),)
            });
            parse_quote! {
                match choice.tag(#tag).as_deref() {
                    #(#arms)*
                    #(#unknown)*
                    _ => {}
                }
            }
        });
        let variants = self.alternatives.iter().map(|alternative| &alternative.variant);
        let open = self.alternatives.iter().filter(|alternative| alternative.is_open);
        let (open, enums): (Vec<_>, Vec<_>) = open.map(|open| (&open.variant, &open.content)).unzip();
        let other: syn::Expr = match &self.other {
            Some(other) => parse_quote!(::std::option::Option::Some(Self::#other)),
            None => parse_quote!(::std::option::Option::None),
        };
        parse_quote! {
            impl<'de> ::serde::Deserialize<'de> for #name {
                fn deserialize<D: ::serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> ::std::result::Result<Self, D::Error> {
                    let mut choice = crate::ext::union::Choice::read(deserializer, #other)?;
                    #by_tag
                    #(choice.consider(|known| Self::#open(#enums::Known(known)));)*
                    #(choice.consider(Self::#variants);)*
                    choice.closest().map_err(<D::Error as ::serde::de::Error>::custom)
                }
            }
        }
    }
}

impl Alternative {
    fn stored(&self) -> Type {
        let content = &self.content;
        if self.boxed { parse_quote!(::std::boxed::Box<#content>) } else { content.clone() }
    }

    fn conversion(&self) -> syn::Expr {
        if self.boxed { parse_quote!(::std::boxed::Box::new(content)) } else { parse_quote!(content) }
    }
}
