//! Reads the lines of a batch: plain lines, tab-separated values or CSV.

use std::{
    collections::HashMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use clap::ValueEnum;

/// Most file systems accept names of at most 255 bytes, and each file ends in `.wav`.
const MAX_KEY_BYTES: usize = 255 - ".wav".len();

/// The form of the input.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// A text per line. Its key is the number of the line
    Lines,
    /// A key, a tab and a text per line
    Tsv,
    /// Two columns, the key and the text, with or without the header `key,text`
    Csv,
}

impl Format {
    /// Returns the format that the ending of a path names.
    fn of_path(path: &Path) -> Self {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("tsv") => Self::Tsv,
            Some("csv") => Self::Csv,
            _ => Self::Lines,
        }
    }
}

/// An invalid argument or setting, detected before the first request.
#[derive(Debug)]
pub(crate) struct InvalidInput(pub(crate) String);

impl fmt::Display for InvalidInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidInput {}

/// Returns the key and the text of each line. A key is also the name of a file.
pub(crate) fn read(path: &Path, format: Option<Format>) -> Result<Vec<(String, String)>, InvalidInput> {
    let invalid = |problem: &dyn fmt::Display| InvalidInput(format!("{}: {problem}", path.display()));
    let text = read_text(path, &invalid)?;
    let format = format.unwrap_or_else(|| Format::of_path(path));
    let lines = (1_u64..).zip(text.lines());
    let mut rows = Vec::new();
    match format {
        Format::Lines => {
            rows.extend(lines.map(|(number, line)| (number, number.to_string(), line.to_owned())));
        }
        Format::Tsv => {
            for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
                let Some((key, text)) = line.split_once('\t') else {
                    return Err(invalid(&format!("line {number}: no tab, expected a key, a tab and a text")));
                };
                rows.push((number, key.to_owned(), text.to_owned()));
            }
        }
        Format::Csv => {
            let reader =
                csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            for record in reader.into_records() {
                let record = record.map_err(|error| invalid(&error))?;
                let number = record.position().map_or(0, csv::Position::line);
                let (Some(key), Some(text), 2) = (record.get(0), record.get(1), record.len()) else {
                    let found = record.len();
                    return Err(invalid(&format!(
                        "line {number}: {found} columns, expected a key and a text"
                    )));
                };
                if !(rows.is_empty() && (key, text) == ("key", "text")) {
                    rows.push((number, key.to_owned(), text.to_owned()));
                }
            }
        }
    }
    rows.retain(|(_, _, text)| !text.trim().is_empty());
    if rows.is_empty() {
        return Err(invalid(&"no row has a text, expected at least one"));
    }
    check_keys(&rows).map_err(|problem| invalid(&problem))?;
    Ok(rows.into_iter().map(|(_, key, text)| (key, text.trim().to_owned())).collect())
}

fn read_text(
    path: &Path,
    invalid: &dyn Fn(&dyn fmt::Display) -> InvalidInput,
) -> Result<String, InvalidInput> {
    let bytes = fs::read(path).map_err(|error| invalid(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        invalid(&format!("invalid UTF-8 at byte {offset}, expected UTF-8 text; convert the file"))
    })?;
    // Some editors put a byte order mark before the first line.
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    if text.trim().is_empty() {
        return Err(invalid(&"file is empty or contains only white space, expected a text per line"));
    }
    Ok(text)
}

/// Checks that each key can be the name of a file of its own, also where file names ignore case.
fn check_keys(rows: &[(u64, String, String)]) -> Result<(), String> {
    let mut lines = HashMap::new();
    for (line, key, _) in rows {
        let is_name = !matches!(key.as_str(), "" | "." | "..") && !key.contains(['/', '\\', '\0', ':']);
        if !is_name {
            return Err(format!("line {line}: key {key:?} is invalid, expected the name of a file"));
        }
        if key.len() > MAX_KEY_BYTES {
            let length = key.len();
            return Err(format!(
                "line {line}: key of {length} bytes is too long, expected at most {MAX_KEY_BYTES}"
            ));
        }
        if let Some(earlier) = lines.insert(key.to_lowercase(), line) {
            return Err(format!(
                "line {line}: key {key:?} is the key of line {earlier}, expected another key"
            ));
        }
    }
    Ok(())
}

/// Returns the path of the audio of a key.
pub(crate) fn audio_path(directory: &Path, key: &str) -> PathBuf {
    directory.join(format!("{key}.wav"))
}
