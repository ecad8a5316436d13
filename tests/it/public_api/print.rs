//! Prints tokens in one line, with the paths that users write.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// Prints tokens. `rename` returns the name for a path, or `None` to keep the path.
pub(crate) fn print(tokens: TokenStream, rename: impl Fn(&[String]) -> Option<String>) -> String {
    let mut words = Vec::new();
    flatten(tokens, &mut words);
    let words = rename_paths(&without_noise(&words), rename);
    let mut line = String::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 && is_spaced(&words[at - 1], word) {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// Removes trailing commas, and the `mut` of an argument, which is not part of the signature.
fn without_noise(words: &[String]) -> Vec<String> {
    let is_noise = |at: &usize| match words[*at].as_str() {
        "mut" => *at > 0 && ["(", ","].contains(&words[at - 1].as_str()),
        "," => words.get(at + 1).is_none_or(|next| [")", ">", "]"].contains(&next.as_str())),
        _ => false,
    };
    (0..words.len()).filter(|at| !is_noise(at)).map(|at| words[at].clone()).collect()
}

/// Splits tokens into words: names, lifetimes, literals, brackets and operators. Attributes are left out.
fn flatten(tokens: TokenStream, words: &mut Vec<String>) {
    let mut joins = false;
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        let joined = std::mem::take(&mut joins);
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                words.push(open.to_owned());
                flatten(group.stream(), words);
                words.push(close.to_owned());
                words.retain(|word| !word.is_empty());
            }
            TokenTree::Punct(punct) if punct.as_char() == '#' => drop(tokens.next()),
            TokenTree::Punct(punct) => {
                let (mark, last) = (punct.as_char(), words.last_mut());
                match last {
                    Some(last)
                        if joined && matches!((last.as_str(), mark), (":", ':') | ("-" | "=", '>')) =>
                    {
                        last.push(mark);
                    }
                    _ => words.push(mark.to_string()),
                }
                joins = punct.spacing() == Spacing::Joint;
            }
            token => match words.last_mut() {
                Some(last) if last == "'" => last.push_str(&token.to_string()),
                _ => words.push(token.to_string()),
            },
        }
    }
}

fn rename_paths(words: &[String], rename: impl Fn(&[String]) -> Option<String>) -> Vec<String> {
    let (mut renamed, mut at) = (Vec::<String>::new(), 0);
    while at < words.len() {
        let after_type = renamed.last().is_some_and(|last| is_name(last) || last == ">");
        if words[at] == "::" && !after_type {
            // `::std`: a path of another crate.
            at += 1;
            continue;
        }
        if !is_name(&words[at]) || renamed.last().is_some_and(|last| last == "::") {
            renamed.push(words[at].clone());
            at += 1;
            continue;
        }
        let mut path = vec![words[at].clone()];
        while at + 2 < words.len() && words[at + 1] == "::" && is_name(&words[at + 2]) {
            path.push(words[at + 2].clone());
            at += 2;
        }
        at += 1;
        // The name of an argument or of a parameter is not a path.
        let is_path = words.get(at).is_none_or(|next| next != ":");
        renamed.push(rename(&path).filter(|_| is_path).unwrap_or_else(|| path.join("::")));
    }
    renamed
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn is_spaced(previous: &str, next: &str) -> bool {
    let is_operator = |word: &str| ["->", "=>", "=", "+", "{", "}"].contains(&word);
    let is_word =
        |word: &str| word.starts_with(|first: char| first.is_alphanumeric() || "_'\"".contains(first));
    let is_keyword = ["as", "dyn", "impl", "mut", "where"].contains(&previous);
    match (previous, next) {
        ("," | ":", _) => true,
        (_, ",") => false,
        _ if is_operator(previous) || is_operator(next) => true,
        (previous, "(" | "[" | "&" | "*" | "?") => is_keyword && previous != "impl",
        (">" | ")" | "]", next) => is_word(next),
        (previous, next) => is_word(previous) && is_word(next),
    }
}
