//! Messages to the user: hints for database errors, and untrusted text in a form that is safe to print.

use std::{fmt, io, io::Write as _, sync::LazyLock};

use indicatif::ProgressBar;
use sqlx::{error::DatabaseError, postgres::PgDatabaseError, sqlite::SqliteError};

/// Prints a line to standard output. `println!` would panic if the line cannot be written: the disk may be
/// full, or the reader of a pipe may have exited.
macro_rules! print_line {
    ($($arg:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($arg)*);
    }};
}
pub(crate) use print_line;

/// Prints a line to standard error, like [`print_line!`].
macro_rules! print_note {
    ($($arg:tt)*) => { $crate::messages::note(format_args!($($arg)*)) };
}
pub(crate) use print_note;

/// The progress bar of a worker. It is invisible unless standard error is a terminal.
pub(crate) static BAR: LazyLock<ProgressBar> = LazyLock::new(ProgressBar::hidden);

pub(crate) fn note(line: fmt::Arguments<'_>) {
    BAR.suspend(|| drop(writeln!(io::stderr(), "{line}")));
}

/// Writes log events to standard error, above the progress bar.
#[derive(Debug)]
pub(crate) struct LogWriter;

impl io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        BAR.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The longest text from a server that is printed, in characters.
const MAX_CHARACTERS: usize = 500;

/// Returns untrusted text on one line: without control characters, which could control a terminal or forge a
/// line of a log, and cut to 500 characters.
pub(crate) fn printable(text: &str) -> String {
    let end = text.char_indices().nth(MAX_CHARACTERS).map(|(end, _)| end);
    // Control characters, line separators, and the characters that reorder the text around them.
    let is_removed =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let line = text[..end.unwrap_or(text.len())].replace(is_removed, " ");
    if end.is_some() { line + "…" } else { line }
}

/// Returns an error and its causes. A cause that the message before ends with is not repeated: the errors of sqlx
/// contain theirs.
pub(crate) fn describe(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match text.as_str() {
        "" => cause,
        _ if text.ends_with(&cause) => text,
        _ => format!("{text}: {cause}"),
    })
}

/// A database error that a person has to resolve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum DatabaseProblem {
    /// Another process has kept the `SQLite` file locked for the whole timeout.
    Locked,
    /// The disk of the `SQLite` file is full or has failed.
    NotWritable,
    /// The Postgres user may not create tables.
    PermissionDenied,
}

impl DatabaseProblem {
    /// Returns the problem if it is among the causes of the error.
    pub(crate) fn find(error: &anyhow::Error) -> Option<Self> {
        error
            .chain()
            .filter_map(|cause| cause.downcast_ref::<Box<dyn DatabaseError>>())
            .find_map(|error| Self::from_database_error(&**error))
    }

    fn from_database_error(error: &dyn DatabaseError) -> Option<Self> {
        // The lower 8 bits of a SQLite code are the error, the higher bits are the reason.
        const BUSY: i32 = 5;
        const IO_ERROR: i32 = 10;
        const FULL: i32 = 13;
        let code = error.code()?;
        if error.try_downcast_ref::<PgDatabaseError>().is_some() {
            return (code == "42501").then_some(Self::PermissionDenied);
        }
        // The codes of Postgres are ignored below, because some are numeric too.
        error.try_downcast_ref::<SqliteError>()?;
        match code.parse::<i32>().ok()? & 0xff {
            BUSY => Some(Self::Locked),
            // On a full disk, SQLite reports an I/O error for the file of its shared memory.
            IO_ERROR | FULL => Some(Self::NotWritable),
            _ => None,
        }
    }

    /// Returns what the user can do.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Locked => {
                "another process is writing to the database file: try again; if that process is suspended, resume \
                 it with `kill -s CONT PID`"
            }
            Self::NotWritable => {
                "the database file could not be written; check the free space and the quota of its disk"
            }
            Self::PermissionDenied => {
                "the database user needs the permission to create tables; an administrator can grant it \
                 with `GRANT CREATE ON SCHEMA public TO user`"
            }
        }
    }
}

/// Returns `true` if the connection to the database was lost, so that the outcome of the statement is unknown.
pub(crate) fn is_connection_error(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<sqlx::Error>()).any(|error| match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_) => true,
        // Postgres is shutting down or starting, or a pooler has lost its connection.
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

    use super::*;

    #[test]
    fn printable_text_is_cut_and_has_no_control_characters() {
        assert_eq!(printable("7\u{1b}[31m\r\nerror: all\u{202e}lost"), "7 [31m  error: all lost");
        assert_eq!(printable(&"é".repeat(500)), "é".repeat(500));
        assert_eq!(printable(&"é".repeat(500_000)), "é".repeat(500) + "…");
    }

    #[test]
    fn cause_is_described_once() {
        let error = sqlx::Error::Io(io::Error::other("refused"));
        let error = anyhow::Error::new(error).context("could not connect");
        assert_eq!(describe(&error), "could not connect: error communicating with database: refused");
    }

    #[tokio::test]
    async fn database_problem_is_found_by_code_of_sqlite() {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(directory.path().join("queue.db"))
            .create_if_missing(true)
            .busy_timeout(Duration::ZERO);
        let mut first = options.connect().await.unwrap();
        let mut second = options.connect().await.unwrap();
        let begin = "BEGIN IMMEDIATE";
        sqlx::query(begin).execute(&mut first).await.unwrap();
        let locked = sqlx::query(begin).execute(&mut second).await.unwrap_err();
        let locked = anyhow::Error::new(locked).context("could not create the tables");
        assert_eq!(DatabaseProblem::find(&locked), Some(DatabaseProblem::Locked));

        sqlx::query("PRAGMA max_page_count = 1").execute(&mut first).await.unwrap();
        let full = sqlx::query("CREATE TABLE a (b)").execute(&mut first).await.unwrap_err();
        assert_eq!(DatabaseProblem::find(&full.into()), Some(DatabaseProblem::NotWritable));

        let other = sqlx::query("no SQL").execute(&mut second).await.unwrap_err();
        assert_eq!(DatabaseProblem::find(&other.into()), None);
    }
}
