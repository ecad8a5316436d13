//! Compares an alternative of a receiver with one of a sender: does it take what the sender allows?
//!
//! The answers follow the levels of the rules: in a response, a value that an enum did not have may be refused.

use serde_json::{Number, Value};

use super::{
    alternative::{Alternative, Kind},
    candidates::Candidates,
    canonical::highest,
    condition::Condition,
    key::Key,
    limit::{Limit, Size, is_multiple},
    mode::Mode,
    norm::Norm,
    relation::{Answer, Question, Relation, Relations},
    word,
};
use crate::{
    json::normalized,
    spec::diff::{format, notation::Notation, rules::Direction},
};

impl Relations<'_> {
    /// Returns `Yes` if for each alternative of the sender, an alternative of the receiver takes its values.
    pub(super) fn accepts(&mut self, relation: Relation, receiver: &Norm, sender: &Norm) -> Answer {
        let Relation::Accepts { direction, notation, list } = relation else { return Answer::Unknown };
        if receiver.is_anything() {
            return Answer::Yes;
        }
        let mode = Mode::new(direction, notation, receiver, sender);
        let mut answer = Answer::Yes;
        let mut candidates = Candidates::new(receiver);
        for alternative in &sender.alternatives {
            if answer == Answer::No {
                break;
            }
            let receivers = self.candidates(mode, &mut candidates, alternative);
            answer = answer.max(self.taken(mode, list, &receivers, alternative));
        }
        if receiver.exact && sender.exact { answer } else { Answer::Unknown }
    }

    /// Returns the best answer of all alternatives of the receiver.
    pub(super) fn taken(
        &mut self,
        mode: Mode,
        list: bool,
        receivers: &[&Alternative],
        sender: &Alternative,
    ) -> Answer {
        if sender.kind == Kind::Null && mode.notation.is_text() {
            return Answer::Yes;
        }
        // A receiver that takes no value takes those of a sender with the same mistake.
        if !sender.mistaken && receivers.iter().any(|a| a.mistaken) {
            let receivers: Vec<_> = receivers.iter().filter(|a| !a.mistaken).copied().collect();
            return self.taken(mode, list, &receivers, sender);
        }
        if let Some(words) = &sender.words {
            let answer = |word: &Value| receivers.iter().map(|a| word_taken(mode, a, word, sender)).min();
            return words
                .values()
                .map(|word| answer(word).unwrap_or(Answer::No))
                .max()
                .unwrap_or(Answer::Yes);
        }
        if !sender.mistaken && self.is_empty(mode, sender) {
            return Answer::Yes;
        }
        let mut best = Answer::No;
        for alternative in receivers {
            best = best.min(self.one_taken(mode, alternative, sender));
            let takes_one = alternative.size.contains(Size { min: 1, max: Some(1) });
            if list && takes_one && alternative.kind == Kind::Array && sender.kind != Kind::Array {
                let items = self.norm(alternative.items);
                let items: Vec<_> = items.alternatives.iter().collect();
                best = best.min(self.taken(mode, false, &items, sender));
            }
            if best == Answer::Yes {
                break;
            }
        }
        best
    }

    /// Returns `true` if a required property of the alternative can have no value. Properties that are not sent
    /// in this direction need none.
    fn is_empty(&mut self, mode: Mode, alternative: &Alternative) -> bool {
        let required = alternative.required.iter().filter_map(|name| alternative.properties.get(name));
        let sent: Vec<_> = required.filter(|property| !property.is_unsent(mode.direction)).copied().collect();
        sent.into_iter().any(|property| property.forbidden || self.norm(property.key).alternatives.is_empty())
    }

    fn one_taken(&mut self, mode: Mode, receiver: &Alternative, sender: &Alternative) -> Answer {
        if receiver.kind != sender.kind {
            return across_kinds(mode, receiver, sender);
        }
        if let Some(words) = &receiver.words {
            return among_words(mode, words.values(), sender);
        }
        let local = match receiver.kind {
            Kind::Null | Kind::Boolean => Answer::Yes,
            Kind::Number if number_differences(receiver, sender).is_empty() => Answer::Yes,
            Kind::Number => Answer::No,
            Kind::String => text(mode, receiver, sender),
            Kind::Array => size_and_items(receiver, sender),
            Kind::Object => self.object(mode, receiver, sender),
        };
        if local == Answer::No {
            return Answer::No;
        }
        let within = if receiver.kind == Kind::Array && sender.size.max != Some(0) {
            let question =
                Question { relation: mode.relation(), receiver: receiver.items, sender: sender.items };
            let mut items = self.ask(question);
            if sender.items == Key::ANYTHING && self.has_only_declared(sender, "unevaluatedItems") {
                items = items.min(Answer::Maybe);
            }
            items.max(self.first_items(mode, receiver, sender))
        } else {
            Answer::Yes
        };
        let conditions = self.conditions(receiver, sender);
        local.max(within).max(conditions).max(self.exclusions(receiver, sender))
    }

    /// Returns `true` if a condition of this keyword refuses all properties or items but the declared ones.
    pub(super) fn has_only_declared(&mut self, alternative: &Alternative, keyword: &str) -> bool {
        let (first, properties) = (alternative.first_items(), &alternative.properties);
        let is_declared = |exception: &String| match exception.split_once(' ') {
            Some(("properties", name)) => properties.contains_key(name),
            Some(("prefixItems", index)) => index.parse().is_ok_and(|index: usize| index < first),
            _ => false,
        };
        let mut conditions = alternative.conditions.iter().filter(|c| c.text.starts_with(keyword));
        conditions.any(|condition| {
            let is_nothing = |key: &Key| self.norm(*key).alternatives.is_empty();
            condition.exceptions.iter().all(is_declared)
                && (condition.text.ends_with(" false") || condition.keys.iter().any(is_nothing))
        })
    }

    /// Returns the answer for the first items that only the sender describes one by one.
    fn first_items(&mut self, mode: Mode, receiver: &Alternative, sender: &Alternative) -> Answer {
        let count = receiver.first_items();
        let only_sender = |index: &str| index.parse().is_ok_and(|index: usize| index >= count);
        let keys = sender.conditions_of("prefixItems").filter(|(index, _)| only_sender(index));
        let mut answer = Answer::Yes;
        for (_, key) in keys {
            let question = Question { relation: mode.relation(), receiver: receiver.items, sender: key };
            // The rest of the items may be described by another part, and then it applies to the first items too.
            answer = answer.max(self.ask(question).min(Answer::Maybe));
        }
        answer
    }

    /// Returns `Yes` if the sender has every condition of the receiver.
    pub(super) fn conditions(&mut self, receiver: &Alternative, sender: &Alternative) -> Answer {
        let mut answer = Answer::Yes;
        for condition in &receiver.conditions {
            let is_alike = |other: &&Condition| {
                other.text == condition.text && other.exceptions.is_subset(&condition.exceptions)
            };
            let mut best = Answer::Maybe;
            for other in sender.conditions.iter().filter(is_alike) {
                let keys = condition.keys.iter().zip(&other.keys);
                let same = keys.map(|(receiver, sender)| {
                    self.ask(Question { relation: Relation::Same, receiver: *receiver, sender: *sender })
                });
                best = best.min(same.max().unwrap_or(Answer::Yes));
            }
            answer = answer.max(best);
        }
        answer
    }

    /// Returns `Yes` if the sender excludes everything that the receiver excludes.
    pub(super) fn exclusions(&mut self, receiver: &Alternative, sender: &Alternative) -> Answer {
        let mut answer = Answer::Yes;
        for excluded in &receiver.exclusions {
            let disjoint = {
                let norm = self.norm(*excluded);
                norm.exact && norm.alternatives.iter().all(|a| a.kind != sender.kind)
            };
            if disjoint {
                continue;
            }
            let mut best = if sender.exclusions.is_empty() { Answer::No } else { Answer::Maybe };
            for other in &sender.exclusions {
                let same = Question { relation: Relation::Same, receiver: *excluded, sender: *other };
                best = best.min(self.ask(same));
            }
            answer = answer.max(best);
        }
        answer
    }
}

/// Returns `Yes` if an alternative of another kind takes the values as text.
fn across_kinds(mode: Mode, receiver: &Alternative, sender: &Alternative) -> Answer {
    if mode.notation == Notation::Typed || receiver.kind != Kind::String {
        return Answer::No;
    }
    let takes = |text: &str| word::accepted(receiver, &Value::from(text)) == Some(true);
    let is_taken = match sender.kind {
        Kind::Boolean => takes("true") && takes("false"),
        Kind::Number => {
            let only_size = Alternative { size: Size::default(), ..receiver.clone() }.is_all();
            only_size && receiver.size.contains(text_size(sender))
        }
        _ => false,
    };
    if is_taken { Answer::Yes } else { Answer::No }
}

/// Returns the range of the lengths of numbers as text.
fn text_size(numbers: &Alternative) -> Size {
    let any = Size { min: 1, max: None };
    let limit = |limit: &Option<Limit>| limit.as_ref()?.value.as_i128();
    let (Some(low), Some(high)) = (limit(&numbers.low), limit(&numbers.high)) else { return any };
    if !numbers.integer {
        return any;
    }
    let length = |number: i128| u64::try_from(number.to_string().len()).unwrap_or(u64::MAX);
    let min = if low <= 9 && high >= 0 { 1 } else { length(low).min(length(high)) };
    Size { min, max: Some(length(low).max(length(high))) }
}

/// Returns the answer for a sender of any value of a kind of which the receiver takes some.
pub(super) fn among_words<'w>(
    mode: Mode,
    mut words: impl Iterator<Item = &'w Value>,
    sender: &Alternative,
) -> Answer {
    let includes_all = words.all(|word| word::accepted(sender, word) != Some(false));
    match mode.direction {
        Direction::Response if includes_all => Answer::Maybe,
        _ => Answer::No,
    }
}

/// Returns the answer for a single value of a sender.
pub(super) fn word_taken(mode: Mode, receiver: &Alternative, word: &Value, sender: &Alternative) -> Answer {
    let answer = match word::accepted(receiver, word) {
        Some(true) => return Answer::Yes,
        None => return Answer::Maybe,
        Some(false) => Answer::No,
    };
    if mode.notation != Notation::Typed && Kind::of(word) != receiver.kind {
        let as_text = match (word, receiver.kind) {
            (Value::Number(_) | Value::Bool(_), Kind::String) => Some(Value::from(normalized(word))),
            (Value::String(text), Kind::Number) => text.parse::<Number>().ok().map(Value::Number),
            (Value::String(text), Kind::Boolean) => text.parse().ok().map(Value::Bool),
            _ => None,
        };
        return match as_text.map(|word| word::accepted(receiver, &word)) {
            Some(Some(true)) => Answer::Yes,
            Some(None) => Answer::Maybe,
            _ => answer,
        };
    }
    // A response may have new values of an enum.
    let is_enum = receiver.words.is_some() && receiver.kind == sender.kind;
    if mode.direction == Direction::Response && is_enum { Answer::Maybe } else { answer }
}

/// Returns which numbers of the sender the receiver refuses.
pub(super) fn number_differences(receiver: &Alternative, sender: &Alternative) -> Vec<String> {
    let within = |limit: &Option<Limit>, other: &Option<Limit>, up: bool| {
        limit.as_ref().is_none_or(|limit| {
            other.as_ref().is_some_and(|other| {
                let order = limit.compare(other, up);
                if up { order.is_le() } else { order.is_ge() }
            })
        })
    };
    let has_step = |step: &Number| {
        let of_integers = sender.integer && is_multiple(&Number::from(1), step);
        of_integers || sender.steps.iter().any(|other| is_multiple(other, step))
    };
    let integer = !receiver.integer || sender.integer || sender.steps.iter().any(super::limit::is_integer);
    let low = within(&receiver.low, &sender.low, true);
    let high = within(&receiver.high, &sender.high, false);
    let simple = [
        (integer, "a number that is not an integer is allowed"),
        (low, "a lower number is allowed"),
        (high, "a higher number is allowed"),
    ];
    let mut differences: Vec<_> =
        simple.into_iter().filter(|(fits, _)| !fits).map(|(_, text)| text.to_owned()).collect();
    let steps = receiver.steps.iter().filter(|step| !has_step(step));
    differences.extend(steps.map(|step| format!("a number that is not a multiple of {step} is allowed")));
    let formats = receiver.formats.iter().filter(|format| !number_format(format, sender));
    differences.extend(formats.map(|name| format!("a number without the format {name} is allowed")));
    differences
}

/// Returns `true` if the numbers of the sender have the format.
fn number_format(format: &str, sender: &Alternative) -> bool {
    let in_range = |high: i64| {
        let (low, high) = (Number::from(-high - 1), Number::from(high));
        let within = |limit: &Limit, up| {
            Limit { value: if up { low.clone() } else { high.clone() }, exclusive: false }
                .contains(&limit.value, up)
        };
        sender.integer
            && sender.low.as_ref().is_some_and(|limit| within(limit, true))
            && sender.high.as_ref().is_some_and(|limit| within(limit, false))
    };
    sender.formats.iter().any(|other| format::includes(format, other))
        || match format {
            "float" | "double" => sender.integer,
            _ => highest(format).is_some_and(in_range),
        }
}

fn text(mode: Mode, receiver: &Alternative, sender: &Alternative) -> Answer {
    let has_format = |format: &String| sender.formats.iter().any(|other| format::includes(format, other));
    if !receiver.size.contains(sender.size) || !receiver.formats.iter().all(has_format) {
        return Answer::No;
    }
    // Clients do not check the patterns of responses.
    if mode.direction == Direction::Response || receiver.patterns.is_subset(&sender.patterns) {
        Answer::Yes
    } else if sender.patterns.is_empty() {
        Answer::No
    } else {
        Answer::Maybe
    }
}

fn size_and_items(receiver: &Alternative, sender: &Alternative) -> Answer {
    let unique = !receiver.unique || sender.unique || sender.size.max.is_some_and(|max| max < 2);
    if receiver.size.contains(sender.size) && unique { Answer::Yes } else { Answer::No }
}
