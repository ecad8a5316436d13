//! `status`: shows the number of texts in each state, and lists the texts that failed, are in doubt or are
//! delayed.

use std::time::Duration;

use crate::{
    Outcome,
    entry::{Entry, now},
    store::Store,
};

/// The states in the order in which a text passes through them.
const STATES: [&str; 6] = ["queued", "submitting", "submitted", "done", "failed", "in doubt"];

pub(crate) async fn run(store: &Store) -> anyhow::Result<Outcome> {
    let counts = store.counts().await?;
    let failed_or_in_doubt = store.failed_or_in_doubt().await?;
    for state in STATES {
        let count = counts.iter().find(|(name, _)| name == state).map_or(0, |(_, count)| *count);
        println!("{count:>8} {state}");
    }
    for entry in store.delayed().await?.iter().chain(&failed_or_in_doubt) {
        println!("{}", format_entry(entry, now()));
    }
    if !failed_or_in_doubt.is_empty() {
        eprintln!("hint: run `again KEY…` to requeue failed or in-doubt texts; each may be billed again");
    }
    Ok(outcome(&failed_or_in_doubt))
}

/// Returns the outcome for the whole queue.
pub(crate) fn outcome(failed_or_in_doubt: &[Entry]) -> Outcome {
    if failed_or_in_doubt.is_empty() { Outcome::Success } else { Outcome::Unresolved }
}

fn format_entry(entry: &Entry, now: i64) -> String {
    let Entry { number, state, since, .. } = entry;
    let age = Duration::from_secs(now.saturating_sub(*since).try_into().unwrap_or_default());
    let problem = entry.problem.as_deref().unwrap_or("reason unknown");
    format!("{number}: {state}, {} ago: {problem}", format_age(age))
}

fn format_age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_line_shows_key_state_age_and_problem() {
        let mut entry = Entry {
            number: 7,
            state: "in doubt".into(),
            since: 1_000,
            server: None,
            worker: None,
            claim: None,
            task: None,
            problem: Some("reset".into()),
        };
        assert_eq!(format_entry(&entry, 1_150), "7: in doubt, 2 min ago: reset");
        entry.problem = None;
        assert_eq!(format_entry(&entry, 900), "7: in doubt, 0 s ago: reason unknown");
    }

    #[test]
    fn age_is_shown_in_a_single_unit() {
        for (seconds, expected) in [(119, "119 s"), (120, "2 min"), (7_200, "2 h"), (200_000, "2 days")] {
            assert_eq!(format_age(Duration::from_secs(seconds)), expected);
        }
    }
}
