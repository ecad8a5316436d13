//! `status`: shows the number of texts in each state, and lists the texts that failed, are in doubt or are
//! delayed.

use crate::{
    Outcome,
    entry::{Delayed, Entry, now},
    messages::{print_line, print_note, printable},
    store::Store,
};

/// The longest list of delayed texts. During an outage, all texts may be delayed for the same reason.
const MAX_DELAYED_LINES: usize = 20;

/// The states in the order in which a text passes through them.
pub(crate) const STATES: [&str; 6] = ["queued", "submitting", "submitted", "done", "failed", "in doubt"];

pub(crate) async fn run(store: &Store) -> anyhow::Result<Outcome> {
    let counts = store.counts().await?;
    let failed_or_in_doubt = store.failed_or_in_doubt().await?;
    for state in STATES {
        let count = counts.iter().find(|(name, _)| name == state).map_or(0, |(_, count)| *count);
        print_line!("{count:>8} {state}");
    }
    let delayed = store.delayed().await?;
    for text in delayed.iter().take(MAX_DELAYED_LINES) {
        print_line!("{}", format_delayed(text, now()));
    }
    if delayed.len() > MAX_DELAYED_LINES {
        print_line!("… {} more are delayed", delayed.len() - MAX_DELAYED_LINES);
    }
    for entry in &failed_or_in_doubt {
        print_line!("{}", format_entry(entry, now()));
    }
    if delayed.iter().any(|text| text.entry.state == "queued") {
        print_note!("hint: run `again KEY…` to submit a delayed text without further delay");
    }
    if !failed_or_in_doubt.is_empty() {
        print_note!("hint: run `again KEY…` to requeue failed or in-doubt texts; each may be billed again");
    }
    Ok(outcome(&failed_or_in_doubt))
}

/// Returns the outcome for the whole queue.
pub(crate) fn outcome(failed_or_in_doubt: &[Entry]) -> Outcome {
    if failed_or_in_doubt.is_empty() { Outcome::Success } else { Outcome::Unresolved }
}

/// Formats a text that failed or is in doubt.
fn format_entry(entry: &Entry, now: i64) -> String {
    let Entry { number, state, since, .. } = entry;
    // The time of a text in doubt is that of its submission, which a person looks for in the bill.
    let event = if state == "in doubt" { "submitted " } else { "" };
    let age = format_time(now.saturating_sub(*since));
    format!("{number}: {state}, {event}{age} ago: {}", format_problem(entry))
}

fn format_delayed(Delayed { entry, due }: &Delayed, now: i64) -> String {
    let Entry { number, state, .. } = entry;
    let next = match due.map(|due| due.saturating_sub(now)) {
        Some(wait @ 1..) => format!("in {}", format_time(wait)),
        _ => "now".to_owned(),
    };
    format!("{number}: {state}, next attempt {next}: {}", format_problem(entry))
}

fn format_problem(entry: &Entry) -> String {
    printable(entry.problem.as_deref().unwrap_or("reason unknown"))
}

fn format_time(seconds: i64) -> String {
    let seconds = u64::try_from(seconds).unwrap_or_default();
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

    fn entry() -> Entry {
        Entry {
            number: 7,
            state: "in doubt".into(),
            since: 1_000,
            server: None,
            worker: None,
            claim: None,
            task: None,
            problem: Some("reset".into()),
        }
    }

    #[test]
    fn status_line_shows_key_state_age_and_problem() {
        let mut entry = entry();
        assert_eq!(format_entry(&entry, 1_150), "7: in doubt, submitted 2 min ago: reset");
        entry.problem = None;
        assert_eq!(format_entry(&entry, 900), "7: in doubt, submitted 0 s ago: reason unknown");
        entry.state = "failed".into();
        entry.problem = Some("\u{1b}[31mred".into());
        assert_eq!(format_entry(&entry, 1_029), "7: failed, 29 s ago:  [31mred");
    }

    #[test]
    fn delayed_status_line_shows_key_state_next_attempt_and_problem() {
        let entry = Entry { state: "queued".into(), problem: Some("429".into()), ..entry() };
        for (due, expected) in [
            (Some(1_300), "7: queued, next attempt in 5 min: 429"),
            (Some(1_000), "7: queued, next attempt now: 429"),
            (None, "7: queued, next attempt now: 429"),
        ] {
            assert_eq!(format_delayed(&Delayed { entry: entry.clone(), due }, 1_000), expected);
        }
    }

    #[test]
    fn time_is_shown_in_a_single_unit() {
        for (seconds, expected) in
            [(-1, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (200_000, "2 days")]
        {
            assert_eq!(format_time(seconds), expected);
        }
    }
}
