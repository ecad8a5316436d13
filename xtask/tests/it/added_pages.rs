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

/// Accepts all pages that are not refused.
#[track_caller]
pub(crate) fn accept_all(root: &Root) {
    let pages: Vec<_> = ["odd-pages", "sibling-pages", "more-pages"].into_iter().flat_map(pages).collect();
    accept(root, &pages.iter().filter(|page| !is_refused(page)).collect::<Vec<_>>()).unwrap();
}

/// Pages that no client can express: each is refused by name, and not by the generator's panic.
const REFUSED: [(&str, &str); 4] = [
    ("lenstr", "no text has at least 3 and at most 1 characters"),
    (
        "multipart",
        "operation oddMultipart: openapi/distribute-ai.json: /paths/~1odd~1multipart/post/requestBody/content: ",
    ),
    ("pattern", "expected an ECMA 262 regular expression, found \"(?i)abc\""),
    ("propnames", "two fields of OddPropnamesRequest would be called foo_bar"),
];

fn is_refused(page: &(String, Value)) -> bool {
    REFUSED.iter().any(|(name, _)| *name == page.0)
}

/// Accepts pages and follows the hints. Returns the error if it is not about names.
#[track_caller]
fn accept(root: &Root, pages: &[&(String, Value)]) -> Result<(), String> {
    for (name, document) in pages {
        root.append("openapi/sources.toml", &source(name));
        root.write_page(name, document);
    }
    let first = root.xtask("spec accept --from pages");
    follow_hints(root, &first.stderr());
    let mut second = root.xtask("spec accept --from pages");
    for table in ["names.toml", "constructors.toml"] {
        let stderr = second.stderr();
        assert!(!stderr.contains(table), "the hints did not suffice: {}\n{stderr}", first.stderr());
    }
    if second.stderr().contains("key-origins") {
        follow_hints(root, &second.stderr());
        second = root.xtask("spec accept --from pages");
    }
    if second.is_success() {
        return Ok(());
    }
    second.assert_failure(4, &[]);
    Err(second.stderr())
}

pub(crate) fn follow_hints(root: &Root, stderr: &str) {
    for hint in stderr.lines().filter_map(|line| line.strip_prefix("hint: ")) {
        follow(root, hint);
    }
}

/// Adds the line that a hint suggests.
fn follow(root: &Root, hint: &str) {
    if let Some((_, line)) = hint.split_once("set this line in openapi/sources.toml: ") {
        let sources = root.read("openapi/sources.toml");
        let lines = sources.lines().map(|old| if old.starts_with("key-origins = ") { line } else { old });
        root.write("openapi/sources.toml", &lines.flat_map(|line| [line, "\n"]).collect::<String>());
    }
    // A hint about an existing type is not a line of the table.
    let line = hint.strip_prefix("openapi/constructors.toml: ");
    if let Some(line) = line.filter(|line| line.contains(" = { arguments = ")) {
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

fn schemas(root: &Root) -> Value {
    root.json("openapi/distribute-ai.json")["components"]["schemas"].take()
}

#[test]
fn each_page_alone_is_accepted_after_one_round_of_hints_or_refused_by_name() {
    for folder in ["odd-pages", "sibling-pages"] {
        for page in pages(folder) {
            let error = accept(&root(), &[&page]).err().unwrap_or_default();
            let refused = REFUSED.iter().find(|(name, _)| *name == page.0);
            match refused {
                Some((_, expected)) => assert!(error.contains(expected), "{}: {error}", page.0),
                None => assert_eq!(error, "", "{}", page.0),
            }
            assert!(!error.contains("panicked"), "{error}");
        }
    }
}

#[test]
fn pages_are_accepted_in_any_order_with_the_same_types() {
    let hints = pages("odd-pages").into_iter().filter(|(name, _)| name.starts_with("hint"));
    let pages: Vec<_> = hints.chain(pages("sibling-pages")).collect();
    let together = root();
    accept(&together, &pages.iter().collect::<Vec<_>>()).unwrap();
    let one_by_one = |pages: &mut dyn Iterator<Item = &(String, Value)>| {
        let root = root();
        pages.for_each(|page| accept(&root, &[page]).unwrap());
        schemas(&root).as_object().unwrap().len()
    };
    let types = schemas(&together).as_object().unwrap().len();
    assert_eq!(one_by_one(&mut pages.iter()), types);
    assert_eq!(one_by_one(&mut pages.iter().rev()), types);
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
