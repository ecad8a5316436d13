//! `status`: how many texts are in which state, and those that wait for a person.

use std::time::Duration;

use crate::{
    Outcome,
    entry::{Entry, now},
    store::Store,
};

/// In the order of a life.
const STATES: [&str; 6] = ["queued", "submitting", "submitted", "done", "failed", "in doubt"];

pub(crate) async fn run(store: &Store) -> anyhow::Result<Outcome> {
    let counts = store.counts().await?;
    let troubled = store.troubled().await?;
    for state in STATES {
        let count = counts.iter().find(|(name, _)| name == state).map_or(0, |(_, count)| *count);
        println!("{count:>8} {state}");
    }
    for entry in store.held_up().await?.iter().chain(&troubled) {
        println!("{}", line(entry, now()));
    }
    if !troubled.is_empty() {
        eprintln!("hint: `again KEY…` puts them back into the queue, though each may be billed again");
    }
    Ok(outcome(&troubled))
}

/// What the exit status tells of the whole queue.
pub(crate) fn outcome(troubled: &[Entry]) -> Outcome {
    if troubled.is_empty() { Outcome::Fine } else { Outcome::SomeAreNotSpoken }
}

fn line(entry: &Entry, now: i64) -> String {
    let Entry { number, state, since, .. } = entry;
    let age = Duration::from_secs(now.saturating_sub(*since).try_into().unwrap_or_default());
    let problem = entry.problem.as_deref().unwrap_or("no reason is known");
    format!("{number} is {state} since {} ago: {problem}", shown(age))
}

fn shown(age: Duration) -> String {
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
    fn a_line_has_the_key_the_state_since_when_and_why() {
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
        assert_eq!(line(&entry, 1_150), "7 is in doubt since 2 min ago: reset");
        entry.problem = None;
        assert_eq!(line(&entry, 900), "7 is in doubt since 0 s ago: no reason is known");
    }

    #[test]
    fn a_time_is_told_in_one_unit() {
        for (seconds, expected) in [(119, "119 s"), (120, "2 min"), (7_200, "2 h"), (200_000, "2 days")] {
            assert_eq!(shown(Duration::from_secs(seconds)), expected);
        }
    }
}
