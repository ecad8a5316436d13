//! Tests of the code generation, as functions of syntax and of schemas.

mod constructors;
mod docs;
mod documents;
mod operations;
mod parameters;
mod unions;

use serde_json::{Value, json};
use syn::{Expr, Fields, Item, parse_quote};

use crate::generate::{self, Parts, bounded, enums, names};

/// Returns the items of the generated module `types`.
fn generated_types() -> Vec<Item> {
    let document = serde_json::from_str(include_str!("../../../openapi/distribute-ai.json")).unwrap();
    let generated = generate::generate(&document, Parts { schemas: false, mock: false }).unwrap();
    let types = generated.client.items.into_iter().find_map(|item| match item {
        Item::Mod(types) if types.ident == "types" => types.content,
        _ => None,
    });
    types.unwrap().1
}

fn unparse(item: &Item) -> String {
    prettyplease::unparse(&parse_quote!(#item))
}

fn text_of(expression: Option<&Expr>) -> Option<String> {
    let expression = expression?;
    let text = unparse(&parse_quote!(const _: () = #expression;));
    Some(text.replace("const _: () = ", "").replace(";\n", ""))
}

#[test]
fn every_generated_struct_is_extensible_and_has_a_constructor_and_setters() {
    let types = generated_types();
    let mut structs = 0;
    for item in &types {
        let Item::Struct(item) = item else { continue };
        let Fields::Named(fields) = &item.fields else { continue };
        structs += 1;
        let name = &item.ident;
        assert!(item.attrs.iter().any(|attribute| attribute.path().is_ident("non_exhaustive")), "{name}");
        let methods: Vec<_> = types
            .iter()
            .filter_map(|item| match item {
                Item::Impl(block)
                    if block.trait_.is_none()
                        && names::type_name(&block.self_ty).is_some_and(|own| name == &own) =>
                {
                    Some(&block.items)
                }
                _ => None,
            })
            .flatten()
            .filter_map(|item| match item {
                syn::ImplItem::Fn(method) => Some(&method.sig),
                _ => None,
            })
            .collect();
        let new = methods.iter().find(|method| method.ident == "new").unwrap_or_else(|| panic!("{name}"));
        // Each property is an argument of `new` or has a setter, and there is no other method.
        assert_eq!(new.inputs.len() + methods.len() - 1, fields.named.len(), "{name}");
    }
    assert!(structs > 5, "{structs}");
}

#[test]
fn open_enum_compares_and_converts() {
    let items = syn::parse_str::<syn::File>(
        "enum KnownState { #[serde(rename = \"a-b\")] Ab, C }
         #[serde(untagged)] enum State { Known(KnownState), Other(::std::string::String) }
         enum Either { Left(KnownState), Right(f64) }
         enum More { Known(KnownState), Other(::std::string::String), Third(f64) }",
    );
    let enums = enums::Enums::of(&items.unwrap().items);
    assert!(enums.is_open("State"));
    for other in ["KnownState", "Either", "More", "Unknown"] {
        assert!(!enums.is_open(other), "{other}");
    }
    let traits: Vec<_> = enums
        .implementations()
        .into_iter()
        .map(|item| {
            let Item::Impl(mut block) = item else { panic!("an item other than an impl") };
            (block.items, block.attrs) = (Vec::new(), Vec::new());
            unparse(&Item::Impl(block)).replace("::std::", "").replace("cmp::", "").replace("convert::", "")
        })
        .collect();
    assert_eq!(
        traits,
        [
            "impl PartialEq<KnownState> for State {}\n",
            "impl PartialEq<State> for KnownState {}\n",
            "impl PartialEq<str> for State {}\n",
            "impl PartialEq<&str> for State {}\n",
            "impl From<&str> for State {}\n",
            "impl From<string::String> for State {}\n",
        ]
    );
    let value = |name, text| text_of(enums.value(name, text).as_ref());
    assert_eq!(value("KnownState", "a-b").unwrap(), "KnownState::Ab");
    assert_eq!(value("KnownState", "Ab"), None);
    assert_eq!(value("Unknown", "a"), None);
}

#[test]
fn bound_of_an_integer_is_rounded_into_the_range() {
    use bounded::Limit::{self, Maximum, Minimum};

    #[track_caller]
    fn assert_bound(limit: &Value, exclusive: bool, which: Limit, expected: Option<&str>) {
        let bound = text_of(bounded::integer_bound(limit, exclusive, which).as_ref());
        let expected = expected.map(|text| format!("::std::ops::Bound::{text}"));
        assert_eq!(bound, expected, "{limit}");
    }
    assert_bound(&json!(7), false, Minimum, Some("Included(7i64)"));
    assert_bound(&json!(7), true, Maximum, Some("Excluded(7i64)"));
    assert_bound(&json!(7.0), true, Maximum, Some("Excluded(7i64)"));
    assert_bound(&json!(0.5), true, Minimum, Some("Included(1i64)"));
    assert_bound(&json!(1.5), true, Maximum, Some("Included(1i64)"));
    // Documents of JavaScript programs round the limits of an i64.
    assert_bound(&json!(9_223_372_036_854_776_000_u64), false, Maximum, Some("Unbounded"));
    assert_bound(&json!(-9.3e18), false, Minimum, Some("Unbounded"));
    assert_bound(&json!(1e300), false, Minimum, None);
    assert_bound(&json!(-1e300), false, Maximum, None);
}

#[test]
fn bounded_number_without_possible_value_stops_the_build() {
    let document = json!({"components": {"schemas": {"Size": {"type": "integer", "minimum": 1e300}}}});
    let error = bounded::bounded_numbers(&document).err().unwrap();
    assert!(error.to_string().starts_with("/components/schemas/Size/minimum: no value"), "{error}");
    let document = json!({"components": {"schemas": {"Size": {"type": "integer", "maximum": 9}}}});
    let numbers = bounded::bounded_numbers(&document).unwrap();
    assert_eq!(numbers[0].name, "Size");
    let module = unparse(&bounded::numbers_module(&numbers));
    assert!(module.contains("Size(i64)"), "{module}");
}
