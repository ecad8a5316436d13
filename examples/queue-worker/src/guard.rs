//! Recognises a database that went back: a restored backup, an older copy of the file, or a standby that
//! had not received the last commits. Its queued texts may have been billed.
//!
//! Each worker keeps its last claim in memory, and in a file in its output directory. A database without this
//! claim went back.

use std::{fs, path::PathBuf};

use anyhow::Context;
use sqlx::Row as _;

use crate::{InvalidInput, ledger::Claim, store::Store};

/// The row of the table `queue`.
#[derive(Debug)]
pub(crate) struct Queue {
    /// The API or simulators.
    pub(crate) backend: String,
    /// A random name, which changes after each restore.
    pub(crate) epoch: String,
    went_back: bool,
}

/// The reason why a worker stops or does not start.
pub(crate) const WENT_BACK: &str = "the database has lost the last claim of a worker: it was restored, or it is an \
     older copy, and its queued texts may have been billed; stop all workers, and start one with `work \
     --after-restore`, which marks these texts as in doubt";

/// The problem of the texts that are marked.
pub(crate) const RESTORED: &str =
    "the database was restored, so the text may have been submitted after the backup";

/// The last claim of a worker, which its database must contain.
#[derive(Debug)]
pub(crate) struct Guard {
    path: PathBuf,
    last: Option<Claim>,
}

impl Guard {
    /// Reads the last claim of the workers that used this output directory.
    pub(crate) fn open(out: &std::path::Path, epoch: &str) -> anyhow::Result<Self> {
        let path = out.join(format!(".queue-worker-{epoch}"));
        let last = match fs::read_to_string(&path) {
            Ok(text) => parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).context(format!("could not read {}", path.display())),
        };
        Ok(Self { path, last })
    }

    /// Checks that the database contains the last claim. Otherwise, no worker claims a text until `--after-restore`.
    pub(crate) async fn check(&self, store: &Store) -> anyhow::Result<()> {
        match &self.last {
            Some(last) if !store.has_claim(last).await? => {
                sqlx::query("UPDATE queue SET went_back = 1").execute(&store.pool).await?;
                Err(InvalidInput(format!("--database: {WENT_BACK}")).into())
            }
            _ => Ok(()),
        }
    }

    /// Records a new claim. The file is replaced at once, but not synced: an older file only detects less.
    pub(crate) fn record(&mut self, claim: &Claim) {
        let Claim { number, token, attempts } = claim;
        let temporary = self.path.with_extension(&token[token.len().saturating_sub(8)..]);
        let written = fs::write(&temporary, format!("{number} {attempts} {token}\n"))
            .and_then(|()| fs::rename(&temporary, &self.path));
        if let Err(error) = written {
            let _ = fs::remove_file(&temporary);
            tracing::warn!(path = %self.path.display(), %error, "last claim not recorded");
        }
        self.last = Some(claim.clone());
    }
}

fn parse(text: &str) -> Option<Claim> {
    let mut parts = text.split_whitespace();
    let (number, attempts) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(Claim { number, attempts, token: parts.next()?.to_owned() })
}

impl Store {
    /// Returns the row of the queue. If its backend or epoch is missing, stores these values permanently.
    pub(crate) async fn queue(&self, backend: &str, epoch: &str) -> anyhow::Result<Queue> {
        let select =
            async || sqlx::query("SELECT backend, epoch, went_back FROM queue").fetch_one(&self.pool).await;
        let mut row = select().await?;
        // Read first, because a large `enqueue` locks the file of SQLite for writing.
        let is_null = |column| row.try_get::<Option<String>, _>(column).map(|value| value.is_none());
        if is_null(0)? || is_null(1)? {
            let update = "UPDATE queue SET backend = COALESCE(backend, $1), epoch = COALESCE(epoch, $2)";
            sqlx::query(update).bind(backend).bind(epoch).execute(&self.pool).await?;
            row = select().await?;
        }
        Ok(Queue {
            backend: row.try_get(0)?,
            epoch: row.try_get(1)?,
            went_back: row.try_get::<i32, _>(2)? != 0,
        })
    }

    /// Returns `true` if a worker has found that the database went back.
    pub(crate) async fn went_back(&self) -> anyhow::Result<bool> {
        let value: i32 = sqlx::query_scalar("SELECT went_back FROM queue").fetch_one(&self.pool).await?;
        Ok(value != 0)
    }

    /// Returns `true` if the ledger contains the claim, a later claim of the text, or a trace of its removal.
    async fn has_claim(&self, claim: &Claim) -> anyhow::Result<bool> {
        let query = "SELECT 1 FROM speeches WHERE number = $1 AND (attempts > $2 OR (attempts = $2 AND claim = $3)) \
                     UNION ALL SELECT 1 FROM queue WHERE cleaned >= $1 \
                     AND NOT EXISTS (SELECT 1 FROM speeches WHERE number = $1)";
        let query = sqlx::query(query).bind(claim.number).bind(claim.attempts).bind(&claim.token);
        Ok(query.fetch_optional(&self.pool).await?.is_some())
    }

    /// Changes queued and submitting → in doubt for all texts, and starts a new epoch. Returns the number of texts.
    pub(crate) async fn after_restore(&self, epoch: &str) -> anyhow::Result<u64> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("UPDATE queue SET epoch = $1, went_back = 0")
            .bind(epoch)
            .execute(&mut *transaction)
            .await?;
        let mark = "UPDATE speeches SET state = 'in doubt', worker = NULL, problem = $1 \
                    WHERE state IN ('queued', 'submitting')";
        let marked = sqlx::query(mark).bind(RESTORED).execute(&mut *transaction).await?.rows_affected();
        transaction.commit().await?;
        Ok(marked)
    }
}

impl Queue {
    /// Checks that no worker has found that the database went back.
    pub(crate) fn check(&self) -> Result<(), InvalidInput> {
        if self.went_back { Err(InvalidInput(format!("--database: {WENT_BACK}"))) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tests::store_with_texts;

    #[tokio::test]
    async fn claim_is_missed_only_in_a_database_that_went_back() {
        let (directory, store) = store_with_texts(&["One", "Two"]).await;
        let mut guard = Guard::open(directory.path(), "e").unwrap();
        guard.check(&store).await.unwrap();
        let one = store.claim(1, "w", "token-1", "s", 60).await.unwrap().remove(0).claim;
        guard.record(&one);
        let guard = Guard::open(directory.path(), "e").unwrap();
        guard.check(&store).await.unwrap();
        store.release(&one, std::time::Duration::ZERO, None).await.unwrap();
        guard.check(&store).await.unwrap();
        store.claim(2, "w", "token-2", "s", 60).await.unwrap();
        guard.check(&store).await.unwrap();

        let change = async |sql: &'static str| sqlx::query(sql).execute(&store.pool).await.unwrap();
        change("UPDATE speeches SET attempts = 1, claim = 'token-3' WHERE number = 1").await;
        assert!(guard.check(&store).await.is_err(), "claimed by another worker after the restore");
        change("UPDATE speeches SET attempts = 0, claim = NULL, state = 'queued' WHERE number = 1").await;
        assert!(guard.check(&store).await.is_err(), "queued again");
        assert!(
            store.claim(1, "w", "token-4", "s", 60).await.unwrap().is_empty(),
            "all workers stop claiming"
        );
        assert!(store.queue("", "").await.unwrap().check().is_err());
        change("DELETE FROM speeches WHERE number = 1").await;
        assert!(guard.check(&store).await.is_err(), "not enqueued yet");
        change("UPDATE queue SET cleaned = 1").await;
        guard.check(&store).await.unwrap();
    }

    #[tokio::test]
    async fn after_restore_unfinished_texts_are_in_doubt_and_tasks_are_kept() {
        let (_directory, store) = store_with_texts(&["One", "Two", "Three"]).await;
        let texts = store.claim(2, "w", "t", "s", 60).await.unwrap();
        store.mark_submitted(&texts[0].claim, "task").await.unwrap();
        sqlx::query("UPDATE queue SET went_back = 1").execute(&store.pool).await.unwrap();
        assert_eq!(store.after_restore("new").await.unwrap(), 2);
        let states = [
            store.entries("in doubt", 9).await.unwrap().len(),
            store.entries("submitted", 9).await.unwrap().len(),
        ];
        assert_eq!(states, [2, 1]);
        let queue = store.queue("", "").await.unwrap();
        assert!(queue.check().is_ok() && queue.epoch == "new");
    }
}
