//! `status`: shows the number of texts in each state, the rate and the workers, and lists the texts that failed,
//! are in doubt or are delayed.

use serde_json::json;

use crate::{
    Outcome,
    entry::{Entry, STATES},
    guard::RESTORED,
    messages::{print_line, print_note, printable},
    store::Store,
};

/// The period in which the texts that became done are counted, in seconds.
const RATE_PERIOD: i64 = 300;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The maximum number of texts that are listed for each reason
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(0..=1_000_000))]
    limit: i64,

    /// Lists the texts in this state instead. For texts that are done, it shows the host and the path
    #[arg(long, value_parser = STATES)]
    state: Option<String>,

    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(store: &Store, args: &Args) -> anyhow::Result<Outcome> {
    let counts = store.counts().await?;
    let count = |state: &str| counts.iter().find(|(name, _)| name == state).map_or(0, |(_, count)| *count);
    let mut texts = Vec::new();
    if let Some(state) = &args.state {
        texts = store.entries(state, args.limit).await?;
    } else {
        texts.extend(store.delayed(args.limit).await?);
        texts.extend(store.entries("in doubt", args.limit).await?);
        texts.extend(store.entries("failed", args.limit).await?);
    }
    let oldest = store.oldest_queued().await?.map(|age| age.max(0));
    let done = store.recently_done(RATE_PERIOD).await?;
    let held = store.held().await?;
    let unresolved = count("failed") + count("in doubt");
    if args.json {
        let workers =
            held.iter().map(|held| json!({"worker": held.worker, "state": held.state, "texts": held.texts}));
        let json = json!({
            "counts": STATES.map(|state| (state, count(state))).into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "oldest_queued_seconds": oldest,
            "done_in_5_minutes": done,
            "workers": workers.collect::<Vec<_>>(),
            "texts": texts.iter().map(to_json).collect::<Vec<_>>(),
        });
        print_line!("{json}");
        return Ok(outcome(unresolved));
    }
    for state in STATES {
        print_line!("{:>8} {state}", count(state));
    }
    if let Some(age) = oldest {
        print_line!("the oldest queued text waits for {}; done in 5 minutes: {done}", format_time(age));
    }
    for held in &held {
        print_line!("worker {} holds {} {}", printable(&held.worker), held.texts, held.state);
    }
    for entry in &texts {
        print_line!("{}", format_entry(entry));
    }
    print_hints(&texts, unresolved, args);
    Ok(outcome(unresolved))
}

fn print_hints(texts: &[Entry], unresolved: i64, args: &Args) {
    if texts.len() >= usize::try_from(args.limit).unwrap_or(usize::MAX) {
        print_note!("hint: at most {} texts are listed for each reason; set --limit for more", args.limit);
    }
    if texts.iter().any(|text| text.state == "queued" && text.problem.is_some()) {
        print_note!("hint: run `again KEY…` to submit a delayed text without further delay");
    }
    if unresolved > 0 {
        print_note!("hint: run `again KEY…` to requeue failed or in-doubt texts; each may be billed again");
    }
}

fn outcome(unresolved: i64) -> Outcome {
    if unresolved == 0 { Outcome::Success } else { Outcome::Unresolved }
}

fn to_json(entry: &Entry) -> serde_json::Value {
    json!({
        "key": entry.number,
        "state": entry.state,
        "age_seconds": entry.age,
        "due_in_seconds": entry.due_in,
        "server": entry.server,
        "worker": entry.worker,
        "task": entry.task,
        "problem": entry.problem,
        "place": entry.place,
    })
}

fn format_entry(entry: &Entry) -> String {
    let Entry { number, state, age, due_in, .. } = entry;
    let details = match (state.as_str(), &entry.problem) {
        // The time of a text in doubt is that of its submission, which a person looks for in the bill. After a restore,
        // this time is unknown.
        ("in doubt", problem) if problem.as_deref() != Some(RESTORED) => {
            format!("submitted {} ago", format_time(*age))
        }
        ("queued" | "submitted", Some(_)) if *due_in > 0 && entry.worker.is_none() => {
            format!("next attempt in {}", format_time(*due_in))
        }
        ("queued" | "submitted", Some(_)) => "next attempt now".to_owned(),
        _ => format!("{} ago", format_time(*age)),
    };
    let place = entry.place.as_ref().map(|place| format!(": {}", printable(place)));
    let problem = match (&entry.problem, state.as_str()) {
        (Some(problem), _) => Some(format!(": {}", printable(problem))),
        (None, "failed" | "in doubt") => Some(": reason unknown".to_owned()),
        (None, _) => None,
    };
    format!("{number}: {state}, {details}{}", problem.or(place).unwrap_or_default())
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

    #[test]
    fn status_line_shows_key_state_time_and_problem_or_place() {
        let entry = |state: &str, age, due_in, problem: Option<&str>| Entry {
            number: 7,
            state: state.into(),
            age,
            due_in,
            problem: problem.map(str::to_owned),
            ..Entry::default()
        };
        for (entry, expected) in [
            (entry("in doubt", 150, 0, Some("reset")), "7: in doubt, submitted 2 min ago: reset"),
            (entry("in doubt", -100, 0, None), "7: in doubt, submitted 0 s ago: reason unknown"),
            (entry("in doubt", 9, 0, Some(RESTORED)), &format!("7: in doubt, 9 s ago: {RESTORED}")),
            (entry("failed", 29, 0, Some("\u{1b}[31mred")), "7: failed, 29 s ago:  [31mred"),
            (entry("queued", 9, 300, Some("429")), "7: queued, next attempt in 5 min: 429"),
            (entry("queued", 9, 0, Some("429")), "7: queued, next attempt now: 429"),
            (entry("queued", 9, 0, None), "7: queued, 9 s ago"),
            (
                Entry { place: Some("host:/out/7.wav".into()), ..entry("done", 9, -9, None) },
                "7: done, 9 s ago: host:/out/7.wav",
            ),
        ] {
            assert_eq!(format_entry(&entry), expected);
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
