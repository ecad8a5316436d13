use std::{fs, path::Path, time::Duration};

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::spec::input::{argument::Argument, format, source};

/// Returns a directory with these files.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

/// Reads `path` with the files to which it refers. The paths in errors are relative to the directory.
fn read(directory: &TempDir, path: &str, root: Option<&str>) -> Result<Value, Vec<String>> {
    let root = root.map(|root| directory.path().join(root));
    let argument = Argument::File(directory.path().join(path));
    let source = source::read(&argument, root.as_deref(), Duration::from_secs(1)).unwrap();
    let value = format::parse(path, path, source.bytes).unwrap();
    let shown = format!("{}{}", directory.path().display(), std::path::MAIN_SEPARATOR);
    let without = |error: String| error.replace(&shown, "").replace('\\', "/");
    bundle(path, value, &source.location).map_err(|errors| errors.into_iter().map(without).collect())
}

#[track_caller]
fn assert_fails(files: &[(&str, &str)], expected: &[&str]) {
    assert_eq!(read(&directory(files), "api.yaml", None).unwrap_err(), expected);
}

/// Returns a document with a schema.
fn with_schema(schema: &str) -> String {
    format!("components: {{schemas: {{A: {schema}}}}}")
}

#[test]
fn document_without_other_files_is_unchanged() {
    let document = json!({"components": {"schemas": {"A": {"$ref": "#/components/schemas/B"}, "B": {}}}});
    let files = directory(&[("api.json", &document.to_string())]);
    assert_eq!(read(&files, "api.json", None), Ok(document));
}

#[test]
fn files_become_members_and_references_lead_to_them() {
    let files = directory(&[
        (
            "api.yaml",
            "paths: {/a: {get: {parameters: [$ref: 'p.json#/limit'], responses: {200: {$ref: r/ok.yml}}}}}
components:
  schemas:
    Pet: {oneOf: [$ref: 'schemas/pets.yaml#/Cat'], discriminator: {mapping: {cat: 'schemas/pets.yaml#/Cat', b: B}}}
    B: {not: {$ref: '#/components/schemas/Pet'}}",
        ),
        ("p.json", r#"{"limit": {"schema": {"$ref": "schemas/a%20b.yaml"}}, "unused": {"$ref": "nowhere"}}"#),
        ("r/ok.yml", "content: {a/b: {schema: {$ref: '../schemas/pets.yaml#/Cat'}}}"),
        (
            "schemas/pets.yaml",
            "Cat: {properties: {next: {$ref: '#/Cat'}, dog: {$ref: '#/Dog'}, b: {$ref: '../api.yaml#/components/schemas/B'}}}
Dog: {$ref: './pets.yaml#/Cat'}",
        ),
        ("schemas/a b.yaml", "type: string"),
    ]);
    let cat = "#/x-external-files/schemas~1pets.yaml/Cat";
    let expected = json!({
        "paths": {"/a": {"get": {
            "parameters": [{"$ref": "#/x-external-files/p.json/limit"}],
            "responses": {"200": {"$ref": "#/x-external-files/r~1ok.yml"}}}}},
        "components": {"schemas": {
            "Pet": {"oneOf": [{"$ref": cat}], "discriminator": {"mapping": {"cat": cat, "b": "B"}}},
            "B": {"not": {"$ref": "#/components/schemas/Pet"}}}},
        "x-external-files": {
            "p.json": {
                "limit": {"schema": {"$ref": "#/x-external-files/schemas~1a b.yaml"}},
                "unused": {"$ref": "nowhere"}},
            "r/ok.yml": {"content": {"a/b": {"schema": {"$ref": cat}}}},
            "schemas/a b.yaml": {"type": "string"},
            "schemas/pets.yaml": {
                "Cat": {"properties": {
                    "next": {"$ref": cat},
                    "dog": {"$ref": "#/x-external-files/schemas~1pets.yaml/Dog"},
                    "b": {"$ref": "#/components/schemas/B"}}},
                "Dog": {"$ref": cat}}},
    });
    assert_eq!(read(&files, "api.yaml", None), Ok(expected));
}

#[test]
fn members_of_openapi_3_1_refer_to_files_too() {
    let document = r#"{"webhooks": {"w": {"$ref": "w.json"}},
        "components": {"schemas": {"A": {"$defs": {"D": {"$ref": "d.json"}}, "if": {"$ref": "d.json"}}}}}"#;
    let directory = directory(&[("api.json", document), ("w.json", "{}"), ("d.json", "{}")]);
    let value = read(&directory, "api.json", None).unwrap();
    let schema = &value["components"]["schemas"]["A"];
    for reference in [&value["webhooks"]["w"], &schema["$defs"]["D"], &schema["if"]] {
        let text = reference["$ref"].as_str().unwrap();
        assert!(text.starts_with("#/x-external-files/"), "{text}");
    }
}

#[test]
fn data_is_not_a_reference() {
    let data = json!({"$ref": "nowhere.json"});
    let document = json!({
        "x-a": data,
        "components": {
            "schemas": {"A": {"example": data, "default": data, "enum": [data], "const": data, "x-b": data,
                "properties": {"$ref": {"type": "string"}}, "examples": [data]}},
            "examples": {"E": {"value": data}},
            "responses": {"R": {"description": "", "content": {"a/b": {"example": data}}}}},
    });
    let files = directory(&[("api.json", &document.to_string())]);
    assert_eq!(read(&files, "api.json", None), Ok(document));
}

#[test]
fn reference_where_openapi_allows_none_is_replaced_by_its_target() {
    let files = directory(&[
        (
            "api.yaml",
            "info: {description: {$ref: about.yaml}}
paths: {/a: {get: {$ref: get.yaml}, post: {$ref: '#/paths/~1a/get'}}}
components: {schemas: {$ref: 'schemas.yaml'}, securitySchemes: {o: {flows: {implicit: {scopes: {$ref: text.yaml}}}}}}",
        ),
        ("about.yaml", "Text"),
        ("get.yaml", "{parameters: {$ref: '#/x-list'}, x-list: [{schema: {$ref: 'schemas.yaml#/A'}}]}"),
        ("schemas.yaml", "{A: {properties: {$ref: {type: string}}}}"),
    ]);
    let list = json!([{"schema": {"$ref": "#/x-external-files/schemas.yaml/A"}}]);
    let get = json!({"parameters": list, "x-list": list});
    let schemas = json!({"A": {"properties": {"$ref": {"type": "string"}}}});
    assert_eq!(
        read(&files, "api.yaml", None),
        Ok(json!({
            "info": {"description": "Text"},
            "paths": {"/a": {"get": get, "post": {"$ref": "#/paths/~1a/get"}}},
            "components": {
                "schemas": schemas,
                // In a map of strings, `$ref` is a key.
                "securitySchemes": {"o": {"flows": {"implicit": {"scopes": {"$ref": "text.yaml"}}}}}},
            "x-external-files": {"about.yaml": "Text", "get.yaml": get, "schemas.yaml": schemas},
        }))
    );
}

#[test]
fn name_of_a_file_is_escaped_in_references() {
    let files = directory(&[("api.yaml", &with_schema("{$ref: 'a%2525~.json'}")), ("a%25~.json", "{}")]);
    let document = read(&files, "api.yaml", None).unwrap();
    let reference = document["components"]["schemas"]["A"]["$ref"].as_str().unwrap();
    assert_eq!(reference, "#/x-external-files/a%2525~0.json");
    let pointer = Pointer::of_reference(reference).unwrap();
    assert_eq!(document.pointer(pointer.as_str()), Some(&json!({})));
}

#[test]
fn reference_that_leaves_the_directory_needs_the_option() {
    let files = directory(&[
        ("openapi/api.yaml", &with_schema("{$ref: ../common/a.yaml}")),
        ("common/a.yaml", "{$ref: '../openapi/api.yaml#/components'}"),
    ]);
    assert_eq!(
        read(&files, "openapi/api.yaml", None).unwrap_err(),
        [
            "openapi/api.yaml: /components/schemas/A/$ref: the reference leaves the directory openapi/; `--directory DIR` names a directory that contains all files; found \"../common/a.yaml\""
        ]
    );
    let document = read(&files, "openapi/api.yaml", Some("")).unwrap();
    assert_eq!(document["x-external-files"], json!({"common/a.yaml": {"$ref": "#/components"}}));
    let error = &read(&files, "openapi/api.yaml", Some("common")).unwrap_err()[0];
    let expected =
        "openapi/api.yaml: /components/schemas/A/$ref: cannot load the file, because --directory: ";
    assert!(error.starts_with(expected) && error.contains(" is not in "), "{error}");
}

#[cfg(unix)]
#[test]
fn symbolic_link_may_not_leave_the_directory() {
    let outside = directory(&[("a.yaml", "{}")]);
    let files = directory(&[
        ("api.yaml", &with_schema("{not: {$ref: in.yaml}, items: {$ref: out.yaml}}")),
        ("b.yaml", "{}"),
    ]);
    std::os::unix::fs::symlink("b.yaml", files.path().join("in.yaml")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("a.yaml"), files.path().join("out.yaml")).unwrap();
    let errors = read(&files, "api.yaml", None).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].starts_with("api.yaml: /components/schemas/A/items/$ref: out.yaml: is a symbolic link that leaves the directory "),
        "{errors:?}"
    );
}

#[test]
fn every_error_is_reported_with_its_file_and_pointer() {
    assert_fails(
        &[
            (
                "api.yaml",
                "components: {schemas: {A: {allOf: [{$ref: a.yaml}, {$ref: a.yaml}, {$ref: b.yaml}, {$ref: c.yaml}, {$ref: 'c.yaml#/no'}, {$ref: 'c.yaml#no'}, {$ref: 'https://example.com/a'}, {$ref: dir}]}}}",
            ),
            ("a.yaml", "a: 1\na: 2"),
            ("c.yaml", "{not: {$ref: '#/no'}}"),
            ("dir/d.yaml", ""),
        ],
        &[
            "a.yaml: /a: duplicate key: first 1, then 2",
            "api.yaml: /components/schemas/A/allOf/2/$ref: b.yaml: no such file; found \"b.yaml\"",
            "api.yaml: /components/schemas/A/allOf/4/$ref: expected a JSON pointer to a value of c.yaml after `#`, such as #/Pet; found \"c.yaml#/no\"",
            "api.yaml: /components/schemas/A/allOf/5/$ref: expected a JSON pointer to a value of c.yaml after `#`, such as #/Pet; found \"c.yaml#no\"",
            "api.yaml: /components/schemas/A/allOf/6/$ref: a reference to an address is not followed, so that a document cannot decide what is downloaded; save the file in the directory of the document; found \"https://example.com/a\"",
            "api.yaml: /components/schemas/A/allOf/7/$ref: dir: is a directory, expected a file; found \"dir\"",
            "c.yaml: /not/$ref: expected a JSON pointer to a value of c.yaml after `#`, or the path of the document before it; found \"#/no\"",
        ],
    );
}

#[test]
fn reserved_extension_is_an_error_only_with_other_files() {
    let files = directory(&[
        ("a.json", r#"{"x-external-files": 1}"#),
        ("api.yaml", &format!("x-external-files: 1\n{}", with_schema("{$ref: a.json}"))),
    ]);
    assert_eq!(read(&files, "a.json", None), Ok(json!({"x-external-files": 1})));
    assert_eq!(
        read(&files, "api.yaml", None).unwrap_err(),
        [
            "api.yaml: /x-external-files: reserved for the files to which the document refers; rename the extension"
        ]
    );
}

#[test]
fn document_without_a_directory_refers_to_no_files() {
    let document = json!({"components": {"schemas": {"A": {"$ref": "a.json"}}}});
    let location = Err("standard input has no directory; save the document to a file".to_owned());
    assert_eq!(
        bundle("standard input", document, &location).unwrap_err(),
        [
            "standard input: /components/schemas/A/$ref: cannot load the file, because standard input has no directory; save the document to a file; found \"a.json\""
        ]
    );
}

#[test]
fn errors_over_the_limit_end_with_a_notice() {
    let parts = "{$ref: b.yaml}, {$ref: /c}, ".repeat(1_000);
    let files = directory(&[("api.yaml", &with_schema(&format!("{{allOf: [{parts}]}}")))]);
    let errors = read(&files, "api.yaml", None).unwrap_err();
    assert_eq!(errors.len(), 1_001);
    assert_eq!(errors[1_000], "too many errors, only the first 1000 are reported");
}

#[test]
fn chain_of_many_files_is_followed_without_recursion() {
    let directory = directory(&[("api.yaml", &with_schema("{$ref: '0.yaml'}"))]);
    for file in 0..2_000 {
        let text = format!("{{not: {{$ref: {}.yaml}}}}", (file + 1) % 2_000);
        fs::write(directory.path().join(Path::new(&format!("{file}.yaml"))), text).unwrap();
    }
    let document = read(&directory, "api.yaml", None).unwrap();
    assert_eq!(document["x-external-files"].as_object().unwrap().len(), 2_000);
}
