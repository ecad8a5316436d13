//! Checks the members of one object against each other. Each function is the `rule` of a row in the object
//! model.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    json::{Object, Pointer, excerpt, sorted},
    spec::{
        diagnostics::Diagnostics,
        traverse::{str_member, template_names},
    },
};

pub(super) fn root(document: &Object, at: &Pointer, problems: &mut Diagnostics) {
    let tags = document.get("tags").and_then(Value::as_array);
    let mut seen = BTreeSet::new();
    for (i, tag) in tags.into_iter().flatten().enumerate() {
        let name = tag.get("name").and_then(Value::as_str);
        if let Some(name) = name.filter(|name| !seen.insert(*name)) {
            let message = format!("duplicate tag name {name:?}, expected unique names");
            problems.warn(at.child("tags").child(i), message);
        }
    }
}

pub(super) fn server(server: &Object, at: &Pointer, problems: &mut Diagnostics) {
    let url = str_member(server, "url");
    let variables = server.get("variables").and_then(Value::as_object);
    for name in template_names(url) {
        if variables.is_none_or(|variables| !variables.contains_key(name)) {
            let message = format!("missing variable `{name}`, which the URL {url:?} uses");
            problems.departure(at.child("variables"), message);
        }
    }
}

pub(super) fn operation(operation: &Object, at: &Pointer, problems: &mut Diagnostics) {
    let Some(Value::Object(responses)) = operation.get("responses") else {
        return;
    };
    if responses.keys().all(|status| status.starts_with("x-")) {
        let message = "expected at least one response, found none";
        problems.departure(at.child("responses"), message);
    }
}

pub(super) fn parameter(parameter: &Object, at: &Pointer, problems: &mut Diagnostics) {
    schema_or_content(parameter, at, problems);
    let location = str_member(parameter, "in");
    if location == "path" && parameter.get("required") != Some(&Value::Bool(true)) {
        let found = parameter.get("required").map_or("nothing".to_owned(), excerpt);
        let message = format!("expected true, because path parameters are always required; found {found}");
        problems.departure(at.child("required"), message);
    }
    let styles: &[&str] = match location {
        "path" => &["matrix", "label", "simple"],
        "query" => &["form", "spaceDelimited", "pipeDelimited", "deepObject"],
        "header" => &["simple"],
        "cookie" => &["form"],
        _ => return,
    };
    if let Some(Value::String(style)) = parameter.get("style")
        && !styles.contains(&style.as_str())
    {
        let styles = styles.join(", ");
        let message = format!("expected one of {styles} for a {location} parameter, found {style:?}");
        problems.departure(at.child("style"), message);
    }
}

pub(super) fn schema_or_content(holder: &Object, at: &Pointer, problems: &mut Diagnostics) {
    examples(holder, at, problems);
    one_of(["schema", "content"], holder, at, problems);
    if let Some(Value::Object(content)) = holder.get("content")
        && content.len() != 1
    {
        let message = format!("expected one media type, found {}", content.len());
        problems.departure(at.child("content"), message);
    }
}

pub(super) fn examples(holder: &Object, at: &Pointer, problems: &mut Diagnostics) {
    warn_about_both(["example", "examples"], holder, at, problems);
}

pub(super) fn example(example: &Object, at: &Pointer, problems: &mut Diagnostics) {
    warn_about_both(["value", "externalValue"], example, at, problems);
}

pub(super) fn link(link: &Object, at: &Pointer, problems: &mut Diagnostics) {
    one_of(["operationRef", "operationId"], link, at, problems);
}

pub(super) fn security_scheme(scheme: &Object, at: &Pointer, problems: &mut Diagnostics) {
    let kind = str_member(scheme, "type");
    let required: &[&str] = match kind {
        "apiKey" => &["name", "in"],
        "http" => &["scheme"],
        "oauth2" => &["flows"],
        "openIdConnect" => &["openIdConnectUrl"],
        _ => return,
    };
    for (at, message) in missing(required, &format!("a scheme of type {kind}"), scheme, at) {
        problems.error(at, message);
    }
}

pub(super) fn flows(flows: &Object, at: &Pointer, problems: &mut Diagnostics) {
    for (name, flow) in sorted(flows) {
        let required: &[&str] = match name.as_str() {
            "implicit" => &["authorizationUrl"],
            "password" | "clientCredentials" => &["tokenUrl"],
            "authorizationCode" => &["authorizationUrl", "tokenUrl"],
            _ => continue,
        };
        if let Value::Object(flow) = flow {
            for (at, message) in missing(required, &format!("the flow {name}"), flow, &at.child(name)) {
                problems.departure(at, message);
            }
        }
    }
}

/// Returns the missing keys, each with a message.
fn missing(keys: &[&str], name: &str, object: &Object, at: &Pointer) -> Vec<(Pointer, String)> {
    let found: Vec<_> = sorted(object).into_iter().map(|(key, _)| key.as_str()).collect();
    let message = format!("missing, required by {name}; found only {}", found.join(", "));
    let missing = keys.iter().filter(|key| !object.contains_key(**key));
    missing.map(|key| (at.child(key), message.clone())).collect()
}

fn one_of(keys: [&str; 2], object: &Object, at: &Pointer, problems: &mut Diagnostics) {
    let found = match keys.map(|key| object.contains_key(key)) {
        [false, false] => "neither",
        [true, true] => "both",
        _ => return,
    };
    problems.departure(at.clone(), format!("expected {} or {}, found {found}", keys[0], keys[1]));
}

fn warn_about_both(keys: [&str; 2], object: &Object, at: &Pointer, problems: &mut Diagnostics) {
    if keys.iter().all(|key| object.contains_key(*key)) {
        problems.warn(at.clone(), format!("expected {} or {}, found both", keys[0], keys[1]));
    }
}
