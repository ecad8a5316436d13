//! `readOnly` and `writeOnly`.

use crate::spec::diff::rules::{Direction, DocumentChange as Is, SchemaChange};

/// The flag that excludes a schema from one direction.
#[derive(Clone, Copy)]
pub(super) enum Access {
    ReadOnly,
    WriteOnly,
}

impl Access {
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::ReadOnly => "readOnly",
            Self::WriteOnly => "writeOnly",
        }
    }

    /// Returns the change of a schema that is not a property, when the flag is set or unset.
    pub(super) fn of_schema(self, set: bool) -> SchemaChange {
        match (self, set) {
            (Self::ReadOnly, true) => SchemaChange::BecameReadOnly,
            (Self::ReadOnly, false) => SchemaChange::BecameNotReadOnly,
            (Self::WriteOnly, true) => SchemaChange::BecameWriteOnly,
            (Self::WriteOnly, false) => SchemaChange::BecameNotWriteOnly,
        }
    }

    /// Returns the change of a property.
    pub(super) fn of_property(self, direction: Direction, required: bool, set: bool) -> Is {
        let [optional, of_required] = match (direction, self, set) {
            (Direction::Request, Self::ReadOnly, true) => {
                [Is::RequestOptionalPropertyBecameReadOnly, Is::RequestRequiredPropertyBecameReadOnly]
            }
            (Direction::Request, Self::ReadOnly, false) => {
                [Is::RequestOptionalPropertyBecameNotReadOnly, Is::RequestRequiredPropertyBecameNotReadOnly]
            }
            (Direction::Request, Self::WriteOnly, true) => {
                [Is::RequestOptionalPropertyBecameWriteOnly, Is::RequestRequiredPropertyBecameWriteOnly]
            }
            (Direction::Request, Self::WriteOnly, false) => {
                [Is::RequestOptionalPropertyBecameNotWriteOnly, Is::RequestRequiredPropertyBecameNotWriteOnly]
            }
            (Direction::Response, Self::ReadOnly, true) => {
                [Is::ResponseOptionalPropertyBecameReadOnly, Is::ResponseRequiredPropertyBecameReadOnly]
            }
            (Direction::Response, Self::ReadOnly, false) => {
                [Is::ResponseOptionalPropertyBecameNotReadOnly, Is::ResponseRequiredPropertyBecameNotReadOnly]
            }
            (Direction::Response, Self::WriteOnly, true) => {
                [Is::ResponseOptionalPropertyBecameWriteOnly, Is::ResponseRequiredPropertyBecameWriteOnly]
            }
            (Direction::Response, Self::WriteOnly, false) => [
                Is::ResponseOptionalPropertyBecameNotWriteOnly,
                Is::ResponseRequiredPropertyBecameNotWriteOnly,
            ],
        };
        if required { of_required } else { optional }
    }
}
