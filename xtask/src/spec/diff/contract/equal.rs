//! Schemas with the same meaning.

use super::{
    alternative::{Alternative, Property, Rest},
    key::Key,
    norm::Norm,
    relation::{Answer, Question, Relation, Relations},
};
use crate::json::normalized_number;

/// The depth to which schemas are compared to match alternatives that differ only within.
const DEPTH: usize = 2;

impl Relations<'_> {
    /// Returns `Yes` if two normal forms have the same alternatives.
    pub(super) fn is_same(&mut self, one: &Norm, other: &Norm) -> Answer {
        if !one.exact || !other.exact || one.alternatives.len() != other.alternatives.len() {
            return Answer::No;
        }
        let mut depth = 0;
        let (mut first, mut second) = (self.sorted(one, depth), self.sorted(other, depth));
        while depth < DEPTH && first.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            depth += 1;
            (first, second) = (self.sorted(one, depth), self.sorted(other, depth));
        }
        if first.iter().zip(&second).any(|(one, other)| one.0 != other.0) {
            return Answer::No;
        }
        let pairs: Vec<_> = first
            .iter()
            .zip(&second)
            .flat_map(|(one, other)| children(one.1).zip(children(other.1)))
            .collect();
        let mut answer = Answer::Yes;
        for (receiver, sender) in pairs {
            answer = answer.max(self.ask(Question { relation: Relation::Same, receiver, sender }));
        }
        answer
    }

    /// Returns the alternatives sorted by their shapes.
    fn sorted<'n>(&mut self, norm: &'n Norm, depth: usize) -> Vec<(String, &'n Alternative)> {
        let mut all: Vec<_> = norm.alternatives.iter().map(|a| (self.deep_shape(a, depth), a)).collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    }

    fn deep_shape(&mut self, alternative: &Alternative, depth: usize) -> String {
        let mut text = shape(alternative);
        if depth > 0 {
            for child in children(alternative) {
                let norm = self.norm(child);
                let mut shapes: Vec<_> =
                    norm.alternatives.iter().map(|a| self.deep_shape(a, depth - 1)).collect();
                shapes.sort();
                text.push_str(&shapes.join("|"));
            }
        }
        text
    }
}

/// Returns the schemas within an alternative, in an order that only its shape determines.
fn children(alternative: &Alternative) -> impl Iterator<Item = Key> {
    let rest = match alternative.rest {
        Rest::Typed(key) => Some(key),
        Rest::Open | Rest::Closed => None,
    };
    let properties = properties(alternative).map(|(_, property)| property.key);
    [alternative.items]
        .into_iter()
        .chain(properties)
        .chain(rest)
        .chain(alternative.exclusions.iter().copied())
        .chain(alternative.conditions.iter().flat_map(|condition| condition.keys.iter().copied()))
}

/// Returns the properties of an alternative. Those that a closed object forbids are like all other names.
fn properties(alternative: &Alternative) -> impl Iterator<Item = (&String, &Property)> {
    let is_closed = alternative.rest == Rest::Closed;
    alternative.properties.iter().filter(move |(_, property)| !(is_closed && property.forbidden))
}

/// Returns the text of an alternative without the schemas within it.
fn shape(alternative: &Alternative) -> String {
    let a = alternative;
    let words: Vec<_> = a.words.iter().flatten().map(|(text, _)| text).collect();
    let limit = |limit: &Option<super::limit::Limit>| {
        limit.as_ref().map(|limit| (normalized_number(&limit.value).to_string(), limit.exclusive))
    };
    let mut steps: Vec<_> = a.steps.iter().map(|step| normalized_number(step).to_string()).collect();
    steps.sort();
    let names: Vec<_> =
        properties(a).map(|(name, p)| (name, p.forbidden, p.read_only, p.write_only)).collect();
    let conditions: Vec<_> = a.conditions.iter().map(|c| (&c.text, &c.exceptions)).collect();
    let rest = match a.rest {
        Rest::Open => "open",
        Rest::Closed => "closed",
        Rest::Typed(_) => "typed",
    };
    format!(
        "{:?}",
        (
            (a.kind, a.words.is_some(), words, a.integer, limit(&a.low), limit(&a.high), steps),
            (&a.formats, &a.patterns, a.size, a.unique, names, &a.required, rest),
            (a.exclusions.len(), conditions, &a.tag, &a.hints, a.mistaken),
        )
    )
}
