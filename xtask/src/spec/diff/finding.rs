//! Findings, and the worst level of several findings.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    rules::{DocumentChange, Rule},
    severity::{ClientLevel, WireLevel},
};
use crate::json::{Pointer, excerpt, normalized};

/// A change between two documents.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) rule: &'static Rule,
    /// The level of the rule, unless the schemas as a whole give the change another one.
    pub(crate) wire: WireLevel,
    pub(crate) message: String,
    /// The pointer into the old document, or of the nearest parent that exists there.
    pub(crate) base: Pointer,
    /// The pointer into the new document, or of the nearest parent that exists there.
    pub(crate) revision: Pointer,
    /// The method and path, if the change belongs to an operation.
    pub(crate) operation: Option<String>,
    /// The identity of the change. Other changes of the documents do not affect it.
    pub(crate) fingerprint: String,
    /// The name of the page, if several pages are compared.
    pub(crate) document: Option<String>,
    /// The effect on the generated client, if the clients of the documents were compared.
    pub(crate) client: ClientLevel,
    /// The differences of the generated client, as text.
    pub(crate) surface: Vec<String>,
}

/// The old and the new value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Values<'a> {
    pub(super) before: Option<&'a Value>,
    pub(super) after: Option<&'a Value>,
}

/// A finding whose place is not known yet.
#[derive(Debug)]
pub(super) struct Draft {
    rule: &'static Rule,
    base: Pointer,
    revision: Pointer,
    pub(super) subject: String,
    before: Option<Value>,
    after: Option<Value>,
}

impl Draft {
    pub(super) fn new(
        rule: &'static Rule,
        (base, revision): (Pointer, Pointer),
        subject: &str,
        values: Values,
    ) -> Self {
        let (before, after) = (values.before.cloned(), values.after.cloned());
        Self { rule, base, revision, subject: subject.to_owned(), before, after }
    }

    /// Returns the finding at a place.
    pub(super) fn finding(&self, operation: Option<&str>, place: &str) -> Finding {
        let values = Values { before: self.before.as_ref(), after: self.after.as_ref() };
        let at = (self.base.clone(), self.revision.clone());
        Finding::new(self.rule, at, operation, &format!("{place}{}", self.subject), values)
    }
}

impl Finding {
    /// Creates a finding. `subject` names the changed part. It becomes part of the fingerprint, so it must
    /// not contain anything that other changes affect, such as the target of a reference.
    pub(super) fn new(
        rule: &'static Rule,
        (base, revision): (Pointer, Pointer),
        operation: Option<&str>,
        subject: &str,
        values: Values,
    ) -> Self {
        let mut message = if subject.is_empty() { String::new() } else { format!("{subject}: ") };
        message.push_str(&rule.message);
        match (values.before, values.after) {
            (Some(before), Some(after)) => {
                let _ = write!(message, ": {} is now {}", shown(before), shown(after));
            }
            (Some(value), None) | (None, Some(value)) => {
                let _ = write!(message, ": {}", shown(value));
            }
            (None, None) => {}
        }
        let text = |value: Option<&Value>| value.map_or_else(String::new, normalized);
        let identity =
            [&rule.id, operation.unwrap_or_default(), subject, &text(values.before), &text(values.after)]
                .join("\0");
        Self {
            rule,
            wire: rule.wire,
            message,
            base,
            revision,
            operation: operation.map(str::to_owned),
            fingerprint: fingerprint(&identity),
            document: None,
            client: ClientLevel::None,
            surface: Vec::new(),
        }
    }

    /// Lowers the level to the highest one that is possible, and adds the reason to the message.
    pub(super) fn cap(&mut self, highest: WireLevel, reason: &str) {
        if self.wire > highest {
            if self.wire == self.rule.wire {
                let _ = write!(self.message, "; {} instead of {}", highest, self.wire);
            }
            let _ = write!(self.message, ", because {reason}");
            self.wire = highest;
        }
    }

    /// Adds the reasons to the message, and to the identity, because one schema may fail for others later.
    pub(super) fn because(&mut self, reasons: &[String]) {
        const SHOWN: usize = 3;
        let shown = reasons.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
        let _ = write!(self.message, ": {shown}");
        if reasons.len() > SHOWN {
            let _ = write!(self.message, "; and {} more", reasons.len() - SHOWN);
        }
        self.fingerprint = fingerprint(&format!("{}\0{}", self.fingerprint, reasons.join("\0")));
    }

    /// Returns a finding about the generated client only.
    pub(crate) fn of_client(change: DocumentChange, level: ClientLevel, difference: &str) -> Self {
        let rule = change.rule();
        let value = Value::from(difference);
        let values = Values { before: None, after: Some(&value) };
        let mut finding = Self::new(rule, Default::default(), None, "", values);
        finding.client = level;
        finding.message = format!("{}: {difference}", rule.message);
        finding
    }

    /// Returns the message with the differences of the generated client.
    pub(super) fn with_surface(&self) -> String {
        let parts: Vec<_> = std::iter::once(&self.message).chain(&self.surface).map(String::as_str).collect();
        parts.join("; ")
    }

    /// Adds a difference of the generated client that the change causes.
    pub(crate) fn add_difference(&mut self, level: ClientLevel, difference: String) {
        self.client = self.client.max(level);
        self.surface.push(difference);
    }

    /// Sets the name of the page. The name becomes part of the fingerprint, because two pages may change in
    /// the same way.
    pub(crate) fn on_page(mut self, document: &str) -> Self {
        self.fingerprint = fingerprint(&format!("{document}\0{}", self.fingerprint));
        self.document = Some(document.to_owned());
        if self.operation.is_none() {
            self.message = format!("{document}: {}", self.message);
        }
        self
    }

    /// Moves the pointers to the nearest parents that exist in the documents as they are written.
    pub(crate) fn locate(&mut self, base: &Value, revision: &Value) {
        (self.base, self.revision) = (self.base.nearest_in(base), self.revision.nearest_in(revision));
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "rule": self.rule.id,
            "wire": self.wire.as_str(),
            "client": self.client.as_str(),
            "surface": self.surface,
            "message": self.message,
            "base_pointer": self.base.as_str(),
            "revision_pointer": self.revision.as_str(),
            "operation": self.operation,
            "fingerprint": self.fingerprint,
        })
    }
}

/// Returns a value as the message has it. A schema with its reference is shown as the reference.
fn shown(value: &Value) -> String {
    match value.get("$ref") {
        Some(reference @ Value::String(_)) => excerpt(&json!({"$ref": reference})),
        _ => excerpt(value),
    }
}

/// Returns the worst level of the findings on each axis.
pub(crate) fn worst(findings: &[Finding]) -> (WireLevel, ClientLevel) {
    let wire = findings.iter().map(|finding| finding.wire).max();
    let client = findings.iter().map(|finding| finding.client).max();
    (wire.unwrap_or_default(), client.unwrap_or_default())
}

/// Returns the first 64 bits of the SHA-256 digest as hex digits, which is enough to distinguish the findings
/// of one run.
fn fingerprint(identity: &str) -> String {
    let digest = Sha256::digest(identity.as_bytes());
    digest.iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
