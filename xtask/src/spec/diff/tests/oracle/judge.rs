//! Judges one change with values that the sender's schema allows.

use std::cell::Cell;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{text, translate::Side, values::Sampler};
use crate::spec::{
    diff::{Finding, WireLevel, diff, finding::worst, rules::Direction, tests::later::as_later},
    normalize::normalize,
};

/// The place of a schema in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    RequestBody,
    ResponseBody,
    Form,
    Query,
    ResponseHeader,
}

impl Place {
    fn direction(self) -> Direction {
        match self {
            Self::RequestBody | Self::Form | Self::Query => Direction::Request,
            Self::ResponseBody | Self::ResponseHeader => Direction::Response,
        }
    }

    fn document(self, spec: &Value, later: bool) -> Value {
        let schema = &spec["schema"];
        let content = |media_type: &str| json!({"content": {media_type: {"schema": schema}}});
        let of_response = |response: Value| json!({"responses": {"200": response}});
        let operation = match self {
            Self::RequestBody => json!({"requestBody": content("application/json")}),
            Self::ResponseBody => of_response(content("application/json")),
            Self::Form => json!({"requestBody": content("application/x-www-form-urlencoded")}),
            Self::Query => json!({"parameters": [{"name": "a", "in": "query", "schema": schema}]}),
            Self::ResponseHeader => of_response(json!({"headers": {"X-A": {"schema": schema}}})),
        };
        let version = if later { "3.1.0" } else { "3.0.3" };
        let components = json!({"schemas": spec["schemas"]});
        json!({"openapi": version, "paths": {"/a": {"post": operation}}, "components": components})
    }

    /// Returns the values that the receiver may read, all of which mean the sent value.
    fn readings(self, value: &Value) -> Option<Vec<Value>> {
        Some(match self {
            Self::RequestBody | Self::ResponseBody => vec![value.clone()],
            Self::Form => text::readings(&text::sent_form(value)?, false),
            Self::Query | Self::ResponseHeader => text::readings(&text::sent(value, true)?, true),
        })
    }
}

/// The ends of rules whose levels no value shows, with the reasons. Receivers then ignore the discriminator, and
/// the change does not count as one that a value must prove.
const EXEMPT: &[(&str, &str)] = &[
    ("-discriminator-added", "as in oasdiff: it may only document the values"),
    ("-discriminator-removed", "as in oasdiff: it may only have documented the values"),
    ("-additional-properties-closed", "breaks senders of properties that no schema declares"),
    ("-additional-properties-narrowed", "breaks senders of properties that no schema declares"),
    ("-additional-properties-widened", "the new properties are not declared"),
];

/// The number of values that were judged, and of changes that are called breaking.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) pairs: Cell<usize>,
    pub(super) values: Cell<usize>,
    pub(super) breaking: Cell<usize>,
    /// Changes that are called breaking, and that break a value.
    pub(super) proven: Cell<usize>,
}

fn add(count: &Cell<usize>, more: usize) {
    count.set(count.get() + more);
}

/// Two versions of a schema in a document.
#[derive(Debug)]
pub(super) struct Judged<'a> {
    pub(super) base: &'a Value,
    pub(super) revision: &'a Value,
    pub(super) place: Place,
    /// `true` for documents of OpenAPI 3.1.
    pub(super) later: bool,
}

impl Judged<'_> {
    /// Judges the change with the values that the choices select.
    pub(super) fn judge(&self, choices: &[Vec<usize>], counts: &Counts) -> Result<(), TestCaseError> {
        let specs =
            [self.base, self.revision].map(|spec| if self.later { as_later(spec) } else { spec.clone() });
        let [base, revision] = specs.each_ref().map(|spec| normalized(self.place.document(spec, self.later)));
        let findings = diff(&base, &revision);
        let level = worst(&findings).0;
        let direction = self.place.direction();
        let (receiver, sender) = match direction {
            Direction::Request => (1, 0),
            Direction::Response => (0, 1),
        };
        let tagged = !is_exempt(&findings) && is_tagged(&specs[sender]);
        let validator = |index: usize, receives: bool| {
            let spec: &Value = &specs[index];
            let side = Side {
                direction,
                receives,
                tagged: tagged || !receives,
                later: self.later,
                components: &spec["schemas"],
            };
            side.validator(&spec["schema"])
        };
        let (Some(reader), Some(writer)) = (validator(receiver, true), validator(sender, false)) else {
            return Ok(());
        };
        let values: Vec<_> = self.sent(&specs[sender], &writer, choices).collect();
        add(&counts.pairs, 1);
        add(&counts.values, values.len());
        let is_broken =
            |readings: &&(Value, Vec<Value>)| !readings.1.iter().any(|value| reader.is_valid(value));
        let broken = values.iter().find(is_broken);
        self.conclude(level, broken, values.len(), &findings, counts)
    }

    /// Returns values of the sender, each with what the receiver may read.
    fn sent<'v>(
        &'v self,
        sender: &'v Value,
        writer: &'v Validator,
        choices: &'v [Vec<usize>],
    ) -> impl Iterator<Item = (Value, Vec<Value>)> + 'v {
        let document = normalized(self.place.document(sender, self.later));
        let schema = schema_of(self.place, &document).clone();
        choices.iter().filter_map(move |choices| {
            let components = &document["components"]["schemas"];
            let mut sampler = Sampler { components, choices: choices.iter().copied(), depth: 0 };
            let value = sampler.value(&schema);
            let readings = self.place.readings(&value).filter(|_| writer.is_valid(&value))?;
            Some((value, readings))
        })
    }

    fn conclude(
        &self,
        level: WireLevel,
        broken: Option<&(Value, Vec<Value>)>,
        values: usize,
        findings: &[Finding],
        counts: &Counts,
    ) -> Result<(), TestCaseError> {
        if level <= WireLevel::Info {
            let rules: Vec<_> = findings.iter().map(|finding| &finding.rule.id).collect();
            prop_assert!(
                broken.is_none(),
                "{:?}\n{:?}, 3.1: {}\n{}\n{}\n{rules:?}",
                broken.map(|(value, _)| value.to_string()),
                self.place,
                self.later,
                self.base,
                self.revision
            );
        }
        // Formats are not checked, so their changes break no value.
        let has_format =
            [self.base, self.revision].iter().any(|spec| spec.to_string().contains("\"format\""));
        if level == WireLevel::Err && values > 9 && !has_format && !is_exempt(findings) {
            add(&counts.breaking, 1);
            add(&counts.proven, usize::from(broken.is_some()));
        }
        Ok(())
    }
}

fn is_exempt(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| EXEMPT.iter().any(|(rule, _)| finding.rule.id.ends_with(rule)))
}

/// Returns `true` if all references are alternatives of a union with a discriminator. The values of others have
/// no tag, and may therefore be those of any alternative.
fn is_tagged(value: &Value) -> bool {
    if value.get("$ref").is_some() {
        return false;
    }
    let has_discriminator = value.get("discriminator").is_some();
    let is_union = |key: &str| has_discriminator && ["oneOf", "anyOf"].contains(&key);
    let is_alternative = |item: &Value| item.get("$ref").is_some() || *item == json!({"type": "null"});
    let mut members = value.as_object().into_iter().flatten().filter(|(key, _)| *key != "discriminator");
    let mut items = value.as_array().into_iter().flatten();
    members.all(|(key, member)| match member {
        Value::Array(items) if is_union(key) => items.iter().all(is_alternative),
        member => is_tagged(member),
    }) && items.all(is_tagged)
}

fn normalized(document: Value) -> Value {
    normalize(document).0
}

fn schema_of(place: Place, document: &Value) -> &Value {
    let pointer = match place {
        Place::RequestBody => "/requestBody/content/application~1json/schema",
        Place::ResponseBody => "/responses/200/content/application~1json/schema",
        Place::Form => "/requestBody/content/application~1x-www-form-urlencoded/schema",
        Place::Query => "/parameters/0/schema",
        Place::ResponseHeader => "/responses/200/headers/X-A/schema",
    };
    document["paths"]["/a"]["post"].pointer(pointer).unwrap()
}
