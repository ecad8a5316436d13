//! The generated mocks, with query parameters that are lists.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::{ImplItem, ImplItemFn, Item};

use super::Problem;

/// Returns the generated mocks, in which each item of a list is a parameter, as in a request.
///
/// The generator calls `to_string`, which a list does not have.
pub(crate) fn adjusted(generated: TokenStream) -> Result<syn::File, Problem> {
    let mut file: syn::File = syn::parse2(generated)?;
    for_each_method(&mut file.items, &mut expect_each_item)?;
    Ok(file)
}

fn for_each_method(
    items: &mut [Item],
    change: &mut dyn FnMut(&mut ImplItemFn) -> Result<(), Problem>,
) -> Result<(), Problem> {
    for item in items {
        match item {
            Item::Mod(module) => {
                let items = module.content.as_mut().map_or(&mut [][..], |(_, items)| items);
                for_each_method(items, change)?;
            }
            Item::Impl(block) => {
                for item in &mut block.items {
                    if let ImplItem::Fn(method) = item {
                        change(method)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn expect_each_item(method: &mut ImplItemFn) -> Result<(), Problem> {
    const CALL: &str = "self . 0 . query_param (";
    const VALUE: &str = ", value . to_string () ,)";
    let body = method.block.to_token_stream().to_string();
    let is_list = method.sig.to_token_stream().to_string().contains(":: vec :: Vec");
    if let (true, Some((before, rest))) = (is_list, body.split_once(CALL))
        && let Some((name, after)) = rest.split_once(VALUE)
    {
        let each =
            format!("value.iter().fold(self.0, |when, item| when.query_param({name}, item.to_string()))");
        method.block = syn::parse_str(&format!("{before}{each}{after}"))?;
    }
    Ok(())
}
