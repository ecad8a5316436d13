//! Documents that say the same in another way. None of these differences is a change.

use serde_json::{Map, Value, json};

use crate::spec::diff::diff;

const BOTH: [&str; 2] = ["/async/speech/create", "/async/speech/result"];

/// Returns the client's document.
fn document() -> Value {
    serde_json::from_str(include_str!("../../../../../openapi/distribute-ai.json")).unwrap()
}

/// Asserts that the change and its reverse are not reported.
#[track_caller]
fn assert_no_findings(change: impl FnOnce(&mut Value)) {
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
fn security_moved_from_document_to_operations_is_not_a_change() {
    assert_no_findings(|document| {
        let security = document.as_object_mut().unwrap().remove("security").unwrap();
        for path in BOTH {
            document["paths"][path]["post"]["security"] = security.clone();
        }
    });
}

#[test]
fn servers_moved_from_document_to_path_and_operation_are_not_a_change() {
    assert_no_findings(|document| {
        let servers = document.as_object_mut().unwrap().remove("servers").unwrap();
        document["paths"][BOTH[0]]["servers"] = servers.clone();
        document["paths"][BOTH[1]]["post"]["servers"] = servers;
    });
}

#[test]
fn response_moved_into_components_is_not_a_change() {
    assert_no_findings(|document| {
        let responses = &mut document["paths"][BOTH[0]]["post"]["responses"];
        let response =
            std::mem::replace(&mut responses["404"], json!({"$ref": "#/components/responses/Gone"}));
        document["components"]["responses"]["Gone"] = response;
    });
}

#[test]
fn parameters_moved_from_operation_to_path_are_not_a_change() {
    let parameters = json!([{"name": "trace", "in": "query", "schema": {"type": "string"}}]);
    let mut before = document();
    before["paths"][BOTH[0]]["post"]["parameters"] = parameters.clone();
    let mut after = document();
    after["paths"][BOTH[0]]["parameters"] = parameters;
    assert!(diff(&before, &after).is_empty() && diff(&after, &before).is_empty());
}

#[test]
fn path_parameter_missing_in_template_is_matched_by_its_own_name() {
    let document = |template: &str, names: &[&str]| {
        let parameters: Vec<_> = names.iter().map(|name| json!({"name": name, "in": "path"})).collect();
        json!({"paths": {template: {"get": {"parameters": parameters}}}})
    };
    let rules = |base: &Value, revision: &Value| -> Vec<_> {
        diff(base, revision).into_iter().map(|finding| finding.rule.id.clone()).collect()
    };
    // These documents are invalid, but each change must have a finding in both directions.
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
fn base_path_moved_between_servers_and_paths_is_not_a_change() {
    let document = |url: &str, paths: &[&str], scheme: &str| {
        let operation = json!({"get": {"responses": {"200": {"description": "d"}}}});
        let paths: Map<_, _> = paths.iter().map(|path| ((*path).to_owned(), operation.clone())).collect();
        json!({"servers": [{"url": url}], "paths": paths, "security": [{scheme: []}]})
    };
    let rules = |base: &Value, revision: &Value| -> Vec<_> {
        diff(base, revision)
            .into_iter()
            .map(|f| format!("{} {}", f.rule.id, f.operation.unwrap_or_default()))
            .collect()
    };
    let whole = document("https://a/v1", &["/x", "/y/{id}"], "k");
    let split = document("https://a", &["/v1/x", "/v1/y/{id}"], "k");
    assert_eq!(rules(&whole, &split), [""; 0]);
    assert_eq!(rules(&split, &whole), [""; 0]);
    // Without servers, the URL is `/`.
    let relative = document("/v1", &["/x", "/y/{id}"], "k");
    let root = document("/", &["/v1/x", "/v1/y/{id}"], "k");
    let mut without = root.clone();
    without.as_object_mut().unwrap().remove("servers");
    for root in [&root, &without] {
        assert_eq!(rules(&relative, root), [""; 0]);
        assert_eq!(rules(root, &relative), [""; 0]);
    }
    // Another path is the same only if its URL is.
    let more = document("https://a", &["/v1/x", "/v1/y/{id}", "/x"], "k");
    assert_eq!(rules(&whole, &more), ["endpoint-added GET /x"]);
    assert_eq!(rules(&more, &whole), ["api-path-removed-without-deprecation GET /x"]);
    let servers = |mut document: Value, urls: [&str; 2]| {
        document["servers"] = urls.map(|url| json!({"url": url})).to_vec().into();
        document
    };
    let (whole_two, split_two) = (["https://a/v1", "https://b/v1"], ["https://b", "https://a"]);
    let swapped = rules(&servers(whole.clone(), whole_two), &servers(split.clone(), split_two));
    assert_eq!(swapped, ["default-server-changed "]);
    // `https://a/v1` and `https://a/v1/` are two URLs.
    let slashes = document("https://a", &["/v1", "/v1/", "/v1/x", "/v1/y/{id}"], "k");
    assert_eq!(rules(&whole, &slashes), ["endpoint-added GET /v1/", "endpoint-added GET /v1"]);
    // Other changes are still found.
    let without_y = document("https://a", &["/v1/x"], "l");
    assert_eq!(
        rules(&whole, &without_y),
        [
            "api-global-security-refused ",
            "api-global-security-added ",
            "api-path-removed-without-deprecation GET /y/{id}",
        ]
    );
    // Without a path that begins with the base path, the server is another one.
    let other = document("https://a", &["/x", "/y/{id}"], "k");
    assert_eq!(rules(&whole, &other), ["server-removed ", "server-added "]);
}

#[test]
fn base_path_does_not_move_paths_with_servers_of_their_own() {
    let document = |url: &str, own: &str, of_path: bool, inheriting: &str| {
        let operation = json!({"responses": {"200": {"description": "d"}}});
        let servers = json!({"servers": [{"url": "https://b"}]});
        let mut item = json!({"get": operation});
        json_patch::merge(if of_path { &mut item } else { &mut item["get"] }, &servers);
        json!({"servers": [{"url": url}], "paths": {own: item, inheriting: {"get": operation}}})
    };
    for of_path in [true, false] {
        let whole = document("https://a/v1", "/x", of_path, "/z");
        let moved = document("https://a", "/v1/x", of_path, "/v1/z");
        let same = document("https://a", "/x", of_path, "/v1/z");
        let rules = |base: &Value, revision: &Value| -> Vec<_> {
            diff(base, revision)
                .into_iter()
                .map(|f| format!("{} {}", f.rule.id, f.operation.unwrap_or_default()))
                .collect()
        };
        let removed = |path: &str| format!("api-path-removed-without-deprecation GET {path}");
        let added = |path: &str| format!("endpoint-added GET {path}");
        assert_eq!(rules(&whole, &moved), [removed("/x"), added("/v1/x")]);
        assert_eq!(rules(&moved, &whole), [removed("/v1/x"), added("/x")]);
        assert_eq!(rules(&whole, &same), [""; 0]);
        assert_eq!(rules(&same, &whole), [""; 0]);
        // The other operation has the servers of the document.
        if !of_path {
            let with_post = |document: &Value, path: &str| {
                let mut document = document.clone();
                document["paths"][path]["post"] = json!({"responses": {"200": {"description": "d"}}});
                document
            };
            let post_removed = "api-path-removed-without-deprecation POST /x".to_owned();
            for (base, revision) in [(&whole, &same), (&same, &whole)] {
                let found = rules(&with_post(base, "/x"), &with_post(revision, "/x"));
                assert!(found.contains(&post_removed), "{found:?}");
            }
        }
    }
}

#[test]
fn paths_that_match_the_same_urls_are_matched_by_their_names() {
    let document = |paths: &[&str]| {
        let paths: Map<_, _> = paths.iter().map(|path| ((*path).to_owned(), json!({"get": {}}))).collect();
        json!({"paths": paths})
    };
    let rules: Vec<_> = diff(&document(&["/a/{x}", "/a/{y}"]), &document(&["/a/{x}"]))
        .into_iter()
        .map(|finding| finding.rule.id.clone())
        .collect();
    assert_eq!(rules, ["api-path-removed-without-deprecation"]);
}

#[test]
fn explicit_default_is_not_a_change() {
    assert_no_findings(|document| {
        let operation = &mut document["paths"][BOTH[1]]["post"];
        operation["deprecated"] = json!(false);
        let schema = &mut document["components"]["schemas"]["TaskQuery"]["properties"]["id"];
        schema["nullable"] = json!(false);
        schema["minLength"] = json!(0);
    });
}

#[test]
fn schema_wrapped_in_all_of_is_not_a_change() {
    assert_no_findings(|document| {
        let properties = &mut document["components"]["schemas"]["TaskQuery"]["properties"];
        let id = properties["id"].take();
        properties["id"] = json!({"allOf": [id]});
    });
}

#[test]
fn union_within_a_union_of_one_is_not_a_change() {
    let document = |schema: &Value| {
        let content = json!({"application/json": {"schema": {"properties": {"p": schema}}}});
        json!({"paths": {"/a": {"post": {"requestBody": {"content": content}}}}})
    };
    // Both alternatives accept the empty object, so `oneOf` does not mean the same as `anyOf`.
    let alternatives =
        json!([{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "string"}}}]);
    let (any, one) = (json!({"anyOf": alternatives}), json!({"oneOf": alternatives}));
    let count = |base: &Value, revision: &Value| diff(&document(base), &document(revision)).len();
    for wrapped in [json!({"oneOf": [any]}), json!({"allOf": [any]})] {
        assert_eq!((count(&any, &wrapped), count(&wrapped, &any)), (0, 0), "{wrapped}");
    }
    assert!(count(&any, &one) > 0 && count(&one, &any) > 0);
}

#[test]
fn default_moved_into_a_part_is_not_a_change() {
    let document = |schema: Value| {
        let parameters = json!([{"name": "q", "in": "query", "schema": schema}]);
        json!({"paths": {"/a": {"get": {"parameters": parameters}}}})
    };
    let whole = document(json!({"type": "string", "default": "a", "maxLength": 3}));
    let part = |default: &str| {
        document(json!({"allOf": [{"type": "string", "default": default}, {"maxLength": 3}]}))
    };
    assert_eq!((diff(&whole, &part("a")).len(), diff(&part("a"), &whole).len()), (0, 0));
    assert!(!diff(&whole, &part("b")).is_empty() && !diff(&part("b"), &whole).is_empty());
}

#[test]
fn unreferenced_component_is_not_a_change() {
    assert_no_findings(|document| document["components"]["schemas"]["Unused"] = json!({"type": "object"}));
}

#[test]
fn fingerprint_is_unaffected_by_other_changes() {
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
