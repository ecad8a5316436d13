//! Finds the parameters that the generator does not support.

use heck::ToSnakeCase as _;
use serde_json::Value;

use super::{
    Problem, header_names,
    names::{Operation, resolve, resolve_schema},
    supported::report,
};

/// Checks the parameters of an operation.
pub(crate) fn check(document: &Value, operation: &Operation, problems: &mut Vec<Problem>) {
    let path = operation.pointer.rsplit_once('/').map_or("", |(path, _)| path);
    let lists = [(operation.pointer.as_str(), operation.value), (path, operation.item)];
    let parameters = lists.into_iter().flat_map(|(at, of)| {
        let list = of["parameters"].as_array().into_iter().flatten().enumerate();
        list.map(move |(i, parameter)| (format!("{at}/parameters/{i}"), resolve(document, parameter)))
    });
    let parameters: Vec<_> =
        parameters.filter(|(_, parameter)| !header_names::is_ignored(parameter)).collect();
    let is_in_path =
        |name: &Value| parameters.iter().any(|(_, other)| other["in"] == "path" && other["name"] == *name);
    for (pointer, parameter) in &parameters {
        let problem = parameter_problem(document, parameter).or_else(|| {
            let is_repeated = parameter["in"] != "path" && is_in_path(&parameter["name"]);
            is_repeated.then(|| format!("a parameter of the path is called {} too", parameter["name"]))
        });
        if let Some(problem) = problem {
            report(problems, pointer, problem);
        }
    }
}

fn parameter_problem(document: &Value, parameter: &Value) -> Option<String> {
    let (place, schema) = (&parameter["in"], &parameter["schema"]);
    if place == "header"
        && let Some(problem) = header_names::problem(&parameter["name"])
    {
        return Some(problem);
    }
    if place == "cookie" {
        return Some("cookies are not supported".to_owned());
    }
    if parameter["name"].as_str().is_some_and(|name| name.to_snake_case() == "header_map") {
        return Some(format!("{} is the name of a variable in the generated method", parameter["name"]));
    }
    if parameter.get("schema").is_none() {
        return Some("expected a parameter with a schema".to_owned());
    }
    if let Some(style) = parameter["style"].as_str().filter(|style| !["form", "simple"].contains(style)) {
        return Some(format!("the style {style:?} is not supported"));
    }
    let resolved = resolve_schema(document, schema);
    let problem = if resolved.get("properties").is_some() {
        "a parameter that is an object is not supported"
    } else if place != "query" && !is_displayed(document, schema) {
        "expected a text, a number, a boolean or an enum, without `nullable`, in a path or a header"
    } else if place == "query" && !is_in_query(document, schema) {
        "expected a text, a number, a boolean or an enum, or a list or a map of them, in a query"
    } else if place == "query" && parameter["explode"] == false && resolved["type"] == "array" {
        "a list with `explode: false` is not supported in a query"
    } else {
        return None;
    };
    Some(problem.to_owned())
}

/// Returns `true` if the type of the schema implements `Display`, which the generator uses for paths and headers.
fn is_displayed(document: &Value, schema: &Value) -> bool {
    let resolved = resolve_schema(document, schema);
    let parts = resolved["oneOf"].as_array().into_iter().flatten();
    let parts = parts.flat_map(|part| [part, resolve_schema(document, part)]);
    is_scalar(document, schema) && parts.chain([schema, resolved]).all(|schema| schema["nullable"] != true)
}

/// Returns `true` if the values of the schema are single ones, without parts.
pub(crate) fn is_scalar(document: &Value, schema: &Value) -> bool {
    let schema = resolve_schema(document, schema);
    let composition = ["allOf", "anyOf", "oneOf"].into_iter().find_map(|keyword| schema[keyword].as_array());
    let kind = schema["type"].as_str();
    let is_scalar = kind.is_some_and(|kind| ["string", "number", "integer", "boolean"].contains(&kind))
        || schema.get("enum").is_some();
    // The generator's enum of known and other values implements `Display`.
    composition.map_or(is_scalar, |parts| parts.iter().any(|part| part["title"] == "Known"))
}

/// Returns `true` if each value of the schema can be written to a query: lists and maps have parts without parts.
fn is_in_query(document: &Value, schema: &Value) -> bool {
    let schema = resolve_schema(document, schema);
    let alternatives =
        ["oneOf", "anyOf"].into_iter().filter_map(|keyword| schema[keyword].as_array()).flatten();
    match schema["type"].as_str() {
        Some("array") => is_displayed(document, &schema["items"]),
        Some("object") => is_displayed(document, &schema["additionalProperties"]),
        _ => alternatives.into_iter().all(|part| is_in_query(document, part)),
    }
}
