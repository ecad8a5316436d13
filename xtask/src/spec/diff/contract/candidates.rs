//! Selecting the alternatives of a receiver that may take an object: in large unions, few of many.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

use super::{
    alternative::{Alternative, Kind},
    key::Key,
    mode::Mode,
    norm::Norm,
    relation::Relations,
    word,
};

/// The number of alternatives up to which all of them are tried.
const FEW: usize = 8;

/// The alternatives of a receiver, by the properties that distinguish objects.
#[derive(Debug)]
pub(super) struct Candidates<'n> {
    all: Vec<&'n Alternative>,
    /// By the name of a property: the alternatives by the values of that property.
    tagged: HashMap<String, Groups<'n>>,
    /// By one of the properties that an alternative requires.
    required: Option<Groups<'n>>,
}

#[derive(Debug, Default)]
struct Groups<'n> {
    by_text: HashMap<String, Vec<&'n Alternative>>,
    others: Vec<&'n Alternative>,
}

impl<'n> Groups<'n> {
    fn add(&mut self, texts: impl IntoIterator<Item = String>, alternative: &'n Alternative) {
        for text in texts {
            self.by_text.entry(text).or_default().push(alternative);
        }
    }

    fn of<'t>(&self, texts: impl IntoIterator<Item = &'t String>) -> Vec<&'n Alternative> {
        let groups = texts.into_iter().filter_map(|text| self.by_text.get(text));
        groups.flatten().chain(&self.others).copied().collect()
    }
}

impl<'n> Candidates<'n> {
    pub(super) fn new(receiver: &'n Norm) -> Self {
        Self { all: receiver.alternatives.iter().collect(), tagged: HashMap::new(), required: None }
    }
}

impl Relations<'_> {
    /// Returns the alternatives that may take an alternative of the sender.
    pub(super) fn candidates<'c, 'n>(
        &mut self,
        mode: Mode,
        candidates: &'c mut Candidates<'n>,
        sender: &Alternative,
    ) -> Cow<'c, [&'n Alternative]> {
        if mode.tagged
            && let Some(selected) = selected_by_discriminator(&candidates.all, sender)
        {
            return Cow::Owned(selected);
        }
        if !mode.tagged
            || candidates.all.len() <= FEW
            || sender.kind != Kind::Object
            || sender.words.is_some()
        {
            return Cow::Borrowed(&candidates.all);
        }
        let required =
            sender.required.iter().filter_map(|name| Some((name, sender.properties.get(name)?.key)));
        let tag = required.into_iter().find_map(|(name, key)| Some((name, self.only_word(key)?)));
        let Candidates { all, tagged, required } = candidates;
        if let Some((name, word)) = tag {
            if !tagged.contains_key(name) {
                tagged.insert(name.clone(), self.by_tag(name, all));
            }
            return Cow::Owned(tagged[name].of([&word::text(&word)]));
        }
        Cow::Owned(required.get_or_insert_with(|| by_required_name(all)).of(&sender.required))
    }

    /// Groups alternatives by the values of a property, if it has only known ones.
    fn by_tag<'n>(&mut self, name: &str, all: &[&'n Alternative]) -> Groups<'n> {
        let mut groups = Groups::default();
        for alternative in all {
            let key = alternative.properties.get(name).map(|property| property.key);
            match key.and_then(|key| self.words_of(key)) {
                Some(words) => groups.add(words, alternative),
                None => groups.others.push(alternative),
            }
        }
        groups
    }

    fn words_of(&mut self, key: Key) -> Option<Vec<String>> {
        let norm = self.norm(key);
        let words: Option<Vec<_>> = norm.alternatives.iter().map(|a| a.words.as_ref()).collect();
        words
            .filter(|_| norm.exact)
            .map(|lists| lists.into_iter().flat_map(|list| list.values().map(word::text)).collect())
    }
}

/// Returns the alternatives that the discriminator of the receiver selects by the values that the sender's discriminator has, if
/// it knows all of them. Otherwise a value may have been renamed.
fn selected_by_discriminator<'n>(
    all: &[&'n Alternative],
    sender: &Alternative,
) -> Option<Vec<&'n Alternative>> {
    let (property, sent) = sender.tag.as_ref()?;
    let words_of = |alternative: &'n Alternative| {
        alternative.tag.as_ref().filter(|(other, _)| other == property).map(|(_, words)| words)
    };
    let known: BTreeSet<_> = all.iter().filter_map(|alternative| words_of(alternative)).flatten().collect();
    let may_select =
        |alternative: &&&'n Alternative| words_of(alternative).is_none_or(|words| !words.is_disjoint(sent));
    sent.iter().all(|word| known.contains(word)).then(|| all.iter().filter(may_select).copied().collect())
}

/// Groups alternatives by the first property that they require and that is sent in both directions.
fn by_required_name<'n>(all: &[&'n Alternative]) -> Groups<'n> {
    let mut groups = Groups::default();
    for alternative in all {
        let is_sent = |name: &&String| {
            alternative
                .properties
                .get(*name)
                .is_none_or(|property| !property.read_only && !property.write_only)
        };
        match alternative.required.iter().find(is_sent) {
            Some(name) => groups.add([name.clone()], alternative),
            None => groups.others.push(alternative),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::spec::diff::{diff, finding::worst, severity::WireLevel};

    fn document(alternatives: &[Value]) -> Value {
        let content = json!({"application/json": {"schema": {"oneOf": alternatives}}});
        json!({"paths": {"/a": {"post": {"requestBody": {"content": content}}}}})
    }

    fn tagged(word: usize, extra: &Value) -> Value {
        json!({"type": "object", "required": ["k"], "properties": {"k": {"enum": [format!("w{word}")]}, "v": extra}})
    }

    fn keyed(name: usize, extra: &Value) -> Value {
        let name = format!("k{name}");
        json!({"type": "object", "required": [name], "properties": {name: extra}})
    }

    #[test]
    fn numbers_and_flags_are_tags() {
        let tagged = |word: &Value, kind: &str, more: &str| {
            json!({"type": "object", "required": ["k", more], "properties": {
                "k": {"type": kind, "enum": [word]}, "v": {"type": "string"}, more: {"type": "string"}}})
        };
        for (kind, one, two) in [
            ("string", json!("x"), json!("y")),
            ("integer", json!(1), json!(2)),
            ("boolean", json!(true), json!(false)),
        ] {
            let [one, two] = [(&one, "v"), (&two, "v")].map(|(word, more)| tagged(word, kind, more));
            let union = |alternatives: &[&Value]| {
                let content = json!({"application/json": {"schema": {"oneOf": alternatives}}});
                json!({"paths": {"/a": {"post": {"responses": {"200": {"content": content}}}}}})
            };
            let level = |base: &[&Value], revision: &[&Value]| worst(&diff(&union(base), &union(revision))).0;
            assert_eq!(level(&[&one], &[&one, &two]), WireLevel::Err, "{kind}");
            let longer = [&one, &two].map(|schema| {
                let mut schema = schema.clone();
                schema["properties"]["z"] = json!({"type": "string"});
                schema["required"] = json!(["k", "v", "z"]);
                schema
            });
            let findings = diff(&union(&[&one, &two]), &union(&[&longer[1], &longer[0]]));
            assert_eq!(findings.len(), 2, "{kind} {findings:#?}");
            assert!(findings.iter().all(|finding| finding.message.contains("[k=")), "{findings:#?}");
        }
    }

    /// Returns the levels in the request and in the response, if the alternatives of a discriminator change.
    fn levels_with_mapping(mapping: &Value, base: &Value, revision: &Value) -> [WireLevel; 2] {
        let document = |schemas: &Value| {
            let alternatives =
                ["Cat", "Dog"].map(|name| json!({"$ref": format!("#/components/schemas/{name}")}));
            let mut schema = json!({"oneOf": alternatives, "discriminator": {"propertyName": "k"}});
            if mapping.is_object() {
                schema["discriminator"]["mapping"] = mapping.clone();
            }
            let body = json!({"content": {"application/json": {"schema": schema}}});
            let operations = json!({"post": {"requestBody": body}, "get": {"responses": {"200": body}}});
            ["post", "get"].map(|method| {
                json!({"paths": {"/a": {method: operations[method]}}, "components": {"schemas": schemas}})
            })
        };
        let (base, revision) = (document(base), document(revision));
        [0, 1].map(|side| worst(&diff(&base[side], &revision[side])).0)
    }

    #[test]
    fn discriminator_selects_the_alternative_that_must_take_a_value() {
        let animal = |kind: &str, required: &[&str]| {
            let properties = json!({"k": {"type": "string"}, "a": {"type": kind}, "z": {"type": "string"}});
            json!({"type": "object", "required": required, "properties": properties})
        };
        let dog = json!({"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}}});
        let with = |cat: &Value| json!({"Cat": cat, "Dog": dog});
        let before = with(&animal("string", &["k"]));
        let mapping =
            json!({"cat": "#/components/schemas/Cat", "kitty": "#/components/schemas/Cat", "dog": "Dog"});
        for mapping in [&mapping, &Value::Null] {
            let levels = |cat: &Value| levels_with_mapping(mapping, &before, &with(cat));
            assert_eq!(levels(&animal("integer", &["k"])), [WireLevel::Err; 2]);
            assert_eq!(levels(&animal("string", &["k", "z"])), [WireLevel::Err, WireLevel::Info]);
            assert_eq!(levels(&animal("string", &["k"])), [WireLevel::None; 2]);
        }
    }

    #[test]
    fn alternatives_that_exchange_their_schemas_have_other_values_of_the_discriminator() {
        let object = |name: &str| {
            let properties = json!({"k": {"type": "string"}, name: {"type": "string"}});
            json!({"type": "object", "required": ["k", name], "properties": properties})
        };
        let (one, other) = (object("a"), object("b"));
        let (before, after) = (json!({"Cat": one, "Dog": other}), json!({"Cat": other, "Dog": one}));
        let mapping = json!({"cat": "Cat", "dog": "Dog"});
        for mapping in [mapping, Value::Null] {
            let levels = levels_with_mapping(&mapping, &before, &after);
            assert!(levels.iter().all(|level| *level >= WireLevel::Warn), "{mapping} {levels:?}");
        }
    }

    #[test]
    fn number_and_text_are_the_same_tag_in_a_form() {
        let tagged = |word: Value| json!({"type": "object", "required": ["k"], "properties": {"k": {"enum": [word]}, "v": {"type": "string"}}});
        let document = |words: [Value; 2]| {
            let content =
                json!({"application/x-www-form-urlencoded": {"schema": {"oneOf": words.map(tagged)}}});
            json!({"paths": {"/a": {"post": {"requestBody": {"content": content}}}}})
        };
        let findings = diff(&document([json!(1), json!(2)]), &document([json!("1"), json!("2")]));
        assert!(worst(&findings).0 <= WireLevel::Info, "{findings:#?}");
    }

    #[test]
    fn alternative_of_a_large_union_is_found_by_its_tag_or_its_required_property() {
        for alternative in [tagged, keyed] {
            let union = |extra: Value| -> Vec<Value> { (0..20).map(|n| alternative(n, &extra)).collect() };
            let base = union(json!({"type": "string"}));
            let mut reordered = base.clone();
            reordered.reverse();
            let level = |revision: &[Value]| worst(&diff(&document(&base), &document(revision))).0;
            assert_eq!(level(&reordered), WireLevel::None);
            let mut longer = reordered.clone();
            longer.push(json!({"type": "object", "required": ["other"]}));
            assert!(level(&longer) <= WireLevel::Info);
            let mut changed = reordered.clone();
            changed[7] = alternative(12, &json!({"type": "integer"}));
            assert_eq!(level(&changed), WireLevel::Err);
            // An alternative without the property takes the values of any other one.
            changed.push(json!({"type": "object"}));
            assert!(level(&changed) < WireLevel::Err);
        }
    }
}
