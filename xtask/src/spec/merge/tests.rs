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

/// Merges the two pages, each after a change.
fn merge_pages(
    create: impl FnOnce(&mut Value),
    result: impl FnOnce(&mut Value),
) -> Result<(Value, Vec<String>), Vec<String>> {
    let (mut create_page, mut result_page) = (document(CREATE), document(RESULT));
    create(&mut create_page);
    result(&mut result_page);
    let texts = |items: Vec<&dyn ToString>| items.iter().map(|item| item.to_string()).collect();
    match merge(&[("create".into(), create_page), ("result".into(), result_page)]) {
        Ok((merged, warnings)) => Ok((merged, texts(warnings.iter().map(|w| w as _).collect()))),
        Err(conflicts) => Err(texts(conflicts.iter().map(|c| c as _).collect())),
    }
}

fn unchanged(_: &mut Value) {}

#[test]
fn merge_of_two_pages_contains_equal_members_once() {
    let (merged, warnings) = merge_pages(unchanged, unchanged).unwrap();
    assert_eq!(warnings, [""; 0]);
    assert_eq!(merged["tags"].as_array().unwrap().len(), 1);
    assert_eq!(merged["paths"].as_object().unwrap().len(), 2);
    for (text, pointer) in [(CREATE, CREATE_POST), (RESULT, RESULT_POST)] {
        let before = document(text);
        assert_eq!(merged.pointer(pointer), before.pointer(pointer));
        for key in ["openapi", "info", "servers", "security", "components", "tags"] {
            assert_eq!(merged[key], before[key]);
        }
    }
}

#[test]
fn merge_of_one_document_changes_nothing() {
    let everything = document(EVERYTHING);
    let (alone, _) = merge(&[("one".into(), everything.clone())]).unwrap();
    assert!(equivalent(&alone, &everything));
    let (both, _) = merge_pages(unchanged, unchanged).unwrap();
    let (again, _) = merge(&[("both".into(), both.clone())]).unwrap();
    assert_eq!(again, both);
}

#[test]
fn merge_result_does_not_depend_on_the_document_order() {
    let [create, result] =
        [("c", CREATE), ("r", RESULT)].map(|(name, text)| (name.to_owned(), document(text)));
    let mut differing = result.clone();
    differing.1["servers"] = json!([{"url": "https://other"}]);
    differing.1["security"] = json!([]);
    for other in [result, differing] {
        let (this_first, _) = merge(&[create.clone(), other.clone()]).unwrap();
        let (other_first, _) = merge(&[other, create.clone()]).unwrap();
        assert_eq!(canonical(&this_first), canonical(&other_first));
    }
}

#[test]
fn merge_of_conflicting_documents_fails_and_names_both() {
    type Edit = fn(&mut Value);
    let cases: [(Edit, Edit, &[&str]); 12] = [
        (
            unchanged,
            |d| d["paths"]["/async/speech/result"]["post"]["operationId"] = json!("asyncSpeechCreate"),
            &[
                "same operationId for two operations: create: /paths/~1async~1speech~1create/post/operationId is \"asyncSpeechCreate\"; result: /paths/~1async~1speech~1result/post/operationId is \"asyncSpeechCreate\"",
            ],
        ),
        (
            unchanged,
            |d| {
                let mut operation = d["paths"]["/async/speech/result"].take();
                operation["post"]["operationId"] = json!("another");
                d["paths"] = json!({"/async/speech/create": operation});
            },
            &[
                "same path and method in two documents: create: /paths/~1async~1speech~1create/post is {",
                "; result: /paths/~1async~1speech~1create/post is {",
            ],
        ),
        (
            unchanged,
            |d| d["openapi"] = json!("3.0.1"),
            &["create: /openapi is \"3.0.3\"; result: /openapi is \"3.0.1\""],
        ),
        (
            unchanged,
            |d| d["info"]["version"] = json!("2"),
            &["create: /info/version is \"1.0.0\"; result: /info/version is \"2\""],
        ),
        (unchanged, |d| d["info"]["title"] = json!("T"), &["result: /info/title is \"T\""]),
        (
            unchanged,
            |d| d["components"]["securitySchemes"]["ApiKeyAuth"]["in"] = json!("query"),
            &[
                "same component with different contents: create: /components/securitySchemes/ApiKeyAuth is {",
                "first difference at /in: \"header\" and \"query\"",
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
            unchanged,
            &[
                "same path with different members: create: /paths/~1async~1speech~1result/summary is \"s\"; result: /paths/~1async~1speech~1result/summary is nothing",
            ],
        ),
        (
            |d| d["paths"]["/a/{id}"] = json!({}),
            |d| d["paths"]["/a/{x}"] = json!({}),
            &[
                "two paths match the same URLs: create: /paths/~1a~1{id} is \"/a/{id}\"; result: /paths/~1a~1{x} is \"/a/{x}\"",
            ],
        ),
        (|d| d["x-a"] = json!(1), |d| d["x-a"] = json!(2), &["create: /x-a is 1; result: /x-a is 2"]),
        (|d| d["paths"]["x-a"] = json!(1), |d| d["paths"]["x-a"] = json!(2), &["/paths/x-a"]),
    ];
    for (create, result, expected) in cases {
        let conflicts = merge_pages(create, result).unwrap_err();
        assert_eq!(conflicts.len(), 1, "{conflicts:?}");
        for expected in expected {
            assert!(conflicts[0].contains(expected), "expected {expected}\nfound    {}", conflicts[0]);
        }
    }
}

#[test]
fn merge_with_two_empty_operation_ids_fails() {
    let empty = |at: &'static str| move |d: &mut Value| d["paths"][at]["post"]["operationId"] = json!("");
    let conflicts = merge_pages(empty("/async/speech/create"), empty("/async/speech/result")).unwrap_err();
    assert_eq!(
        conflicts,
        [
            "same operationId for two operations: create: /paths/~1async~1speech~1create/post/operationId is \"\"; result: /paths/~1async~1speech~1result/post/operationId is \"\""
        ]
    );
}

#[test]
fn equal_components_and_paths_are_merged_without_warnings() {
    let parts = |number: Value| {
        move |d: &mut Value| {
            d["components"]["schemas"] = json!({"A": {"type": "number", "maximum": number}});
            d["paths"]["/a/{id}"] = json!({"summary": "s"});
            d["x-a"] = json!([1]);
        }
    };
    let (merged, warnings) = merge_pages(parts(json!(1)), parts(json!(1.0))).unwrap();
    assert_eq!(warnings, [""; 0]);
    assert_eq!(merged["components"]["schemas"], json!({"A": {"type": "number", "maximum": 1}}));
}

#[test]
fn different_methods_of_equal_path_items_are_merged() {
    let (merged, _) = merge_pages(unchanged, |d| {
        let operation = d["paths"]["/async/speech/result"]["post"].take();
        d["paths"] = json!({"/async/speech/create": {"get": operation}});
    })
    .unwrap();
    let methods: Vec<_> = merged["paths"]["/async/speech/create"].as_object().unwrap().keys().collect();
    assert_eq!(methods.len(), 2);
}

#[test]
fn differing_descriptions_cause_a_warning_and_keep_the_first() {
    let (merged, warnings) = merge_pages(unchanged, |d| {
        d["tags"] = json!([{"name": "new"}, {"name": "async.speech", "description": "Other words."}]);
        d["info"]["description"] = json!("d");
        d["externalDocs"] = json!({"url": "https://x.y"});
    })
    .unwrap();
    assert_eq!(
        warnings,
        [
            "same tag with different members: create: /tags/0/description is \"Asynchronous task queuing operations.\"; result: /tags/0/description is \"Other words.\"; keeping the first"
        ]
    );
    let names: Vec<_> = merged["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    assert_eq!(names, ["async.speech", "new"]);
    assert_eq!(merged["info"]["description"], "d");
}

#[test]
fn differing_security_moves_to_the_operations() {
    let (merged, _) =
        merge_pages(unchanged, |d| drop(d.as_object_mut().unwrap().remove("security"))).unwrap();
    assert_eq!(merged["security"], json!([{"ApiKeyAuth": []}]));
    assert_eq!(merged.pointer(CREATE_POST).unwrap().get("security"), None);
    assert_eq!(merged.pointer(RESULT_POST).unwrap()["security"], json!([]));
}

#[test]
fn operation_with_its_own_security_or_servers_keeps_them() {
    let (merged, _) = merge_pages(
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
    let [create, result] = [CREATE_POST, RESULT_POST].map(|pointer| merged.pointer(pointer).unwrap());
    assert_eq!(create["security"], json!([]));
    assert_eq!(create.get("servers"), None);
    assert_eq!(result["security"], json!([{}, {"ApiKeyAuth": []}]));
    assert_eq!(result["servers"], json!([{"url": "https://other"}]));
}

#[test]
fn missing_servers_are_equivalent_to_the_root_url() {
    let (without_servers, _) =
        merge_pages(unchanged, |d| drop(d.as_object_mut().unwrap().remove("servers"))).unwrap();
    assert_eq!(without_servers["servers"], json!([{"url": "https://api.distribute.ai"}]));
    assert_eq!(without_servers.pointer(CREATE_POST).unwrap().get("servers"), None);
    assert_eq!(without_servers.pointer(RESULT_POST).unwrap()["servers"], json!([{"url": "/"}]));
    let root = |d: &mut Value| d["servers"] = json!([{"url": "/"}]);
    let (equal, _) = merge_pages(root, |d| drop(d.as_object_mut().unwrap().remove("servers"))).unwrap();
    assert_eq!(equal["servers"], json!([{"url": "/"}]));
}

#[test]
fn servers_of_most_documents_stay_at_the_root() {
    let documents = ["a", "b", "c"].map(|name| {
        let mut document = document(CREATE);
        let operation = document["paths"]["/async/speech/create"].take();
        document["paths"] = json!({format!("/{name}"): operation});
        document["paths"][format!("/{name}")]["post"]["operationId"] = json!(name);
        (name.to_owned(), document)
    });
    let merged = |servers: [Value; 3]| {
        let mut documents = documents.clone();
        for ((_, document), servers) in documents.iter_mut().zip(servers) {
            document["servers"] = servers;
        }
        merge(&documents).unwrap().0
    };
    let (own, most) = (json!([{"url": "https://a"}]), json!([{"url": "https://b"}]));
    let with_own = merged([own.clone(), most.clone(), most.clone()]);
    assert_eq!(with_own["servers"], most);
    assert_eq!(with_own["paths"]["/a"]["post"]["servers"], own);
    assert_eq!(with_own["paths"]["/b"]["post"].get("servers"), None);
    let described = json!([{"url": "https://b", "description": "The second page says more."}]);
    let with_description = merged([most.clone(), described, most.clone()]);
    assert_eq!(with_description["servers"], most);
    assert!(!with_description["paths"].to_string().contains("servers"));
}
