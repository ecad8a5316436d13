//! Says why a receiver does not take everything that a sender allows, for a reader of the report.

use std::collections::{HashMap, VecDeque};

use super::{
    accepts::{among_words, number_differences, word_taken},
    alternative::{Alternative, Kind, property},
    mode::Mode,
    norm::Norm,
    object::{is_unrelated, size_fits, tags},
    relation::{Answer, Question, Relation, Relations},
};
use crate::spec::diff::format;

/// The number of reasons after which the search ends.
pub(super) const MAX_REASONS: usize = 100;

/// The number of alternatives of a receiver that are compared with one of the sender.
const MAX_ALTERNATIVES: usize = 8;

/// What a sender allows and a receiver does not take.
enum Reason {
    Here(String),
    /// The schemas at a path within.
    Within(String, Question),
}

impl Reason {
    fn here(text: impl Into<String>) -> Self {
        Self::Here(text.into())
    }
}

impl Relations<'_> {
    /// Returns what the sender allows and the receiver does not take, each with its path. Every reason has this answer or a
    /// worse one. There is at least one.
    pub(super) fn reasons(&mut self, question: Question, least: Answer) -> Vec<String> {
        let mut reasons = Vec::new();
        let mut paths = HashMap::from([(question, String::new())]);
        let mut pending = VecDeque::from([(question, String::new())]);
        while let Some((question, path)) = pending.pop_front() {
            for reason in self.reasons_here(question, least) {
                match reason {
                    Reason::Here(text) if path.is_empty() => reasons.push(text),
                    Reason::Here(text) => reasons.push(format!("{path}: {text}")),
                    Reason::Within(part, question) => {
                        let path = format!("{path}{part}");
                        match paths.get(&question) {
                            // A schema that contains itself.
                            Some(first) if path.starts_with(first.as_str()) => {}
                            Some(first) => reasons.push(format!("{path}: as {first}")),
                            None => {
                                paths.insert(question, path.clone());
                                pending.push_back((question, path));
                            }
                        }
                    }
                }
            }
            if reasons.len() >= MAX_REASONS {
                break;
            }
        }
        if reasons.is_empty() {
            reasons.push("other values are allowed".to_owned());
        }
        reasons.truncate(MAX_REASONS);
        reasons
    }

    /// Returns the reasons of two schemas, without those of the schemas within.
    fn reasons_here(&mut self, question: Question, least: Answer) -> Vec<Reason> {
        let Relation::Accepts { direction, notation, list } = question.relation else { return Vec::new() };
        let (receiver, sender) = (self.norm(question.receiver), self.norm(question.sender));
        let mode = Mode::new(direction, notation, &receiver, &sender);
        let mut reasons = Vec::new();
        if least < Answer::No && !(receiver.exact && sender.exact) {
            reasons.push(Reason::here("the schemas are not known or too large to compare"));
        }
        let receivers: Vec<_> = receiver.alternatives.iter().collect();
        for alternative in &sender.alternatives {
            if self.settled(|relations| relations.taken(mode, list, &receivers, alternative)) >= least {
                reasons.extend(self.refused(mode, least, &receiver, alternative));
            }
        }
        reasons
    }

    /// Returns why the receiver does not take an alternative of the sender.
    fn refused(&mut self, mode: Mode, least: Answer, receiver: &Norm, sender: &Alternative) -> Vec<Reason> {
        if let Some(words) = &sender.words {
            let answer = |word| receiver.alternatives.iter().map(|a| word_taken(mode, a, word, sender)).min();
            let refused = words.values().filter(|word| answer(word).unwrap_or(Answer::No) >= least);
            return refused.map(|word| Reason::here(format!("{word} is allowed"))).collect();
        }
        let mut alike: Vec<_> = receiver.alternatives.iter().filter(|a| a.kind == sender.kind).collect();
        if alike.is_empty() {
            return vec![Reason::here(format!("{} is allowed", kind_name(sender.kind)))];
        }
        if sender.kind == Kind::Object && alike.len() > 1 {
            alike.retain(|receiver| {
                !is_unrelated(mode, receiver, sender) && !self.has_other_tag(mode, receiver, sender)
            });
        }
        // The alternative with the fewest reasons is most likely the one that is meant.
        let all = alike.into_iter().take(MAX_ALTERNATIVES).map(|a| self.differences(mode, least, a, sender));
        let reasons = all.filter(|reasons| !reasons.is_empty()).min_by_key(Vec::len);
        reasons.unwrap_or_else(|| vec![Reason::here(self.unlike(sender))])
    }

    /// Describes an alternative of a sender that is like none of the receiver.
    fn unlike(&mut self, sender: &Alternative) -> String {
        let kind = kind_name(sender.kind);
        let properties: Vec<_> =
            sender.properties.iter().map(|(name, property)| (name, property.key)).collect();
        for (name, key) in &properties {
            if let Some(word) = self.only_word(*key).filter(|_| sender.required.contains(*name)) {
                return format!("{kind} whose {name:?} is {word} is allowed");
            }
        }
        let names: Vec<_> = properties.iter().map(|(name, _)| format!("{name:?}")).collect();
        match names.as_slice() {
            [] => format!("{kind} is allowed that no alternative accepts"),
            names => format!("{kind} with {} is allowed", names.join(", ")),
        }
    }

    /// Returns why an alternative of the receiver does not take one of the sender. Both have the same kind.
    fn differences(
        &mut self,
        mode: Mode,
        least: Answer,
        receiver: &Alternative,
        sender: &Alternative,
    ) -> Vec<Reason> {
        if let Some(words) = &receiver.words {
            let is_refused = among_words(mode, words.values(), sender) >= least;
            let text = "values are allowed that the enum does not have";
            return if is_refused { vec![Reason::here(text)] } else { Vec::new() };
        }
        let mut reasons = Vec::new();
        match receiver.kind {
            Kind::Null | Kind::Boolean => {}
            Kind::Number => {
                reasons.extend(number_differences(receiver, sender).into_iter().map(Reason::Here));
            }
            Kind::String => reasons.extend(text_differences(least, receiver, sender)),
            Kind::Array => {
                if !receiver.size.contains(sender.size) {
                    reasons.push(Reason::here("another count is allowed"));
                }
                if receiver.unique && !sender.unique && sender.size.max.is_none_or(|max| max > 1) {
                    reasons.push(Reason::here("repeated items are allowed"));
                }
                let (relation, receiver) = (mode.relation(), receiver.items);
                let question = Question { relation, receiver, sender: sender.items };
                if sender.size.max != Some(0) && self.answer(question) >= least {
                    reasons.push(Reason::Within("[]".to_owned(), question));
                }
            }
            Kind::Object => self.object_differences(mode, least, receiver, sender, &mut reasons),
        }
        if self.settled(|relations| relations.conditions(receiver, sender)) >= least {
            reasons.push(Reason::here("a condition is missing"));
        }
        if self.settled(|relations| relations.exclusions(receiver, sender)) >= least {
            reasons.push(Reason::here("values are allowed that `not` excludes"));
        }
        reasons
    }

    fn object_differences(
        &mut self,
        mode: Mode,
        least: Answer,
        receiver: &Alternative,
        sender: &Alternative,
        reasons: &mut Vec<Reason>,
    ) {
        let is_sent = |alternative: &Alternative, name: &String| {
            alternative.required.contains(name) && !property(alternative, name).is_unsent(mode.direction)
        };
        let missing =
            receiver.required.iter().filter(|name| is_sent(receiver, name) && !is_sent(sender, name));
        reasons.extend(missing.map(|name| Reason::Here(format!("{name:?} may be missing"))));
        if !size_fits(mode, receiver, sender) {
            reasons.push(Reason::here("another number of properties is allowed"));
        }
        if tags(receiver, sender) >= least {
            reasons.push(Reason::here("the discriminator has other values"));
        }
        for (name, sent) in &sender.properties {
            if sent.forbidden || sent.is_unsent(mode.direction) {
                continue;
            }
            let answer = self.settled(|relations| relations.declared(mode, receiver, sender, name, sent.key));
            if answer < least {
                continue;
            }
            let (relation, expected) = (mode.relation_of_properties(), property(receiver, name));
            let question = Question { relation, receiver: expected.key, sender: sent.key };
            reasons.push(if !expected.forbidden && self.answer(question) >= least {
                Reason::Within(format!("/{name}"), question)
            } else {
                Reason::Here(format!("{name:?} is allowed"))
            });
        }
        let only_receiver =
            receiver.properties.iter().filter(|(name, _)| !sender.properties.contains_key(*name));
        for (name, expected) in only_receiver.filter(|(_, expected)| !expected.is_unsent(mode.direction)) {
            let answer = self.settled(|relations| {
                let undeclared = relations.undeclared(mode, sender, name, expected);
                undeclared.max(relations.declared_by_conditions(mode, sender, name, expected))
            });
            if answer >= least {
                reasons.push(Reason::Here(format!("{name:?} may be missing or have another value")));
            }
        }
        let rest = self.settled(|relations| {
            let rest = relations.rest(mode, receiver.rest, sender.rest);
            rest.max(relations.by_pattern(mode, receiver, sender))
        });
        if rest >= least {
            reasons.push(Reason::here("other properties are allowed"));
        }
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Boolean => "a boolean",
        Kind::Number => "a number",
        Kind::String => "a string",
        Kind::Array => "a list",
        Kind::Object => "an object",
    }
}

fn text_differences(least: Answer, receiver: &Alternative, sender: &Alternative) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if !receiver.size.contains(sender.size) {
        reasons.push(Reason::here("another length is allowed"));
    }
    let has_format = |name: &&String| sender.formats.iter().any(|other| format::includes(name, other));
    let unformatted = receiver.formats.iter().filter(|name| !has_format(name));
    reasons.extend(
        unformatted.map(|name| Reason::Here(format!("a value without the format {name} is allowed"))),
    );
    if least < Answer::No || sender.patterns.is_empty() {
        let unmatched = receiver.patterns.iter().filter(|pattern| !sender.patterns.contains(*pattern));
        let text = |pattern| format!("a text that does not match {pattern:?} is allowed");
        reasons.extend(unmatched.map(|pattern| Reason::Here(text(pattern))));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::{Value, json};

    use super::super::relation::{Answer, Question, Relation, Relations};
    use crate::spec::diff::{diff, node::ResolvedNode, notation::Notation, rules::Direction};

    #[test]
    fn finding_about_a_schema_as_a_whole_says_what_is_not_accepted() {
        let document = |schema: &Value| {
            let parameters = json!([{"name": "q", "in": "query", "schema": schema}]);
            json!({"paths": {"/a": {"get": {"parameters": parameters}}}})
        };
        let integer = json!({"type": "integer"});
        for (revision, reason) in [
            (json!({"type": "string", "format": "uuid"}), "a number is allowed"),
            (json!({"type": "string", "enum": ["a"]}), "a number is allowed"),
        ] {
            let findings = diff(&document(&integer), &document(&revision));
            let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
            assert!(messages.iter().any(|message| message.ends_with(reason)), "{messages:#?}");
        }
    }

    #[test]
    fn reason_names_the_keyword() {
        let document = |schema: &Value| {
            let content = json!({"application/json": {"schema": {"properties": {"p": schema}}}});
            json!({"paths": {"/a": {"get": {"responses": {"200": {"description": "d", "content": content}}}}}})
        };
        let parts = |names: &[&str]| json!({"allOf": names.iter().map(|name| json!({"required": [name]})).collect::<Vec<_>>()});
        for (base, revision, reason) in [
            (
                parts(&["x", "y", "z"]),
                parts(&["x", "y"]),
                "/p: the old schema as a whole does not accept everything that the new one allows: \"z\" may be missing",
            ),
            (
                json!({"allOf": [{"enum": ["a", "b"]}, {"type": "string"}, {"minLength": 1}]}),
                json!({"allOf": [{"type": "string"}, {"minLength": 1}]}),
                "values are allowed that the enum does not have",
            ),
        ] {
            let findings = diff(&document(&base), &document(&revision));
            let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
            assert!(messages.iter().any(|message| message.ends_with(reason)), "{messages:#?}");
        }
    }

    /// Returns the fingerprint and the message of the finding about the schema of a response as a whole.
    fn contract_finding(base: &Value, revision: &Value) -> [String; 2] {
        let document = |schema: &Value| {
            let content = json!({"application/json": {"schema": schema}});
            json!({"paths": {"/a": {"get": {"responses": {"200": {"description": "d", "content": content}}}}}})
        };
        let findings = diff(&document(base), &document(revision));
        let mut contract = findings.into_iter().filter(|finding| finding.rule.id.contains("-contract-"));
        contract.next().map(|finding| [finding.fingerprint, finding.message]).unwrap()
    }

    #[test]
    fn findings_with_other_reasons_have_other_fingerprints() {
        let requiring = |names: &[&str]| json!({"allOf": names.iter().map(|name| json!({"required": [name]})).collect::<Vec<_>>()});
        let base = requiring(&["x", "y", "z"]);
        let mut fingerprints = HashSet::new();
        for (left, reason) in [
            (&["x", "y"][..], ": \"z\" may be missing"),
            (&["x", "z"], ": \"y\" may be missing"),
            (&["x"], ": \"y\" may be missing; \"z\" may be missing"),
        ] {
            let [fingerprint, message] = contract_finding(&base, &requiring(left));
            assert!(message.ends_with(reason), "{message}");
            assert!(fingerprints.insert(fingerprint), "{message}");
        }
    }

    #[test]
    fn every_difference_of_two_schemas_has_a_reason() {
        let union = |words: &[&str], kind: &str| -> Value {
            let one = |word| json!({"type": "object", "required": ["k"], "properties": {"k": {"enum": [word]}, "v": {"type": kind}}});
            json!({"oneOf": words.iter().map(one).collect::<Vec<_>>()})
        };
        let list = |kind: &str| json!({"type": "array", "items": {"type": kind}});
        let map = |kind: &str| json!({"additionalProperties": {"type": kind}});
        for (base, revision, reason) in [
            (
                json!({"type": "number", "maximum": 3}),
                json!({"type": "number", "maximum": 4}),
                "a higher number is allowed",
            ),
            (
                json!({"type": "integer"}),
                json!({"type": "number"}),
                "a number that is not an integer is allowed",
            ),
            (
                json!({"type": "string", "maxLength": 1}),
                json!({"type": "string"}),
                "another length is allowed",
            ),
            (json!({"type": "array", "maxItems": 1}), json!({"type": "array"}), "another count is allowed"),
            (list("string"), list("integer"), "[]: a number is allowed"),
            (map("string"), map("integer"), "other properties are allowed"),
            (
                union(&["x"], "string"),
                union(&["x", "y"], "string"),
                "an object whose \"k\" is \"y\" is allowed",
            ),
            (union(&["x", "y"], "string"), union(&["x", "y"], "integer"), "/v: a number is allowed"),
        ] {
            let document = json!({"a": {"properties": {"p": base}}, "b": {"properties": {"p": revision}}});
            let node = |name| ResolvedNode::root(&document).get(name).unwrap();
            let mut relations = Relations::default();
            let (receiver, sender) = (relations.key(node("a")), relations.key(node("b")));
            let relation =
                Relation::Accepts { direction: Direction::Response, notation: Notation::Typed, list: false };
            let reasons = relations.reasons(Question { relation, receiver, sender }, Answer::No);
            assert!(
                reasons.iter().any(|found| found.starts_with("/p") && found.ends_with(reason)),
                "{reasons:#?}"
            );
        }
    }
}
