//! Implements `schemars::JsonSchema` for every generated type, with the component schema of the type as a
//! literal.
//!
//! Derived implementations would miss the lengths, patterns and defaults, which only the document defines.

use std::collections::BTreeMap;

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use serde_json::{Map, Value};
use syn::parse_quote;

use super::{
    Problem,
    json_schema::converted,
    names::{key, type_ident, type_key},
};

/// Returns the impls for the types.
pub(crate) fn implementations(document: &Value, types: &[String]) -> Result<syn::File, Problem> {
    let components = document.pointer("/components/schemas").and_then(Value::as_object);
    let mut schemas = BTreeMap::new();
    for (name, schema) in components.into_iter().flatten() {
        collect(name, schema, &mut schemas);
    }
    // Insert components last: a component takes precedence over an inline schema with the same name.
    schemas.extend(components.into_iter().flatten().map(|(name, schema)| (type_key(name), schema)));
    let mut impls = Vec::new();
    for name in types {
        let schema = schemas.get(&key(name)).ok_or_else(|| {
            let problem =
                format!("type {name}: schema not found; add a name for its schema to openapi/names.toml");
            Problem::new("", problem)
        })?;
        impls.push(implementation(name, &converted(schema))?);
    }
    Ok(syn::parse2(quote! {
        use crate::ext::client::json_schema::{object, with};
        use serde_json::Value;

        #(#impls)*
    })?)
}

/// Collects the inline schemas within a schema, keyed by the names that the generator gives to their types.
fn collect<'a>(name: &str, schema: &'a Value, schemas: &mut BTreeMap<String, &'a Value>) {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let properties = properties.map(|(property, schema)| (format!("{name}{property}"), schema));
    let items = schema.get("items").map(|items| (format!("{name}Item"), items));
    for (name, schema) in properties.chain(items) {
        collect(&name, schema, schemas);
        schemas.insert(key(&name), schema);
    }
}

/// Returns a function with the schemas of all types.
pub(crate) fn list(types: &[String]) -> syn::File {
    let idents = types.iter().map(|name| format_ident!("{name}"));
    parse_quote! {
        fn all_schemas() -> Vec<(&'static str, schemars::Schema)> {
            vec![#((#types, schemars::schema_for!(distribute_ai::types::#idents))),*]
        }
    }
}

/// Returns the names of the types in the generated module `types` and of the numbers.
pub(crate) fn types(client: &syn::File, numbers: &[String]) -> Vec<String> {
    let types = client.items.iter().filter_map(|item| match item {
        syn::Item::Mod(types) if types.ident == "types" => types.content.as_ref(),
        _ => None,
    });
    types
        .flat_map(|(_, items)| items)
        .filter_map(|item| match item {
            syn::Item::Struct(item) => Some(item.ident.to_string()),
            syn::Item::Enum(item) => Some(item.ident.to_string()),
            _ => None,
        })
        .chain(numbers.iter().cloned())
        .collect()
}

fn implementation(name: &str, schema: &Value) -> Result<TokenStream, Problem> {
    let ident = format_ident!("{name}");
    let id = format!("distribute_ai::types::{name}");
    let schema = as_schema(schema)?;
    Ok(quote! {
        #[cfg_attr(docsrs, doc(cfg(feature = "schemars")))]
        impl ::schemars::JsonSchema for crate::types::#ident {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                #name.into()
            }

            fn schema_id() -> ::std::borrow::Cow<'static, str> {
                #id.into()
            }

            fn json_schema(generator: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                // Avoids an unused-variable warning: only a schema with references uses the generator.
                let _ = &generator;
                #schema
            }
        }
    })
}

/// Returns the expression that builds this schema. References are resolved by the schema generator.
fn as_schema(schema: &Value) -> Result<TokenStream, Problem> {
    let mut members = schema.as_object().ok_or_else(|| Problem::new("", "schema: not an object"))?.clone();
    let base = if let Some(target) = reference(schema)? {
        members.remove("$ref");
        let target = type_ident(target);
        quote!(generator.subschema_for::<crate::types::#target>())
    } else {
        quote!(::schemars::Schema::default())
    };
    let members = entries(&members)?;
    Ok(quote!(with(#base, [#members])))
}

/// Returns the expression that builds this value.
fn as_value(value: &Value) -> Result<TokenStream, Problem> {
    Ok(match value {
        Value::Object(_) if reference(value)?.is_some() => {
            let schema = as_schema(value)?;
            quote!(Value::from(#schema))
        }
        Value::Object(members) => {
            let members = entries(members)?;
            quote!(object([#members]))
        }
        Value::Array(items) => {
            let items = items.iter().map(as_value).collect::<Result<Vec<_>, _>>()?;
            quote!(Value::Array(vec![#(#items),*]))
        }
        Value::Null => quote!(Value::Null),
        Value::Bool(value) => quote!(Value::from(#value)),
        Value::String(text) => quote!(Value::from(#text)),
        Value::Number(number) => {
            let number =
                match (number.as_u64(), number.as_i64()) {
                    (Some(number), _) => Literal::u64_suffixed(number),
                    (None, Some(number)) => Literal::i64_suffixed(number),
                    _ => Literal::f64_suffixed(number.as_f64().ok_or_else(|| {
                        Problem::new("", format!("{number}: out of range, expected an f64"))
                    })?),
                };
            quote!(Value::from(#number))
        }
    })
}

fn entries(members: &Map<String, Value>) -> Result<TokenStream, Problem> {
    let mut entries = Vec::new();
    for (name, value) in members {
        let value = as_value(value)?;
        entries.push(quote!((#name, #value)));
    }
    Ok(quote!(#(#entries),*))
}

/// Returns the name of the component that this value refers to.
fn reference(value: &Value) -> Result<Option<&str>, Problem> {
    let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return Ok(None) };
    let name = reference.strip_prefix("#/components/schemas/");
    let problem =
        || Problem::new("", format!("{reference}: unsupported $ref, expected #/components/schemas/…"));
    Ok(Some(name.ok_or_else(problem)?))
}
