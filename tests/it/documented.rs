//! Who reads of a public item has an example of it before them: its own, one that its words link to, or one of its type
//! (or of what its type links to) that uses it.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Expr, ExprLit, File, ImplItem, Item, Lit, Meta, TraitItem, Type, Visibility};

use crate::{
    repository::{files, root},
    surface::GENERATED,
};

/// Something that users see, and what is said of it.
struct Seen {
    file: PathBuf,
    /// The type of a method.
    of: Option<String>,
    name: String,
    words: String,
    /// None of its own, but said of a type's methods.
    more: bool,
}

impl Seen {
    fn title(&self) -> String {
        self.of.iter().chain([&self.name]).map(String::as_str).collect::<Vec<_>>().join("::")
    }

    /// `src/ext`, `src/blocking` and `src/testing` have types of the same names.
    fn area(&self) -> &Path {
        let inside = self.file.strip_prefix(root().join("src")).unwrap();
        inside.iter().next().map(Path::new).unwrap()
    }
}

/// The code in somebody's words.
fn code(words: &str) -> String {
    words.split("```").skip(1).step_by(2).collect()
}

/// What is linked in somebody's words: the last two names of each path, and the last one.
fn links(words: &str, of: &str) -> Vec<String> {
    let prose = words.split("```").step_by(2);
    let targets = prose.flat_map(|prose| prose.split('[').skip(1)).filter_map(|link| {
        let (label, rest) = link.split_once(']')?;
        rest.strip_prefix('(').map_or(Some(label), |rest| rest.split([')', '(', '#']).next())
    });
    let paths = targets
        .map(|target| target.trim_matches('`').trim_end_matches("()").replace("Self::", &format!("{of}::")));
    let names = paths.flat_map(|path| {
        let (rest, last) = path.rsplit_once("::").unwrap_or(("", &path));
        let before = rest.rsplit("::").next().unwrap_or_default();
        [format!("{before}::{last}"), last.to_owned()]
    });
    names.collect()
}

fn words(attributes: &[Attribute], file: &Path) -> String {
    let mut said = String::new();
    for attribute in attributes {
        let line = match &attribute.meta {
            Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
                Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => line.value(),
                Expr::Macro(page) => {
                    let page: syn::LitStr = page.mac.parse_body().unwrap();
                    fs::read_to_string(file.with_file_name(page.value())).unwrap()
                }
                _ => continue,
            },
            _ => continue,
        };
        said.push_str(&line);
        said.push('\n');
    }
    said
}

fn is_public(visibility: &Visibility, attributes: &[Attribute]) -> bool {
    let hidden = attributes.iter().any(|attribute| {
        attribute.path().is_ident("doc")
            && matches!(&attribute.meta, Meta::List(list) if list.tokens.to_string() == "hidden")
    });
    matches!(visibility, Visibility::Public(_)) && !hidden
}

/// What users see of a file: `pub` is what they can reach, as the lint `unreachable_pub` sees to.
fn seen(file: &Path) -> Vec<Seen> {
    let parsed = syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap();
    let mut found = Vec::new();
    let mut add = |of: Option<&str>, name: String, attributes: &[Attribute], more| {
        let words = words(attributes, file);
        found.push(Seen { file: file.to_owned(), of: of.map(str::to_owned), name, words, more });
    };
    for item in &parsed.items {
        match item {
            Item::Struct(item) if is_public(&item.vis, &item.attrs) => {
                add(None, item.ident.to_string(), &item.attrs, false);
            }
            Item::Enum(item) if is_public(&item.vis, &item.attrs) => {
                add(None, item.ident.to_string(), &item.attrs, false);
            }
            Item::Fn(item) if is_public(&item.vis, &item.attrs) => {
                add(None, item.sig.ident.to_string(), &item.attrs, false);
            }
            Item::Trait(item) if is_public(&item.vis, &item.attrs) => {
                let of = item.ident.to_string();
                add(None, of.clone(), &item.attrs, false);
                for inner in &item.items {
                    if let TraitItem::Fn(method) = inner
                        && is_public(&item.vis, &method.attrs)
                    {
                        add(Some(&of), method.sig.ident.to_string(), &method.attrs, false);
                    }
                }
            }
            Item::Impl(block) if block.trait_.is_none() => {
                let Type::Path(of) = &*block.self_ty else { continue };
                let of = of.path.segments.last().unwrap().ident.to_string();
                add(None, of.clone(), &block.attrs, true);
                for inner in &block.items {
                    match inner {
                        ImplItem::Fn(method) if is_public(&method.vis, &method.attrs) => {
                            add(Some(&of), method.sig.ident.to_string(), &method.attrs, false);
                        }
                        ImplItem::Const(constant) if is_public(&constant.vis, &constant.attrs) => {
                            add(Some(&of), constant.ident.to_string(), &constant.attrs, false);
                        }
                        _ => {}
                    }
                }
            }
            // The guide's pages, for those who link to them.
            Item::Mod(module) if file.ends_with("src/guide.rs") => {
                add(Some("guide"), module.ident.to_string(), &module.attrs, false);
            }
            _ => {}
        }
    }
    found
}

#[test]
fn every_public_item_has_an_example() {
    // What is there with `--cfg fuzzing` only is no part of the API.
    let sources = files(".rs")
        .into_iter()
        .filter(|file| file.starts_with(root().join("src")) && !file.ends_with("fuzzing.rs"));
    let all: Vec<_> = sources.flat_map(|file| seen(&file)).collect();
    let mut examples: HashMap<String, String> = HashMap::new();
    for item in &all {
        examples.entry(item.title()).or_default().push_str(&code(&item.words));
    }
    let linked = |item: &Seen| -> String {
        let of = item.of.as_ref().unwrap_or(&item.name);
        links(&item.words, of).iter().filter_map(|title| examples.get(title)).cloned().collect()
    };
    let mut without = Vec::new();
    for item in all.iter().filter(|item| !item.more) {
        let shown = || {
            let of_type = all.iter().filter(|other| {
                other.of.is_none() && item.of.as_ref() == Some(&other.name) && other.area() == item.area()
            });
            of_type.map(|of| code(&of.words) + &linked(of)).any(|code| uses(&code, &item.name))
        };
        if code(&item.words).is_empty() && linked(item).is_empty() && !shown() {
            without.push(format!("{}: {}", item.file.display(), item.title()));
        }
    }
    assert!(all.len() > 250, "{}", all.len());
    assert!(without.is_empty(), "no example, of its own or by a link:\n{}", without.join("\n"));
}

fn uses(code: &str, name: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
}

#[test]
fn every_generated_type_has_words() {
    let file: File = syn::parse_str(GENERATED).unwrap();
    let types = file.items.iter().find_map(|item| match item {
        Item::Mod(types) if types.ident == "types" => types.content.as_ref(),
        _ => None,
    });
    let mut count = 0;
    for item in &types.unwrap().1 {
        let (name, attributes) = match item {
            Item::Struct(item) => (&item.ident, &item.attrs),
            Item::Enum(item) => (&item.ident, &item.attrs),
            _ => continue,
        };
        let said = words(attributes, Path::new(""));
        let said = said.trim();
        assert!(
            !said.is_empty() && said != format!("`{name}`"),
            "{name} has no words of its own: openapi/fixes.json is the place"
        );
        count += 1;
    }
    assert!(count > 10, "{count}");
}
