//! Two documents that say different things of one name, told so that both can be looked up.

use std::fmt;

use serde_json::Value;

use crate::json::{Pointer, difference, excerpt};

/// Why documents cannot be merged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conflict {
    pub(crate) rule: &'static str,
    pub(crate) first: Place,
    pub(crate) second: Place,
}

/// What was merged with a loss that a person should know of; the first one's value stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Warning(pub(crate) Conflict);

/// What a document says, and where.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) document: String,
    pub(crate) pointer: Pointer,
    /// `None` where the document says nothing and that differs.
    pub(crate) value: Option<Value>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, first, second } = self;
        write!(f, "{rule}: {first}; {second}")?;
        // Two long values look alike up to where a line ends; say where they part.
        if let (Some(a), Some(b)) = (&first.value, &second.value)
            && let Some((at, a, b)) = difference(a, b)
            && !at.as_str().is_empty()
        {
            let said = |value: Option<&Value>| value.map_or("nothing".to_owned(), excerpt);
            write!(f, "; they part at {at}: {} and {}", said(a), said(b))?;
        }
        Ok(())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_ref().map_or("nothing".to_owned(), excerpt);
        write!(f, "{}: {} is {value}", self.document, self.pointer)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; the first stands", self.0)
    }
}
