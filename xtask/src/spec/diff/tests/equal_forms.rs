//! Schemas that say the same in another form, generated. None of these forms is a change, in either direction.

use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::{change_schemas, hoisted, later::as_later, properties::document};
use crate::spec::{diff::diff, normalize::normalize};

/// Writes a schema in another form. The number decides among several.
type Form = fn(&mut Value, usize);

/// The other forms, by name.
const FORMS: &[(&str, Form)] = &[
    ("one-part allOf", one_part),
    ("split object", split_object),
    ("split object, required in a part", split_object_with_required),
    ("enum as oneOf of enums", enum_as_union),
    ("nullable around an alternative", nullable_around),
    ("null as an alternative", null_alternative),
    ("nullable in or around alternatives", nullable_moved),
    ("exclusive limit of an integer", integer_limits),
    ("explicit defaults", explicit_defaults),
];

fn one_part(schema: &mut Value, _: usize) {
    *schema = json!({"allOf": [schema.take()]});
}

/// Returns the object if it is open and has properties. The keywords of closed and typed objects apply to the
/// names of the same object only.
fn open_object(schema: &Value) -> Option<&Map<String, Value>> {
    let object = schema.as_object().filter(|object| object.contains_key("properties"))?;
    let rest = object.get("additionalProperties");
    rest.is_none_or(|rest| *rest == json!(true)).then_some(object)
}

fn split(schema: &mut Value, choice: usize, required_in_part: bool) {
    let Some(object) = open_object(schema) else { return };
    let (mut first, mut second) = (Map::new(), Map::new());
    for (index, (name, property)) in object["properties"].as_object().into_iter().flatten().enumerate() {
        let part = if choice >> index & 1 == 0 { &mut first } else { &mut second };
        part.insert(name.clone(), property.clone());
    }
    let required = object.get("required").cloned().unwrap_or_else(|| json!([]));
    let one = json!({"type": "object", "properties": first});
    let mut other = json!({"type": "object", "properties": second});
    *schema = if required_in_part {
        other["required"] = required;
        json!({"allOf": [one, other]})
    } else {
        json!({"allOf": [one, {"allOf": [other]}], "required": required})
    };
}

fn split_object(schema: &mut Value, choice: usize) {
    split(schema, choice, false);
}

fn split_object_with_required(schema: &mut Value, choice: usize) {
    split(schema, choice, true);
}

fn enum_as_union(schema: &mut Value, choice: usize) {
    let words = schema.get("enum").and_then(Value::as_array);
    let Some(words) = words.filter(|words| words.iter().all(Value::is_string)) else { return };
    let key = if choice.is_multiple_of(2) { "oneOf" } else { "anyOf" };
    let one = |word: &Value| json!({"type": "string", "enum": [word], "description": "a value"});
    let nullable = schema["nullable"] == json!(true);
    *schema = json!({key: words.iter().map(one).collect::<Vec<_>>(), "nullable": nullable});
}

fn has_union(schema: &Value) -> bool {
    let text = schema.to_string();
    text.contains("oneOf") || text.contains("anyOf")
}

fn nullable_around(schema: &mut Value, choice: usize) {
    if schema["nullable"] == json!(true) {
        schema.as_object_mut().unwrap().remove("nullable");
        // A union in another one is reported as rewritten.
        let is_union = has_union(schema);
        let key = if is_union { "allOf" } else { ["oneOf", "anyOf", "allOf"][choice % 3] };
        *schema = json!({key: [schema.take()], "nullable": true});
    }
}

fn null_alternative(schema: &mut Value, _: usize) {
    let is_union = has_union(schema);
    if schema["nullable"] == json!(true) && !is_union {
        schema.as_object_mut().unwrap().remove("nullable");
        *schema = json!({"anyOf": [schema.take(), {"enum": [null]}]});
    }
}

/// Moves `nullable` into one of the alternatives.
fn nullable_moved(schema: &mut Value, choice: usize) {
    if schema["nullable"] != json!(true) {
        return;
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(items) = schema[key].as_array_mut().filter(|items| !items.is_empty()) {
            let index = choice % items.len();
            items[index]["nullable"] = json!(true);
            schema["nullable"] = json!(false);
            return;
        }
    }
}

fn integer_limits(schema: &mut Value, _: usize) {
    if schema["type"] != json!("integer") {
        return;
    }
    for (key, exclusive, step) in [("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1)] {
        if let Some(limit) = schema[key].as_i64() {
            let is_exclusive = schema[exclusive] == json!(true);
            let limit = if is_exclusive { limit + step } else { limit - step };
            schema[key] = json!(limit);
            schema[exclusive] = json!(!is_exclusive);
        }
    }
}

fn explicit_defaults(schema: &mut Value, _: usize) {
    let Some(members) = schema.as_object_mut().filter(|members| !members.contains_key("$ref")) else {
        return;
    };
    for key in ["nullable", "deprecated", "readOnly", "writeOnly", "uniqueItems", "exclusiveMaximum"] {
        members.entry(key).or_insert(json!(false));
    }
    for key in ["minLength", "minItems", "minProperties"] {
        members.entry(key).or_insert(json!(0));
    }
    members.entry("additionalProperties").or_insert(json!(true));
}

/// Generates what [`document`] does, with integers and nullable alternatives.
fn documents() -> impl Strategy<Value = Value> {
    let limits = (0..9, any::<bool>(), any::<bool>()).prop_map(|(low, out, open)| {
        json!({"type": "integer", "minimum": low, "exclusiveMinimum": out, "maximum": low + 9, "exclusiveMaximum": open})
    });
    (document(), limits, any::<usize>()).prop_map(|(mut document, limits, choice)| {
        let mut index = choice % 4;
        change_schemas(&mut document, &mut |schema| {
            index += 1;
            // A default is reported where it stands, and a form may move it.
            if let Some(members) = schema.as_object_mut() {
                members.remove("default");
            }
            // The rest of an object is open only if it is written so.
            if *schema == json!({}) {
                *schema = json!({"type": "boolean"});
            }
            if index % 4 == 0 && schema["type"] == json!("number") {
                *schema = limits.clone();
            } else if index % 3 == 0 && ["oneOf", "anyOf", "enum"].iter().any(|key| schema.get(key).is_some())
            {
                schema["nullable"] = json!(true);
            }
        });
        document
    })
}

/// Returns the document with the form applied to some of its schemas.
fn rewritten(document: &Value, form: Form, choice: usize) -> Value {
    let mut document = document.clone();
    let mut index = choice;
    change_schemas(&mut document, &mut |schema| {
        index = index.wrapping_mul(5).wrapping_add(3);
        if index & 8 == 0 {
            form(schema, index >> 4);
        }
    });
    document
}

/// The ends of rules that say nothing about values: a form may move a description into a part.
const ANNOTATIONS: [&str; 2] = ["description-changed", "-annotation-only"];

/// Asserts that neither direction has a finding.
fn assert_same(name: &str, base: &Value, revision: &Value) -> Result<(), TestCaseError> {
    for (base, revision) in [(base, revision), (revision, base)] {
        let is_annotation = |rule: &String| ANNOTATIONS.iter().any(|end| rule.ends_with(end));
        let mut rules: Vec<_> =
            diff(base, revision).into_iter().map(|finding| finding.rule.id.clone()).collect();
        rules.retain(|rule| !is_annotation(rule));
        prop_assert!(rules.is_empty(), "{name}\n{rules:?}\n{base}\n{revision}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(super::config(1_000))]

    #[test]
    fn schema_in_another_form_is_not_a_change(
        document in documents(),
        form in select(FORMS.to_vec()),
        second in select(FORMS.to_vec()),
        choice in any::<usize>(),
    ) {
        let (name, form) = form;
        let one = rewritten(&document, form, choice);
        assert_same(name, &document, &one)?;
        assert_same(name, &document, &hoisted(&one))?;
        let both = rewritten(&one, second.1, choice / 7);
        assert_same(&format!("{name}, {}", second.0), &document, &both)?;
    }

    #[test]
    fn document_written_as_openapi_3_1_is_not_a_change(document in documents()) {
        let later = normalize(as_later(&document)).0;
        assert_same("3.1", &normalize(document.clone()).0, &later)?;
        assert_same("3.1, in components", &document, &normalize(as_later(&hoisted(&document))).0)?;
    }
}
