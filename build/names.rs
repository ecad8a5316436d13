//! The names of the document in the generated code.

use heck::{ToPascalCase as _, ToSnakeCase as _};
use serde_json::Value;
use syn::{Attribute, Expr, Ident, LitStr, Token, Type, ext::IdentExt};

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// An operation of the document.
pub(crate) struct Operation<'a> {
    /// The JSON pointer of the operation.
    pub(crate) pointer: String,
    /// The path item that contains the operation.
    pub(crate) item: &'a Value,
    pub(crate) value: &'a Value,
}

impl Operation<'_> {
    /// Returns the name of the generated method.
    pub(crate) fn method(&self) -> String {
        method_name(self.value["operationId"].as_str().unwrap_or_default())
    }
}

/// Returns the operations of all paths.
pub(crate) fn operations(document: &Value) -> impl Iterator<Item = Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.filter(|(path, _)| path.starts_with('/')).flat_map(|(path, item)| {
        let path = escape(path);
        let operations = METHODS.into_iter().filter_map(|method| Some((method, item.get(method)?)));
        operations.map(move |(method, value)| Operation {
            pointer: format!("/paths/{path}/{method}"),
            item,
            value,
        })
    })
}

/// Returns a key as a part of a JSON pointer.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Returns the name of the type that the generator makes for a component.
pub(crate) fn type_ident(component: &str) -> Ident {
    Ident::new(&pascal_case(component), proc_macro2::Span::call_site())
}

/// Returns the name in the case of types and variants, which begins with a letter.
pub(crate) fn pascal_case(name: &str) -> String {
    let name = name.replace('\'', "").replace(|letter: char| !letter.is_alphanumeric() && letter != '_', "-");
    let name = name.to_pascal_case();
    match name.chars().next() {
        Some(first) if !first.is_alphabetic() => format!("X{name}"),
        None => "X".to_owned(),
        Some(_) if name == "Self" => "Self_".to_owned(),
        Some(_) => name,
    }
}

/// Returns the name of the method that the generator makes for an `operationId`.
fn method_name(id: &str) -> String {
    let name = id.replace('\'', "").replace(|letter: char| !letter.is_alphanumeric() && letter != '_', "-");
    let name = name.to_snake_case();
    match name.chars().next() {
        Some(first) if !first.is_alphabetic() => format!("_{name}"),
        None => "x".to_owned(),
        // A keyword, or a word that will be one.
        Some(_) if name == "gen" || syn::parse_str::<Ident>(&name).is_err() => format!("{name}_"),
        Some(_) => name,
    }
}

/// Follows the references to a value.
pub(crate) fn resolve<'a>(document: &'a Value, mut value: &'a Value) -> &'a Value {
    // No valid document has a longer chain.
    for _ in 0..100 {
        let target =
            value["$ref"].as_str().and_then(|reference| document.pointer(reference.strip_prefix('#')?));
        match target {
            Some(target) => value = target,
            None => break,
        }
    }
    value
}

/// Follows references, also one that annotations surround, as the only part of an `allOf`.
pub(crate) fn resolve_schema<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let schema = resolve(document, schema);
    match schema["allOf"].as_array().map(Vec::as_slice) {
        Some([part]) => resolve(document, part),
        _ => schema,
    }
}

/// Normalises a name, because the generator and the document spell it with different case and separators.
pub(crate) fn key(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Returns the normalised name of the type that the generator makes for a component.
pub(crate) fn type_key(component: &str) -> String {
    key(&pascal_case(component))
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
