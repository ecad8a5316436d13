//! The lines of an item and of its parts.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    Attribute, Fields, Generics, Item, ItemTrait, Path as SynPath, Signature, Token, TraitItem, Type,
    Visibility, punctuated::Punctuated,
};

use super::api::{Api, Features, Path, features, is_generated, is_hidden};
use crate::surface::is_public;

/// The place of an item, and the features that it needs.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) module: Path,
    pub(super) features: Features,
    /// The features of the module or type around the item.
    pub(super) outer: Features,
}

impl Place {
    /// Returns the place of a field, variant or method.
    fn of_part(&self, attributes: &[Attribute]) -> Self {
        let features = &self.features | &features(attributes);
        Self { features, outer: self.features.clone(), module: self.module.clone() }
    }
}

impl Api {
    /// Adds the lines of the exported items.
    pub(super) fn add_definitions(&mut self) {
        for ((module, name), (path, place)) in self.public.clone() {
            if is_generated(&module) {
                self.line(&place, &path, &["generated"]);
                continue;
            }
            match self.item(&module, &name).unwrap().clone() {
                Item::Struct(item) => {
                    self.add_type(&place, &path, "struct", &item.attrs, &item.generics);
                    self.add_fields(&place, &path, &item.fields);
                }
                Item::Enum(item) => {
                    self.add_type(&place, &path, "enum", &item.attrs, &item.generics);
                    for variant in item.variants.iter().filter(|variant| !is_hidden(&variant.attrs)) {
                        let fields = self.print(&module, variant.fields.to_token_stream());
                        let space = if fields.starts_with('{') { " " } else { "" };
                        let line = format!("{path}::{}{space}{fields}", variant.ident);
                        self.line(&place.of_part(&variant.attrs), &line, &["variant"]);
                    }
                }
                Item::Trait(item) => self.add_trait(&place, &path, &item),
                Item::Fn(item) => self.add_function(&place, &path, &item.sig, &[], &[]),
                Item::Const(item) => {
                    let line = format!("{path}: {}", self.print(&module, item.ty.to_token_stream()));
                    self.line(&place, &line, &["const"]);
                }
                Item::Type(item) => self.add_alias(&place, &path, &item.generics, &item.ty, "type"),
                _ => panic!("{path}: no line is defined for such an item"),
            }
        }
    }

    fn add_type(&mut self, place: &Place, path: &str, kind: &str, attrs: &[Attribute], generics: &Generics) {
        let declared = self.print(&place.module, quote!(#generics));
        let kind = format!("{kind} {declared}");
        let is_non_exhaustive = attrs.iter().any(|attribute| attribute.path().is_ident("non_exhaustive"));
        let marks = [kind.trim_end(), "non_exhaustive"];
        self.line(place, path, &marks[..if is_non_exhaustive { 2 } else { 1 }]);
        let (_, parameters, _) = generics.split_for_impl();
        let parameters = self.print(&place.module, quote!(#parameters));
        for derive in attrs.iter().filter(|attribute| attribute.path().is_ident("derive")) {
            let traits = derive.parse_args_with(Punctuated::<SynPath, Token![,]>::parse_terminated).unwrap();
            for derived in traits {
                let names = generics.type_params().map(|parameter| &parameter.ident);
                let bounds: Vec<_> = names.map(|name| quote!(#name: #derived)).collect();
                let bounds = self.print_bounds(&place.module, &bounds);
                let derived = self.print(&place.module, quote!(#derived));
                self.line(&place.of_part(&[]), &format!("{path}{parameters}: {derived}{bounds}"), &[]);
            }
        }
    }

    fn add_fields(&mut self, place: &Place, path: &str, fields: &Fields) {
        for (number, field) in fields.iter().enumerate() {
            if is_public(&field.vis) && !is_hidden(&field.attrs) {
                let name = field.ident.as_ref().map_or_else(|| number.to_string(), ToString::to_string);
                let line =
                    format!("{path}::{name}: {}", self.print(&place.module, field.ty.to_token_stream()));
                self.line(&place.of_part(&field.attrs), &line, &["field"]);
            }
        }
    }

    fn add_trait(&mut self, place: &Place, path: &str, item: &ItemTrait) {
        let (generics, supertraits) = (&item.generics, &item.supertraits);
        let kind = format!("trait {}", self.print(&place.module, quote!(#generics)));
        let supertraits = (!supertraits.is_empty()).then(|| quote!(: #supertraits));
        let line = format!("{path}{}", self.print(&place.module, quote!(#supertraits)));
        self.line(place, &line, &[kind.trim_end()]);
        for part in &item.items {
            match part {
                TraitItem::Fn(method) if is_hidden(&method.attrs) => {}
                TraitItem::Fn(method) => {
                    let kind = if method.default.is_some() { "provided" } else { "required" };
                    let (path, place) =
                        (format!("{path}::{}", method.sig.ident), place.of_part(&method.attrs));
                    self.add_function(&place, &path, &method.sig, &[], &[kind]);
                }
                TraitItem::Type(item) => {
                    let bounds =
                        (!item.bounds.is_empty()).then_some(&item.bounds).map(|bounds| quote!(: #bounds));
                    let bounds = self.print(&place.module, quote!(#bounds));
                    let line = format!("{path}::{}{bounds}", item.ident);
                    self.line(&place.of_part(&item.attrs), &line, &["type"]);
                }
                _ => panic!("{path}: no line is defined for a part of this trait"),
            }
        }
    }

    pub(super) fn add_alias(
        &mut self,
        place: &Place,
        path: &str,
        generics: &Generics,
        of: &Type,
        mark: &str,
    ) {
        let generics = self.print(&place.module, quote!(#generics));
        let line = format!("{path}{generics} = {}", self.print(&place.module, quote!(#of)));
        self.line(place, &line, &[mark]);
    }

    /// Adds the line of a function or method. `bounds` are those of the `impl` around it.
    pub(super) fn add_function(
        &mut self,
        place: &Place,
        path: &str,
        signature: &Signature,
        bounds: &[TokenStream],
        kinds: &[&str],
    ) {
        let Signature { generics, inputs, output, .. } = signature;
        let own_bounds = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
        let bounds: Vec<_> = bounds.iter().cloned().chain(own_bounds.map(|bound| quote!(#bound))).collect();
        let bounds = self.print_bounds(&place.module, &bounds);
        let line = self.print(&place.module, quote!(#generics (#inputs) #output));
        let mut marks = kinds.to_vec();
        marks.extend(signature.asyncness.map(|_| "async"));
        marks.extend(signature.constness.map(|_| "const"));
        self.line(place, &format!("{path}{line}{bounds}"), &marks);
    }

    pub(super) fn print_bounds(&self, module: &Path, bounds: &[TokenStream]) -> String {
        let bounds: Vec<_> = bounds.iter().map(|bound| self.print(module, bound.clone())).collect();
        if bounds.is_empty() { String::new() } else { format!(" where {}", bounds.join(", ")) }
    }
}

pub(super) fn visibility(item: &Item) -> Option<&Visibility> {
    Some(match item {
        Item::Const(item) => &item.vis,
        Item::Enum(item) => &item.vis,
        Item::Fn(item) => &item.vis,
        Item::Static(item) => &item.vis,
        Item::Struct(item) => &item.vis,
        Item::Trait(item) => &item.vis,
        Item::Type(item) => &item.vis,
        _ => return None,
    })
}
