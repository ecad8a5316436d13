//! The effect of a change on the generated Rust API: both documents are built and generated, and their public surfaces
//! are compared.
//!
//! Each difference belongs to the finding whose pointer shares most with the place in the pages that the item comes from.
//! A finding without a difference has no effect on the client.

mod surface;

use serde_json::Value;

use self::surface::{Difference, differences};
use super::{diff::Finding, extract::Origins, generator::Items};
use crate::json::Pointer;

/// A built document and its client.
pub(crate) struct Client<'a> {
    pub(crate) spec: &'a Value,
    pub(crate) origins: &'a Origins,
    pub(crate) items: Items,
}

/// Adds the effect on the client to the findings. Differences that no finding explains become findings of their own.
pub(crate) fn attribute(mut findings: Vec<Finding>, old: &Client, new: &Client) -> Vec<Finding> {
    let mut unexplained = Vec::new();
    for difference in differences(&old.items, &new.items) {
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
    let unexplained = unexplained.iter().filter_map(|difference| {
        Finding::of_client("client-surface-changed", difference.level, &text(difference))
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
    let mut parts = item.split("::");
    let (Some(module), Some(name)) = (parts.next(), parts.next()) else { return Vec::new() };
    if module == "Client" {
        return operation(client, name.trim_end_matches("()")).into_iter().collect();
    }
    if module == "facts" {
        let fact = match name {
            "BASE_URL" => "servers",
            "INPUT_LENGTH" => return client.origins.get("SpeechRequestInput").cloned().unwrap_or_default(),
            _ => return Vec::new(),
        };
        return vec![Pointer::default().child(fact)];
    }
    let components = client.spec["components"]["schemas"].as_object().into_iter().flatten();
    let component =
        components.map(|(component, _)| component).find(|component| plain(component) == plain(name));
    let Some(component) = component else { return Vec::new() };
    let schema = Pointer::new("/components/schemas").child(component);
    // An open type comes from the same place as its known values.
    let known = client.spec.pointer(&format!("{schema}/oneOf/0/allOf/0/$ref")).and_then(Value::as_str);
    let known = known.and_then(|known| client.origins.get(known.rsplit('/').next()?));
    let roots = client.origins.get(component).or(known).cloned().unwrap_or_else(|| vec![schema]);
    match parts.next() {
        Some(property) => {
            let property = wire_name(client, item, property.trim_end_matches("()"));
            roots.into_iter().map(|root| root.child("properties").child(&property)).collect()
        }
        None => roots,
    }
}

/// Returns the name of a property in JSON.
fn wire_name(client: &Client, item: &str, field: &str) -> String {
    let attributes = client.items.get(item).and_then(|item| item["serde"].as_array()).into_iter().flatten();
    let mut renamed =
        attributes.filter_map(|attribute| attribute.as_str()?.split_once("rename = \"")?.1.split('"').next());
    renamed.next_back().unwrap_or(field).to_owned()
}

fn operation(client: &Client, method: &str) -> Option<Pointer> {
    let operations = super::traverse::operations(client.spec);
    let found = operations.into_iter().find(|(_, _, operation)| {
        operation.get("operationId").and_then(|id| id.as_str()).is_some_and(|id| plain(id) == plain(method))
    });
    found.map(|(at, ..)| at)
}

fn plain(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
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
    // The servers of a document have the shortest pointer.
    if shared == 1 && other.as_str() == "/servers" { MIN_RELATED } else { shared }
}
