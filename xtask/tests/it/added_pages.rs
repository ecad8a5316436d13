//! Pages that are added to the API: unusual ones, and those of a sibling API. Following the hints leads to a built
//! document, or to an error about something other than names.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::Root;

/// Returns the pages in a folder of `tests/documents`, by name.
fn pages(folder: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents").join(folder);
    let mut pages: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
        })
        .collect();
    pages.sort_by(|(one, _), (other, _)| one.cmp(other));
    pages
}

fn root() -> Root {
    let root = Root::new();
    root.write_pages();
    root
}

fn source(name: &str) -> String {
    format!("{name} = \"https://docs.distribute.ai/{name}.md\"\n")
}

/// Accepts pages and follows the hints. Returns the error if it is not about names.
#[track_caller]
fn accept(root: &Root, pages: &[&(String, Value)]) -> Result<(), String> {
    for (name, document) in pages {
        root.append("openapi/sources.toml", &source(name));
        root.write_page(name, document);
    }
    let first = root.xtask("spec accept --from pages");
    let stderr = first.stderr();
    for hint in stderr.lines().filter_map(|line| line.strip_prefix("hint: ")) {
        follow(root, hint);
    }
    let second = root.xtask("spec accept --from pages");
    let stderr = second.stderr();
    for table in ["names.toml", "constructors.toml"] {
        assert!(!stderr.contains(table), "the hints did not suffice: {}\n{stderr}", first.stderr());
    }
    if second.is_success() {
        root.xtask("spec build --check").assert_success();
        return Ok(());
    }
    second.assert_failure(4, &[]);
    Err(stderr)
}

/// Adds the line that a hint suggests.
fn follow(root: &Root, hint: &str) {
    if let Some(line) = hint.strip_prefix("openapi/constructors.toml: ") {
        root.append("openapi/constructors.toml", &format!("{line}\n"));
    }
    if let Some((header, line)) =
        hint.strip_prefix("openapi/names.toml, under ").and_then(|rest| rest.split_once(": "))
    {
        let names = root.read("openapi/names.toml");
        let line = format!("{header}\n{line}\n");
        let names = match names.split_once(&format!("{header}\n")) {
            Some((before, after)) => format!("{before}{line}{after}"),
            None => format!("{names}\n{line}"),
        };
        root.write("openapi/names.toml", &names);
    }
}

/// Adds pages one after another. Returns the names of the accepted ones.
fn accept_in_order<'a>(pages: impl IntoIterator<Item = &'a (String, Value)>) -> (Root, Vec<&'a str>) {
    let root = root();
    let mut accepted = Vec::new();
    for page in pages {
        let before = ["sources", "names", "constructors"].map(|file| {
            let file = format!("openapi/{file}.toml");
            let text = root.read(&file);
            (file, text)
        });
        if accept(&root, &[page]).is_ok() {
            accepted.push(page.0.as_str());
        } else {
            for (file, text) in before {
                root.write(&file, &text);
            }
        }
    }
    (root, accepted)
}

fn schemas(root: &Root) -> Value {
    root.json("openapi/distribute-ai.json")["components"]["schemas"].take()
}

#[test]
fn each_page_alone_is_accepted_after_one_round_of_hints() {
    for folder in ["odd-pages", "sibling-pages"] {
        for page in pages(folder) {
            let result = accept(&root(), &[&page]);
            assert_eq!(result.err().filter(|_| page.0 != "pattern"), None, "{}", page.0);
        }
    }
}

#[test]
fn pages_are_accepted_in_any_order_with_the_same_types() {
    let pages: Vec<_> = pages("odd-pages").into_iter().chain(pages("sibling-pages")).collect();
    let good: Vec<_> = pages.iter().filter(|(name, _)| name != "pattern").collect();
    let together = root();
    accept(&together, &good).unwrap();
    let (forward, accepted) = accept_in_order(good.iter().copied());
    assert_eq!(accepted.len(), good.len());
    let (backward, accepted) = accept_in_order(good.iter().rev().copied());
    assert_eq!(accepted.len(), good.len());
    let types = |root: &Root| schemas(root).as_object().unwrap().len();
    assert_eq!([types(&forward), types(&backward)], [types(&together); 2]);
}

/// Returns the schema that a reference or an annotated reference leads to, or the schema itself.
fn resolve<'a>(schemas: &'a Value, schema: &'a Value) -> &'a Value {
    let schema = schema.pointer("/allOf/0").unwrap_or(schema);
    let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components/schemas/"));
    name.map_or(schema, |name| &schemas[name])
}

#[test]
fn sibling_pages_keep_tools_content_parts_null_and_seeds() {
    let root = root();
    let pages = pages("sibling-pages");
    accept(&root, &pages.iter().collect::<Vec<_>>()).unwrap();
    let schemas = schemas(&root);
    let completion = &schemas["ChatCompletionsRequest"]["properties"];
    let queued = &schemas["AsyncChatCreateRequest"]["properties"];
    for shared in ["messages", "tools", "stream_options"] {
        assert_eq!(completion[shared], queued[shared], "{shared}");
    }
    assert_eq!(resolve(&schemas, &completion["seed"])["type"], "integer");
    assert_eq!(resolve(&schemas, &queued["seed"])["type"], "number");
    assert_eq!(completion["logit_bias"]["nullable"], true);

    let function = resolve(&schemas, &completion["tools"]["items"]);
    let function = resolve(&schemas, &function["properties"]["function"]);
    assert_eq!(function["required"], json!(["name"]));
    assert_eq!(function["properties"]["strict"]["nullable"], true);

    let roles = resolve(&schemas, &completion["messages"]["items"])["oneOf"].as_array().unwrap();
    let roles: Vec<_> = roles.iter().map(|role| resolve(&schemas, role)).collect();
    let role = |role: &Value| resolve(&schemas, &role["properties"]["role"])["enum"][0].clone();
    assert_eq!(roles.iter().map(|of| role(of)).collect::<Vec<_>>(), ["system", "user", "assistant", "tool"]);
    assert_eq!(roles[2]["properties"]["content"]["nullable"], true);
    let content = resolve(&schemas, &roles[1]["properties"]["content"]);
    let parts = resolve(&schemas, &content["oneOf"][1]["items"])["oneOf"].as_array().unwrap();
    let kind =
        |part: &Value| resolve(&schemas, &resolve(&schemas, part)["properties"]["type"])["enum"].clone();
    assert_eq!(parts.iter().map(kind).collect::<Vec<_>>(), [json!(["text"]), json!(["image_url"])]);
}
