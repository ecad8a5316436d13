//! The ledger: what became of each text. It alone says whether something may be submitted; jobs only say when to look.
//!
//! Every change is one statement that names the state it starts from, so that of two workers one finds nothing to
//! change. A job that follows from a change is put into the queue in the same transaction.

use std::time::Duration;

use sqlx::Row as _;

use crate::{
    entry::now,
    jobs::{COLLECT, Jobs, SUBMIT},
    store::{Store, with_pool},
};

/// What is to be spoken.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) text: String,
    pub(crate) voice: Option<String>,
}

/// Who submits a text, and at which attempt: no two claims are equal.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) number: i64,
    pub(crate) worker: String,
    pub(crate) id: String,
    pub(crate) server: String,
}

/// A statement that changes one text, and the job that follows from it if it did.
macro_rules! change {
    ($store:expr, $sql:literal $(.bind($value:expr))* $(, then $queue:ident for $number:expr, after $after:expr)?) => {
        with_pool!($store, pool => {
            let mut transaction = pool.begin().await?;
            let changed = sqlx::query($sql)$(.bind($value))*.execute(&mut *transaction).await?.rows_affected() == 1;
            $(if changed {
                transaction.put($queue, &[$number], $after).await?;
            })?
            transaction.commit().await?;
            Ok(changed)
        })
    };
}

/// Writing. Each says whether there was something to change.
impl Store {
    /// Puts texts into the queue, all or none; their numbers, the first and the last.
    pub(crate) async fn add(&self, texts: &[String], voice: Option<&str>) -> anyhow::Result<Vec<i64>> {
        with_pool!(self, pool => {
            let mut transaction = pool.begin().await?;
            let mut numbers = Vec::with_capacity(texts.len());
            for text in texts {
                let row = sqlx::query("INSERT INTO speeches (text, voice, since) VALUES ($1, $2, $3) RETURNING number")
                    .bind(text)
                    .bind(voice)
                    .bind(now())
                    .fetch_one(&mut *transaction)
                    .await?;
                numbers.push(row.try_get(0)?);
            }
            transaction.put(SUBMIT, &numbers, Duration::ZERO).await?;
            transaction.commit().await?;
            Ok(numbers)
        })
    }

    /// By whom the texts of this queue are spoken: the first to ask settles it, for good.
    pub(crate) async fn spoken_by(&self, kind: &str) -> anyhow::Result<String> {
        with_pool!(self, pool => {
            let settle = "INSERT INTO spoken_by (one, kind) VALUES (1, $1) ON CONFLICT (one) DO NOTHING";
            sqlx::query(settle).bind(kind).execute(pool).await?;
            Ok(sqlx::query_scalar("SELECT kind FROM spoken_by").fetch_one(pool).await?)
        })
    }

    /// queued → submitting, for one worker alone. Committed when this returns: only then may the request leave.
    pub(crate) async fn claim(&self, claim: &Claim) -> anyhow::Result<Option<Order>> {
        with_pool!(self, pool => {
            let mut transaction = pool.begin().await?;
            let row = sqlx::query(
                "UPDATE speeches SET state = 'submitting', since = $2, server = $3, worker = $4, claim = $5, \
                 task = NULL, problem = NULL WHERE number = $1 AND state = 'queued' RETURNING text, voice",
            )
            .bind(claim.number)
            .bind(now())
            .bind(&claim.server)
            .bind(&claim.worker)
            .bind(&claim.id)
            .fetch_optional(&mut *transaction)
            .await?;
            let order = match row {
                Some(row) => Some(Order { text: row.try_get(0)?, voice: row.try_get(1)? }),
                None => None,
            };
            transaction.commit().await?;
            Ok(order)
        })
    }

    /// submitting → submitted, and a job to collect it. Also out of a doubt, or put back by `again` and not claimed anew:
    /// the reply was late, and here it is.
    pub(crate) async fn submitted(&self, claim: &Claim, task: &str) -> anyhow::Result<bool> {
        change!(
            self,
            "UPDATE speeches SET state = 'submitted', since = $3, task = $4, problem = NULL \
             WHERE number = $1 AND claim = $2 AND state IN ('submitting', 'in doubt', 'queued')"
                .bind(claim.number)
                .bind(&claim.id)
                .bind(now())
                .bind(task),
            then COLLECT for claim.number, after Duration::ZERO
        )
    }

    /// submitting → queued: it was provably not taken.
    pub(crate) async fn give_back(
        &self,
        claim: &Claim,
        after: Duration,
        problem: &str,
    ) -> anyhow::Result<bool> {
        change!(
            self,
            "UPDATE speeches SET state = 'queued', since = $3, server = NULL, worker = NULL, claim = NULL, \
             problem = $4 WHERE number = $1 AND claim = $2 AND state IN ('submitting', 'in doubt')"
                .bind(claim.number)
                .bind(&claim.id)
                .bind(now())
                .bind(problem),
            then SUBMIT for claim.number, after after
        )
    }

    /// submitting → failed: it was refused for good.
    pub(crate) async fn refused(&self, claim: &Claim, problem: &str) -> anyhow::Result<bool> {
        change!(
            self,
            "UPDATE speeches SET state = 'failed', since = $3, problem = $4 \
             WHERE number = $1 AND claim = $2 AND state IN ('submitting', 'in doubt')"
                .bind(claim.number)
                .bind(&claim.id)
                .bind(now())
                .bind(problem)
        )
    }

    /// submitting → in doubt, by whoever holds the claim or finds that nobody does any more. An id that
    /// becomes known late is kept as well.
    pub(crate) async fn doubt(
        &self,
        number: i64,
        claim: &str,
        problem: &str,
        task: Option<&str>,
    ) -> anyhow::Result<bool> {
        change!(
            self,
            "UPDATE speeches SET state = 'in doubt', problem = $3, task = $4 \
             WHERE number = $1 AND claim = $2 AND (state = 'submitting' OR (state = 'in doubt' AND $4 IS NOT NULL))"
                .bind(number)
                .bind(claim)
                .bind(problem)
                .bind(task)
        )
    }

    /// submitted → done.
    pub(crate) async fn done(&self, number: i64, task: &str) -> anyhow::Result<bool> {
        change!(
            self,
            "UPDATE speeches SET state = 'done', since = $3, problem = NULL \
             WHERE number = $1 AND task = $2 AND state = 'submitted'"
                .bind(number)
                .bind(task)
                .bind(now())
        )
    }

    /// submitted → failed: the server has given it up.
    pub(crate) async fn failed(&self, number: i64, task: &str, problem: &str) -> anyhow::Result<bool> {
        change!(
            self,
            "UPDATE speeches SET state = 'failed', since = $3, problem = $4 \
             WHERE number = $1 AND task = $2 AND state = 'submitted'"
                .bind(number)
                .bind(task)
                .bind(now())
                .bind(problem)
        )
    }

    /// submitted, and to be looked at again later.
    pub(crate) async fn later(
        &self,
        number: i64,
        task: &str,
        after: Duration,
        problem: Option<&str>,
    ) -> anyhow::Result<bool> {
        change!(
            self,
            "UPDATE speeches SET problem = $3 WHERE number = $1 AND task = $2 AND state = 'submitted'"
                .bind(number)
                .bind(task)
                .bind(problem),
            then COLLECT for number, after after
        )
    }

    /// submitted → queued: its simulator has ended, and has forgotten it. The API never does.
    pub(crate) async fn forgotten(&self, number: i64, task: &str) -> anyhow::Result<bool> {
        change!(
            self,
            "UPDATE speeches SET state = 'queued', since = $3, server = NULL, worker = NULL, claim = NULL, task = NULL, \
             problem = NULL WHERE number = $1 AND task = $2 AND state = 'submitted'"
                .bind(number)
                .bind(task)
                .bind(now()),
            then SUBMIT for number, after Duration::ZERO
        )
    }

    /// submitting, by a worker that is alive: to be looked at again when it should be over.
    pub(crate) async fn watch(&self, number: i64, claim: &str, after: Duration) -> anyhow::Result<bool> {
        change!(
            self,
            "UPDATE speeches SET since = since WHERE number = $1 AND claim = $2 AND state = 'submitting'"
                .bind(number)
                .bind(claim),
            then SUBMIT for number, after after
        )
    }

    /// in doubt or failed → queued, all of these or none: the old tasks of those that had one, or the first
    /// that is neither. Their claims stay until there are new ones, so that a reply that is still heard finds its text.
    pub(crate) async fn again(
        &self,
        numbers: &[i64],
    ) -> anyhow::Result<Result<Vec<(i64, String)>, (i64, Option<String>)>> {
        with_pool!(self, pool => {
            let mut transaction = pool.begin().await?;
            let mut tasks = Vec::new();
            for number in numbers {
                let changed = sqlx::query(
                    "UPDATE speeches SET state = 'queued', since = $2, problem = NULL \
                     WHERE number = $1 AND state IN ('in doubt', 'failed') RETURNING task",
                )
                .bind(number)
                .bind(now())
                .fetch_optional(&mut *transaction)
                .await?;
                let Some(row) = changed else {
                    transaction.rollback().await?;
                    let state = self.entry(*number).await?.map(|entry| entry.state);
                    return Ok(Err((*number, state)));
                };
                if let Some(task) = row.try_get(0)? {
                    tasks.push((*number, task));
                }
            }
            transaction.put(SUBMIT, numbers, Duration::ZERO).await?;
            transaction.commit().await?;
            Ok(Ok(tasks))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With one text, claimed.
    async fn claimed() -> (tempfile::TempDir, Store, Claim) {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/queue.db?mode=rwc", directory.path().display());
        let store = Store::create(&url).await.unwrap();
        let number = store.add(&["Hello".into()], None).await.unwrap()[0];
        let claim = Claim { number, worker: "w".into(), id: "w/0".into(), server: "s".into() };
        assert!(store.claim(&claim).await.unwrap().is_some());
        (directory, store, claim)
    }

    #[tokio::test]
    async fn a_reply_after_again_is_kept_until_somebody_submits_it_anew() {
        let (_directory, store, claim) = claimed().await;
        assert!(store.doubt(claim.number, &claim.id, "lost", None).await.unwrap());
        assert_eq!(store.again(&[claim.number]).await.unwrap(), Ok(vec![]));
        assert!(store.submitted(&claim, "t").await.unwrap());
        let anew = Claim { id: "w/1".into(), ..claim.clone() };
        assert!(store.claim(&anew).await.unwrap().is_none(), "not submitted twice");
        assert!(store.failed(claim.number, "t", "given up").await.unwrap());
        assert_eq!(store.again(&[claim.number]).await.unwrap(), Ok(vec![(claim.number, "t".into())]));
        assert!(store.claim(&anew).await.unwrap().is_some());
        assert!(!store.submitted(&claim, "t").await.unwrap(), "another claim");
    }

    #[tokio::test]
    async fn an_id_that_becomes_known_in_doubt_is_kept() {
        let (_directory, store, claim) = claimed().await;
        assert!(store.doubt(claim.number, &claim.id, "lost", None).await.unwrap());
        assert!(!store.doubt(claim.number, &claim.id, "reset", None).await.unwrap());
        assert!(store.doubt(claim.number, &claim.id, "cut off", Some("t")).await.unwrap());
        assert_eq!(store.again(&[claim.number]).await.unwrap(), Ok(vec![(claim.number, "t".into())]));
    }

    #[tokio::test]
    async fn what_is_submitted_and_has_a_problem_is_held_up() {
        let (_directory, store, claim) = claimed().await;
        assert!(store.submitted(&claim, "t").await.unwrap());
        assert!(store.later(claim.number, "t", Duration::ZERO, None).await.unwrap());
        assert_eq!(store.held_up().await.unwrap(), []);
        assert!(store.later(claim.number, "t", Duration::ZERO, Some("full disk")).await.unwrap());
        assert_eq!(store.held_up().await.unwrap()[0].problem.as_deref(), Some("full disk"));
    }

    #[tokio::test]
    async fn the_first_worker_settles_who_speaks() {
        let (_directory, store, _) = claimed().await;
        assert_eq!(store.spoken_by("the API").await.unwrap(), "the API");
        assert_eq!(store.spoken_by("simulators").await.unwrap(), "the API");
    }
}
