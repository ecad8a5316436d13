//! Tests of the ledger with many rows: `QUEUE_ROWS=1000000 cargo test --release -p queue-worker scale -- --nocapture`
//! prints the times and the plans of the queries.

use std::time::Instant;

use sqlx::{AssertSqlSafe, Row as _};

use crate::{clean, entry, ledger, store::Store};

/// The queries that run repeatedly, with their arguments as literals.
fn queries(is_postgres: bool) -> Vec<(&'static str, String)> {
    let lock = usize::from(is_postgres);
    let arguments = |sql: &str, values: &[&str]| {
        // From the last, because `$1` is a part of `$10`.
        (1..=values.len()).rev().fold(sql.to_owned(), |sql, n| sql.replace(&format!("${n}"), values[n - 1]))
    };
    vec![
        ("claim", arguments(ledger::CLAIM[lock], &["8", "60", "'s'", "'w'", "'t'"])),
        ("claim collections", arguments(ledger::COLLECT[lock], &["'s'", "8", "'w'", "60"])),
        ("renew", arguments(ledger::RENEW[lock], &["'w'", "60", "'[7]'"])),
        ("release unconfirmed", arguments(ledger::RELEASE_UNCONFIRMED[lock], &["'w'", "'[\"t\"]'"])),
        ("end overdue claims", arguments(ledger::END_OVERDUE_CLAIMS, &["'late'"])),
        ("until empty", entry::HAS_UNFINISHED.to_owned()),
        ("unresolved", entry::HAS_UNRESOLVED.to_owned()),
        ("oldest queued", entry::OLDEST_QUEUED.to_owned()),
        ("recently done", arguments(entry::RECENTLY_DONE, &["300"])),
        ("held", entry::HELD.to_owned()),
        ("list", arguments(entry::IN_STATE, &["'in doubt'", "20"])),
        ("entry", arguments(entry::ENTRY, &["7"])),
        ("clean", arguments(clean::DELETE, &["86400", "10000"])),
        ("counts", entry::COUNTS.to_owned()),
        ("delayed", arguments(entry::DELAYED, &["20"])),
    ]
}

/// Fills a queue with texts, runs each query and returns its plan, with the time in milliseconds.
async fn measure(store: &Store, rows: usize) -> Vec<(&'static str, String, u128)> {
    let texts: Vec<_> = (1..=rows).map(|number| format!("This is text number {number}.")).collect();
    let started = Instant::now();
    store.add_batch("rows", &texts, None).await.unwrap();
    println!("enqueue {rows} texts: {} ms", started.elapsed().as_millis());
    // As after most of the work, with some texts in each state.
    let change = "UPDATE speeches SET server = 's', state = CASE number % 100 WHEN 1 THEN 'failed' WHEN 2 THEN 'in doubt' \
                  WHEN 3 THEN 'submitted' WHEN 4 THEN 'submitted' ELSE 'done' END, due = due - 90000 \
                  WHERE number % 100 BETWEEN 1 AND 90";
    sqlx::query(change).execute(&store.pool).await.unwrap();
    let analyze = if store.is_postgres { "VACUUM ANALYZE speeches" } else { "ANALYZE" };
    sqlx::query(analyze).execute(&store.pool).await.unwrap();
    // With the types of their arguments, which literals do not have. A worker only logs an error of these statements.
    store.renew("w", 60, &[7]).await.unwrap();
    store.release_unconfirmed("w", &["t".to_owned()]).await.unwrap();
    store.requeue_lost_tasks("simulator a", "simulator b", 60).await.unwrap();
    let mut measured = Vec::new();
    for (name, sql) in queries(store.is_postgres) {
        let (explain, column) = if store.is_postgres { ("EXPLAIN", 0) } else { ("EXPLAIN QUERY PLAN", 3) };
        let rows =
            sqlx::query(AssertSqlSafe(format!("{explain} {sql}"))).fetch_all(&store.pool).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(column)).collect();
        let started = Instant::now();
        sqlx::query(AssertSqlSafe(sql)).fetch_all(&store.pool).await.unwrap();
        measured.push((name, plan.join("\n    "), started.elapsed().as_millis()));
    }
    for (name, plan, time) in &measured {
        println!("{name}: {time} ms\n    {plan}");
    }
    measured
}

fn rows() -> usize {
    std::env::var("QUEUE_ROWS").map_or(20_000, |rows| rows.parse().expect("QUEUE_ROWS: expected a number"))
}

#[tokio::test]
async fn scale_sqlite_reads_only_indexes() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/queue.db?mode=rwc", directory.path().display());
    let store = Store::create(&url, crate::store::COMMAND_WAIT).await.unwrap();
    for (name, plan, _) in measure(&store, rows()).await {
        for step in plan.lines().filter(|step| step.contains("SCAN speeches")) {
            assert!(
                step.contains("USING COVERING INDEX") || step.contains("speeches_by_worker"),
                "{name}: {plan}"
            );
        }
        let counts = ["counts", "held"].contains(&name);
        // Only the inner selection of a claim reads the queue.
        assert!(!plan.contains("(state=?)\n") || !name.starts_with("claim"), "{name}: {plan}");
        assert!(counts || plan.contains("SEARCH"), "{name}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{name}: {plan}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scale_postgres_reads_only_indexes() {
    let Some(cluster) = crate::cluster::Cluster::start() else { return };
    let store = Store::create(&cluster.url(), crate::store::COMMAND_WAIT).await.unwrap();
    for (name, plan, _) in measure(&store, rows()).await {
        assert!(
            !plan.contains("Seq Scan on speeches") || ["counts", "clean"].contains(&name),
            "{name}: {plan}"
        );
    }
}
