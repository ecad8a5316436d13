//! `enqueue`: adds each line of a file to the queue as a text, or nothing if a line is invalid.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{InvalidInput, Outcome, messages::print_line, store::Store};

/// The text lengths that the API accepts, in characters.
const TEXT_LENGTH: std::ops::RangeInclusive<usize> = 2..=4096;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The text file, with one text per line; `-` reads standard input; empty lines are skipped
    file: PathBuf,

    /// The voice: one of the API's names (leo, nora) or the id of a voice file
    #[arg(long)]
    pub(crate) voice: Option<String>,
}

/// Reads the texts of the file.
///
/// # Errors
/// - if the file is unreadable, is not UTF-8 or contains no text
/// - if a line has a length that the API does not accept
pub(crate) fn read(args: &Args) -> Result<Vec<String>, InvalidInput> {
    let name = args.file.display().to_string();
    let invalid = |problem: String| InvalidInput(format!("{name}: {problem}"));
    let bytes = if args.file == Path::new("-") {
        io::read_to_string(io::stdin().lock()).map(String::into_bytes)
    } else {
        fs::read(&args.file)
    };
    let text = String::from_utf8(bytes.map_err(|error| invalid(error.to_string()))?).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        invalid(format!("invalid UTF-8 at byte {offset}, expected UTF-8 text; convert the file"))
    })?;
    // Some editors put a byte order mark before the first line.
    parse_texts(text.strip_prefix('\u{feff}').unwrap_or(&text)).map_err(invalid)
}

fn parse_texts(text: &str) -> Result<Vec<String>, String> {
    let mut texts = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let length = line.chars().count();
        if length == 0 {
            continue;
        }
        if !TEXT_LENGTH.contains(&length) {
            let (min, max) = (TEXT_LENGTH.start(), TEXT_LENGTH.end());
            return Err(format!("line {number}: {length} characters, expected {min} to {max}"));
        }
        texts.push(line.to_owned());
    }
    if texts.is_empty() {
        Err("input is empty or contains only white space, expected a text per line".into())
    } else {
        Ok(texts)
    }
}

pub(crate) async fn run(store: &Store, texts: &[String], voice: Option<&str>) -> anyhow::Result<Outcome> {
    let numbers = store.add_texts(texts, voice).await?;
    if let [first, .., last] = numbers[..] {
        print_line!("{} texts enqueued, keys {first} to {last}", numbers.len());
    } else {
        print_line!("1 text enqueued, key {}", numbers[0]);
    }
    Ok(Outcome::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_trimmed_lines_that_are_not_empty() {
        assert_eq!(parse_texts("One.\r\n\n  \n Two. \n").unwrap(), ["One.", "Two."]);
        assert_eq!(parse_texts(&"é".repeat(4096)).unwrap().len(), 1);
    }

    #[test]
    fn text_with_invalid_length_is_reported_with_its_line() {
        assert_eq!(parse_texts("One.\n\nx\n").unwrap_err(), "line 3: 1 characters, expected 2 to 4096");
        let long = "x".repeat(4097);
        assert_eq!(parse_texts(&long).unwrap_err(), "line 1: 4097 characters, expected 2 to 4096");
        assert_eq!(
            parse_texts(" \n").unwrap_err(),
            "input is empty or contains only white space, expected a text per line"
        );
    }
}
