//! A strict YAML 1.2 parser for values that JSON can represent.
//!
//! The parser reads the events of `saphyr-parser` and reports the same errors as [`crate::json::parse`]: duplicate keys and
//! values that are nested too deeply, with their pointers.

mod builder;
mod scalar;

use saphyr_parser::{Event, Parser};
use serde_json::Value;

use self::builder::Builder;
use crate::json::{self, Pointer};

/// Parses a YAML stream with one document.
///
/// # Errors
///
/// Returns one syntax error or one value that JSON cannot represent, with its line and column, or one error for each
/// duplicate key with its pointer.
pub(crate) fn parse(yaml: &str) -> Result<Value, Vec<(Pointer, String)>> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(yaml) {
        let (event, span) = event.map_err(|error| {
            let (info, mark) = (error.info(), error.marker());
            if info == SCANNER_LIMIT {
                return too_deep(yaml, mark.index());
            }
            let message = format!("not YAML: {info} at line {} column {}", mark.line(), mark.col() + 1);
            vec![(Pointer::default(), message)]
        })?;
        // An error of the scanner is not the last item.
        if event == Event::StreamEnd {
            break;
        }
        builder.add(event).map_err(|message| {
            let mark = span.start;
            vec![(builder.at(), format!("{message} at line {} column {}", mark.line(), mark.col() + 1))]
        })?;
    }
    builder.finish()
}

/// The message of the scanner about 256 open brackets. It reads ahead, so it can find them before the first event.
const SCANNER_LIMIT: &str = "recursion limit exceeded";

/// Returns the error of the text before the character at `index`, which has the value that is nested too deeply.
fn too_deep(yaml: &str, index: usize) -> Vec<(Pointer, String)> {
    let before: String = yaml.chars().take(index).collect();
    parse(&before).err().unwrap_or_else(|| vec![(Pointer::default(), json::too_deep())])
}

#[cfg(test)]
mod tests;
