//! The lines of the methods and traits of types.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, GenericParam, Generics, ImplItem, Item, ItemImpl, Path as SynPath, Type};

use super::{
    api::{Api, Mentions, NAME, Path, features, is_generated, is_hidden},
    items::Place,
};
use crate::surface::is_public;

impl Api {
    /// Adds the methods and traits of the exported types, and the exported traits of other types.
    pub(super) fn add_implementations(&mut self) {
        for (module, items) in self.items.clone() {
            for item in items {
                if let Item::Impl(block) = item
                    && !is_generated(&module)
                {
                    self.add_implementation(&module, &block);
                }
            }
        }
    }

    fn add_implementation(&mut self, module: &Path, block: &ItemImpl) {
        let definition = match &*block.self_ty {
            Type::Path(of_type) => self.definition(module, &of_type.path),
            _ => None,
        };
        let public = definition.as_ref().and_then(|definition| self.public.get(definition)).cloned();
        let is_private = definition.is_some() && public.is_none();
        let outer = public.as_ref().map(|(_, place)| place.features.clone()).unwrap_or_default();
        let features = &(&self.features_of(module) | &features(&block.attrs)) | &outer;
        let place = Place { module: module.clone(), features, outer };
        match (&block.trait_, public) {
            _ if is_private => {}
            (Some((of_trait, _)), public) => {
                self.add_trait_implementation(&place, block, of_trait, public.is_some());
            }
            (None, Some((path, _))) => self.add_methods(&place, block, &path),
            (None, None) => {}
        }
    }

    fn add_methods(&mut self, place: &Place, block: &ItemImpl, path: &str) {
        let bounds = bounds(&block.generics);
        let of_part = |attributes: &[Attribute]| {
            let features = &place.features | &features(attributes);
            Place { features, ..place.clone() }
        };
        for item in &block.items {
            match item {
                ImplItem::Fn(method) if is_public(&method.vis) && !is_hidden(&method.attrs) => {
                    let path = format!("{path}::{}", method.sig.ident);
                    self.add_function(&of_part(&method.attrs), &path, &method.sig, &bounds, &[]);
                }
                ImplItem::Const(item) if is_public(&item.vis) && !is_hidden(&item.attrs) => {
                    let of = self.print(&place.module, item.ty.to_token_stream());
                    self.line(&of_part(&item.attrs), &format!("{path}::{}: {of}", item.ident), &["const"]);
                }
                _ => {}
            }
        }
    }

    fn add_trait_implementation(
        &mut self,
        place: &Place,
        block: &ItemImpl,
        of_trait: &SynPath,
        is_own: bool,
    ) {
        let module = &place.module;
        self.mentions.set(Mentions::default());
        let of_type = self.print(module, block.self_ty.to_token_stream());
        let of_type = if is_own { format!("{NAME}::{of_type}") } else { of_type };
        let mut name = self.print(module, of_trait.to_token_stream()).replace("<'de>", "");
        // An implementation with a private type is private, and so is one with types of other crates only.
        let Mentions { exported, private } = self.mentions.take();
        if private > 0 || exported == 0 || name == "Drop" {
            return;
        }
        let types = block.items.iter().filter_map(|item| match item {
            ImplItem::Type(item) => {
                let (name, of) = (&item.ident, &item.ty);
                Some(self.print(module, quote!(#name = #of)))
            }
            _ => None,
        });
        let types = types.collect::<Vec<_>>().join(", ");
        if !types.is_empty() {
            name = match name.strip_suffix('>') {
                Some(name) => format!("{name}, {types}>"),
                None => format!("{name}<{types}>"),
            };
        }
        let bounds = self.print_bounds(module, &bounds(&block.generics));
        self.line(place, &format!("{of_type}: {name}{bounds}"), &[]);
    }

    /// Returns the definition of a path to an item of the crate.
    fn definition(&self, module: &Path, path: &SynPath) -> Option<(Path, String)> {
        let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let (module, item) = self.tree.resolve(module, &names, 0)?;
        Some((module, item?))
    }
}

/// Returns the bounds of an `impl`, which are in its parameters or in its `where`.
fn bounds(generics: &Generics) -> Vec<TokenStream> {
    let of_parameters = generics.params.iter().filter_map(|parameter| match parameter {
        GenericParam::Type(parameter) if !parameter.bounds.is_empty() => {
            let (name, bounds) = (&parameter.ident, &parameter.bounds);
            Some(quote!(#name: #bounds))
        }
        _ => None,
    });
    let of_clause = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    of_parameters.chain(of_clause.map(|bound| quote!(#bound))).collect()
}
