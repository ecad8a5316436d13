//! Pages of a sibling API with the same structure. They need a line each in sources.toml, and names for new
//! schemas.

use serde_json::{Value, json};

use crate::support::Root;

fn operation(path: &str, id: &str, request: &Value, response: &Value) -> Value {
    let body = |schema: &Value| json!({"application/json": {"schema": schema}});
    let error = json!({"type": "object", "properties": {"message": {"type": "string"}},
        "required": ["message"], "additionalProperties": false});
    json!({
        "openapi": "3.0.3",
        "info": {"title": "Distribute.AI API", "version": "1.0.0"},
        "tags": [{"name": "async.images"}],
        "servers": [{"url": "https://api.distribute.ai"}],
        "security": [{"ApiKeyAuth": []}],
        "components": {"securitySchemes": {
            "ApiKeyAuth": {"type": "apiKey", "in": "header", "name": "authorization"}}},
        "paths": {path: {"post": {
            "operationId": id,
            "tags": ["async.images"],
            "requestBody": {"required": true, "content": body(request)},
            "responses": {
                "200": {"description": "Default Response", "content": body(response)},
                "400": {"description": "Default Response", "content": body(&error)},
            },
        }}},
    })
}

fn images_create() -> Value {
    let side = json!({"type": "integer", "minimum": 64, "maximum": 2048, "default": 512});
    let request = json!({"type": "object", "additionalProperties": false, "required": ["prompt"], "properties": {
        "prompt": {"type": "string", "minLength": 1},
        "width": side, "height": side,
        "size": {"type": "string", "enum": ["s", "l"], "nullable": true},
        "effects": {"type": "array", "items": {"type": "string", "enum": ["blur", "sharpen"]}},
        "frame": {"type": "object", "properties": {"color": {"type": "string"}, "width": {"type": "integer"}}}}});
    let created = json!({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"],
        "additionalProperties": false});
    operation("/async/images/create", "asyncImagesCreate", &request, &created)
}

fn images_result() -> Value {
    let request = json!({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"],
        "additionalProperties": false});
    let status = json!({"type": "string", "enum":
        ["CREATED", "QUEUED", "POSTPONED", "ASSIGNED_CONNECTIONS", "PROCESSING", "COMPLETED", "ERROR"]});
    let result = json!({"type": "object", "additionalProperties": false, "properties": {
        "status": status,
        "size": {"type": "string", "enum": ["s", "l"]},
        "results": {"type": "array", "items": {"type": "object", "additionalProperties": false, "properties": {
            "url": {"type": "string", "format": "uri"},
            "width": {"type": "integer", "minimum": 1}}}}}});
    operation("/async/images/result", "asyncImagesResult", &request, &result)
}

/// Returns a root with the pages of the sibling API in `sources.toml`, not yet accepted.
fn root_with_new_pages() -> Root {
    let root = Root::new();
    root.write_pages();
    root.append("openapi/sources.toml", "images-create = \"https://docs.distribute.ai/images-create.md\"\n");
    root.append("openapi/sources.toml", "images-result = \"https://docs.distribute.ai/images-result.md\"\n");
    root.write_page("images-create", &images_create());
    root.write_page("images-result", &images_result());
    root
}

#[test]
fn accept_of_new_pages_succeeds_with_the_suggested_names_and_constructors() {
    let root = root_with_new_pages();
    let result = root.xtask("spec accept --from pages");
    result.assert_failure(4, &[]);
    let mut table = String::new();
    for hint in
        result.stderr().lines().filter_map(|line| line.strip_prefix("hint: openapi/names.toml, under "))
    {
        let (header, line) = hint.split_once(": ").unwrap();
        if table != header {
            root.append("openapi/names.toml", &format!("\n{header}\n"));
            table = header.to_owned();
        }
        root.append("openapi/names.toml", &format!("{line}\n"));
    }
    let result = root.xtask("spec accept --from pages");
    result.assert_failure(4, &["openapi/constructors.toml: AsyncImagesResult200: no constructor"]);
    for line in
        result.stderr().lines().filter_map(|line| line.strip_prefix("hint: openapi/constructors.toml: "))
    {
        root.append("openapi/constructors.toml", &format!("{line}\n"));
    }
    root.xtask("spec accept --from pages").assert_success();
    root.xtask("spec build --check").assert_success();
}

#[test]
fn accept_removes_the_document_of_a_page_that_is_no_longer_listed() {
    let root = Root::new();
    root.write_pages();
    let tables = ["sources", "names", "constructors"].map(|table| format!("openapi/{table}.toml"));
    let before = tables.each_ref().map(|table| root.read(table));
    let id = json!({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"],
        "additionalProperties": false});
    root.write_page("cancel", &operation("/async/cancel", "asyncCancel", &id, &id));
    root.append(&tables[0], "cancel = \"https://docs.distribute.ai/cancel.md\"\n");
    root.append(&tables[1], "\n[asyncCancel]\n\"request\" = \"Cancelled\"\n");
    root.append(&tables[2], "Cancelled = { arguments = [\"id\"] }\n");
    root.xtask("spec accept --from pages").assert_success();
    assert!(root.read("openapi/upstream.lock").contains("cancel"));
    for (table, before) in tables.iter().zip(before) {
        root.write(table, &before);
    }
    root.xtask("spec accept --from pages").assert_success();
    let log = root.read("openapi/CHANGES.md");
    assert!(log.contains("endpoint-added") && log.contains("page-removed"), "{log}");
    assert!(!root.path("openapi/upstream/cancel.json").exists());
    assert!(!root.read("openapi/upstream.lock").contains("cancel"));
}

#[test]
fn sibling_api_needs_names_only_for_new_schemas() {
    let root = root_with_new_pages();
    let names = r#"
[asyncImagesCreate]
"request" = "ImageRequest"
"request.prompt" = "ImagePrompt"
"request.width" = "ImageSide"
"request.size" = "KnownImageSize"
"request.effects[]" = "ImageEffect"
"request.frame" = "ImageFrame"

[asyncImagesResult]
"request" = "ImageQuery"
"200" = "ImageResult"
"200.size" = { open = "ImageSize", known = "KnownImageSize" }
"200.results[]" = "ImageOutput"
"#;
    root.append("openapi/names.toml", names);
    let constructors = r#"
ImageFrame = { arguments = [] }
ImageOutput = { arguments = [] }
ImageQuery = { arguments = ["id"] }
ImageRequest = { arguments = ["prompt"] }
ImageResult = { arguments = [] }
"#;
    root.append("openapi/constructors.toml", constructors);
    root.xtask("spec accept --from pages").assert_success();
    let merged = root.json("openapi/distribute-ai.json");
    let schemas = merged["components"]["schemas"].as_object().unwrap();
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});

    let request = &schemas["ImageRequest"]["properties"];
    let side = json!({
        "allOf": [reference("ImageSide")], "description": "Default: 512, chosen by the server.", "x-default": 512});
    assert_eq!(request["width"], side);
    assert_eq!(request["height"], side);
    assert_eq!(schemas["ImageSide"], json!({"type": "integer", "minimum": 64, "maximum": 2048}));
    assert_eq!(request["size"], json!({"allOf": [reference("KnownImageSize")], "nullable": true}));
    assert_eq!(request["effects"]["items"], reference("ImageEffect"));
    assert_eq!(request["frame"], reference("ImageFrame"));

    let result = &schemas["ImageResult"]["properties"];
    assert_eq!(result["status"], reference("SpeechStatus"));
    assert_eq!(result["size"], reference("ImageSize"));
    assert_eq!(result["results"]["items"], reference("ImageOutput"));
    let output = json!({"url": {"type": "string"}, "width": {"type": "integer"}});
    assert_eq!(schemas["ImageOutput"]["properties"], output);

    let responses = &merged["paths"]["/async/images/create"]["post"]["responses"];
    let schema = |status: &str| &responses[status]["content"]["application/json"]["schema"];
    assert_eq!(*schema("200"), reference("TaskCreated"));
    assert_eq!(*schema("400"), reference("ErrorBody"));
}
