//! The documentation of the generated code: texts of the document as Markdown.
//!
//! rustdoc compiles and runs each code block without a language, and `cargo doc` warns of links to nothing, of HTML and
//! of bare addresses. A description is written by others for another reader. Here it keeps its words, code spans and
//! fenced blocks, and everything else of it is text.

use syn::{Attribute, Expr, ImplItem, Item, Lit, Meta};

/// Escapes the documentation of all items, also that which is made of descriptions, names and values.
pub(crate) fn escape(items: &mut [Item]) {
    for item in items {
        match item {
            Item::Mod(module) => {
                let items = module.content.as_mut().map_or(&mut [][..], |(_, items)| items);
                escape(items);
                escape_attributes(&mut module.attrs);
            }
            Item::Struct(item) => {
                escape_attributes(&mut item.attrs);
                item.fields.iter_mut().for_each(|field| escape_attributes(&mut field.attrs));
            }
            Item::Enum(item) => {
                escape_attributes(&mut item.attrs);
                for variant in &mut item.variants {
                    escape_attributes(&mut variant.attrs);
                    variant.fields.iter_mut().for_each(|field| escape_attributes(&mut field.attrs));
                }
            }
            Item::Impl(block) => {
                escape_attributes(&mut block.attrs);
                for item in &mut block.items {
                    if let ImplItem::Fn(method) = item {
                        escape_attributes(&mut method.attrs);
                    }
                }
            }
            Item::Type(item) => escape_attributes(&mut item.attrs),
            _ => {}
        }
    }
}

fn escape_attributes(attributes: &mut [Attribute]) {
    for attribute in attributes.iter_mut().filter(|attribute| attribute.path().is_ident("doc")) {
        if let Meta::NameValue(doc) = &mut attribute.meta
            && let Expr::Lit(literal) = &mut doc.value
            && let Lit::Str(text) = &mut literal.lit
        {
            *text = syn::LitStr::new(&escaped(&text.value()), text.span());
        }
    }
}

/// Returns a text as Markdown whose code blocks are text, without links, HTML and bare addresses.
pub(crate) fn escaped(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.replace(is_refused, "");
    let mut lines = Vec::new();
    // The fence of the open code block.
    let mut open: Option<String> = None;
    for line in text.split('\n') {
        let content = line.trim_start_matches([' ', '\t']);
        lines.push(match open.take() {
            Some(fence) if is_end(content, &fence) => fence,
            Some(fence) => {
                open = Some(fence);
                line.to_owned()
            }
            None => match fence(content) {
                Some(fence) => {
                    open = Some(fence.to_owned());
                    format!("{fence}text")
                }
                None => escaped_line(line),
            },
        });
    }
    lines.extend(open);
    lines.join("\n")
}

/// The compiler refuses these characters in a comment: control characters, and those that change the direction of text.
fn is_refused(letter: char) -> bool {
    (letter.is_control() && !['\n', '\t'].contains(&letter))
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns the fence that a line begins with.
fn fence(line: &str) -> Option<&str> {
    let (ticks, tildes) = (run(line, '`'), run(line, '~'));
    let is_span = line[ticks.len()..].contains('`');
    [ticks, tildes].into_iter().find(|fence| fence.len() >= 3).filter(|_| !is_span)
}

fn is_end(line: &str, fence: &str) -> bool {
    let line = line.trim_end();
    line.len() >= fence.len() && fence.chars().next().is_some_and(|letter| run(line, letter) == line)
}

/// Returns the letters at the start of a text that are equal to `letter`.
fn run(text: &str, letter: char) -> &str {
    &text[..text.len() - text.trim_start_matches(letter).len()]
}

fn escaped_line(line: &str) -> String {
    let mut rest = line.trim_start_matches([' ', '\t']);
    let indent = &line[..line.len() - rest.len()];
    // Four columns would be a code block.
    let is_code = indent.len() > 3 || indent.contains('\t');
    let mut escaped = if is_code { "   ".to_owned() } else { indent.to_owned() };
    while let Some(letter) = rest.chars().next() {
        let (copied, is_text) = match letter {
            '\\' if rest[1..].starts_with(|next: char| next.is_ascii_punctuation()) => (&rest[..2], false),
            '`' => code_span(rest).map_or_else(|| (run(rest, '`'), true), |span| (span, false)),
            '~' => (run(rest, '~'), run(rest, '~').len() >= 3),
            '[' => ("[", true),
            '<' | 'h' if !url(rest).is_empty() => {
                let url = url(rest);
                escaped.extend(["<", url, ">"]);
                rest = match rest.strip_prefix('<') {
                    Some(address) => address[url.len()..].trim_start_matches('>'),
                    None => &rest[url.len()..],
                };
                continue;
            }
            '<' => ("<", true),
            // After the mark of a list or a quotation, more spaces would begin a code block.
            ' ' | '\t' => {
                escaped.push(' ');
                rest = rest.trim_start_matches([' ', '\t']);
                continue;
            }
            _ => (&rest[..letter.len_utf8()], false),
        };
        for letter in copied.chars() {
            escaped.extend(is_text.then_some('\\'));
            escaped.push(letter);
        }
        rest = &rest[copied.len()..];
    }
    escaped
}

/// Returns the code span that a text begins with, if it ends in the same line.
fn code_span(text: &str) -> Option<&str> {
    let ticks = run(text, '`').len();
    let mut end = ticks;
    while end < text.len() {
        end += text[end..].find('`')?;
        let found = run(&text[end..], '`').len();
        end += found;
        if found == ticks {
            return Some(&text[..end]);
        }
    }
    None
}

/// Returns the address that a text begins with, without the `<` before it and the punctuation after it.
fn url(text: &str) -> &str {
    let text = text.strip_prefix('<').unwrap_or(text);
    if !["http://", "https://"].iter().any(|scheme| text.starts_with(scheme)) {
        return "";
    }
    let is_end = |letter: char| letter.is_whitespace() || "<>[](){}`\"'\\|*".contains(letter);
    let end = text.find(is_end).unwrap_or(text.len());
    text[..end].trim_end_matches(['.', ',', ':', ';', '!', '?'])
}
