//! The accepted tasks, in order, and the places for those that run.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    seed::Seed,
    task::{Task, Timeline},
    tone::Tone,
};
use crate::testing::faults::task_outcome::{Ending, TaskOutcome};

/// The accepted tasks.
#[derive(Debug)]
pub(crate) struct Tasks {
    seed: Seed,
    timeline: Timeline,
    accepted: Vec<Task>,
    by_id: HashMap<String, usize>,
    /// The number of tasks for each text.
    occurrences: HashMap<String, u64>,
    /// The first task that is counted.
    counted_from: usize,
    /// The maximum number of tasks that have a place.
    capacity: Option<usize>,
    /// When the capacity was last changed. Places that are new since then were not free before.
    changed: Option<Instant>,
    /// The tasks without a place, in the order in which they are ready for one.
    queue: BTreeSet<(Instant, usize)>,
    /// The tasks with a place that have not been seen to end.
    placed: Vec<usize>,
}

impl Tasks {
    pub(crate) fn new(seed: Seed, timeline: Timeline, capacity: Option<usize>) -> Self {
        Self {
            seed,
            timeline,
            accepted: Vec::new(),
            by_id: HashMap::new(),
            occurrences: HashMap::new(),
            counted_from: 0,
            capacity,
            changed: None,
            queue: BTreeSet::new(),
            placed: Vec::new(),
        }
    }

    /// Accepts a text and returns the id of its task.
    pub(crate) fn accept(
        &mut self,
        now: Instant,
        input: String,
        model: String,
        outcome: TaskOutcome,
    ) -> String {
        let occurrence = self.occurrences.entry(input.clone()).or_default();
        *occurrence += 1;
        let id = self.seed.task_id(&input, *occurrence);
        let mut task = Task::new(id.clone(), now, input, model, outcome, &self.timeline);
        let index = self.accepted.len();
        if self.capacity.is_some() {
            self.queue.extend(task.ready().map(|ready| (ready, index)));
        } else {
            task.place(task.ready());
            self.placed.extend(task.ready().map(|_| index));
        }
        self.by_id.insert(id.clone(), index);
        self.accepted.push(task);
        id
    }

    /// Returns the task with this id, in lower case, as it is at `now`.
    pub(crate) fn find(&mut self, now: Instant, id: &str) -> Option<&Task> {
        self.assign_places(now);
        self.by_id.get(id).map(|index| &self.accepted[*index])
    }

    /// Returns the text of a task.
    pub(crate) fn text(&self, id: &str) -> Option<&str> {
        self.by_id.get(id).map(|index| self.accepted[*index].input.as_str())
    }

    /// Completes a task now. A task that would fail or never end gets its audio.
    pub(crate) fn complete(&mut self, now: Instant, id: &str) -> Result<(), String> {
        let planned = self.find(now, id).map(|task| task.outcome.ending);
        let completes = planned.filter(|ending| matches!(ending, Ending::Audio(_) | Ending::NoUrl));
        let ending = completes.unwrap_or_default();
        self.end(now, id, ending)
    }

    /// Ends a task now. Returns an error if the task is unknown or has ended.
    pub(crate) fn end(&mut self, now: Instant, id: &str, ending: Ending) -> Result<(), String> {
        self.assign_places(now);
        let index = *self.by_id.get(id).ok_or_else(|| format!("task: {id} does not exist"))?;
        let task = &mut self.accepted[index];
        if task.has_ended(now) {
            return Err(format!("task: {id} has already ended"));
        }
        self.queue.retain(|(_, queued)| *queued != index);
        task.end(now, ending);
        self.assign_places(now);
        Ok(())
    }

    /// Sets the number of places. Tasks that have a place keep it.
    pub(crate) fn set_capacity(&mut self, now: Instant, capacity: Option<usize>) {
        self.assign_places(now);
        // Without a limit, tasks have a place before they are ready for it.
        for index in std::mem::take(&mut self.placed) {
            if self.accepted[index].has_ended(now) {
                continue;
            }
            if let Some(ready) =
                self.accepted[index].ready().filter(|ready| capacity.is_some() && *ready > now)
            {
                self.accepted[index].place(None);
                self.queue.insert((ready, index));
            } else {
                self.placed.push(index);
            }
        }
        if capacity.is_none() {
            for (ready, index) in std::mem::take(&mut self.queue) {
                self.accepted[index].place(Some(ready.max(now)));
                self.placed.push(index);
            }
        }
        self.capacity = capacity;
        self.changed = Some(now);
        self.assign_places(now);
    }

    /// Gives a place to each task that got one until `now`.
    fn assign_places(&mut self, now: Instant) {
        let Some(capacity) = self.capacity else { return };
        while let Some((ready, index)) = self.queue.first().copied().filter(|(ready, _)| *ready <= now) {
            let mut start = self.changed.map_or(ready, |changed| changed.max(ready));
            self.placed.retain(|placed| self.accepted[*placed].ends().is_none_or(|end| end > start));
            while self.placed.len() >= capacity {
                let ends = |placed: &usize| self.accepted[*placed].ends().filter(|end| *end <= now);
                let next =
                    self.placed.iter().enumerate().filter_map(|(at, placed)| Some((ends(placed)?, at)));
                let Some((end, at)) = next.min() else { return };
                self.placed.swap_remove(at);
                start = end;
            }
            self.queue.pop_first();
            self.accepted[index].place(Some(start));
            self.placed.push(index);
        }
    }

    /// Returns the counted tasks in the order of submission.
    pub(crate) fn counted(&self) -> &[Task] {
        &self.accepted[self.counted_from..]
    }

    /// Returns the duration of the audio that the API would bill.
    pub(crate) fn billed(&self) -> Duration {
        self.counted().iter().map(|task| Tone::from_text(&task.input).duration()).sum()
    }

    /// Counts only tasks that are accepted from now on. Earlier tasks continue.
    pub(crate) fn clear_count(&mut self) {
        self.counted_from = self.accepted.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn tasks(capacity: Option<usize>) -> Tasks {
        let timeline =
            Timeline { waiting: 3 * SECOND, running: 7 * SECOND, running_per_character: Duration::ZERO };
        Tasks::new(Seed(1), timeline, capacity)
    }

    /// Accepts four tasks and returns their ids.
    fn accept_four(tasks: &mut Tasks, now: Instant) -> Vec<String> {
        let accept =
            |n: usize| tasks.accept(now, format!("Text {n}"), String::new(), TaskOutcome::completes());
        (0..4).map(accept).collect()
    }

    /// Returns the statuses of tasks, as their first letters.
    fn statuses(tasks: &mut Tasks, now: Instant, ids: &[String]) -> String {
        ids.iter().map(|id| &tasks.find(now, id).unwrap().status(now).as_str()[..1]).collect()
    }

    #[test]
    fn task_without_place_is_queued_until_another_ends() {
        let (mut tasks, start) = (tasks(Some(2)), Instant::now());
        let ids = accept_four(&mut tasks, start);
        // A task has its place from 2 s to 10 s: one second ASSIGNED_CONNECTIONS, seven PROCESSING.
        for (second, expected) in [
            (0, "CCCC"),
            (1, "QQQQ"),
            (2, "AAQQ"),
            (3, "PPQQ"),
            (9, "PPQQ"),
            (10, "CCAA"),
            (11, "CCPP"),
            (18, "CCCC"),
        ] {
            let now = start + second * SECOND;
            assert_eq!(statuses(&mut tasks, now, &ids), expected, "{second} s");
        }
    }

    #[test]
    fn statuses_do_not_depend_on_when_they_are_read() {
        for first_read in [0, 5, 30] {
            let (mut tasks, start) = (tasks(Some(1)), Instant::now());
            let ids = accept_four(&mut tasks, start);
            statuses(&mut tasks, start + first_read * SECOND, &ids);
            assert_eq!(tasks.find(start + 40 * SECOND, &ids[3]).unwrap().ends(), Some(start + 34 * SECOND));
        }
    }

    #[test]
    fn ended_task_frees_its_place() {
        let (mut tasks, start) = (tasks(Some(1)), Instant::now());
        let ids = accept_four(&mut tasks, start);
        tasks.end(start + 4 * SECOND, &ids[0], Ending::Error).unwrap();
        tasks.end(start + 4 * SECOND, &ids[2], Ending::Audio(1)).unwrap();
        assert_eq!(statuses(&mut tasks, start + 4 * SECOND, &ids), "EACQ");
        assert!(tasks.end(start + 5 * SECOND, &ids[0], Ending::Error).unwrap_err().contains("already ended"));
        assert!(tasks.end(start, "x", Ending::Error).unwrap_err().contains("does not exist"));
        assert_eq!(statuses(&mut tasks, start + 13 * SECOND, &ids), "ECCP");
    }

    #[test]
    fn ended_task_takes_no_place_when_the_capacity_is_set() {
        let (mut tasks, start) = (tasks(None), Instant::now());
        let ids = accept_four(&mut tasks, start);
        tasks.end(start, &ids[1], Ending::Error).unwrap();
        tasks.set_capacity(start, Some(1));
        assert_eq!(statuses(&mut tasks, start + 9 * SECOND, &ids), "PEQQ");
        assert_eq!(statuses(&mut tasks, start + 17 * SECOND, &ids), "CEPQ");
    }

    #[test]
    fn capacity_of_zero_starts_nothing_and_can_be_raised() {
        let (mut tasks, start) = (tasks(None), Instant::now());
        let ids = accept_four(&mut tasks, start);
        tasks.set_capacity(start + SECOND, Some(0));
        assert_eq!(statuses(&mut tasks, start + 60 * SECOND, &ids), "QQQQ");
        tasks.set_capacity(start + 60 * SECOND, Some(3));
        assert_eq!(statuses(&mut tasks, start + 62 * SECOND, &ids), "PPPQ");
        tasks.set_capacity(start + 62 * SECOND, None);
        assert_eq!(statuses(&mut tasks, start + 63 * SECOND, &ids), "PPPP");
    }

    #[test]
    fn billed_is_the_audio_of_counted_tasks() {
        let mut tasks = tasks(None);
        assert_eq!(tasks.billed(), Duration::ZERO);
        tasks.accept(Instant::now(), "Hi".to_owned(), String::new(), TaskOutcome::fails());
        tasks.accept(Instant::now(), "a".repeat(100), String::new(), TaskOutcome::completes());
        assert_eq!(tasks.billed(), 7 * SECOND);
        tasks.clear_count();
        assert_eq!(tasks.billed(), Duration::ZERO);
    }
}
