//! The pages of `docs/guide`. Users read them as files and as modules of the docs.

use std::{collections::BTreeSet, fs};

use syn::{ImplItem, Item};

use crate::repository::{read, root};

/// Returns the name and the text of each guide page, without the table of contents.
fn pages() -> Vec<(String, String)> {
    let files = fs::read_dir(root().join("docs/guide")).unwrap();
    let names = files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    let pages = names.filter(|name| name != "README");
    pages.map(|name| (name.clone(), read(format!("docs/guide/{name}.md")))).collect()
}

/// Returns the link definitions `[label]: target`.
fn definitions(text: &str) -> BTreeSet<(String, String)> {
    let parts = text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
    let links = parts.filter(|(_, target)| !target.contains(' '));
    links.map(|(label, target)| (label.to_owned(), target.to_owned())).collect()
}

#[test]
fn guide_errors_page_has_row_for_every_predicate() {
    let page = read("docs/guide/errors.md");
    let source = syn::parse_file(&read("src/ext/error/predicates.rs")).unwrap();
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
        assert!(
            page.contains(&format!("(Error::{predicate}, ")),
            "docs/guide/errors.md has no label for `{predicate}`"
        );
    }
}

#[test]
fn guide_page_is_in_contents_and_docs() {
    let (contents, module) = (read("docs/guide/README.md"), read("src/guide/mod.rs"));
    let pages = pages();
    assert!(pages.len() > 5, "{pages:?}");
    for (name, text) in pages {
        let title = text.lines().next().unwrap().strip_prefix("# ").unwrap();
        assert!(contents.contains(&format!(". [{title}]. ")), "docs/guide/README.md has no entry `{title}`");
        assert!(definitions(&contents).contains(&(title.to_owned(), format!("{name}.md"))), "{title}");
        assert!(
            module.contains(&format!("/{name}.md\")]\npub mod {name} {{}}")),
            "src/guide/mod.rs has no module `{name}`"
        );
    }
}
