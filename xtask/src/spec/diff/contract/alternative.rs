//! Alternatives: the parts of a normal form. Each has one kind of value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Number, Value};

use super::{
    condition::Condition,
    key::{Key, Keys},
    limit::{Limit, Size, stricter},
    pattern,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    pub(super) const ALL: [Self; 6] =
        [Self::Null, Self::Boolean, Self::Number, Self::String, Self::Array, Self::Object];

    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }
}

/// The keyword of the schemas of properties whose names match a pattern.
pub(super) const PATTERNS: &str = "patternProperties";

/// A property of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Property {
    pub(super) key: Key,
    pub(super) forbidden: bool,
    pub(super) read_only: bool,
    pub(super) write_only: bool,
}

/// The properties of an object beyond the named ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rest {
    #[default]
    Open,
    Closed,
    Typed(Key),
}

/// The values of one kind that a schema accepts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alternative {
    pub(super) kind: Kind,
    /// The only values, by their normalized text.
    pub(super) words: Option<BTreeMap<String, Value>>,
    /// Values that are documented although any value is accepted.
    pub(super) hints: BTreeSet<String>,
    pub(super) integer: bool,
    pub(super) low: Option<Limit>,
    pub(super) high: Option<Limit>,
    pub(super) steps: Vec<Number>,
    pub(super) formats: BTreeSet<String>,
    pub(super) patterns: BTreeSet<String>,
    /// The length of a string, the number of items, or the number of properties.
    pub(super) size: Size,
    pub(super) unique: bool,
    pub(super) items: Key,
    pub(super) properties: BTreeMap<String, Property>,
    pub(super) required: BTreeSet<String>,
    pub(super) rest: Rest,
    /// Schemas whose values are excluded.
    pub(super) exclusions: BTreeSet<Key>,
    pub(super) conditions: BTreeSet<Condition>,
    /// The property of the discriminator, and its values for this alternative.
    pub(super) tag: Option<(String, BTreeSet<String>)>,
    /// `true` if no value is accepted, and nothing else is left of the schema. Its author made a mistake, and the values
    /// that are sent are others, so the keywords still count.
    pub(super) mistaken: bool,
}

impl Alternative {
    /// Returns all values of a kind.
    pub(super) fn all(kind: Kind) -> Self {
        Self {
            kind,
            words: None,
            hints: BTreeSet::new(),
            integer: false,
            low: None,
            high: None,
            steps: Vec::new(),
            formats: BTreeSet::new(),
            patterns: BTreeSet::new(),
            size: Size::default(),
            unique: false,
            items: Key::ANYTHING,
            properties: BTreeMap::new(),
            required: BTreeSet::new(),
            rest: Rest::Open,
            exclusions: BTreeSet::new(),
            conditions: BTreeSet::new(),
            tag: None,
            mistaken: false,
        }
    }

    /// Returns the conditions of a keyword that has several schemas, each by its name or index.
    pub(super) fn conditions_of<'s>(&'s self, keyword: &'s str) -> impl Iterator<Item = (&'s str, Key)> {
        let named = move |text: &'s String| text.strip_prefix(keyword)?.strip_prefix(' ');
        self.conditions.iter().filter_map(move |c| Some((named(&c.text)?, *c.keys.first()?)))
    }

    /// Returns the number of items that have schemas of their own.
    pub(super) fn first_items(&self) -> usize {
        let indices = self.conditions_of("prefixItems").filter_map(|(index, _)| index.parse::<usize>().ok());
        indices.max().map_or(0, |last| last + 1)
    }

    /// Returns what applies to a name that is not one of the properties: the schema of a pattern that matches it, or the
    /// rest. Returns `None` if it is unknown whether a pattern matches.
    pub(super) fn rest_for(&self, name: &str) -> Option<Rest> {
        let mut rest = Some(self.rest);
        for (pattern, key) in self.conditions_of(PATTERNS) {
            match pattern::matched(pattern, name) {
                Some(true) => return Some(Rest::Typed(key)),
                Some(false) => {}
                None => rest = None,
            }
        }
        rest
    }

    pub(super) fn is_all(&self) -> bool {
        *self == Self { hints: self.hints.clone(), ..Self::all(self.kind) }
    }

    /// Returns the values that both alternatives accept, which must have the same kind.
    pub(super) fn meet(&self, other: &Self, keys: &mut Keys) -> Self {
        let words = match (&self.words, &other.words) {
            (Some(one), Some(other)) => {
                let common = one.iter().filter(|(text, _)| other.contains_key(*text));
                Some(common.map(|(text, word)| (text.clone(), word.clone())).collect())
            }
            (one, other) => one.as_ref().or(other.as_ref()).cloned(),
        };
        let mut steps = self.steps.clone();
        steps.extend(other.steps.iter().filter(|step| !self.steps.contains(step)).cloned());
        Self {
            kind: self.kind,
            words,
            hints: &self.hints | &other.hints,
            integer: self.integer || other.integer,
            low: stricter(self.low.clone(), other.low.clone(), true),
            high: stricter(self.high.clone(), other.high.clone(), false),
            steps,
            formats: &self.formats | &other.formats,
            patterns: &self.patterns | &other.patterns,
            size: self.size.meet(other.size),
            unique: self.unique || other.unique,
            items: keys.both(self.items, other.items),
            properties: met_properties(self, other, keys),
            required: &self.required | &other.required,
            rest: met_rest(self.rest, other.rest, keys),
            exclusions: &self.exclusions | &other.exclusions,
            conditions: met_conditions(self, other),
            tag: self.tag.clone().or_else(|| other.tag.clone()),
            mistaken: self.mistaken || other.mistaken,
        }
    }
}

/// Returns the properties that both parts declare. A part that is closed forbids the names of the other part.
fn met_properties(one: &Alternative, other: &Alternative, keys: &mut Keys) -> BTreeMap<String, Property> {
    let mut all = BTreeMap::new();
    for name in one.properties.keys().chain(other.properties.keys()) {
        if all.contains_key(name) {
            continue;
        }
        let (first, second) = (property(one, name), property(other, name));
        let met = Property {
            key: keys.both(first.key, second.key),
            forbidden: first.forbidden || second.forbidden,
            read_only: first.read_only || second.read_only,
            write_only: first.write_only || second.write_only,
        };
        all.insert(name.clone(), met);
    }
    all
}

/// Returns the conditions of both parts. A pattern makes no exception from the rest of another part, so that rest is a
/// condition of its own. So is what a part says about a property of the other one, if that is unknown. `items` of a part
/// applies also to the first items that only the other part describes.
fn met_conditions(one: &Alternative, other: &Alternative) -> BTreeSet<Condition> {
    let mut conditions = &one.conditions | &other.conditions;
    let patterns = |part: &Alternative| {
        part.conditions_of(PATTERNS).map(|(name, _)| name.to_owned()).collect::<BTreeSet<_>>()
    };
    let [first, second] = [one, other].map(patterns);
    for (part, own, another, others) in [(one, &first, other, &second), (other, &second, one, &first)] {
        let key = if let Rest::Typed(key) = part.rest { key } else { Key::ANYTHING };
        if part.rest != Rest::Open && !others.is_subset(own) {
            conditions.insert(Condition::new(format!("additionalProperties except {own:?}"), vec![key]));
        }
        let names = another.properties.keys();
        for name in names.filter(|name| !part.properties.contains_key(*name) && part.rest_for(name).is_none())
        {
            let is_closed = part.rest == Rest::Closed;
            let text = format!("property {name:?} by {own:?}, or else closed: {is_closed}");
            conditions.insert(Condition::new(text, vec![key]));
        }
        let first = part.first_items();
        if part.items != Key::ANYTHING && first < another.first_items() {
            conditions.insert(Condition::new(format!("items after {first}"), vec![part.items]));
        }
    }
    conditions
}

/// Returns what an alternative says about the property, by its name, a pattern or the rest. If that is unknown, the property
/// may be anything.
pub(super) fn property(alternative: &Alternative, name: &str) -> Property {
    let of_rest = || {
        let (key, forbidden) = match alternative.rest_for(name) {
            Some(Rest::Open) | None => (Key::ANYTHING, false),
            Some(Rest::Closed) => (Key::ANYTHING, true),
            Some(Rest::Typed(key)) => (key, false),
        };
        Property { key, forbidden, read_only: false, write_only: false }
    };
    alternative.properties.get(name).copied().unwrap_or_else(of_rest)
}

fn met_rest(one: Rest, other: Rest, keys: &mut Keys) -> Rest {
    match (one, other) {
        (Rest::Closed, _) | (_, Rest::Closed) => Rest::Closed,
        (Rest::Open, rest) | (rest, Rest::Open) => rest,
        (Rest::Typed(one), Rest::Typed(other)) => Rest::Typed(keys.both(one, other)),
    }
}
