//! Requirements of credentials.

use serde_json::{Value, json};

use crate::spec::diff::{diff, finding::worst};

/// Asserts the levels of a change and of its reverse.
#[track_caller]
fn assert_levels(base: &Value, revision: &Value, expected: [&str; 2]) {
    let level = |base, revision| worst(&diff(base, revision)).0.as_str();
    assert_eq!([level(base, revision), level(revision, base)], expected, "{base}\n{revision}");
}

#[test]
fn requirements_that_differ_only_in_scopes_are_alternatives() {
    let of_document = |security: &Value| json!({"security": security, "paths": {"/a": {"get": {}}}});
    let of_operation = |security: &Value| json!({"paths": {"/a": {"get": {"security": security}}}});
    for (base, revision, expected) in [
        (json!([{"o": ["r"]}, {"o": ["w"]}]), json!([{"o": ["w"]}]), ["err", "info"]),
        (json!([{"o": ["r"]}, {"o": ["w"]}]), json!([{"o": ["r"]}]), ["err", "info"]),
        (json!([{"o": ["r"]}]), json!([{"o": ["r"]}, {"o": ["r", "w"]}]), ["info", "info"]),
        (json!([{"o": ["r"]}]), json!([{"o": ["r", "w"]}, {}]), ["info", "err"]),
        (json!([{"o": ["r"]}]), json!([{"o": ["r", "w"]}]), ["err", "info"]),
        (json!([{"o": ["r"]}]), json!([{"o": ["w"]}]), ["err", "err"]),
        (json!([{"o": ["r"]}, {"o": ["w"]}]), json!([{"o": ["w"]}, {"o": ["r"]}]), ["none", "none"]),
    ] {
        assert_levels(&of_document(&base), &of_document(&revision), expected);
        assert_levels(&of_operation(&base), &of_operation(&revision), expected);
    }
}
