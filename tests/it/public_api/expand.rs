//! Expands the macros that define public items.

use std::{collections::BTreeMap, fs, path::Path};

use proc_macro2::TokenStream;
use quote::quote;
use syn::{File, ImplItem, Item, ItemImpl, Macro};

use super::macro_rules::Rules;

/// Macros of other crates, which define no public item here.
const OTHER_MACROS: [&str; 2] = ["task_local", "thread_local"];

/// The macros of a crate, by their names.
type Macros = BTreeMap<String, Rules>;

/// Replaces each `include!` of a generated file, and each call of a macro of the crate, with its items.
pub(crate) fn expand(mut sources: Vec<(String, File)>) -> Vec<(String, File)> {
    let definitions = sources.iter().flat_map(|(_, file)| &file.items).filter_map(|item| match item {
        Item::Macro(item) => Some((item.ident.as_ref()?.to_string(), Rules::new(item.mac.tokens.clone()))),
        _ => None,
    });
    let macros: Macros = definitions.collect();
    for (_, file) in &mut sources {
        file.items =
            std::mem::take(&mut file.items).into_iter().flat_map(|item| items(item, &macros)).collect();
    }
    sources
}

fn items(item: Item, macros: &Macros) -> Vec<Item> {
    match item {
        Item::Mod(mut module) => {
            module.content = module.content.map(|(brace, content)| {
                (brace, content.into_iter().flat_map(|item| items(item, macros)).collect())
            });
            vec![Item::Mod(module)]
        }
        Item::Impl(mut block) => {
            block.items = block.items.into_iter().flat_map(|item| impl_items(item, macros)).collect();
            vec![Item::Impl(block)]
        }
        Item::Macro(call) if call.ident.is_none() => {
            let file = if call.mac.path.is_ident("include") {
                included(&call.mac.tokens)
            } else {
                syn::parse2(output(&call.mac, macros)).unwrap()
            };
            file.items.into_iter().flat_map(|item| items(item, macros)).collect()
        }
        item => vec![item],
    }
}

fn impl_items(item: ImplItem, macros: &Macros) -> Vec<ImplItem> {
    let ImplItem::Macro(call) = item else { return vec![item] };
    let output = output(&call.mac, macros);
    let block: ItemImpl = syn::parse2(quote!(impl Name { #output })).unwrap();
    block.items.into_iter().flat_map(|item| impl_items(item, macros)).collect()
}

fn output(call: &Macro, macros: &Macros) -> TokenStream {
    let name = call.path.segments.last().unwrap().ident.to_string();
    match macros.get(&name) {
        Some(rules) => rules.apply(&call.tokens).unwrap_or_else(|| panic!("{name}!: no rule matches")),
        None if OTHER_MACROS.contains(&&*name) => TokenStream::new(),
        // Without this panic, the items of a macro of another crate would be missing.
        None => panic!("`{name}!` is unknown to {}", file!()),
    }
}

/// Parses a file of the build script: `concat!(env!("OUT_DIR"), "/client.rs")`.
fn included(tokens: &TokenStream) -> File {
    let tokens = tokens.to_string();
    let name = tokens.rsplit('"').nth(1).expect("a path").trim_start_matches('/');
    syn::parse_file(&fs::read_to_string(Path::new(env!("OUT_DIR")).join(name)).unwrap()).unwrap()
}
