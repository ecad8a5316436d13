//! Finds the parts of a document that the generator does not support, before it panics or generates code that loses data.
//! Each problem has its place and its remedy.

use std::{collections::BTreeSet, fmt::Display};

use serde_json::{Map, Value};

use super::{
    Problem, facts, header_names,
    names::{self, Operation, operations, resolve, resolve_schema},
    parameters::{self, is_scalar},
    server_url, unions,
};

/// The remedy for a part that is not supported.
pub(crate) const REMEDY: &str =
    "correct the page in openapi/corrections/, or the document in openapi/fixes.json";

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The media types whose bodies the generator reads and writes.
const REQUEST_TYPES: [&str; 4] = [JSON, FORM, "application/octet-stream", "text/plain"];

pub(crate) fn problems(document: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, _) in components(document, "schemas") {
        let problem = if unions::is_own_part(document, name, &["oneOf", "anyOf"]) {
            "is an alternative of itself, so reading it would never end"
        } else if unions::is_own_part(document, name, &["allOf"]) {
            "is a part of itself, by `allOf`, so its properties have no end"
        } else {
            continue;
        };
        report(&mut problems, format!("/components/schemas/{name}"), format!("{name} {problem}"));
    }
    // The other checks would not end either.
    if !problems.is_empty() {
        return problems;
    }
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        if item.get("$ref").is_some() {
            let pointer = format!("/paths/{}/$ref", names::escape(path));
            report(
                &mut problems,
                pointer,
                "a path that is defined elsewhere is not supported, expected its operations",
            );
        }
    }
    check_server("", facts::server_url(document), &mut problems);
    for operation in operations(document) {
        check_names(&operation, &mut problems);
        check_server(&operation.pointer, facts::own_server_url(&operation), &mut problems);
        check_request(document, &operation, &mut problems);
        check_success(document, &operation, &mut problems);
        parameters::check(document, &operation, &mut problems);
        let problem = match facts::key_scheme(document, &operation) {
            Ok(scheme) => scheme.and_then(|scheme| header_names::problem(&scheme["name"])),
            Err(_) => Some(
                "expected an API key in a header, the only kind of credential that a client has".to_owned(),
            ),
        };
        if let Some(problem) = problem {
            report(&mut problems, format!("{}/security", operation.pointer), problem);
        }
    }
    for (name, schema) in components(document, "schemas") {
        let pointer = format!("/components/schemas/{name}");
        check_schema(schema, &pointer, &mut problems);
        check_parts(document, schema, &pointer, &mut problems);
        check_alternatives(document, schema, &pointer, &mut problems);
    }
    problems
}

pub(crate) fn report(problems: &mut Vec<Problem>, pointer: impl Into<String>, problem: impl Display) {
    problems.push(Problem::new(pointer, format!("{problem}; {REMEDY}")));
}

fn components<'a>(document: &'a Value, section: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    document["components"][section].as_object().into_iter().flatten()
}

fn check_server(pointer: &str, url: Option<String>, problems: &mut Vec<Problem>) {
    if let Some(url) = url.filter(|url| server_url::normalized(url).is_none()) {
        let problem = format!(
            "{url:?} is not the start of the URL of a request, expected an absolute URL with https and a host, without \
             user, query and fragment"
        );
        report(problems, format!("{pointer}/servers/0/url"), problem);
    }
}

fn check_names(operation: &Operation, problems: &mut Vec<Problem>) {
    if ["/options", "/trace"].iter().any(|method| operation.pointer.ends_with(method)) {
        report(problems, &operation.pointer, "the HTTP client has no such method");
    }
    if operation.pointer.contains('#') {
        report(problems, &operation.pointer, "the server would not receive what follows `#`");
    }
    if operation.pointer.contains('?') {
        report(problems, &operation.pointer, "a path has no query, expected parameters with `in: query`");
    }
    if names::key(operation.value["operationId"].as_str().unwrap_or_default()).is_empty() {
        let pointer = format!("{}/operationId", operation.pointer);
        report(problems, pointer, "expected letters, which become the name of the method");
    }
}

/// Fails if the method of an operation has another name in the generated client. The key and the server of an operation are
/// found by the name of its method.
pub(crate) fn check_methods(client: &syn::File, document: &Value) -> Result<(), Problem> {
    let items = client.items.iter().filter_map(|item| match item {
        syn::Item::Impl(block) if block.trait_.is_none() => Some(&block.items),
        _ => None,
    });
    let methods: BTreeSet<_> = items
        .flatten()
        .filter_map(|item| match item {
            syn::ImplItem::Fn(method) => Some(method.sig.ident.to_string()),
            _ => None,
        })
        .collect();
    let is_missing = |operation: &Operation| !methods.contains(&operation.method());
    operations(document).find(is_missing).map_or(Ok(()), |operation| {
        let message =
            format!("expected letters from a to z and digits, which become the name of the method; {REMEDY}");
        Err(Problem::new(format!("{}/operationId", operation.pointer), message))
    })
}

fn check_request(document: &Value, operation: &Operation, problems: &mut Vec<Problem>) {
    let Some(body) = operation.value.get("requestBody") else { return };
    let types: Vec<_> = resolve(document, body)["content"].as_object().into_iter().flatten().collect();
    let problem = match types.as_slice() {
        // Of several, the generator uses JSON.
        types if types.len() > 1 && types.iter().any(|(kind, _)| essence(kind) == JSON) => None,
        [(kind, media)] if REQUEST_TYPES.contains(&essence(kind)) => media_problem(document, kind, media),
        found => {
            let found = found.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>().join(", ");
            let found = if found.is_empty() { "none" } else { &found };
            Some(format!("expected one media type of {}; found {found}", REQUEST_TYPES.join(", ")))
        }
    };
    if let Some(problem) = problem {
        report(problems, format!("{}/requestBody/content", operation.pointer), problem);
    }
}

fn media_problem(document: &Value, kind: &str, media: &Value) -> Option<String> {
    if media.get("schema").is_none() {
        return Some(format!("{kind:?} has no schema"));
    }
    if media["encoding"].as_object().is_some_and(|of| !of.is_empty()) {
        return Some(format!("{kind:?} has an encoding, which is not supported"));
    }
    let expected =
        "expected a form whose properties are texts, numbers, booleans and enums, without lists and objects";
    (essence(kind) == FORM && !is_form(document, &media["schema"])).then(|| expected.to_owned())
}

fn essence(kind: &str) -> &str {
    kind.split(';').next().unwrap_or_default().trim()
}

/// Checks that all success responses of an operation have the same body.
fn check_success(document: &Value, operation: &Operation, problems: &mut Vec<Problem>) {
    let responses = operation.value["responses"].as_object().into_iter().flatten();
    let is_success = |status: &str| status.starts_with('2') || status == "default";
    let bodies: Vec<_> = responses
        .filter(|(status, _)| is_success(status))
        .map(|(status, response)| (status, body(resolve(document, response))))
        .collect();
    for (status, body) in &bodies {
        if let Body::Json(Value::Null) = body {
            let pointer = format!("{}/responses/{status}/content", operation.pointer);
            report(problems, pointer, "a JSON body without a schema");
        }
    }
    if let Some((status, _)) = bodies.iter().find(|(_, body)| *body != bodies[0].1) {
        let first = bodies[0].0;
        let problem = format!("the body differs from that of status {first}, and a method returns one type");
        report(problems, format!("{}/responses/{status}", operation.pointer), problem);
    }
}

#[derive(PartialEq)]
enum Body<'a> {
    None,
    Raw,
    Json(&'a Value),
}

fn body(response: &Value) -> Body<'_> {
    let mut types = response["content"].as_object().into_iter().flatten().peekable();
    if types.peek().is_none() {
        return Body::None;
    }
    types.find(|(kind, _)| essence(kind) == JSON).map_or(Body::Raw, |(_, media)| Body::Json(&media["schema"]))
}

/// Returns `true` if each value of the schema can be written as a form.
fn is_form(document: &Value, schema: &Value) -> bool {
    let schema = resolve_schema(document, schema);
    let rest = schema.get("additionalProperties").filter(|rest| rest.is_object());
    let properties = schema["properties"].as_object().map(|properties| properties.values().chain(rest));
    properties.is_some_and(|mut properties| properties.all(|property| is_scalar(document, property)))
}

fn check_schema(schema: &Value, pointer: &str, problems: &mut Vec<Problem>) {
    let Value::Object(members) = schema else { return };
    if let (Some(shortest), Some(longest)) = (schema["minLength"].as_f64(), schema["maxLength"].as_f64())
        && shortest > longest
    {
        let problem = format!("no text has at least {shortest} and at most {longest} characters");
        report(problems, format!("{pointer}/maxLength"), problem);
    }
    if is_empty_range(schema) {
        let (minimum, maximum) = (&schema["minimum"], &schema["maximum"]);
        let problem = format!("no number is from {minimum} to {maximum}");
        report(problems, format!("{pointer}/maximum"), problem);
    }
    for (bound, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        if members.get(exclusive) == Some(&Value::Bool(true)) && !members.contains_key(bound) {
            report(problems, format!("{pointer}/{exclusive}"), format!("expected {bound:?} beside it"));
        }
    }
    for_each_child(members, pointer, &mut |child, pointer| check_schema(child, pointer, problems));
}

/// Checks that no part of an `allOf` excludes the properties of another one. The generator would make a struct without
/// properties.
fn check_parts(document: &Value, schema: &Value, pointer: &str, problems: &mut Vec<Problem>) {
    let Value::Object(members) = schema else { return };
    let parts = schema["allOf"].as_array().map_or(&[][..], Vec::as_slice);
    let all: Vec<_> = parts.iter().map(|part| resolve(document, part)).chain([schema]).collect();
    for (i, closed) in all.iter().enumerate().filter(|(_, part)| part["additionalProperties"] == false) {
        // A schema without `allOf` is the only one.
        let others = all.iter().enumerate().filter(|(other, _)| *other != i).map(|(_, other)| other);
        let mut names = others.filter_map(|other| other["properties"].as_object()).flat_map(Map::keys);
        if let Some(name) = names.find(|name| closed["properties"].get(name.as_str()).is_none()) {
            let at = if i < parts.len() { format!("{pointer}/allOf/{i}") } else { pointer.to_owned() };
            let problem = format!(
                "it has `additionalProperties: false`, so the property {name:?} of another part is not allowed; remove \
                 `additionalProperties`"
            );
            problems.push(Problem::new(at, format!("{problem}: {REMEDY}")));
        }
    }
    for_each_child(members, pointer, &mut |child, pointer| check_parts(document, child, pointer, problems));
}

/// Checks that the alternatives of a schema stand alone. The generator would make an enum with the properties
/// of each alternative, and a value of two alternatives would lose some.
fn check_alternatives(document: &Value, schema: &Value, pointer: &str, problems: &mut Vec<Problem>) {
    let Value::Object(members) = schema else { return };
    let alternatives = ["oneOf", "anyOf"].into_iter().filter(|keyword| members.contains_key(*keyword));
    let alternatives: Vec<_> = alternatives.collect();
    let parts = schema["allOf"].as_array().map_or(&[][..], Vec::as_slice);
    let has_properties = schema["properties"].as_object().is_some_and(|properties| !properties.is_empty());
    let is_merged = has_properties || parts.len() > 1 || members.contains_key("required");
    let found = match alternatives.as_slice() {
        [keyword] if has_properties || !parts.is_empty() => Some(format!("{pointer}/{keyword}")),
        [_, keyword] => Some(format!("{pointer}/{keyword}")),
        _ => {
            let i = parts.iter().position(|part| is_merged && has_alternatives(document, part));
            i.map(|i| format!("{pointer}/allOf/{i}"))
        }
    };
    problems.extend(found.map(|at| {
        let problem = "no Rust type has properties and alternatives; list the properties of all alternatives beside \
                       the others, and remove the alternatives";
        Problem::new(at, format!("{problem}: {REMEDY}"))
    }));
    for_each_child(members, pointer, &mut |child, pointer| {
        check_alternatives(document, child, pointer, problems);
    });
}

/// Returns `true` if a part of an `allOf` has alternatives, which are not the known and other values of an open enum.
fn has_alternatives(document: &Value, part: &Value) -> bool {
    let mut pending = vec![part];
    // A part can lead back to itself.
    let mut seen = BTreeSet::new();
    while let Some(part) = pending.pop() {
        let part = resolve(document, part);
        let of = |keyword: &str| part[keyword].as_array().map_or(&[][..], Vec::as_slice);
        let is_union =
            |parts: &[Value]| !parts.is_empty() && parts.iter().all(|part| part["title"] != "Known");
        if ["oneOf", "anyOf"].into_iter().map(of).any(is_union) {
            return true;
        }
        if seen.insert(std::ptr::from_ref(part)) {
            pending.extend(of("allOf"));
        }
    }
    false
}

/// Returns `true` if no number is within the bounds of the schema.
fn is_empty_range(schema: &Value) -> bool {
    let (Some(minimum), Some(maximum)) = (schema["minimum"].as_f64(), schema["maximum"].as_f64()) else {
        return false;
    };
    let is_exclusive = |keyword: &str| schema[keyword] == true;
    match schema["type"].as_str() {
        Some("number") => {
            let is_exclusive = is_exclusive("exclusiveMinimum") || is_exclusive("exclusiveMaximum");
            minimum > maximum || (minimum >= maximum && is_exclusive)
        }
        Some("integer") => {
            let above = |limit: f64, exclusive| {
                if is_exclusive(exclusive) { limit.floor() + 1.0 } else { limit.ceil() }
            };
            above(minimum, "exclusiveMinimum") > -above(-maximum, "exclusiveMaximum")
        }
        _ => false,
    }
}

fn for_each_child(members: &Map<String, Value>, pointer: &str, visit: &mut dyn FnMut(&Value, &str)) {
    for (keyword, value) in members {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                for (name, property) in properties {
                    visit(property, &format!("{pointer}/properties/{}", names::escape(name)));
                }
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(parts)) => {
                for (i, part) in parts.iter().enumerate() {
                    visit(part, &format!("{pointer}/{keyword}/{i}"));
                }
            }
            ("items" | "additionalProperties", schema) => visit(schema, &format!("{pointer}/{keyword}")),
            _ => {}
        }
    }
}

/// Returns the document without what the generator's model of it cannot hold, and which changes no type, and without
/// parameters that the specification ignores.
pub(crate) fn for_generator(document: &Value) -> Value {
    let mut adjusted = document.clone();
    adjust_lengths(&mut adjusted);
    for_each_request(&mut adjusted, |types| {
        if types.keys().any(|kind| essence(kind) == JSON) {
            types.retain(|kind, _| essence(kind) == JSON);
        }
    });
    let items = adjusted["paths"].as_object_mut().into_iter().flatten();
    for (key, value) in items.filter_map(|(_, item)| item.as_object_mut()).flatten() {
        let list = if key == "parameters" { Some(value) } else { value.get_mut("parameters") };
        if let Some(list) = list.and_then(Value::as_array_mut) {
            list.retain(|parameter| !header_names::is_ignored(resolve(document, parameter)));
        }
    }
    adjusted
}

/// Calls `change` for the media types of each request body.
fn for_each_request(document: &mut Value, change: impl Fn(&mut Map<String, Value>)) {
    let paths = document["paths"].as_object_mut().into_iter().flatten().map(|(_, item)| item);
    let operations = paths.filter_map(Value::as_object_mut).flatten().map(|(_, operation)| operation);
    let bodies = operations.filter_map(|operation| operation.get_mut("requestBody"));
    bodies.filter_map(|body| body.get_mut("content")?.as_object_mut()).for_each(&change);
    let shared = document.pointer_mut("/components/requestBodies").and_then(Value::as_object_mut);
    let shared = shared.into_iter().flatten().map(|(_, body)| body);
    shared.filter_map(|body| body.get_mut("content")?.as_object_mut()).for_each(&change);
}

/// Writes lengths without a fraction, and removes those that no text exceeds.
fn adjust_lengths(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|keyword, value| {
                let is_length = matches!(
                    keyword.as_str(),
                    "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties" | "minProperties"
                ) && value.is_number();
                if !is_length {
                    return true;
                }
                let length = whole_number(value).filter(|length| u32::try_from(*length).is_ok());
                *value = length.into();
                length.is_some()
            });
            members.values_mut().for_each(adjust_lengths);
        }
        Value::Array(items) => items.iter_mut().for_each(adjust_lengths),
        _ => {}
    }
}

/// Returns the value of a whole number, such as `4096`, `4096.0` or `4.096e3`.
pub(crate) fn whole_number(number: &Value) -> Option<u64> {
    let whole = || number.as_f64().filter(|number| number.fract() == 0.0);
    number.as_u64().or_else(|| format!("{:.0}", whole()?).parse().ok())
}
