//! What the generator writes is seen by nobody who reviews a change, unless it stands in the repository: names,
//! signatures, derives and words of the generated client, without its code.
//!
//! `SURFACE=write cargo test --test it surface` writes it anew.

use std::{env, fs, path::Path};

use syn::{Attribute, File, ImplItem, Item, Visibility, parse_quote};

pub(crate) const GENERATED: &str = include_str!(concat!(env!("OUT_DIR"), "/client.rs"));

const SNAPSHOT: &str = "openapi/surface.rs";

const HEADER: &str = "\
// The public surface of the generated client: names, signatures, derives and words, without code. Written by
// `SURFACE=write cargo test --test it surface`, so that a change of the spec shows in review as what users will see.

";

/// What of an item can be seen from outside, if any of it can.
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
            let own = block.trait_.is_none();
            // Of a trait it is enough to know that it is there.
            block.items.retain(|item| matches!(item, ImplItem::Fn(method) if own && is_public(&method.vis)));
            for item in &mut block.items {
                if let ImplItem::Fn(method) = item {
                    method.block = parse_quote!({});
                }
            }
            (!own || !block.items.is_empty()).then_some(Item::Impl(block))?
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

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

#[test]
fn the_snapshot_shows_what_users_will_see() {
    let mut file: File = syn::parse_str(GENERATED).unwrap();
    file.items = file.items.into_iter().filter_map(visible).collect();
    let surface = format!("{HEADER}{}", prettyplease::unparse(&file));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SNAPSHOT);
    if env::var("SURFACE").is_ok_and(|what| what == "write") {
        fs::write(&path, &surface).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if let Some((number, (kept, new))) =
        kept.lines().zip(surface.lines()).enumerate().find(|(_, (kept, new))| kept != new)
    {
        panic!("{SNAPSHOT}, line {}: says `{kept}`, and the client has `{new}`; {HEADER}", number + 1);
    }
    assert_eq!(kept.lines().count(), surface.lines().count(), "{SNAPSHOT} is of another length; {HEADER}");
}
