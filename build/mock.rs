//! The generated mocks, with query parameters that are lists, and bodies that may be `null`.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::{ToTokens as _, format_ident};
use syn::{ImplItem, ImplItemFn, Item};

use super::Problem;

/// Returns the generated mocks, with methods that compile.
pub(crate) fn adjusted(generated: TokenStream) -> Result<syn::File, Problem> {
    let mut file: syn::File = syn::parse2(generated)?;
    correct_methods(&mut file.items)?;
    Ok(file)
}

fn correct_methods(items: &mut [Item]) -> Result<(), Problem> {
    for item in items {
        match item {
            Item::Mod(module) => {
                correct_methods(module.content.as_mut().map_or(&mut [][..], |(_, items)| items))?;
            }
            Item::Impl(block) => {
                let mut names = BTreeSet::new();
                for item in &mut block.items {
                    if let ImplItem::Fn(method) = item {
                        correct(method)?;
                        // A parameter may be called `new` or `into_inner`, as the methods that each mock has.
                        while !names.insert(method.sig.ident.to_string()) {
                            method.sig.ident = format_ident!("{}_", method.sig.ident);
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Corrects a method that calls `to_string` of a list, or sends an `Option` as a body.
fn correct(method: &mut ImplItemFn) -> Result<(), Problem> {
    let body = method.block.to_token_stream().to_string();
    let signature = method.sig.to_token_stream().to_string();
    let mut corrected = None;
    if signature.contains(":: vec :: Vec") {
        corrected = each_item_is_a_parameter(&body);
    }
    if signature.contains("value : Option <") {
        corrected = Some(body.replace("json_body_obj (value", "json_body_obj (&value"));
    }
    if let Some(corrected) = corrected {
        method.block = syn::parse_str(&corrected)?;
    }
    Ok(())
}

fn each_item_is_a_parameter(body: &str) -> Option<String> {
    let (before, rest) = body.split_once("self . 0 . query_param (")?;
    let (name, after) = rest.split_once(", value . to_string ()")?;
    let after = after.trim_start_matches([' ', ',']).strip_prefix(')')?;
    Some(format!(
        "{before}value.iter().fold(self.0, |when, item| when.query_param({name}, item.to_string())){after}"
    ))
}
