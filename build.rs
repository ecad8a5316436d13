//! Generates the typed client from `openapi/distribute-ai.json` into `OUT_DIR`.
//!
//! The build script reads only this file, writes only to `OUT_DIR`, and does not use the network. From the
//! same file, it adds what progenitor leaves out: the base URL, the API key header, the bounds of numbers,
//! constructors and setters, comparisons of open enums, and the JSON Schemas.

#[path = "build/bounded.rs"]
mod bounded;
#[path = "build/constructors.rs"]
mod constructors;
#[path = "build/enums.rs"]
mod enums;
#[path = "build/json_schema.rs"]
mod json_schema;
#[path = "build/names.rs"]
mod names;
#[path = "build/schemas.rs"]
mod schemas;

use std::{env, error::Error, fs, path::Path, process::ExitCode};

use progenitor::{GenerationSettings, Generator, HooksMode, TypeImpl};
use quote::quote;
use serde_json::Value;

const SPEC: &str = "openapi/distribute-ai.json";

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed={SPEC}");
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error={SPEC}: {error}");
            println!(
                "cargo::error=run `cargo xtask spec build` to write the file again, or restore the file"
            );
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(SPEC)?;
    let document: Value = serde_json::from_str(&text)?;
    // Deserialize from the value, not from the text: this saves a third of a second of compile time in every
    // build.
    let model: openapiv3::OpenAPI = serde_json::from_value(document.clone())?;
    let bounded = bounded::bounded_numbers(&document)?;

    let mut settings = GenerationSettings::new();
    settings
        .with_hooks(HooksMode::Expected)
        .with_inner_type(quote!(crate::ext::ClientState))
        .with_derive("PartialEq");
    for number in &bounded {
        let path = format!("crate::generated::bounded::{}", number.name);
        settings.with_replacement(&number.name, path, [TypeImpl::Display].into_iter());
    }
    let mut generator = Generator::new(&settings);
    let mut client: syn::File = syn::parse2(generator.generate_tokens(&model)?)?;
    adjust(&mut client, &document)?;
    client.items.push(constants(&document)?);
    client.items.push(bounded::numbers_module(&bounded));
    write("client.rs", &client)?;

    if env::var_os("CARGO_FEATURE_SCHEMARS").is_some() {
        let numbers = bounded.iter().map(|number| number.name.as_str());
        write("schemas.rs", &schemas::implementations(&document, &client, numbers)?)?;
    }
    if env::var_os("CARGO_FEATURE_TESTING").is_some() {
        write("mock.rs", &syn::parse2(generator.httpmock(&model, "crate")?)?)?;
    }
    Ok(())
}

/// Adjusts the generated client in ways that the generator does not support.
fn adjust(client: &mut syn::File, document: &Value) -> Result<(), Box<dyn Error>> {
    for item in &mut client.items {
        match item {
            // Needed by the generated methods only.
            syn::Item::Impl(block) if is_client_info(block) => {
                block.attrs.push(syn::parse_quote!(#[doc(hidden)]));
            }
            // These constructors panic without TLS and limit every request to 15 s. `Client::builder` in
            // `ext` replaces them.
            syn::Item::Impl(block) => block.items.retain(
                |item| !matches!(item, syn::ImplItem::Fn(f) if f.sig.ident == "new" || f.sig.ident == "new_with_client"),
            ),
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
                adjust_types(types, document)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn adjust_types(types: &mut Vec<syn::Item>, document: &Value) -> Result<(), Box<dyn Error>> {
    types.extend(enums::Enums::of(types).implementations());
    for item in types.iter_mut() {
        if let syn::Item::Enum(item) = item {
            // A new variant in the API must not break code that matches on the known ones.
            item.attrs.push(syn::parse_quote!(#[non_exhaustive]));
        }
    }
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    Ok(constructors::add(types, schemas.ok_or("/components/schemas: missing or not an object")?)?)
}

fn is_client_info(block: &syn::ItemImpl) -> bool {
    let name = block.trait_.as_ref().and_then(|(path, _)| path.segments.last());
    name.is_some_and(|name| name.ident == "ClientInfo")
}

/// Returns the `facts` module with the base URL, the API key header and the length of the input.
fn constants(document: &Value) -> Result<syn::Item, Box<dyn Error>> {
    let text = |pointer: &str| {
        let value = document.pointer(pointer).and_then(Value::as_str);
        value.ok_or_else(|| format!("{pointer}: missing or not a string"))
    };
    let base_url = text("/servers/0/url")?;
    let key_header = text("/components/securitySchemes/ApiKeyAuth/name")?;
    let input = "/components/schemas/SpeechRequest/properties/input";
    let length = |name: &str| {
        let value = document.pointer(&format!("{input}/{name}")).and_then(Value::as_u64);
        value
            .and_then(|value| usize::try_from(value).ok())
            .ok_or_else(|| format!("{input}/{name}: missing or not a length"))
    };
    let (shortest, longest) = (length("minLength")?, length("maxLength")?);
    Ok(syn::parse2(quote! {
        /// Values of the document that the generator leaves out.
        pub mod facts {
            /// The URL of the first server.
            pub const BASE_URL: &str = #base_url;
            /// The header that carries the API key.
            pub const KEY_HEADER: &str = #key_header;
            /// The number of characters that the text of a request may have.
            pub const INPUT_LENGTH: ::std::ops::RangeInclusive<usize> = #shortest..=#longest;
        }
    })?)
}

fn write(name: &str, file: &syn::File) -> Result<(), Box<dyn Error>> {
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    fs::write(Path::new(&out).join(name), prettyplease::unparse(file))?;
    Ok(())
}
