use serde_json::json;

use super::*;
use crate::json::equivalent;

#[test]
fn normalized_ignores_key_order_and_number_notation() {
    let (a, b) = (json!({"b": [1.0, -0.0], "a": "x"}), json!({"a": "x", "b": [1, 0]}));
    assert_eq!(normalized(&a), normalized(&b));
    assert_ne!(normalized(&json!(1)), normalized(&json!("1")));
    assert_ne!(normalized(&json!(1.5)), normalized(&json!(1)));
    assert_eq!(normalized(&json!(18_446_744_073_709_551_615_u64)), "18446744073709551615");
}

#[test]
fn equivalent_agrees_with_equality_of_normalized_texts() {
    // 2⁵³ is where floats stop holding every integer; 2⁶³ and 2⁶⁴ are where `i64` and `u64` end.
    let numbers = [
        "0",
        "0.0",
        "-0.0",
        "1",
        "1.0",
        "-1",
        "-1.0",
        "1.5",
        "5e-324",
        "9007199254740991",
        "9007199254740991.0",
        "9007199254740992",
        "9007199254740992.0",
        "9007199254740993",
        "9007199254740994",
        "9007199254740994.0",
        "-9007199254740992",
        "-9007199254740992.0",
        "-9007199254740993",
        "1e16",
        "10000000000000000",
        "1152921504606846976",
        "1152921504606846976.0",
        "1152921504606847000",
        "9223372036854775807",
        "9223372036854775808",
        "9223372036854775808.0",
        "-9223372036854775808",
        "-9223372036854775808.0",
        "18446744073709551615",
        "18446744073709551616.0",
        "-18446744073709551616.0",
        "1e38",
        "1e39",
        "-1e39",
        "1e300",
    ];
    let others = [
        "null",
        "false",
        "true",
        r#""""#,
        r#""1""#,
        r#""1.0""#,
        "[]",
        "[[]]",
        "{}",
        "[1, 2]",
        "[1.0, 2.0]",
        "[2, 1]",
        "[1, 2, 3]",
        r#"["1,2"]"#,
        r#"["1", "2"]"#,
        r#"{"a": null}"#,
        r#"{"b": null}"#,
        r#"{"a": 1, "b": 2}"#,
        r#"{"b": 2, "a": 1}"#,
        r#"{"b": 2.0, "a": -0.0}"#,
        r#"{"b": 2, "a": 0}"#,
        r#"{"a": "1,\"b\":2"}"#,
        r#"{"a": {"c": [1e16, {"d": 18446744073709551615}], "b": []}}"#,
        r#"{"a": {"b": [], "c": [10000000000000000, {"d": 18446744073709551615}]}}"#,
        r#"{"a": {"b": [], "c": [10000000000000000, {"d": 18446744073709551616}]}}"#,
    ];
    let nested = numbers.map(|number| format!(r#"{{"b": [{number}], "a": 1}}"#));
    let texts = numbers.into_iter().chain(others).chain(nested.iter().map(String::as_str));
    let values: Vec<Value> = texts.map(|text| serde_json::from_str(text).unwrap()).collect();
    for a in &values {
        for b in &values {
            assert_eq!(equivalent(a, b), normalized(a) == normalized(b), "{a} and {b}");
        }
    }
    let equal = |a: &str, b: &str| {
        let [a, b] = [a, b].map(|text| serde_json::from_str(text).unwrap());
        equivalent(&a, &b)
    };
    assert!(equal("1", "1.0") && equal("0", "-0.0") && equal("1e16", "10000000000000000"));
    assert!(equal("9007199254740992", "9007199254740992.0"));
    assert!(!equal("9007199254740993", "9007199254740992.0"));
    assert!(!equal("18446744073709551615", "18446744073709551616.0"));
}
