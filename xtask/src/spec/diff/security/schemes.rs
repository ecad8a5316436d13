//! Comparing security schemes, and finding schemes that were renamed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    json::{equivalent, normalized},
    spec::{
        diff::{
            finding::Values,
            node::{Pair, ResolvedNode},
            recorder::{Recorder, same_values},
            rules::DocumentChange,
        },
        traverse::operations,
    },
};

/// The key of the requirements, of the document and of an operation.
pub(super) const KEY: &str = "security";

/// The new names of the schemes that were renamed, by their old names.
#[derive(Debug, Default)]
pub(crate) struct SchemeNames(BTreeMap<String, String>);

impl SchemeNames {
    pub(super) fn new_name(&self, name: String) -> String {
        self.0.get(&name).cloned().unwrap_or(name)
    }
}

/// Reports the changes of all schemes, and returns the new names of renamed schemes.
pub(crate) fn compare_schemes(recorder: &mut Recorder, pair: &Pair) -> SchemeNames {
    let components = Pair {
        base: pair.base.get("components").unwrap_or_else(|| pair.base.clone()),
        revision: pair.revision.get("components").unwrap_or_else(|| pair.revision.clone()),
    };
    let matched = components.members_of("securitySchemes");
    let used = used_schemes(pair.base.value);
    for (name, scheme) in matched.both {
        compare_scheme(recorder, &scheme, name, used.contains(name));
    }
    let mut names = SchemeNames::default();
    let mut added: BTreeMap<String, &String> =
        matched.added.iter().map(|(name, scheme)| (without_annotations(scheme), *name)).collect();
    for (name, scheme) in &matched.removed {
        if let Some(new) = added.remove(&without_annotations(scheme)) {
            names.0.insert((*name).clone(), new.clone());
        }
        let at = (&scheme.at, &components.revision.at);
        recorder.report(DocumentChange::ApiSecurityComponentRemoved, at, &subject(name), Values::default());
    }
    for (name, scheme) in &matched.added {
        let at = (&components.base.at, &scheme.at);
        recorder.report(DocumentChange::ApiSecurityComponentAdded, at, &subject(name), Values::default());
    }
    names
}

fn compare_scheme(recorder: &mut Recorder, pair: &Pair, name: &str, used: bool) {
    let subject = subject(name);
    let differ = |key: &str| {
        let is_header = pair.base.text("in") == "header";
        if key == "scheme" || (key == "name" && is_header) {
            // The schemes of HTTP and the names of headers are case-insensitive.
            return !pair.base.text(key).eq_ignore_ascii_case(pair.revision.text(key));
        }
        !same_values(pair.base.value.get(key), pair.revision.value.get(key))
    };
    let changed: Vec<_> = ["type", "in", "name", "scheme"].into_iter().filter(|key| differ(key)).collect();
    match (changed.first(), used) {
        (None, _) => {}
        (Some(key), false) => {
            recorder.report_member(DocumentChange::UnusedSecuritySchemeChanged, pair, key, &subject);
        }
        (Some(&"type"), true) => {
            recorder.report_member(DocumentChange::ApiSecurityComponentTypeChanged, pair, "type", &subject);
        }
        (Some(_), true) => {
            for key in changed {
                recorder.report_member(DocumentChange::SecuritySchemeChanged, pair, key, &subject);
            }
        }
    }
    compare_flows(recorder, pair, &subject);
    for key in ["bearerFormat", "openIdConnectUrl"].into_iter().filter(|key| differ(key)) {
        recorder.report_member(DocumentChange::SecuritySchemeDetailsChanged, pair, key, &subject);
    }
    recorder.report_other_members(
        pair,
        &subject,
        &["type", "in", "name", "scheme", "flows", "bearerFormat", "openIdConnectUrl"],
    );
}

fn compare_flows(recorder: &mut Recorder, pair: &Pair, subject: &str) {
    let flows = pair.members_of("flows");
    for (name, flow) in flows.removed {
        recorder.report(
            DocumentChange::SecuritySchemeFlowRemoved,
            (&flow.at, &pair.revision.at),
            &format!("{subject} {name}"),
            Values::default(),
        );
    }
    for (name, flow) in flows.added {
        recorder.report(
            DocumentChange::SecuritySchemeFlowAdded,
            (&pair.base.at, &flow.at),
            &format!("{subject} {name}"),
            Values::default(),
        );
    }
    for (name, flow) in flows.both {
        let subject = format!("{subject} {name}");
        for (key, rule) in [
            ("authorizationUrl", DocumentChange::ApiSecurityComponentOauthUrlChanged),
            ("tokenUrl", DocumentChange::ApiSecurityComponentOauthTokenUrlChanged),
            ("refreshUrl", DocumentChange::SecuritySchemeDetailsChanged),
        ] {
            if !same_values(flow.base.value.get(key), flow.revision.value.get(key)) {
                recorder.report_member(rule, &flow, key, &subject);
            }
        }
        let scopes = flow.members_of("scopes");
        let scope = |name: &str| format!("{subject} scope {name}");
        for (name, node) in scopes.removed {
            let at = (&node.at, &flow.revision.at);
            recorder.report(
                DocumentChange::ApiSecurityComponentOauthScopeRemoved,
                at,
                &scope(name),
                Values::default(),
            );
        }
        for (name, node) in scopes.added {
            let at = (&flow.base.at, &node.at);
            recorder.report(
                DocumentChange::ApiSecurityComponentOauthScopeAdded,
                at,
                &scope(name),
                Values::default(),
            );
        }
        let differs = |(_, pair): &(&String, Pair)| !equivalent(pair.base.value, pair.revision.value);
        for (name, pair) in scopes.both.into_iter().filter(differs) {
            let at = (&pair.base.at, &pair.revision.at);
            recorder.report(
                DocumentChange::ApiSecurityComponentOauthScopeChanged,
                at,
                &scope(name),
                Values::default(),
            );
        }
    }
}

/// Returns the names of the schemes that the document or an operation requires.
fn used_schemes(document: &Value) -> BTreeSet<String> {
    let of_operations = operations(document).into_iter().filter_map(|(_, _, operation)| operation.get(KEY));
    let lists = of_operations.chain(document.get(KEY));
    let requirements = lists.filter_map(Value::as_array).flatten().filter_map(Value::as_object);
    requirements.flat_map(|requirement| requirement.keys().cloned()).collect()
}

/// Returns the normalized text of the scheme without its description and extensions.
fn without_annotations(scheme: &ResolvedNode) -> String {
    let members = scheme.object().into_iter().flatten();
    let members: serde_json::Map<_, _> = members
        .filter(|(key, _)| *key != "description" && !key.starts_with("x-"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    normalized(&Value::Object(members))
}

fn subject(name: &str) -> String {
    format!("security scheme {name}")
}
