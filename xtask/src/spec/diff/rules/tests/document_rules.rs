//! A change of one small document for each rule that is not a schema rule.

use serde_json::json;

use super::*;

/// Returns the document that all changes start from.
fn document() -> Value {
    json!({
        "openapi": "3.0.3",
        "info": {"title": "t", "version": "1"},
        "servers": [{"url": "https://a.b"}],
        "paths": {"/a/{id}": {"post": {
            "operationId": "o",
            "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
            "requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["r"],
                "properties": {"r": {"type": "string"}, "o": {"type": "string"}}}}}},
            "responses": {
                "200": {"description": "d", "headers": {"H": {"schema": {"type": "string"}}},
                    "content": {"application/json": {"schema": {"type": "object", "required": ["r"],
                        "properties": {"r": {"type": "string"}, "o": {"type": "string"}}}}}},
                "404": {"description": "d"}}}}}
    })
}

/// Applies a merge patch to the document.
fn with_document(patch: &Value) -> Value {
    let mut document = document();
    json_patch::merge(&mut document, patch);
    document
}

/// Applies a merge patch to the operation of the document.
fn with_operation(patch: &Value) -> Value {
    with_document(&json!({"paths": {"/a/{id}": {"post": patch}}}))
}

fn with_schemes(schemes: &Value) -> Value {
    with_document(&json!({"components": {"securitySchemes": schemes}, "security": [{"s": []}]}))
}

/// Returns the document with these security requirements of the document and of its operation.
fn with_security(document: &Value, operation: &Value) -> Value {
    with_document(&json!({"security": document, "paths": {"/a/{id}": {"post": {"security": operation}}}}))
}

fn with_parameters(parameters: &Value) -> Value {
    let mut all = vec![json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string"}})];
    all.extend(parameters.as_array().cloned().unwrap_or_default());
    with_operation(&json!({"parameters": all}))
}

fn with_request(media_types: &Value) -> Value {
    with_operation(&json!({"requestBody": {"content": media_types}}))
}

fn with_response(media_types: &Value) -> Value {
    with_operation(&json!({"responses": {"200": {"content": media_types}}}))
}

/// Returns the document with a property `p` in the schema of the given body.
fn with_property(body: fn(&Value) -> Value, property: &Value, required: bool) -> Value {
    let names = if required { json!(["r", "p"]) } else { json!(["r"]) };
    body(&json!({"application/json": {"schema": {"required": names, "properties": {"p": property}}}}))
}

type Change = (&'static str, Value, Value);

fn changes() -> Vec<Change> {
    let mut all = operations();
    all.extend(servers_and_security());
    all.extend(schemes());
    all.extend(parameters());
    all.extend(bodies());
    all.extend(properties());
    all.extend(responses());
    all.extend(annotations());
    all
}

fn operations() -> Vec<Change> {
    let deprecated = with_operation(&json!({"deprecated": true}));
    let no_path = with_document(&json!({"paths": {"/a/{id}": null}}));
    let no_method = with_document(&json!({"paths": {"/a/{id}": {"post": null}}}));
    let id = |id: Value| with_operation(&json!({"operationId": id}));
    let tags = |tags: Value| with_operation(&json!({"tags": tags}));
    let mut renamed = document();
    let text = renamed.to_string().replace("{id}", "{key}").replace("\"id\"", "\"key\"");
    renamed = serde_json::from_str(&text).unwrap();
    let callbacks = |value: Value| with_operation(&json!({"callbacks": value}));
    vec![
        ("endpoint-added", no_method.clone(), document()),
        ("api-path-removed-without-deprecation", document(), no_path.clone()),
        ("api-path-removed-with-deprecation", deprecated.clone(), no_path),
        ("api-removed-without-deprecation", document(), no_method.clone()),
        ("api-removed-with-deprecation", deprecated.clone(), no_method),
        ("endpoint-deprecated", document(), deprecated.clone()),
        ("endpoint-reactivated", deprecated, document()),
        ("api-operation-id-added", id(json!(null)), document()),
        ("api-operation-id-removed", document(), id(json!(null))),
        ("api-tag-added", tags(json!(["a"])), tags(json!(["b", "a"]))),
        ("api-tag-removed", tags(json!(["b", "a"])), tags(json!(["a"]))),
        ("path-parameter-renamed", document(), renamed),
        ("callback-added", document(), callbacks(json!({"c": {}}))),
        ("callback-removed", callbacks(json!({"c": {}})), document()),
        ("callback-changed", callbacks(json!({"c": {}})), callbacks(json!({"c": {"{$url}": {}}}))),
    ]
}

fn servers_and_security() -> Vec<Change> {
    let servers = |servers: Value| with_document(&json!({"servers": servers}));
    let both = json!([{"url": "https://a.b"}, {"url": "https://c.d"}]);
    let reordered = json!([{"url": "https://c.d"}, {"url": "https://a.b"}]);
    let variable = |values: Value| {
        servers(json!([{"url": "https://{v}.b", "variables": {"v": {"default": "x", "enum": values}}}]))
    };
    let none = json!(null);
    let mut changes = vec![
        ("server-added", document(), servers(both.clone())),
        ("server-removed", servers(both.clone()), document()),
        ("default-server-changed", servers(both), servers(reordered)),
        ("server-variable-value-removed", variable(json!(["x", "y"])), variable(json!(["x"]))),
        ("server-variable-became-enum", variable(json!(null)), variable(json!(["x", "y"]))),
        ("server-details-changed", document(), servers(json!([{"url": "https://a.b/", "description": "d"}]))),
    ];
    // First for the operation, then for the document.
    for (rules, of) in [
        (
            [
                "api-security-added",
                "api-security-removed",
                "api-security-required",
                "api-security-refused",
                "api-security-scope-added",
                "api-security-scope-removed",
            ],
            (|security: &Value| with_security(&json!(null), security)) as fn(&Value) -> Value,
        ),
        (
            [
                "api-global-security-added",
                "api-global-security-removed",
                "api-global-security-required",
                "api-global-security-refused",
                "api-global-security-scope-added",
                "api-global-security-scope-removed",
            ],
            |security: &Value| with_security(security, &json!(null)),
        ),
    ] {
        let [added, removed, required, refused, scope_added, scope_removed] = rules;
        changes.extend([
            (added, of(&json!([{"s": []}])), of(&json!([{"s": []}, {"t": []}]))),
            (removed, of(&json!([{"s": [], "t": []}])), of(&json!([{"s": []}]))),
            (required, of(&none), of(&json!([{"s": []}]))),
            (refused, of(&json!([{"s": []}, {"t": []}])), of(&json!([{"t": []}]))),
            (scope_added, of(&json!([{"s": ["a"]}])), of(&json!([{"s": ["b", "a"]}]))),
            (scope_removed, of(&json!([{"s": ["b", "a"]}])), of(&json!([{"s": ["a"]}]))),
        ]);
    }
    changes
}

fn schemes() -> Vec<Change> {
    let key = json!({"type": "apiKey", "in": "header", "name": "a"});
    let of = |scheme: Value| with_schemes(&json!({"s": scheme}));
    let flow = |flow: Value| of(json!({"type": "oauth2", "flows": flow}));
    let implicit = |url: &str, scopes: Value| {
        flow(json!({"implicit": {"authorizationUrl": url, "tokenUrl": url, "scopes": scopes}}))
    };
    let unused = |name: &str| {
        let mut document = of(json!({"type": "apiKey", "in": "header", "name": name}));
        document["security"] = json!([]);
        document
    };
    vec![
        (
            "api-security-component-added",
            of(key.clone()),
            with_schemes(&json!({"s": key, "t": {"type": "http"}})),
        ),
        (
            "api-security-component-removed",
            with_schemes(&json!({"s": key, "t": {"type": "http"}})),
            of(key.clone()),
        ),
        (
            "api-security-component-type-changed",
            of(key.clone()),
            of(json!({"type": "http", "scheme": "basic"})),
        ),
        (
            "security-scheme-changed",
            of(key.clone()),
            of(json!({"type": "apiKey", "in": "query", "name": "a"})),
        ),
        ("unused-security-scheme-changed", unused("a"), unused("b")),
        (
            "security-scheme-details-changed",
            of(json!({"type": "http", "bearerFormat": "a"})),
            of(json!({"type": "http", "bearerFormat": "b"})),
        ),
        ("api-security-component-oauth-url-changed", implicit("a", json!({})), implicit("b", json!({}))),
        (
            "api-security-component-oauth-token-url-changed",
            implicit("a", json!({})),
            implicit("b", json!({})),
        ),
        ("security-scheme-flow-added", flow(json!({})), flow(json!({"implicit": {}}))),
        ("security-scheme-flow-removed", flow(json!({"implicit": {}})), flow(json!({}))),
        (
            "api-security-component-oauth-scope-added",
            implicit("a", json!({})),
            implicit("a", json!({"x": "d"})),
        ),
        (
            "api-security-component-oauth-scope-removed",
            implicit("a", json!({"x": "d"})),
            implicit("a", json!({})),
        ),
        (
            "api-security-component-oauth-scope-changed",
            implicit("a", json!({"x": "d"})),
            implicit("a", json!({"x": "e"})),
        ),
    ]
}

fn parameters() -> Vec<Change> {
    let query = |more: Value| {
        let mut parameter = json!({"name": "q", "in": "query", "schema": {"type": "array"}});
        json_patch::merge(&mut parameter, &more);
        with_parameters(&json!([parameter]))
    };
    let path = with_parameters(&json!([{"name": "x", "in": "path", "required": true}]));
    let (optional, required) = (query(json!({})), query(json!({"required": true})));
    let deprecated = query(json!({"deprecated": true}));
    let empty = query(json!({"allowEmptyValue": true}));
    vec![
        ("new-request-path-parameter", document(), path),
        ("new-required-request-parameter", document(), required.clone()),
        ("new-optional-request-parameter", document(), optional.clone()),
        ("request-parameter-removed", optional.clone(), document()),
        ("request-parameter-removed-with-deprecation", deprecated, document()),
        ("request-parameter-became-required", optional.clone(), required.clone()),
        ("request-parameter-became-optional", required, optional.clone()),
        ("request-parameter-style-changed", optional.clone(), query(json!({"explode": false}))),
        ("request-parameter-empty-value-allowed", optional.clone(), empty.clone()),
        ("request-parameter-empty-value-refused", empty, optional),
    ]
}

fn bodies() -> Vec<Change> {
    let body = |body: Value| with_operation(&json!({"requestBody": body}));
    let none = body(json!(null));
    let required = body(json!({"required": true}));
    let mut changes = vec![
        ("request-body-added-required", none.clone(), required.clone()),
        ("request-body-added-optional", none.clone(), document()),
        ("request-body-removed", document(), none),
        ("request-body-became-required", document(), required.clone()),
        ("request-body-became-optional", required, document()),
    ];
    let xml = json!({"application/xml": {}});
    let no_schema = json!({"application/json": {"schema": null}});
    let form = |encoding: Value| json!({"multipart/form-data": {"encoding": encoding}});
    let (plain, encoding) = (form(json!({})), form(json!({"r": {"contentType": "a/b"}})));
    let charset = |base: &str| json!({"application/json": null, base: {"schema": {"type": "object"}}});
    for (body, [added, removed, name, wider, narrower, schema_added, schema_removed, encoded]) in [
        (
            with_request as fn(&Value) -> Value,
            [
                "request-body-media-type-added",
                "request-body-media-type-removed",
                "request-body-media-type-name-changed",
                "request-body-media-type-name-generalized",
                "request-body-media-type-name-specialized",
                "request-body-media-type-schema-added",
                "request-body-media-type-schema-removed",
                "request-body-encoding-changed",
            ],
        ),
        (
            with_response,
            [
                "response-media-type-added",
                "response-media-type-removed",
                "response-media-type-name-changed",
                "response-media-type-name-generalized",
                "response-media-type-name-specialized",
                "response-body-media-type-schema-added",
                "response-body-media-type-schema-removed",
                "response-encoding-changed",
            ],
        ),
    ] {
        changes.extend([
            (added, document(), body(&xml)),
            (removed, body(&xml), document()),
            (name, document(), body(&charset("application/json; charset=utf-8"))),
            (wider, document(), body(&charset("application/*"))),
            (narrower, body(&charset("*/*")), document()),
            (schema_added, body(&no_schema), document()),
            (schema_removed, document(), body(&no_schema)),
            (encoded, body(&plain), body(&encoding)),
        ]);
    }
    changes
}

fn properties() -> Vec<Change> {
    let text = json!({"type": "string"});
    let with = |key: &str| json!({"type": "string", key: true});
    let request = |property: &Value, required| with_property(with_request, property, required);
    let response = |property: &Value, required| with_property(with_response, property, required);
    let default = json!({"type": "string", "default": "a"});
    let (read, write) = (with("readOnly"), with("writeOnly"));
    let schema = |schema: Value| json!({"application/json": {"schema": schema}});
    let closed = |properties: Value| schema(json!({"additionalProperties": false, "properties": properties}));
    let parts = |names: &[&str]| {
        schema(json!({"allOf": names.iter().map(|name| json!({"required": [name]})).collect::<Vec<_>>()}))
    };
    let mut changes = vec![
        (
            "request-contract-narrowed",
            with_request(&closed(json!({"r": {}, "o": {}, "p": {}}))),
            with_request(&closed(json!({"r": {}, "o": {}}))),
        ),
        (
            "response-contract-widened",
            with_response(&parts(&["x", "y", "z"])),
            with_response(&parts(&["x", "y"])),
        ),
        ("new-required-request-property", document(), request(&text, true)),
        ("new-required-request-property-with-default", document(), request(&default, true)),
        ("new-optional-request-property", document(), request(&text, false)),
        ("request-property-removed", request(&text, false), document()),
        ("request-property-became-required", request(&text, false), request(&text, true)),
        ("request-property-became-required-with-default", request(&default, false), request(&default, true)),
        ("request-property-became-optional", request(&text, true), request(&text, false)),
        ("request-read-only-property-added", document(), request(&read, true)),
        ("request-read-only-property-removed", request(&read, true), document()),
        ("request-read-only-property-became-required", request(&read, false), request(&read, true)),
        ("request-read-only-property-became-optional", request(&read, true), request(&read, false)),
        ("response-required-property-added", document(), response(&text, true)),
        ("response-optional-property-added", document(), response(&text, false)),
        ("response-required-property-removed", response(&text, true), document()),
        ("response-optional-property-removed", response(&text, false), document()),
        ("response-required-write-only-property-added", document(), response(&write, true)),
        ("response-optional-write-only-property-added", document(), response(&write, false)),
        ("response-required-write-only-property-removed", response(&write, true), document()),
        ("response-optional-write-only-property-removed", response(&write, false), document()),
        ("response-property-became-required", response(&text, false), response(&text, true)),
        ("response-property-became-optional", response(&text, true), response(&text, false)),
        ("response-write-only-property-became-required", response(&write, false), response(&write, true)),
        ("response-write-only-property-became-optional", response(&write, true), response(&write, false)),
    ];
    for rule in all().keys() {
        let Some((side, rest)) = rule.split_once('-') else { continue };
        let Some((required, became)) = rest.split_once("-property-became-") else { continue };
        let (marked, plain) = match became {
            "read-only" | "not-read-only" => (&read, &text),
            "write-only" | "not-write-only" => (&write, &text),
            _ => continue,
        };
        let required = match required {
            "required" => true,
            "optional" => false,
            _ => continue,
        };
        let body: fn(&Value) -> Value = if side == "request" { with_request } else { with_response };
        let (base, revision) = if became.starts_with("not-") { (marked, plain) } else { (plain, marked) };
        changes.push((rule, with_property(body, base, required), with_property(body, revision, required)));
    }
    changes
}

fn responses() -> Vec<Change> {
    let with = |status: &str, response: Value| with_operation(&json!({"responses": {status: response}}));
    let some = json!({"description": "d"});
    let none = json!(null);
    let header = |header: Value| with_operation(&json!({"responses": {"200": {"headers": {"H": header}}}}));
    let required = header(json!({"required": true}));
    let deprecated = header(json!({"deprecated": true}));
    vec![
        ("response-success-status-added", document(), with("2XX", some.clone())),
        ("response-success-status-removed", document(), with("200", none.clone())),
        (
            "response-covered-status-removed",
            with_operation(&json!({"responses": {"204": some, "2XX": some}})),
            with("2XX", some.clone()),
        ),
        ("response-non-success-status-added", document(), with("500", some.clone())),
        ("response-non-success-status-removed", document(), with("404", none.clone())),
        ("response-default-added", document(), with("default", some.clone())),
        ("response-default-removed", with("default", some), document()),
        ("response-header-added", header(none.clone()), document()),
        ("required-response-header-removed", required.clone(), header(none.clone())),
        ("optional-response-header-removed", document(), header(none)),
        ("response-header-became-required", document(), required.clone()),
        ("response-header-became-optional", required, document()),
        ("response-header-deprecated", document(), deprecated.clone()),
        ("response-header-reactivated", deprecated, document()),
        (
            "response-header-style-changed",
            header(json!({"schema": {"type": "object"}})),
            header(json!({"schema": {"type": "object"}, "explode": true})),
        ),
        (
            "response-status-range-narrowed",
            with("4XX", json!({"description": "d"})),
            with("499", json!({"description": "d"})),
        ),
        (
            "response-status-range-widened",
            with("499", json!({"description": "d"})),
            with("4XX", json!({"description": "d"})),
        ),
        ("response-links-changed", document(), with("200", json!({"links": {"l": {}}}))),
    ]
}

fn annotations() -> Vec<Change> {
    let schema =
        |key: &str, value: Value| with_request(&json!({"application/json": {"schema": {key: value}}}));
    vec![
        ("description-changed", document(), with_operation(&json!({"summary": "s"}))),
        ("title-changed", document(), schema("title", json!("T"))),
        ("example-changed", document(), schema("example", json!({}))),
        ("external-docs-changed", document(), schema("externalDocs", json!({"url": "u"}))),
        ("xml-changed", document(), schema("xml", json!({"name": "n"}))),
        ("other-key-changed", document(), schema("const", json!(1))),
        ("schema-condition-changed", document(), schema("if", json!({"maxProperties": 1}))),
        ("webhook-added", document(), with_document(&json!({"webhooks": {"w": {}}}))),
        ("webhook-removed", with_document(&json!({"webhooks": {"w": {}}})), document()),
        (
            "webhook-changed",
            with_document(&json!({"webhooks": {"w": {}}})),
            with_document(&json!({"webhooks": {"w": {"post": {}}}})),
        ),
        ("extension-changed", document(), with_operation(&json!({"responses": {"x-a": 1}}))),
        ("info-changed", document(), with_document(&json!({"info": {"version": "2"}}))),
        ("tags-changed", document(), with_document(&json!({"tags": [{"name": "a"}]}))),
    ]
}

#[test]
fn every_document_rule_fires_for_its_change_only() {
    for (id, base, revision) in changes() {
        assert_fires(id, &base, &revision);
    }
}

/// Returns the ids of the rules that are tested here.
pub(super) fn tested() -> BTreeSet<String> {
    changes().into_iter().map(|(id, ..)| id.to_owned()).collect()
}
