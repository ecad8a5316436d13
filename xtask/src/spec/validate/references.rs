//! Checks parts of a document against each other: operation ids, path templates and their parameters,
//! security, discriminators and links. The structure has been validated before.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    json::{Object, Pointer, excerpt},
    spec::{
        diagnostics::Diagnostics,
        schema_locations::schemas,
        traverse::{
            every_operation, members, operations, paths_of, resolve, str_member, template_names,
            without_parameter_names,
        },
    },
};

pub(super) fn check(document: &Value, problems: &mut Diagnostics) {
    check_operation_ids(document, problems);
    check_path_templates(document, problems);
    for (at, path, operation) in operations(document) {
        check_parameters(document, &at, path, operation, problems);
    }
    check_security(document, problems);
    check_discriminators(document, problems);
    check_link_targets(document, problems);
}

/// Checks that operation ids are unique in the whole document, including callbacks.
fn check_operation_ids(document: &Value, problems: &mut Diagnostics) {
    let mut seen = BTreeMap::new();
    for (at, operation) in every_operation(document) {
        let Some(Value::String(id)) = operation.get("operationId") else {
            continue;
        };
        let at = at.child("operationId");
        if let Some(first) = seen.get(id) {
            let message = format!("duplicate operationId {id:?}, first used at {first}");
            problems.departure(at, message);
        } else {
            seen.insert(id, at);
        }
    }
}

fn check_path_templates(document: &Value, problems: &mut Diagnostics) {
    let paths = Pointer::default().child("paths");
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (path, _) in paths_of(document) {
        let at = paths.child(path);
        let names: Vec<_> = template_names(path).collect();
        let distinct: BTreeSet<_> = names.iter().collect();
        if path.matches(['{', '}']).count() != 2 * names.len() || names.contains(&"") {
            let message = format!("expected names in pairs of braces, found {path:?}");
            problems.departure(at, message);
        } else if distinct.len() != names.len() {
            let message = format!("duplicate parameter in {path:?}, expected each parameter once");
            problems.departure(at, message);
        } else if let Some(first) = seen.insert(without_parameter_names(path), path) {
            let message = format!("two paths match the same URLs: {path:?} and {first:?}");
            problems.departure(at, message);
        }
    }
}

fn check_parameters(
    document: &Value,
    at: &Pointer,
    path: &str,
    operation: &Object,
    problems: &mut Diagnostics,
) {
    let shared = document["paths"][path].get("parameters");
    let mut declared = BTreeSet::new();
    for list in [shared, operation.get("parameters")].into_iter().flatten() {
        let mut here = BTreeSet::new();
        for (i, parameter) in list.as_array().into_iter().flatten().enumerate() {
            let Value::Object(parameter) = resolve(document, parameter) else {
                continue;
            };
            let key = (str_member(parameter, "in"), str_member(parameter, "name"));
            if !here.insert(key) {
                let message =
                    format!("duplicate {} parameter {:?}, expected each parameter once", key.0, key.1);
                problems.departure(at.child("parameters").child(i), message);
            }
            declared.insert(key);
        }
    }
    let in_path: BTreeSet<_> =
        declared.iter().filter(|(location, _)| *location == "path").map(|(_, name)| *name).collect();
    let in_template: BTreeSet<_> = template_names(path).collect();
    let at = at.child("parameters");
    for name in in_template.difference(&in_path) {
        let message = format!("expected a path parameter {name:?} as in {path:?}, found {in_path:?}");
        problems.departure(at.clone(), message);
    }
    for name in in_path.difference(&in_template) {
        let message = format!("expected {{{name}}} in the path, found {path:?}");
        problems.departure(at.clone(), message);
    }
}

fn check_security(document: &Value, problems: &mut Diagnostics) {
    let root = (Pointer::default(), document.as_object());
    let operations = every_operation(document);
    let operations = operations.into_iter().map(|(at, operation)| (at, Some(operation)));
    for (at, holder) in std::iter::once(root).chain(operations) {
        let requirements = holder.and_then(|holder| holder.get("security"));
        let requirements = requirements.and_then(Value::as_array);
        for (i, requirement) in requirements.into_iter().flatten().enumerate() {
            for (name, scopes) in members(Some(requirement)) {
                let at = at.child("security").child(i).child(name);
                check_requirement(document, name, scopes, at, problems);
            }
        }
    }
}

/// Checks one security requirement: its scheme must be declared, and its scopes should be those of the scheme.
fn check_requirement(document: &Value, name: &str, scopes: &Value, at: Pointer, problems: &mut Diagnostics) {
    let schemes = document.pointer("/components/securitySchemes");
    let Some(scheme) = schemes.and_then(|schemes| schemes.get(name)) else {
        let declared: Vec<_> = members(schemes).into_iter().map(|(name, _)| name).collect();
        let message = format!("undeclared security scheme {name:?}, expected one of {declared:?}");
        return problems.departure(at, message);
    };
    let Value::Object(scheme) = resolve(document, scheme) else { return };
    let known: BTreeSet<_> = members(scheme.get("flows"))
        .into_iter()
        .flat_map(|(_, flow)| members(flow.get("scopes")))
        .map(|(scope, _)| scope.as_str())
        .collect();
    let kind = str_member(scheme, "type");
    let mut requested = scopes.as_array().into_iter().flatten().filter_map(Value::as_str);
    let unknown = requested.find(|scope| kind != "openIdConnect" && !known.contains(scope));
    if let Some(scope) = unknown {
        let message = format!("expected scopes of the {kind} scheme ({known:?}), found {scope:?}");
        problems.warn(at, message);
    }
}

/// Checks that the names and references in discriminator mappings refer to existing schemas.
fn check_discriminators(document: &Value, problems: &mut Diagnostics) {
    let known = document.pointer("/components/schemas");
    for (location, schema) in schemas(document) {
        let Some(discriminator) = schema.get("discriminator") else { continue };
        let at = location.pointer.child("discriminator").child("mapping");
        for (key, target) in members(discriminator.get("mapping")) {
            let Some(target) = target.as_str() else { continue };
            let is_name = known.is_some_and(|known| known.get(target).is_some());
            let pointer = Pointer::of_reference(target);
            if !is_name && pointer.is_none_or(|pointer| document.pointer(pointer.as_str()).is_none()) {
                let message = format!("expected a schema of this document, found {target:?}");
                problems.departure(at.child(key), message);
            }
        }
    }
}

fn check_link_targets(document: &Value, problems: &mut Diagnostics) {
    let operations = every_operation(document);
    let ids: BTreeSet<_> = operations.iter().map(|(_, o)| str_member(o, "operationId")).collect();
    let shared = Pointer::new("/components/links");
    let mut links = vec![(shared.clone(), document.pointer(shared.as_str()))];
    for (at, operation) in &operations {
        for (status, response) in members(operation.get("responses")) {
            let at = at.child("responses").child(status).child("links");
            links.push((at, response.get("links")));
        }
    }
    for (at, links) in links {
        for (name, link) in members(links) {
            if let Some(id) =
                link.get("operationId").filter(|id| !ids.contains(id.as_str().unwrap_or_default()))
            {
                let message = format!("expected the id of an operation, found {}", excerpt(id));
                problems.warn(at.child(name).child("operationId"), message);
            }
        }
    }
}
