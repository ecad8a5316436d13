//! Values that are sent as text: style and explode by the type of the value, and the encodings of types.

use serde_json::{Value, json};

use super::{assert_levels, level};

fn parameter(location: &str, members: &Value) -> Value {
    let mut parameter = json!({"name": "q", "in": location, "schema": {"type": "string"}});
    for (key, value) in members.as_object().unwrap() {
        parameter[key.as_str()] = value.clone();
    }
    let list = json!({"type": "array", "items": {"type": "string"}});
    json!({"paths": {"/a": {"get": {"parameters": [parameter]}}}, "components": {"schemas": {"L": list}}})
}

fn query(members: &Value) -> Value {
    parameter("query", members)
}

#[test]
fn style_counts_for_the_types_that_it_affects() {
    let list = json!({"type": "array", "items": {"type": "string"}});
    let reference = json!({"$ref": "#/components/schemas/L"});
    let either = json!({"anyOf": [{"type": "string"}, list]});
    let whole = json!({"allOf": [{"type": "integer"}]});
    for (base, revision, expected) in [
        (json!({"explode": false, "schema": whole}), json!({"schema": whole}), ["none", "none"]),
        (json!({"style": "spaceDelimited"}), json!({}), ["none", "none"]),
        (json!({"style": "form", "explode": true}), json!({}), ["none", "none"]),
        (json!({"explode": false, "schema": reference}), json!({"schema": reference}), ["err", "err"]),
        (json!({"explode": false, "schema": either}), json!({"schema": either}), ["err", "err"]),
        (
            json!({"style": "deepObject", "schema": {"type": "object"}}),
            json!({"schema": {"type": "object"}}),
            ["err", "err"],
        ),
        // There is one way to write it.
        (
            json!({"style": "deepObject", "explode": true, "schema": {"type": "object"}}),
            json!({"style": "deepObject", "schema": {"type": "object"}}),
            ["none", "none"],
        ),
        (json!({"allowReserved": true}), json!({}), ["err", "err"]),
        (
            json!({"content": {"application/json": {"schema": {"type": "string"}}}}),
            json!({"content": {"Application/JSON; charset=utf-8": {"schema": {"type": "string"}}}}),
            ["none", "none"],
        ),
        (json!({"content": {"application/json": {"schema": {"type": "string"}}}}), json!({}), ["err", "err"]),
    ] {
        assert_levels(&query(&base), &query(&revision), expected);
    }
    let path = |members| parameter("path", &members);
    // The style `simple` writes a list as `a,b`, exploded or not.
    let header = |members| parameter("header", &members);
    let object = json!({"type": "object"});
    for (schema, expected) in [(&list, "none"), (&object, "err"), (&reference, "none"), (&json!({}), "err")] {
        let (plain, exploded) = (json!({"schema": schema}), json!({"schema": schema, "explode": true}));
        assert_levels(&path(plain.clone()), &path(exploded.clone()), [expected, expected]);
        assert_levels(&header(plain), &header(exploded), [expected, expected]);
    }
    let label = |explode: bool| path(json!({"style": "label", "schema": list, "explode": explode}));
    assert_levels(&label(true), &label(false), ["err", "err"]);
    // In a path, a style adds characters to a single value.
    assert_levels(&path(json!({"style": "matrix"})), &path(json!({})), ["err", "err"]);
}

#[test]
fn keys_of_query_parameters_are_ignored_elsewhere() {
    for location in ["path", "header", "cookie"] {
        for key in ["allowReserved", "allowEmptyValue"] {
            let [plain, set] = [json!({}), json!({key: true})].map(|members| parameter(location, &members));
            assert_levels(&plain, &set, ["none", "none"]);
        }
    }
    assert_levels(&query(&json!({})), &query(&json!({"allowEmptyValue": true})), ["info", "err"]);
}

#[test]
fn default_counts_only_for_a_parameter_that_may_be_omitted() {
    let with = |location: &str, required: bool, default: u8| {
        parameter(location, &json!({"required": required, "schema": {"type": "integer", "default": default}}))
    };
    assert_levels(&with("query", false, 1), &with("query", false, 2), ["err", "err"]);
    assert_levels(&with("query", true, 1), &with("query", true, 2), ["info", "info"]);
    assert_levels(&with("path", true, 1), &with("path", true, 2), ["info", "info"]);
    // A parameter that becomes required is an error of its own.
    assert_levels(&with("header", true, 1), &with("header", false, 2), ["info", "err"]);
}

#[test]
fn content_of_a_parameter_is_compared_also_without_a_schema() {
    let with = |media_type: Value| {
        let mut document = query(&json!({"content": {"application/json": media_type}}));
        document["paths"]["/a"]["get"]["parameters"][0].as_object_mut().unwrap().remove("schema");
        document
    };
    let integer = json!({"schema": {"type": "integer"}});
    assert_levels(&with(json!({})), &with(integer.clone()), ["err", "info"]);
    assert_levels(&with(json!({})), &with(json!({"schema": {}})), ["none", "none"]);
    assert_levels(&with(json!({})), &with(json!({"example": 1})), ["info", "info"]);
    assert_levels(
        &with(integer.clone()),
        &with(json!({"schema": integer["schema"], "x-a": 1})),
        ["info", "info"],
    );
}

#[test]
fn name_of_a_path_parameter_counts_where_its_style_writes_it() {
    let document = |name: &str, style: &str| {
        let parameter = json!({"name": name, "in": "path", "required": true, "style": style, "schema": {"type": "string"}});
        json!({"paths": {format!("/a/{{{name}}}"): {"get": {"parameters": [parameter]}}}})
    };
    for (style, expected) in [("matrix", "err"), ("label", "info"), ("simple", "info")] {
        assert_levels(&document("x", style), &document("y", style), [expected, expected]);
    }
}

#[test]
fn types_are_compared_by_their_text_outside_of_json() {
    let integer = json!({"type": "integer"});
    let text = json!({"type": "string"});
    let list = |items: &Value| json!({"type": "array", "items": items});
    for (base, revision, expected) in [
        (integer.clone(), text.clone(), ["info", "err"]),
        (integer.clone(), json!({"type": "string", "maxLength": 3}), ["err", "err"]),
        (
            json!({"type": "integer", "minimum": 0, "maximum": 99}),
            json!({"type": "string", "maxLength": 2}),
            ["info", "err"],
        ),
        (
            json!({"type": "integer", "minimum": -9, "maximum": 99}),
            json!({"type": "string", "minLength": 2}),
            ["err", "err"],
        ),
        (
            json!({"type": "integer", "minimum": 10, "maximum": 99}),
            json!({"type": "string", "minLength": 2}),
            ["info", "err"],
        ),
        (
            json!({"type": "number", "minimum": 0, "maximum": 9}),
            json!({"type": "string", "maxLength": 2}),
            ["err", "err"],
        ),
        (json!({"type": "boolean"}), json!({"type": "string", "enum": ["true", "false"]}), ["info", "info"]),
        (
            json!({"type": "boolean"}),
            json!({"type": "string", "enum": ["true", "false", "1"]}),
            ["info", "err"],
        ),
        (json!({"type": "boolean"}), json!({"type": "string", "enum": ["true"]}), ["err", "info"]),
        (
            json!({"type": "integer", "enum": [1, 2]}),
            json!({"type": "string", "enum": ["1", "2"]}),
            ["info", "info"],
        ),
        (integer.clone(), json!({"type": "boolean"}), ["err", "err"]),
        // A single value is a list of one.
        (text.clone(), list(&text), ["info", "err"]),
        (integer.clone(), list(&text), ["info", "err"]),
        (text, list(&integer), ["err", "err"]),
    ] {
        assert_levels(&query(&json!({"schema": base})), &query(&json!({"schema": revision})), expected);
    }
}

#[test]
fn types_of_a_body_count_unless_its_media_type_is_text() {
    let document = |media_type: &str, body: Value| {
        let content = json!({"content": {media_type: body}});
        json!({"paths": {"/a": {"post": {"requestBody": content, "responses": {"200": content}}}}})
    };
    let body = |kind: &str| json!({"schema": {"type": "object", "properties": {"p": {"type": kind}}}});
    for (media_type, expected) in [
        ("application/json", "err"),
        ("*/*", "err"),
        ("application/*", "err"),
        ("application/x-ndjson", "err"),
        ("application/geo+json-seq", "err"),
        ("application/cbor", "err"),
        ("application/yaml", "err"),
        ("text/json", "err"),
        ("Text/Plain; charset=utf-8", "info"),
        ("application/x-www-form-urlencoded", "info"),
        ("application/xml", "info"),
        ("application/atom+xml", "info"),
        ("multipart/form-data", "info"),
    ] {
        // The reverse is an error in the request or in the response, whatever the media type.
        let operation = document(media_type, body("integer"));
        let mut changed = document(media_type, body("string"));
        changed["paths"]["/a"]["post"]["responses"] = operation["paths"]["/a"]["post"]["responses"].clone();
        assert_eq!(level(&operation, &changed), expected, "{media_type}");
    }
    let [json, any] = ["application/json", "*/*"];
    assert_levels(&document(any, body("string")), &document(json, body("integer")), ["err", "err"]);
}

#[test]
fn objects_in_parts_of_a_body_are_json() {
    let document = |part: Value, encoding: Value| {
        let body = json!({"schema": {"type": "object", "properties": {"o": part}}, "encoding": encoding});
        json!({"paths": {"/a": {"post": {"requestBody": {"content": {"multipart/form-data": body}}}}}})
    };
    let (integer, text) = (json!({"type": "integer"}), json!({"type": "string"}));
    let object = |n: &Value| json!({"type": "object", "properties": {"n": n}});
    let list = |items: &Value| json!({"type": "array", "items": items});
    let map = |values: &Value| json!({"type": "object", "additionalProperties": values});
    let none = || json!({});
    for (base, revision, encoding, expected) in [
        (integer.clone(), text.clone(), none(), "info"),
        (list(&integer), list(&text), none(), "info"),
        (object(&integer), object(&text), none(), "err"),
        (map(&integer), map(&text), none(), "err"),
        (list(&object(&integer)), list(&object(&text)), none(), "err"),
        (json!({"allOf": [object(&integer)]}), object(&text), none(), "err"),
        (integer.clone(), text.clone(), json!({"o": {"contentType": "text/plain"}}), "info"),
        (integer.clone(), text.clone(), json!({"o": {"contentType": "application/json"}}), "err"),
    ] {
        assert_levels(&document(base, encoding.clone()), &document(revision, encoding), [expected, "err"]);
    }
}

#[test]
fn field_that_is_json_has_types() {
    let document = |kind: &str, media_type: &str, encoding: &str| {
        let schema = json!({"type": "object", "properties": {"o": {"type": kind}}});
        let body = json!({"schema": schema, "encoding": {"o": {"contentType": encoding}}});
        json!({"paths": {"/a": {"post": {"requestBody": {"content": {media_type: body}}}}}})
    };
    let form = "application/x-www-form-urlencoded";
    for (media_type, encoding, expected) in [
        (form, "application/json", "err"),
        (form, "text/plain, application/vnd.a+json; charset=utf-8", "err"),
        (form, "text/plain", "info"),
        ("text/plain", "application/json", "info"),
    ] {
        let [base, revision] = ["integer", "string"].map(|kind| document(kind, media_type, encoding));
        assert_levels(&base, &revision, [expected, "err"]);
    }
}

#[test]
fn ignored_headers_are_not_compared() {
    let required = json!({"required": true, "schema": {"type": "string"}});
    let document = |header: Option<&str>| {
        let mut operation = json!({"responses": {"200": {"description": "d"}}});
        if let Some(name) = header {
            let mut parameter = required.clone();
            (parameter["in"], parameter["name"]) = (json!("header"), json!(name));
            operation["parameters"] = json!([parameter]);
        }
        json!({"paths": {"/a": {"get": operation}}})
    };
    for name in ["Accept", "content-type", "AUTHORIZATION"] {
        assert_levels(&document(None), &document(Some(name)), ["none", "none"]);
    }
    assert_levels(&document(None), &document(Some("X-Content-Type")), ["err", "warn"]);
    let response = |headers: Value| json!({"paths": {"/a": {"get": {"responses": {"200": {"description": "d", "headers": headers}}}}}});
    assert_levels(&response(json!({"Content-type": required})), &response(json!({})), ["none", "none"]);
    assert_levels(&response(json!({"Accept": required})), &response(json!({})), ["err", "info"]);
}

#[test]
fn encoding_counts_where_it_applies() {
    let document = |media_type: &str, encoding: &Value| {
        let properties = json!({"text": {"type": "string"}, "file": {"type": "string", "format": "binary"},
            "list": {"type": "array", "items": {"allOf": [{"type": "object"}]}}});
        let mut body = json!({"schema": {"allOf": [{"type": "object", "properties": properties}]}});
        if !encoding.is_null() {
            body["encoding"] = encoding.clone();
        }
        json!({"paths": {"/a": {"post": {"requestBody": {"content": {media_type: body}}}}}})
    };
    let form = "application/x-www-form-urlencoded";
    for (media_type, encoding, expected) in [
        (form, json!({}), "none"),
        (form, json!({"text": {}}), "none"),
        (form, json!({"text": {"style": "form", "explode": true, "allowReserved": false}}), "none"),
        (form, json!({"list": {"explode": false}}), "warn"),
        (form, json!({"list": {"style": "pipeDelimited"}}), "warn"),
        ("multipart/form-data; boundary=b", json!({"text": {"contentType": "text/plain"}}), "none"),
        ("multipart/form-data", json!({"file": {"contentType": "application/octet-stream"}}), "none"),
        ("multipart/form-data", json!({"list": {"contentType": "application/json", "headers": {}}}), "none"),
        ("multipart/form-data", json!({"file": {"contentType": "image/png, image/jpeg"}}), "warn"),
        ("multipart/mixed", json!({"file": {"headers": {"X": {"schema": {"type": "string"}}}}}), "warn"),
        ("application/json", json!({"text": {"contentType": "image/png"}}), "none"),
    ] {
        let (plain, encoded) = (document(media_type, &json!(null)), document(media_type, &encoding));
        assert_levels(&plain, &encoded, [expected, expected]);
    }
}

#[test]
fn encoding_of_a_new_property_is_part_of_the_property() {
    let document = |media_type: &str, names: &[&str], encoding: &Value| {
        let properties: serde_json::Map<_, _> =
            names.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
        let body = json!({"schema": {"type": "object", "properties": properties}, "encoding": encoding});
        json!({"paths": {"/a": {"post": {"requestBody": {"content": {media_type: body}}}}}})
    };
    let image = json!({"b": {"contentType": "image/png, image/jpeg"}});
    let form = "multipart/form-data";
    assert_levels(
        &document(form, &["a"], &json!({})),
        &document(form, &["a", "b"], &image),
        ["info", "warn"],
    );
    for (media_type, encoding, other, expected) in [
        (form, image.clone(), json!({"b": {"contentType": "image/jpeg,image/png"}}), "none"),
        (form, image, json!({"b": {"contentType": "image/png"}}), "warn"),
        (form, json!({"b": {"style": "pipeDelimited"}}), json!({}), "warn"),
        (
            "multipart/mixed",
            json!({"b": {"style": "pipeDelimited", "allowReserved": true}}),
            json!({}),
            "none",
        ),
        (
            "application/x-www-form-urlencoded",
            json!({"b": {"headers": {"X": {"schema": {"type": "string"}}}}}),
            json!({}),
            "none",
        ),
    ] {
        let [base, revision] = [encoding, other].map(|encoding| document(media_type, &["b"], &encoding));
        assert_levels(&base, &revision, [expected, expected]);
    }
}

#[test]
fn default_port_of_a_server_is_not_a_change() {
    let document = |url: &str| json!({"servers": [{"url": url}], "paths": {"/a": {"get": {}}}});
    for (base, revision, expected) in [
        ("https://a:443/v1", "https://a/v1", "none"),
        ("http://a:80", "http://a", "none"),
        ("HTTPS://A/v1/", "https://a/v1", "none"),
        ("https://a:80/v1", "https://a/v1", "err"),
        ("https://a/V1", "https://a/v1", "err"),
    ] {
        assert_levels(&document(base), &document(revision), [expected, expected]);
    }
}

#[test]
fn server_whose_url_gets_a_variable_is_still_listed() {
    let document = |servers: Value| json!({"servers": servers, "paths": {"/a": {"get": {}}}});
    let plain = document(json!([{"url": "https://api.a/v1"}]));
    let with = |url: &str, variable: Value| {
        document(json!([{"url": url, "variables": {"x": variable, "v": {"default": "v1"}}}]))
    };
    for (url, variable, expected) in [
        ("https://{x}.a/v1", json!({"default": "api"}), ["info", "err"]),
        ("https://{x}.a/{v}/", json!({"default": "eu", "enum": ["eu", "ap", "api"]}), ["info", "err"]),
        ("https://{x}.a/v1", json!({"default": "eu", "enum": ["eu"]}), ["err", "err"]),
        ("https://{x}.a/v2", json!({"default": "api"}), ["err", "err"]),
    ] {
        assert_levels(&plain, &with(url, variable), expected);
    }
    let both = document(
        json!([{"url": "https://api.a/v1"}, {"url": "https://{x}.a/v1", "variables": {"x": {"default": "api"}}}]),
    );
    assert_levels(&both, &with("https://{x}.a/v1", json!({"default": "api"})), ["info", "info"]);
}

#[test]
fn values_of_server_variables_are_urls() {
    let document = |servers: Value| json!({"servers": servers, "paths": {"/a": {"get": {}}}});
    let with = |variable: Value| {
        document(
            json!([{"url": "https://{h}.a/{v}", "variables": {"h": variable, "v": {"default": "1", "enum": ["1"]}}}]),
        )
    };
    let plain = |urls: &[&str]| document(urls.iter().map(|url| json!({"url": url})).collect());
    let free = with(json!({"default": "x"}));
    for (base, revision, expected) in [
        (free.clone(), with(json!({"default": "y", "enum": ["y"]})), ["err", "info"]),
        (free.clone(), with(json!({"default": "y", "enum": ["x", "y"]})), ["warn", "info"]),
        (with(json!({"default": "x", "enum": ["x"]})), plain(&["https://X.a/1/"]), ["info", "info"]),
        (
            with(json!({"default": "x", "enum": ["x", "y"]})),
            plain(&["https://x.a/1", "https://y.a/1"]),
            ["info", "info"],
        ),
        (with(json!({"default": "x", "enum": ["x", "y"]})), plain(&["https://x.a/1"]), ["err", "info"]),
        (free, plain(&["https://x.a/1"]), ["err", "info"]),
    ] {
        assert_levels(&base, &revision, expected);
    }
    let ports =
        json!([{"url": "https://a:{p}", "variables": {"p": {"default": "443", "enum": ["443", "8443"]}}}]);
    assert_levels(&plain(&["https://a", "https://a:8443"]), &document(ports), ["info", "info"]);
    let url = |url: &str| document(json!([{"url": url, "variables": {"H": {"default": "x"}}}]));
    assert_levels(&url("https://{H}.API.com/a"), &url("https://{H}.api.com/a"), ["none", "none"]);
    assert_levels(&url("https://{H}.api.com/A"), &url("https://{H}.api.com/a"), ["err", "err"]);
}

#[test]
fn servers_of_one_url_list_the_values_of_all() {
    let document = |lists: &[&[&str]]| {
        let server = |values: &&[&str]| json!({"url": "https://{h}.a", "variables": {"h": {"default": values[0], "enum": values}}});
        json!({"servers": lists.iter().map(server).collect::<Vec<_>>(), "paths": {"/a": {"get": {}}}})
    };
    assert_levels(&document(&[&["x"], &["y"]]), &document(&[&["x"]]), ["err", "info"]);
    assert_levels(&document(&[&["x"], &["y"]]), &document(&[&["x", "y"]]), ["info", "info"]);
    assert_levels(&document(&[&["x"], &["x"]]), &document(&[&["x"]]), ["none", "none"]);
}
