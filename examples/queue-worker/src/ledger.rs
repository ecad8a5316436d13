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

    /// submitting → submitted, and a job to collect it. Also out of a doubt: the reply was late, and here it is.
    pub(crate) async fn submitted(&self, claim: &Claim, task: &str) -> anyhow::Result<bool> {
        change!(
            self,
            "UPDATE speeches SET state = 'submitted', since = $3, task = $4, problem = NULL \
             WHERE number = $1 AND claim = $2 AND state IN ('submitting', 'in doubt')"
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

    /// submitting → in doubt, by whoever holds the claim or finds that nobody does any more.
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
             WHERE number = $1 AND claim = $2 AND state = 'submitting'"
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
        problem: &str,
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

    /// in doubt or failed → queued, all of these or none: the first that is neither, or the ids of their old tasks.
    pub(crate) async fn again(&self, numbers: &[i64]) -> anyhow::Result<Result<(), (i64, Option<String>)>> {
        with_pool!(self, pool => {
            let mut transaction = pool.begin().await?;
            for number in numbers {
                let changed = sqlx::query(
                    "UPDATE speeches SET state = 'queued', since = $2, server = NULL, worker = NULL, claim = NULL, \
                     task = NULL, problem = NULL WHERE number = $1 AND state IN ('in doubt', 'failed')",
                )
                .bind(number)
                .bind(now())
                .execute(&mut *transaction)
                .await?;
                if changed.rows_affected() == 0 {
                    transaction.rollback().await?;
                    let state = self.entry(*number).await?.map(|entry| entry.state);
                    return Ok(Err((*number, state)));
                }
            }
            transaction.put(SUBMIT, numbers, Duration::ZERO).await?;
            transaction.commit().await?;
            Ok(Ok(()))
        })
    }
}
