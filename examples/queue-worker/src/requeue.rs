//! `again`: puts texts that failed, are in doubt or have been submitted for a day back into the queue, and ends the
//! delay of queued texts.

use std::ops::RangeInclusive;

use crate::{
    InvalidInput, Outcome,
    messages::{print_line, printable},
    store::Store,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The keys of texts that failed, are in doubt, are delayed or have been submitted for a day, as listed by
    /// `status`. FIRST-LAST is a range
    #[arg(required = true, value_name = "KEY", value_parser = parse_keys)]
    keys: Vec<RangeInclusive<i64>>,
}

fn parse_keys(text: &str) -> Result<RangeInclusive<i64>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if 1 <= first && first <= last => Ok(first..=last),
        _ => Err("expected a key such as 7, or a range such as 7-12".to_owned()),
    }
}

/// Returns each key of the ranges once. It is lazy, because the last key may be far above those of the queue.
fn distinct(ranges: &[RangeInclusive<i64>]) -> impl Iterator<Item = i64> {
    let mut ranges = ranges.to_vec();
    ranges.sort_by_key(|range| *range.start());
    let mut next = 1;
    ranges.into_iter().flat_map(move |range| {
        let first = next.max(*range.start());
        next = next.max(range.end().saturating_add(1));
        first..=*range.end()
    })
}

pub(crate) async fn run(store: &Store, args: &Args) -> anyhow::Result<Outcome> {
    let texts = store.requeue(distinct(&args.keys)).await?.map_err(|(key, state)| {
        InvalidInput(match state {
            Some(state) => {
                format!("key {key}: state is {state}, expected failed, in doubt or delayed, or submitted for a day")
            }
            None => format!("key {key}: not found; `status` lists the keys"),
        })
    })?;
    for text in &texts {
        if let Some(task) = &text.task {
            print_line!("{}: earlier task {} may have been billed", text.number, printable(task));
        }
    }
    let delayed = texts.iter().filter(|text| text.was_delayed).count();
    if texts.len() > delayed {
        print_line!("{} requeued; each may be billed again", texts.len() - delayed);
    }
    if delayed > 0 {
        print_line!("{delayed} no longer delayed; submitted as soon as a worker is free");
    }
    Ok(Outcome::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_ranges_contain_each_key_once_and_may_be_huge() {
        let keys = |ranges: &[RangeInclusive<i64>]| distinct(ranges).take(7).collect::<Vec<_>>();
        assert_eq!(keys(&[7..=7, 2..=5, 3..=3, 4..=6, 7..=7]), [2, 3, 4, 5, 6, 7]);
        assert_eq!(keys(&[3..=i64::MAX, 1..=1]), [1, 3, 4, 5, 6, 7, 8]);
    }
}
