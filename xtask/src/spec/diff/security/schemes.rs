//! Comparing security schemes, and finding schemes that were renamed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::{
    json::equivalent,
    spec::{
        diff::{
            node::{Pair, ResolvedNode},
            recorder::{Recorder, same_values},
            rules::DocumentChange,
        },
        traverse::METHODS,
    },
};

/// The key of the requirements, of the document and of an operation.
pub(super) const KEY: &str = "security";

/// The names of the schemes of both documents, as the new document names their credentials. Schemes with equal credentials
/// have one name.
#[derive(Debug, Default)]
pub(crate) struct SchemeNames {
    old: BTreeMap<String, String>,
    new: BTreeMap<String, String>,
}

impl SchemeNames {
    pub(super) fn of_old(&self, name: String) -> String {
        self.old.get(&name).cloned().unwrap_or(name)
    }

    pub(super) fn of_new(&self, name: String) -> String {
        self.new.get(&name).cloned().unwrap_or(name)
    }
}

/// Reports the changes of all schemes, and returns their names.
pub(crate) fn compare_schemes(recorder: &mut Recorder, pair: &Pair) -> SchemeNames {
    let components = Pair {
        base: pair.base.get("components").unwrap_or_else(|| pair.base.clone()),
        revision: pair.revision.get("components").unwrap_or_else(|| pair.revision.clone()),
    };
    let mut by_credentials: BTreeMap<String, &String> = BTreeMap::new();
    let mut names = SchemeNames::default();
    for (name, scheme) in components.revision.members_of("securitySchemes") {
        let first = by_credentials.entry(credentials(&scheme)).or_insert(name);
        names.new.insert(name.clone(), (*first).clone());
    }
    for (name, scheme) in components.base.members_of("securitySchemes") {
        let same = by_credentials.get(&credentials(&scheme)).copied();
        names.old.insert(name.clone(), same.or(names.new.get(name)).unwrap_or(name).clone());
    }
    let used_before = used_schemes(&pair.base);
    let used_after: BTreeSet<_> =
        used_schemes(&pair.revision).into_iter().map(|name| names.of_new(name)).collect();
    let mut matched = components.members_of("securitySchemes");
    for (name, scheme) in matched.both {
        if names.old[name] == names.new[name] {
            let used = used_before.contains(name) && used_after.contains(&names.new[name]);
            compare_scheme(recorder, &scheme, name, used);
        } else {
            // Its credentials have another name now, and its name is that of others.
            matched.removed.push((name, scheme.base));
            matched.added.push((name, scheme.revision));
        }
    }
    for (name, scheme) in &matched.removed {
        let at = (&scheme.at, &components.revision.at);
        recorder.report(DocumentChange::ApiSecurityComponentRemoved, at, &subject(name));
    }
    for (name, scheme) in &matched.added {
        let at = (&components.base.at, &scheme.at);
        recorder.report(DocumentChange::ApiSecurityComponentAdded, at, &subject(name));
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
    compare_flows(recorder, pair, &subject, used);
    for key in ["bearerFormat", "openIdConnectUrl"].into_iter().filter(|key| differ(key)) {
        recorder.report_member(DocumentChange::SecuritySchemeDetailsChanged, pair, key, &subject);
    }
    recorder.report_other_members(
        pair,
        &subject,
        &["type", "in", "name", "scheme", "flows", "bearerFormat", "openIdConnectUrl"],
    );
}

fn compare_flows(recorder: &mut Recorder, pair: &Pair, subject: &str, used: bool) {
    let flows = pair.members_of("flows");
    let removed = if used {
        DocumentChange::SecuritySchemeFlowRemoved
    } else {
        DocumentChange::UnusedSecuritySchemeChanged
    };
    for (name, flow) in flows.removed {
        recorder.report(removed, (&flow.at, &pair.revision.at), &format!("{subject} {name}"));
    }
    for (name, flow) in flows.added {
        recorder.report(
            DocumentChange::SecuritySchemeFlowAdded,
            (&pair.base.at, &flow.at),
            &format!("{subject} {name}"),
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
            recorder.report(DocumentChange::ApiSecurityComponentOauthScopeRemoved, at, &scope(name));
        }
        for (name, node) in scopes.added {
            let at = (&flow.base.at, &node.at);
            recorder.report(DocumentChange::ApiSecurityComponentOauthScopeAdded, at, &scope(name));
        }
        let differs = |(_, pair): &(&String, Pair)| !equivalent(pair.base.value, pair.revision.value);
        for (name, pair) in scopes.both.into_iter().filter(differs) {
            let at = (&pair.base.at, &pair.revision.at);
            recorder.report(DocumentChange::ApiSecurityComponentOauthScopeChanged, at, &scope(name));
        }
    }
}

/// Returns the names of the schemes that an operation requires, or inherits from the document.
fn used_schemes(document: &ResolvedNode) -> BTreeSet<String> {
    let items = document.path_items().into_values().map(|(_, item)| item);
    let operations: Vec<_> =
        items.flat_map(|item| METHODS.into_iter().filter_map(move |method| item.get(method))).collect();
    let has_own = |operation: &ResolvedNode<'_>| operation.value.get(KEY).is_some();
    let inherited = operations.iter().find(|operation| !has_own(operation)).map(|_| document);
    let lists = operations.iter().filter(|operation| has_own(operation)).chain(inherited);
    let requirements = lists.flat_map(|holder| holder.items_of(KEY));
    requirements
        .filter_map(|requirement| requirement.object())
        .flat_map(|names| names.keys().cloned())
        .collect()
}

/// Returns the text of what credentials of a scheme depend on. Scopes are compared where they are required.
fn credentials(scheme: &ResolvedNode) -> String {
    let is_header = scheme.text("in") == "header";
    let lower =
        |text: &str, is_lower: bool| if is_lower { text.to_ascii_lowercase() } else { text.to_owned() };
    let flows: Vec<_> = scheme
        .members_of("flows")
        .into_iter()
        .filter(|(name, _)| !name.starts_with("x-"))
        .map(|(name, flow)| json!([name, flow.text("authorizationUrl"), flow.text("tokenUrl")]))
        .collect();
    let (kind, place) = (scheme.text("type"), scheme.text("in"));
    let (name, of_http) = (lower(scheme.text("name"), is_header), lower(scheme.text("scheme"), true));
    json!([kind, place, name, of_http, scheme.text("openIdConnectUrl"), flows]).to_string()
}

fn subject(name: &str) -> String {
    format!("security scheme {name}")
}
