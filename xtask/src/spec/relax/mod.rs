//! Relaxes response schemas, and replaces defaults and patterns of request schemas by documentation.
//!
//! A server may add a property or a status, or send a longer text, without breaking existing clients. Request
//! schemas keep their other constraints, except formats that the generator would turn into types of other
//! crates.
//!
//! The rules are in one table, each with its reason. If the pages no longer need an `expected` rule, the build warns, and
//! a person decides whether to remove the rule or to report the pages as wrong.

mod annotate;
mod constraints;
mod open_enums;

use serde_json::Value;

use super::{
    extract::{Extracted, OpenTypes, Origins},
    schema_locations::{SchemaLocation, Usage, locations},
};
use crate::json::Object;

/// A rule that is applied to all matching schemas.
struct Rule {
    id: &'static str,
    reason: &'static str,
    /// If `true`, the build warns when the rule changes nothing.
    expected: bool,
    /// Selects the schemas by their usage.
    applies_to: fn(Usage) -> bool,
    change: Change,
}

/// Changes one schema. Returns `true` if the schema has changed.
type Change = fn(&mut Object, &SchemaLocation, &OpenTypes) -> bool;

const RULES: &[Rule] = &[
    Rule {
        id: "drop-reserved-titles",
        reason: "the titles `Known` and `Other` mark the parts of an open type, so no alternative of a page may have them",
        expected: false,
        applies_to: |_| true,
        change: open_enums::drop_reserved_titles,
    },
    Rule {
        id: "drop-reserved-extensions",
        reason: "the build writes these members, so no page may have them",
        expected: false,
        applies_to: |_| true,
        change: annotate::drop_reserved_extensions,
    },
    Rule {
        id: "drop-requirements-of-the-other-side",
        reason: "a required property with `readOnly` is required in responses only, and one with `writeOnly` in requests only",
        expected: false,
        applies_to: |_| true,
        change: constraints::drop_requirements_of_other_side,
    },
    Rule {
        id: "drop-response-requirements",
        reason: "rejecting a value from the server would not help the user",
        expected: false,
        applies_to: |usage| usage.response,
        change: constraints::drop_requirements,
    },
    Rule {
        id: "document-request-requirements",
        reason: "no Rust type requires one of several fields",
        expected: false,
        applies_to: |usage| !usage.response,
        change: annotate::document_requirements,
    },
    Rule {
        id: "open-unions",
        reason: "the generator turns an anyOf into a struct; a oneOf with titles becomes the intended enum",
        expected: true,
        applies_to: |_| true,
        change: open_enums::open_union,
    },
    Rule {
        id: "open-alternatives",
        reason: "the server may send an alternative that this document does not list yet",
        expected: false,
        applies_to: |usage| usage.response,
        change: open_enums::open_alternatives,
    },
    Rule {
        id: "open-enums",
        reason: "the server may send a value that this document does not list yet",
        expected: true,
        applies_to: |usage| usage.response,
        change: open_enums::refer_to_open,
    },
    Rule {
        id: "open-objects",
        reason: "the server may send a property that this document does not list yet",
        expected: true,
        applies_to: |usage| usage.response,
        change: constraints::open_objects,
    },
    Rule {
        id: "drop-response-patterns",
        reason: "rejecting a text from the server would not help the user",
        expected: false,
        applies_to: |usage| usage.response,
        change: |schema, _, _| schema.remove("pattern").is_some(),
    },
    Rule {
        id: "drop-response-exclusions",
        reason: "rejecting a value from the server would not help the user",
        expected: false,
        applies_to: |usage| usage.response,
        change: |schema, _, _| schema.remove("not").is_some(),
    },
    Rule {
        id: "drop-response-booleans",
        reason: "the server may send the other boolean",
        expected: false,
        applies_to: |usage| usage.response,
        change: constraints::drop_boolean_enums,
    },
    Rule {
        id: "widen-response-numbers",
        reason: "a number from the server that exceeds its format must not be lost",
        expected: false,
        applies_to: |usage| usage.response,
        change: constraints::widen_numbers,
    },
    Rule {
        id: "drop-response-formats",
        reason: "the generated code would parse the text, and fail if the server deviates from its page; beside another type, \
                 the generator fails",
        expected: false,
        applies_to: |usage| usage.response,
        change: constraints::drop_formats,
    },
    Rule {
        id: "document-request-patterns",
        reason: "an id from the server must be sent back even if it violates the pattern, and the generator would add \
                 a second regular expression engine to every user's build",
        expected: true,
        applies_to: |usage| !usage.response,
        change: annotate::document_patterns,
    },
    Rule {
        id: "document-request-exclusions",
        reason: "no Rust type excludes values",
        expected: false,
        applies_to: |usage| !usage.response,
        change: annotate::document_exclusions,
    },
    Rule {
        id: "document-request-booleans",
        reason: "no Rust type has one of the booleans only",
        expected: false,
        applies_to: |usage| !usage.response,
        change: annotate::document_booleans,
    },
    Rule {
        id: "drop-foreign-formats",
        reason: "the generator would use types of crates that this crate does not depend on, or fail if the type has no \
                 formats; the server checks the format",
        expected: false,
        applies_to: |usage| !usage.response,
        change: constraints::drop_foreign_formats,
    },
    Rule {
        id: "drop-response-limits",
        reason: "rejecting a value from the server because of its size would not help the user",
        expected: false,
        applies_to: |usage| usage.response,
        change: constraints::drop_limits,
    },
    Rule {
        id: "document-request-defaults",
        reason: "the generated client would send every default, so the server could never change one for existing users",
        expected: true,
        applies_to: |usage| !usage.response,
        change: annotate::document_defaults,
    },
    Rule {
        id: "drop-response-defaults",
        reason: "a property that the server omits is missing, and does not have the default value",
        expected: false,
        applies_to: |usage| usage.response,
        change: |schema, _, _| schema.remove("default").is_some(),
    },
];

/// The number of schemas that each rule changed.
pub(crate) type Report = Vec<(&'static str, usize)>;

#[derive(Debug)]
pub(crate) struct Relaxed {
    pub(crate) document: Value,
    pub(crate) report: Report,
    pub(crate) origins: Origins,
    /// Warnings about request schemas that are relaxed because they are used in responses too, and about rules that no
    /// longer apply.
    pub(crate) warnings: Vec<String>,
}

/// Applies all rules in order, and defines the open types.
pub(crate) fn relax(extracted: Extracted) -> Relaxed {
    let Extracted { mut document, open, origins } = extracted;
    let mut warnings = shared_schemas(&document);
    let mut report = Report::new();
    for rule in RULES {
        let changes = apply(rule, &mut document, &open);
        if changes == 0 && rule.expected {
            warnings.push(format!(
                "the rule {:?} no longer applies ({}); if the pages have improved, remove it from RULES in \
                 xtask/src/spec/relax/mod.rs",
                rule.id, rule.reason
            ));
        }
        report.push((rule.id, changes));
    }
    open_enums::define_open_types(&mut document, &open);
    Relaxed { document, report, origins, warnings }
}

/// Applies a rule and returns the number of changed schemas.
fn apply(rule: &Rule, document: &mut Value, open: &OpenTypes) -> usize {
    let locations = locations(document);
    let selected = locations.iter().filter(|location| (rule.applies_to)(location.usage));
    // Change children before their parents, because a rule may replace a whole schema.
    selected
        .rev()
        .filter(|location| match document.pointer_mut(location.pointer.as_str()) {
            Some(Value::Object(schema)) => (rule.change)(schema, location, open),
            _ => false,
        })
        .count()
}

/// Returns a warning for each strict component that is used in requests and in responses.
///
/// Such a component is relaxed. An invalid request is then rejected by the server only, but a strict response
/// type would break clients.
fn shared_schemas(document: &Value) -> Vec<String> {
    let shared = locations(document).into_iter().filter(|location| {
        let schema = document.pointer(location.pointer.as_str());
        let schema = schema.and_then(Value::as_object);
        location.usage.request && location.usage.response && schema.is_some_and(constraints::is_strict)
    });
    shared
        .map(|location| {
            format!("{}: used in requests and in responses, so relaxed for both", location.pointer)
        })
        .collect()
}

#[cfg(test)]
mod tests;
