//! The words of a 400: the place in the body, and what must hold there.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};

/// Such as `body/temperature must be <= 1`.
pub(super) fn describe(error: &ValidationError<'_>) -> String {
    let place = format!("body{}", error.instance_path());
    match error.kind() {
        Kind::Required { property } => format!("{place} must have the property {property}"),
        Kind::AdditionalProperties { unexpected } => {
            let names = unexpected.join("\", \"");
            format!("{place} must not have the property \"{names}\"")
        }
        Kind::Enum { options } => format!("{place} must be one of {options}"),
        Kind::Minimum { limit } => format!("{place} must be >= {limit}"),
        Kind::Maximum { limit } => format!("{place} must be <= {limit}"),
        Kind::MinLength { limit } => format!("{place} must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("{place} must have at most {limit} characters"),
        Kind::Pattern { pattern } => format!("{place} must match {pattern}"),
        Kind::Type { kind: TypeKind::Single(name) } => format!("{place} must be {name}"),
        _ => format!("{place} is not valid: {error}", error = error.masked()),
    }
}
