//! The effect of a change on the generated Rust API: both documents are built and generated, and their public surfaces
//! are compared.
//!
//! Each difference belongs to the finding whose pointer shares most with the place in the pages that the item comes from.
//! A finding without a difference does not affect the client.

mod surface;

use self::surface::{Difference, differences};
use super::{
    diff::{DocumentChange, Finding},
    extract::Origins,
    generator::Items,
};
use crate::json::Pointer;

/// A generated client, and the places in the pages that the components of its document come from.
pub(crate) struct Client<'a> {
    pub(crate) origins: &'a Origins,
    pub(crate) items: &'a Items,
}

/// Adds the effect on the client to the findings. Differences that no finding explains become findings of their own.
pub(crate) fn attribute(mut findings: Vec<Finding>, old: &Client, new: &Client) -> Vec<Finding> {
    let mut unexplained = Vec::new();
    for difference in differences(old.items, new.items) {
        let places: Vec<_> = [old, new].iter().flat_map(|client| places(&difference.item, client)).collect();
        let closest = findings
            .iter_mut()
            .map(|finding| (relatedness(finding, &places), finding))
            .filter(|(related, _)| *related >= MIN_RELATED)
            // Of several, the first.
            .rev()
            .max_by_key(|(related, _)| *related);
        match closest {
            Some((_, finding)) => finding.add_difference(difference.level, text(&difference)),
            None => unexplained.push(difference),
        }
    }
    let unexplained = unexplained.iter().map(|difference| {
        Finding::of_client(DocumentChange::ClientSurfaceChanged, difference.level, &text(difference))
    });
    findings.extend(unexplained);
    findings
}

/// The method of a path, or a component.
const MIN_RELATED: usize = 3;

fn text(difference: &Difference) -> String {
    format!("{}: {}", difference.item, difference.text)
}

/// Returns the places in the pages that an item comes from.
fn places(item: &str, client: &Client) -> Vec<Pointer> {
    let origin = client.items.get(item).and_then(|item| item["origin"].as_str());
    let Some(origin) = origin.map(Pointer::new) else { return Vec::new() };
    let tokens: Vec<_> = origin.tokens().collect();
    let roots = match tokens.as_slice() {
        [_, schemas, component, ..] if schemas == "schemas" => client.origins.get(component),
        _ => None,
    };
    let Some(roots) = roots else { return vec![origin] };
    let within = |root: &Pointer| tokens[3..].iter().fold(root.clone(), |place, token| place.child(token));
    roots.iter().map(within).collect()
}

/// Returns the length of the longest prefix that a pointer of the finding shares with a place.
fn relatedness(finding: &Finding, places: &[Pointer]) -> usize {
    let pointers = [&finding.base, &finding.revision];
    let shared =
        pointers.into_iter().flat_map(|pointer| places.iter().map(|place| shared_tokens(pointer, place)));
    shared.max().unwrap_or_default()
}

fn shared_tokens(one: &Pointer, other: &Pointer) -> usize {
    let shared = one.tokens().zip(other.tokens()).take_while(|(one, other)| one == other).count();
    // The places of servers and credentials are shorter.
    if one.is_within(other) { shared.max(MIN_RELATED) } else { shared }
}
