//! A listing of the hand-written public API: a line for each item, with its path as users write it.
//!
//! A review sees in the listing what users will see, as in `openapi/surface.rs` for the generated client.
//! `SURFACE=write cargo test --test it surface` updates both.

mod api;
pub(crate) mod expand;
mod implementations;
mod items;
mod macro_rules;
mod print;
mod tests;

use std::collections::BTreeSet;

use self::api::Api;
use crate::{layers::sources, repository::root, surface::snapshot};

const LISTING: &str = "docs/public-api.txt";

const HEADER: &str = "\
# The hand-written public API: a line for each item, with its path as users write it. The lines are sorted.
#
# `path: Trait` is the implementation of a trait, derived or not. Paths of this crate in signatures start at its root.
# Of paths in the standard library, only the last part is listed. Other crates are listed in full.
# A feature applies to everything in the module or type. `openapi/surface.rs` lists the items marked `generated`.
# `SURFACE=write cargo test --test it surface` updates this file.

";

#[test]
fn surface_listing_matches_source() {
    let lines = Api::listing(sources(&root().join("src")));
    let text = format!("{HEADER}{}\n", Vec::from_iter(lines.clone()).join("\n"));
    let file = snapshot(LISTING, &text);
    let listed: BTreeSet<_> =
        file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect();
    let removed = listed.difference(&lines).map(|line| format!("- {line}"));
    let added = lines.difference(&listed).map(|line| format!("+ {line}"));
    let differences: Vec<_> = removed.chain(added).collect();
    assert!(
        differences.is_empty(),
        "{LISTING} differs from `src`. A line with `-` may break users.\n{}\n\
         To update the file: `SURFACE=write cargo test --test it surface`",
        differences.join("\n")
    );
    assert!(file == text, "the header or the order of {LISTING} differs");
}
