//! Prints the progress of a worker to standard error.

use std::time::Duration;

use crate::{context::WorkerContext, messages::print_note, status::STATES, store::Store};

/// The time between two lines. Counting the texts of a long queue takes some milliseconds.
const INTERVAL: Duration = Duration::from_secs(10);

/// Prints the number of texts in each state when it changes, until a stop request.
pub(crate) async fn report(context: &WorkerContext) {
    let mut last = String::new();
    while !context.is_stopping() {
        // Ignore an error of the database: the jobs report it.
        if let Ok(line) = summary(&context.store).await
            && line != last
        {
            print_note!("{line}");
            last = line;
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = context.stop_requested() => {}
        }
    }
}

/// Returns the number of texts in each state that has texts.
pub(crate) async fn summary(store: &Store) -> anyhow::Result<String> {
    Ok(format_counts(&store.counts().await?))
}

fn format_counts(counts: &[(String, i64)]) -> String {
    let in_order = STATES.iter().filter_map(|state| counts.iter().find(|(name, _)| name == state));
    let parts: Vec<_> = in_order.map(|(name, count)| format!("{count} {name}")).collect();
    if parts.is_empty() { "no texts; add some with `enqueue`".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_line_shows_states_in_order() {
        let counts = [("done".to_owned(), 40), ("queued".to_owned(), 8), ("in doubt".to_owned(), 1)];
        assert_eq!(format_counts(&counts), "8 queued, 40 done, 1 in doubt");
        assert_eq!(format_counts(&[]), "no texts; add some with `enqueue`");
    }
}
