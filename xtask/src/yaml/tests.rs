use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Any value, with the text that YAML reads in its own way.
fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[ -~]{0,12}",
        any::<String>(),
        prop::sample::select(vec![
            "<<", "~", "null", "yes", "0x1f", "1e3", "- a", "a: b", "# a", "&a", "*a", "!a", "%a", "|"
        ])
        .prop_map(str::to_owned),
    ]
    .boxed();
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 24, 4, move |value| {
        prop_oneof![
            prop::collection::vec(value.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), value, 0..4)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_is_yaml_with_the_same_value(value in any_value()) {
        for text in [value.to_string(), format!("{value:#}")] {
            prop_assert_eq!(parse(&text), crate::json::parse(&text), "{}", text);
        }
    }

    #[test]
    fn any_text_is_parsed_without_panic(text in "[-:?,{}\\[\\]&*!|>'\"%@#<~.\t\n \r a0x\u{feff}\u{85}\u{2028}]{0,80}") {
        let _ = parse(&text);
    }
}

#[track_caller]
fn assert_parses(yaml: &str, expected: &Value) {
    assert_eq!(parse(yaml).as_ref(), Ok(expected), "{yaml}");
}

#[track_caller]
fn assert_fails(yaml: &str, expected: &str) {
    let errors = parse(yaml).unwrap_err();
    let lines: Vec<_> = errors.iter().map(|(at, message)| format!("{at}: {message}")).collect();
    assert_eq!(lines.join("\n"), expected, "{yaml}");
}

#[test]
fn document_has_the_value_that_json_has() {
    let yaml = "# A comment\n---\nopenapi: 3.0.3\nresponses:\n  200: {description: 'ok: yes', x-a: [1, 2.50, ~]}\n  default:\n    description: |\n      two\n      lines\ndate: 2020-01-31\non: off\n\"quoted\": >-\n  one\n  line\n...\n";
    let expected = json!({"openapi": "3.0.3", "responses": {
        "200": {"description": "ok: yes", "x-a": [1, 2.5, null]},
        "default": {"description": "two\nlines\n"}},
        "date": "2020-01-31", "on": "off", "quoted": "one line"});
    assert_parses(yaml, &expected);
    assert_parses(&format!("\u{feff}{yaml}"), &expected);
    assert_parses(&yaml.replace('\n', "\r\n"), &expected);
    assert_parses(&expected.to_string(), &expected);
}

#[test]
fn aliases_copy_the_value_of_their_anchor() {
    assert_parses(
        "a: &a {b: [1]}\nc: *a\nd: &a text\ne: *a\n&k key: 1\nf: *k",
        &json!({"a": {"b": [1]}, "c": {"b": [1]}, "d": "text", "e": "text", "key": 1, "f": "key"}),
    );
    assert_parses("a: &a b\n*a : 1", &json!({"a": "b", "b": 1}));
    assert_fails(
        "a: &a [1, *a]",
        "/a/1: expected an alias of a complete value, found one within that value at line 1 column 11",
    );
    assert_fails("a: *b", "(root): not YAML: while parsing node, found unknown anchor at line 1 column 4");
}

#[test]
fn merge_key_adds_missing_members() {
    let base = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\n";
    let expected = |c: Value| json!({"a": {"x": 1, "y": 1}, "b": {"y": 2, "z": 2}, "c": c});
    assert_parses(&format!("{base}c: {{<<: *a, x: 3}}"), &expected(json!({"x": 3, "y": 1})));
    assert_parses(&format!("{base}c: {{x: 3, <<: *a}}"), &expected(json!({"x": 3, "y": 1})));
    assert_parses(&format!("{base}c: {{<<: [*a, *b]}}"), &expected(json!({"x": 1, "y": 1, "z": 2})));
    assert_parses("'<<': 1", &json!({"<<": 1}));
    assert_fails(
        "<<: 1",
        "/<<: expected a mapping or a list of mappings after <<, found 1 at line 1 column 5",
    );
    assert_fails("<<: {}\n<<: {}", "/<<: duplicate key, expected one key << with a list of mappings");
}

#[test]
fn every_duplicate_key_is_reported() {
    assert_fails(
        "200: a\na: {b: 1, b: 2}\n'200': c",
        "/a/b: duplicate key: first 1, then 2\n/200: duplicate key: first \"a\", then \"c\"",
    );
}

#[test]
fn syntax_error_has_line_and_column() {
    for (yaml, position) in [
        ("a:\n\tb: 1", "line 2 column 2"),
        ("a: [1", "line 2 column 1"),
        ("a: b: c", "line 1 column 5"),
        ("a: \"", "line 1 column 4"),
    ] {
        let message = &parse(yaml).unwrap_err()[0].1;
        assert!(message.starts_with("not YAML: ") && message.ends_with(position), "{yaml:?}: {message}");
    }
}

#[test]
fn value_that_json_cannot_represent_is_an_error() {
    for (yaml, expected) in [
        ("a:\n- .inf", "/a/0: expected a number that JSON can represent, found .inf at line 2 column 3"),
        ("a: {? [1] : 2}", "/a: expected a string as a key, found a list or a mapping at line 1 column 7"),
        (": 1", "(root): expected a key, found none at line 1 column 1"),
        (
            "a: !!binary aGk=",
            "/a: unsupported tag \"tag:yaml.org,2002:binary\", expected a value without a tag, as in JSON at line 1 column 4",
        ),
        (
            "a: !b {}",
            "/a: unsupported tag \"!b\", expected a value without a tag, as in JSON at line 1 column 4",
        ),
        (
            "a: 1\n---\nb: 1",
            "(root): expected one document, found the start of a second one at line 2 column 1",
        ),
        ("# nothing", "(root): empty, expected a document"),
        ("", "(root): empty, expected a document"),
    ] {
        assert_fails(yaml, expected);
    }
}

#[test]
fn value_over_the_depth_limit_is_an_error_with_its_pointer() {
    let lists = |count| "[".repeat(count) + &"]".repeat(count);
    assert!(parse(&lists(128)).is_ok());
    let (at, message) = &parse(&format!("a: {}", lists(128))).unwrap_err()[0];
    assert_eq!(at.as_str(), "/a".to_owned() + &"/0".repeat(127));
    assert!(message.starts_with("nested too deeply, expected at most 128 levels at line 1"), "{message}");
    // An alias at a depth counts the levels of its value.
    assert!(parse(&format!("[&a {}, [*a]]", lists(126))).is_ok());
    let (at, _) = &parse(&format!("[&a {}, [*a]]", lists(127))).unwrap_err()[0];
    assert_eq!(at.as_str(), "/1/0");
}

#[test]
fn a_million_levels_fail_without_stack_overflow() {
    for open in ["[", "{a: ", "- "] {
        let (at, message) = &parse(&open.repeat(1_000_000)).unwrap_err()[0];
        assert_eq!(at.tokens().count(), 128, "{open}");
        assert!(message.starts_with("nested too deeply, expected at most 128 levels at line 1"), "{message}");
    }
    assert!(parse(&"? ".repeat(1_000_000)).is_err());
}

#[test]
fn exponential_aliases_are_an_error() {
    let level = |level: usize| format!("a{level}: &a{level} [{}]\n", format!("*a{}, ", level - 1).repeat(10));
    let yaml =
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned() + &(1..20).map(level).collect::<String>();
    let (_, message) = &parse(&yaml).unwrap_err()[0];
    assert!(message.starts_with("anchors and aliases copy more than 16777216 bytes"), "{message}");
}
