//! The ledger: the state of each text, in the table `speeches`. Only the ledger decides if a text may be
//! submitted. A job only decides when a worker checks the text.
//!
//! Each change of a state is one statement, whose condition includes the current state. If two workers run
//! the statement, only one of them changes the row. A job that follows from a change is added in the same
//! transaction.

use std::time::Duration;

use sqlx::Row as _;

use crate::{
    entry::now,
    jobs::{COLLECT, PushJobs, SUBMIT},
    store::{Store, with_pool},
};

/// A claimed text with its voice, ready to be submitted.
#[derive(Debug)]
pub(crate) struct ClaimedText {
    pub(crate) text: String,
    pub(crate) voice: Option<String>,
}

/// A worker's claim to a text. Each attempt to submit a text has a claim with a unique id.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) number: i64,
    pub(crate) worker: String,
    pub(crate) id: String,
    pub(crate) server: String,
}

/// A text that `again` has put back into the queue.
#[derive(Debug, PartialEq)]
pub(crate) struct Requeued {
    pub(crate) number: i64,
    /// `true` if the text was queued and waited for the end of a delay. The server has not accepted it.
    pub(crate) was_delayed: bool,
    /// The earlier task, which may have been billed.
    pub(crate) task: Option<String>,
}

/// Runs a statement that changes one text. If it changed the text, adds the given job in the same
/// transaction.
macro_rules! update {
    ($store:expr, $sql:literal $(.bind($value:expr))* $(, then $queue:ident for $number:expr, after $after:expr)?) => {
        with_pool!($store, pool => {
            let mut transaction = pool.begin().await?;
            let changed = sqlx::query($sql)$(.bind($value))*.execute(&mut *transaction).await?.rows_affected() == 1;
            $(if changed {
                transaction.push_jobs($queue, &[$number], $after).await?;
            })?
            transaction.commit().await?;
            Ok(changed)
        })
    };
}

/// State changes. A function that returns a `bool` returns `true` if the text was in the expected state and
/// has changed.
impl Store {
    /// Adds all texts to the queue in one transaction. Returns the numbers of the texts.
    pub(crate) async fn add_texts(&self, texts: &[String], voice: Option<&str>) -> anyhow::Result<Vec<i64>> {
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
            transaction.push_jobs(SUBMIT, &numbers, Duration::ZERO).await?;
            transaction.commit().await?;
            Ok(numbers)
        })
    }

    /// Returns the backend of this queue. If the queue does not have a backend yet, stores `kind`
    /// permanently.
    pub(crate) async fn backend_or_insert(&self, kind: &str) -> anyhow::Result<String> {
        with_pool!(self, pool => {
            let insert = "INSERT INTO spoken_by (one, kind) VALUES (1, $1) ON CONFLICT (one) DO NOTHING";
            sqlx::query(insert).bind(kind).execute(pool).await?;
            Ok(sqlx::query_scalar("SELECT kind FROM spoken_by").fetch_one(pool).await?)
        })
    }

    /// Changes queued → submitting for a single worker. Returns `None` if the text was not queued. The change
    /// is committed when this function returns. The request must not be sent earlier.
    pub(crate) async fn claim(&self, claim: &Claim) -> anyhow::Result<Option<ClaimedText>> {
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
            let text = match row {
                Some(row) => Some(ClaimedText { text: row.try_get(0)?, voice: row.try_get(1)? }),
                None => None,
            };
            transaction.commit().await?;
            Ok(text)
        })
    }

    /// Changes submitting → submitted, and adds a job to collect the speech. If the response arrived late,
    /// the text may also be in doubt, or requeued by `again` and not yet claimed by another attempt.
    pub(crate) async fn mark_submitted(&self, claim: &Claim, task: &str) -> anyhow::Result<bool> {
        update!(
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

    /// Changes submitting → queued, because the server certainly did not accept the text.
    pub(crate) async fn release(
        &self,
        claim: &Claim,
        after: Duration,
        problem: &str,
    ) -> anyhow::Result<bool> {
        update!(
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

    /// Changes submitting → failed, because the server rejected the text permanently.
    pub(crate) async fn mark_rejected(&self, claim: &Claim, problem: &str) -> anyhow::Result<bool> {
        update!(
            self,
            "UPDATE speeches SET state = 'failed', since = $3, problem = $4 \
             WHERE number = $1 AND claim = $2 AND state IN ('submitting', 'in doubt')"
                .bind(claim.number)
                .bind(&claim.id)
                .bind(now())
                .bind(problem)
        )
    }

    /// Changes submitting → in doubt. The caller holds the claim or has found it abandoned. For a text that
    /// is already in doubt, only a task id that becomes known later is stored.
    pub(crate) async fn mark_in_doubt(
        &self,
        number: i64,
        claim: &str,
        problem: &str,
        task: Option<&str>,
    ) -> anyhow::Result<bool> {
        update!(
            self,
            "UPDATE speeches SET state = 'in doubt', problem = $3, task = $4 \
             WHERE number = $1 AND claim = $2 AND (state = 'submitting' OR (state = 'in doubt' AND $4 IS NOT NULL))"
                .bind(number)
                .bind(claim)
                .bind(problem)
                .bind(task)
        )
    }

    /// Changes submitted → done.
    pub(crate) async fn mark_done(&self, number: i64, task: &str) -> anyhow::Result<bool> {
        update!(
            self,
            "UPDATE speeches SET state = 'done', since = $3, problem = NULL \
             WHERE number = $1 AND task = $2 AND state = 'submitted'"
                .bind(number)
                .bind(task)
                .bind(now())
        )
    }

    /// Changes submitted → failed, because the task cannot succeed any more.
    pub(crate) async fn mark_failed(&self, number: i64, task: &str, problem: &str) -> anyhow::Result<bool> {
        update!(
            self,
            "UPDATE speeches SET state = 'failed', since = $3, problem = $4 \
             WHERE number = $1 AND task = $2 AND state = 'submitted'"
                .bind(number)
                .bind(task)
                .bind(now())
                .bind(problem)
        )
    }

    /// Keeps the state submitted, stores the problem, and adds a job that collects the speech later.
    pub(crate) async fn collect_later(
        &self,
        number: i64,
        task: &str,
        after: Duration,
        problem: Option<&str>,
    ) -> anyhow::Result<bool> {
        update!(
            self,
            "UPDATE speeches SET problem = $3 WHERE number = $1 AND task = $2 AND state = 'submitted'"
                .bind(number)
                .bind(task)
                .bind(problem),
            then COLLECT for number, after after
        )
    }

    /// Changes submitted → queued, because the simulator of the task has stopped. Tasks of the API are never
    /// lost like this.
    pub(crate) async fn requeue_lost_task(&self, number: i64, task: &str) -> anyhow::Result<bool> {
        update!(
            self,
            "UPDATE speeches SET state = 'queued', since = $3, server = NULL, worker = NULL, claim = NULL, task = NULL, \
             problem = NULL WHERE number = $1 AND task = $2 AND state = 'submitted'"
                .bind(number)
                .bind(task)
                .bind(now()),
            then SUBMIT for number, after Duration::ZERO
        )
    }

    /// Keeps the state submitting of a live worker, and adds a job that checks the claim again after `after`.
    pub(crate) async fn recheck_claim(
        &self,
        number: i64,
        claim: &str,
        after: Duration,
    ) -> anyhow::Result<bool> {
        update!(
            self,
            "UPDATE speeches SET since = since WHERE number = $1 AND claim = $2 AND state = 'submitting'"
                .bind(number)
                .bind(claim),
            then SUBMIT for number, after after
        )
    }

    /// Changes in doubt or failed → queued, and ends the delay of queued texts, for all texts or for none.
    /// The inner error is the first text in another state, and that state.
    ///
    /// The old claims stay until the texts are claimed again, so that a late response can still be recorded.
    pub(crate) async fn requeue(
        &self,
        numbers: &[i64],
    ) -> anyhow::Result<Result<Vec<Requeued>, (i64, Option<String>)>> {
        with_pool!(self, pool => {
            let mut transaction = pool.begin().await?;
            let mut texts = Vec::new();
            for number in numbers {
                let row = sqlx::query(
                    "UPDATE speeches SET state = 'queued', since = $2, problem = NULL \
                     WHERE number = $1 AND (state IN ('in doubt', 'failed') \
                                            OR (state = 'queued' AND problem IS NOT NULL)) \
                     RETURNING claim, task",
                )
                .bind(number)
                .bind(now())
                .fetch_optional(&mut *transaction)
                .await?;
                let Some(row) = row else {
                    transaction.rollback().await?;
                    let state = self.entry(*number).await?.map(|entry| entry.state);
                    return Ok(Err((*number, state)));
                };
                // Only a text that was not accepted is queued without a claim.
                let was_delayed = row.try_get::<Option<String>, _>(0)?.is_none();
                texts.push(Requeued { number: *number, was_delayed, task: row.try_get(1)? });
            }
            transaction.push_jobs(SUBMIT, numbers, Duration::ZERO).await?;
            transaction.commit().await?;
            Ok(Ok(texts))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requeued(claim: &Claim, task: Option<&str>) -> Requeued {
        Requeued { number: claim.number, was_delayed: false, task: task.map(str::to_owned) }
    }

    /// Returns a store with one text, and the claim to this text.
    async fn store_with_claim() -> (tempfile::TempDir, Store, Claim) {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/queue.db?mode=rwc", directory.path().display());
        let store = Store::create(&url).await.unwrap();
        let number = store.add_texts(&["Hello".into()], None).await.unwrap()[0];
        let claim = Claim { number, worker: "w".into(), id: "w/0".into(), server: "s".into() };
        assert!(store.claim(&claim).await.unwrap().is_some());
        (directory, store, claim)
    }

    #[tokio::test]
    async fn late_response_after_requeue_is_recorded_until_next_claim() {
        let (_directory, store, claim) = store_with_claim().await;
        assert!(store.mark_in_doubt(claim.number, &claim.id, "lost", None).await.unwrap());
        assert_eq!(store.requeue(&[claim.number]).await.unwrap(), Ok(vec![requeued(&claim, None)]));
        assert!(store.mark_submitted(&claim, "t").await.unwrap());
        let next = Claim { id: "w/1".into(), ..claim.clone() };
        assert!(store.claim(&next).await.unwrap().is_none(), "not submitted twice");
        assert!(store.mark_failed(claim.number, "t", "given up").await.unwrap());
        assert_eq!(store.requeue(&[claim.number]).await.unwrap(), Ok(vec![requeued(&claim, Some("t"))]));
        assert!(store.claim(&next).await.unwrap().is_some());
        assert!(!store.mark_submitted(&claim, "t").await.unwrap(), "another claim");
    }

    #[tokio::test]
    async fn task_id_that_becomes_known_in_doubt_is_stored() {
        let (_directory, store, claim) = store_with_claim().await;
        assert!(store.mark_in_doubt(claim.number, &claim.id, "lost", None).await.unwrap());
        assert!(!store.mark_in_doubt(claim.number, &claim.id, "reset", None).await.unwrap());
        assert!(store.mark_in_doubt(claim.number, &claim.id, "cut off", Some("t")).await.unwrap());
        assert_eq!(store.requeue(&[claim.number]).await.unwrap(), Ok(vec![requeued(&claim, Some("t"))]));
    }

    #[tokio::test]
    async fn submitted_text_with_problem_is_listed_as_delayed() {
        let (_directory, store, claim) = store_with_claim().await;
        assert!(store.mark_submitted(&claim, "t").await.unwrap());
        assert!(store.collect_later(claim.number, "t", Duration::ZERO, None).await.unwrap());
        assert_eq!(store.delayed().await.unwrap(), []);
        assert!(store.collect_later(claim.number, "t", Duration::ZERO, Some("full disk")).await.unwrap());
        let delayed = store.delayed().await.unwrap();
        assert_eq!((delayed.len(), delayed[0].entry.problem.as_deref()), (1, Some("full disk")));
    }

    #[tokio::test]
    async fn released_text_is_listed_with_its_next_attempt_until_requeued() {
        let (_directory, store, claim) = store_with_claim().await;
        // The job of `add_texts` is running.
        with_pool!(&store, pool => {
            sqlx::query("DELETE FROM Jobs").execute(pool).await.unwrap();
        });
        assert!(store.release(&claim, Duration::from_mins(5), "busy").await.unwrap());
        let delayed = store.delayed().await.unwrap();
        let wait = delayed[0].due.unwrap() - now();
        assert!((298..=300).contains(&wait), "{wait}");
        let expected = Requeued { was_delayed: true, ..requeued(&claim, None) };
        assert_eq!(store.requeue(&[claim.number]).await.unwrap(), Ok(vec![expected]));
        assert_eq!(store.delayed().await.unwrap(), []);
        let queued = Err((claim.number, Some("queued".into())));
        assert_eq!(store.requeue(&[claim.number]).await.unwrap(), queued, "no delay is left");
    }

    #[tokio::test]
    async fn backend_of_first_worker_is_permanent() {
        let (_directory, store, _) = store_with_claim().await;
        assert_eq!(store.backend_or_insert("the API").await.unwrap(), "the API");
        assert_eq!(store.backend_or_insert("simulators").await.unwrap(), "the API");
    }
}
