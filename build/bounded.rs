//! Numbers with bounds, which the generator leaves out.

use serde_json::Value;
use syn::{Expr, Ident, Item, parse_quote};

use super::{Problem, names::type_ident};

/// A component schema of a number with bounds.
pub(crate) struct BoundedNumber {
    pub(crate) name: String,
    doc: String,
    repr: &'static str,
    minimum: Expr,
    maximum: Expr,
}

pub(crate) fn bounded_numbers(document: &Value) -> Result<Vec<BoundedNumber>, Problem> {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    let mut numbers = Vec::new();
    for (name, schema) in schemas.into_iter().flatten() {
        if schema.get("enum").is_some() {
            continue;
        }
        let bound: fn(&Value, bool, Limit) -> Option<Expr> = match schema["type"].as_str() {
            Some("number") => float_bound,
            Some("integer") => integer_bound,
            _ => continue,
        };
        let limits = ["minimum", "maximum"].map(|limit| match &schema[limit] {
            Value::Null => "any".to_owned(),
            limit => limit.to_string(),
        });
        let doc = format!("A number from {} to {}, the bounds in the API's document.", limits[0], limits[1]);
        let limit = |keyword: &str, exclusive: &str, limit: Limit| {
            if schema[keyword].is_null() {
                return Ok(parse_quote!(::std::ops::Bound::Unbounded));
            }
            bound(&schema[keyword], schema[exclusive] == true, limit).ok_or_else(|| {
                Problem::new(format!("/components/schemas/{name}/{keyword}"), "no value is within this bound")
            })
        };
        numbers.push(BoundedNumber {
            minimum: limit("minimum", "exclusiveMinimum", Limit::Minimum)?,
            maximum: limit("maximum", "exclusiveMaximum", Limit::Maximum)?,
            repr: if schema["type"] == "integer" { "i64" } else { "f64" },
            name: name.clone(),
            doc,
        });
    }
    Ok(numbers)
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Limit {
    Minimum,
    Maximum,
}

fn float_bound(limit: &Value, exclusive: bool, _: Limit) -> Option<Expr> {
    let limit = limit.as_f64()?;
    Some(if exclusive {
        parse_quote!(::std::ops::Bound::Excluded(#limit))
    } else {
        parse_quote!(::std::ops::Bound::Included(#limit))
    })
}

/// Returns the bound of an `i64`. The document may name any number as the limit of an integer.
pub(crate) fn integer_bound(limit: &Value, exclusive: bool, which: Limit) -> Option<Expr> {
    if let Some(limit) = limit.as_i64() {
        return Some(if exclusive {
            parse_quote!(::std::ops::Bound::Excluded(#limit))
        } else {
            parse_quote!(::std::ops::Bound::Included(#limit))
        });
    }
    let limit = limit.as_f64()?;
    let is_minimum = which == Limit::Minimum;
    let whole = if is_minimum { limit.ceil() } else { limit.floor() };
    #[expect(clippy::cast_possible_truncation, reason = "an i128 holds every f64 that an i64 holds")]
    let value = whole as i128;
    match i64::try_from(value) {
        Ok(whole) if exclusive && limit.fract() == 0.0 => {
            Some(parse_quote!(::std::ops::Bound::Excluded(#whole)))
        }
        Ok(whole) => Some(parse_quote!(::std::ops::Bound::Included(#whole))),
        // Every i64 is within this limit.
        Err(_) if is_minimum == (limit < 0.0) => Some(parse_quote!(::std::ops::Bound::Unbounded)),
        Err(_) => None,
    }
}

/// Returns the `bounded` module with one type per number, like the types that the generator makes for strings
/// with a length.
pub(crate) fn numbers_module(numbers: &[BoundedNumber]) -> Item {
    let types = numbers.iter().map(|BoundedNumber { name, doc, repr, minimum, maximum }| -> Item {
        let (name, repr) = (type_ident(name), Ident::new(repr, proc_macro2::Span::call_site()));
        parse_quote!(crate::ext::bounded_number!(#[doc = #doc] #name(#repr), #minimum, #maximum);)
    });
    parse_quote! {
        /// Numbers with bounds, which the generator leaves out.
        pub mod bounded { #(#types)* }
    }
}
