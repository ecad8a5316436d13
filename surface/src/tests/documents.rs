//! Documents for which plain generation fails or loses data.

use serde_json::{Value, json};

use crate::{
    generate::{self, Parts},
    items, scan,
};

/// Returns a document with one operation, with this body and these components.
pub(super) fn document(schemas: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let body = |schema: &Value| json!({"application/json": {"schema": schema}});
    let any = json!({"$ref": "#/components/schemas/Body"});
    let mut document = json!({
        "openapi": "3.0.3",
        "info": {"title": "t", "version": "1"},
        "servers": [{"url": "https://api.example"}],
        "security": [{"Key": []}],
        "components": {
            "securitySchemes": {"Key": {"type": "apiKey", "in": "header", "name": "Authorization"}},
            "schemas": schemas,
        },
        "paths": {"/do": {"post": {
            "operationId": "doIt",
            "requestBody": {"required": true, "content": body(&any)},
            "responses": {"200": {"description": "d", "content": body(&any)}},
        }}},
    });
    change(&mut document);
    document
}

pub(super) fn body(properties: &Value) -> Value {
    let mut body = json!({"type": "object", "properties": properties});
    // Without properties, it is no struct.
    if *properties != json!({}) {
        let arguments: [&str; 0] = [];
        body["x-constructor"] = json!({"arguments": arguments, "defaults": {}, "sent": true});
    }
    json!({"Body": body})
}

pub(super) fn with(properties: &Value, others: &Value) -> Value {
    let mut schemas = body(properties);
    schemas.as_object_mut().unwrap().extend(others.as_object().cloned().unwrap());
    schemas
}

pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Returns the public items, or the problems.
pub(super) fn surface(document: &Value) -> Result<Value, String> {
    let generated = generate::generate(document, Parts { schemas: true, mock: true });
    let text = |problems: Vec<generate::Problem>| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let generated = generated.map_err(text)?;
    let problems = scan::problems(&generated.client, document, &[]);
    if problems.is_empty() { Ok(items::items(&generated.client, document)) } else { Err(text(problems)) }
}

pub(super) fn unchanged(_: &mut Value) {}

#[test]
fn words_that_differ_in_punctuation_have_variants_of_their_own() {
    let word =
        json!({"type": "string", "enum": ["a-b", "a_b", "A B", "AB2", "", "4o", "Self", "-1", "it's"]});
    let items =
        surface(&document(&with(&json!({"word": reference("Word")}), &json!({"Word": word})), unchanged));
    let items = items.unwrap();
    for (variant, text) in [
        ("AB", "a-b"),
        ("AB2", "a_b"),
        ("AB3", "A B"),
        ("Ab2", "AB2"),
        ("X", ""),
        ("X4o", "4o"),
        ("Self_", "Self"),
        ("Minus1", "-1"),
        ("Its", "it's"),
    ] {
        let names = &items[format!("types::Word::{variant}")]["serde"];
        assert_eq!(*names, json!([format!("# [serde (rename = {text:?})]")]), "{variant}");
    }
}

#[test]
fn numbers_of_an_enum_keep_their_values() {
    let schemas = json!({
        "Step": {"type": "integer", "enum": [1, 2, -4]},
        "Rate": {"type": "number", "enum": [0.5, 24]},
    });
    let properties = json!({"step": reference("Step"), "rate": reference("Rate")});
    let items = surface(&document(&with(&properties, &schemas), unchanged)).unwrap();
    for variant in ["Step::N1", "Step::N2", "Step::Minus4", "Rate::N0_5", "Rate::N24"] {
        assert_eq!(items[format!("types::{variant}")]["kind"], "variant", "{variant}");
    }
    let mixed = json!({"Mixed": {"enum": [1, "a"]}});
    let error =
        surface(&document(&with(&json!({"mixed": reference("Mixed")}), &mixed), unchanged)).unwrap_err();
    assert!(error.starts_with("/components/schemas/Mixed/enum: expected strings, or numbers"), "{error}");
}

#[test]
fn union_has_a_variant_per_alternative_named_by_its_tag() {
    let part = |word: &str| {
        json!({"type": "object", "properties": {"type": {"$ref": format!("#/components/schemas/{word}")}},
        "x-constructor": {"arguments": [], "defaults": {}, "sent": false}})
    };
    let word = |text: &str| json!({"type": "string", "enum": [text]});
    let schemas = json!({
        "TextType": word("text"), "ImageType": word("image_url"), "TextPart": part("TextType"), "ImagePart": part("ImageType"),
        "Part": {"oneOf": [reference("TextPart"), reference("ImagePart"), {"type": "string"},
            {"type": "array", "items": reference("Part")}, {"title": "Other", "description": "Any other value."}]},
    });
    let items = surface(&document(&with(&json!({"part": reference("Part")}), &schemas), unchanged)).unwrap();
    for (variant, content) in [
        ("Text", "(crate::types::TextPart)"),
        ("ImageUrl", "(crate::types::ImagePart)"),
        ("Text2", "(String)"),
        ("List", "(Vec<crate::types::Part>)"),
        ("Other", "(:: serde_json::Value)"),
    ] {
        let found = &items[format!("types::Part::{variant}")]["type"];
        assert_eq!(found.as_str().unwrap_or_default(), content, "{variant}");
    }
}

#[test]
fn property_that_is_optional_and_nullable_has_two_options() {
    let seed = json!({"type": "integer", "nullable": true});
    let items = surface(&document(&body(&json!({"seed": seed})), unchanged)).unwrap();
    assert_eq!(items["types::Body::seed"]["type"], "Option<Option<i64>>");
    let setter = &items["types::Body::seed()"]["arguments"][1];
    assert!(setter.as_str().unwrap().contains("impl Into<Option<i64>>"), "{setter}");
    let received = document(&body(&json!({"seed": seed})), |document| {
        document["components"]["schemas"]["Body"]["x-constructor"]["sent"] = json!(false);
    });
    assert_eq!(surface(&received).unwrap()["types::Body::seed"]["type"], "Option<i64>");
}

#[test]
fn operation_has_its_own_server_and_may_need_no_key() {
    let document = document(&body(&json!({})), |document| {
        let operation = &mut document["paths"]["/do"]["post"];
        operation["security"] = json!([]);
        operation["servers"] = json!([{"url": "https://eu.example"}]);
    });
    let generated = generate::generate(&document, Parts { schemas: false, mock: false }).unwrap();
    let client = prettyplease::unparse(&generated.client);
    assert!(client.contains("let baseurl = self.server(\"https://eu.example\");"), "{client}");
    assert!(client.contains("format!(\"{}/do\", baseurl,)"), "{client}");
    let items = items::items(&generated.client, &document);
    assert_eq!(items["facts::WITHOUT_KEY"]["type"], "&[\"do_it\"]");
    assert_eq!(items["facts::KEY_HEADER"]["type"], "\"authorization\"");
    assert_eq!(items["facts::INPUT_LENGTH"]["type"], format!("0usize ..= {}usize", usize::MAX));
}

#[test]
fn lengths_with_and_without_a_fraction_are_equal() {
    let client = |length: &str| {
        let text = json!({"type": "string", "minLength": 2, "maxLength": "L"});
        let list = json!({"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": "L"});
        let request = json!({"type": "object", "properties": {"input": reference("Text"), "list": list},
            "x-constructor": {"arguments": ["input"], "defaults": {}, "sent": true}});
        let schemas =
            with(&json!({"a": reference("SpeechRequest")}), &json!({"Text": text, "SpeechRequest": request}));
        let document = document(&schemas, unchanged).to_string().replace("\"L\"", length);
        let document = serde_json::from_str(&document).unwrap();
        let generated = generate::generate(&document, Parts { schemas: false, mock: false }).unwrap();
        prettyplease::unparse(&generated.client)
    };
    let whole = client("4096");
    assert!(whole.contains("2usize..=4096usize") && whole.contains("> 4096usize"), "{whole}");
    for length in ["4096.0", "4.096e3"] {
        assert_eq!(client(length), whole, "{length}");
    }
}

/// A change that makes a document unsupported, and a part of the error.
pub(super) type Case = (fn(&mut Value), String);

#[track_caller]
pub(super) fn assert_refused(cases: &[Case]) {
    for (change, expected) in cases {
        let error = surface(&document(&body(&json!({"a": {"type": "string"}})), change)).unwrap_err();
        assert!(error.contains(expected), "expected {expected}, found {error}");
    }
}

#[test]
fn unsupported_parts_are_refused_with_their_place() {
    let operation = "/paths/~1do/post";
    let cases: [Case; 6] = [
        (
            |document| {
                let content =
                    document["paths"]["/do"]["post"]["requestBody"]["content"].as_object_mut().unwrap();
                let json = content.remove("application/json").unwrap();
                content.insert("multipart/form-data".to_owned(), json);
            },
            format!("{operation}/requestBody/content: expected one media type"),
        ),
        (
            |document| {
                let content = json!({"application/json": {"schema": {"type": "string"}}});
                document["paths"]["/do"]["post"]["responses"]["201"] =
                    json!({"description": "d", "content": content});
            },
            format!("{operation}/responses/201: the body differs from that of status 200"),
        ),
        (
            |document| document["paths"]["/do"]["post"]["responses"]["204"] = json!({"description": "d"}),
            format!("{operation}/responses/204: the body differs from that of status 200"),
        ),
        (
            |document| document["paths"]["/do"]["post"]["servers"] = json!([{"url": "/v2"}]),
            format!("{operation}/servers/0/url: \"/v2\" is not the start"),
        ),
        (
            |document| drop(document.as_object_mut().unwrap().remove("servers")),
            "/servers/0/url: missing".to_owned(),
        ),
        (
            |document| {
                document["components"]["schemas"]["Body"]["properties"]["at"] =
                    json!({"type": "string", "format": "date-time"});
            },
            "(root): the generated code uses the crate chrono".to_owned(),
        ),
    ];
    assert_refused(&cases);
}

#[test]
fn schemas_that_no_type_expresses_are_refused_with_their_place() {
    let cases: [Case; 4] = [
        (
            |document| {
                document["components"]["schemas"]["Body"]["properties"] =
                    json!({"fooBar": {"type": "string"}, "foo_bar": {"type": "string"}});
            },
            "/components/schemas/Body: two fields of Body would be called foo_bar".to_owned(),
        ),
        (
            |document| {
                let property = json!({"type": "string", "minLength": 3, "maxLength": 1});
                document["components"]["schemas"]["Body"]["properties"]["a"] = property;
            },
            "/components/schemas/Body/properties/a/maxLength: no text has at least 3".to_owned(),
        ),
        (
            |document| {
                let schemas = &mut document["components"]["schemas"];
                schemas["One"] = json!({"allOf": [reference("Two"), {"type": "object"}]});
                schemas["Two"] = json!({"allOf": [{"type": "object"}, reference("One")]});
            },
            "/components/schemas/One: One is a part of itself, by `allOf`".to_owned(),
        ),
        (
            |document| {
                document["components"]["schemas"]["One"] = json!({
                    "type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false});
                document["components"]["schemas"]["Body"]["properties"]["b"] =
                    json!({"allOf": [reference("One"), {"type": "object", "properties": {"c": {"type": "string"}}}]});
            },
            "/components/schemas/Body/properties/b/allOf/0: it has `additionalProperties: false`, so the property \"c\""
                .to_owned(),
        ),
    ];
    assert_refused(&cases);
}

#[test]
fn closed_part_with_all_properties_of_the_other_parts_is_supported() {
    let closed = json!({
        "type": "object",
        "properties": {"a": {"type": "string"}, "c": {"type": "string"}},
        "additionalProperties": false});
    let open = json!({"type": "object", "properties": {"c": {"type": "string"}}});
    let parts = json!({"allOf": [reference("Closed"), open]});
    let mut schemas = with(&json!({"b": reference("Parts")}), &json!({"Closed": closed, "Parts": parts}));
    schemas["Closed"]["x-constructor"] = json!({"arguments": [], "defaults": {}, "sent": true});
    let items = surface(&document(&schemas, unchanged)).unwrap();
    assert_eq!(items["types::Closed::c"]["type"], "Option<String>");
}

#[test]
fn range_without_numbers_is_refused() {
    let of =
        |range: &Value| surface(&document(&with(&json!({}), &json!({"Range": range})), unchanged)).map(drop);
    for range in [
        json!({"type": "number", "minimum": 10, "maximum": 1}),
        json!({"type": "number", "minimum": 1, "maximum": 1, "exclusiveMaximum": true}),
        json!({"type": "integer", "minimum": 1.2, "maximum": 1.8}),
        json!({"type": "integer", "minimum": 1, "maximum": 2, "exclusiveMinimum": true, "exclusiveMaximum": true}),
    ] {
        let problem = of(&range).unwrap_err();
        assert!(problem.starts_with("/components/schemas/Range/maximum: no number is from 1"), "{problem}");
    }
    for range in [
        json!({"type": "number", "minimum": 1, "maximum": 1}),
        json!({"type": "number", "minimum": 1, "maximum": 2, "exclusiveMinimum": true, "exclusiveMaximum": true}),
        json!({"type": "integer", "minimum": 0.5, "maximum": 1.5}),
        json!({"type": "integer", "minimum": 1, "maximum": 2, "exclusiveMinimum": true}),
    ] {
        assert_eq!(of(&range), Ok(()), "{range}");
    }
}

#[test]
fn form_with_lists_or_objects_is_refused() {
    let of = |schema: &Value| {
        let others = json!({"KnownMode": {"type": "string", "enum": ["a"]}, "Form": schema});
        let document = document(&with(&json!({}), &others), |document| {
            document["paths"]["/do"]["post"]["requestBody"]["content"] =
                json!({"application/x-www-form-urlencoded": {"schema": reference("Form")}});
        });
        surface(&document).map(drop)
    };
    let form = |property: &Value| {
        let arguments: [&str; 0] = [];
        json!({"type": "object", "properties": {"a": {"type": "string"}, "b": property},
            "x-constructor": {"arguments": arguments, "defaults": {}, "sent": true}})
    };
    for schema in [
        form(&json!({"type": "array", "items": {"type": "string"}})),
        form(&json!({"type": "object", "additionalProperties": {"type": "string"}})),
        form(&json!({})),
        json!({"type": "array", "items": {"type": "string"}}),
        json!({"type": "string"}),
    ] {
        let problem = of(&schema).unwrap_err();
        let expected = "/paths/~1do/post/requestBody/content: expected a form whose properties are texts, ";
        assert!(problem.starts_with(expected), "{schema}: {problem}");
    }
    for property in
        [json!({"type": "number", "nullable": true}), reference("KnownMode"), json!({"type": "boolean"})]
    {
        assert_eq!(of(&form(&property)), Ok(()), "{property}");
    }
}

#[test]
fn lengths_above_those_of_any_text_are_no_limit() {
    let properties = json!({"a": {"type": "string", "maxLength": 1e30}});
    let items = surface(&document(&body(&properties), unchanged)).unwrap();
    assert_eq!(items["types::Body::a"]["type"], "Option<String>");
}

#[test]
fn generated_method_that_the_client_has_already_is_refused() {
    let document = document(&body(&json!({})), unchanged);
    let generated = generate::generate(&document, Parts { schemas: false, mock: false }).unwrap();
    let problems = scan::problems(&generated.client, &document, &["do_it".to_owned()]);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].to_string().starts_with("/paths/~1do/post: Client has a method do_it already"));
    let own = scan::own_methods(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/ext"));
    for method in ["speak", "task", "batch", "builder"] {
        assert!(own.iter().any(|own| own == method), "{method}: {own:?}");
    }
}

#[test]
fn key_is_sent_to_the_server_of_the_document_and_to_those_of_operations_that_need_it() {
    let document = document(&body(&json!({})), |document| {
        let operation = document["paths"]["/do"]["post"].clone();
        let on = |servers: &Value, security: &Value| {
            let mut operation = operation.clone();
            operation["servers"] = servers.clone();
            operation["security"] = security.clone();
            json!({"post": operation})
        };
        let server = |url: &str| json!([{"url": url}]);
        let variables =
            json!([{"url": "https://{name}.example:8443", "variables": {"name": {"default": "c"}}}]);
        document["paths"] = json!({
            "/a": {"post": operation, "servers": server("https://b.example")},
            "/b": on(&variables, &json!([{}, {"Key": []}])),
            "/c": on(&server("https://d.example"), &json!([])),
        });
    });
    let servers = generate::facts::key_servers(&document);
    let expected = [
        ("/servers/0/url", "https://api.example"),
        ("/paths/~1a/post/servers/0/url", "https://b.example"),
        ("/paths/~1b/post/servers/0/url", "https://c.example:8443"),
    ];
    assert_eq!(servers, expected.map(|(pointer, url)| (pointer.to_owned(), url.to_owned())));
}

#[test]
fn component_whose_name_begins_with_a_digit_has_a_type() {
    let arguments: [&str; 0] = [];
    let part = json!({"type": "object", "properties": {"a": {"type": "string"}},
        "x-constructor": {"arguments": arguments, "defaults": {}, "sent": true}});
    let schemas = with(&json!({"part": reference("2x")}), &json!({"2x": part}));
    let items = surface(&document(&schemas, unchanged)).unwrap();
    assert!(items.get("types::X2x::new()").is_some(), "{items}");
    assert_eq!(items["types::X2x"]["origin"], "/components/schemas/2x");
}

#[test]
fn item_has_its_origin_in_the_document() {
    let document = document(&body(&json!({"fooBar": {"type": "string"}})), unchanged);
    let items = surface(&document).unwrap();
    for (item, origin) in [
        ("types::Body", "/components/schemas/Body"),
        ("types::Body::foo_bar", "/components/schemas/Body/properties/fooBar"),
        ("types::Body::foo_bar()", "/components/schemas/Body/properties/fooBar"),
        ("Client::do_it()", "/paths/~1do/post"),
        ("facts::BASE_URL", "/servers"),
        ("facts::KEY_HEADER", "/components/securitySchemes"),
        ("facts::WITHOUT_KEY", "/security"),
    ] {
        assert_eq!(items[item]["origin"], origin, "{item}");
    }
}
