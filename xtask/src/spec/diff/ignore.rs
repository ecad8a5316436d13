//! Findings that somebody has looked at and lets pass: each with a reason, and for a time.

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

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    ignore: Vec<Entry>,
}

/// What is let pass: what all of its marks say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rule: Option<String>,
    /// Either document's; what lies within it counts.
    pointer: Option<String>,
    fingerprint: Option<String>,
    reason: String,
    /// The last day on which it holds.
    expires: String,
}

/// The findings that the file does not let pass.
pub(super) fn apply(path: &Path, findings: Vec<Finding>) -> Result<Vec<Finding>, Failure> {
    let name = path.display().to_string();
    let text = transaction::read(path, ExitClass::Usage)?;
    let file: File = toml::from_str(&text).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    let all = findings.len();
    let (left, errors) = filter(&file.ignore, findings, &today());
    diagnostics::fail_on(errors.into_iter().map(|error| format!("{name}: {error}")).collect())?;
    let ignored = all - left.len();
    if ignored > 0 {
        diagnostics::warn([format!("{name}: {ignored} of {all} findings ignored")]);
    }
    Ok(left)
}

/// What is left, and what is wrong with the entries.
fn filter(entries: &[Entry], findings: Vec<Finding>, today: &str) -> (Vec<Finding>, Vec<String>) {
    let mut errors = Vec::new();
    let mut used = vec![false; entries.len()];
    for (number, entry) in (1..).zip(entries) {
        errors.extend(entry.fault(today).map(|fault| format!("entry {number} ({}): {fault}", entry.marks())));
    }
    let mut left = Vec::new();
    for finding in findings {
        let mut ignored = false;
        for (entry, used) in entries.iter().zip(&mut used) {
            if entry.is_about(&finding) {
                *used = true;
                ignored = true;
            }
        }
        if !ignored {
            left.push(finding);
        }
    }
    for ((number, entry), _) in (1..).zip(entries).zip(used).filter(|(_, used)| !used) {
        errors.push(format!("entry {number} ({}): matches no finding; take it out", entry.marks()));
    }
    (left, errors)
}

impl Entry {
    fn is_about(&self, finding: &Finding) -> bool {
        let within = |pointer: &String| {
            let pointer = Pointer::new(pointer.as_str());
            finding.base.is_within(&pointer) || finding.revision.is_within(&pointer)
        };
        self.rule.as_ref().is_none_or(|rule| *rule == finding.rule.id)
            && self.pointer.as_ref().is_none_or(within)
            && self.fingerprint.as_ref().is_none_or(|fingerprint| *fingerprint == finding.fingerprint)
            && (self.rule.is_some() || self.pointer.is_some() || self.fingerprint.is_some())
    }

    fn fault(&self, today: &str) -> Option<String> {
        if self.marks().is_empty() {
            return Some("expected a rule, a pointer or a fingerprint".to_owned());
        }
        if self.reason.trim().is_empty() {
            return Some("expected a reason".to_owned());
        }
        if let Some(rule) = self.rule.as_ref().filter(|rule| rules::by_id(rule).is_none()) {
            return Some(format!("`{rule}` is no rule; `cargo xtask spec checks` lists them"));
        }
        match (self.expires.parse::<Date>(), today.parse::<Date>()) {
            (Err(error), _) => Some(format!("expires: {error}; expected a date as in \"2030-01-31\"")),
            (Ok(end), Ok(today)) if end < today => Some(format!("expired on {end}")),
            _ => None,
        }
    }

    fn marks(&self) -> String {
        let marks = [&self.rule, &self.pointer, &self.fingerprint];
        marks.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ")
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
    fn filtered(text: &str, left: usize, said: &str) {
        let (findings, errors) = filter(&[entry(text)], findings(), "2026-06-15");
        assert_eq!(findings.len(), left);
        assert_eq!(errors.is_empty(), said.is_empty(), "{errors:?}");
        assert!(errors.iter().all(|error| error.contains(said)), "{errors:?}");
    }

    #[test]
    fn an_entry_is_about_a_rule_a_pointer_or_a_fingerprint() {
        filtered("rule = \"info-changed\"\nexpires = \"2026-06-15\"", 0, "");
        filtered("pointer = \"/info/title\"\nexpires = \"2026-06-15\"", 1, "");
        filtered("pointer = \"/info\"\nexpires = \"2026-06-15\"", 0, "");
        let fingerprint = &findings()[1].fingerprint;
        filtered(&format!("fingerprint = \"{fingerprint}\"\nexpires = \"2026-06-15\""), 1, "");
    }

    #[test]
    fn marks_of_one_entry_hold_together() {
        filtered("rule = \"info-changed\"\npointer = \"/info/x\"\nexpires = \"2026-06-15\"", 1, "");
    }

    #[test]
    fn an_entry_that_is_expired_unused_or_wrong_is_an_error() {
        filtered("rule = \"info-changed\"\nexpires = \"2026-06-14\"", 0, "expired on 2026-06-14");
        filtered("pointer = \"/nowhere\"\nexpires = \"2026-06-15\"", 2, "matches no finding");
        filtered("rule = \"info-changed\"\nexpires = \"soon\"", 0, "expected a date");
        let (_, errors) =
            filter(&[entry("rule = \"no-such\"\nexpires = \"2026-06-15\"")], findings(), "2026-06-15");
        assert!(errors[0].contains("is no rule") && errors[1].contains("matches no finding"), "{errors:?}");
    }

    #[test]
    fn an_entry_without_a_mark_ignores_nothing() {
        let (left, errors) = filter(&[entry("expires = \"2026-06-15\"")], findings(), "2026-06-15");
        assert_eq!(left.len(), 2);
        assert!(errors[0].contains("expected a rule, a pointer or a fingerprint"), "{errors:?}");
    }
}
