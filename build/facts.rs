//! Values of the document that the generator leaves out, and the servers of single operations.

use std::collections::BTreeSet;

use serde_json::Value;
use syn::{ImplItemFn, Item, parse_quote};

use super::{
    Problem,
    names::{Operation, operations, resolve, resolve_schema},
    server_url,
    supported::{REMEDY, whole_number},
};

/// Returns the `facts` module.
pub(crate) fn module(document: &Value) -> Result<Item, Problem> {
    let base_url = server(document).ok_or_else(|| {
        Problem::new("/servers/0/url", "missing, expected the URL of the API, the default of `base_url`")
    })?;
    let key_header = key_header(document)?;
    let without_key = operations(document)
        .filter(|operation| matches!(key_scheme(document, operation), Ok(None)))
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

/// Returns the header that carries the key.
fn key_header(document: &Value) -> Result<String, Problem> {
    let mut found: Option<String> = None;
    for operation in operations(document) {
        let scheme = key_scheme(document, &operation).ok().flatten();
        let Some(name) = scheme.and_then(|scheme| scheme["name"].as_str()) else { continue };
        let name = name.to_ascii_lowercase();
        match &found {
            Some(first) if *first != name => {
                let pointer = format!("{}/security", operation.pointer);
                let problem =
                    format!("expected one header for the API key, found {first} and {name}; {REMEDY}");
                return Err(Problem::new(pointer, problem));
            }
            _ => found = Some(name),
        }
    }
    Ok(found.unwrap_or_else(|| "authorization".to_owned()))
}

/// No alternative of an operation's security is an API key in a header.
pub(crate) struct NoKeyScheme;

/// Returns the scheme with which an operation is called, and `None` if it needs no credentials.
pub(crate) fn key_scheme<'a>(
    document: &'a Value,
    operation: &Operation<'a>,
) -> Result<Option<&'a Value>, NoKeyScheme> {
    let own = operation.value.get("security").or_else(|| document.get("security"));
    let alternatives: Vec<_> =
        own.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).collect();
    let scheme = |name: &String| {
        let scheme = document["components"]["securitySchemes"].get(name)?;
        Some(resolve(document, scheme))
            .filter(|scheme| scheme["type"] == "apiKey" && scheme["in"] == "header")
    };
    let key =
        alternatives.iter().find_map(|alternative| match alternative.keys().collect::<Vec<_>>().as_slice() {
            [only] => scheme(only),
            _ => None,
        });
    let is_open = alternatives.is_empty() || alternatives.iter().any(|alternative| alternative.is_empty());
    if key.is_some() || is_open { Ok(key) } else { Err(NoKeyScheme) }
}

/// Returns the servers that receive the key, each with its pointer: the one of the document, and those of operations.
#[allow(dead_code, reason = "the build script does not check the servers")]
pub(crate) fn key_servers(document: &Value) -> Vec<(String, String)> {
    let at = |pointer: &str| format!("{pointer}/servers/0/url");
    let own = operations(document)
        .filter(|operation| matches!(key_scheme(document, operation), Ok(Some(_))))
        .filter_map(|operation| Some((at(&operation.pointer), own_server(&operation)?)));
    server(document).map(|url| (at(""), url)).into_iter().chain(own).collect()
}

/// Returns the URL of the server of the document.
pub(crate) fn server(document: &Value) -> Option<String> {
    server_url::normalized(&server_url(document)?)
}

/// Returns the lengths of the text of a speech request. Without limits, every length is allowed.
fn input_length(document: &Value) -> (usize, usize) {
    let input = document.pointer("/components/schemas/SpeechRequest/properties/input");
    let input = input.map_or(&Value::Null, |input| resolve_schema(document, input));
    let length = |name: &str| usize::try_from(whole_number(&input[name])?).ok();
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

/// Returns the URL of the server that the operation or its path has.
pub(crate) fn own_server(operation: &Operation) -> Option<String> {
    server_url::normalized(&own_server_url(operation)?)
}

/// Returns the URL of the first server that the operation or its path has, as the document writes it.
pub(crate) fn own_server_url(operation: &Operation) -> Option<String> {
    server_url(operation.value).or_else(|| server_url(operation.item))
}

/// Returns the URL of the first server as the document writes it, with the defaults of its variables.
pub(crate) fn server_url(of: &Value) -> Option<String> {
    let server = of.pointer("/servers/0")?;
    let variables = server["variables"].as_object().into_iter().flatten();
    let url = server["url"].as_str()?.to_owned();
    Some(variables.fold(url, |url, (name, variable)| {
        url.replace(&format!("{{{name}}}"), variable["default"].as_str().unwrap_or_default())
    }))
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
