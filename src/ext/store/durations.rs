//! The durations of the last tasks of an API and a model, so that the next process polls well from its first task on.
//!
//! The store keeps observations, not what a policy has derived from them. So any policy can learn from them, and a
//! policy that detects a change of the server detects the change across processes too.
//!
//! A record is written together with the entry of its task, so it costs no commit of its own. If it is lost, the next
//! process learns again.

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};

use crate::pacing::CompletedTask;

/// The number of tasks that are kept. A process learns from them in milliseconds.
const CAPACITY: usize = 64;

/// The version of the format. A record with another version counts as empty.
const VERSION: u32 = 1;

/// The age from which a task does not count any more, in seconds.
const MAX_AGE: f64 = 30.0 * 86_400.0;

/// The age in seconds from which a task is old, and the number of old tasks that count. Few tasks give wide
/// distributions, which suit a server that has changed meanwhile.
const OLD: (f64, usize) = (86_400.0, 16);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Durations {
    version: u32,
    /// Oldest first.
    tasks: VecDeque<StoredTask>,
}

/// A completed task. Times are in milliseconds. In the file, this is an array without names.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct StoredTask(
    /// When it was completed, in seconds since 1970 by this machine's clock.
    u64,
    /// [`CompletedTask::characters`]
    Option<u32>,
    /// [`CompletedTask::total`]
    Option<u32>,
    /// [`CompletedTask::waited`]
    Option<(u32, u32)>,
    /// [`CompletedTask::ran`]
    Option<u32>,
);

impl Default for Durations {
    fn default() -> Self {
        Self { version: VERSION, tasks: VecDeque::new() }
    }
}

impl Durations {
    /// Reads a record. A record that is damaged or has another version counts as empty.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let parsed = serde_json::from_slice(bytes).ok();
        parsed.filter(|durations: &Self| durations.version == VERSION).unwrap_or_default()
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers are JSON")
    }

    /// Adds a task that was completed at `now`, in seconds since 1970.
    pub(super) fn push(&mut self, task: &CompletedTask, now: f64) {
        while self.tasks.len() >= CAPACITY {
            self.tasks.pop_front();
        }
        self.tasks.push_back(StoredTask::new(task, now));
    }

    /// Returns the tasks that count at `now`, oldest first.
    pub(super) fn recent(&self, now: f64) -> Vec<CompletedTask> {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are below 2^52")]
        let age = |task: &StoredTask| now - task.0 as f64;
        let newest_first = self.tasks.iter().rev().take(CAPACITY).enumerate();
        let counts = |index: usize, age: f64| age < MAX_AGE && (age < OLD.0 || index < OLD.1);
        let mut tasks: Vec<_> = newest_first
            .filter(|(index, task)| counts(*index, age(task)))
            .map(|(_, task)| task.to_completed())
            .collect();
        tasks.reverse();
        tasks
    }
}

impl StoredTask {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates")]
    fn new(task: &CompletedTask, now: f64) -> Self {
        let CompletedTask { total, waited, ran, characters } = *task;
        let waited = waited.map(|(least, most)| (milliseconds(least), milliseconds(most)));
        Self(now as u64, characters, total.map(milliseconds), waited, ran.map(milliseconds))
    }

    fn to_completed(self) -> CompletedTask {
        let Self(_, characters, total, waited, ran) = self;
        let time = |milliseconds: u32| Duration::from_millis(milliseconds.into());
        CompletedTask {
            total: total.map(time),
            waited: waited.map(|(least, most)| (time(least.min(most)), time(most))),
            ran: ran.map(time),
            characters,
        }
    }
}

fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: f64 = 86_400.0;
    const NOW: f64 = 1_764_000_000.0;

    fn task(milliseconds: u64) -> CompletedTask {
        let time = Duration::from_millis(milliseconds);
        CompletedTask {
            total: Some(time),
            waited: Some((time / 4, time / 2)),
            ran: Some(time / 2),
            characters: Some(120),
        }
    }

    fn durations(ages: impl IntoIterator<Item = f64>) -> Durations {
        let mut durations = Durations::default();
        for (index, age) in (0..).zip(ages) {
            durations.push(&task(1_000 * index), NOW - age);
        }
        durations
    }

    fn seconds(tasks: &[CompletedTask]) -> Vec<u64> {
        tasks.iter().map(|task| task.total.unwrap().as_secs()).collect()
    }

    #[test]
    fn format_of_durations_is_stable() {
        let mut durations = durations([]);
        durations.push(&task(8_000), NOW);
        durations.push(&CompletedTask::default(), NOW + 1.0);
        let text = r#"{"version":1,"tasks":[[1764000000,120,8000,[2000,4000],4000],[1764000001,null,null,null,null]]}"#;
        assert_eq!(String::from_utf8(durations.to_bytes()).unwrap(), text);
        let read = Durations::parse(text.as_bytes());
        assert_eq!(read, durations);
        assert_eq!(read.recent(NOW), [task(8_000), CompletedTask::default()]);
    }

    #[test]
    fn damaged_or_newer_durations_count_as_empty() {
        for text in [
            "",
            "{}",
            "null",
            r#"{"version":2,"tasks":[[1764000000,120,8000,null,null]]}"#,
            r#"{"version":1,"tasks":[[1764000000,120,-8000,null,null]]}"#,
            r#"{"version":1,"tasks":[[1764000000,120]]}"#,
            r#"{"version":1,"tasks":[[1764000000,120,8000,null,nu"#,
        ] {
            assert_eq!(Durations::parse(text.as_bytes()), Durations::default(), "{text}");
        }
    }

    #[test]
    fn size_of_durations_is_bounded() {
        let long = CompletedTask { total: Some(Duration::MAX), ..task(86_400_000) };
        let mut durations = Durations::default();
        (0..1_000).for_each(|_| durations.push(&long, NOW));
        assert!(durations.to_bytes().len() < 4_096, "{}", durations.to_bytes().len());
        assert_eq!(durations.tasks.len(), CAPACITY);
    }

    #[test]
    fn newest_durations_are_kept_and_returned_oldest_first() {
        let tasks = durations([0.0; 100]).recent(NOW);
        assert_eq!(seconds(&tasks), (36..100).collect::<Vec<_>>());
    }

    #[test]
    fn old_durations_count_less_and_then_not_at_all() {
        assert_eq!(durations([0.9 * DAY; 40]).recent(NOW).len(), 40);
        assert_eq!(seconds(&durations([1.1 * DAY; 40]).recent(NOW)), (24..40).collect::<Vec<_>>());
        // Old tasks count only as far as there are not enough new ones.
        let mixed = [[2.0 * DAY; 20], [0.0; 20]].concat();
        assert_eq!(seconds(&durations(mixed).recent(NOW)), (20..40).collect::<Vec<_>>());
        assert_eq!(durations([31.0 * DAY; 10]).recent(NOW), []);
        for (days, counting) in [(1.0, 16), (29.9, 16), (30.0, 0)] {
            assert_eq!(durations([days * DAY; 40]).recent(NOW).len(), counting, "{days} days");
        }
    }

    #[test]
    fn task_from_the_future_counts_as_new() {
        assert_eq!(durations([-400.0 * DAY; 20]).recent(NOW).len(), 20);
    }

    #[test]
    fn record_with_too_many_tasks_or_an_inverted_range_is_read() {
        let tasks = vec!["[1764000000,2,1000,[900,500],null]"; 100].join(",");
        let mut read = Durations::parse(format!(r#"{{"version":1,"tasks":[{tasks}]}}"#).as_bytes());
        let recent = read.recent(NOW);
        assert_eq!(recent.len(), CAPACITY);
        assert_eq!(recent[0].waited, Some((Duration::from_millis(500), Duration::from_millis(500))));
        read.push(&task(1), NOW);
        assert_eq!(read.tasks.len(), CAPACITY);
    }
}
