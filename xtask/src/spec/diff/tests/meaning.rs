//! The same meaning, said elsewhere: no change.

use serde_json::{Value, json};

use crate::spec::diff::diff;

const BOTH: [&str; 2] = ["/async/speech/create", "/async/speech/result"];

/// The client's document, with components but before anyone touched it.
fn document() -> Value {
    serde_json::from_str(include_str!("../../../../../openapi/distribute-ai.json")).unwrap()
}

/// That the change says nothing new, in either direction.
#[track_caller]
fn is_no_change(change: impl FnOnce(&mut Value)) {
    let before = document();
    let mut after = before.clone();
    change(&mut after);
    assert_ne!(before, after);
    for (base, revision) in [(&before, &after), (&after, &before)] {
        let messages: Vec<_> = diff(base, revision).into_iter().map(|finding| finding.message).collect();
        assert!(messages.is_empty(), "{messages:#?}");
    }
}

#[test]
fn who_may_call_is_what_holds_in_the_end() {
    is_no_change(|document| {
        let security = document.as_object_mut().unwrap().remove("security").unwrap();
        for path in BOTH {
            document["paths"][path]["post"]["security"] = security.clone();
        }
    });
}

#[test]
fn where_requests_go_is_what_holds_in_the_end() {
    is_no_change(|document| {
        let servers = document.as_object_mut().unwrap().remove("servers").unwrap();
        document["paths"][BOTH[0]]["servers"] = servers.clone();
        document["paths"][BOTH[1]]["post"]["servers"] = servers;
    });
}

#[test]
fn a_response_may_stand_in_components() {
    is_no_change(|document| {
        let responses = &mut document["paths"][BOTH[0]]["post"]["responses"];
        let response =
            std::mem::replace(&mut responses["404"], json!({"$ref": "#/components/responses/Gone"}));
        document["components"]["responses"]["Gone"] = response;
    });
}

#[test]
fn a_path_may_say_what_its_operations_say() {
    let parameters = json!([{"name": "trace", "in": "query", "schema": {"type": "string"}}]);
    let mut before = document();
    before["paths"][BOTH[0]]["post"]["parameters"] = parameters.clone();
    let mut after = document();
    after["paths"][BOTH[0]]["parameters"] = parameters;
    assert!(diff(&before, &after).is_empty() && diff(&after, &before).is_empty());
}

#[test]
fn a_parameter_that_its_path_does_not_have_is_known_by_its_own_name() {
    let document = |template: &str, names: &[&str]| {
        let parameters: Vec<_> = names.iter().map(|name| json!({"name": name, "in": "path"})).collect();
        json!({"paths": {template: {"get": {"parameters": parameters}}}})
    };
    let rules = |base: &Value, revision: &Value| -> Vec<_> {
        diff(base, revision).into_iter().map(|finding| finding.rule.id.clone()).collect()
    };
    // Not valid, but where there is a change there is one in both directions.
    let (base, revision) = (document("/a/{id}", &["id"]), document("/a/{x}", &["id"]));
    assert_eq!(rules(&base, &revision), [""; 0]);
    assert_eq!(rules(&revision, &base), [""; 0]);
    let (base, revision) = (document("/a/{id}", &["id", "x"]), document("/a/{x}", &["x"]));
    assert_eq!(rules(&base, &revision), ["request-parameter-removed", "path-parameter-renamed"]);
    assert_eq!(rules(&revision, &base), ["new-request-path-parameter", "path-parameter-renamed"]);
    let (base, revision) = (document("/a/{id}/{id}", &["id"]), document("/a/{x}/{y}", &["x", "y"]));
    assert_eq!(rules(&base, &revision), ["new-request-path-parameter", "path-parameter-renamed"]);
    assert_eq!(rules(&revision, &base), ["request-parameter-removed", "path-parameter-renamed"]);
}

#[test]
fn what_holds_where_nothing_is_said_may_be_said() {
    is_no_change(|document| {
        let operation = &mut document["paths"][BOTH[1]]["post"];
        operation["deprecated"] = json!(false);
        let schema = &mut document["components"]["schemas"]["TaskQuery"]["properties"]["id"];
        schema["nullable"] = json!(false);
        schema["minLength"] = json!(0);
    });
}

#[test]
fn a_schema_wrapped_in_all_of_is_itself() {
    is_no_change(|document| {
        let properties = &mut document["components"]["schemas"]["TaskQuery"]["properties"];
        let id = properties["id"].take();
        properties["id"] = json!({"allOf": [id]});
    });
}

#[test]
fn a_component_that_nothing_refers_to_says_nothing() {
    is_no_change(|document| document["components"]["schemas"]["Nobody"] = json!({"type": "object"}));
}

#[test]
fn a_finding_keeps_its_fingerprint_when_something_else_changes() {
    let mut after = document();
    after["servers"] = json!([{"url": "https://elsewhere.example"}]);
    let one = diff(&document(), &after);
    after["info"]["version"] = json!("9");
    after["paths"]["/new"] = json!({"get": {"responses": {}}});
    let all = diff(&document(), &after);
    assert!(all.len() > one.len());
    for finding in one {
        assert!(all.iter().any(|other| other.fingerprint == finding.fingerprint), "{}", finding.message);
    }
}
