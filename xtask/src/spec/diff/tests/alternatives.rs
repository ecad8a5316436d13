//! Unions that become an alternative of another union.

use serde_json::{Value, json};

use crate::spec::diff::diff;

/// Returns the documents with the schema in a request and in a response, with the component `N`.
fn documents(schema: &Value, component: &Value) -> [Value; 2] {
    let body = json!({"content": {"application/json": {"schema": schema}}});
    [json!({"requestBody": body}), json!({"responses": {"200": body}})].map(|operation| {
        json!({"paths": {"/a": {"post": operation}}, "components": {"schemas": {"N": component}}})
    })
}

/// Returns the levels and rules of a request, and those of a response.
fn found((base, n): (&Value, &Value), (revision, other): (&Value, &Value)) -> [Vec<String>; 2] {
    let [base, revision] = [documents(base, n), documents(revision, other)];
    [0, 1].map(|index| {
        let findings = diff(&base[index], &revision[index]);
        findings.iter().map(|finding| format!("{} {}", finding.wire, finding.rule.id)).collect()
    })
}

fn union() -> Value {
    json!({"oneOf": [{"type": "string", "format": "uuid"}, {"type": "string", "pattern": "^[a-z]+$"}]})
}

#[test]
fn union_in_a_list_of_one_is_no_change() {
    let (union, reference) = (union(), json!({"$ref": "#/components/schemas/N"}));
    for one in [&reference, &union] {
        for list in ["anyOf", "oneOf", "allOf"] {
            let wrapped = json!({list: [one]});
            assert_eq!(found((one, &union), (&wrapped, &union)), [[""; 0]; 2], "{one} {list}");
            assert_eq!(found((&wrapped, &union), (one, &union)), [[""; 0]; 2], "{one} {list}");
        }
    }
}

#[test]
fn union_that_becomes_an_alternative_is_matched_with_it() {
    let (union, reference) = (union(), json!({"$ref": "#/components/schemas/N"}));
    let one = json!({"oneOf": [{"type": "string", "format": "uuid"}]});
    for (list, rule) in [("anyOf", "any-of"), ("oneOf", "one-of")] {
        let nullable = json!({list: [reference, {"enum": [null]}]});
        for component in [&union, &one] {
            let wider = found((&reference, component), (&nullable, component));
            assert_eq!(
                wider,
                [[format!("info request-body-{rule}-added")], [format!("err response-body-{rule}-added")]]
            );
            let narrower = found((&nullable, component), (&reference, component));
            assert_eq!(
                narrower,
                [
                    [format!("err request-body-{rule}-removed")],
                    [format!("info response-body-{rule}-removed")]
                ]
            );
        }
        // The component changes too.
        let mut other = union.clone();
        other["oneOf"][0] = json!({"type": "integer"});
        let [request, response] = found((&reference, &union), (&nullable, &other));
        assert!(!request.iter().any(|rule| rule.contains("rewritten")), "{request:#?}");
        assert!(response.contains(&format!("err response-body-{rule}-added")), "{response:#?}");
        assert!(request.iter().any(|rule| rule.starts_with("err ")), "{request:#?}");
    }
}

#[test]
fn union_that_contains_itself_is_compared_by_its_alternatives() {
    let reference = json!({"$ref": "#/components/schemas/N"});
    let component = |name: &str| json!({"oneOf": [{"type": name}, {"type": "array", "items": {"type": "string"}}, reference]});
    let [request, response] = found((&reference, &component("string")), (&reference, &component("integer")));
    assert_eq!(request.iter().filter(|rule| rule.starts_with("err ")).count(), 1, "{request:#?}");
    assert_eq!(response.iter().filter(|rule| rule.starts_with("err ")).count(), 1, "{response:#?}");
}
