//! The ledger: the state of each text, in the table `speeches`. The ledger alone drives the work.
//!
//! Each change of a state is one statement, whose condition includes the current state and the claim. If two
//! workers run the statement, only one of them changes the row.
//!
//! A claim is a lease: it ends at the time `due`, by the clock of the database, unless its worker extends it.

use std::time::Duration;

use sqlx::Row as _;

use crate::store::Store;

/// A claimed text, ready to be submitted.
#[derive(Debug)]
pub(crate) struct ClaimedText {
    pub(crate) claim: Claim,
    pub(crate) text: String,
    pub(crate) voice: Option<String>,
}

/// A worker's claim to a text. The token is unique for each claim of the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Claim {
    pub(crate) number: i64,
    pub(crate) token: String,
    /// The number of claims of the text so far.
    pub(crate) attempts: i64,
}

/// A submitted text that a worker collects.
#[derive(Clone, Debug)]
pub(crate) struct Collection {
    pub(crate) number: i64,
    pub(crate) worker: String,
    pub(crate) task: String,
    /// The time since the text entered the state "submitted".
    pub(crate) age: Duration,
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

/// Returns the statement that claims texts, with the clause that selects and locks rows that no other worker is
/// claiming. `SQLite` has a single writer. A second condition on the state would make `SQLite` read all queued texts.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "WITH next AS MATERIALIZED (SELECT number FROM speeches WHERE state = 'queued' AND due <= unixepoch() \
             ORDER BY due, number LIMIT $1",
            $lock,
            ") UPDATE speeches SET state = 'submitting', since = unixepoch(), due = unixepoch() + $2, server = $3, \
             worker = $4, claim = $5, attempts = attempts + 1, task = NULL, problem = NULL \
             WHERE number IN (SELECT number FROM next) \
             AND NOT EXISTS (SELECT 1 FROM queue WHERE went_back = 1) \
             RETURNING number, attempts, text, voice"
        )
    };
}
pub(crate) const CLAIM: [&str; 2] = [claim!(""), claim!(" FOR UPDATE SKIP LOCKED")];

macro_rules! collect {
    ($lock:literal) => {
        concat!(
            "WITH next AS MATERIALIZED (SELECT number FROM speeches WHERE state = 'submitted' AND due <= unixepoch() \
             AND server = $1 ORDER BY due, number LIMIT $2",
            $lock,
            ") UPDATE speeches SET worker = $3, due = unixepoch() + $4 \
             WHERE number IN (SELECT number FROM next) \
             RETURNING number, task, unixepoch() - since"
        )
    };
}
pub(crate) const COLLECT: [&str; 2] = [collect!(""), collect!(" FOR UPDATE SKIP LOCKED")];

/// A submission takes about half a minute, and its database writes up to two. Without the limit of five minutes, a
/// live worker would keep the claim of a submission that was lost in a panic.
macro_rules! renew {
    ($numbers:literal) => {
        concat!(
            "UPDATE speeches SET due = unixepoch() + $2 WHERE worker = $1 \
             AND ((state = 'submitting' AND since > unixepoch() - 300) OR (state = 'submitted' AND number IN (",
            $numbers,
            ")))"
        )
    };
}
pub(crate) const RENEW: [&str; 2] = [
    renew!("SELECT value FROM json_each($3)"),
    renew!("SELECT value::bigint FROM jsonb_array_elements_text($3::jsonb)"),
];

macro_rules! release_unconfirmed {
    ($tokens:literal) => {
        concat!(
            "UPDATE speeches SET state = 'queued', since = unixepoch(), due = unixepoch(), server = NULL, \
             worker = NULL WHERE worker = $1 AND state = 'submitting' AND claim IN (",
            $tokens,
            ")"
        )
    };
}
pub(crate) const RELEASE_UNCONFIRMED: [&str; 2] = [
    release_unconfirmed!("SELECT value FROM json_each($2)"),
    release_unconfirmed!("SELECT value FROM jsonb_array_elements_text($2::jsonb)"),
];

pub(crate) const END_OVERDUE_CLAIMS: &str = "UPDATE speeches SET state = 'in doubt', worker = NULL, problem = $1 \
                                             WHERE state = 'submitting' AND due <= unixepoch() RETURNING number";

/// State changes. A function that returns a `bool` returns `true` if the text was in the expected state and
/// has changed.
impl Store {
    /// Runs a statement that changes one text.
    async fn change(
        &self,
        query: sqlx::query::Query<'_, sqlx::Any, sqlx::any::AnyArguments>,
    ) -> anyhow::Result<bool> {
        Ok(query.execute(&self.pool).await?.rows_affected() == 1)
    }

    /// Changes queued → submitting for up to `limit` texts, for a single worker and `lease` seconds. The change
    /// is committed when this function returns. The request must not be sent earlier.
    pub(crate) async fn claim(
        &self,
        limit: usize,
        worker: &str,
        token: &str,
        server: &str,
        lease: u16,
    ) -> anyhow::Result<Vec<ClaimedText>> {
        // All rows are fetched, because the statement is only committed after the last row.
        let rows = sqlx::query(CLAIM[usize::from(self.is_postgres)])
            .bind(i64::try_from(limit)?)
            .bind(i64::from(lease))
            .bind(server)
            .bind(worker)
            .bind(token)
            .fetch_all(&self.pool)
            .await?;
        let read = |row: &sqlx::any::AnyRow| {
            let claim = Claim { number: row.try_get(0)?, token: token.to_owned(), attempts: row.try_get(1)? };
            anyhow::Ok(ClaimedText { claim, text: row.try_get(2)?, voice: row.try_get(3)? })
        };
        rows.iter().map(read).collect()
    }

    /// Claims up to `limit` submitted texts of this server for collecting.
    pub(crate) async fn claim_collections(
        &self,
        limit: usize,
        worker: &str,
        server: &str,
        lease: u16,
    ) -> anyhow::Result<Vec<Collection>> {
        let rows = sqlx::query(COLLECT[usize::from(self.is_postgres)])
            .bind(server)
            .bind(i64::try_from(limit)?)
            .bind(worker)
            .bind(i64::from(lease))
            .fetch_all(&self.pool)
            .await?;
        let read = |row: &sqlx::any::AnyRow| {
            let age = Duration::from_secs(row.try_get::<i64, _>(2)?.try_into().unwrap_or_default());
            anyhow::Ok(Collection {
                number: row.try_get(0)?,
                worker: worker.to_owned(),
                task: row.try_get(1)?,
                age,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Extends the leases of the worker to `lease` seconds from now. A lease that has ended is extended too, if no
    /// worker has noticed: after an outage of the database, a single worker would otherwise doubt its own claims.
    ///
    /// Of the submitted texts, only those that are being collected: without this, a text whose outcome could not be
    /// stored, or whose claim was not confirmed, would stay with this worker until it stops.
    pub(crate) async fn renew(&self, worker: &str, lease: u16, collecting: &[i64]) -> anyhow::Result<()> {
        let renew = sqlx::query(RENEW[usize::from(self.is_postgres)]).bind(worker).bind(i64::from(lease));
        renew.bind(serde_json::to_string(collecting)?).execute(&self.pool).await?;
        Ok(())
    }

    /// Changes submitting → in doubt for the texts whose lease has ended. Returns their numbers.
    pub(crate) async fn end_overdue_claims(&self, problem: &str) -> anyhow::Result<Vec<i64>> {
        Ok(sqlx::query_scalar(END_OVERDUE_CLAIMS).bind(problem).fetch_all(&self.pool).await?)
    }

    /// Changes submitting → submitted. If the response arrived late, the text may also be in doubt, or requeued
    /// by `again` and not yet claimed by another attempt.
    pub(crate) async fn mark_submitted(&self, claim: &Claim, task: &str) -> anyhow::Result<bool> {
        let sql = "UPDATE speeches SET state = 'submitted', since = unixepoch(), due = unixepoch(), worker = NULL, \
                   task = $3, problem = NULL \
                   WHERE number = $1 AND claim = $2 AND state IN ('submitting', 'in doubt', 'queued')";
        self.change(sqlx::query(sql).bind(claim.number).bind(&claim.token).bind(task)).await
    }

    /// Changes submitting → queued, because the server certainly did not accept the text.
    pub(crate) async fn release(
        &self,
        claim: &Claim,
        after: Duration,
        problem: Option<&str>,
    ) -> anyhow::Result<bool> {
        let sql = "UPDATE speeches SET state = 'queued', since = unixepoch(), due = unixepoch() + $3, server = NULL, \
                   worker = NULL, problem = $4 \
                   WHERE number = $1 AND claim = $2 AND state IN ('submitting', 'in doubt')";
        let query = sqlx::query(sql).bind(claim.number).bind(&claim.token);
        self.change(query.bind(i64::try_from(after.as_secs())?).bind(problem)).await
    }

    /// Changes submitting → queued for all texts with these tokens, because their claims were not confirmed and no
    /// request was sent.
    pub(crate) async fn release_unconfirmed(&self, worker: &str, tokens: &[String]) -> anyhow::Result<()> {
        let release = sqlx::query(RELEASE_UNCONFIRMED[usize::from(self.is_postgres)]).bind(worker);
        release.bind(serde_json::to_string(tokens)?).execute(&self.pool).await?;
        Ok(())
    }

    /// Changes submitting → failed, because the server rejected the text permanently.
    pub(crate) async fn mark_rejected(&self, claim: &Claim, problem: &str) -> anyhow::Result<bool> {
        let sql = "UPDATE speeches SET state = 'failed', since = unixepoch(), due = unixepoch(), worker = NULL, \
                   problem = $3 WHERE number = $1 AND claim = $2 AND state IN ('submitting', 'in doubt')";
        self.change(sqlx::query(sql).bind(claim.number).bind(&claim.token).bind(problem)).await
    }

    /// Changes submitting → in doubt. For a text that is already in doubt, only a task id that becomes known
    /// later is stored.
    pub(crate) async fn mark_in_doubt(
        &self,
        claim: &Claim,
        problem: &str,
        task: Option<&str>,
    ) -> anyhow::Result<bool> {
        let sql = "UPDATE speeches SET state = 'in doubt', worker = NULL, problem = $3, task = $4 \
                   WHERE number = $1 AND claim = $2 \
                   AND (state = 'submitting' OR (state = 'in doubt' AND $4 IS NOT NULL))";
        self.change(sqlx::query(sql).bind(claim.number).bind(&claim.token).bind(problem).bind(task)).await
    }

    /// Changes submitted → done. `place` is the host and the path of the speech.
    pub(crate) async fn mark_done(&self, text: &Collection, place: &str) -> anyhow::Result<bool> {
        let sql = "UPDATE speeches SET state = 'done', since = unixepoch(), due = unixepoch(), worker = NULL, \
                   problem = NULL, place = $4 WHERE number = $1 AND worker = $2 AND task = $3 AND state = 'submitted'";
        self.change(sqlx::query(sql).bind(text.number).bind(&text.worker).bind(&text.task).bind(place)).await
    }

    /// Changes submitted → failed, because the task cannot succeed any more.
    pub(crate) async fn mark_failed(&self, text: &Collection, problem: &str) -> anyhow::Result<bool> {
        let sql = "UPDATE speeches SET state = 'failed', since = unixepoch(), due = unixepoch(), worker = NULL, \
                   problem = $4 WHERE number = $1 AND worker = $2 AND task = $3 AND state = 'submitted'";
        self.change(sqlx::query(sql).bind(text.number).bind(&text.worker).bind(&text.task).bind(problem))
            .await
    }

    /// Keeps the state submitted, stores the problem, and ends the lease. The speech is collected later.
    pub(crate) async fn collect_later(
        &self,
        text: &Collection,
        after: Duration,
        problem: Option<&str>,
    ) -> anyhow::Result<bool> {
        let sql = "UPDATE speeches SET due = unixepoch() + $4, worker = NULL, problem = $5 \
                   WHERE number = $1 AND worker = $2 AND task = $3 AND state = 'submitted'";
        let query = sqlx::query(sql).bind(text.number).bind(&text.worker).bind(&text.task);
        self.change(query.bind(i64::try_from(after.as_secs())?).bind(problem)).await
    }

    /// Ends the leases of the worker for collecting, so that another worker can collect these speeches at once.
    pub(crate) async fn release_collections(&self, worker: &str) -> anyhow::Result<()> {
        let sql =
            "UPDATE speeches SET due = unixepoch(), worker = NULL WHERE worker = $1 AND state = 'submitted'";
        sqlx::query(sql).bind(worker).execute(&self.pool).await?;
        Ok(())
    }

    /// Changes submitted → queued for the tasks of simulators that have stopped: of `stopped`, and of others than
    /// `running` that hold no lease and are overdue by more than `after` seconds. Tasks of the API are never lost
    /// like this.
    pub(crate) async fn requeue_lost_tasks(
        &self,
        running: &str,
        stopped: &str,
        after: u16,
    ) -> anyhow::Result<()> {
        let sql = "UPDATE speeches SET state = 'queued', since = unixepoch(), due = unixepoch(), server = NULL, \
                   worker = NULL, task = NULL, problem = NULL \
                   WHERE state = 'submitted' AND server LIKE 'simulator %' \
                   AND (server = $2 OR (server <> $1 AND due < unixepoch() - $3 \
                   AND server NOT IN (SELECT server FROM speeches WHERE worker IS NOT NULL AND server IS NOT NULL \
                   AND due > unixepoch())))";
        sqlx::query(sql).bind(running).bind(stopped).bind(i64::from(after)).execute(&self.pool).await?;
        Ok(())
    }

    /// Changes in doubt, failed, or submitted for more than a day → queued, and ends the delay of queued texts, for all
    /// texts or for none. The inner error is the first text in another state, and that state.
    ///
    /// The old claims stay until the texts are claimed again, so that a late response can still be recorded.
    pub(crate) async fn requeue(
        &self,
        numbers: impl IntoIterator<Item = i64>,
    ) -> anyhow::Result<Result<Vec<Requeued>, (i64, Option<String>)>> {
        // Without the last state, a task that never ends, or whose audio is lost, would keep its text for ever.
        let requeue = "UPDATE speeches SET state = 'queued', since = unixepoch(), due = unixepoch(), worker = NULL, \
                       problem = NULL WHERE number = $1 AND (state IN ('in doubt', 'failed') \
                       OR (state = 'submitted' AND since < unixepoch() - 86400)) RETURNING task";
        let end_delay = "UPDATE speeches SET due = unixepoch(), problem = NULL \
                         WHERE number = $1 AND state = 'queued' AND problem IS NOT NULL RETURNING task";
        let mut transaction = self.pool.begin().await?;
        let mut texts = Vec::new();
        for number in numbers {
            let mut rows = sqlx::query(requeue).bind(number).fetch_all(&mut *transaction).await?;
            let was_delayed = rows.is_empty();
            if was_delayed {
                rows = sqlx::query(end_delay).bind(number).fetch_all(&mut *transaction).await?;
            }
            let Some(row) = rows.first() else {
                transaction.rollback().await?;
                let state = self.entry(number).await?.map(|entry| entry.state);
                return Ok(Err((number, state)));
            };
            texts.push(Requeued { number, was_delayed, task: row.try_get(0)? });
        }
        transaction.commit().await?;
        Ok(Ok(texts))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns a store with these texts, numbered from 1.
    pub(crate) async fn store_with_texts(texts: &[&str]) -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/queue.db?mode=rwc", directory.path().display());
        let store = Store::create(&url, crate::store::COMMAND_WAIT).await.unwrap();
        let texts: Vec<_> = texts.iter().map(ToString::to_string).collect();
        store.add_batch("first", &texts, None).await.unwrap();
        (directory, store)
    }

    /// Returns a store with one text, and the claim to this text.
    async fn store_with_claim() -> (tempfile::TempDir, Store, Claim) {
        let (directory, store) = store_with_texts(&["Hello"]).await;
        let claim = claim(&store, "first").await.unwrap();
        (directory, store, claim)
    }

    async fn claim(store: &Store, token: &str) -> Option<Claim> {
        store.claim(8, "w", token, "s", 60).await.unwrap().pop().map(|text| text.claim)
    }

    async fn collection(store: &Store, worker: &str) -> Option<Collection> {
        store.claim_collections(8, worker, "s", 60).await.unwrap().pop()
    }

    fn requeued(claim: &Claim, task: Option<&str>) -> Requeued {
        Requeued { number: claim.number, was_delayed: false, task: task.map(str::to_owned) }
    }

    /// Moves all times of the ledger into the past, as if this time had passed.
    async fn pass(store: &Store, seconds: i64) {
        let sql = "UPDATE speeches SET due = due - $1, since = since - $1";
        sqlx::query(sql).bind(seconds).execute(&store.pool).await.unwrap();
    }

    #[tokio::test]
    async fn late_response_after_requeue_is_recorded_until_next_claim() {
        let (_directory, store, first) = store_with_claim().await;
        assert!(store.mark_in_doubt(&first, "lost", None).await.unwrap());
        assert_eq!(store.requeue([1]).await.unwrap(), Ok(vec![requeued(&first, None)]));
        assert!(store.mark_submitted(&first, "t").await.unwrap());
        assert_eq!(claim(&store, "next").await, None, "not submitted twice");
        let text = collection(&store, "w").await.unwrap();
        assert!(store.mark_failed(&text, "given up").await.unwrap());
        assert_eq!(store.requeue([1]).await.unwrap(), Ok(vec![requeued(&first, Some("t"))]));
        assert_eq!(claim(&store, "next").await.unwrap().attempts, 2);
        assert!(!store.mark_submitted(&first, "t").await.unwrap(), "another claim");
    }

    #[tokio::test]
    async fn task_id_that_becomes_known_in_doubt_is_stored() {
        let (_directory, store, claim) = store_with_claim().await;
        assert!(store.mark_in_doubt(&claim, "lost", None).await.unwrap());
        assert!(!store.mark_in_doubt(&claim, "reset", None).await.unwrap());
        assert!(store.mark_in_doubt(&claim, "cut off", Some("t")).await.unwrap());
        assert_eq!(store.requeue([1]).await.unwrap(), Ok(vec![requeued(&claim, Some("t"))]));
    }

    #[tokio::test]
    async fn claim_is_in_doubt_after_its_lease_unless_renewed() {
        let (_directory, store, first) = store_with_claim().await;
        pass(&store, 80).await;
        store.renew("w", 60, &[]).await.unwrap();
        assert_eq!(store.end_overdue_claims("late").await.unwrap(), [0; 0]);
        pass(&store, 80).await;
        store.renew("other", 60, &[]).await.unwrap();
        assert_eq!(store.end_overdue_claims("late").await.unwrap(), [1]);
        store.renew("w", 60, &[]).await.unwrap();
        assert_eq!(store.entry(1).await.unwrap().unwrap().state, "in doubt", "not renewed");
        assert!(store.release(&first, Duration::ZERO, None).await.unwrap(), "certainly not sent");
        let second = claim(&store, "second").await.unwrap();
        for _ in 0..6 {
            pass(&store, 59).await;
            store.renew("w", 60, &[]).await.unwrap();
        }
        pass(&store, 60).await;
        assert_eq!(store.end_overdue_claims("late").await.unwrap(), [1], "renewed for five minutes at most");
        assert!(store.mark_submitted(&second, "t").await.unwrap(), "the late response");
    }

    #[tokio::test]
    async fn unconfirmed_claim_is_released_by_its_token() {
        let (_directory, store, _) = store_with_claim().await;
        store.release_unconfirmed("w", &["other".into()]).await.unwrap();
        store.release_unconfirmed("v", &["first".into()]).await.unwrap();
        assert_eq!(claim(&store, "second").await, None);
        store.release_unconfirmed("w", &["other".into(), "first".into()]).await.unwrap();
        assert!(claim(&store, "second").await.is_some());
    }

    #[tokio::test]
    async fn speech_is_collected_by_one_worker_until_its_lease_ends() {
        let (_directory, store, claim) = store_with_claim().await;
        assert!(store.mark_submitted(&claim, "t").await.unwrap());
        let first = collection(&store, "one").await.unwrap();
        assert!(collection(&store, "two").await.is_none());
        pass(&store, 59).await;
        store.renew("one", 60, &[1]).await.unwrap();
        pass(&store, 59).await;
        assert!(collection(&store, "two").await.is_none());
        store.renew("one", 60, &[2]).await.unwrap();
        pass(&store, 1).await;
        let second = collection(&store, "two").await.unwrap();
        assert!(!store.mark_done(&first, "host:/1.wav").await.unwrap(), "the lease of the first has ended");
        assert!(store.collect_later(&second, Duration::ZERO, None).await.unwrap());
        assert_eq!(store.delayed(9).await.unwrap(), []);
        let second = collection(&store, "two").await.unwrap();
        store.release_collections("two").await.unwrap();
        let third = collection(&store, "three").await.unwrap();
        assert!(store.collect_later(&third, Duration::ZERO, Some("full disk")).await.unwrap());
        assert_eq!(store.delayed(9).await.unwrap()[0].problem.as_deref(), Some("full disk"));
        assert!(!store.mark_done(&second, "host:/1.wav").await.unwrap());
        let third = collection(&store, "three").await.unwrap();
        assert!(store.mark_done(&third, "host:/1.wav").await.unwrap());
        assert_eq!(store.entry(1).await.unwrap().unwrap().place.as_deref(), Some("host:/1.wav"));
    }

    #[tokio::test]
    async fn text_that_is_submitted_for_more_than_a_day_can_be_requeued() {
        let (_directory, store, first) = store_with_claim().await;
        assert!(store.mark_submitted(&first, "t").await.unwrap());
        pass(&store, 86_390).await;
        assert_eq!(store.requeue([1]).await.unwrap(), Err((1, Some("submitted".into()))));
        let text = collection(&store, "w").await.unwrap();
        pass(&store, 20).await;
        assert_eq!(store.requeue([1]).await.unwrap(), Ok(vec![requeued(&first, Some("t"))]));
        assert!(!store.mark_done(&text, "host:/1.wav").await.unwrap(), "it waits for another submission");
        assert!(claim(&store, "second").await.is_some());
    }

    #[tokio::test]
    async fn released_text_is_listed_with_its_next_attempt_until_requeued() {
        let (_directory, store, first) = store_with_claim().await;
        assert!(store.release(&first, Duration::from_mins(5), Some("busy")).await.unwrap());
        let wait = store.delayed(9).await.unwrap()[0].due_in;
        assert!((298..=300).contains(&wait), "{wait}");
        assert_eq!(claim(&store, "second").await, None);
        let expected = Requeued { was_delayed: true, ..requeued(&first, None) };
        assert_eq!(store.requeue([1]).await.unwrap(), Ok(vec![expected]));
        assert_eq!(store.delayed(9).await.unwrap(), []);
        assert_eq!(store.requeue([1]).await.unwrap(), Err((1, Some("queued".into()))), "no delay is left");
        assert!(claim(&store, "second").await.is_some());
    }

    #[tokio::test]
    async fn tasks_of_a_simulator_are_lost_only_if_it_collects_no_text_any_more() {
        let (_directory, store) = store_with_texts(&["One", "Two"]).await;
        for text in store.claim(2, "w", "t", "simulator a", 60).await.unwrap() {
            assert!(store.mark_submitted(&text.claim, "task").await.unwrap());
        }
        pass(&store, 100).await;
        store.claim_collections(1, "w", "simulator a", 60).await.unwrap();
        store.requeue_lost_tasks("simulator b", "", 15).await.unwrap();
        assert_eq!(
            store.entries("submitted", 9).await.unwrap().len(),
            2,
            "its worker has more texts than slots"
        );
        pass(&store, 100).await;
        store.requeue_lost_tasks("simulator b", "", 15).await.unwrap();
        assert_eq!(store.entries("queued", 9).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn backend_of_first_worker_is_permanent() {
        let (_directory, store, _) = store_with_claim().await;
        for backend in ["the API", "simulators"] {
            let queue = store.queue(backend, backend).await.unwrap();
            assert_eq!((queue.backend.as_str(), queue.epoch.as_str()), ("the API", "the API"));
        }
    }
}
