//! Constructors and setters, as text.

use serde_json::{Value, json};

use crate::generate::constructors;

/// Returns the items with constructors, without `::std::` and the doc comments of the input.
fn with_constructors(items: &str, schemas: &Value) -> Result<String, String> {
    let mut file: syn::File = syn::parse_str(items).unwrap();
    let document = json!({"components": {"schemas": schemas}});
    constructors::add(&mut file.items, &document).map_err(|problem| problem.to_string())?;
    Ok(prettyplease::unparse(&file).replace("::std::", ""))
}

fn schema(arguments: &Value, defaults: &Value, sent: bool) -> Value {
    json!({"x-constructor": {"arguments": arguments, "defaults": defaults, "sent": sent}})
}

#[track_caller]
fn assert_contains(text: &str, expected: &str) {
    // Ignore line breaks and trailing commas.
    let normal = |text: &str| text.split_whitespace().collect::<String>().replace(",)", ")");
    assert!(normal(text).contains(&normal(expected)), "expected {expected}\nfound {text}");
}

const ORDER: &str = "
    #[derive(Clone, Default, PartialEq)]
    pub struct Order {
        ///The text to send.
        pub item: ::std::string::String,
        #[serde(rename = \"giftNote\", skip_serializing_if = \"::std::option::Option::is_none\")]
        pub gift_note: ::std::option::Option<Note>,
        #[serde(default, skip_serializing_if = \"::std::vec::Vec::is_empty\")]
        pub tags: ::std::vec::Vec<f64>,
        pub state: ::std::option::Option<State>,
    }
    pub struct Note(::std::string::String);
    pub enum KnownState { #[serde(rename = \"OPEN\")] Open }
    pub enum State { Known(KnownState), Other(::std::string::String) }";

#[test]
fn sent_struct_gets_constructor_and_setters() {
    let schemas = json!({"order": schema(&json!(["item"]), &json!({}), true)});
    let text = with_constructors(ORDER, &schemas).unwrap();
    assert_contains(&text, "#[derive(Clone, PartialEq)] #[non_exhaustive] pub struct Order {");
    assert_contains(
        &text,
        "pub fn new(item: impl convert::Into<string::String>) -> Self {
            Self {
                item: item.into(),
                gift_note: default::Default::default(),
                tags: default::Default::default(),
                state: default::Default::default(),
            }
        }",
    );
    // A checked value is passed as it is, so that `parse` and `try_into` know its type.
    assert_contains(
        &text,
        "///Sets `giftNote`.
        #[must_use]
        pub fn gift_note(mut self, gift_note: Note) -> Self {
            self.gift_note = option::Option::Some(gift_note);
            self
        }",
    );
    assert_contains(&text, "pub fn tags(mut self, tags: impl convert::Into<vec::Vec<f64>>) -> Self");
    assert_contains(&text, "pub fn state(mut self, state: impl convert::Into<State>) -> Self");
    assert!(!text.contains("pub fn item") && !text.contains("impl Note"), "{text}");
    assert!(!text.contains("testing"), "{text}");
}

#[test]
fn setter_of_a_property_with_the_name_of_the_constructor_has_another_name() {
    let schemas = json!({"Order": schema(&json!([]), &json!({}), true)});
    let text =
        with_constructors("pub struct Order { pub new: ::std::option::Option<bool> }", &schemas).unwrap();
    assert_contains(&text, "pub fn new() -> Self {");
    assert_contains(
        &text,
        "pub fn new_(mut self, new: bool) -> Self { self.new = option::Option::Some(new); self }",
    );
}

#[test]
fn received_struct_gets_them_with_feature_testing() {
    let schemas = json!({"Order": schema(&json!(["item", "giftNote"]), &json!({}), false)});
    let text = with_constructors(ORDER, &schemas).unwrap();
    assert_contains(
        &text,
        "#[cfg(feature = \"testing\")] #[cfg_attr(docsrs, doc(cfg(feature = \"testing\")))] impl Order {",
    );
    // An argument that became optional stays an argument.
    assert_contains(&text, "gift_note: Note) -> Self");
    assert_contains(&text, "gift_note: option::Option::Some(gift_note),");
}

#[test]
fn default_of_each_kind_is_an_expression() {
    let item = "
        pub struct Receipt {
            pub text: ::std::string::String, pub count: i64, pub cost: f64, pub paid: bool,
            pub lines: ::std::vec::Vec<f64>, pub state: State, pub known: KnownState,
        }
        pub enum KnownState { #[serde(rename = \"OPEN\")] Open }
        pub enum State { Known(KnownState), Other(::std::string::String) }";
    let defaults = json!({"text": "none", "count": -1, "cost": 0, "paid": true, "lines": [], "state": "OPEN",
        "known": "OPEN"});
    let text = with_constructors(item, &json!({"Receipt": schema(&json!([]), &defaults, false)})).unwrap();
    assert_contains(
        &text,
        "Self {
            text: string::String::from(\"none\"),
            count: -1i64,
            cost: 0f64,
            paid: true,
            lines: vec::Vec::new(),
            state: <State as convert::From<&str>>::from(\"OPEN\"),
            known: KnownState::Open,
        }",
    );
    assert_contains(&text, "`cost` is `0` unless set.");
    assert_contains(&text, "pub fn cost(mut self, cost: f64) -> Self { self.cost = cost; self }");
}

#[test]
fn table_that_does_not_fit_the_struct_stops_the_build() {
    let item = "pub struct Receipt { pub id: ::std::string::String, pub state: KnownState }
        pub enum KnownState { Open }";
    for (schemas, expected) in [
        (json!({}), "no constructor"),
        (json!({"Receipt": {}}), "no constructor"),
        (
            json!({"Receipt": schema(&json!(["id"]), &json!({}), true)}),
            "required property `state` is not listed",
        ),
        (
            json!({"Receipt": schema(&json!(["id", "state", "cost"]), &json!({}), true)}),
            "unknown property `cost`",
        ),
        (
            json!({"Receipt": schema(&json!(["id"]), &json!({"state": "Closed"}), true)}),
            "unsupported default of `state`",
        ),
    ] {
        let error = with_constructors(item, &schemas).unwrap_err();
        let expected = format!("type Receipt: {expected}; correct openapi/constructors.toml");
        assert_eq!(error, format!("/components/schemas/Receipt: {expected}"));
    }
}

#[test]
fn constructor_of_a_type_that_is_no_struct_stops_the_build() {
    let schemas = json!({"Receipt": schema(&json!([]), &json!({}), true)});
    for item in ["pub enum Receipt { A(i64) }", "pub struct Receipt(i64);"] {
        let error = with_constructors(item, &schemas).unwrap_err();
        assert!(
            error.starts_with("/components/schemas/Receipt: Receipt has a constructor, but is no"),
            "{error}"
        );
    }
}
