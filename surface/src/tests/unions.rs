//! Schemas with alternatives.

use serde_json::{Value, json};

use super::documents::{document, reference, surface, unchanged, with};
use crate::generate::{self, Parts};

/// Returns the public items of a client with these components, or the problems.
fn of(schemas: &Value) -> Result<Value, String> {
    surface(&document(&with(&json!({}), schemas), unchanged))
}

fn object(properties: &Value) -> Value {
    let arguments: [&str; 0] = [];
    json!({"type": "object", "properties": properties,
        "x-constructor": {"arguments": arguments, "defaults": {}, "sent": true}})
}

#[test]
fn alternatives_beside_properties_are_refused() {
    let text = json!({"type": "string"});
    let base = object(&json!({"a": text}));
    let either = json!([{"required": ["a"]}, {"required": ["b"]}]);
    let extended = |keyword: &str, alternatives: &Value| {
        let mut schema = object(&json!({"a": text, "b": text}));
        schema[keyword] = alternatives.clone();
        schema
    };
    for (odd, place) in [
        (extended("anyOf", &either), "/anyOf"),
        (extended("oneOf", &json!([reference("Base"), reference("Other")])), "/oneOf"),
        (json!({"allOf": [reference("Base")], "oneOf": either}), "/oneOf"),
        (json!({"anyOf": either, "oneOf": either}), "/anyOf"),
        (json!({"allOf": [reference("Base"), {"anyOf": either}]}), "/allOf/1"),
        (json!({"allOf": [reference("Base"), {"allOf": [reference("Union")]}]}), "/allOf/1"),
        (json!({"allOf": [reference("Union")], "required": ["a"]}), "/allOf/0"),
    ] {
        let schemas = json!({
            "Base": base, "Other": object(&json!({"b": text})), "Odd": odd,
            "Union": {"oneOf": [reference("Base"), {"type": "string"}]},
        });
        let problem = of(&schemas).unwrap_err();
        let expected =
            format!("/components/schemas/Odd{place}: no Rust type has properties and alternatives; ");
        assert!(problem.starts_with(&expected), "{odd}: {problem}");
    }
    for fine in [
        json!({"allOf": [reference("Union")], "description": "d"}),
        json!({"required": ["a"], "oneOf": [reference("Base"), {"type": "string"}]}),
        object(&json!({"oneOf": text, "anyOf": reference("Union")})),
    ] {
        let schemas = json!({
            "Base": base, "Fine": fine, "Union": {"oneOf": [reference("Base"), {"type": "string"}]},
        });
        assert_eq!(of(&schemas).map(drop), Ok(()), "{fine}");
    }
}

#[test]
fn recursive_union_has_a_box_also_for_properties_with_names_of_keywords() {
    for property in ["child", "items", "additionalProperties", "enum", "not", "x-constructor"] {
        for schemas in [
            json!({"A": object(&json!({property: reference("Union")}))}),
            json!({
                "A": object(&json!({property: reference("B")})),
                "B": object(&json!({"u": {"allOf": [reference("Union")], "description": "d"}})),
            }),
        ] {
            let mut schemas = schemas;
            schemas["Union"] = json!({"oneOf": [reference("A"), {"type": "string"}]});
            let items = of(&schemas).unwrap();
            assert_eq!(
                items["types::Union::A"]["type"], "(:: std::boxed::Box<crate::types::A>)",
                "{schemas}"
            );
        }
    }
    for (keyword, list) in [
        ("items", json!({"type": "array", "items": reference("Union")})),
        ("additionalProperties", json!({"type": "object", "additionalProperties": reference("Union")})),
    ] {
        let schemas = json!({
            "A": object(&json!({"list": list})), "Union": {"oneOf": [reference("A"), {"type": "string"}]},
        });
        assert_eq!(of(&schemas).unwrap()["types::Union::A"]["type"], "(crate::types::A)", "{keyword}");
    }
    let pair = json!({"type": "array", "items": reference("Union"), "minItems": 2, "maxItems": 2});
    let schemas = json!({
        "A": object(&json!({"pair": pair})), "Union": {"oneOf": [reference("A"), {"type": "string"}]},
    });
    let items = of(&schemas).unwrap();
    assert_eq!(items["types::A::pair"]["type"], "Option<[crate::generated::types::Union ; 2usize]>");
    assert_eq!(items["types::Union::A"]["type"], "(:: std::boxed::Box<crate::types::A>)");
}

#[test]
fn alternative_of_itself_is_refused() {
    let text = json!({"type": "string"});
    for schemas in [
        json!({"U": {"oneOf": [reference("U"), text]}}),
        json!({"U": {"oneOf": [reference("W"), text]}, "W": {"anyOf": [reference("U"), {"type": "integer"}]}}),
        json!({"U": {"oneOf": [{"allOf": [reference("W")], "description": "d"}, text]},
            "W": {"allOf": [reference("U")], "description": "d"}}),
    ] {
        let problem = of(&schemas).unwrap_err();
        assert!(problem.starts_with("/components/schemas/U: U is an alternative of itself"), "{problem}");
    }
    let lists = json!({"U": {"oneOf": [{"type": "array", "items": reference("U")}, text]}});
    assert_eq!(of(&lists).map(drop), Ok(()));
}

#[test]
fn variant_has_no_name_of_an_open_enum() {
    let schemas = json!({
        "Known": {"type": "string", "enum": ["a"]},
        "Union": {"oneOf": [reference("Known"), {"type": "string"}, {"title": "other", "type": "boolean"}]},
    });
    let items = of(&schemas).unwrap();
    for (variant, content) in
        [("Known2", "(crate::types::Known)"), ("Text", "(String)"), ("Other2", "(bool)")]
    {
        assert_eq!(items[format!("types::Union::{variant}")]["type"], content, "{variant}");
    }
    let traits = items["types::Union"]["traits"].as_array().unwrap();
    assert!(!traits.iter().any(|of| of.as_str().unwrap().contains("PartialEq<str>")), "{traits:?}");
}

#[test]
fn known_values_of_all_alternatives_are_considered_before_other_values() {
    let open = |known: &str| json!({"oneOf": [{"title": "Known", "allOf": [reference(known)]}, {"title": "Other", "type": "string"}]});
    let word = |text: &str| json!({"type": "string", "enum": [text]});
    let schemas = json!({
        "KnownOne": word("leo"), "One": open("KnownOne"), "KnownTwo": word("zoe"), "Two": open("KnownTwo"),
        "Union": {"oneOf": [reference("One"), reference("Two"), {"type": "integer"}]},
    });
    let document = document(&with(&json!({"union": reference("Union")}), &schemas), unchanged);
    let generated = generate::generate(&document, Parts { schemas: false, mock: false }).unwrap();
    let client = prettyplease::unparse(&generated.client).split_whitespace().collect::<String>();
    let considered = "choice.consider(|known|Self::One(crate::types::One::Known(known)));\
                      choice.consider(|known|Self::Two(crate::types::Two::Known(known)));\
                      choice.consider(Self::One);";
    assert!(client.contains(considered), "{client}");
}
