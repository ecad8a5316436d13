//! Schemas with the same meaning, and schemas that fit in one direction only.

use serde_json::{Value, json};

use super::relation::{Answer, Question, Relation, Relations};
use crate::spec::diff::{node::ResolvedNode, notation::Notation, rules::Direction};

/// Asks a question about the schemas `a` and `b` of a document.
fn ask(document: &Value, relation: Relation, receiver: &str, sender: &str) -> Answer {
    let node = |name| ResolvedNode::root(document).get(name).unwrap();
    let mut relations = Relations::default();
    let (receiver, sender) = (relations.key(node(receiver)), relations.key(node(sender)));
    relations.answer(Question { relation, receiver, sender })
}

fn accepts(direction: Direction) -> Relation {
    Relation::Accepts { direction, notation: Notation::Typed, list: false }
}

#[track_caller]
fn assert_same(document: &Value) {
    assert_eq!(ask(document, Relation::Same, "a", "b"), Answer::Yes, "{document}");
    for direction in [Direction::Request, Direction::Response] {
        assert_eq!(ask(document, accepts(direction), "a", "b"), Answer::Yes, "{document}");
        assert_eq!(ask(document, accepts(direction), "b", "a"), Answer::Yes, "{document}");
    }
}

/// Asserts that `a` accepts what `b` allows, but not the reverse.
#[track_caller]
fn assert_wider(document: &Value) {
    assert_eq!(ask(document, accepts(Direction::Request), "a", "b"), Answer::Yes, "{document}");
    assert_eq!(ask(document, accepts(Direction::Request), "b", "a"), Answer::No, "{document}");
}

#[test]
fn parts_of_all_of_are_merged() {
    assert_same(&json!({
        "a": {"allOf": [{"type": "object", "required": ["x"]}, {"properties": {"x": {"maxLength": 3}}},
            {"properties": {"x": {"type": "string"}}}]},
        "b": {"type": "object", "required": ["x"], "properties": {"x": {"type": "string", "maxLength": 3}}},
    }));
}

#[test]
fn rest_without_a_constraint_is_open() {
    for rest in [json!({}), json!(true), json!({"allOf": [{"description": "d"}]}), json!({"title": "t"})] {
        assert_same(&json!({"a": {"type": "object", "additionalProperties": rest}, "b": {"type": "object"}}));
    }
}

#[test]
fn closed_part_forbids_the_properties_of_other_parts() {
    let closed = json!({"additionalProperties": false, "properties": {"x": {}}});
    let document = json!({
        "a": {"type": "object", "allOf": [closed, {"properties": {"x": {}, "y": {}}}]},
        "b": {"type": "object", "additionalProperties": false, "properties": {"x": {}}},
    });
    assert_same(&document);
}

#[test]
fn null_words_and_bounds_have_one_form() {
    assert_same(&json!({
        "a": {"nullable": true, "oneOf": [{"enum": ["x"]}, {"type": "string", "enum": ["y"]}]},
        "b": {"type": "string", "enum": ["y", "x"], "nullable": true},
    }));
    assert_same(&json!({
        "a": {"type": "integer", "minimum": 0, "exclusiveMinimum": true, "maximum": 9.5},
        "b": {"type": "integer", "minimum": 1, "maximum": 9},
    }));
}

#[test]
fn nullable_beside_an_exclusion_of_null_accepts_null() {
    let excluded = json!({"type": "string", "nullable": true});
    assert_wider(&json!({"a": {"not": excluded, "nullable": true}, "b": {"not": excluded}}));
    let text = json!({"type": "string"});
    let document = json!({"a": {"not": text, "nullable": true}, "b": {"not": text}});
    assert_eq!(ask(&document, accepts(Direction::Request), "b", "a"), Answer::Yes);
}

#[test]
fn limits_that_an_integer_format_implies_have_one_form() {
    for (format, low, high) in
        [("int32", i64::from(i32::MIN), i64::from(i32::MAX)), ("int64", i64::MIN, i64::MAX)]
    {
        let integer = json!({"type": "integer", "format": format});
        let limited = json!({"type": "integer", "format": format, "minimum": low, "maximum": high});
        assert_same(&json!({"a": integer, "b": limited}));
        let [below, above] = [json!({"minimum": low}), json!({"maximum": high})];
        assert_same(&json!({"a": integer, "b": {"allOf": [integer, below, above]}}));
        assert_wider(&json!({"a": integer, "b": {"allOf": [integer, {"maximum": high - 1}]}}));
    }
}

#[test]
fn password_accepts_every_text() {
    assert_same(&json!({"a": {"type": "string", "format": "password"}, "b": {"type": "string"}}));
}

#[test]
fn schemas_that_contain_themselves_are_compared() {
    let list = |next: &str| json!({"type": "object", "properties": {"next": {"$ref": next}}});
    // One schema contains itself at once, the other one through a third schema.
    assert_same(&json!({"a": list("#/a"), "b": list("#/c"), "c": list("#/b")}));
    let leaf = |kind: &str, next: &str| json!({"type": "object", "properties": {"next": {"$ref": next}, "leaf": {"type": kind}}});
    assert_wider(
        &json!({"a": leaf("number", "#/a"), "b": leaf("number", "#/c"), "c": leaf("integer", "#/b")}),
    );
}

#[test]
fn part_that_contains_itself_adds_nothing() {
    let text = json!({"type": "string"});
    assert_same(&json!({"a": {"allOf": [{"$ref": "#/a"}, text]}, "b": text}));
    assert_same(&json!({"a": {"anyOf": [{"$ref": "#/a"}, text]}, "b": text}));
}

#[test]
fn alternatives_are_selected_by_their_tags() {
    let tagged = |word: &str, kind: &str| {
        json!({"type": "object", "required": ["k"],
            "properties": {"k": {"type": "string", "enum": [word]}, "v": {"type": kind}}})
    };
    assert_wider(&json!({
        "a": {"oneOf": [tagged("m", "number"), tagged("n", "string")]},
        "b": {"oneOf": [tagged("n", "string"), tagged("m", "integer")]},
    }));
    assert_wider(&json!({
        "a": {"oneOf": [tagged("m", "string"), tagged("n", "string")]},
        "b": tagged("n", "string"),
    }));
}

#[test]
fn merging_too_many_alternatives_is_unknown() {
    let union = |name: &str| -> Value {
        let one = |n| json!({"type": "object", "required": [format!("{name}{n}")]});
        json!({"anyOf": (0..12).map(one).collect::<Vec<_>>()})
    };
    let document = json!({"a": {"allOf": [union("x"), union("y")]}, "b": {"type": "object"}});
    assert_eq!(ask(&document, accepts(Direction::Request), "b", "a"), Answer::Unknown);
}

#[test]
fn not_anything_is_nothing() {
    let nothing = json!({"not": {"description": "d"}});
    for (a, b) in [
        (json!({"additionalProperties": nothing}), json!({"additionalProperties": false})),
        (json!({"anyOf": [{"type": "string"}, nothing]}), json!({"type": "string"})),
        (
            json!({"type": "object", "properties": {"x": nothing}, "additionalProperties": false}),
            json!({"type": "object", "additionalProperties": false}),
        ),
        (json!({"allOf": [{"type": "string"}, nothing]}), nothing.clone()),
    ] {
        assert_same(&json!({"a": a, "b": b}));
    }
    let object = |property: &Value| json!({"type": "object", "properties": {"x": property}});
    assert_wider(&json!({"a": object(&json!({"type": "string"})), "b": object(&nothing)}));
    let list = |items: &Value| json!({"type": "array", "items": items});
    assert_wider(&json!({"a": list(&json!({"type": "string"})), "b": list(&nothing)}));
    // A required property without a value.
    let required = json!({"type": "object", "required": ["x"], "properties": {"x": nothing}});
    assert_wider(
        &json!({"a": {"type": "string"}, "b": {"anyOf": [required, {"type": "string", "maxLength": 1}]}}),
    );
}
