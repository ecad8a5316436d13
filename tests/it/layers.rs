//! The files of `src` and `xtask/src` form layers, without cycles.
//!
//! A path counts as an edge from its file to the file that defines the item. Re-exports are followed to that file, and are
//! not edges themselves. Tests and code for the fuzzer are left out: they may use every layer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, File, Item, ItemUse, Local, Macro, UseTree, Visibility,
    visit::{self, Visit},
};

use crate::repository::root;

/// The layers of a crate, bottom up. A name is a file or a folder; names of one line share a layer.
type Layers = &'static [&'static [&'static str]];

const SRC: Layers = &[
    &["generated.rs"],
    &[
        "ext/bounds/",
        "ext/disk/",
        "ext/error/",
        "ext/nullable.rs",
        "ext/piece.rs",
        "ext/speakable.rs",
        "ext/task_id.rs",
        "ext/union.rs",
    ],
    &["ext/transport/"],
    &["ext/retry/"],
    &["ext/polling/"],
    &["ext/store/"],
    &["ext/client/"],
    &["ext/audio/"],
    &["ext/speech/"],
    &["ext/batch/"],
    &["ext/long_text/"],
    &["ext/mod.rs", "ext/fuzzing.rs"],
    &["testing/"],
    &["blocking/"],
    &["guide/", "lib.rs"],
];

const XTASK: Layers = &[
    &["failure.rs", "date.rs", "child.rs"],
    &["json/", "stdout.rs", "transaction/", "workspace.rs"],
    &["page.rs", "yaml/"],
    &["spec/diagnostics.rs", "spec/schema_locations.rs", "spec/traverse.rs"],
    &["spec/validate/", "spec/patches.rs"],
    &["spec/normalize/"],
    &["spec/document.rs"],
    &["spec/sources/", "spec/input/", "spec/merge/", "spec/diff/", "spec/extract/"],
    &["spec/relax/", "spec/constructors/", "spec/errors.rs", "spec/generator.rs", "spec/key_origins.rs"],
    &["spec/client/"],
    &["spec/commands/"],
    &[
        "spec/mod.rs",
        "spec/fuzzing.rs",
        "bench/",
        "deletions.rs",
        "fuzz.rs",
        "readme_check.rs",
        "reliability.rs",
    ],
    &["lib.rs", "main.rs"],
];

/// Cycles that stay, each with its reason.
const CYCLES: &[(&[&str], &str)] = &[(
    &["ext/error/mod.rs", "ext/task_id.rs"],
    "an error holds a task id, and parsing a task id returns the crate's one error type",
)];

/// The files of a crate, by their path below `src`.
pub(crate) struct Crate {
    pub(crate) modules: BTreeMap<Vec<String>, Module>,
    /// The module and the syntax of each file.
    pub(crate) files: BTreeMap<String, (Vec<String>, File)>,
}

/// The module of an item and its name, or a module.
pub(crate) type Definition = (Vec<String>, Option<String>);

/// The names in a module, inline or with a file of its own.
#[derive(Default)]
pub(crate) struct Module {
    file: String,
    items: BTreeSet<String>,
    /// The names that `use` brings into the module, each with its full path, and the paths of globs.
    pub(crate) imports: Vec<(Option<String>, Vec<String>)>,
}

impl Crate {
    pub(crate) fn new(sources: impl IntoIterator<Item = (String, File)>) -> Self {
        let mut new = Self { modules: BTreeMap::new(), files: BTreeMap::new() };
        for (name, syntax) in sources {
            let module = module_of(&name);
            new.add_module(&name, &module, &syntax.items);
            new.files.insert(name, (module, syntax));
        }
        new
    }

    fn read(directory: &Path) -> Self {
        Self::new(sources(directory))
    }

    fn add_module(&mut self, file: &str, path: &[String], items: &[Item]) {
        let mut module = Module { file: file.to_owned(), ..Module::default() };
        for item in items.iter().filter(|item| !is_excluded(attributes(item))) {
            match item {
                Item::Use(item) => module.imports.extend(imports(item)),
                Item::Mod(inline) => {
                    if let Some((_, items)) = &inline.content {
                        let path = [path, &[inline.ident.to_string()]].concat();
                        self.add_module(file, &path, items);
                    }
                }
                Item::Macro(item) => module.items.extend(item.ident.as_ref().map(ToString::to_string)),
                item => module.items.extend(item_name(item)),
            }
        }
        self.modules.insert(path.to_vec(), module);
    }

    /// Returns the module and the name of the item that a path leads to, if the item belongs to the crate. A module
    /// has no name.
    pub(crate) fn resolve(&self, module: &[String], path: &[String], depth: usize) -> Option<Definition> {
        // A re-export may lead back to itself.
        if depth > 16 {
            return None;
        }
        let (mut at, mut rest) = (module.to_vec(), path);
        match path.first()?.as_str() {
            "crate" => (at, rest) = (Vec::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {}
            first => {
                let module = self.modules.get(&at)?;
                let is_child = self.modules.contains_key(&[&at[..], &[first.to_owned()]].concat());
                let is_import = module.imports.iter().any(|(name, _)| name.as_deref() == Some(first));
                if !is_child && !is_import && !module.items.contains(first) {
                    return None;
                }
            }
        }
        while let Some((next, after)) = rest.split_first() {
            if next == "super" {
                at.pop()?;
                rest = after;
                continue;
            }
            let child = [&at[..], std::slice::from_ref(next)].concat();
            if self.modules.contains_key(&child) {
                (at, rest) = (child, after);
                continue;
            }
            let module = self.modules.get(&at)?;
            if module.items.contains(next) {
                return Some((at, Some(next.clone())));
            }
            for (name, target) in &module.imports {
                let path = match name {
                    Some(name) if name == next => [target, after].concat(),
                    None => [target, rest].concat(),
                    Some(_) => continue,
                };
                if let Some(definition) = self.resolve(&at, &path, depth + 1) {
                    return Some(definition);
                }
            }
            // Another crate, or a name in `generated.rs`, which is one `include!`.
            let is_included = module.file == "generated.rs" && module.items.is_empty() && at.len() == 1;
            return is_included.then(|| (at, Some(next.clone())));
        }
        self.modules.contains_key(&at).then_some((at, None))
    }

    fn edges(&self) -> BTreeMap<String, BTreeSet<String>> {
        let edges = self.files.iter().map(|(name, (module, syntax))| {
            let mut paths = Paths { module: module.clone(), found: Vec::new() };
            paths.visit_file(syntax);
            let definitions = paths.found.iter().filter_map(|(module, path)| self.resolve(module, path, 0));
            let targets = definitions.map(|(module, _)| self.modules[&module].file.clone());
            (name.clone(), targets.filter(|target| target != name).collect())
        });
        edges.collect()
    }

    /// Returns a line for each edge from a lower layer to a higher one, and for each cycle that is not allowed.
    fn problems(&self, layers: Layers, cycles: &[(&[&str], &str)]) -> Vec<String> {
        let edges = self.edges();
        let layer = |file: &str| {
            let of = |name: &&str| if name.ends_with('/') { file.starts_with(*name) } else { file == *name };
            layers.iter().position(|names| names.iter().any(of))
        };
        let mut problems = Vec::new();
        for (file, targets) in &edges {
            let Some(own) = layer(file) else {
                problems.push(format!("{file} has no layer"));
                continue;
            };
            let upward = targets.iter().filter(|target| layer(target).is_some_and(|other| other > own));
            problems.extend(upward.map(|target| format!("{file} uses {target}, which is above it")));
        }
        let mut seen = BTreeSet::new();
        for file in edges.keys() {
            let reached = reachable(&edges, file);
            let cycle: BTreeSet<_> =
                reached.iter().filter(|other| reachable(&edges, other).contains(file)).cloned().collect();
            let allowed =
                cycles.iter().any(|(files, _)| files.iter().copied().eq(cycle.iter().map(String::as_str)));
            if !cycle.is_empty() && !allowed && seen.insert(cycle.clone()) {
                let steps = cycle.iter().flat_map(|file| {
                    let targets = edges[file].iter().filter(|target| cycle.contains(*target));
                    targets.map(move |target| format!("{file} -> {target}"))
                });
                problems.push(format!("cycle: {}", steps.collect::<Vec<_>>().join(", ")));
            }
        }
        problems
    }
}

/// Parses the files below a directory, without the files of tests.
pub(crate) fn sources(directory: &Path) -> Vec<(String, File)> {
    let mut sources: Vec<(String, File)> = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(directory).unwrap().to_str().unwrap().replace('\\', "/");
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !name.ends_with("tests.rs")
                && !name.contains("/tests/")
            {
                sources.push(parsed(&name, &fs::read_to_string(path).unwrap()));
            }
        }
    }
    let modules_of_tests: Vec<_> =
        sources.iter().flat_map(|(name, file)| modules_of_tests(name, file)).collect();
    sources.retain(|(name, _)| !modules_of_tests.iter().any(|module| module_of(name).starts_with(module)));
    sources
}

/// Returns the modules with a file of their own that exist in tests only.
fn modules_of_tests(name: &str, file: &File) -> Vec<Vec<String>> {
    let modules = file.items.iter().filter_map(|item| match item {
        Item::Mod(item) if item.content.is_none() && is_for(&item.attrs, &["test"]) => Some(&item.ident),
        _ => None,
    });
    modules.map(|module| [module_of(name), vec![module.to_string()]].concat()).collect()
}

#[track_caller]
pub(crate) fn parsed(name: &str, text: &str) -> (String, File) {
    (name.to_owned(), syn::parse_file(text).unwrap_or_else(|error| panic!("{name}: {error}")))
}

fn reachable(edges: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(file) = open.pop() {
        for target in edges.get(&file).into_iter().flatten() {
            if reached.insert(target.clone()) {
                open.push(target.clone());
            }
        }
    }
    reached
}

fn module_of(file: &str) -> Vec<String> {
    let mut path: Vec<_> = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if path.last().is_some_and(|last| last == "mod" || last == "lib" || last == "main") {
        path.pop();
    }
    path
}

/// Returns `true` for tests, code for the fuzzer and imports for documentation.
pub(crate) fn is_excluded(attributes: &[Attribute]) -> bool {
    is_for(attributes, &["test", "distribute_ai_fuzzing", "doc"])
}

fn is_for(attributes: &[Attribute], conditions: &[&str]) -> bool {
    attributes.iter().any(|attribute| {
        let tokens = match &attribute.meta {
            syn::Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string(),
            _ => return false,
        };
        conditions.contains(&tokens.as_str())
    })
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

pub(crate) fn item_name(item: &Item) -> Option<String> {
    Some(match item {
        Item::Const(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        _ => return None,
    })
}

/// Returns the names that a `use` brings into its module, with their paths. The name of a glob is `None`.
pub(crate) fn imports(item: &ItemUse) -> Vec<(Option<String>, Vec<String>)> {
    fn walk(tree: &UseTree, path: &[String], found: &mut Vec<(Option<String>, Vec<String>)>) {
        match tree {
            UseTree::Path(next) => walk(&next.tree, &[path, &[next.ident.to_string()]].concat(), found),
            UseTree::Name(name) if name.ident == "self" => found.push((path.last().cloned(), path.to_vec())),
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                found.push((Some(name.clone()), [path, &[name]].concat()));
            }
            UseTree::Rename(rename) => {
                let path = [path, &[rename.ident.to_string()]].concat();
                found.push((Some(rename.rename.to_string()), path));
            }
            UseTree::Glob(_) => found.push((None, path.to_vec())),
            UseTree::Group(group) => group.items.iter().for_each(|tree| walk(tree, path, found)),
        }
    }
    let mut found = Vec::new();
    walk(&item.tree, &[], &mut found);
    found
}

/// Collects every path of a file, with the module in which it stands.
struct Paths {
    module: Vec<String>,
    found: Vec<(Vec<String>, Vec<String>)>,
}

impl Paths {
    /// Collects the paths in the tokens of a macro, which are not parsed.
    fn visit_tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut colons) = (Vec::new(), 0);
        for token in tokens {
            match &token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) if colons == 2 => path.push(ident.to_string()),
                TokenTree::Ident(ident) => {
                    self.push(std::mem::replace(&mut path, vec![ident.to_string()]));
                }
                _ => self.push(std::mem::take(&mut path)),
            }
            if !matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ':') {
                colons = 0;
            }
            if let TokenTree::Group(group) = token {
                self.visit_tokens(group.stream());
            }
        }
        self.push(path);
    }

    fn push(&mut self, path: Vec<String>) {
        // A single name is in the file, or was brought there by a `use` that counts.
        if path.len() > 1 {
            self.found.push((self.module.clone(), path));
        }
    }
}

impl<'a> Visit<'a> for Paths {
    fn visit_item(&mut self, item: &'a Item) {
        if is_excluded(attributes(item)) {
            return;
        }
        match item {
            // A re-export is followed where it is used.
            Item::Use(item) if !matches!(item.vis, Visibility::Inherited) => {}
            Item::Use(item) => {
                self.found.extend(imports(item).into_iter().map(|(_, path)| (self.module.clone(), path)));
            }
            Item::Mod(inline) => {
                self.module.push(inline.ident.to_string());
                visit::visit_item_mod(self, inline);
                self.module.pop();
            }
            item => visit::visit_item(self, item),
        }
    }

    fn visit_local(&mut self, local: &'a Local) {
        if !is_excluded(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    /// `pub(in path)` names a module without using it.
    fn visit_vis_restricted(&mut self, _: &'a syn::VisRestricted) {}

    fn visit_macro(&mut self, macro_call: &'a Macro) {
        self.visit_tokens(macro_call.tokens.clone());
        visit::visit_macro(self, macro_call);
    }
}

#[track_caller]
fn assert_layered(src: &str, layers: Layers, cycles: &[(&[&str], &str)]) {
    let read = Crate::read(&root().join(src));
    let edges: usize = read.edges().values().map(BTreeSet::len).sum();
    assert!(edges > 2 * read.files.len(), "only {edges} edges were found");
    assert_eq!(read.problems(layers, cycles), Vec::<String>::new());
}

#[test]
fn crate_has_no_upward_path_and_no_cycle() {
    assert_layered("src", SRC, CYCLES);
}

#[test]
fn xtask_has_no_upward_path_and_no_cycle() {
    assert_layered("xtask/src", XTASK, &[]);
}

#[test]
fn folder_modules_use_mod_rs() {
    for src in ["src", "xtask/src", "examples/queue-worker/src"] {
        for file in Crate::read(&root().join(src)).files.keys() {
            let folder = root().join(src).join(file.trim_end_matches(".rs"));
            assert!(!folder.is_dir(), "{src}/{file} has a folder of the same name: move it to mod.rs there");
        }
    }
}

const EXAMPLE: Layers = &[&["base.rs"], &["low/"], &["high/"], &["lib.rs"]];

/// A crate with a lower and a higher layer; `low` is the text of a file in the lower one.
#[track_caller]
fn assert_problems(low: &str, expected: &[&str]) {
    let sources = [
        (
            "lib.rs",
            "mod base; mod low; mod high; pub use high::Tower; pub mod api { pub use crate::high::Tower; }",
        ),
        ("base.rs", "pub struct Ground;"),
        ("low/mod.rs", "mod a; mod b; pub use a::A;"),
        ("low/a.rs", low),
        ("low/b.rs", "use super::A; pub struct B(A);"),
        ("high/mod.rs", "pub mod tower; pub use tower::Tower; pub fn build() {}"),
        ("high/tower.rs", "use crate::low::A; pub struct Tower(A);"),
    ];
    let sources = sources.map(|(name, text)| parsed(name, text));
    assert_eq!(Crate::new(sources).problems(EXAMPLE, &[]), expected, "{low}");
}

#[test]
fn downward_paths_are_allowed() {
    assert_problems("use crate::base::Ground; pub struct A(Ground);", &[]);
    assert_problems("pub struct A(super::super::base::Ground);", &[]);
    assert_problems("pub struct A; #[cfg(test)] mod tests { use crate::high::build; }", &[]);
}

#[test]
fn upward_paths_of_each_kind_are_found() {
    let upward = "low/a.rs uses high/tower.rs, which is above it";
    let cycle = "cycle: high/tower.rs -> low/a.rs, low/a.rs -> high/tower.rs";
    for low in [
        "use crate::high::tower::Tower; pub struct A(Box<Tower>);",
        "use crate::high::Tower; pub struct A(Box<Tower>);",
        "use crate::Tower; pub struct A(Box<Tower>);",
        "use crate::api::Tower as T; pub struct A(Box<T>);",
        "use crate::high; pub struct A(Box<high::Tower>);",
        "use crate::high::*; pub struct A(Box<self::Tower>);",
        "pub struct A(Box<crate::high::tower::Tower>);",
        "pub struct A(Box<super::super::high::Tower>);",
        "pub struct A; fn f() { let _: Vec<Box<dyn Fn(crate::Tower)>> = vec![]; }",
        "pub struct A; fn f() { println!(\"{}\", size_of::<crate::Tower>()); }",
    ] {
        let sources_use_mod = low.contains("use crate::high;") || low.contains("use crate::high::*");
        let module = "low/a.rs uses high/mod.rs, which is above it";
        if sources_use_mod {
            assert_problems(low, &[module, upward, cycle]);
        } else {
            assert_problems(low, &[upward, cycle]);
        }
    }
    assert_problems(
        "pub struct A; fn f() { crate::high::build(); }",
        &["low/a.rs uses high/mod.rs, which is above it"],
    );
}

#[test]
fn cycle_within_a_layer_is_found() {
    assert_problems(
        "use super::b::B; pub struct A(Box<B>);",
        &["cycle: low/a.rs -> low/b.rs, low/b.rs -> low/a.rs"],
    );
}
