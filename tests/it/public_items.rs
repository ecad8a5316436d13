//! The public items of the crate, read from its source. Every `pub` item is reachable, because the lint
//! `unreachable_pub` is on.

use std::collections::{BTreeMap, BTreeSet};

use syn::{
    Attribute, ImplItem, Item, ItemUse, Type, UseTree, Visibility,
    visit::{self, Visit},
};

use crate::{
    repository::{files, read, root},
    surface::GENERATED,
};

/// A public type: `ext`, `blocking`, `testing` or `types`, and its name.
pub(crate) type TypeName = (&'static str, String);

/// What a source file exports.
#[derive(Default)]
pub(crate) struct PublicItems {
    pub(crate) types: Vec<TypeName>,
    /// The first name of each path in a public signature that does not begin in this crate, and the file.
    pub(crate) foreign: BTreeSet<(String, String)>,
}

/// Reads the public items of the whole crate, without the entry points of the fuzz targets.
pub(crate) fn public_items() -> PublicItems {
    let mut sources = vec![("the generated client".to_owned(), "ext", GENERATED.to_owned())];
    for path in files(".rs") {
        let path = path.strip_prefix(root()).unwrap();
        let name = path.to_str().unwrap().replace('\\', "/");
        let area = match name.split('/').collect::<Vec<_>>()[..] {
            ["src", "blocking", ..] => "blocking",
            ["src", "testing", ..] => "testing",
            ["src", ..] => "ext",
            _ => continue,
        };
        if !name.ends_with("/tests.rs") && !name.contains("/tests/") && !name.ends_with("/fuzzing.rs") {
            sources.push((name, area, read(path)));
        }
    }
    let mut found = PublicItems::default();
    let mut parsed = Vec::new();
    for (file, area, text) in sources {
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut paths = Paths::default();
        found.add_items(&mut paths, area, &syntax.items);
        parsed.push((file, syntax, paths));
    }
    for (file, syntax, mut paths) in parsed {
        found.add_traits(&mut paths, &syntax.items);
        found.foreign.extend(paths.foreign().map(|name| (name, file.clone())));
    }
    found
}

impl PublicItems {
    /// Adds the types, and the paths of all signatures except the traits that types implement.
    fn add_items(&mut self, paths: &mut Paths, area: &'static str, items: &[Item]) {
        for item in items {
            match item {
                Item::Use(item) => paths.add_use(item),
                Item::Struct(item) if is_public(&item.vis, &item.attrs) => {
                    self.types.push((area, item.ident.to_string()));
                    paths.add_derives(&item.attrs);
                    paths.visit_generics(&item.generics);
                    let fields = item.fields.iter().filter(|field| is_public(&field.vis, &field.attrs));
                    fields.for_each(|field| paths.visit_type(&field.ty));
                }
                Item::Enum(item) if is_public(&item.vis, &item.attrs) => {
                    self.types.push((area, item.ident.to_string()));
                    paths.add_derives(&item.attrs);
                    paths.visit_item_enum(item);
                }
                Item::Trait(item) if is_public(&item.vis, &item.attrs) => paths.visit_item_trait(item),
                Item::Fn(item) if is_public(&item.vis, &item.attrs) => paths.visit_signature(&item.sig),
                Item::Type(item) if is_public(&item.vis, &item.attrs) => paths.visit_type(&item.ty),
                Item::Const(item) if is_public(&item.vis, &item.attrs) => paths.visit_type(&item.ty),
                Item::Mod(item) if is_public(&item.vis, &item.attrs) => {
                    let area = if item.ident == "types" { "types" } else { area };
                    paths.modules.insert(item.ident.to_string());
                    self.add_items(paths, area, item.content.as_ref().map_or(&[], |(_, items)| items));
                }
                Item::Impl(block) if block.trait_.is_none() => paths.add_methods(block.items.iter()),
                _ => {}
            }
        }
    }

    /// Adds the traits that public types implement.
    fn add_traits(&self, paths: &mut Paths, items: &[Item]) {
        for item in items {
            let Item::Impl(block) = item else { continue };
            let (Some((implemented, _)), Type::Path(of)) = (&block.trait_, &*block.self_ty) else { continue };
            let name = of.path.segments.last().map(|segment| segment.ident.to_string());
            if self.types.iter().any(|(_, public)| Some(public) == name.as_ref()) {
                paths.visit_path(implemented);
            }
        }
    }
}

/// The paths in public signatures of a file, and its imports by name.
#[derive(Default)]
struct Paths {
    imports: BTreeMap<String, Vec<String>>,
    modules: BTreeSet<String>,
    found: Vec<Vec<String>>,
}

impl Paths {
    /// Returns the first name of each path that does not begin in this crate or the standard library.
    fn foreign(&self) -> impl Iterator<Item = String> {
        let own = ["crate", "self", "super", "Self", "std", "core", "alloc"];
        let first = self.found.iter().filter_map(|path| {
            let full = self.imports.get(&path[0]);
            // A single name that was not imported is in this crate or in the prelude.
            (full.is_some() || path.len() > 1).then(|| full.map_or(&path[0], |full| &full[0]).clone())
        });
        first.filter(move |first| !own.contains(&first.as_str()) && !self.modules.contains(first))
    }

    fn add_use(&mut self, item: &ItemUse) {
        let mut pending = vec![(Vec::new(), &item.tree)];
        while let Some((mut path, tree)) = pending.pop() {
            let mut add = |name: String, last: String| {
                // `use path::{self}` imports the last name of the path.
                let (name, last) = (if name == "self" { path.last().cloned() } else { Some(name) }, last);
                let full = [&path[..], &[last]].concat();
                if matches!(item.vis, Visibility::Public(_)) {
                    self.found.push([&full[..1], &[String::new()]].concat());
                }
                self.imports.extend(name.map(|name| (name, full)));
            };
            match tree {
                UseTree::Name(name) => add(name.ident.to_string(), name.ident.to_string()),
                UseTree::Rename(name) => add(name.rename.to_string(), name.ident.to_string()),
                UseTree::Path(next) => {
                    path.push(next.ident.to_string());
                    pending.push((path, &next.tree));
                }
                UseTree::Group(group) => pending.extend(group.items.iter().map(|tree| (path.clone(), tree))),
                UseTree::Glob(_) => {}
            }
        }
    }

    fn add_derives(&mut self, attributes: &[Attribute]) {
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
            let separated = syn::punctuated::Punctuated::<syn::Path, syn::Token![,]>::parse_terminated;
            for derived in attribute.parse_args_with(separated).unwrap() {
                self.visit_path(&derived);
            }
        }
    }

    fn add_methods<'a>(&mut self, items: impl Iterator<Item = &'a ImplItem>) {
        for item in items {
            if let ImplItem::Fn(method) = item
                && is_public(&method.vis, &method.attrs)
            {
                self.visit_signature(&method.sig);
            }
        }
    }
}

impl<'a> Visit<'a> for Paths {
    fn visit_path(&mut self, path: &'a syn::Path) {
        self.found.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_attribute(&mut self, _: &'a Attribute) {}
}

fn is_public(visibility: &Visibility, attributes: &[Attribute]) -> bool {
    let is_excluded = |attribute: &Attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let tokens = list.tokens.to_string();
        (list.path.is_ident("cfg") && ["test", "distribute_ai_fuzzing"].contains(&tokens.as_str()))
            || (list.path.is_ident("doc") && tokens == "hidden")
    };
    matches!(visibility, Visibility::Public(_)) && !attributes.iter().any(is_excluded)
}
