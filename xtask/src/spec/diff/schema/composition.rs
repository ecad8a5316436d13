//! `oneOf`, `anyOf`, `allOf`, `not` and `discriminator`.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::{
    matching::matches,
    pair::{KNOWN, SchemaPair, is_annotation},
    parts::{ALL_OF, Parts, has_other_keywords, is_same_component, wrap_the_same},
    tag::tag,
};
use crate::{
    json::Pointer,
    spec::diff::{
        contract::{discriminator_values, references, subtypes},
        finding::Values,
        node::{Pair, ResolvedNode},
        recorder::{Recorder, same_values},
        rules::SchemaChange,
    },
    spec::validate::object_model::SCHEMA_OR_REFERENCE,
};

/// The key of a list of alternatives, with the changes when one is added and removed.
type List = (&'static str, [SchemaChange; 2]);

const ALTERNATIVES: [List; 2] = [
    ("oneOf", [SchemaChange::OneOfAdded, SchemaChange::OneOfRemoved]),
    ("anyOf", [SchemaChange::AnyOfAdded, SchemaChange::AnyOfRemoved]),
];

/// Returns the parts of both schemas. A schema counts as the only part if the other schema is a list of parts, one of which is like it.
pub(super) fn parts<'a>(nodes: &Pair<'a>, recorder: &mut Recorder) -> Parts<'a> {
    let Pair { base, revision } = nodes;
    if wrap_the_same(nodes, &mut recorder.digests) {
        Parts::of(nodes)
    } else if let Some(after) = parts_beside(revision, base, recorder) {
        Parts { base: vec![base.clone()], revision: after, wrapper: Some(revision.clone()) }
    } else if let Some(before) = parts_beside(base, revision, recorder) {
        Parts { base: before, revision: vec![revision.clone()], wrapper: Some(base.clone()) }
    } else {
        Parts::of(nodes)
    }
}

/// Compares a schema with a list of alternatives, if only one of the two schemas has such a list. The schema without the
/// list counts as the only alternative, and so does a schema that the other one has as an alternative. Returns `true` if the two
/// schemas were compared in this way.
pub(super) fn compare_wrapped<'a>(
    pair: &SchemaPair<'a>,
    recorder: &mut Recorder,
    pending: &mut Vec<SchemaPair<'a>>,
) -> bool {
    let Pair { base, revision } = &pair.nodes;
    let [of_base, of_revision] = [base, revision].map(sole_alternatives);
    let wrapper = if let Some((list, after)) =
        of_revision.filter(|(_, all)| is_one(base, revision, all, recorder))
    {
        compare_lists(pair, recorder, pending, list, vec![base.clone()], after);
        revision
    } else if let Some((list, before)) = of_base.filter(|(_, all)| is_one(revision, base, all, recorder)) {
        compare_lists(pair, recorder, pending, list, before, vec![revision.clone()]);
        base
    } else {
        return false;
    };
    pair.report_others(recorder, |key| wrapper.value.get(key).is_some());
    true
}

/// Compares the keywords of composition, except for `allOf`.
pub(super) fn compare<'a>(pair: &SchemaPair<'a>, recorder: &mut Recorder, pending: &mut Vec<SchemaPair<'a>>) {
    compare_alternatives(pair, recorder, pending);
    compare_not(pair, recorder);
    compare_discriminator(pair, recorder);
}

/// Returns the alternatives of a schema that otherwise has only annotations and conditions.
fn sole_alternatives<'a>(node: &ResolvedNode<'a>) -> Option<(List, Vec<ResolvedNode<'a>>)> {
    let mut found = ALTERNATIVES.into_iter().filter(|(key, _)| node.value.get(key).is_some());
    let list = found.next().filter(|_| found.next().is_none())?;
    let key = list.0;
    let allowed = |other: &str| {
        !KNOWN.contains(&other) || [key, "nullable", "discriminator", "default"].contains(&other)
    };
    node.object()?.keys().all(|other| allowed(other)).then(|| (list, node.items_of(key)))
}

/// Returns `true` if a schema counts as one of the alternatives of the other one: it has no alternatives of its own, or is the
/// same as one of them.
fn is_one(
    node: &ResolvedNode,
    wrapper: &ResolvedNode,
    alternatives: &[ResolvedNode],
    recorder: &mut Recorder,
) -> bool {
    let has_several = ALTERNATIVES.iter().any(|(key, _)| node.items_of(key).len() > 1);
    let mut others = alternatives.iter().filter(|alternative| alternative.at != wrapper.at);
    // A schema with only one alternative has the digest of that alternative.
    !has_alternatives(node)
        || others.any(|other| {
            is_same_component(node, other)
                || (has_several && recorder.same_digest(&SCHEMA_OR_REFERENCE, Some(node), Some(other)))
        })
}

/// Returns the parts of a schema that otherwise has only what is compared beside them, if the other schema is like
/// one of the parts.
fn parts_beside<'a>(
    node: &ResolvedNode<'a>,
    other: &ResolvedNode<'a>,
    recorder: &mut Recorder,
) -> Option<Vec<ResolvedNode<'a>>> {
    let allowed = |key: &str| match key {
        "type" => node.types() == other.types(),
        key => {
            !KNOWN.contains(&key)
                || [ALL_OF, "nullable", "deprecated", "readOnly", "writeOnly"].contains(&key)
        }
    };
    let is_only_parts = node.value.get(ALL_OF).is_some() && node.object()?.keys().all(|key| allowed(key));
    let parts = node.items_of(ALL_OF);
    let is_plain = node.types().is_empty() && other.value.get(ALL_OF).is_none() && !has_alternatives(other);
    let is_part = |part| recorder.same_digest(&SCHEMA_OR_REFERENCE, Some(part), Some(other));
    (is_only_parts && (is_plain || parts.iter().any(is_part))).then_some(parts)
}

fn has_alternatives(node: &ResolvedNode) -> bool {
    ALTERNATIVES.iter().any(|(key, _)| node.value.get(key).is_some())
}

fn compare_alternatives<'a>(
    pair: &SchemaPair<'a>,
    recorder: &mut Recorder,
    pending: &mut Vec<SchemaPair<'a>>,
) {
    let Pair { base, revision } = &pair.nodes;
    let has = |node: &ResolvedNode, key| node.value.get(key).is_some();
    let [one_of, any_of] = ALTERNATIVES;
    for ((from, _), list) in [(one_of, any_of), (any_of, one_of)] {
        let to = list.0;
        let rewritten = has(base, from) && !has(base, to) && has(revision, to) && !has(revision, from);
        if rewritten {
            pair.report(recorder, SchemaChange::AlternativesRewritten);
            let (before, after) = (base.items_of(from), revision.items_of(to));
            return compare_lists(pair, recorder, pending, list, before, after);
        }
    }
    for list in ALTERNATIVES {
        let key = list.0;
        compare_lists(pair, recorder, pending, list, base.items_of(key), revision.items_of(key));
    }
}

fn compare_lists<'a>(
    pair: &SchemaPair<'a>,
    recorder: &mut Recorder,
    pending: &mut Vec<SchemaPair<'a>>,
    (key, [added, removed]): List,
    base: Vec<ResolvedNode<'a>>,
    revision: Vec<ResolvedNode<'a>>,
) {
    let matches = matches(base, revision, &mut recorder.digests);
    for node in matches.removed {
        let rule = removed.rule(pair.position);
        let value = named(&node);
        let values = Values { before: Some(&value), after: None };
        recorder.report_values(rule, (&node.at, &pair.nodes.revision.at), &pair.subject, values);
    }
    for node in matches.added {
        let rule = added.rule(pair.position);
        let value = named(&node);
        let values = Values { before: None, after: Some(&value) };
        recorder.report_values(rule, (&pair.nodes.base.at, &node.at), &pair.subject, values);
    }
    let mut counts: HashMap<String, usize> = HashMap::new();
    for tag in matches.both.iter().filter_map(|(_, nodes)| tag(&nodes.base)) {
        *counts.entry(tag).or_default() += 1;
    }
    for ([index, new], nodes) in matches.both {
        compare_names(pair, recorder, key, [index, new]);
        // A position changes with the order of the alternatives, a tag does not.
        let tag = tag(&nodes.base).filter(|tag| counts.get(tag) == Some(&1));
        let part = tag.map_or_else(|| format!("({key} {index})"), |tag| format!("[{tag}]"));
        pending.push(pair.within(nodes, &part));
    }
}

/// Returns a part or an alternative with its reference, by which it is known to a reader.
fn named(node: &ResolvedNode) -> Value {
    let mut value = node.value.clone();
    if let Some(schema) = value.as_object_mut().filter(|_| node.shared) {
        schema.insert("$ref".to_owned(), Value::from(format!("#{}", node.at.as_str())));
    }
    value
}

/// Compares two lists of parts.
pub(super) fn compare_parts<'a>(
    pair: &SchemaPair<'a>,
    recorder: &mut Recorder,
    pending: &mut Vec<SchemaPair<'a>>,
    base: Vec<ResolvedNode<'a>>,
    revision: Vec<ResolvedNode<'a>>,
) {
    pending.extend(matched_parts(pair, recorder, base, revision, |_| true));
}

/// Returns the matched pairs of two lists of parts whose properties are compared elsewhere. Reports a part without a match
/// only if it has other keywords.
pub(super) fn matched_beside_properties<'a>(
    pair: &SchemaPair<'a>,
    recorder: &mut Recorder,
    base: Vec<ResolvedNode<'a>>,
    revision: Vec<ResolvedNode<'a>>,
) -> Vec<SchemaPair<'a>> {
    matched_parts(pair, recorder, base, revision, has_other_keywords)
}

/// Returns the matched pairs of two lists of parts. Reports the wanted parts without a match.
fn matched_parts<'a>(
    pair: &SchemaPair<'a>,
    recorder: &mut Recorder,
    base: Vec<ResolvedNode<'a>>,
    revision: Vec<ResolvedNode<'a>>,
    wanted: impl Fn(&ResolvedNode) -> bool,
) -> Vec<SchemaPair<'a>> {
    let matches = matches(base, revision, &mut recorder.digests);
    let rule = |node: &ResolvedNode, change: SchemaChange, only_annotations_change: SchemaChange| {
        let only_annotations = node.object().is_some_and(|part| part.keys().all(|key| is_annotation(key)));
        if only_annotations { only_annotations_change } else { change }.rule(pair.position)
    };
    for node in matches.removed.into_iter().filter(&wanted) {
        let at = (&node.at, &pair.nodes.revision.at);
        let value = named(&node);
        let values = Values { before: Some(&value), after: None };
        let rule = rule(&node, SchemaChange::AllOfRemoved, SchemaChange::AllOfRemovedAnnotationOnly);
        recorder.report_values(rule, at, &pair.subject, values);
    }
    for node in matches.added.into_iter().filter(&wanted) {
        let at = (&pair.nodes.base.at, &node.at);
        let value = named(&node);
        let values = Values { before: None, after: Some(&value) };
        let rule = rule(&node, SchemaChange::AllOfAdded, SchemaChange::AllOfAddedAnnotationOnly);
        recorder.report_values(rule, at, &pair.subject, values);
    }
    let both = matches.both.into_iter();
    both.map(|([index, _], nodes)| pair.within(nodes, &format!("({ALL_OF} {index})"))).collect()
}

/// Compares the excluded schemas by their digests. The comparison does not decide which of two excludes more.
fn compare_not(pair: &SchemaPair, recorder: &mut Recorder) {
    const KEY: &str = "not";
    let (base, revision) = pair.nodes.sides(KEY);
    let suffix = match (&base, &revision) {
        (None, Some(_)) => SchemaChange::NotAdded,
        (Some(_), None) => SchemaChange::NotRemoved,
        _ if recorder.same_digest(&SCHEMA_OR_REFERENCE, base.as_ref(), revision.as_ref()) => return,
        _ => SchemaChange::NotChanged,
    };
    pair.report_key(recorder, suffix, KEY);
}

fn compare_discriminator(pair: &SchemaPair, recorder: &mut Recorder) {
    const KEY: &str = "discriminator";
    let (base, revision) = match pair.nodes.sides(KEY) {
        (None, None) => return,
        (None, Some(_)) => return pair.report_key(recorder, SchemaChange::DiscriminatorAdded, KEY),
        (Some(_), None) => return pair.report_key(recorder, SchemaChange::DiscriminatorRemoved, KEY),
        (Some(base), Some(revision)) => (base, revision),
    };
    if base.text("propertyName") != revision.text("propertyName") {
        pair.report_key(recorder, SchemaChange::DiscriminatorPropertyNameChanged, KEY);
    }
    let mapping = |node: &ResolvedNode<'_>| -> HashMap<String, Value> {
        let mapping = node.value.get("mapping").and_then(Value::as_object);
        mapping.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let (before, after) = (mapping(&base), mapping(&revision));
    for key in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        let suffix = match (before.get(key), after.get(key)) {
            (Some(_), None) => SchemaChange::DiscriminatorMappingDeleted,
            (None, _) => SchemaChange::DiscriminatorMappingAdded,
            (one, other) if same_values(one, other) => continue,
            // A target may be written as a name or as a reference, and may move.
            (Some(one), Some(other)) if same_target(recorder, (&base, one), (&revision, other)) => continue,
            _ => SchemaChange::DiscriminatorMappingChanged,
        };
        pair.report_at(recorder, suffix, KEY, Values { before: before.get(key), after: after.get(key) });
    }
    let names = |node| subtypes(node).map(|(_, names)| names).unwrap_or_default();
    let [old, new] = [names(&pair.nodes.base), names(&pair.nodes.revision)];
    let is_mapped = |name: &&String| before.contains_key(*name) || after.contains_key(*name);
    for name in old.symmetric_difference(&new).filter(|name| !is_mapped(name)) {
        let value = Value::from(name.as_str());
        if new.contains(name) {
            let values = Values { before: None, after: Some(&value) };
            pair.report_at(recorder, SchemaChange::DiscriminatorMappingAdded, KEY, values);
        } else {
            let values = Values { before: Some(&value), after: None };
            pair.report_at(recorder, SchemaChange::DiscriminatorMappingDeleted, KEY, values);
        }
    }
}

/// Compares the values by which a discriminator selects two matched alternatives. Changes of the mapping are compared with it.
fn compare_names(pair: &SchemaPair, recorder: &mut Recorder, list: &str, [old, new]: [usize; 2]) {
    let words = |node: &ResolvedNode, index: usize| {
        let reference = references(node, list).get(index).copied().flatten()?;
        Some(discriminator_values(node, reference)?.1)
    };
    let Pair { base, revision } = &pair.nodes;
    let (Some(before), Some(after)) = (words(base, old), words(revision, new)) else { return };
    let target = |node: &ResolvedNode<'_>, word: &str| {
        node.value.pointer("/discriminator/mapping").and_then(|mapping| mapping.get(word)).cloned()
    };
    let is_same_in_mapping = |word: &&String| target(base, word) == target(revision, word);
    if let (Some(before), Some(after)) = (
        before.difference(&after).find(is_same_in_mapping),
        after.difference(&before).find(is_same_in_mapping),
    ) {
        let [before, after] = [before, after].map(|word| Value::from(word.as_str()));
        let values = Values { before: Some(&before), after: Some(&after) };
        pair.report_at(recorder, SchemaChange::DiscriminatorMappingChanged, "discriminator", values);
    }
}

/// Returns `true` if two targets of a discriminator lead to equal schemas.
fn same_target(
    recorder: &mut Recorder,
    (base, one): (&ResolvedNode, &Value),
    (revision, other): (&ResolvedNode, &Value),
) -> bool {
    match (target(base, one), target(revision, other)) {
        (Some(one), Some(other)) => recorder.same_digest(&SCHEMA_OR_REFERENCE, Some(&one), Some(&other)),
        _ => false,
    }
}

/// Returns the schema to which a target of a discriminator leads: the name of a component, or a reference.
fn target<'a>(node: &ResolvedNode<'a>, target: &Value) -> Option<ResolvedNode<'a>> {
    let target = target.as_str()?;
    let component = || Some(Pointer::new("/components/schemas").child(target));
    node.at(&Pointer::of_reference(target).or_else(component)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::spec::diff::{diff, finding::worst, severity::WireLevel};

    #[test]
    fn discriminator_target_that_moves_is_no_change() {
        let document = |target: &str| {
            let schema = json!({"oneOf": [{"$ref": "#/components/schemas/Cat"}],
                "discriminator": {"propertyName": "kind", "mapping": {"cat": target}}});
            let cat =
                json!({"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}});
            json!({
                "paths": {"/a": {"get": {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}}},
                "components": {"schemas": {"Cat": cat, "Dog": {"type": "string"}}},
                "x-external-files": {"cat.yaml": cat}})
        };
        let rules = |target| -> Vec<String> {
            let findings = diff(&document("Cat"), &document(target));
            findings.into_iter().map(|finding| finding.rule.id.clone()).collect()
        };
        for same in ["Cat", "#/components/schemas/Cat", "#/x-external-files/cat.yaml"] {
            assert_eq!(rules(same), Vec::<String>::new(), "{same}");
        }
        for other in ["Dog", "Missing"] {
            assert_eq!(rules(other)[0], "response-body-discriminator-mapping-changed", "{other}");
        }
    }

    #[test]
    fn renamed_component_has_another_value_of_the_discriminator() {
        let document = |name: &str, mapping: serde_json::Value, is_request: bool| {
            let reference = |name: &str| format!("#/components/schemas/{name}");
            let mut discriminator = json!({"propertyName": "kind"});
            if !mapping.is_null() {
                discriminator["mapping"] = mapping;
            }
            let schema = json!({"type": "array", "items": {"discriminator": discriminator,
                "oneOf": [{"$ref": reference(name)}, {"$ref": reference("Dog")}]}});
            let body = json!({"content": {"application/json": {"schema": schema}}});
            let operation =
                if is_request { json!({"requestBody": body}) } else { json!({"responses": {"200": body}}) };
            let animal = |name: &str| json!({"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}, name: {}}});
            json!({
                "paths": {"/a": {"post": operation}},
                "components": {"schemas": {name: animal("a"), "Dog": animal("b")}}})
        };
        for is_request in [true, false] {
            let findings =
                diff(&document("Cat", json!(null), is_request), &document("Tiger", json!(null), is_request));
            let rules: Vec<_> = findings.iter().map(|finding| finding.rule.id.as_str()).collect();
            assert!(rules[0].ends_with("-discriminator-mapping-changed"), "{rules:?}");
            assert_eq!(worst(&findings).0, WireLevel::Warn, "{rules:?}");
            let [old, new] = ["Cat", "Tiger"].map(|name| document(name, json!({"cat": name}), is_request));
            assert_eq!(diff(&old, &new).len(), 0);
        }
    }

    #[test]
    fn equal_alternatives_in_another_order_have_the_same_names() {
        let document = |names: &[&str], list: &str| {
            let references: Vec<_> =
                names.iter().map(|name| json!({"$ref": format!("#/components/schemas/{name}")})).collect();
            let schema = json!({"discriminator": {"propertyName": "kind"}, list: references});
            let body = json!({"content": {"application/json": {"schema": schema}}});
            let animal =
                json!({"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}});
            json!({
                "paths": {"/a": {"post": {"requestBody": body, "responses": {"200": body}}}},
                "components": {"schemas": {"A": animal, "B": animal, "C": animal}}})
        };
        for list in ["oneOf", "anyOf"] {
            let base = document(&["A", "B"], list);
            assert_eq!(diff(&base, &document(&["B", "A"], list)).len(), 0);
            let findings = diff(&base, &document(&["C", "A", "B"], list));
            assert!(
                findings.iter().all(|finding| !finding.rule.id.contains("discriminator")),
                "{findings:?}"
            );
            assert!(!findings.is_empty());
        }
    }

    #[test]
    fn renamed_subtype_has_another_value_of_the_discriminator() {
        let document = |names: &[&str], body: &str| {
            let mut schemas = json!({"Pet": {"type": "object", "required": ["kind"],
                "properties": {"kind": {"type": "string"}}, "discriminator": {"propertyName": "kind"}}});
            let pet = json!({"$ref": "#/components/schemas/Pet"});
            for name in names {
                schemas[*name] = json!({"allOf": [pet, {"properties": {"a": {"type": "string"}}}]});
            }
            let property =
                json!({"allOf": [{"$ref": format!("#/components/schemas/{body}")}], "description": "d"});
            let schema = json!({"type": "object", "properties": {"p": property}});
            let body = json!({"description": "d", "content": {"application/json": {"schema": schema}}});
            let request = json!({"requestBody": body, "responses": {}});
            [request, json!({"responses": {"200": body}})].map(
                |operation| json!({"paths": {"/a": {"post": operation}}, "components": {"schemas": schemas}}),
            )
        };
        for (old, new, body, expected) in [
            (&["Cat", "Dog"][..], &["Tiger", "Dog"][..], "Pet", [WireLevel::Warn; 2]),
            (&["Cat", "Dog"], &["Dog"], "Pet", [WireLevel::Warn, WireLevel::Info]),
            (&["Dog"], &["Cat", "Dog"], "Pet", [WireLevel::Info, WireLevel::Warn]),
            (&["Dog"], &["Dog"], "Pet", [WireLevel::None; 2]),
            (&["Cat", "Dog"], &["Tiger", "Dog"], "Dog", [WireLevel::Info; 2]),
        ] {
            let (base, revision) = (document(old, body), document(new, body));
            let levels = [0, 1].map(|side| worst(&diff(&base[side], &revision[side])).0);
            assert_eq!(levels, expected, "{old:?} {new:?} {body}");
        }
    }

    fn messages(schemas: [serde_json::Value; 2]) -> Vec<String> {
        let [base, revision] = schemas.map(|schema| {
            let object = |more: &str| json!({"type": "object", "properties": {"first": {"type": "string"}, more: {}}});
            json!({
                "paths": {"/a": {"post": {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}}},
                "components": {"schemas": {"Cat": object("cat"), "Dog": object("dog"), "Same": object("dog")}}})
        });
        let findings = diff(&base, &revision);
        let fingerprints: std::collections::BTreeSet<_> =
            findings.iter().map(|finding| &finding.fingerprint).collect();
        assert_eq!(fingerprints.len(), findings.len(), "{findings:#?}");
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn alternatives_and_parts_are_shown_by_their_references() {
        let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let text = json!({"type": "string"});
        for list in ["oneOf", "anyOf", "allOf"] {
            let animals = ["Cat", "Dog", "Same"].map(reference);
            let all = [&animals[..], std::slice::from_ref(&text)].concat();
            let found = messages([json!({list: all}), json!({list: [text, text]})]);
            for name in ["Cat", "Dog", "Same"] {
                let end = format!("removed: {{\"$ref\":\"#/components/schemas/{name}\"}}");
                assert!(found.iter().any(|message| message.contains(&end)), "{found:#?}");
            }
        }
    }

    #[test]
    fn alternatives_with_the_same_tag_have_other_subjects() {
        let tagged = |name: &str, more: &[&str]| {
            let mut properties = json!({"k": {"enum": ["x"]}, name: {"type": "string"}});
            for name in more {
                properties[*name] = json!({"type": "string"});
            }
            json!({"type": "object", "title": name, "required": ["k", name], "properties": properties})
        };
        let union = |more: &[&str]| json!({"oneOf": [tagged("a", more), tagged("b", more)]});
        assert_eq!(messages([union(&["u"]), union(&[])]).len(), 2);
    }
}
