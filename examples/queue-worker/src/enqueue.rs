//! `enqueue`: a text for each line, all of them or none.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{BadInput, Outcome, store::Store};

/// What the API takes, in characters.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=4096;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The texts, one a line; `-` reads standard input; empty lines are left out
    file: PathBuf,

    /// A voice of the API (leo, nora) or the id of a voice file
    #[arg(long)]
    pub(crate) voice: Option<String>,
}

/// The texts of the file, each of a length that the API takes.
pub(crate) fn read(args: &Args) -> Result<Vec<String>, BadInput> {
    let name = args.file.display().to_string();
    let refused = |problem: String| BadInput(format!("{name}: {problem}"));
    let bytes = if args.file == Path::new("-") {
        io::read_to_string(io::stdin().lock()).map(String::into_bytes)
    } else {
        fs::read(&args.file)
    };
    let text = String::from_utf8(bytes.map_err(|error| refused(error.to_string()))?).map_err(|error| {
        refused(format!("is no text in UTF-8 from byte {} on", error.utf8_error().valid_up_to()))
    })?;
    texts(&text).map_err(refused)
}

fn texts(text: &str) -> Result<Vec<String>, String> {
    let mut texts = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let length = line.chars().count();
        if length == 0 {
            continue;
        }
        if !LENGTHS.contains(&length) {
            let (least, most) = (LENGTHS.start(), LENGTHS.end());
            return Err(format!("line {number} has {length} characters; a text has {least} to {most}"));
        }
        texts.push(line.to_owned());
    }
    if texts.is_empty() { Err("there is nothing in it to speak".into()) } else { Ok(texts) }
}

pub(crate) async fn run(store: &Store, texts: &[String], voice: Option<&str>) -> anyhow::Result<Outcome> {
    let numbers = store.add(texts, voice).await?;
    match numbers[..] {
        [first, .., last] => println!("{} texts enqueued, {first} to {last}", numbers.len()),
        _ => println!("1 text enqueued, {}", numbers[0]),
    }
    Ok(Outcome::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_that_is_not_empty_is_a_text() {
        assert_eq!(texts("One.\r\n\n  \n Two. \n").unwrap(), ["One.", "Two."]);
        assert_eq!(texts(&"é".repeat(4096)).unwrap().len(), 1);
    }

    #[test]
    fn what_the_api_would_refuse_is_refused_with_its_line() {
        assert_eq!(texts("One.\n\nx\n").unwrap_err(), "line 3 has 1 characters; a text has 2 to 4096");
        let long = "x".repeat(4097);
        assert_eq!(texts(&long).unwrap_err(), "line 1 has 4097 characters; a text has 2 to 4096");
        assert_eq!(texts(" \n").unwrap_err(), "there is nothing in it to speak");
    }
}
