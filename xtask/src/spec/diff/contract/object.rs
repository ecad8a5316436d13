//! Compares an object of a receiver with one of a sender: does it take what the sender allows?

use serde_json::Value;

use super::{
    alternative::{Alternative, Kind, PATTERNS, Property, Rest},
    condition::Condition,
    key::Key,
    limit::Size,
    mode::Mode,
    relation::{Answer, Question, Relations},
    word,
};
use crate::{
    json::normalized,
    spec::diff::{notation::Notation, rules::Direction},
};

impl Property {
    /// Returns `true` if the property is not sent in this direction.
    pub(super) fn is_unsent(&self, direction: Direction) -> bool {
        match direction {
            Direction::Request => self.read_only,
            Direction::Response => self.write_only,
        }
    }
}

impl Relations<'_> {
    pub(super) fn object(&mut self, mode: Mode, receiver: &Alternative, sender: &Alternative) -> Answer {
        if !sends_required(mode, receiver, sender) || !size_fits(mode, receiver, sender) {
            return Answer::No;
        }
        if mode.union && is_unrelated(mode, receiver, sender) {
            return Answer::No;
        }
        if mode.tagged && self.has_other_tag(mode, receiver, sender) {
            return Answer::No;
        }
        let mut answer = tags(receiver, sender);
        for (name, property) in &sender.properties {
            if answer == Answer::No {
                return answer;
            }
            if !property.forbidden && !property.is_unsent(mode.direction) {
                answer = answer.max(self.declared(mode, receiver, sender, name, property.key));
            }
        }
        for (name, property) in &receiver.properties {
            if answer == Answer::No {
                return answer;
            }
            if !sender.properties.contains_key(name) && !property.is_unsent(mode.direction) {
                answer = answer
                    .max(self.undeclared(mode, sender, name, property))
                    .max(self.declared_by_conditions(mode, sender, name, property));
            }
        }
        let mut rest = self.rest(mode, receiver.rest, sender.rest);
        if sender.rest == Rest::Open && self.has_only_declared(sender, "unevaluatedProperties") {
            rest = rest.min(Answer::Maybe);
        }
        answer.max(rest).max(self.by_pattern(mode, receiver, sender))
    }

    /// Returns the answer for the properties that only a pattern of the sender allows.
    pub(super) fn by_pattern(&mut self, mode: Mode, receiver: &Alternative, sender: &Alternative) -> Answer {
        let has = |pattern: &str| receiver.conditions_of(PATTERNS).any(|(other, _)| other == pattern);
        let mut answer = Answer::Yes;
        for (_, key) in sender.conditions_of(PATTERNS).filter(|(pattern, _)| !has(pattern)) {
            let by_rest = self.rest(mode, receiver.rest, Rest::Typed(key));
            // Another pattern of the receiver may match these names.
            let is_open = receiver.conditions_of(PATTERNS).next().is_some();
            answer = answer.max(if is_open { by_rest.min(Answer::Maybe) } else { by_rest });
        }
        answer
    }

    /// Returns the answer for a property that the sender declares.
    pub(super) fn declared(
        &mut self,
        mode: Mode,
        receiver: &Alternative,
        sender: &Alternative,
        name: &str,
        key: Key,
    ) -> Answer {
        let expected = match receiver.properties.get(name) {
            Some(property) if property.forbidden && mode.direction == Direction::Request => {
                return Answer::No;
            }
            Some(property) if property.is_unsent(mode.direction) => {
                let required = mode.direction == Direction::Request && sender.required.contains(name);
                return if required { Answer::Maybe } else { Answer::Yes };
            }
            Some(property) => property.key,
            None => match (receiver.rest_for(name), mode.direction) {
                (Some(Rest::Typed(key)), _) => key,
                (Some(Rest::Closed), _) => return refused(mode),
                (Some(Rest::Open), Direction::Response) => return Answer::Yes,
                (Some(Rest::Open) | None, _) => return Answer::Maybe,
            },
        };
        self.ask(Question { relation: mode.relation_of_properties(), receiver: expected, sender: key })
    }

    /// Returns the answer for a property that only the receiver declares.
    pub(super) fn undeclared(
        &mut self,
        mode: Mode,
        sender: &Alternative,
        name: &str,
        property: &Property,
    ) -> Answer {
        match sender.rest_for(name) {
            None => Answer::Maybe,
            Some(Rest::Typed(_)) if property.forbidden && mode.direction == Direction::Request => Answer::No,
            Some(Rest::Typed(key)) => self.ask(Question {
                relation: mode.relation_of_properties(),
                receiver: property.key,
                sender: key,
            }),
            // The document does not say which value is sent.
            Some(Rest::Open) if sender.required.contains(name) => {
                let sender = Key::ANYTHING;
                let question =
                    Question { relation: mode.relation_of_properties(), receiver: property.key, sender };
                self.ask(question).min(Answer::Maybe)
            }
            // A client that reads an optional property may depend on it.
            _ if mode.direction == Direction::Response && !property.forbidden => Answer::Maybe,
            _ => Answer::Yes,
        }
    }

    /// Returns the answer for a property that the sender declares only in some cases, such as in `then`.
    pub(super) fn declared_by_conditions(
        &mut self,
        mode: Mode,
        sender: &Alternative,
        name: &str,
        property: &Property,
    ) -> Answer {
        let cases = sender.conditions.iter().flat_map(Condition::cases);
        let norms: Vec<_> = cases.map(|key| self.norm(*key)).collect();
        let declared =
            norms.iter().flat_map(|norm| &norm.alternatives).filter_map(|a| a.properties.get(name));
        let mut answer = Answer::Yes;
        for declared in declared.filter(|declared| !declared.forbidden) {
            let (relation, sender) = (mode.relation_of_properties(), declared.key);
            let question = Question { relation, receiver: property.key, sender };
            answer = answer.max(self.ask(question).min(Answer::Maybe));
        }
        answer
    }

    pub(super) fn rest(&mut self, mode: Mode, receiver: Rest, sender: Rest) -> Answer {
        let (receiver, sender) = match (receiver, sender) {
            (Rest::Open, _) | (_, Rest::Closed) => return Answer::Yes,
            (_, Rest::Typed(sender)) if self.norm(sender).alternatives.is_empty() => return Answer::Yes,
            (Rest::Closed, _) => return refused(mode),
            (Rest::Typed(receiver), Rest::Open) => (receiver, Key::ANYTHING),
            (Rest::Typed(receiver), Rest::Typed(sender)) => (receiver, sender),
        };
        self.ask(Question { relation: mode.relation_of_properties(), receiver, sender })
    }

    /// Returns `true` if a property shows that the sender means another alternative.
    pub(super) fn has_other_tag(&mut self, mode: Mode, receiver: &Alternative, sender: &Alternative) -> bool {
        let pairs: Vec<_> = sender
            .required
            .iter()
            .filter_map(|name| Some((sender.properties.get(name)?.key, receiver.properties.get(name)?.key)))
            .collect();
        let typed = mode.notation.of_properties() == Notation::Typed;
        pairs.into_iter().any(|(sent, expected)| {
            let Some(word) = self.only_word(sent) else { return false };
            let written = if typed { normalized } else { word::text };
            let is_word = |other: &Value| written(other) == written(&word);
            let expected = self.norm(expected);
            expected.exact
                && expected.alternatives.iter().all(|alternative| {
                    alternative.words.as_ref().is_some_and(|words| !words.values().any(is_word))
                })
        })
    }

    /// Returns the only value of a schema, if it is a text, a number or a flag.
    pub(super) fn only_word(&mut self, key: Key) -> Option<Value> {
        let norm = self.norm(key);
        let [alternative] = norm.alternatives.as_slice() else { return None };
        let words = alternative.words.as_ref().filter(|words| words.len() == 1)?;
        let is_scalar = matches!(alternative.kind, Kind::String | Kind::Number | Kind::Boolean);
        words.values().next().filter(|_| is_scalar).cloned()
    }
}

/// Returns `true` if two alternatives of unions have no property in common. An open object takes the properties
/// of any other one, but does not understand them. Readers of responses open closed objects.
pub(super) fn is_unrelated(mode: Mode, receiver: &Alternative, sender: &Alternative) -> bool {
    let is_closed = receiver.rest == Rest::Closed
        && mode.direction == Direction::Response
        && receiver.conditions_of(PATTERNS).next().is_none();
    if mode.tagged && is_closed && receiver.properties.is_empty() {
        // Only the object without properties is meant.
        return sender.rest != Rest::Closed || !sender.properties.is_empty();
    }
    let has_names = !receiver.properties.is_empty() && !sender.properties.is_empty();
    has_names
        && (receiver.rest == Rest::Open || is_closed)
        && sender.properties.keys().all(|name| !receiver.properties.contains_key(name))
}

/// Returns the answer for a property that a closed object does not have. Readers of responses ignore it.
fn refused(mode: Mode) -> Answer {
    match mode.direction {
        Direction::Request => Answer::No,
        Direction::Response => Answer::Yes,
    }
}

fn sends_required(mode: Mode, receiver: &Alternative, sender: &Alternative) -> bool {
    let is_unsent = |alternative: &Alternative, name: &str| {
        alternative.properties.get(name).is_some_and(|property| property.is_unsent(mode.direction))
    };
    let mut required = receiver.required.iter().filter(|name| !is_unsent(receiver, name));
    required.all(|name| sender.required.contains(name) && !is_unsent(sender, name))
}

pub(super) fn size_fits(mode: Mode, receiver: &Alternative, sender: &Alternative) -> bool {
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let is_sent = |property: &Property| !property.forbidden && !property.is_unsent(mode.direction);
    let declared = sender.properties.values().filter(|property| is_sent(property)).count();
    let required = sender.required.iter().filter(|name| sender.properties.get(*name).is_none_or(is_sent));
    let is_listed = sender.rest == Rest::Closed && sender.conditions_of(PATTERNS).next().is_none();
    let max = is_listed.then(|| count(declared));
    let implied = Size { min: count(required.count()), max };
    receiver.size.contains(sender.size.meet(implied))
}

/// Compares the values by which a discriminator selects the alternatives.
pub(super) fn tags(receiver: &Alternative, sender: &Alternative) -> Answer {
    match (&receiver.tag, &sender.tag) {
        (Some((property, words)), Some((other, sent))) if property != other || !sent.is_subset(words) => {
            Answer::Maybe
        }
        _ => Answer::Yes,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::spec::diff::{diff, finding::worst, severity::WireLevel};

    fn level(base: &[&Value], revision: &[&Value]) -> WireLevel {
        let document = |alternatives: &[&Value]| {
            let content = json!({"application/json": {"schema": {"oneOf": alternatives}}});
            json!({"paths": {"/a": {"post": {"responses": {"200": {"content": content}}}}}})
        };
        worst(&diff(&document(base), &document(revision))).0
    }

    #[test]
    fn closed_alternative_of_a_response_is_like_an_open_one() {
        let object = |name: &str, kind: &str, rest: bool| json!({"type": "object", "properties": {name: {"type": kind}}, "additionalProperties": rest});
        let required = json!({"type": "object", "required": ["z"], "properties": {"z": {"type": "string"}}});
        for rest in [true, false] {
            let [a, b] = ["a", "b"].map(|name| object(name, "string", rest));
            assert_eq!(level(&[&a, &b], &[&a, &b, &required]), WireLevel::Err, "{rest}");
            assert_eq!(level(&[&a, &b], &[&object("a", "integer", rest), &b]), WireLevel::Err, "{rest}");
            assert_eq!(level(&[&a, &b], &[&b, &a]), WireLevel::None, "{rest}");
        }
    }

    #[test]
    fn closed_alternative_without_properties_takes_no_other_one() {
        let object =
            |kind: &str| json!({"type": "object", "required": ["a"], "properties": {"a": {"type": kind}}});
        let empty = json!({"type": "object", "nullable": true, "additionalProperties": false});
        let any = json!({"type": "object"});
        let text = json!({"type": "string"});
        assert_eq!(level(&[&object("string"), &empty], &[&object("integer"), &empty]), WireLevel::Err);
        assert_eq!(level(&[&object("string"), &empty], &[&any, &empty]), WireLevel::Err);
        let without = json!({"type": "object", "required": ["a"]});
        // The document does not say what is sent.
        assert_eq!(level(&[&object("string"), &empty], &[&without, &empty]), WireLevel::Warn);
        assert_eq!(level(&[&object("string"), &empty], &[&empty, &object("string")]), WireLevel::None);
        assert_eq!(level(&[&object("string"), &empty], &[&empty]), WireLevel::Info);
        assert_eq!(level(&[&text, &empty], &[&text, &any]), WireLevel::Info);
    }
}
