//! The simulated server: it bills, and remembers what it has billed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// The course of a task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Course {
    /// The number of polls before the one that finds it ended.
    pub(super) polls: u32,
    pub(super) fails: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Server {
    tasks: BTreeMap<String, Task>,
    /// The number of tasks of an earlier program.
    earlier: usize,
    /// The texts that were submitted although they had a task that had not failed.
    submitted_twice: BTreeSet<String>,
    /// The number of downloads of the audio of each text.
    downloads: BTreeMap<String, u32>,
}

#[derive(Clone, Debug, PartialEq)]
struct Task {
    text: String,
    /// What its audio says.
    spoken: String,
    course: Course,
    polls: u32,
    /// `true` if the task counts for the client: not that of an earlier program, and not one of a request that the network
    /// has repeated, because no client can prevent that.
    counts: bool,
}

impl Task {
    fn has_ended(&self) -> bool {
        self.polls > self.course.polls
    }

    fn has_failed(&self) -> bool {
        self.course.fails && self.has_ended()
    }
}

impl Server {
    /// Accepts a text, which is billed.
    pub(super) fn create(&mut self, text: &str, course: Course) -> Value {
        if !self.billed(text).is_empty() {
            self.submitted_twice.insert(text.to_owned());
        }
        json!({ "id": self.add(text, course, true) })
    }

    /// Accepts a text whose request the network has repeated.
    pub(super) fn create_repeated(&mut self, text: &str) {
        self.add(text, Course { polls: 0, fails: false }, false);
    }

    fn add(&mut self, text: &str, course: Course, counts: bool) -> String {
        let id = format!("{:08x}-40d5-491e-99b0-da01ff1f3341", self.tasks.len() + 1);
        let spoken = if self.earlier > 0 { spoken_again(text) } else { text.to_owned() };
        self.tasks.insert(id.clone(), Task { text: text.to_owned(), spoken, course, polls: 0, counts });
        id
    }

    /// Starts to count from zero, for another program. From now on, all audio sounds different.
    pub(super) fn start_again(&mut self) {
        self.earlier = self.tasks.len();
        self.tasks.values_mut().for_each(|task| task.counts = false);
        self.downloads.clear();
    }

    /// Returns the status of another task. If there is only one, that of an invented task.
    pub(super) fn poll_another(&mut self, id: &str) -> Value {
        let other = self.tasks.keys().find(|other| *other != id).cloned();
        other.and_then(|other| self.poll(&other)).unwrap_or_else(
            || json!({ "id": "00000000-40d5-491e-99b0-da01ff1f3341", "status": "ERROR", "results": [] }),
        )
    }

    /// Returns the status of a task, or `None` if it is unknown.
    pub(super) fn poll(&mut self, id: &str) -> Option<Value> {
        let task = self.tasks.get_mut(id)?;
        task.polls += 1;
        let finished = task.has_ended().then_some(2.0);
        let (status, results) = match (task.has_ended(), task.course.fails) {
            (false, _) => ("IN_PROGRESS", json!([])),
            (true, true) => ("ERROR", json!([])),
            (true, false) => ("COMPLETED", json!([{ "url": format!("http://127.0.0.1:1/audio/{id}") }])),
        };
        Some(json!({ "id": id, "status": status, "created": 1.0, "finished": finished, "results": results }))
    }

    pub(super) fn audio(&mut self, id: &str) -> Option<Vec<u8>> {
        let task = self.tasks.get(id)?;
        *self.downloads.entry(task.text.clone()).or_default() += 1;
        Some(wav(&task.spoken))
    }

    /// Returns the ids of the tasks of a text that have not failed.
    pub(super) fn billed(&self, text: &str) -> Vec<String> {
        let is_billed = |task: &Task| task.text == text && task.counts && !task.has_failed();
        self.tasks.iter().filter(|(_, task)| is_billed(task)).map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn has_failed(&self, id: &str) -> bool {
        self.tasks.get(id).is_some_and(Task::has_failed)
    }

    /// Returns `true` if the task is one of an earlier program.
    pub(super) fn is_earlier(&self, id: &str) -> bool {
        self.tasks.keys().take(self.earlier).any(|earlier| earlier == id)
    }

    /// Returns the id of the only task of a text that has not failed, or tells what is wrong.
    pub(super) fn billed_once(&self, text: &str) -> Result<String, String> {
        if self.submitted_twice.contains(text) {
            return Err("was submitted although it had a task that had not failed".to_owned());
        }
        let billed = self.billed(text);
        <[String; 1]>::try_from(billed).map(|[id]| id).map_err(|billed| format!("was billed as {billed:?}"))
    }

    /// Returns the text of a task.
    pub(super) fn text(&self, id: &str) -> &str {
        &self.tasks[id].text
    }

    pub(super) fn downloads(&self, text: &str) -> u32 {
        self.downloads.get(text).copied().unwrap_or_default()
    }
}

/// Returns what the audio of a text says if an earlier program had it spoken already.
pub(super) fn spoken_again(text: &str) -> String {
    text.to_uppercase()
}

/// Returns the audio of a text: its bytes as 8-bit samples.
pub(super) fn wav(text: &str) -> Vec<u8> {
    let mut samples = text.as_bytes().to_vec();
    samples.resize(samples.len().next_multiple_of(2), 128);
    let length = u32::try_from(samples.len()).expect("a short text");
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    // Integers, one channel.
    file.extend([1, 0, 1, 0]);
    // Samples and bytes per second.
    file.extend(8_000_u32.to_le_bytes());
    file.extend(8_000_u32.to_le_bytes());
    // Bytes per frame and bits per sample.
    file.extend([1, 0, 8, 0]);
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(samples);
    file
}
