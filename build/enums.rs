//! Comparisons and conversions of the generated enums.
//!
//! An open enum has two variants: one with the enum of the known values, and one with any other string or number.

use std::collections::BTreeMap;

use syn::{Expr, Fields, Ident, Item, ItemEnum, Variant, parse_quote};

use super::names::{SerdeNames, type_name};

/// The enums of the generated `types` module.
pub(crate) struct Enums {
    /// The variants of each enum of strings, by their text in JSON.
    closed: BTreeMap<String, BTreeMap<String, Ident>>,
    open: Vec<OpenEnum>,
}

struct OpenEnum {
    name: Ident,
    /// The variant for a known value, and the type of the known values.
    known: (Ident, Ident),
    /// The variant for any other value.
    other: Ident,
    /// The type of the number, if the values are numbers.
    number: Option<Ident>,
}

impl Enums {
    pub(crate) fn of(items: &[Item]) -> Self {
        let enums = || {
            items.iter().filter_map(|item| match item {
                Item::Enum(item) => Some(item),
                _ => None,
            })
        };
        let closed: BTreeMap<_, _> = enums().filter_map(closed_enum).collect();
        let open = enums().filter_map(|item| open_enum(item, &closed)).collect();
        Self { closed, open }
    }

    pub(crate) fn is_open(&self, name: &str) -> bool {
        self.open.iter().any(|open| open.name == name)
    }

    /// Returns the expression for the value of an enum with this text.
    pub(crate) fn value(&self, name: &str, text: &str) -> Option<Expr> {
        if let Some(open) = self.open.iter().find(|open| open.name == name) {
            let name = &open.name;
            return Some(parse_quote!(<#name as ::std::convert::From<&str>>::from(#text)));
        }
        let variant = self.closed.get(name)?.get(text)?;
        let name = Ident::new(name, variant.span());
        Some(parse_quote!(#name::#variant))
    }

    /// Removes the generator's conversions from numbers to open enums, which take a known value for another one.
    pub(crate) fn remove_conversions(&self, items: &mut Vec<Item>) {
        items.retain(|item| {
            let Item::Impl(block) = item else { return true };
            let Some((path, _)) = &block.trait_ else { return true };
            let of = type_name(&block.self_ty).unwrap_or_default();
            let open = self.open.iter().find(|open| open.name == of);
            let Some(number) = open.and_then(|open| open.number.as_ref()) else { return true };
            let from: syn::Path = parse_quote!(::std::convert::From<#number>);
            quote::quote!(#path).to_string() != quote::quote!(#from).to_string()
        });
    }

    /// Returns the implementations for all open enums.
    pub(crate) fn implementations(&self) -> Vec<Item> {
        self.open.iter().flat_map(OpenEnum::implementations).collect()
    }
}

fn closed_enum(item: &ItemEnum) -> Option<(String, BTreeMap<String, Ident>)> {
    let variant = |variant: &Variant| {
        let text = SerdeNames::of(&variant.attrs, &variant.ident).wire_name;
        matches!(variant.fields, Fields::Unit).then(|| (text, variant.ident.clone()))
    };
    Some((item.ident.to_string(), item.variants.iter().map(variant).collect::<Option<_>>()?))
}

fn open_enum(item: &ItemEnum, closed: &BTreeMap<String, BTreeMap<String, Ident>>) -> Option<OpenEnum> {
    let content = |variant: &Variant| match &variant.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => type_name(&fields.unnamed[0].ty),
        _ => None,
    };
    let mut variants = item.variants.iter();
    let (known, other) = (variants.next()?, variants.next()?);
    let values = content(known).filter(|values| closed.contains_key(values))?;
    let any = content(other)?;
    let is_number = any == "i64" || any == "f64";
    let is_open = known.ident == "Known" && variants.next().is_none() && (any == "String" || is_number);
    is_open.then(|| OpenEnum {
        number: is_number.then(|| Ident::new(&any, other.ident.span())),
        name: item.ident.clone(),
        known: (known.ident.clone(), Ident::new(&values, known.ident.span())),
        other: other.ident.clone(),
    })
}

impl OpenEnum {
    fn implementations(&self) -> Vec<Item> {
        let mut items = self.comparisons();
        items.extend(match &self.number {
            Some(number) => self.of_numbers(number),
            None => self.of_texts(),
        });
        items
    }

    /// Returns the comparisons with the known values.
    fn comparisons(&self) -> Vec<Item> {
        let Self { name, known: (known, values), .. } = self;
        vec![
            parse_quote! {
                impl ::std::cmp::PartialEq<#values> for #name {
                    fn eq(&self, known: &#values) -> bool {
                        ::std::matches!(self, Self::#known(own) if own == known)
                    }
                }
            },
            parse_quote! {
                impl ::std::cmp::PartialEq<#name> for #values {
                    fn eq(&self, other: &#name) -> bool {
                        other == self
                    }
                }
            },
        ]
    }

    fn of_numbers(&self, number: &Ident) -> Vec<Item> {
        let Self { name, known: (known, values), other, .. } = self;
        let conversion = format!("Returns the known value, or `{other}` for any other number.");
        let comparison = format!(
            "Compares the numbers. Unlike a comparison with `{other}`, the result stays the same when a later version \
             knows the value."
        );
        vec![
            parse_quote! {
                impl ::std::convert::From<#name> for #number {
                    fn from(value: #name) -> Self {
                        match value {
                            #name::#known(known) => known.into(),
                            #name::#other(other) => other,
                        }
                    }
                }
            },
            parse_quote! {
                #[doc = #conversion]
                impl ::std::convert::From<#number> for #name {
                    fn from(number: #number) -> Self {
                        #values::try_from(number).map_or(Self::#other(number), Self::#known)
                    }
                }
            },
            parse_quote! {
                #[doc = #comparison]
                impl ::std::cmp::PartialEq<#number> for #name {
                    fn eq(&self, number: &#number) -> bool {
                        match self {
                            Self::#known(known) => #number::from(*known) == *number,
                            Self::#other(other) => other == number,
                        }
                    }
                }
            },
        ]
    }

    fn of_texts(&self) -> Vec<Item> {
        let Self { name, known: (known, values), other, .. } = self;
        let conversion = format!("Returns the known value with this text, or `{other}` for any other text.");
        let comparison = format!(
            "Compares the texts. Unlike a comparison with `{other}`, the result stays the same when a later version \
             knows the value."
        );
        vec![
            parse_quote! {
                #[doc = #comparison]
                impl ::std::cmp::PartialEq<str> for #name {
                    fn eq(&self, text: &str) -> bool {
                        match self {
                            Self::#known(known) => text.parse::<#values>().is_ok_and(|value| value == *known),
                            Self::#other(other) => other == text,
                        }
                    }
                }
            },
            parse_quote! {
                #[doc = #comparison]
                impl ::std::cmp::PartialEq<&str> for #name {
                    fn eq(&self, text: &&str) -> bool {
                        self == *text
                    }
                }
            },
            parse_quote! {
                #[doc = #conversion]
                impl ::std::convert::From<&str> for #name {
                    fn from(text: &str) -> Self {
                        text.parse().map_or_else(|_| Self::#other(text.to_owned()), Self::#known)
                    }
                }
            },
            parse_quote! {
                #[doc = #conversion]
                impl ::std::convert::From<::std::string::String> for #name {
                    fn from(text: ::std::string::String) -> Self {
                        match text.parse() {
                            Ok(known) => Self::#known(known),
                            Err(_) => Self::#other(text),
                        }
                    }
                }
            },
        ]
    }
}
