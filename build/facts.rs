//! Values of the document that the generator leaves out, and the servers of single operations.

use std::collections::BTreeSet;

use serde_json::Value;
use syn::{ImplItemFn, Item, parse_quote};

use super::{
    Problem,
    names::{Operation, operations, resolve, resolve_schema},
};

/// Returns the `facts` module.
pub(crate) fn module(document: &Value) -> Result<Item, Problem> {
    let base_url = document.pointer("/servers/0/url").and_then(Value::as_str);
    let base_url = base_url.ok_or_else(|| {
        Problem::new("/servers/0/url", "missing, expected the URL of the API, the default of `base_url`")
    })?;
    let key_header = key_header(document)?;
    let without_key = operations(document)
        .filter(|operation| !needs_key(document, operation))
        .map(|operation| operation.method())
        .collect::<BTreeSet<_>>();
    let (shortest, longest) = input_length(document);
    Ok(parse_quote! {
        /// Values of the document that the generator leaves out.
        pub mod facts {
            /// The URL of the first server.
            pub const BASE_URL: &str = #base_url;
            /// The header that carries the API key.
            pub const KEY_HEADER: &str = #key_header;
            /// The operations that need no API key.
            pub const WITHOUT_KEY: &[&str] = &[#(#without_key),*];
            /// The number of characters that the text of a request may have.
            pub const INPUT_LENGTH: ::std::ops::RangeInclusive<usize> = #shortest..=#longest;
        }
    })
}

/// Returns the header of the scheme that the operations require.
fn key_header(document: &Value) -> Result<String, Problem> {
    let mut headers = BTreeSet::new();
    let requirements = operations(document).flat_map(|operation| requirements(document, &operation));
    for scheme in requirements.flat_map(|requirement| requirement.as_object().into_iter().flatten()) {
        let pointer = format!("/components/securitySchemes/{}", scheme.0);
        let found = document.pointer(&pointer).map_or(&Value::Null, |scheme| resolve(document, scheme));
        let header = found["name"].as_str().filter(|_| found["type"] == "apiKey" && found["in"] == "header");
        let header = header.ok_or_else(|| {
            Problem::new(
                &pointer,
                "expected an API key in a header, the only kind of credential that a client has",
            )
        })?;
        headers.insert(header.to_ascii_lowercase());
    }
    if headers.len() > 1 {
        let headers = headers.into_iter().collect::<Vec<_>>().join(", ");
        let problem = format!("expected one header for the API key, found {headers}");
        return Err(Problem::new("/components/securitySchemes", problem));
    }
    Ok(headers.pop_first().unwrap_or_else(|| "authorization".to_owned()))
}

fn needs_key(document: &Value, operation: &Operation) -> bool {
    requirements(document, operation)
        .any(|requirement| requirement.as_object().is_some_and(|of| !of.is_empty()))
}

/// Returns the alternative security requirements of an operation.
fn requirements<'a>(
    document: &'a Value,
    operation: &Operation<'a>,
) -> impl Iterator<Item = &'a Value> + use<'a> {
    let own = operation.value.get("security").or_else(|| document.get("security"));
    own.and_then(Value::as_array).into_iter().flatten()
}

/// Returns the lengths of the text of a speech request. Without limits, every length is allowed.
fn input_length(document: &Value) -> (usize, usize) {
    let input = document.pointer("/components/schemas/SpeechRequest/properties/input");
    let input = input.map_or(&Value::Null, |input| resolve_schema(document, input));
    let length = |name: &str| usize::try_from(input[name].as_u64()?).ok();
    (length("minLength").unwrap_or(0), length("maxLength").unwrap_or(usize::MAX))
}

/// Makes an operation with a server of its own use it, as long as the user has not set a base URL.
pub(crate) fn use_own_server(method: &mut ImplItemFn, document: &Value) {
    let own = operations(document).find(|operation| method.sig.ident == operation.method());
    let own = own.and_then(|operation| own_server(&operation));
    let Some(url) = own else { return };
    let statement = parse_quote!(let baseurl = self.server(#url););
    method.block.stmts.insert(0, statement);
    method.block.stmts.iter_mut().skip(1).for_each(replace_base_url);
}

/// Returns the URL of the first server that the operation or its path has.
pub(crate) fn own_server<'a>(operation: &Operation<'a>) -> Option<&'a str> {
    [operation.value, operation.item].into_iter().find_map(|of| of.pointer("/servers/0/url")?.as_str())
}

/// Replaces `self.baseurl` by the local variable of the statement that formats the URL.
fn replace_base_url(statement: &mut syn::Stmt) {
    if let syn::Stmt::Local(local) = statement
        && let Some(init) = &mut local.init
        && let syn::Expr::Macro(format) = &mut *init.expr
        && format.mac.path.is_ident("format")
    {
        let tokens = format.mac.tokens.to_string().replacen("self . baseurl", "baseurl", 1);
        format.mac.tokens = tokens.parse().unwrap_or_default();
    }
}
