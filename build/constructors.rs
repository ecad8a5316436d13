//! Constructors and setters of the generated structs.
//!
//! With struct literals, every property that the API adds would break the code of users. Therefore each struct is
//! `#[non_exhaustive]`, and has `new` and a setter for each property that `new` does not take.
//! `openapi/constructors.toml` defines the arguments. `cargo xtask spec build` copies them to the document.

use serde_json::{Map, Value};
use syn::{
    Attribute, Expr, Field, Fields, GenericArgument, Ident, ImplItem, Item, ItemStruct, Path, PathArguments,
    Token, Type, parse_quote, punctuated::Punctuated,
};

use super::{
    Problem,
    enums::Enums,
    names::{SerdeNames, key, resolve_schema, type_key, type_name},
};

/// The member of a component that describes its constructor.
const KEYWORD: &str = "x-constructor";

/// Makes each struct with properties extensible, and adds its constructor and setters.
pub(crate) fn add(items: &mut Vec<Item>, document: &Value) -> Result<(), Problem> {
    let none = Map::new();
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object).unwrap_or(&none);
    let enums = Enums::of(items);
    let parsed: Vec<_> = items.iter().filter_map(parsed_type).collect();
    let mut extended = Vec::new();
    for mut item in std::mem::take(items) {
        let methods = match &mut item {
            Item::Struct(item) if parsed.contains(&item.ident) => {
                item.attrs.push(parse_quote!(#[doc = ""]));
                item.attrs.push(
                    parse_quote!(#[doc = "Convert a text with `parse` or `try_into`, which check it."]),
                );
                None
            }
            Item::Struct(item) if matches!(item.fields, Fields::Named(_)) => {
                item.attrs.push(parse_quote!(#[non_exhaustive]));
                remove_default(&mut item.attrs);
                leave_out_missing(item, schemas);
                allow_null(item, document, schemas);
                Some(methods(item, schemas, &enums)?)
            }
            _ => None,
        };
        extended.push(item);
        extended.extend(methods);
    }
    *items = extended;
    let structs = || {
        items.iter().filter_map(|item| match item {
            Item::Struct(item) if matches!(item.fields, Fields::Named(_)) => {
                Some(key(&item.ident.to_string()))
            }
            _ => None,
        })
    };
    let described = schemas.iter().filter(|(_, schema)| schema.get(KEYWORD).is_some());
    match described.map(|(name, _)| name).find(|name| structs().all(|found| found != type_key(name))) {
        Some(name) => Err(Problem::new(
            format!("/components/schemas/{name}"),
            format!(
                "{name} has a constructor, but is no object with properties; correct the page in \
                 openapi/corrections/, or remove {name} from openapi/constructors.toml"
            ),
        )),
        None => Ok(()),
    }
}

/// Returns the name of the type if the item implements `FromStr`: such a type checks a text.
fn parsed_type(item: &Item) -> Option<Ident> {
    let Item::Impl(block) = item else { return None };
    let (path, _) = block.trait_.as_ref()?;
    let Type::Path(of) = &*block.self_ty else { return None };
    (path.segments.last()?.ident == "FromStr").then(|| of.path.get_ident().cloned())?
}

/// Leaves a property out that is optional and missing. For a property that contains its own type, the generator makes a
/// `Box<Option<…>>`, and its code sends `null`.
fn leave_out_missing(item: &mut ItemStruct, schemas: &Map<String, Value>) {
    let schema = schema_of(&item.ident, schemas).map_or(&Value::Null, |(_, schema)| schema);
    for field in &mut item.fields {
        let Some(ident) = &field.ident else { continue };
        let property = SerdeNames::of(&field.attrs, ident).wire_name;
        let is_required =
            schema["required"].as_array().is_some_and(|names| names.iter().any(|name| *name == property));
        let attributes = &field.attrs;
        let attributes = quote::quote!(#(#attributes)*).to_string();
        if let Some(content) = content_of(&field.ty, "Box").and_then(option_content).cloned() {
            field.ty = parse_quote!(::std::option::Option<::std::boxed::Box<#content>>);
        }
        if !is_required && option_content(&field.ty).is_some() && !attributes.contains("skip_serializing_if")
        {
            field.attrs.push(parse_quote!(#[serde(skip_serializing_if = "::std::option::Option::is_none")]));
        }
    }
}

/// Gives the properties of a sent component that are optional and nullable a second `Option`: the outer one is `None` if
/// the property is left out, and the inner one if it is `null`.
fn allow_null(item: &mut ItemStruct, document: &Value, schemas: &Map<String, Value>) {
    let Some((_, schema)) = schema_of(&item.ident, schemas) else { return };
    if schema[KEYWORD]["sent"] != true {
        return;
    }
    for field in &mut item.fields {
        let Some(ident) = &field.ident else { continue };
        let property = SerdeNames::of(&field.attrs, ident).wire_name;
        let is_required =
            schema["required"].as_array().is_some_and(|names| names.iter().any(|name| *name == property));
        if is_required || !is_nullable(document, &schema["properties"][&property]) {
            continue;
        }
        let Some(content) = option_content(&field.ty).cloned() else { continue };
        field.ty = parse_quote!(::std::option::Option<::std::option::Option<#content>>);
        // Without a function, `null` would be read as a property that is left out.
        field
            .attrs
            .push(parse_quote!(#[serde(default, deserialize_with = "crate::ext::nullable::deserialize")]));
    }
}

fn is_nullable(document: &Value, schema: &Value) -> bool {
    let target = resolve_schema(document, schema);
    schema["nullable"] == true || target["nullable"] == true
}

fn schema_of<'a>(name: &Ident, schemas: &'a Map<String, Value>) -> Option<(&'a String, &'a Value)> {
    schemas.iter().find(|(component, _)| type_key(component) == key(&name.to_string()))
}

/// Removes `Default` from the derives: the generator derives it only as long as no property is required.
fn remove_default(attributes: &mut [Attribute]) {
    for attribute in attributes.iter_mut().filter(|attribute| attribute.path().is_ident("derive")) {
        let traits = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated);
        let kept = traits.into_iter().flatten().filter(|path| !path.is_ident("Default")).collect::<Vec<_>>();
        *attribute = parse_quote!(#[derive(#(#kept),*)]);
    }
}

/// A property of a struct.
struct Property<'a> {
    ident: &'a Ident,
    wire_name: String,
    docs: Vec<&'a Attribute>,
    /// The type without `Option`.
    kind: &'a Type,
    is_option: bool,
    /// The property can be left out or sent as `null`.
    is_nullable: bool,
    /// The property has a value if `new` does not set it.
    may_be_missing: bool,
}

impl<'a> Property<'a> {
    fn of(field: &'a Field) -> Option<Self> {
        let ident = field.ident.as_ref()?;
        let names = SerdeNames::of(&field.attrs, ident);
        let content = option_content(&field.ty);
        let nested = content.and_then(option_content);
        Some(Self {
            is_nullable: nested.is_some(),
            ident,
            wire_name: names.wire_name,
            docs: field.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).collect(),
            kind: nested.or(content).unwrap_or(&field.ty),
            is_option: content.is_some(),
            may_be_missing: content.is_some() || names.may_be_missing,
        })
    }

    /// Returns the type of the parameter that sets the property.
    fn parameter(&self, enums: &Enums) -> Type {
        let kind = self.kind;
        if self.is_nullable {
            return parse_quote!(impl ::std::convert::Into<::std::option::Option<#kind>>);
        }
        if self.is_converted(enums) { parse_quote!(impl ::std::convert::Into<#kind>) } else { kind.clone() }
    }

    /// Returns the value of the property, from the parameter of its name.
    fn value(&self, enums: &Enums) -> Expr {
        let ident = self.ident;
        let value: Expr = if self.is_nullable || self.is_converted(enums) {
            parse_quote!(#ident.into())
        } else {
            parse_quote!(#ident)
        };
        if self.is_option { parse_quote!(::std::option::Option::Some(#value)) } else { value }
    }

    /// Returns `true` if callers usually have another type, whose conversion cannot fail. With `impl Into`, `parse` and
    /// `try_into` could not infer the type of a checked value.
    fn is_converted(&self, enums: &Enums) -> bool {
        let name = type_name(self.kind).unwrap_or_default();
        matches!(name.as_str(), "String" | "Vec" | "Box") || enums.is_open(&name)
    }

    fn setter(&self, enums: &Enums) -> ImplItem {
        let (ident, docs) = (self.ident, &self.docs);
        let (parameter, value) = (self.parameter(enums), self.value(enums));
        // The constructor has this name.
        let method = if ident == "new" { &Ident::new("new_", ident.span()) } else { ident };
        let or_null = if self.is_nullable { " `None` is sent as `null`." } else { "" };
        let summary = format!("Sets `{}`.{or_null}", self.wire_name);
        let separator: Option<Attribute> = (!docs.is_empty()).then(|| parse_quote!(#[doc = ""]));
        parse_quote! {
            #[doc = #summary]
            #separator
            #(#docs)*
            #[must_use]
            pub fn #method(mut self, #ident: #parameter) -> Self {
                self.#ident = #value;
                self
            }
        }
    }

    /// Returns the expression for a default.
    fn default(&self, default: &Value, enums: &Enums) -> Option<Expr> {
        let name = type_name(self.kind)?;
        match default {
            Value::String(text) if name == "String" => Some(parse_quote!(::std::string::String::from(#text))),
            Value::String(text) => enums.value(&name, text),
            Value::Number(number) => syn::parse_str(&format!("{number}{name}")).ok(),
            Value::Bool(value) => Some(parse_quote!(#value)),
            Value::Array(values) if values.is_empty() => Some(parse_quote!(::std::vec::Vec::new())),
            _ => None,
        }
    }
}

fn option_content(kind: &Type) -> Option<&Type> {
    content_of(kind, "Option")
}

/// Returns the content of a type with one argument, such as `Box<f64>`.
fn content_of<'a>(kind: &'a Type, outer: &str) -> Option<&'a Type> {
    let Type::Path(path) = kind else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == outer)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(content) => Some(content),
        _ => None,
    })
}

/// Returns the `impl` with `new` and the setters.
fn methods(item: &ItemStruct, schemas: &Map<String, Value>, enums: &Enums) -> Result<Item, Problem> {
    let name = &item.ident;
    let error = |problem: &str| {
        Problem::new(
            format!("/components/schemas/{name}"),
            format!("type {name}: {problem}; correct openapi/constructors.toml"),
        )
    };
    let schema = schema_of(name, schemas);
    let constructor = schema.and_then(|(_, schema)| schema.get(KEYWORD));
    let constructor = constructor.ok_or_else(|| error("no constructor"))?;
    let properties: Vec<_> = item.fields.iter().filter_map(Property::of).collect();

    let arguments = constructor["arguments"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let arguments = arguments
        .map(|argument| {
            let property = properties.iter().find(|property| property.wire_name == argument);
            property.ok_or_else(|| error(&format!("unknown property `{argument}`")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let is_argument = |property: &Property| arguments.iter().any(|argument| argument.ident == property.ident);

    let mut values = Vec::new();
    let mut defaults = Vec::new();
    for property in &properties {
        let default = constructor["defaults"].get(&property.wire_name);
        values.push(match default {
            _ if is_argument(property) => property.value(enums),
            Some(default) => {
                defaults.push(format!(" `{}` is `{default}` unless set.", property.wire_name));
                let unsupported = || error(&format!("unsupported default of `{}`", property.wire_name));
                property.default(default, enums).ok_or_else(unsupported)?
            }
            None if property.may_be_missing => parse_quote!(::std::default::Default::default()),
            None => return Err(error(&format!("required property `{}` is not listed", property.wire_name))),
        });
    }

    let sent = constructor["sent"] == true;
    let testing: [Attribute; 2] = [
        parse_quote!(#[cfg(feature = "testing")]),
        parse_quote!(#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]),
    ];
    let conditions = testing.iter().filter(|_| !sent);
    let start = match (arguments.is_empty(), arguments.len() == properties.len()) {
        (true, _) => "Creates a value without properties. Setters add them.",
        (false, true) => "Creates a value from its properties.",
        (false, false) => "Creates a value from its required properties. Setters add the others.",
    };
    let docs = format!("{start}{}", defaults.concat());
    let idents = properties.iter().map(|property| property.ident);
    let names = arguments.iter().map(|argument| argument.ident);
    let parameters = arguments.iter().map(|argument| argument.parameter(enums));
    let setters =
        properties.iter().filter(|property| !is_argument(property)).map(|property| property.setter(enums));
    Ok(parse_quote! {
        #(#conditions)*
        impl #name {
            #[doc = #docs]
            #[must_use]
            pub fn new(#(#names: #parameters),*) -> Self {
                Self { #(#idents: #values),* }
            }

            #(#setters)*
        }
    })
}
