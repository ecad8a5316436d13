//! `openapi/volatile.toml`: values that differ each time a page is rendered, such as a default drawn at random.
//!
//! `drift` and `accept` replace such a value with the accepted one before they validate the page. The value is therefore
//! neither reported nor written. An ignored finding would only be hidden from the report.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::manifest::Sources;
use crate::{
    failure::Failure,
    json::{self, Pointer},
    spec::diagnostics::{self, fail_on},
    workspace::Workspace,
};

/// The pointers of each page, with the reasons.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Volatile(BTreeMap<String, BTreeMap<String, String>>);

impl Volatile {
    /// Reads the table. Returns an empty one if the file does not exist.
    pub(crate) fn read(root: &Workspace, sources: &Sources) -> Result<Self, Failure> {
        let path = root.volatile();
        let table: Self = root.read_toml(&path)?;
        let file = root.relative(&path);
        let problems = table.problems(sources).into_iter();
        fail_on(problems.map(|problem| format!("{file}: {problem}")).collect())?;
        Ok(table)
    }

    fn problems(&self, sources: &Sources) -> Vec<String> {
        let mut problems = Vec::new();
        for (page, values) in &self.0 {
            if !sources.contains_key(page) {
                problems
                    .push(format!("[{page}]: unknown page, expected a page listed in openapi/sources.toml"));
            }
            for (pointer, reason) in values {
                if !pointer.starts_with('/') {
                    problems
                        .push(format!("[{page}] {pointer:?}: invalid pointer, expected `/` at its start"));
                }
                if reason.trim().is_empty() {
                    problems.push(format!("[{page}] {pointer:?}: expected a reason"));
                }
            }
        }
        problems
    }

    /// Returns the published document of a page with the accepted values.
    ///
    /// A value is replaced only by one of the same type, so that every other change is reported.
    pub(super) fn replace(&self, page: &str, published: &str, accepted: &str) -> String {
        let mut text = published.to_owned();
        for pointer in self.0.get(page).into_iter().flat_map(BTreeMap::keys) {
            let at = Pointer::new(pointer.as_str());
            let [before, after] = [accepted, published].map(|document| json::text_at(document, &at));
            let problem = match (before, after) {
                (Some(before), Some(after)) if is_same_type(before, after) => {
                    text = json::replace_at(&text, &at, before).unwrap_or(text);
                    continue;
                }
                (None, None) => "matches no value of the page; remove the line",
                (_, Some(after)) if after.starts_with(['{', '[']) => "expected a number, a string or a flag",
                _ => continue,
            };
            diagnostics::warn([format!("openapi/volatile.toml: [{page}] {pointer:?}: {problem}")]);
        }
        text
    }
}

/// Returns `true` for two numbers, two strings or two flags.
fn is_same_type(before: &str, after: &str) -> bool {
    let [before, after] = [before, after].map(|text| serde_json::from_str(text).unwrap_or_default());
    matches!(
        (before, after),
        (Value::Number(_), Value::Number(_))
            | (Value::String(_), Value::String(_))
            | (Value::Bool(_), Value::Bool(_))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Volatile {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn replace_keeps_accepted_values_of_the_same_type_only() {
        let table = table("[a]\n\"/n\" = \"r\"\n\"/s\" = \"r\"\n\"/b\" = \"r\"\n\"/none\" = \"r\"\n");
        let accepted = r#"{"n": 1.50, "s": "x", "b": true}"#;
        let published = r#"{"n":2,"s":"y","b":false,"new":3}"#;
        assert_eq!(table.replace("a", published, accepted), r#"{"n":1.50,"s":"x","b":true,"new":3}"#);
        assert_eq!(table.replace("b", published, accepted), published);
        for changed in [r#"{"n": "2", "s": null, "b": {}}"#, r#"{"x": 1}"#] {
            assert_eq!(table.replace("a", changed, accepted), changed);
            assert_eq!(table.replace("a", accepted, changed), accepted);
        }
    }

    #[test]
    fn problems_name_unknown_pages_invalid_pointers_and_missing_reasons() {
        let sources = Sources::from([("a".to_owned(), "https://x.y/a".parse().unwrap())]);
        let problems = table("[a]\n\"/n\" = \" \"\nn = \"r\"\n[b]\n").problems(&sources);
        assert_eq!(
            problems,
            [
                "[a] \"/n\": expected a reason",
                "[a] \"n\": invalid pointer, expected `/` at its start",
                "[b]: unknown page, expected a page listed in openapi/sources.toml",
            ]
        );
        assert!(table("[a]\n\"/n\" = \"r\"\n").problems(&sources).is_empty());
    }
}
