//! The security schemes themselves: what each asks for, and which of them is which under another name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::KEY;
use crate::spec::{
    diff::{
        finding::Values,
        node::{Pair, ResolvedNode},
        normalized::normalized,
        recorder::{Recorder, same_values},
    },
    traverse::operations,
};

/// What the schemes of the old document are called in the new one.
#[derive(Debug, Default)]
pub(crate) struct Schemes(BTreeMap<String, String>);

impl Schemes {
    pub(super) fn now(&self, name: String) -> String {
        self.0.get(&name).cloned().unwrap_or(name)
    }
}

/// Says what became of each scheme.
pub(crate) fn schemes(recorder: &mut Recorder, pair: &Pair) -> Schemes {
    let components = Pair {
        base: pair.base.get("components").unwrap_or_else(|| pair.base.clone()),
        revision: pair.revision.get("components").unwrap_or_else(|| pair.revision.clone()),
    };
    let matched = components.members_of("securitySchemes");
    let used = used(pair.base.value);
    for (name, scheme) in matched.both {
        changed(recorder, &scheme, name, used.contains(name));
    }
    let mut names = Schemes::default();
    let mut said: BTreeMap<String, &String> =
        matched.added.iter().map(|(name, scheme)| (meaning(scheme), *name)).collect();
    for (name, scheme) in &matched.removed {
        if let Some(now) = said.remove(&meaning(scheme)) {
            names.0.insert((*name).clone(), now.clone());
        }
        let at = (&scheme.at, &components.revision.at);
        recorder.report("api-security-component-removed", at, &subject(name), Values::default());
    }
    for (name, scheme) in &matched.added {
        let at = (&components.base.at, &scheme.at);
        recorder.report("api-security-component-added", at, &subject(name), Values::default());
    }
    names
}

fn changed(recorder: &mut Recorder, pair: &Pair, name: &str, used: bool) {
    let subject = subject(name);
    let differ = |key: &str| !same_values(pair.base.value.get(key), pair.revision.value.get(key));
    let asks: Vec<_> = ["type", "in", "name", "scheme"].into_iter().filter(|key| differ(key)).collect();
    match (asks.first(), used) {
        (None, _) => {}
        (Some(key), false) => recorder.report_member("unused-security-scheme-changed", pair, key, &subject),
        (Some(&"type"), true) => {
            recorder.report_member("api-security-component-type-changed", pair, "type", &subject);
        }
        (Some(_), true) => {
            for key in asks {
                // The scheme of HTTP and the name of a header are the same in capitals.
                recorder.report_member("security-scheme-changed", pair, key, &subject);
            }
        }
    }
    flows(recorder, pair, &subject);
    for key in ["bearerFormat", "openIdConnectUrl"].into_iter().filter(|key| differ(key)) {
        recorder.report_member("security-scheme-details-changed", pair, key, &subject);
    }
    recorder.report_other_members(
        pair,
        &subject,
        &["type", "in", "name", "scheme", "flows", "bearerFormat", "openIdConnectUrl"],
    );
}

fn flows(recorder: &mut Recorder, pair: &Pair, subject: &str) {
    let flows = pair.members_of("flows");
    for (name, flow) in flows.removed {
        recorder.report(
            "security-scheme-flow-removed",
            (&flow.at, &pair.revision.at),
            &format!("{subject} {name}"),
            Values::default(),
        );
    }
    for (name, flow) in flows.added {
        recorder.report(
            "security-scheme-flow-added",
            (&pair.base.at, &flow.at),
            &format!("{subject} {name}"),
            Values::default(),
        );
    }
    for (name, flow) in flows.both {
        let subject = format!("{subject} {name}");
        for (key, rule) in [
            ("authorizationUrl", "api-security-component-oauth-url-changed"),
            ("tokenUrl", "api-security-component-oauth-token-url-changed"),
            ("refreshUrl", "security-scheme-details-changed"),
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
                "api-security-component-oauth-scope-removed",
                at,
                &scope(name),
                Values::default(),
            );
        }
        for (name, node) in scopes.added {
            let at = (&flow.base.at, &node.at);
            recorder.report("api-security-component-oauth-scope-added", at, &scope(name), Values::default());
        }
        for (name, pair) in scopes.both.into_iter().filter(|(_, pair)| pair.base.value != pair.revision.value)
        {
            let at = (&pair.base.at, &pair.revision.at);
            recorder.report(
                "api-security-component-oauth-scope-changed",
                at,
                &scope(name),
                Values::default(),
            );
        }
    }
}

/// The names of schemes that any operation asks for.
fn used(document: &Value) -> BTreeSet<String> {
    let of_operations = operations(document).into_iter().filter_map(|(_, _, operation)| operation.get(KEY));
    let lists = of_operations.chain(document.get(KEY));
    let ways = lists.filter_map(Value::as_array).flatten().filter_map(Value::as_object);
    ways.flat_map(|way| way.keys().cloned()).collect()
}

/// The scheme without its words.
fn meaning(scheme: &ResolvedNode) -> String {
    let members = scheme.object().into_iter().flatten();
    let asks: serde_json::Map<_, _> = members
        .filter(|(key, _)| *key != "description" && !key.starts_with("x-"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    normalized(&Value::Object(asks))
}

fn subject(name: &str) -> String {
    format!("security scheme {name}")
}
