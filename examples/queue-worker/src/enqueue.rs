//! `enqueue`: adds each line of a file to the queue as a text, or nothing if a line is invalid.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use clap::builder::NonEmptyStringValueParser;
use distribute_ai::Client;
use sha2::{Digest, Sha256};
use sqlx::Row as _;

use crate::{
    InvalidInput, Outcome,
    connection::random_name,
    messages::{describe, is_connection_error, print_line, print_note},
    store::Store,
};

/// The number of texts in one statement, which limits its size to some tens of megabytes.
const TEXTS_PER_INSERT: usize = 5_000;

/// The number of attempts after a lost connection.
const MAX_ATTEMPTS: u32 = 5;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The text file, with one text per line; `-` reads standard input; empty lines are skipped
    file: PathBuf,

    /// The voice: one of the API's names (leo, nora) or the id of a voice file
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    voice: Option<String>,

    /// The unique name of this batch. If the queue has this batch already, nothing is added
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    batch: Option<String>,
}

/// Reads the texts of the file.
///
/// # Errors
/// - if the file is unreadable, is not UTF-8 or contains no text
/// - if the library would not submit a line, such as one of one character
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
    // Nothing is sent, so any key will do.
    let client = Client::builder().api_key("unused").build().map_err(|error| error.to_string())?;
    let mut texts = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        client.speak(line).hash().map_err(|error| format!("line {number}: {error}"))?;
        if line.contains('\0') {
            return Err(format!("line {number}: contains a NUL character, which Postgres cannot store"));
        }
        texts.push(line.to_owned());
    }
    if texts.is_empty() {
        Err("input is empty or contains only white space, expected a text per line".into())
    } else {
        Ok(texts)
    }
}

pub(crate) async fn run(store: &Store, texts: &[String], args: &Args) -> anyhow::Result<Outcome> {
    // A batch without a name has a random one, so that a lost confirmation does not add it twice.
    let name = args.batch.clone().unwrap_or_else(random_name);
    let mut attempts = 1;
    let batch = loop {
        match store.add_batch(&name, texts, args.voice.as_deref()).await {
            Ok(batch) => break batch,
            Err(error) if is_connection_error(&error) && attempts < MAX_ATTEMPTS => {
                print_note!(
                    "note: connection to the database lost, retrying; if this command does not end, repeat it with \
                     `--batch {name}`, which adds the texts once: {}",
                    describe(&error)
                );
            }
            // The first attempt may have added the texts, whatever the last error is.
            Err(error) if attempts > 1 => {
                let problem = format!(
                    "the texts may have been added; repeat the command with `--batch {name}`, which adds them once"
                );
                return Err(error.context(problem));
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(Duration::from_millis(200 << attempts)).await;
        attempts += 1;
    };
    let Batch { texts, first, last, .. } = batch;
    let verb = if batch.is_new || attempts > 1 { "enqueued" } else { "already enqueued" };
    if texts == 1 {
        print_line!("1 text {verb}, key {first}");
    } else {
        print_line!("{texts} texts {verb}, keys {first} to {last}");
    }
    Ok(Outcome::Success)
}

/// Texts that were added together.
#[derive(Debug, PartialEq)]
pub(crate) struct Batch {
    texts: i64,
    first: i64,
    last: i64,
    /// `false` if the queue had the batch already.
    is_new: bool,
}

const INSERT: [&str; 2] = [
    "INSERT INTO speeches (text, voice, since, due) SELECT value, $2, unixepoch(), unixepoch() \
     FROM json_each($1) ORDER BY key RETURNING number",
    "INSERT INTO speeches (text, voice, since, due) SELECT value, $2, unixepoch(), unixepoch() \
     FROM jsonb_array_elements_text($1::jsonb) WITH ORDINALITY AS texts (value, key) ORDER BY key RETURNING number",
];

impl Store {
    /// Adds all texts to the queue in one transaction, unless there is a batch of this name.
    ///
    /// # Errors
    /// - [`InvalidInput`] if the batch of this name has other texts or another voice
    pub(crate) async fn add_batch(
        &self,
        name: &str,
        texts: &[String],
        voice: Option<&str>,
    ) -> anyhow::Result<Batch> {
        let digest = digest(texts, voice);
        let mut transaction = self.pool.begin().await?;
        // A second process with the same name waits here for the end of the first one's transaction.
        let insert = "INSERT INTO batches (name, digest, texts, first, last) VALUES ($1, $2, $3, 0, 0) \
                      ON CONFLICT (name) DO NOTHING";
        let insert = sqlx::query(insert).bind(name).bind(&digest).bind(i64::try_from(texts.len())?);
        if insert.execute(&mut *transaction).await?.rows_affected() == 0 {
            let select = "SELECT digest, texts, first, last FROM batches WHERE name = $1";
            let row = sqlx::query(select).bind(name).fetch_one(&mut *transaction).await?;
            transaction.rollback().await?;
            if row.try_get::<String, _>(0)? != digest {
                let problem =
                    format!("--batch {name}: the queue has this batch with other texts; choose another name");
                return Err(InvalidInput(problem).into());
            }
            let batch = Batch {
                texts: row.try_get(1)?,
                first: row.try_get(2)?,
                last: row.try_get(3)?,
                is_new: false,
            };
            return Ok(batch);
        }
        let (mut first, mut last) = (i64::MAX, 0);
        for texts in texts.chunks(TEXTS_PER_INSERT) {
            let insert = sqlx::query_scalar(INSERT[usize::from(self.is_postgres)]);
            let numbers: Vec<i64> =
                insert.bind(serde_json::to_string(texts)?).bind(voice).fetch_all(&mut *transaction).await?;
            first = numbers.iter().copied().fold(first, i64::min);
            last = numbers.iter().copied().fold(last, i64::max);
        }
        let update = "UPDATE batches SET first = $2, last = $3 WHERE name = $1";
        sqlx::query(update).bind(name).bind(first).bind(last).execute(&mut *transaction).await?;
        transaction.commit().await.context("could not commit the texts")?;
        Ok(Batch { texts: i64::try_from(texts.len())?, first, last, is_new: true })
    }
}

/// Returns a digest of the texts and the voice. Lines contain no line feed, so the parts are unambiguous.
fn digest(texts: &[String], voice: Option<&str>) -> String {
    let mut hash = Sha256::new();
    for part in std::iter::once(voice.unwrap_or_default()).chain(texts.iter().map(String::as_str)) {
        hash.update(part);
        hash.update("\n");
    }
    let hash: Vec<_> = hash.finalize().iter().map(u8::to_string).collect();
    hash.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tests::store_with_texts;

    #[test]
    fn texts_are_the_trimmed_lines_that_are_not_empty() {
        assert_eq!(parse_texts("One.\r\n\n  \n Two. \n").unwrap(), ["One.", "Two."]);
        assert_eq!(parse_texts(&"é".repeat(4096)).unwrap().len(), 1);
    }

    #[test]
    fn text_that_the_library_would_not_submit_is_reported_with_its_line() {
        assert_eq!(
            parse_texts("One.\n\nx\n").unwrap_err(),
            "line 3: input: length 1 is too short, expected at least 2 characters"
        );
        let long = "x".repeat(4097);
        assert!(parse_texts(&long).unwrap_err().starts_with("line 1: input: length 4097 is too long"));
        assert!(
            parse_texts("One.\n\u{200b}\u{200b}").unwrap_err().starts_with("line 2: input: contains only")
        );
        let id = "1b671a64-40d5-491e-99b0-da01ff1f3341";
        assert!(parse_texts(id).unwrap_err().starts_with("line 1: input: is a task id"));
        assert!(parse_texts("One.\0").unwrap_err().starts_with("line 1: contains a NUL character"));
        assert_eq!(
            parse_texts(" \n").unwrap_err(),
            "input is empty or contains only white space, expected a text per line"
        );
    }

    #[tokio::test]
    async fn batch_is_added_once_and_rejected_with_other_texts() {
        let (_directory, store) = store_with_texts(&["Zero"]).await;
        let texts: Vec<_> = (0..=TEXTS_PER_INSERT).map(|number| format!("Text \"{number}\"")).collect();
        let batch = store.add_batch("b", &texts, Some("nora")).await.unwrap();
        let last = i64::try_from(texts.len()).unwrap() + 1;
        assert_eq!(batch, Batch { texts: last - 1, first: 2, last, is_new: true });
        let again = store.add_batch("b", &texts, Some("nora")).await.unwrap();
        assert_eq!(again, Batch { is_new: false, ..batch });
        for (texts, voice) in [(&texts[1..], Some("nora")), (&texts, None)] {
            let error = store.add_batch("b", texts, voice).await.unwrap_err();
            assert!(error.is::<InvalidInput>(), "{error}");
        }
        let claimed = store.claim(texts.len() + 9, "w", "t", "s", 60).await.unwrap();
        assert_eq!(claimed.len(), texts.len() + 1);
        let last = claimed.iter().find(|text| text.claim.number == last).unwrap();
        assert_eq!((&last.text, last.voice.as_deref()), (texts.last().unwrap(), Some("nora")));
    }
}
