use serde_json::{Value, json};

use super::*;
use crate::json::{canonical, equivalent};

const EVERYTHING: &str = include_str!("../../../tests/documents/everything.json");
const CREATE: &str = include_str!("../../../tests/openapi/upstream/speech-create.json");
const RESULT: &str = include_str!("../../../tests/openapi/upstream/speech-result.json");

const CREATE_POST: &str = "/paths/~1async~1speech~1create/post";
const RESULT_POST: &str = "/paths/~1async~1speech~1result/post";

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The merge of the two pages, each after a change.
fn merged(
    create: impl FnOnce(&mut Value),
    result: impl FnOnce(&mut Value),
) -> Result<(Value, Vec<String>), Vec<String>> {
    let (mut one, mut other) = (document(CREATE), document(RESULT));
    create(&mut one);
    result(&mut other);
    let texts = |items: Vec<&dyn ToString>| items.iter().map(|item| item.to_string()).collect();
    match merge(&[("create".into(), one), ("result".into(), other)]) {
        Ok((merged, warnings)) => Ok((merged, texts(warnings.iter().map(|w| w as _).collect()))),
        Err(conflicts) => Err(texts(conflicts.iter().map(|c| c as _).collect())),
    }
}

fn same(_: &mut Value) {}

#[test]
fn says_what_both_say_and_equal_things_once() {
    let (merged, warnings) = merged(same, same).unwrap();
    assert_eq!(warnings, [""; 0]);
    assert_eq!(merged["tags"].as_array().unwrap().len(), 1);
    assert_eq!(merged["paths"].as_object().unwrap().len(), 2);
    for (text, place) in [(CREATE, CREATE_POST), (RESULT, RESULT_POST)] {
        let before = document(text);
        assert_eq!(merged.pointer(place), before.pointer(place));
        for key in ["openapi", "info", "servers", "security", "components", "tags"] {
            assert_eq!(merged[key], before[key]);
        }
    }
}

#[test]
fn one_document_is_itself_and_so_is_a_merged_one() {
    let everything = document(EVERYTHING);
    let (alone, _) = merge(&[("one".into(), everything.clone())]).unwrap();
    assert!(equivalent(&alone, &everything));
    let (both, _) = merged(same, same).unwrap();
    let (again, _) = merge(&[("both".into(), both.clone())]).unwrap();
    assert_eq!(again, both);
}

#[test]
fn the_order_of_documents_is_nothing() {
    let [create, result] =
        [("c", CREATE), ("r", RESULT)].map(|(name, text)| (name.to_owned(), document(text)));
    let mut differing = result.clone();
    differing.1["servers"] = json!([{"url": "https://other"}]);
    differing.1["security"] = json!([]);
    for other in [result, differing] {
        let (one, _) = merge(&[create.clone(), other.clone()]).unwrap();
        let (two, _) = merge(&[other, create.clone()]).unwrap();
        assert_eq!(canonical(&one), canonical(&two));
    }
}

#[test]
fn refuses_what_differs_and_names_both() {
    type Edit = fn(&mut Value);
    let cases: [(Edit, Edit, &[&str]); 12] = [
        (
            same,
            |d| d["paths"]["/async/speech/result"]["post"]["operationId"] = json!("asyncSpeechCreate"),
            &[
                "one operationId for two operations: create: /paths/~1async~1speech~1create/post/operationId is \"asyncSpeechCreate\"; result: /paths/~1async~1speech~1result/post/operationId is \"asyncSpeechCreate\"",
            ],
        ),
        (
            same,
            |d| {
                let mut operation = d["paths"]["/async/speech/result"].take();
                operation["post"]["operationId"] = json!("another");
                d["paths"] = json!({"/async/speech/create": operation});
            },
            &[
                "one path and method in two documents: create: /paths/~1async~1speech~1create/post is {",
                "; result: /paths/~1async~1speech~1create/post is {",
            ],
        ),
        (
            same,
            |d| d["openapi"] = json!("3.0.1"),
            &["create: /openapi is \"3.0.3\"; result: /openapi is \"3.0.1\""],
        ),
        (
            same,
            |d| d["info"]["version"] = json!("2"),
            &["create: /info/version is \"1.0.0\"; result: /info/version is \"2\""],
        ),
        (same, |d| d["info"]["title"] = json!("T"), &["result: /info/title is \"T\""]),
        (
            same,
            |d| d["components"]["securitySchemes"]["ApiKeyAuth"]["in"] = json!("query"),
            &[
                "one component with different contents: create: /components/securitySchemes/ApiKeyAuth is {",
                "they part at /in: \"header\" and \"query\"",
            ],
        ),
        (
            |d| d["components"]["schemas"] = json!({"A": {"type": "string"}}),
            |d| d["components"]["schemas"] = json!({"A": {"type": "number"}}),
            &[
                "create: /components/schemas/A is {\"type\":\"string\"}; result: /components/schemas/A is {\"type\":\"number\"}",
            ],
        ),
        (
            |d| d["components"]["responses"] = json!({"A": {"description": "a"}}),
            |d| d["components"]["responses"] = json!({"A": {"description": "b"}}),
            &["/components/responses/A"],
        ),
        (
            |d| d["paths"]["/async/speech/result"] = json!({"summary": "s"}),
            same,
            &[
                "one path of which different things are said: create: /paths/~1async~1speech~1result/summary is \"s\"; result: /paths/~1async~1speech~1result/summary is nothing",
            ],
        ),
        (
            |d| d["paths"]["/a/{id}"] = json!({}),
            |d| d["paths"]["/a/{x}"] = json!({}),
            &[
                "two paths for one address: create: /paths/~1a~1{id} is \"/a/{id}\"; result: /paths/~1a~1{x} is \"/a/{x}\"",
            ],
        ),
        (|d| d["x-a"] = json!(1), |d| d["x-a"] = json!(2), &["create: /x-a is 1; result: /x-a is 2"]),
        (|d| d["paths"]["x-a"] = json!(1), |d| d["paths"]["x-a"] = json!(2), &["/paths/x-a"]),
    ];
    for (create, result, said) in cases {
        let conflicts = merged(create, result).unwrap_err();
        assert_eq!(conflicts.len(), 1, "{conflicts:?}");
        for said in said {
            assert!(conflicts[0].contains(said), "expected {said}\nfound    {}", conflicts[0]);
        }
    }
}

#[test]
fn an_empty_id_is_an_id_that_two_operations_cannot_share() {
    let empty = |at: &'static str| move |d: &mut Value| d["paths"][at]["post"]["operationId"] = json!("");
    let conflicts = merged(empty("/async/speech/create"), empty("/async/speech/result")).unwrap_err();
    assert_eq!(
        conflicts,
        [
            "one operationId for two operations: create: /paths/~1async~1speech~1create/post/operationId is \"\"; result: /paths/~1async~1speech~1result/post/operationId is \"\""
        ]
    );
}

#[test]
fn equal_components_and_paths_are_one() {
    let parts = |number: Value| {
        move |d: &mut Value| {
            d["components"]["schemas"] = json!({"A": {"type": "number", "maximum": number}});
            d["paths"]["/a/{id}"] = json!({"summary": "s"});
            d["x-a"] = json!([1]);
        }
    };
    let (merged, warnings) = merged(parts(json!(1)), parts(json!(1.0))).unwrap();
    assert_eq!(warnings, [""; 0]);
    assert_eq!(merged["components"]["schemas"], json!({"A": {"type": "number", "maximum": 1}}));
}

#[test]
fn a_method_may_join_a_path_of_which_the_same_is_said() {
    let (merged, _) = merged(same, |d| {
        let operation = d["paths"]["/async/speech/result"]["post"].take();
        d["paths"] = json!({"/async/speech/create": {"get": operation}});
    })
    .unwrap();
    let methods: Vec<_> = merged["paths"]["/async/speech/create"].as_object().unwrap().keys().collect();
    assert_eq!(methods.len(), 2);
}

#[test]
fn words_that_differ_are_a_warning_and_the_first_stand() {
    let (merged, warnings) = merged(same, |d| {
        d["tags"] = json!([{"name": "new"}, {"name": "async.speech", "description": "Other words."}]);
        d["info"]["description"] = json!("d");
        d["externalDocs"] = json!({"url": "https://x.y"});
    })
    .unwrap();
    assert_eq!(
        warnings,
        [
            "a tag's words differ: create: /tags/0/description is \"Asynchronous task queuing operations.\"; result: /tags/0/description is \"Other words.\"; the first stands"
        ]
    );
    let names: Vec<_> = merged["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    assert_eq!(names, ["async.speech", "new"]);
    assert_eq!(merged["info"]["description"], "d");
}

#[test]
fn differing_security_keeps_its_meaning() {
    let (merged, _) = merged(same, |d| drop(d.as_object_mut().unwrap().remove("security"))).unwrap();
    assert_eq!(merged.get("security"), None);
    assert_eq!(merged.pointer(CREATE_POST).unwrap()["security"], json!([{"ApiKeyAuth": []}]));
    assert_eq!(merged.pointer(RESULT_POST).unwrap()["security"], json!([]));
}

#[test]
fn an_operation_that_speaks_for_itself_is_left_alone() {
    let (merged, _) = merged(
        |d| {
            d["paths"]["/async/speech/create"]["post"]["security"] = json!([]);
            d["paths"]["/async/speech/create"]["servers"] = json!([{"url": "https://mine"}]);
        },
        |d| {
            d["security"] = json!([{}, {"ApiKeyAuth": []}]);
            d["servers"] = json!([{"url": "https://other"}]);
        },
    )
    .unwrap();
    let [create, result] = [CREATE_POST, RESULT_POST].map(|place| merged.pointer(place).unwrap());
    assert_eq!(create["security"], json!([]));
    assert_eq!(create.get("servers"), None);
    assert_eq!(result["security"], json!([{}, {"ApiKeyAuth": []}]));
    assert_eq!(result["servers"], json!([{"url": "https://other"}]));
}

#[test]
fn a_missing_server_is_the_one_that_the_document_came_from() {
    let (silent, _) = merged(same, |d| drop(d.as_object_mut().unwrap().remove("servers"))).unwrap();
    assert_eq!(silent.get("servers"), None);
    assert_eq!(
        silent.pointer(CREATE_POST).unwrap()["servers"],
        json!([{"url": "https://api.distribute.ai"}])
    );
    assert_eq!(silent.pointer(RESULT_POST).unwrap()["servers"], json!([{"url": "/"}]));
    let root = |d: &mut Value| d["servers"] = json!([{"url": "/"}]);
    let (equal, _) = merged(root, |d| drop(d.as_object_mut().unwrap().remove("servers"))).unwrap();
    assert_eq!(equal["servers"], json!([{"url": "/"}]));
}
