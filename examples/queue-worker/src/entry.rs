//! Queries of the ledger. Nothing here changes the database. Each query that a worker repeats reads an index.

use sqlx::Row as _;

use crate::store::Store;

/// The states in the order in which a text passes through them.
pub(crate) const STATES: [&str; 6] = ["queued", "submitting", "submitted", "done", "failed", "in doubt"];

/// A row of the ledger: a text and its state.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Entry {
    pub(crate) number: i64,
    pub(crate) state: String,
    /// The seconds since the last state change. A text that becomes "in doubt" keeps the time of its submission.
    pub(crate) age: i64,
    /// The seconds until the text is due: see `due` in the schema.
    pub(crate) due_in: i64,
    /// The server that the text is or was submitted to.
    pub(crate) server: Option<String>,
    /// The worker process that holds the text now.
    pub(crate) worker: Option<String>,
    pub(crate) task: Option<String>,
    pub(crate) problem: Option<String>,
    /// The host and the path of the speech.
    pub(crate) place: Option<String>,
}

/// The number of texts that a worker is submitting or collecting.
#[derive(Debug, PartialEq)]
pub(crate) struct Held {
    pub(crate) worker: String,
    pub(crate) state: String,
    pub(crate) texts: i64,
}

/// Returns the query for entries with the given condition.
macro_rules! select_entries {
    ($condition:literal) => {
        concat!(
            "SELECT number, state, unixepoch() - since, due - unixepoch(), server, worker, task, problem, place \
             FROM speeches WHERE ",
            $condition
        )
    };
}
pub(crate) const ENTRY: &str = select_entries!("number = $1");
pub(crate) const IN_STATE: &str = select_entries!("state = $1 ORDER BY due, number LIMIT $2");
pub(crate) const DELAYED: &str = select_entries!(
    "state IN ('queued', 'submitted') AND problem IS NOT NULL ORDER BY state, number LIMIT $1"
);

/// Returns the condition that there is a text in this state. `EXISTS` would read the table in Postgres.
macro_rules! has {
    ($state:literal) => {
        concat!("(SELECT due FROM speeches WHERE state = '", $state, "' ORDER BY due LIMIT 1) IS NOT NULL")
    };
}
pub(crate) const HAS_UNFINISHED: &str = concat!(
    "SELECT CASE WHEN ",
    has!("queued"),
    " OR ",
    has!("submitting"),
    " OR ",
    has!("submitted"),
    " THEN 1 ELSE 0 END"
);
pub(crate) const HAS_UNRESOLVED: &str =
    concat!("SELECT CASE WHEN ", has!("failed"), " OR ", has!("in doubt"), " THEN 1 ELSE 0 END");
pub(crate) const COUNTS: &str = "SELECT state, COUNT(*) FROM speeches GROUP BY state";
pub(crate) const OLDEST_QUEUED: &str =
    "SELECT unixepoch() - due FROM speeches WHERE state = 'queued' ORDER BY due LIMIT 1";
pub(crate) const RECENTLY_DONE: &str =
    "SELECT COUNT(*) FROM speeches WHERE state = 'done' AND due > unixepoch() - $1";
pub(crate) const HELD: &str = "SELECT worker, state, COUNT(*) FROM speeches WHERE worker IS NOT NULL GROUP BY worker, state ORDER BY worker, state";

fn read(row: &sqlx::any::AnyRow) -> sqlx::Result<Entry> {
    Ok(Entry {
        number: row.try_get(0)?,
        state: row.try_get(1)?,
        age: row.try_get(2)?,
        due_in: row.try_get(3)?,
        server: row.try_get(4)?,
        worker: row.try_get(5)?,
        task: row.try_get(6)?,
        problem: row.try_get(7)?,
        place: row.try_get(8)?,
    })
}

impl Store {
    pub(crate) async fn entry(&self, number: i64) -> anyhow::Result<Option<Entry>> {
        let row = sqlx::query(ENTRY).bind(number).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    /// Returns up to `limit` texts in this state, those with the earliest `due` first.
    pub(crate) async fn entries(&self, state: &str, limit: i64) -> anyhow::Result<Vec<Entry>> {
        let rows = sqlx::query(IN_STATE).bind(state).bind(limit).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Returns up to `limit` texts whose last attempt has failed and that will be tried again, with the reason.
    pub(crate) async fn delayed(&self, limit: i64) -> anyhow::Result<Vec<Entry>> {
        let rows = sqlx::query(DELAYED).bind(limit).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Returns the number of texts in each state. States without texts are omitted.
    pub(crate) async fn counts(&self) -> anyhow::Result<Vec<(String, i64)>> {
        Ok(sqlx::query_as(COUNTS).fetch_all(&self.pool).await?)
    }

    /// Returns `true` if there are texts that a worker can still process.
    pub(crate) async fn has_unfinished(&self) -> anyhow::Result<bool> {
        Ok(self.number(HAS_UNFINISHED).await? != 0)
    }

    /// Returns `true` if there are texts that wait for a person's decision: in doubt or failed.
    pub(crate) async fn has_unresolved(&self) -> anyhow::Result<bool> {
        Ok(self.number(HAS_UNRESOLVED).await? != 0)
    }

    async fn number(&self, query: &'static str) -> anyhow::Result<i64> {
        // The type of the constant is a smaller integer in Postgres.
        let row = sqlx::query(query).fetch_one(&self.pool).await?;
        Ok(row.try_get::<i64, _>(0).or_else(|_| row.try_get::<i32, _>(0).map(i64::from))?)
    }

    /// Returns the seconds that the first queued text has been waiting for a worker. Negative if all queued texts
    /// are delayed.
    pub(crate) async fn oldest_queued(&self) -> anyhow::Result<Option<i64>> {
        Ok(sqlx::query_scalar(OLDEST_QUEUED).fetch_optional(&self.pool).await?)
    }

    /// Returns the number of texts that became done in the last `seconds`.
    pub(crate) async fn recently_done(&self, seconds: i64) -> anyhow::Result<i64> {
        Ok(sqlx::query_scalar(RECENTLY_DONE).bind(seconds).fetch_one(&self.pool).await?)
    }

    /// Returns the texts that each worker is submitting or collecting.
    pub(crate) async fn held(&self) -> anyhow::Result<Vec<Held>> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(HELD).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|(worker, state, texts)| Held { worker, state, texts }).collect())
    }

    /// Returns the number of texts in progress for each server.
    pub(crate) async fn in_progress_by_server(&self) -> anyhow::Result<Vec<(String, i64)>> {
        let query = "SELECT server, COUNT(*) FROM speeches WHERE state IN ('submitting', 'submitted') \
                     GROUP BY server";
        Ok(sqlx::query_as(query).fetch_all(&self.pool).await?)
    }
}
