//! The pages of `docs/guide`, which are read in two places: as files, and as modules of the docs.

use std::{collections::BTreeSet, fs};

use syn::{ImplItem, Item};

use crate::repository::{read, root};

/// The pages without their contents list: their names, and their texts.
fn pages() -> Vec<(String, String)> {
    let files = fs::read_dir(root().join("docs/guide")).unwrap();
    let names = files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    let pages = names.filter(|name| name != "README");
    pages.map(|name| (name.clone(), read(format!("docs/guide/{name}.md")))).collect()
}

/// The definitions of links, `[label]: target`.
fn definitions(text: &str) -> BTreeSet<(String, String)> {
    let parts = text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
    let links = parts.filter(|(_, target)| !target.contains(' '));
    links.map(|(label, target)| (label.to_owned(), target.to_owned())).collect()
}

#[test]
fn every_predicate_of_an_error_has_its_row() {
    let page = read("docs/guide/errors.md");
    let source = syn::parse_file(&read("src/ext/error.rs")).unwrap();
    let methods = source.items.iter().filter_map(|item| match item {
        Item::Impl(block) if block.trait_.is_none() => Some(&block.items),
        _ => None,
    });
    let names = methods.flatten().filter_map(|item| match item {
        ImplItem::Fn(method) => Some(method.sig.ident.to_string()),
        _ => None,
    });
    let predicates: Vec<_> = names.filter(|name| name.starts_with("is_")).collect();
    assert!(predicates.len() > 10, "{predicates:?}");
    for predicate in predicates {
        let row = page.lines().find(|line| line.starts_with(&format!("| [`{predicate}`] |")));
        let row = row.unwrap_or_else(|| panic!("docs/guide/errors.md has no row for `{predicate}`"));
        assert_eq!(row.split('|').count(), 7, "{row}");
        assert!(page.contains(&format!("(Error::{predicate}, ")), "no label for `{predicate}`");
    }
}

#[test]
fn every_page_is_in_the_contents_and_in_the_docs() {
    let (contents, module) = (read("docs/guide/README.md"), read("src/guide.rs"));
    let pages = pages();
    assert!(pages.len() > 5, "{pages:?}");
    for (name, text) in pages {
        let title = text.lines().next().unwrap().strip_prefix("# ").unwrap();
        assert!(contents.contains(&format!(". [{title}]. ")), "the contents lack `{title}`");
        assert!(definitions(&contents).contains(&(title.to_owned(), format!("{name}.md"))), "{title}");
        assert!(
            module.contains(&format!("/{name}.md\")]\npub mod {name} {{}}")),
            "src/guide.rs lacks `{name}`"
        );
    }
}

#[test]
fn a_link_leads_to_the_same_place_as_a_file_and_in_the_docs() {
    let checked = definitions(&read("src/guide/links.md"));
    // The README is the front page of the docs, and leads to the pages from another directory.
    let readme = read("README.md").replace("]: docs/guide/", "]: ");
    let others = [("docs/guide/README.md", read("docs/guide/README.md")), ("README.md", readme)];
    let pages = pages().into_iter().chain(others.map(|(name, text)| (name.to_owned(), text)));
    let mut used = BTreeSet::new();
    for (page, text) in pages {
        for (label, target) in definitions(&text) {
            let Some(path) = checked.iter().find(|(known, _)| *known == label).map(|(_, path)| path) else {
                let elsewhere = target.starts_with("https://github.com/distribute-ai/");
                assert!(elsewhere, "{page}: rustdoc doesn't know `{label}`: src/guide/links.md");
                continue;
            };
            let ours = target.strip_prefix("https://docs.rs/distribute-ai/latest/distribute_ai/");
            let same = match (ours, target.strip_suffix(".md")) {
                // No page of the docs: a file of the repository.
                _ if path.starts_with("https://") => {
                    path.ends_with(&format!("/main/{target}")) && root().join(&target).is_file()
                }
                (Some(place), _) => format!("crate::{}", path_of(place)) == path.trim_end_matches("()"),
                (None, Some(file)) => format!("crate::guide::{file}") == *path,
                (None, None) => target.starts_with("https://do"),
            };
            assert!(same, "{page}: {label} leads to {target} and to {path}");
            used.insert(label);
        }
    }
    let unused: Vec<_> = checked.iter().filter(|(label, _)| !used.contains(label)).collect();
    assert!(unused.is_empty(), "no page has {unused:?}");
}

/// `batch/struct.Batch.html#method.run` is `batch::Batch::run`.
fn path_of(place: &str) -> String {
    let place = place.replace("/index.html", "").replace(".html", "").replace('#', "/");
    let names = place.split('/').map(|part| part.rsplit('.').next().unwrap());
    names.collect::<Vec<_>>().join("::")
}
