//! `clean`: removes texts that are done from the ledger. Their files stay.

use crate::{Outcome, messages::print_line, store::Store};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Removes only texts that have been done for this number of days
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=36_500))]
    days: u32,
}

/// The number of texts in one statement, so that other processes wait only for a moment.
const TEXTS_PER_DELETE: i64 = 10_000;

pub(crate) const DELETE: &str = "DELETE FROM speeches WHERE number IN (SELECT number FROM speeches \
                                 WHERE state = 'done' AND due <= unixepoch() - $1 ORDER BY due, number LIMIT $2) \
                                 RETURNING number";

pub(crate) async fn run(store: &Store, args: &Args) -> anyhow::Result<Outcome> {
    let mut count = 0;
    loop {
        let numbers = store.clean(i64::from(args.days) * 86_400, TEXTS_PER_DELETE).await?;
        count += numbers;
        if numbers < usize::try_from(TEXTS_PER_DELETE)? {
            break;
        }
    }
    print_line!("{count} done texts removed from the ledger; their files are kept");
    Ok(Outcome::Success)
}

impl Store {
    /// Removes up to `limit` texts that have been done for this number of seconds. Returns their number.
    async fn clean(&self, seconds: i64, limit: i64) -> anyhow::Result<usize> {
        let mut transaction = self.pool.begin().await?;
        let numbers: Vec<i64> =
            sqlx::query_scalar(DELETE).bind(seconds).bind(limit).fetch_all(&mut *transaction).await?;
        // A worker that has claimed one of these texts last must not take the database for an older copy.
        let update = "UPDATE queue SET cleaned = $1 WHERE cleaned < $1";
        sqlx::query(update).bind(numbers.iter().max().copied()).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(numbers.len())
    }
}

#[cfg(test)]
mod tests {
    use crate::ledger::tests::store_with_texts;

    #[tokio::test]
    async fn only_texts_that_have_been_done_for_long_are_removed() {
        let (_directory, store) = store_with_texts(&["One", "Two", "Three", "Four"]).await;
        let change = "UPDATE speeches SET state = CASE number WHEN 4 THEN 'failed' ELSE 'done' END, \
                      due = unixepoch() - number * 100";
        sqlx::query(change).execute(&store.pool).await.unwrap();
        assert_eq!(store.clean(150, 1).await.unwrap(), 1);
        assert_eq!(store.clean(150, 9).await.unwrap(), 1);
        let left: Vec<i64> = sqlx::query_scalar("SELECT number FROM speeches ORDER BY 1")
            .fetch_all(&store.pool)
            .await
            .unwrap();
        assert_eq!(left, [1, 4]);
        let cleaned: i64 =
            sqlx::query_scalar("SELECT cleaned FROM queue").fetch_one(&store.pool).await.unwrap();
        assert_eq!(cleaned, 3);
    }
}
