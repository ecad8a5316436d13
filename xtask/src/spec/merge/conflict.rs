//! Conflicts between documents. A message names both documents and both pointers.

use std::fmt;

use serde_json::Value;

use crate::json::{Pointer, difference, excerpt};

/// A reason why two documents cannot be merged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conflict {
    pub(crate) rule: &'static str,
    pub(crate) first: Occurrence,
    pub(crate) second: Occurrence,
}

/// A difference that does not prevent the merge. The value of the first document is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Warning(pub(crate) Conflict);

/// A value in a document, and its pointer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Occurrence {
    pub(crate) document: String,
    pub(crate) pointer: Pointer,
    /// `None` if the value at this pointer is missing.
    pub(crate) value: Option<Value>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, first, second } = self;
        write!(f, "{rule}: {first}; {second}")?;
        // Long values are truncated, so show the first difference.
        if let (Some(a), Some(b)) = (&first.value, &second.value)
            && let Some((at, a, b)) = difference(a, b)
            && !at.as_str().is_empty()
        {
            let text = |value: Option<&Value>| value.map_or("nothing".to_owned(), excerpt);
            write!(f, "; first difference at {at}: {} and {}", text(a), text(b))?;
        }
        Ok(())
    }
}

impl fmt::Display for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_ref().map_or("nothing".to_owned(), excerpt);
        write!(f, "{}: {} is {value}", self.document, self.pointer)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; keeping the first", self.0)
    }
}
