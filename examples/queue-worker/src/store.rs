//! The connection to the database, and the versions of its schema. The URL selects `SQLite` or Postgres.

use std::{path::PathBuf, str::FromStr, time::Duration};

use anyhow::Context;
use sqlx::{
    Any, AnyPool, AssertSqlSafe, Connection, Executor, Pool, SqlSafeStr,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::{Migration, MigrationType, Migrator},
    postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};

use crate::{
    InvalidInput,
    messages::{DatabaseProblem, is_connection_error},
};

const QUEUE_NOT_FOUND: &str = "queue not found, create it with `enqueue` first";

/// The size of the connection pool. A process has few statements in progress at once: those of its finished
/// texts, two claims and the leases.
const MAX_CONNECTIONS: u32 = 8;

/// The time that a statement waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// The time that a command waits for the write lock of `SQLite`, which allows one writer at a time. A large
/// `enqueue` takes some seconds. A worker waits for less than the timeout of its operations, because a statement
/// must not be executed after its worker has given up.
pub(crate) const COMMAND_WAIT: Duration = Duration::from_secs(30);
pub(crate) const WORKER_WAIT: Duration = Duration::from_secs(3);

/// The schema, one file for each version.
const SCHEMA: [&str; 2] =
    [include_str!("../migrations/1_ledger.sql"), include_str!("../migrations/2_leases.sql")];

/// The table of the versions. The earlier program used the default name for the tables of its job queue.
const VERSIONS: &str = "queue_versions";

/// The type of an auto-incremented key. A number is never used again.
const SQLITE_KEY: &str = "INTEGER PRIMARY KEY AUTOINCREMENT";
const POSTGRES_KEY: &str = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY";

/// The function of `SQLite` that returns the time in seconds since 1970. With it, all statements are the same in
/// both databases, and only the database's clock counts. `STABLE`, so that indexes can be used.
const POSTGRES_CLOCK: &str = "CREATE OR REPLACE FUNCTION unixepoch() RETURNS BIGINT LANGUAGE sql STABLE \
                              AS 'SELECT FLOOR(EXTRACT(EPOCH FROM statement_timestamp()))::BIGINT';\n";

/// The connection pool of the queue's database.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) pool: AnyPool,
    pub(crate) is_postgres: bool,
}

impl Store {
    /// Connects, and creates or updates the tables. The database itself is created if the URL requests this
    /// (`mode=rwc`).
    pub(crate) async fn create(url: &str, wait: Duration) -> anyhow::Result<Self> {
        let store = Self::connect(url, wait).await?;
        // Retry, because two processes that start at once on a new SQLite file conflict. The second one then
        // succeeds.
        let mut attempts = 0;
        while let Err(error) = store.update_schema().await {
            attempts += 1;
            if attempts == 5 || error.is::<InvalidInput>() || DatabaseProblem::find(&error).is_some() {
                return Err(error.context("could not create the tables of the queue"));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(store)
    }

    /// Connects to a database that [`create`](Self::create) has set up.
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        if let Some(file) = sqlite_file(url)?.filter(|file| !file.exists()) {
            return Err(InvalidInput(format!("--database: {}: {QUEUE_NOT_FOUND}", file.display())).into());
        }
        let store = Self::connect(url, COMMAND_WAIT).await?;
        let query = sqlx::query("SELECT 1 FROM speeches LIMIT 1").execute(&store.pool).await;
        let Err(error) = query.map_err(anyhow::Error::new) else {
            store.update_schema().await.context("could not update the tables of the queue")?;
            return Ok(store);
        };
        if DatabaseProblem::find(&error).is_some() || is_connection_error(&error) {
            return Err(error.context("could not read the queue"));
        }
        Err(InvalidInput(format!("--database: {QUEUE_NOT_FOUND} ({error})")).into())
    }

    async fn connect(url: &str, wait: Duration) -> anyhow::Result<Self> {
        sqlx::any::install_default_drivers();
        let is_postgres = url.starts_with("postgres:") || url.starts_with("postgresql:");
        if !is_postgres && sqlite_file(url)?.is_none() {
            let problem = "--database: unsupported URL, expected sqlite://FILE or postgres://USER@HOST/NAME; \
                           in-memory databases are not supported";
            return Err(InvalidInput(problem.into()).into());
        }
        let options = AnyConnectOptions::from_str(url).map_err(connect_error)?;
        // Connect once without the pool, which would retry an unreachable server.
        let mut connection =
            sqlx::AnyConnection::connect_with(&options).await.map_err(|error| unreachable(error, url))?;
        // A commit must be on disk before the request is sent, even after a power failure.
        let settings = if is_postgres {
            "SET synchronous_commit = on".to_owned()
        } else {
            let wait = wait.as_millis();
            format!("PRAGMA busy_timeout = {wait}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        };
        connection.execute(AssertSqlSafe(settings.clone())).await.map_err(|error| unreachable(error, url))?;
        connection.close().await.map_err(|error| unreachable(error, url))?;
        Ok(Self { pool: pool(options, settings, MAX_CONNECTIONS), is_postgres })
    }

    /// Brings the schema to the version of this program.
    async fn update_schema(&self) -> anyhow::Result<()> {
        let latest = i64::try_from(SCHEMA.len())?;
        // Read first: a user without the permission to create tables can use a queue that is up to date.
        let query = AssertSqlSafe(format!("SELECT MAX(version) FROM {VERSIONS}"));
        if let Ok(Some(version)) = sqlx::query_scalar::<_, Option<i64>>(query).fetch_one(&self.pool).await {
            if version > latest {
                let problem = format!(
                    "--database: the queue has schema version {version}, expected at most {latest}; update \
                     this program"
                );
                return Err(InvalidInput(problem).into());
            }
            if version == latest {
                return Ok(());
            }
        }
        let mut migrator = Migrator::with_migrations(self.migrations());
        migrator.dangerous_set_table_name(VERSIONS);
        Ok(migrator.run(&self.pool).await?)
    }

    fn migrations(&self) -> Vec<Migration> {
        let migration = |(version, sql): (i64, &&str)| {
            let key = if self.is_postgres { POSTGRES_KEY } else { SQLITE_KEY };
            let clock = if self.is_postgres && version == 2 { POSTGRES_CLOCK } else { "" };
            let sql =
                AssertSqlSafe(format!("{clock}{}", sql.replace("number KEY", &format!("number {key}"))));
            Migration::new(version, "".into(), MigrationType::Simple, sql.into_sql_str(), false)
        };
        (1..).zip(&SCHEMA).map(migration).collect()
    }
}

/// Returns the file of a `SQLite` URL. Returns `None` for other URLs and for in-memory databases.
fn sqlite_file(url: &str) -> anyhow::Result<Option<PathBuf>> {
    if !url.starts_with("sqlite:") || url.contains(":memory:") || url.contains("mode=memory") {
        return Ok(None);
    }
    let options = SqliteConnectOptions::from_str(url).map_err(connect_error)?;
    Ok(Some(options.get_filename().to_owned()))
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

/// Returns the error for a connection that failed. A server that is not reached is not invalid input: a supervisor
/// starts the worker again.
fn unreachable(error: sqlx::Error, url: &str) -> anyhow::Error {
    let error = anyhow::Error::new(error);
    if !is_connection_error(&error) {
        return error.downcast().map_or_else(|error| error, connect_error);
    }
    let Ok(options) = PgConnectOptions::from_str(url) else { return error };
    let address = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    error.context(format!("could not connect to the database at {address}"))
}

/// Creates a pool that closes a released connection whose transaction has not ended.
///
/// After an error such as a full disk, `SQLite` may roll back on its own. The rollback of sqlx then fails, and
/// sqlx runs the next transactions of this connection as savepoints of one that never ends: a commit writes
/// nothing to disk, and a rollback keeps the write lock.
fn pool(options: AnyConnectOptions, settings: String, max_connections: u32) -> Pool<Any> {
    AnyPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(move |connection, _| {
            let settings = AssertSqlSafe(settings.clone());
            Box::pin(async move { connection.execute(settings).await.map(drop) })
        })
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

    fn url(directory: &tempfile::TempDir) -> String {
        format!("sqlite://{}/queue.db?mode=rwc", directory.path().display())
    }

    #[tokio::test]
    async fn commit_after_full_disk_and_rollback_is_written_and_frees_lock() {
        sqlx::any::install_default_drivers();
        let directory = tempfile::tempdir().unwrap();
        let options = AnyConnectOptions::from_str(&url(&directory)).unwrap();
        // The limit stands in for a full disk: both are reported with the same code.
        let settings = "PRAGMA busy_timeout = 0; PRAGMA journal_mode = WAL; PRAGMA max_page_count = 8";
        let pool = pool(options.clone(), settings.to_owned(), 1);
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

        let mut other = sqlx::AnyConnection::connect_with(&options).await.unwrap();
        let texts: Vec<String> =
            sqlx::query_scalar("SELECT text FROM texts").fetch_all(&mut other).await.unwrap();
        assert_eq!(texts, ["committed"]);
        sqlx::query(insert).bind("other").execute(&mut other).await.unwrap();
    }

    #[tokio::test]
    async fn older_schema_is_updated_and_newer_schema_is_rejected() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::connect(&url(&directory), WORKER_WAIT).await.unwrap();
        let mut first = Migrator::with_migrations(store.migrations()[..1].to_vec());
        first.dangerous_set_table_name(VERSIONS);
        first.run(&store.pool).await.unwrap();
        for (text, state) in [("One", "queued"), ("Two", "submitting"), ("Three", "done")] {
            sqlx::query(
                "INSERT INTO speeches (text, state, since, worker, claim) VALUES ($1, $2, 7, 'w', 'w/1')",
            )
            .bind(text)
            .bind(state)
            .execute(&store.pool)
            .await
            .unwrap();
        }
        sqlx::query("INSERT INTO spoken_by VALUES (1, 'the API')").execute(&store.pool).await.unwrap();

        let store = Store::create(&url(&directory), WORKER_WAIT).await.unwrap();
        assert_eq!(store.queue("simulators", "e").await.unwrap().backend, "the API");
        assert_eq!(store.end_overdue_claims("its worker stopped").await.unwrap(), [2]);
        let texts = store.claim(9, "w", "t", "s", 60).await.unwrap();
        assert_eq!(texts.iter().map(|text| text.text.as_str()).collect::<Vec<_>>(), ["One"]);

        sqlx::query("UPDATE queue_versions SET version = 3 WHERE version = 2")
            .execute(&store.pool)
            .await
            .unwrap();
        let error = Store::open(&url(&directory)).await.unwrap_err();
        assert!(
            error.chain().any(|cause| cause.to_string().contains("schema version 3, expected at most 2"))
        );
        assert!(error.is::<InvalidInput>());
    }
}
