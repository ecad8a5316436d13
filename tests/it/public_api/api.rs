//! Finds the items that a crate exports, and the names that users write for them.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
};

use proc_macro2::TokenStream;
use syn::{Attribute, File, Item, Meta};

use super::{
    expand::expand,
    items::{Place, visibility},
    print::print,
};
use crate::{
    layers::{Crate, attributes, imports, is_excluded, item_name},
    surface::is_public,
};

pub(super) const NAME: &str = "distribute_ai";

pub(super) type Features = BTreeSet<String>;

/// A module of the crate, by its path below `src`.
pub(super) type Path = Vec<String>;

/// The number of items of the crate that were printed.
#[derive(Clone, Copy, Default)]
pub(super) struct Mentions {
    pub(super) exported: usize,
    pub(super) private: usize,
}

/// A crate with the items that its users can name.
pub(super) struct Api {
    pub(super) tree: Crate,
    pub(super) items: BTreeMap<Path, Vec<Item>>,
    /// The features that the module itself needs, without those of the module around it.
    features: BTreeMap<Path, Features>,
    /// The shortest path of each exported item, by its module and name.
    pub(super) public: BTreeMap<(Path, String), (String, Place)>,
    lines: BTreeSet<String>,
    pub(super) mentions: Cell<Mentions>,
    /// The private aliases in public signatures.
    aliases: RefCell<BTreeSet<(Path, String)>>,
}

impl Api {
    /// Returns the lines of the listing.
    pub(super) fn listing(sources: Vec<(String, File)>) -> BTreeSet<String> {
        let tree = Crate::new(expand(sources));
        let mut api = Self {
            items: BTreeMap::new(),
            features: BTreeMap::new(),
            public: BTreeMap::new(),
            lines: BTreeSet::new(),
            mentions: Cell::default(),
            aliases: RefCell::new(BTreeSet::new()),
            tree,
        };
        let files: Vec<_> =
            api.tree.files.values().map(|(module, file)| (module.clone(), file.items.clone())).collect();
        for (module, items) in files {
            api.add_module(module, items);
        }
        api.walk(&Path::new(), NAME, &Features::new());
        api.add_definitions();
        api.add_implementations();
        for (module, name) in api.aliases.take() {
            let path = format!("{}::{name}", module.join("::"));
            // An alias may be in a line that was left out.
            let is_listed = api.lines.iter().any(|line| line.contains(&path));
            if let Some(Item::Type(item)) = api.item(&module, &name).cloned()
                && is_listed
            {
                let place = Place { module, features: Features::new(), outer: Features::new() };
                api.add_alias(&place, &path, &item.generics, &item.ty, "private type");
            }
        }
        api.lines
    }

    fn add_module(&mut self, module: Path, mut items: Vec<Item>) {
        items.retain(|item| !is_hidden(attributes(item)));
        for item in &items {
            if let Item::Mod(child) = item {
                let path = child_of(&module, &child.ident.to_string());
                self.features.insert(path.clone(), features(&child.attrs));
                if let Some((_, items)) = &child.content {
                    self.add_module(path, items.clone());
                }
            }
        }
        self.items.insert(module, items);
    }

    /// Records the items that a module exports under a path.
    fn walk(&mut self, module: &Path, path: &str, outer: &Features) {
        for item in self.items.get(module).cloned().unwrap_or_default() {
            let features = outer | &features(attributes(&item));
            let place = Place { module: module.clone(), features, outer: outer.clone() };
            match &item {
                Item::Use(item) if is_public(&item.vis) => {
                    for (name, target) in imports(item) {
                        self.export_import(&place, path, name, &target);
                    }
                }
                Item::Mod(child) if is_public(&child.vis) => {
                    let name = child.ident.to_string();
                    let place = Place { module: child_of(module, &name), ..place };
                    self.export_module(&place, &format!("{path}::{name}"));
                }
                Item::Mod(_) | Item::Use(_) => {}
                item if visibility(item).is_some_and(is_public) => {
                    let name = item_name(item).unwrap();
                    self.export(place, &name, &format!("{path}::{name}"));
                }
                _ => {}
            }
        }
    }

    /// Records what a `pub use` exports. The name of a glob is `None`.
    fn export_import(&mut self, place: &Place, path: &str, name: Option<String>, target: &Path) {
        let definition = self.tree.resolve(&place.module, target, 0);
        let path = name.as_ref().map_or_else(|| path.to_owned(), |name| format!("{path}::{name}"));
        let Some((module, item)) = definition else {
            self.line(place, &format!("{path} = {}", target.join("::")), &["use"]);
            return;
        };
        let place = Place { module, ..place.clone() };
        match (item, name) {
            (Some(item), _) => self.export(place, &item, &path),
            (None, Some(_)) => self.export_module(&place, &path),
            (None, None) => self.walk(&place.module, &path, &place.features),
        }
    }

    fn export_module(&mut self, place: &Place, path: &str) {
        self.line(place, path, &["mod"]);
        self.walk(&place.module, path, &place.features);
    }

    fn export(&mut self, mut place: Place, name: &str, path: &str) {
        let Some(item) = self.item(&place.module, name) else { return };
        place.features = &place.features | &features(attributes(item));
        let length = |path: &str| (path.matches("::").count(), path.len());
        let key = (place.module.clone(), name.to_owned());
        if let Some((other, other_place)) = self.public.get(&key).cloned() {
            if length(&other) <= length(path) {
                self.line(&place, &format!("{path} = {other}"), &["use"]);
                return;
            }
            self.line(&other_place, &format!("{other} = {path}"), &["use"]);
        }
        self.public.insert(key, (path.to_owned(), place));
    }

    /// Returns an item, unless it is hidden.
    pub(super) fn item(&self, module: &Path, name: &str) -> Option<&Item> {
        self.items.get(module)?.iter().find(|item| {
            !matches!(item, Item::Mod(_) | Item::Use(_)) && item_name(item).as_deref() == Some(name)
        })
    }

    /// Returns the features that a module needs, with those of the modules around it.
    pub(super) fn features_of(&self, module: &Path) -> Features {
        (0..=module.len()).filter_map(|end| self.features.get(&module[..end])).flatten().cloned().collect()
    }

    /// Adds a line with its marks. A feature that the item around already needs is left out.
    pub(super) fn line(&mut self, place: &Place, text: &str, marks: &[&str]) {
        let mut marks: Vec<_> = marks.iter().map(|&mark| mark.to_owned()).collect();
        marks.extend(place.features.difference(&place.outer).cloned());
        let marks = if marks.is_empty() { String::new() } else { format!(" [{}]", marks.join(", ")) };
        self.lines.insert(format!("{text}{marks}"));
    }

    /// Prints the tokens of an item, with the names that its users write.
    pub(super) fn print(&self, module: &Path, tokens: TokenStream) -> String {
        print(tokens, |path| {
            let Some((definition, Some(name))) = self.tree.resolve(module, path, 0) else {
                return self.print_other_crate(module, path);
            };
            let (key, mut mentions) = ((definition, name), self.mentions.get());
            if let Some((path, _)) = self.public.get(&key) {
                mentions.exported += 1;
                self.mentions.set(mentions);
                return path.split_once("::").map(|(_, path)| path.to_owned());
            }
            let item = self.item(&key.0, &key.1);
            let Some(Item::Type(_)) = item else {
                let is_open = item.and_then(visibility).is_some_and(is_public);
                mentions.private += usize::from(!is_open);
                self.mentions.set(mentions);
                return None;
            };
            let path = format!("{}::{}", key.0.join("::"), key.1);
            self.aliases.borrow_mut().insert(key);
            Some(path)
        })
    }

    fn print_other_crate(&self, module: &Path, path: &[String]) -> Option<String> {
        let imports = &self.tree.modules.get(module)?.imports;
        let import = imports.iter().find(|(name, _)| name.as_ref() == path.first());
        let full = match import {
            Some((_, target)) => [target, &path[1..]].concat(),
            None => path.to_vec(),
        };
        let is_standard = ["alloc", "core", "std"].contains(&full[0].as_str());
        // `io::Error` is another type than the crate's `Error`.
        let kept = if matches!(full.last()?.as_str(), "Error" | "Result") { 2 } else { 1 };
        let start = if is_standard { full.len().saturating_sub(kept) } else { 0 };
        Some(full[start..].join("::"))
    }
}

/// Returns `true` for a module whose items `openapi/surface.rs` lists.
pub(super) fn is_generated(module: &Path) -> bool {
    module == &["generated"] || module.starts_with(&["generated".to_owned(), "types".to_owned()])
}

fn child_of(module: &Path, name: &str) -> Path {
    [&module[..], &[name.to_owned()]].concat()
}

pub(super) fn is_hidden(attributes: &[Attribute]) -> bool {
    let is_hidden = |attribute: &Attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("doc") && list.tokens.to_string() == "hidden",
        _ => false,
    };
    is_excluded(attributes) || attributes.iter().any(is_hidden)
}

/// Returns the features of a `cfg`, or its text if it is more than a list of features.
pub(super) fn features(attributes: &[Attribute]) -> Features {
    let mut features = Features::new();
    for attribute in attributes {
        let Meta::List(list) = &attribute.meta else { continue };
        if list.path.is_ident("cfg") {
            let text = list.tokens.to_string();
            if text.starts_with("feature") || text.starts_with("all") {
                features.extend(text.split('"').skip(1).step_by(2).map(|name| format!("feature {name}")));
            } else {
                features.insert(format!("cfg {text}"));
            }
        }
    }
    features
}
