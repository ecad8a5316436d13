//! Applies `macro_rules!` to tokens.

use std::collections::BTreeMap;

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Expr, Ident, Lit, Meta, Result, Type,
    ext::IdentExt,
    parse::{ParseStream, Parser},
};

/// The patterns of a macro, each with the tokens that the macro stands for.
pub(super) struct Rules(Vec<(TokenStream, TokenStream)>);

/// The tokens that a variable of a pattern matched, or the list of a variable in a repetition.
#[derive(Clone)]
enum Value {
    Tokens(TokenStream),
    List(Vec<Value>),
}

type Values = BTreeMap<String, Value>;

enum Part {
    Token(TokenTree),
    /// `$name:kind`, or `$name` outside of a pattern.
    Variable(String, String),
    /// `$(…),*`, with the tokens and the separator.
    Repetition(TokenStream, Option<TokenTree>),
}

impl Rules {
    pub(super) fn new(tokens: TokenStream) -> Self {
        let groups = tokens.into_iter().filter_map(|token| match token {
            TokenTree::Group(group) => Some(group.stream()),
            _ => None,
        });
        let groups: Vec<_> = groups.collect();
        Self(groups.chunks_exact(2).map(|rule| (rule[0].clone(), rule[1].clone())).collect())
    }

    /// Returns the tokens of the first rule whose pattern matches.
    pub(super) fn apply(&self, input: &TokenStream) -> Option<TokenStream> {
        self.0.iter().find_map(|(pattern, body)| {
            let values = (|input: ParseStream<'_>| matched(pattern, input)).parse2(input.clone());
            Some(substituted(body, &values.ok()?))
        })
    }
}

fn parts(tokens: &TokenStream, is_pattern: bool) -> Vec<Part> {
    let (mut parts, mut tokens) = (Vec::new(), tokens.clone().into_iter());
    while let Some(token) = tokens.next() {
        if token.to_string() != "$" {
            parts.push(Part::Token(token));
            continue;
        }
        match tokens.next() {
            Some(TokenTree::Group(group)) => {
                let is_separator = |token: &TokenTree| !["*", "+", "?"].contains(&&*token.to_string());
                let separator = tokens.next().filter(is_separator);
                // The operator after the separator.
                let _ = separator.as_ref().and_then(|_| tokens.next());
                parts.push(Part::Repetition(group.stream(), separator));
            }
            Some(name) => {
                let kind = if is_pattern { tokens.nth(1) } else { None };
                let kind = kind.map(|kind| kind.to_string()).unwrap_or_default();
                parts.push(Part::Variable(name.to_string(), kind));
            }
            None => {}
        }
    }
    parts
}

/// Returns the variables of a pattern, or of other tokens.
fn variables(tokens: &TokenStream, is_pattern: bool) -> Vec<String> {
    let names = parts(tokens, is_pattern).into_iter().flat_map(|part| match part {
        Part::Variable(name, _) => vec![name],
        Part::Repetition(inner, _) => variables(&inner, is_pattern),
        Part::Token(TokenTree::Group(group)) => variables(&group.stream(), is_pattern),
        Part::Token(_) => Vec::new(),
    });
    names.collect()
}

fn matched(pattern: &TokenStream, input: ParseStream<'_>) -> Result<Values> {
    let mut values = Values::new();
    for part in parts(pattern, true) {
        match part {
            Part::Variable(name, kind) => {
                values.insert(name, Value::Tokens(fragment(&kind, input)?));
            }
            Part::Repetition(inner, separator) => {
                let round = |input: ParseStream<'_>, is_first: bool| {
                    if let Some(separator) = separator.as_ref().filter(|_| !is_first) {
                        expect(separator, input)?;
                    }
                    matched(&inner, input)
                };
                let mut rounds: Vec<Values> = Vec::new();
                while !input.is_empty() && round(&input.fork(), rounds.is_empty()).is_ok() {
                    rounds.push(round(input, rounds.is_empty())?);
                }
                for name in variables(&inner, true) {
                    let list = rounds.iter().map(|values| values[&name].clone()).collect();
                    values.insert(name, Value::List(list));
                }
            }
            Part::Token(TokenTree::Group(expected)) => match input.parse()? {
                TokenTree::Group(group) if group.delimiter() == expected.delimiter() => {
                    let inner = |input: ParseStream<'_>| matched(&expected.stream(), input);
                    values.extend(inner.parse2(group.stream())?);
                }
                _ => return Err(input.error("another token")),
            },
            Part::Token(expected) => expect(&expected, input)?,
        }
    }
    Ok(values)
}

fn expect(expected: &TokenTree, input: ParseStream<'_>) -> Result<()> {
    let token: TokenTree = input.parse()?;
    if token.to_string() == expected.to_string() { Ok(()) } else { Err(input.error("another token")) }
}

fn fragment(kind: &str, input: ParseStream<'_>) -> Result<TokenStream> {
    Ok(match kind {
        "expr" => input.parse::<Expr>()?.to_token_stream(),
        "ident" => input.call(Ident::parse_any)?.to_token_stream(),
        "literal" => input.parse::<Lit>()?.to_token_stream(),
        "meta" => input.parse::<Meta>()?.to_token_stream(),
        "tt" => input.parse::<TokenTree>()?.to_token_stream(),
        "ty" => input.parse::<Type>()?.to_token_stream(),
        _ => panic!("fragments of the kind `{kind}` are unknown to {}", file!()),
    })
}

fn substituted(body: &TokenStream, values: &Values) -> TokenStream {
    let mut tokens = TokenStream::new();
    for part in parts(body, false) {
        match part {
            Part::Variable(name, _) if name == "crate" => tokens.extend(quote!(crate)),
            Part::Variable(name, _) => match values.get(&name) {
                Some(Value::Tokens(value)) => tokens.extend(value.clone()),
                _ => panic!("`${name}` has no value, or a list"),
            },
            Part::Repetition(inner, separator) => {
                let lists: Vec<_> = variables(&inner, false)
                    .into_iter()
                    .filter_map(|name| match values.get(&name) {
                        Some(Value::List(list)) => Some((name, list)),
                        _ => None,
                    })
                    .collect();
                for round in 0..lists.first().map_or(0, |(_, list)| list.len()) {
                    tokens.extend(separator.clone().filter(|_| round > 0));
                    let mut values = values.clone();
                    values.extend(lists.iter().map(|(name, list)| (name.clone(), list[round].clone())));
                    tokens.extend(substituted(&inner, &values));
                }
            }
            Part::Token(TokenTree::Group(group)) => {
                let inner = substituted(&group.stream(), values);
                tokens.extend([TokenTree::Group(Group::new(group.delimiter(), inner))]);
            }
            Part::Token(token) => tokens.extend([token]),
        }
    }
    tokens
}
