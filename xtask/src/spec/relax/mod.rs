//! Opens what the server sends and leaves to the server what is its own; what we send stays as strict as it was.
//!
//! A server may add a field, a status, a longer text, and no client of ours should break on that day. The rules stand
//! in one table, each with its reason. A rule that is `expected` must change something: when the pages no longer need
//! it, the build stops, and someone decides whether the rule goes or the pages broke.

mod annotate;
mod constraints;
mod open_enums;

use serde_json::Value;

use super::{
    extract::{Extracted, OpenTypes},
    schema_locations::{SchemaLocation, Usage, locations},
};
use crate::{
    failure::{ExitClass, Failure},
    json::Object,
};

/// One thing that is relaxed everywhere.
struct Rule {
    id: &'static str,
    reason: &'static str,
    /// Whether a document without a place for it is a surprise.
    expected: bool,
    /// Which schemas it looks at.
    applies_to: fn(Usage) -> bool,
    change: Change,
}

/// Changes one schema and says whether there was anything to change.
type Change = fn(&mut Object, &SchemaLocation, &OpenTypes) -> bool;

const RULES: &[Rule] = &[
    Rule {
        id: "open-unions",
        reason: "the generator makes a struct of an anyOf; a oneOf with titles is the enum that was meant",
        expected: true,
        applies_to: |_| true,
        change: open_enums::union,
    },
    Rule {
        id: "open-enums",
        reason: "the server may send a word that this document does not know yet",
        expected: true,
        applies_to: |sides| sides.response,
        change: open_enums::refer_to_open,
    },
    Rule {
        id: "open-objects",
        reason: "the server may send a property that this document does not know yet",
        expected: true,
        applies_to: |sides| sides.response,
        change: constraints::objects,
    },
    Rule {
        id: "drop-response-patterns",
        reason: "a text from the server is taken as it comes: refusing it helps nobody",
        expected: false,
        applies_to: |sides| sides.response,
        change: constraints::patterns,
    },
    Rule {
        id: "drop-response-formats",
        reason: "the generator would parse the text, and fail where the server is freer than its page",
        expected: false,
        applies_to: |sides| sides.response,
        change: constraints::formats,
    },
    Rule {
        id: "document-request-patterns",
        reason: "an id from the server goes back as it came, pattern or not, and the generator would need a second \
                 engine of regular expressions in every user's build",
        expected: true,
        applies_to: |sides| !sides.response,
        change: annotate::patterns,
    },
    Rule {
        id: "drop-foreign-formats",
        reason: "the generator would take types of crates that this one does not depend on; the server checks them",
        expected: false,
        applies_to: |sides| !sides.response,
        change: constraints::foreign_formats,
    },
    Rule {
        id: "drop-response-limits",
        reason: "a size from the server is taken as it comes: refusing it helps nobody",
        expected: false,
        applies_to: |sides| sides.response,
        change: constraints::limits,
    },
    Rule {
        id: "document-request-defaults",
        reason: "the generator sends every default, and then the server could never change one for our users",
        expected: true,
        applies_to: |sides| !sides.response,
        change: annotate::defaults,
    },
    Rule {
        id: "drop-response-defaults",
        reason: "what the server left out it did not say",
        expected: false,
        applies_to: |sides| sides.response,
        change: annotate::drop_defaults,
    },
];

/// How many places each rule changed.
pub(crate) type Report = Vec<(&'static str, usize)>;

#[derive(Debug)]
pub(crate) struct Relaxed {
    pub(crate) document: Value,
    pub(crate) report: Report,
    /// What loses strictness on the way out for being received too.
    pub(crate) warnings: Vec<String>,
}

pub(crate) fn relax(hoisted: Extracted) -> Result<Relaxed, Failure> {
    let Extracted { mut document, open } = hoisted;
    let warnings = shared_schemas(&document);
    let mut report = Report::new();
    let mut idle = Vec::new();
    for rule in RULES {
        let places = apply(rule, &mut document, &open);
        if places == 0 && rule.expected {
            idle.push(format!(
                "openapi/distribute-ai.json: (root): the rule {:?} no longer applies: expected at least one place for it ({}), found none",
                rule.id, rule.reason
            ));
        }
        report.push((rule.id, places));
    }
    open_enums::define(&mut document, &open);
    if idle.is_empty() {
        Ok(Relaxed { document, report, warnings })
    } else {
        let failure = Failure::new(ExitClass::Document, idle);
        Err(failure.hint("if the pages are right, take the rule out of RULES in xtask/src/spec/relax/mod.rs"))
    }
}

fn apply(rule: &Rule, document: &mut Value, open: &OpenTypes) -> usize {
    let places = locations(document);
    let wanted = places.iter().filter(|site| (rule.applies_to)(site.usage));
    // Children first, as a rule may replace the whole schema.
    wanted
        .rev()
        .filter(|site| match document.pointer_mut(site.pointer.as_str()) {
            Some(Value::Object(schema)) => (rule.change)(schema, site, open),
            _ => false,
        })
        .count()
}

/// Components that are sent as well as received are opened: a client that breaks is worse than one that lets the
/// server refuse.
fn shared_schemas(document: &Value) -> Vec<String> {
    let shared = locations(document).into_iter().filter(|site| {
        let schema = document.pointer(site.pointer.as_str());
        let schema = schema.and_then(Value::as_object);
        site.usage.request && site.usage.response && schema.is_some_and(constraints::is_strict)
    });
    shared.map(|site| format!("{}: sent and received, so opened both ways", site.pointer)).collect()
}

#[cfg(test)]
mod tests;
