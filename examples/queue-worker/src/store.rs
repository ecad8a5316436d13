//! The connection to the database and its tables. The URL selects `SQLite` or Postgres.

use std::{str::FromStr, time::Duration};

use anyhow::Context;
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use sqlx::{
    ConnectOptions, Connection, PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{InvalidInput, messages::DatabaseProblem};

/// The time that a process waits for the write lock of a `SQLite` file. `SQLite` allows one writer at a time,
/// and each write takes some milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

const QUEUE_NOT_FOUND: &str = "queue not found, create it with `enqueue` first";

/// The size of the connection pool. Connections serve the two queues, the heartbeats, and the writes of
/// concurrent jobs.
const MAX_CONNECTIONS: u32 = 8;

/// Returns the statement that creates the ledger. The databases differ only in the type of an
/// auto-incremented key.
macro_rules! create_ledger {
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

/// Creates the table of the queue's backend: the API or simulators. The first worker inserts the single row.
/// The primary key prevents a second row, even if several workers start at once.
const CREATE_SPOKEN_BY: &str =
    "CREATE TABLE IF NOT EXISTS spoken_by (one INTEGER PRIMARY KEY CHECK (one = 1), kind TEXT NOT NULL)";

const CREATE_INDEX: &str = "CREATE INDEX IF NOT EXISTS speeches_by_state ON speeches (state, number)";

/// The connection pool of the queue's database.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs the same code with the pool of either database. sqlx has a type for each database, so the code is
/// compiled twice.
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
    /// Connects and creates missing tables. The database itself is created if the URL requests this
    /// (`mode=rwc`).
    pub(crate) async fn create(url: &str) -> anyhow::Result<Self> {
        let store = Self::connect(url, true).await?;
        // Retry, because two processes that start at once on a new SQLite file conflict. The second one then
        // succeeds.
        let mut attempts = 0;
        while let Err(error) = store.create_tables().await {
            attempts += 1;
            if attempts == 5 || DatabaseProblem::find(&error).is_some() {
                return Err(error.context("could not create the tables of the queue"));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(store)
    }

    /// Connects to a database that [`create`](Self::create) has set up.
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        let store = Self::connect(url, false).await?;
        let query = with_pool!(&store, pool => {
            sqlx::query("SELECT 1 FROM speeches LIMIT 1").execute(pool).await.map(drop)
        });
        let Err(error) = query.map_err(anyhow::Error::new) else { return Ok(store) };
        if DatabaseProblem::find(&error).is_some() {
            return Err(error.context("could not read the queue"));
        }
        Err(InvalidInput(format!("--database: {QUEUE_NOT_FOUND} ({error})")).into())
    }

    async fn connect(url: &str, create: bool) -> anyhow::Result<Self> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            // A claim must be on disk before the request is sent. This overrides the setting of the server.
            let options = PgConnectOptions::from_str(url)
                .map_err(connect_error)?
                .options([("synchronous_commit", "on")]);
            // Connect once without the pool, which would retry an unreachable server for 30 seconds.
            options.connect().await.map_err(connect_error)?.close().await.map_err(connect_error)?;
            return Ok(Self::Postgres(
                PgPoolOptions::new().max_connections(MAX_CONNECTIONS).connect_lazy_with(options),
            ));
        }
        if !url.starts_with("sqlite:") || url.contains(":memory:") || url.contains("mode=memory") {
            let problem = "--database: unsupported URL, expected sqlite://FILE or postgres://USER@HOST/NAME; \
                           in-memory databases are not supported";
            return Err(InvalidInput(problem.into()).into());
        }
        let mut options = SqliteConnectOptions::from_str(url).map_err(connect_error)?;
        if !create {
            if !options.get_filename().exists() {
                let file = options.get_filename().display();
                return Err(InvalidInput(format!("--database: {file}: {QUEUE_NOT_FOUND}")).into());
            }
            options = options.create_if_missing(false);
        }
        // A claim must be on disk before the request is sent, even after a power failure. The `setup`
        // function of apalis is not used, because it turns `synchronous` off.
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        options.connect().await.map_err(connect_error)?.close().await.map_err(connect_error)?;
        Ok(Self::Sqlite(sqlite_pool(options, MAX_CONNECTIONS)))
    }

    async fn create_tables(&self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(pool) => {
                SqliteStorage::<()>::migrations().run(pool).await?;
                sqlx::query(create_ledger!("INTEGER PRIMARY KEY AUTOINCREMENT")).execute(pool).await?;
                sqlx::query(CREATE_INDEX).execute(pool).await?;
                sqlx::query(CREATE_SPOKEN_BY).execute(pool).await?;
            }
            Self::Postgres(pool) => {
                PostgresStorage::<()>::setup(pool).await.context("could not run the apalis migrations")?;
                sqlx::query(create_ledger!("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"))
                    .execute(pool)
                    .await?;
                sqlx::query(CREATE_INDEX).execute(pool).await?;
                sqlx::query(CREATE_SPOKEN_BY).execute(pool).await?;
            }
        }
        Ok(())
    }
}

/// Returns the error for a database that cannot be opened. It contains the message of sqlx and no part of the
/// URL, which may contain a password.
fn connect_error(error: sqlx::Error) -> anyhow::Error {
    let message = error.to_string();
    let error = anyhow::Error::new(error);
    if DatabaseProblem::find(&error).is_some() {
        return error.context("could not open the database");
    }
    InvalidInput(format!("--database: {message}")).into()
}

/// Creates a pool that closes a released connection whose transaction has not ended.
///
/// After an error such as a full disk, `SQLite` may roll back on its own. The rollback of sqlx then fails, and
/// sqlx runs the next transactions of this connection as savepoints of one that never ends: a commit writes
/// nothing to disk, and a rollback keeps the write lock.
fn sqlite_pool(options: SqliteConnectOptions, max_connections: u32) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(max_connections)
        .after_release(|connection, _| {
            Box::pin(async move {
                // A dropped transaction is rolled back before the response to the ping.
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_lazy_with(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn commit_after_full_disk_and_rollback_is_written_and_frees_lock() {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(directory.path().join("queue.db"))
            .create_if_missing(true)
            .busy_timeout(Duration::ZERO)
            .journal_mode(SqliteJournalMode::Wal);
        // The limit stands in for a full disk: both are reported with the same code.
        let pool = sqlite_pool(options.clone().pragma("max_page_count", "8"), 1);
        sqlx::query("CREATE TABLE texts (text TEXT)").execute(&pool).await.unwrap();
        let insert = "INSERT INTO texts (text) VALUES ($1)";

        let mut full = pool.begin().await.unwrap();
        let error = sqlx::query(insert).bind("x".repeat(1 << 20)).execute(&mut *full).await.unwrap_err();
        assert_eq!(DatabaseProblem::find(&error.into()), Some(DatabaseProblem::NotWritable));
        drop(full);
        let mut dropped = pool.begin().await.unwrap();
        sqlx::query(insert).bind("rolled back").execute(&mut *dropped).await.unwrap();
        drop(dropped);
        let mut committed = pool.begin().await.unwrap();
        sqlx::query(insert).bind("committed").execute(&mut *committed).await.unwrap();
        committed.commit().await.unwrap();

        let mut other = options.connect().await.unwrap();
        let texts: Vec<String> =
            sqlx::query_scalar("SELECT text FROM texts").fetch_all(&mut other).await.unwrap();
        assert_eq!(texts, ["committed"]);
        sqlx::query(insert).bind("other").execute(&mut other).await.unwrap();
    }
}
