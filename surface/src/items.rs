//! The public surface of the generated client, item by item.
//!
//! The key of an item is its path, such as `types::SpeechRequest::input` for the field and
//! `types::SpeechRequest::input()` for the method. Its value has the kind and what users depend
//! on: types, signatures, the name in JSON, and the traits. Its `origin` is the pointer in the document.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;
use serde_json::{Map, Value, json};
use syn::{
    Attribute, Fields, ImplItem, Item, ItemImpl, Path, Token, Type, Visibility, punctuated::Punctuated,
};

use crate::{
    generate::{
        facts::{own_server, server},
        names::{Operation, SerdeNames, escape, operations, resolve},
    },
    scan::pointers_of,
};

pub(crate) fn items(client: &syn::File, document: &Value) -> Value {
    let mut surface = Surface::default();
    surface.module("", &client.items);
    let Surface { mut items, traits } = surface;
    for (path, traits) in traits {
        if let Some(Value::Object(item)) = items.get_mut(&path) {
            item.insert("traits".to_owned(), json!(traits));
        }
    }
    for operation in operations(document) {
        if let Some(Value::Object(item)) = items.get_mut(&format!("Client::{}()", operation.method())) {
            item.insert("request".to_owned(), request(document, &operation).into());
        }
    }
    let origins: Vec<_> = items.keys().map(|path| origin(path, &items, document)).collect();
    for (item, origin) in items.values_mut().zip(origins) {
        item["origin"] = origin.into();
    }
    items.into_iter().collect::<Map<_, _>>().into()
}

/// Returns what a published release sends beside the body: the HTTP method, the server of the operation if it is another
/// one, the path, and the names of the parameters.
fn request(document: &Value, operation: &Operation) -> String {
    let at = operation.pointer.strip_prefix("/paths/").and_then(|at| at.rsplit_once('/'));
    let (path, method) = at.unwrap_or_default();
    // The names of variables are not sent.
    let mut parts = path.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    let path =
        parts.fold(first, |path, part| path + "{}" + part.split_once('}').map_or(part, |(_, rest)| rest));
    let path = path.replace("~1", "/").replace("~0", "~");
    let own = own_server(operation).filter(|own| Some(own) != server(document).as_ref());
    let lists = [operation.item, operation.value].into_iter().filter_map(|of| of["parameters"].as_array());
    let parameters: Vec<_> = lists.flatten().map(|parameter| resolve(document, parameter)).collect();
    let names = |location: &str| -> BTreeSet<String> {
        let names = parameters.iter().filter(|parameter| parameter["in"] == location);
        names.filter_map(|parameter| parameter["name"].as_str()).map(str::to_owned).collect()
    };
    let query = names("query").into_iter().collect::<Vec<_>>().join("&");
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let headers = names("header").into_iter().map(|name| format!(" {}", name.to_ascii_lowercase()));
    let headers: BTreeSet<_> = headers.collect();
    let headers: String = headers.into_iter().collect();
    format!("{} {}{path}{query}{headers}", method.to_uppercase(), own.unwrap_or_default())
}

/// Returns the pointer of the part of the document that an item is generated from.
fn origin(path: &str, items: &BTreeMap<String, Value>, document: &Value) -> Option<String> {
    match path.trim_end_matches("()").split("::").collect::<Vec<_>>().as_slice() {
        ["facts", "BASE_URL"] => Some("/servers".to_owned()),
        ["facts", "KEY_HEADER"] => Some("/components/securitySchemes".to_owned()),
        ["facts", "WITHOUT_KEY"] => Some("/security".to_owned()),
        ["facts", "INPUT_LENGTH"] => Some("/components/schemas/SpeechRequest/properties/input".to_owned()),
        ["facts" | "error", ..] => None,
        ["Client", method] => pointers_of(document, method).pop(),
        [_, component] => pointers_of(document, component).pop(),
        [_, component, part] => {
            let component = pointers_of(document, component).pop()?;
            // The setter of a field has its name.
            let property =
                items.get(path.trim_end_matches("()")).and_then(|field| field["property"].as_str());
            Some(format!("{component}/properties/{}", escape(property.unwrap_or(part))))
        }
        _ => None,
    }
}

#[derive(Default)]
struct Surface {
    items: BTreeMap<String, Value>,
    traits: BTreeMap<String, BTreeSet<String>>,
}

impl Surface {
    fn module(&mut self, parent: &str, items: &[Item]) {
        for item in items {
            match item {
                Item::Mod(module) if is_public(&module.vis) => {
                    let content = module.content.as_ref().map_or(&[][..], |(_, items)| items);
                    self.module(&join(parent, &module.ident), content);
                }
                Item::Struct(item) if is_public(&item.vis) => {
                    let path = join(parent, &item.ident);
                    self.derives(&path, &item.attrs);
                    let extensible = has(&item.attrs, "non_exhaustive");
                    self.items.insert(path.clone(), json!({"kind": "struct", "extensible": extensible}));
                    for (field, ident) in
                        item.fields.iter().filter_map(|field| Some((field, field.ident.as_ref()?)))
                    {
                        if is_public(&field.vis) {
                            let field = json!({
                                "kind": "field", "type": text(&field.ty), "serde": serde_names(&field.attrs),
                                "property": SerdeNames::of(&field.attrs, ident).wire_name});
                            self.items.insert(join(&path, ident), field);
                        }
                    }
                }
                Item::Enum(item) if is_public(&item.vis) => {
                    let path = join(parent, &item.ident);
                    self.derives(&path, &item.attrs);
                    let extensible = has(&item.attrs, "non_exhaustive");
                    self.items.insert(path.clone(), json!({"kind": "enum", "extensible": extensible}));
                    for variant in &item.variants {
                        let content = match &variant.fields {
                            Fields::Unit => String::new(),
                            fields => text(fields),
                        };
                        let variant_path = join(&path, &variant.ident);
                        let names = serde_names(&variant.attrs);
                        self.items.insert(
                            variant_path,
                            json!({"kind": "variant", "type": content, "serde": names}),
                        );
                    }
                }
                Item::Impl(block) => self.implementation(parent, block),
                Item::Macro(item) => self.bounded_number(parent, item),
                Item::Const(item) if is_public(&item.vis) => {
                    let constant = json!({"kind": "constant", "type": text(&item.expr)});
                    self.items.insert(join(parent, &item.ident), constant);
                }
                _ => {}
            }
        }
    }

    fn derives(&mut self, path: &str, attributes: &[Attribute]) {
        let traits = self.traits.entry(path.to_owned()).or_default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
            let derived = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated);
            traits.extend(derived.into_iter().flatten().map(|path| last(&path)));
        }
    }

    fn implementation(&mut self, parent: &str, block: &ItemImpl) {
        let Type::Path(of) = &*block.self_ty else { return };
        let name = last(&of.path);
        let owner = if parent.is_empty() { name } else { format!("{parent}::{name}") };
        if let Some((implemented, _)) = &block.trait_ {
            if !has(&block.attrs, "doc") || !text(&block.attrs.first()).contains("hidden") {
                self.traits.entry(owner).or_default().insert(shortened(&text(implemented)));
            }
            return;
        }
        let only_for_tests = has(&block.attrs, "cfg");
        for item in &block.items {
            if let ImplItem::Fn(method) = item
                && is_public(&method.vis)
            {
                let signature = &method.sig;
                let arguments: Vec<_> =
                    signature.inputs.iter().map(|input| shortened(&text(input))).collect();
                let output = shortened(&text(&signature.output));
                let method = json!({
                    "kind": "method", "arguments": arguments, "type": output, "testing": only_for_tests,
                    "async": signature.asyncness.is_some()});
                self.items.insert(format!("{owner}::{}()", signature.ident), method);
            }
        }
    }

    /// Adds the type that a call of `bounded_number!` defines.
    fn bounded_number(&mut self, parent: &str, item: &syn::ItemMacro) {
        let tokens = item.mac.tokens.to_string();
        let Some((_, definition)) = tokens.split_once(']') else { return };
        let Some((name, rest)) = definition.trim().split_once('(') else { return };
        let Some((kind, bounds)) = rest.split_once(')') else { return };
        let number = json!({"kind": "number", "type": kind.trim(), "bounds": shortened(bounds.trim())});
        let path =
            if parent.is_empty() { name.trim().to_owned() } else { format!("{parent}::{}", name.trim()) };
        self.items.insert(path, number);
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn has(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident(name))
}

fn join(parent: &str, name: &syn::Ident) -> String {
    if parent.is_empty() { name.to_string() } else { format!("{parent}::{name}") }
}

fn last(path: &Path) -> String {
    path.segments.last().map_or(String::new(), |segment| segment.ident.to_string())
}

/// Returns the serde attributes, which determine the form in JSON.
fn serde_names(attributes: &[Attribute]) -> Vec<String> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("serde")).map(text).collect()
}

fn text(tokens: &(impl ToTokens + ?Sized)) -> String {
    shortened(&tokens.to_token_stream().to_string())
}

/// Returns the text of a type without the paths of the standard library.
fn shortened(text: &str) -> String {
    let text = [":: std :: option :: ", ":: std :: string :: ", ":: std :: vec :: ", ":: std :: convert :: "]
        .iter()
        .fold(text.to_owned(), |text, path| text.replace(path, ""));
    text.replace(" :: ", "::").replace(" < ", "<").replace(" >", ">").replace(" ,", ",").replace("& ", "&")
}
