//! Finds what the compiler would refuse in the generated code: two items, fields, variants, methods or parameters of
//! one name, methods that the hand-written code has too, enums without variants, and paths into other crates.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;
use syn::{Fields, FnArg, ImplItem, Item, ItemImpl, Pat, visit::Visit};

use crate::generate::{
    Problem,
    names::{key, operations, type_key, type_name},
};

/// The crates that the generated code may use.
const CRATES: [&str; 12] = [
    "std",
    "serde",
    "serde_json",
    "reqwest",
    "progenitor_client",
    "crate",
    "self",
    "super",
    "Self",
    "bytes",
    "futures_core",
    "schemars",
];

/// The type whose methods are the operations.
const CLIENT: &str = "Client";

/// The methods of traits of the client. The method of an operation would hide them from the code that calls them.
const TRAIT_METHODS: [&str; 8] =
    ["api_version", "baseurl", "client", "clone", "exec", "inner", "post", "pre"];

/// The names of inherent methods, by the name of their type.
type Methods = BTreeMap<String, Vec<String>>;

/// Returns the methods that the hand-written code in a directory gives to the client.
pub(crate) fn own_methods(directory: &Path) -> Vec<String> {
    let mut methods = Methods::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        for path in fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                pending.push(path);
                continue;
            }
            let text = fs::read_to_string(path).unwrap_or_default();
            if text.contains("\nimpl Client {")
                && let Ok(file) = syn::parse_file(&text)
            {
                add_methods(&file.items, &mut methods);
            }
        }
    }
    methods.remove(CLIENT).unwrap_or_default()
}

fn add_methods(items: &[Item], methods: &mut Methods) {
    for item in items {
        match item {
            Item::Impl(block) if block.trait_.is_none() => {
                let names = method_names(block).map(ToString::to_string);
                methods.entry(type_name(&block.self_ty).unwrap_or_default()).or_default().extend(names);
            }
            Item::Mod(module) => {
                add_methods(module.content.as_ref().map_or(&[], |(_, items)| items), methods);
            }
            _ => {}
        }
    }
}

fn method_names(block: &ItemImpl) -> impl Iterator<Item = &syn::Ident> {
    block.items.iter().filter_map(|item| match item {
        ImplItem::Fn(method) => Some(&method.sig.ident),
        _ => None,
    })
}

/// Returns what the compiler would refuse in the generated code.
pub(crate) fn problems(client: &syn::File, document: &Value, own: &[String]) -> Vec<Problem> {
    let mut scan = Scan { document, problems: Vec::new() };
    scan.module(&client.items, own);
    let mut crates = Crates::default();
    crates.visit_file(client);
    for name in crates.unknown {
        scan.report(
            "",
            &format!("the generated code uses the crate {name}, on which this crate does not depend"),
        );
    }
    scan.problems
}

struct Scan<'a> {
    document: &'a Value,
    problems: Vec<Problem>,
}

impl Scan<'_> {
    /// Reports a problem of the components or operations of this name.
    fn report(&mut self, name: &str, problem: &str) {
        let mut pointers = pointers_of(self.document, name);
        if pointers.is_empty() {
            pointers.push(String::new());
        }
        let remedy = "correct the page in openapi/corrections/, or the document in openapi/fixes.json";
        let message = format!("{problem}; {remedy}");
        let problems = pointers.into_iter().map(|pointer| Problem { pointer, message: message.clone() });
        self.problems.extend(problems);
    }

    fn unique(&mut self, owner: &str, what: &str, names: impl IntoIterator<Item = String>) {
        let mut counts = BTreeMap::<_, usize>::new();
        for name in names {
            *counts.entry(name).or_default() += 1;
        }
        for (name, _) in counts.into_iter().filter(|(_, count)| *count > 1) {
            let of = if owner.is_empty() { String::new() } else { format!(" of {owner}") };
            let is_operation = owner.is_empty() || owner == CLIENT;
            self.report(
                if is_operation { &name } else { owner },
                &format!("two {what}{of} would be called {name}"),
            );
        }
    }

    fn module(&mut self, items: &[Item], own: &[String]) {
        let types = items.iter().filter_map(|item| match item {
            Item::Struct(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Mod(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            _ => None,
        });
        self.unique("", "types", types.map(ToString::to_string).collect::<Vec<_>>());
        let mut methods = Methods::new();
        for item in items {
            match item {
                Item::Struct(item) => {
                    let fields = item.fields.iter().filter_map(|field| field.ident.as_ref());
                    let fields = fields.map(ToString::to_string).collect::<Vec<_>>();
                    self.unique(&item.ident.to_string(), "fields", fields);
                }
                Item::Enum(item) => {
                    let name = item.ident.to_string();
                    let variants = item.variants.iter().map(|variant| variant.ident.to_string());
                    self.unique(&name, "variants", variants.collect::<Vec<_>>());
                    if item.variants.is_empty() {
                        self.report(&name, &format!("{name} would be an enum without variants"));
                    }
                    for variant in &item.variants {
                        if let Fields::Named(fields) = &variant.fields {
                            let fields = fields.named.iter().filter_map(|field| field.ident.as_ref());
                            self.unique(&name, "fields", fields.map(ToString::to_string).collect::<Vec<_>>());
                        }
                    }
                }
                Item::Impl(block) if block.trait_.is_none() => {
                    let names = method_names(block).map(ToString::to_string);
                    methods.entry(type_name(&block.self_ty).unwrap_or_default()).or_default().extend(names);
                    self.parameters(block);
                }
                Item::Mod(module) => {
                    self.module(module.content.as_ref().map_or(&[], |(_, items)| items), &[]);
                }
                _ => {}
            }
        }
        for (owner, names) in methods {
            let is_own = |name: &String| own.contains(name) || TRAIT_METHODS.contains(&name.as_str());
            for name in names.iter().filter(|name| owner == CLIENT && is_own(name)) {
                self.report(name, &format!("{owner} has a method {name} already"));
            }
            // Two types or fields of one name are reported once.
            if self.problems.is_empty() {
                self.unique(&owner, "methods", names);
            }
        }
    }

    fn parameters(&mut self, block: &ItemImpl) {
        for item in &block.items {
            let ImplItem::Fn(method) = item else { continue };
            let names = method.sig.inputs.iter().filter_map(|input| match input {
                FnArg::Typed(input) => match &*input.pat {
                    Pat::Ident(name) => Some(name.ident.to_string()),
                    _ => None,
                },
                FnArg::Receiver(_) => None,
            });
            self.unique(&method.sig.ident.to_string(), "parameters", names.collect::<Vec<_>>());
        }
    }
}

/// Returns the pointers of the components, or else of the operations, that a generated name comes from.
pub(crate) fn pointers_of(document: &Value, name: &str) -> Vec<String> {
    let components = document["components"]["schemas"].as_object().into_iter().flatten();
    let components = components.filter(|(component, _)| type_key(component) == key(name));
    let components: Vec<_> =
        components.map(|(component, _)| format!("/components/schemas/{component}")).collect();
    if !components.is_empty() {
        return components;
    }
    let is_named = |id: &str| key(id) == key(name);
    let found = operations(document)
        .filter(|operation| operation.value["operationId"].as_str().is_some_and(is_named));
    found.map(|operation| operation.pointer).collect()
}

/// Collects the crates of absolute paths.
#[derive(Default)]
struct Crates {
    unknown: std::collections::BTreeSet<String>,
}

impl Visit<'_> for Crates {
    fn visit_path(&mut self, path: &syn::Path) {
        if path.leading_colon.is_some()
            && let Some(first) = path.segments.first()
            && !CRATES.iter().any(|known| first.ident == known)
        {
            self.unknown.insert(first.ident.to_string());
        }
        syn::visit::visit_path(self, path);
    }
}
