//! Enums of known values: strings or numbers.
//!
//! The generator fails if two strings differ only in case or punctuation, and turns numbers into a type that accepts
//! any number.

use std::collections::BTreeSet;

use proc_macro2::Span;
use serde_json::Value;
use syn::{Expr, Ident, Item, Type, parse_quote};

use super::{
    Problem,
    names::{pascal_case, type_ident},
    supported::REMEDY,
};

/// A component schema with `enum`.
pub(crate) struct WordEnum {
    pub(crate) name: String,
    description: Option<String>,
    kind: Kind,
    /// The values with the names of their variants.
    values: Vec<(Value, Ident)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Integer,
    Number,
}

/// Returns the enums of the document.
pub(crate) fn enums(document: &Value) -> Result<Vec<WordEnum>, Problem> {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    let mut enums = Vec::new();
    for (name, schema) in schemas.into_iter().flatten() {
        let Some(values) = schema["enum"].as_array() else { continue };
        let values: Vec<_> = values.iter().filter(|value| !value.is_null()).cloned().collect();
        let kind = kind_of(&values, &schema["type"]).ok_or_else(|| {
            Problem::new(
                format!("/components/schemas/{name}/enum"),
                format!(
                    "expected strings, or numbers of the schema's type, integers from -2^63 to 2^63-1: no Rust enum holds \
                     other values; {REMEDY}"
                ),
            )
        })?;
        let idents = variant_names(&values);
        let description = schema["description"].as_str().map(str::to_owned);
        enums.push(WordEnum {
            name: name.clone(),
            description,
            kind,
            values: values.into_iter().zip(idents).collect(),
        });
    }
    Ok(enums)
}

fn kind_of(values: &[Value], kind: &Value) -> Option<Kind> {
    let kind = match kind.as_str() {
        Some("integer") => Kind::Integer,
        Some("number") => Kind::Number,
        Some("string") => Kind::Text,
        Some(_) => return None,
        None if values.iter().all(Value::is_string) => Kind::Text,
        None if values.iter().all(Value::is_i64) => Kind::Integer,
        None => Kind::Number,
    };
    let fits = |value: &Value| match kind {
        Kind::Text => value.is_string(),
        Kind::Integer => integer(value).is_some(),
        Kind::Number => value.is_number(),
    };
    (!values.is_empty() && values.iter().all(fits)).then_some(kind)
}

/// Returns the integer that a value is equal to: 1 for `1.0`.
fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| format!("{}", value.as_f64()?).parse().ok())
}

/// Returns a name for each value. If two values have the same name, the second has a number.
fn variant_names(values: &[Value]) -> Vec<Ident> {
    let plain: Vec<_> = values.iter().map(plain_name).collect();
    let mut used = BTreeSet::new();
    plain
        .iter()
        .map(|name| {
            let numbered = (2..).map(|number| format!("{name}{number}")).filter(|name| !plain.contains(name));
            let name = std::iter::once(name.clone()).chain(numbered).find(|name| !used.contains(name));
            let name = name.expect("the numbers do not end");
            used.insert(name.clone());
            Ident::new(&name, Span::call_site())
        })
        .collect()
}

fn plain_name(value: &Value) -> String {
    let Value::String(text) = value else {
        let number = value.to_string();
        let (sign, number) =
            number.strip_prefix('-').map_or(("N", number.as_str()), |number| ("Minus", number));
        return format!("{sign}{}", number.replace(['.', '-', '+'], "_"));
    };
    let is_number = |text: &&str| text.starts_with(|letter: char| letter.is_ascii_digit());
    match (text.strip_prefix('-').filter(is_number), text.strip_prefix('+').filter(is_number)) {
        (Some(number), _) => pascal_case(&format!("minus {number}")),
        (_, Some(number)) => pascal_case(&format!("plus {number}")),
        _ => pascal_case(text),
    }
}

impl WordEnum {
    /// Returns the enum and its implementations.
    pub(crate) fn items(&self) -> Vec<Item> {
        let name = type_ident(&self.name);
        let description = self.description.clone().unwrap_or_else(|| format!("`{}`", self.name));
        let idents: Vec<_> = self.values.iter().map(|(_, ident)| ident).collect();
        let texts: Vec<_> = self.values.iter().map(|(value, _)| text(value)).collect();
        let mut items: Vec<Item> = vec![
            parse_quote! {
                impl ::std::fmt::Display for #name {
                    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        match *self {
                            #(Self::#idents => f.write_str(#texts),)*
                        }
                    }
                }
            },
            parse_quote! {
                impl ::std::str::FromStr for #name {
                    type Err = self::error::ConversionError;
                    fn from_str(value: &str) -> ::std::result::Result<Self, self::error::ConversionError> {
                        match value {
                            #(#texts => Ok(Self::#idents),)*
                            _ => Err("invalid value".into()),
                        }
                    }
                }
            },
            parse_quote! {
                impl ::std::convert::TryFrom<&str> for #name {
                    type Error = self::error::ConversionError;
                    fn try_from(value: &str) -> ::std::result::Result<Self, self::error::ConversionError> {
                        value.parse()
                    }
                }
            },
            parse_quote! {
                impl ::std::convert::TryFrom<::std::string::String> for #name {
                    type Error = self::error::ConversionError;
                    fn try_from(
                        value: ::std::string::String,
                    ) -> ::std::result::Result<Self, self::error::ConversionError> {
                        value.parse()
                    }
                }
            },
        ];
        if self.kind == Kind::Text {
            items.insert(0, parse_quote! {
                #[doc = #description]
                #[derive(
                    ::serde::Deserialize, ::serde::Serialize, Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd
                )]
                pub enum #name {
                    #(#[serde(rename = #texts)] #idents,)*
                }
            });
        } else {
            let docs = texts.iter().map(|text| format!("The value {text}."));
            items.insert(
                0,
                parse_quote! {
                    #[doc = #description]
                    #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
                    pub enum #name {
                        #(#[doc = #docs] #idents,)*
                    }
                },
            );
            items.extend(self.number_items(&name, &idents));
        }
        items
    }

    fn number_items(&self, name: &Ident, idents: &[&Ident]) -> [Item; 4] {
        let (kind, values): (Type, Vec<Expr>) = if self.kind == Kind::Integer {
            let values = self.values.iter().filter_map(|(value, _)| integer(value));
            (parse_quote!(i64), values.map(|value| parse_quote!(#value)).collect())
        } else {
            let values = self.values.iter().filter_map(|(value, _)| value.as_f64());
            (parse_quote!(f64), values.map(|value| parse_quote!(#value)).collect())
        };
        [
            parse_quote! {
                impl ::std::convert::From<#name> for #kind {
                    fn from(value: #name) -> Self {
                        match value {
                            #(#name::#idents => #values,)*
                        }
                    }
                }
            },
            parse_quote! {
                impl ::std::convert::TryFrom<#kind> for #name {
                    type Error = self::error::ConversionError;
                    fn try_from(value: #kind) -> ::std::result::Result<Self, self::error::ConversionError> {
                        #(if value == #values { return Ok(Self::#idents); })*
                        Err("invalid value".into())
                    }
                }
            },
            parse_quote! {
                impl ::serde::Serialize for #name {
                    fn serialize<S: ::serde::Serializer>(
                        &self,
                        serializer: S,
                    ) -> ::std::result::Result<S::Ok, S::Error> {
                        ::serde::Serialize::serialize(&#kind::from(*self), serializer)
                    }
                }
            },
            parse_quote! {
                impl<'de> ::serde::Deserialize<'de> for #name {
                    fn deserialize<D: ::serde::Deserializer<'de>>(
                        deserializer: D,
                    ) -> ::std::result::Result<Self, D::Error> {
                        let value = <#kind as ::serde::Deserialize>::deserialize(deserializer)?;
                        Self::try_from(value).map_err(<D::Error as ::serde::de::Error>::custom)
                    }
                }
            },
        ]
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
