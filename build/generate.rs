//! Generates the typed client from an OpenAPI document: progenitor's code, and what it leaves out.
//!
//! `build.rs` and the program `surface` include this module, so `cargo xtask spec build` tries the same code that the
//! build of the crate runs. It reads and writes no files.

pub(crate) mod bounded;
pub(crate) mod constructors;
pub(crate) mod docs;
pub(crate) mod enums;
pub(crate) mod facts;
mod header_names;
mod json_schema;
mod mock;
pub(crate) mod names;
mod parameters;
mod schemas;
mod server_url;
pub(crate) mod supported;
pub(crate) mod unions;
pub(crate) mod words;

use std::{error::Error, fmt};

use progenitor::{GenerationSettings, Generator, HooksMode, TypeImpl};
use quote::quote;
use serde_json::Value;

/// The generated files.
pub(crate) struct Generated {
    /// The client and its types.
    pub(crate) client: syn::File,
    /// The implementations of `schemars::JsonSchema`, for the feature `schemars`.
    pub(crate) schemas: Option<syn::File>,
    /// The list of all schemas, for the tests.
    pub(crate) schema_list: Option<syn::File>,
    /// The mocks, for the feature `testing`.
    pub(crate) mock: Option<syn::File>,
}

impl Generated {
    /// Returns the files with their names.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&'static str, &syn::File)> {
        let optional =
            [("schemas.rs", &self.schemas), ("schema_list.rs", &self.schema_list), ("mock.rs", &self.mock)];
        let optional = optional.into_iter().filter_map(|(name, file)| Some((name, file.as_ref()?)));
        std::iter::once(("client.rs", &self.client)).chain(optional)
    }
}

/// The optional files to generate.
#[derive(Clone, Copy)]
pub(crate) struct Parts {
    pub(crate) schemas: bool,
    pub(crate) mock: bool,
}

/// A part of the document for which no code can be generated.
#[derive(Debug)]
pub(crate) struct Problem {
    /// A JSON pointer in the document.
    pub(crate) pointer: String,
    pub(crate) message: String,
}

impl Problem {
    fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() { "(root)" } else { &self.pointer };
        write!(f, "{pointer}: {}", self.message)
    }
}

/// An error without a place in the document.
impl<E: Error> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::new("", error.to_string())
    }
}

/// Generates the code, or returns all problems that were found before the first error of the generator.
pub(crate) fn generate(document: &Value, parts: Parts) -> Result<Generated, Vec<Problem>> {
    let problems = supported::problems(document);
    if !problems.is_empty() {
        return Err(problems);
    }
    generate_supported(document, parts).map_err(|problem| vec![problem])
}

fn generate_supported(document: &Value, parts: Parts) -> Result<Generated, Problem> {
    // Deserialize from the value, not from the text: this saves a third of a second of compile time in every
    // build.
    let model: openapiv3::OpenAPI = serde_json::from_value(supported::for_generator(document))?;
    let numbers = bounded::bounded_numbers(document)?;
    let words = words::enums(document)?;
    let unions = unions::unions(document);

    let mut settings = GenerationSettings::new();
    settings
        .with_hooks(HooksMode::Expected)
        .with_inner_type(quote!(crate::ext::ClientState))
        .with_derive("PartialEq");
    let mut replace = |name: &str, module: &str, implemented: &[TypeImpl]| {
        let name = names::pascal_case(name);
        let path = format!("crate::generated::{module}::{name}");
        settings.with_replacement(name, path, implemented.iter().copied());
    };
    for number in &numbers {
        replace(&number.name, "bounded", &[TypeImpl::Display]);
    }
    for name in words.iter().map(|words| &words.name) {
        replace(name, "types", &[TypeImpl::Display, TypeImpl::FromStr]);
    }
    for name in unions.iter().map(|union| &union.name) {
        replace(name, "types", &[]);
    }
    let mut generator = Generator::new(&settings);
    let mut client: syn::File = syn::parse2(generator.generate_tokens(&model)?)?;
    let own =
        words.iter().flat_map(words::WordEnum::items).chain(unions.iter().flat_map(unions::Union::items));
    adjust(&mut client, document, own.collect())?;
    supported::check_methods(&client, document)?;
    client.items.push(facts::module(document)?);
    client.items.push(bounded::numbers_module(&numbers));
    docs::escape(&mut client.items);

    let numbers: Vec<_> = numbers.iter().map(|number| names::pascal_case(&number.name)).collect();
    let types = schemas::types(&client, &numbers);
    let schemas = parts.schemas.then(|| schemas::implementations(document, &types));
    let schema_list = parts.schemas.then(|| schemas::list(&types));
    let mock = parts.mock.then(|| mock::adjusted(generator.httpmock(&model, "crate")?));
    Ok(Generated { schemas: schemas.transpose()?, schema_list, mock: mock.transpose()?, client })
}

/// Adjusts the generated client in ways that the generator does not support.
fn adjust(client: &mut syn::File, document: &Value, own: Vec<syn::Item>) -> Result<(), Problem> {
    let mut own = Some(own);
    for item in &mut client.items {
        match item {
            // Needed by the generated methods only.
            syn::Item::Impl(block) if is_client_info(block) => {
                block.attrs.push(syn::parse_quote!(#[doc(hidden)]));
            }
            syn::Item::Impl(block) => {
                // These constructors panic without TLS and limit every request to 15 s. `Client::builder` in
                // `ext` replaces them.
                block.items.retain(
                    |item| !matches!(item, syn::ImplItem::Fn(function) if function.sig.receiver().is_none()),
                );
                for item in &mut block.items {
                    if let syn::ImplItem::Fn(method) = item {
                        facts::use_own_server(method, document);
                    }
                }
            }
            // `ext` provides the documentation and `Debug`. A derived `Debug` would print the HTTP client's
            // headers, which include the API key.
            syn::Item::Struct(client) if client.ident == "Client" => {
                client.attrs = vec![
                    syn::parse_quote!(#[derive(Clone)]),
                    syn::parse_quote!(#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/ext/client/client.md"))]),
                ];
            }
            syn::Item::Mod(types) if types.ident == "types" => {
                let Some((_, types)) = &mut types.content else { continue };
                types.extend(own.take().into_iter().flatten());
                adjust_types(types, document)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn adjust_types(types: &mut Vec<syn::Item>, document: &Value) -> Result<(), Problem> {
    let enums = enums::Enums::of(types);
    enums.remove_conversions(types);
    types.extend(enums.implementations());
    for item in types.iter_mut() {
        if let syn::Item::Enum(item) = item {
            // A new variant in the API must not break code that matches on the known ones.
            item.attrs.push(syn::parse_quote!(#[non_exhaustive]));
        }
    }
    constructors::add(types, document)
}

fn is_client_info(block: &syn::ItemImpl) -> bool {
    let name = block.trait_.as_ref().and_then(|(path, _)| path.segments.last());
    name.is_some_and(|name| name.ident == "ClientInfo")
}
