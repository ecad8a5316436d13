//! The output of a worker while it runs: a line for each finished text, or a progress bar on a terminal, and
//! numbers for Prometheus.

use std::{net::SocketAddr, time::Duration};

use indicatif::{ProgressDrawTarget, ProgressStyle};
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::{
    InvalidInput,
    context::WorkerContext,
    entry::STATES,
    messages::{BAR, print_note, printable},
    retry::with_timeout,
    store::Store,
};

/// The time between two counts, and for a progress bar. Counting a million texts takes about a tenth of a second.
const INTERVAL: Duration = Duration::from_secs(10);
const BAR_INTERVAL: Duration = Duration::from_secs(2);

/// Shows the progress bar if standard error is a terminal.
pub(crate) fn start_bar() {
    // An error is impossible: the template is constant.
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len}, {msg}") {
        BAR.set_style(style);
    }
    BAR.set_draw_target(ProgressDrawTarget::stderr());
}

/// Serves `/metrics` and `/health` at this address.
pub(crate) fn serve_metrics(address: SocketAddr) -> Result<(), InvalidInput> {
    let installed = PrometheusBuilder::new().with_http_listener(address).install();
    installed.map_err(|error| InvalidInput(format!("--metrics {address}: {error}")))
}

/// Shows a text that a worker has finished. `details` are a place or a problem.
pub(crate) fn finished(number: i64, state: &'static str, details: &str) {
    metrics::counter!("queue_worker_finished_total", "state" => state).increment(1);
    BAR.inc(1);
    if state != "done" || BAR.is_hidden() {
        print_note!("{number}: {state}, {}", printable(details));
    }
}

/// Shows the number of texts in each state when it changes, until a stop request.
pub(crate) async fn report(context: &WorkerContext) {
    let mut last = String::new();
    while !context.is_stopping() {
        // Ignore an error of the database: the jobs report it.
        if let Ok(line) = with_timeout(show_counts(&context.store)).await
            && line != last
        {
            BAR.set_message(line.clone());
            if BAR.is_hidden() {
                print_note!("{line}");
            }
            last = line;
        }
        let interval = if BAR.is_hidden() { INTERVAL } else { BAR_INTERVAL };
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = context.stop_requested() => {}
        }
    }
}

async fn show_counts(store: &Store) -> anyhow::Result<String> {
    let counts = store.counts().await?;
    let count = |state: &str| counts.iter().find(|(name, _)| name == state).map_or(0, |(_, count)| *count);
    for state in STATES {
        #[expect(clippy::cast_precision_loss, reason = "a number of texts is far below 2^52")]
        metrics::gauge!("queue_worker_texts", "state" => state).set(count(state) as f64);
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of seconds is far below 2^52")]
    let oldest = store.oldest_queued().await?.unwrap_or_default().max(0) as f64;
    metrics::gauge!("queue_worker_oldest_queued_seconds").set(oldest);
    BAR.set_length(counts.iter().map(|(_, count)| count.unsigned_abs()).sum());
    BAR.set_position(["done", "failed", "in doubt"].map(|state| count(state).unsigned_abs()).iter().sum());
    Ok(format_counts(&counts))
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
