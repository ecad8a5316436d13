//! The ignore file: accepted findings, each with a reason and an expiry date.

use std::path::Path;

use jiff::civil::Date;
use serde::Deserialize;

use super::{Finding, rules};
use crate::{
    date::today,
    failure::{ExitClass, Failure},
    json::Pointer,
    spec::diagnostics,
    transaction,
};

/// The ignore file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    ignore: Vec<Entry>,
}

/// An entry of the ignore file. It matches the findings that match all of its selectors: rule, pointer and
/// fingerprint.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rule: Option<String>,
    /// A pointer into either document. Findings within it match too.
    pointer: Option<String>,
    fingerprint: Option<String>,
    reason: String,
    /// The last day on which the entry is valid, such as `2030-01-31`.
    expires: String,
}

/// Returns the findings that the file does not ignore, and an error for each entry that is invalid, expired or unused.
///
/// # Errors
///
/// Returns an error if the file cannot be read.
pub(super) fn apply(path: &Path, findings: Vec<Finding>) -> Result<(Vec<Finding>, Vec<String>), Failure> {
    let name = path.display().to_string();
    let text = transaction::read(path, ExitClass::Usage)?;
    let file: File = toml::from_str(&text).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    let all = findings.len();
    let (remaining, errors) = filter(&file.ignore, findings, &today());
    let ignored = all - remaining.len();
    if ignored > 0 {
        diagnostics::warn([format!("{name}: {ignored} of {all} findings ignored")]);
    }
    Ok((remaining, errors.into_iter().map(|error| format!("{name}: {error}")).collect()))
}

/// Returns the findings that no entry matches, and the errors of the entries.
fn filter(entries: &[Entry], mut findings: Vec<Finding>, today: &str) -> (Vec<Finding>, Vec<String>) {
    let mut errors = Vec::new();
    for (number, entry) in (1..).zip(entries) {
        let problem = entry.problem(today);
        errors.extend(problem.map(|problem| format!("entry {number} ({}): {problem}", entry.selectors())));
    }
    let is_unused = |entry: &Entry| !findings.iter().any(|finding| entry.matches(finding));
    for (number, entry) in (1..).zip(entries).filter(|(_, entry)| is_unused(entry)) {
        errors.push(format!("entry {number} ({}): matches no finding; remove the entry", entry.selectors()));
    }
    findings.retain(|finding| !entries.iter().any(|entry| entry.matches(finding)));
    (findings, errors)
}

impl Entry {
    fn matches(&self, finding: &Finding) -> bool {
        let within = |pointer: &String| {
            let pointer = Pointer::new(pointer.as_str());
            finding.base.is_within(&pointer) || finding.revision.is_within(&pointer)
        };
        self.rule.as_ref().is_none_or(|rule| *rule == finding.rule.id)
            && self.pointer.as_ref().is_none_or(within)
            && self.fingerprint.as_ref().is_none_or(|fingerprint| *fingerprint == finding.fingerprint)
            && (self.rule.is_some() || self.pointer.is_some() || self.fingerprint.is_some())
    }

    /// Returns the reason why the entry is invalid, if it is.
    fn problem(&self, today: &str) -> Option<String> {
        if self.selectors().is_empty() {
            return Some("expected a rule, a pointer or a fingerprint".to_owned());
        }
        if self.reason.trim().is_empty() {
            return Some("expected a reason".to_owned());
        }
        if let Some(rule) = self.rule.as_ref().filter(|rule| rules::by_id(rule).is_none()) {
            return Some(format!("unknown rule `{rule}`; `cargo xtask spec checks` lists all rules"));
        }
        match (self.expires.parse::<Date>(), today.parse::<Date>()) {
            (Err(error), _) => Some(format!("expires: {error}, expected a date such as \"2030-01-31\"")),
            (Ok(expires), Ok(today)) if expires < today => Some(format!("expired on {expires}")),
            _ => None,
        }
    }

    fn selectors(&self) -> String {
        let selectors = [&self.rule, &self.pointer, &self.fingerprint];
        selectors.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::spec::diff::diff;

    fn findings() -> Vec<Finding> {
        diff(&json!({"info": {"title": "a", "x": 1}}), &json!({"info": {"title": "b", "x": 2}}))
    }

    fn entry(text: &str) -> Entry {
        toml::from_str(&format!("reason = \"r\"\n{text}")).unwrap()
    }

    #[track_caller]
    fn assert_filtered(text: &str, remaining: usize, message: &str) {
        let (findings, errors) = filter(&[entry(text)], findings(), "2026-06-15");
        assert_eq!(findings.len(), remaining);
        assert_eq!(errors.is_empty(), message.is_empty(), "{errors:?}");
        assert!(errors.iter().all(|error| error.contains(message)), "{errors:?}");
    }

    #[test]
    fn entry_matches_by_rule_pointer_or_fingerprint() {
        assert_filtered("rule = \"info-changed\"\nexpires = \"2026-06-15\"", 0, "");
        assert_filtered("pointer = \"/info/title\"\nexpires = \"2026-06-15\"", 1, "");
        assert_filtered("pointer = \"/info\"\nexpires = \"2026-06-15\"", 0, "");
        let fingerprint = &findings()[1].fingerprint;
        assert_filtered(&format!("fingerprint = \"{fingerprint}\"\nexpires = \"2026-06-15\""), 1, "");
    }

    #[test]
    fn entry_with_several_selectors_matches_only_findings_that_match_all() {
        assert_filtered("rule = \"info-changed\"\npointer = \"/info/x\"\nexpires = \"2026-06-15\"", 1, "");
    }

    #[test]
    fn expired_unused_or_invalid_entry_is_an_error() {
        assert_filtered("rule = \"info-changed\"\nexpires = \"2026-06-14\"", 0, "expired on 2026-06-14");
        assert_filtered("pointer = \"/nowhere\"\nexpires = \"2026-06-15\"", 2, "matches no finding");
        assert_filtered("rule = \"info-changed\"\nexpires = \"soon\"", 0, "expected a date");
        let (_, errors) =
            filter(&[entry("rule = \"no-such\"\nexpires = \"2026-06-15\"")], findings(), "2026-06-15");
        assert!(
            errors[0].contains("unknown rule `no-such`") && errors[1].contains("matches no finding"),
            "{errors:?}"
        );
    }

    #[test]
    fn entry_without_selector_ignores_nothing_and_is_an_error() {
        let (remaining, errors) = filter(&[entry("expires = \"2026-06-15\"")], findings(), "2026-06-15");
        assert_eq!(remaining.len(), 2);
        assert!(errors[0].contains("expected a rule, a pointer or a fingerprint"), "{errors:?}");
    }
}
