//! The names of the document in the generated code.

use syn::{Attribute, Expr, Ident, LitStr, Token, Type, ext::IdentExt};

/// Normalises a name, because the generator and the document spell it with different case and separators.
pub(crate) fn key(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The serde attributes of a field or a variant.
pub(crate) struct SerdeNames {
    /// The name in JSON.
    pub(crate) wire_name: String,
    /// The field may be missing in JSON, although its type is not an `Option`.
    pub(crate) may_be_missing: bool,
}

impl SerdeNames {
    pub(crate) fn of(attributes: &[Attribute], ident: &Ident) -> Self {
        let mut names = Self { wire_name: ident.unraw().to_string(), may_be_missing: false };
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            // The generator writes only the forms that are read here.
            let _ = attribute.parse_nested_meta(|meta| {
                let has_value = meta.input.peek(Token![=]);
                if meta.path.is_ident("rename") {
                    names.wire_name = meta.value()?.parse::<LitStr>()?.value();
                } else if has_value {
                    meta.value()?.parse::<Expr>()?;
                } else {
                    names.may_be_missing |= meta.path.is_ident("default") || meta.path.is_ident("flatten");
                }
                Ok(())
            });
        }
        names
    }
}

/// Returns the last name of a type's path, such as `Vec` for `::std::vec::Vec<f64>`.
pub(crate) fn type_name(kind: &Type) -> Option<String> {
    let Type::Path(path) = kind else { return None };
    path.path.segments.last().map(|segment| segment.ident.to_string())
}
