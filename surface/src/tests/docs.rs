//! The documentation of the generated code.

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::{Value, json};
use syn::{Attribute, Expr, Lit, Meta, visit::Visit};

use super::documents::{document, reference, with};
use crate::generate::{self, Parts, docs};

#[test]
fn description_keeps_its_words_and_code_and_loses_its_links() {
    for (text, expected) in [
        ("Plain *text*, `[code]` and snake_case.", "Plain *text*, `[code]` and snake_case."),
        ("```\nfn main() {}\n```\nmore", "```text\nfn main() {}\n```\nmore"),
        ("```rust\na\n   ```", "```text\na\n```"),
        ("~~~~\n```\n~~~~", "~~~~text\n```\n~~~~"),
        ("  ```bash\n    curl [x]", "```text\n    curl [x]\n```"),
        ("- ```\n  a\n  ```", "- \\`\\`\\`\n  a\n```text\n```"),
        ("> ~~~\n> a", "> \\~\\~\\~\n> a"),
        ("A sample:\n\n    a\n\tb", "A sample:\n\n   a\n   b"),
        ("-     a\n>\t\tb", "- a\n> b"),
        ("[foo] and [a](b) and \\[c]", "\\[foo] and \\[a](b) and \\[c]"),
        ("Vec<u8> <b>", "Vec\\<u8> \\<b>"),
        (
            "See https://a.example/b?c=d, or <http://e.example>.",
            "See <https://a.example/b?c=d>, or <http://e.example>.",
        ),
        ("[x](https://a.example)", "\\[x](<https://a.example>)"),
        ("\\https://a.example", "\\<https://a.example>"),
        ("a ` b\n`[x]` ``c`[y]", "a \\` b\n`[x]` \\`\\`c\\`\\[y]"),
        ("a\r\nb\rc\u{202e}\u{0}", "a\nb\nc"),
    ] {
        assert_eq!(docs::escaped(text), expected, "{text:?}");
    }
}

/// Collects the texts of all documentation.
#[derive(Default)]
struct Docs(Vec<String>);

impl Visit<'_> for Docs {
    fn visit_attribute(&mut self, attribute: &Attribute) {
        if attribute.path().is_ident("doc")
            && let Meta::NameValue(doc) = &attribute.meta
            && let Expr::Lit(literal) = &doc.value
            && let Lit::Str(text) = &literal.lit
        {
            self.0.push(text.value());
        }
    }
}

/// Descriptions that rustdoc would run or refuse.
const ODD: [&str; 8] = [
    "```\npanic!(\"a code block\");\n```",
    "A list:\n\n1. ```\n   panic!(\"a block in a list\");\n   ```\n\n> ~~~\n> panic!(\"a quoted block\");\n> ~~~",
    "An indented sample:\n\n    panic!(\"indented\");\n\n\tpanic!(\"tab\");\n\n-      panic!(\"list\");\n\n>     panic!(\"quoted\");",
    "* a\n*     panic!(\"stars\");\n* [foo]: b",
    "[foo], [`bar`], [a](nothing::here), [^1], <b>, Vec<u8>, https://example.com/a, <!-- ",
    "A ` tick and\n`[foo]` and ```rust",
    "a */ b /* c\r\n```rust\rpanic!(\"an open block\");",
    "\u{202e}/ text\u{0}",
];

fn generated_docs() -> Vec<String> {
    let mut found = Vec::new();
    for odd in ODD {
        let described = |mut schema: Value| {
            schema["description"] = odd.into();
            schema
        };
        let properties = json!({
            "text": described(json!({"type": "string"})),
            "word": described(json!({"allOf": [reference("Word")]})),
            odd: {"type": "boolean"},
        });
        let others = json!({
            "Word": described(json!({"type": "string", "enum": ["a"]})),
            "Name": described(json!({"type": "string", "maxLength": 9})),
            "Union": described(json!({"oneOf": [{"type": "string"}, {"type": "integer"}]})),
        });
        let document = document(&with(&properties, &others), |document| {
            let body = &mut document["components"]["schemas"]["Body"];
            *body = described(body.take());
            let operation = &mut document["paths"]["/do"]["post"];
            operation["summary"] = odd.into();
            operation["parameters"] =
                json!([{"name": "p", "in": "query", "description": odd, "schema": {"type": "string"}}]);
            *operation = described(operation.take());
        });
        let generated = generate::generate(&document, Parts { schemas: false, mock: false }).unwrap();
        let mut docs = Docs::default();
        docs.visit_file(&generated.client);
        found.extend(docs.0);
    }
    found
}

#[test]
fn rustdoc_runs_no_code_of_a_description_and_has_no_warning() {
    let docs = generated_docs();
    for text in ["panic!(\"tab\")", "example.com/a", "a */ b"] {
        let count = docs.iter().filter(|doc| doc.contains(text)).count();
        assert!(count > 6, "{text}: {count}");
    }
    // Formatted as in the build.
    let items = docs.iter().enumerate().map(|(i, text)| -> syn::Item {
        let name = syn::Ident::new(&format!("Item{i}"), proc_macro2::Span::call_site());
        syn::parse_quote!(#[doc = #text] pub struct #name;)
    });
    let items = items.collect::<Vec<_>>();
    let file = syn::parse_quote!(#(#items)*);
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("lib.rs"), prettyplease::unparse(&file)).unwrap();
    let rustdoc = |arguments: &[&str]| -> Output {
        let mut command = Command::new("rustdoc");
        command.args(["--edition", "2024", "lib.rs"]).args(arguments).current_dir(directory.path());
        command.output().unwrap()
    };
    let tested = rustdoc(&["--test"]);
    let stdout = String::from_utf8_lossy(&tested.stdout);
    assert!(stdout.contains("running 0 tests"), "{stdout}{}", String::from_utf8_lossy(&tested.stderr));
    let documented = rustdoc(&["-D", "warnings"]);
    assert!(documented.status.success(), "{}", String::from_utf8_lossy(&documented.stderr));
}
