//! One change and what it means, and all of them together.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    normalized::normalized,
    rules::Rule,
    severity::{ClientLevel, WireLevel},
};
use crate::json::{Pointer, excerpt};

/// A change between two documents.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) rule: &'static Rule,
    pub(crate) message: String,
    /// Where it is in the old document, or else the nearest thing around it.
    pub(crate) base: Pointer,
    pub(crate) revision: Pointer,
    /// Method and path, where it is one operation's.
    pub(crate) operation: Option<String>,
    /// The same as long as the change is the same, whatever else changes.
    pub(crate) fingerprint: String,
    /// The name of the document, where there is more than one pair.
    pub(crate) document: Option<String>,
}

/// What was there and what is there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Values<'a> {
    pub(super) before: Option<&'a Value>,
    pub(super) after: Option<&'a Value>,
}

impl Finding {
    /// `subject` says what changed in words that no other change moves: not by index, not by reference.
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
                let _ = write!(message, ": {} is now {}", excerpt(before), excerpt(after));
            }
            (Some(value), None) | (None, Some(value)) => {
                let _ = write!(message, ": {}", excerpt(value));
            }
            (None, None) => {}
        }
        let spelled = |value: Option<&Value>| value.map_or_else(String::new, normalized);
        let identity = [
            &rule.id,
            operation.unwrap_or_default(),
            subject,
            &spelled(values.before),
            &spelled(values.after),
        ]
        .join("\0");
        Self {
            rule,
            message,
            base,
            revision,
            operation: operation.map(str::to_owned),
            fingerprint: fingerprint(&identity),
            document: None,
        }
    }

    /// Says which document it is about: two documents may change in the same way.
    pub(crate) fn of(mut self, document: &str) -> Self {
        self.fingerprint = fingerprint(&format!("{document}\0{}", self.fingerprint));
        self.document = Some(document.to_owned());
        if self.operation.is_none() {
            self.message = format!("{document}: {}", self.message);
        }
        self
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "rule": self.rule.id,
            "wire": self.rule.wire.as_str(),
            "client": self.rule.client.as_str(),
            "message": self.message,
            "base_pointer": self.base.as_str(),
            "revision_pointer": self.revision.as_str(),
            "operation": self.operation,
            "fingerprint": self.fingerprint,
        })
    }
}

/// The worst of each axis.
pub(crate) fn worst(findings: &[Finding]) -> (WireLevel, ClientLevel) {
    let wire = findings.iter().map(|finding| finding.rule.wire).max();
    let client = findings.iter().map(|finding| finding.rule.client).max();
    (wire.unwrap_or_default(), client.unwrap_or_default())
}

/// The first 64 bits of the sum, in hex: enough to tell the findings of one run apart.
fn fingerprint(identity: &str) -> String {
    let digest = Sha256::digest(identity.as_bytes());
    digest.iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
