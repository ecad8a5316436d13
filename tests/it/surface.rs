//! A snapshot of the generated client's public surface: names, signatures, derives and documentation.
//! The generated code is not in the repository, so a review shows its changes only in this snapshot.
//!
//! `SURFACE=write cargo test --test it surface` updates the snapshot.

use std::{env, fs, path::Path};

use syn::{Attribute, Expr, ExprLit, File, ImplItem, Item, Lit, Meta, Visibility, parse_quote};

pub(crate) const GENERATED: &str = include_str!(concat!(env!("OUT_DIR"), "/client.rs"));

const SNAPSHOT: &str = "openapi/surface.rs";

const HEADER: &str = "\
// The public surface of the generated client: names, signatures, derives and documentation, without code.
// `SURFACE=write cargo test --test it surface` updates this file, which shows a review what users will see.

";

/// Returns the public part of an item, or `None` if the item is private.
fn visible(item: Item) -> Option<Item> {
    Some(match item {
        Item::Mod(mut module) if is_public(&module.vis) => {
            without_lints(&mut module.attrs);
            let (brace, items) = module.content?;
            module.content = Some((brace, items.into_iter().filter_map(visible).collect()));
            Item::Mod(module)
        }
        Item::Impl(mut block) => {
            without_lints(&mut block.attrs);
            let is_inherent = block.trait_.is_none();
            // For a trait, only the existence of the implementation matters.
            block
                .items
                .retain(|item| matches!(item, ImplItem::Fn(method) if is_inherent && is_public(&method.vis)));
            for item in &mut block.items {
                if let ImplItem::Fn(method) = item {
                    method.block = parse_quote!({});
                }
            }
            (!is_inherent || !block.items.is_empty()).then_some(Item::Impl(block))?
        }
        Item::Struct(mut item) if is_public(&item.vis) => {
            for field in &mut item.fields {
                if !is_public(&field.vis) {
                    field.ty = parse_quote!(_);
                }
            }
            Item::Struct(item)
        }
        Item::Fn(mut function) if is_public(&function.vis) => {
            function.block = parse_quote!({});
            Item::Fn(function)
        }
        Item::Enum(item) if is_public(&item.vis) => Item::Enum(item),
        Item::Type(item) if is_public(&item.vis) => Item::Type(item),
        Item::Use(mut item) if is_public(&item.vis) => {
            without_lints(&mut item.attrs);
            Item::Use(item)
        }
        _ => return None,
    })
}

fn without_lints(attributes: &mut Vec<Attribute>) {
    attributes.retain(|attribute| !attribute.path().is_ident("allow"));
}

pub(crate) fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Returns the text of a snapshot, which `SURFACE=write` replaces with the present text.
pub(crate) fn snapshot(file: &str, present: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if env::var("SURFACE").is_ok_and(|value| value == "write") {
        fs::write(&path, present).unwrap();
    }
    fs::read_to_string(&path).unwrap_or_default()
}

#[test]
fn surface_snapshot_matches_generated_client() {
    let mut file: File = syn::parse_str(GENERATED).unwrap();
    file.items = file.items.into_iter().filter_map(visible).collect();
    let surface = format!("{HEADER}{}", prettyplease::unparse(&file));
    let snapshot = snapshot(SNAPSHOT, &surface);
    if let Some((number, (old, new))) =
        snapshot.lines().zip(surface.lines()).enumerate().find(|(_, (old, new))| old != new)
    {
        panic!("{SNAPSHOT}, line {}: `{old}` differs from the client's `{new}`; {HEADER}", number + 1);
    }
    assert_eq!(
        snapshot.lines().count(),
        surface.lines().count(),
        "{SNAPSHOT}: number of lines differs; {HEADER}"
    );
}

/// Without a description, progenitor writes only the name of the type.
#[test]
fn every_generated_type_has_a_description() {
    let file: File = syn::parse_str(GENERATED).unwrap();
    let types = file.items.iter().find_map(|item| match item {
        Item::Mod(types) if types.ident == "types" => types.content.as_ref(),
        _ => None,
    });
    let (mut types_found, mut undescribed) = (0, Vec::new());
    for item in &types.unwrap().1 {
        let (name, attributes) = match item {
            Item::Struct(item) => (&item.ident, &item.attrs),
            Item::Enum(item) => (&item.ident, &item.attrs),
            _ => continue,
        };
        let docs = attributes.iter().filter_map(doc_text).collect::<String>();
        let description = docs.split("<details>").next().unwrap().trim();
        let is_described = !description.is_empty() && description != format!("`{name}`");
        if !is_described {
            undescribed.push(name.to_string());
        }
        types_found += 1;
    }
    assert!(undescribed.is_empty(), "{undescribed:?}: no description; add one to each in openapi/fixes.json");
    assert!(types_found > 10, "{types_found}");
}

fn doc_text(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else { return None };
    pair.path.is_ident("doc").then(|| text.value())
}
