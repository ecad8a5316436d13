//! The database: `SQLite` or Postgres, by its URL.

use std::{str::FromStr, time::Duration};

use anyhow::Context;
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use sqlx::{
    ConnectOptions, Connection, PgPool, SqlitePool,
    error::DatabaseError,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteError, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::BadInput;

/// How long one process waits for another that is writing to the same `SQLite` file: writers take turns there, each for
/// some milliseconds.
const TURN: Duration = Duration::from_secs(30);

/// For the two queues, the signs of life, and what a few jobs write at a time.
const CONNECTIONS: u32 = 8;

/// The ledger, as both databases take it but for the type of a number that counts up by itself.
macro_rules! table {
    ($number:literal) => {
        concat!(
            "CREATE TABLE IF NOT EXISTS speeches (number ",
            $number,
            ", text TEXT NOT NULL, voice TEXT,
            state TEXT NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'submitting', 'submitted', 'done', 'failed', 'in doubt')),
            since BIGINT NOT NULL, server TEXT, worker TEXT, claim TEXT, task TEXT, problem TEXT)"
        )
    };
}

/// One row: whether the API or simulators speak the texts. The first worker settles it, and its primary key lets in no
/// second one, however many start at once.
const SPOKEN_BY: &str =
    "CREATE TABLE IF NOT EXISTS spoken_by (one INTEGER PRIMARY KEY CHECK (one = 1), kind TEXT NOT NULL)";

const INDEX: &str = "CREATE INDEX IF NOT EXISTS speeches_by_state ON speeches (state, number)";

#[derive(Clone, Debug)]
pub(crate) enum Store {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// The same with whichever pool there is. sqlx has a type for each database, so this is written once and compiled twice.
macro_rules! with_pool {
    ($store:expr, $pool:ident => $body:expr) => {
        match $store {
            $crate::store::Store::Sqlite($pool) => $body,
            $crate::store::Store::Postgres($pool) => $body,
        }
    };
}
pub(crate) use with_pool;

impl Store {
    /// Connects, and makes what isn't there: the database if its URL says so, the tables anyway.
    pub(crate) async fn create(url: &str) -> anyhow::Result<Self> {
        let store = Self::connect(url, true).await?;
        // Two that start at once on a new SQLite file run into each other, and the later one finds it done.
        let mut attempts = 0;
        while let Err(error) = store.set_up().await {
            attempts += 1;
            if attempts == 5 {
                return Err(error.context("could not make the tables of the queue"));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(store)
    }

    /// Connects to what [`create`](Self::create) has made.
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        let store = Self::connect(url, false).await?;
        let there = with_pool!(&store, pool => {
            sqlx::query("SELECT 1 FROM speeches LIMIT 1").execute(pool).await.map(drop)
        });
        there.map_err(|error| BadInput(format!("--database: there is no queue ({error})")))?;
        Ok(store)
    }

    async fn connect(url: &str, create: bool) -> anyhow::Result<Self> {
        // The URL may hold a password: of what is wrong, sqlx's words are told, and no part of it.
        let refused = |error: sqlx::Error| BadInput(format!("--database: {error}"));
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            // A claim must be on the disk before its request leaves, whatever the server's own setting.
            let options =
                PgConnectOptions::from_str(url).map_err(refused)?.options([("synchronous_commit", "on")]);
            // A pool would go on trying for half a minute where nobody listens.
            options.connect().await.map_err(refused)?.close().await.map_err(refused)?;
            return Ok(Self::Postgres(
                PgPoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(options),
            ));
        }
        if !url.starts_with("sqlite:") || url.contains(":memory:") || url.contains("mode=memory") {
            let problem =
                "--database: needs sqlite://FILE or postgres://USER@HOST/NAME, for a queue that lasts";
            return Err(BadInput(problem.into()).into());
        }
        let mut options = SqliteConnectOptions::from_str(url).map_err(refused)?;
        if !create {
            options = options.create_if_missing(false);
        }
        // A claim must be on the disk before its request leaves, also if the power fails. apalis's own `setup` would turn
        // `synchronous` off.
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(TURN);
        options.connect().await.map_err(refused)?.close().await.map_err(refused)?;
        Ok(Self::Sqlite(SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(options)))
    }

    async fn set_up(&self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(pool) => {
                SqliteStorage::<()>::migrations().run(pool).await?;
                sqlx::query(table!("INTEGER PRIMARY KEY AUTOINCREMENT")).execute(pool).await?;
                sqlx::query(INDEX).execute(pool).await?;
                sqlx::query(SPOKEN_BY).execute(pool).await?;
            }
            Self::Postgres(pool) => {
                PostgresStorage::<()>::setup(pool).await.context("apalis")?;
                sqlx::query(table!("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")).execute(pool).await?;
                sqlx::query(INDEX).execute(pool).await?;
                sqlx::query(SPOKEN_BY).execute(pool).await?;
            }
        }
        Ok(())
    }
}

/// Whether it was another process's turn all the time. `SQLite`'s code for that has its reason in the higher bits; what
/// Postgres calls a code may be a number as well, and means something else.
pub(crate) fn is_locked(error: &anyhow::Error) -> bool {
    const BUSY: i32 = 5;
    error.chain().any(|cause| {
        let cause = cause.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
        let Some(cause) = cause.and_then(|cause| cause.try_downcast_ref::<SqliteError>()) else {
            return false;
        };
        cause.code().and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| code & 0xff == BUSY)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_locked_file_is_told_from_what_else_goes_wrong() {
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
        assert!(is_locked(&anyhow::Error::new(locked).context("could not make the tables")));
        let other = sqlx::query("no SQL").execute(&mut first).await.unwrap_err();
        assert!(!is_locked(&other.into()));
    }
}
