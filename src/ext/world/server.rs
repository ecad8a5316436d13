//! The simulated server: it bills, and remembers what it has billed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The number of polls after which a task is completed.
const POLLS: u32 = 2;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Server {
    tasks: BTreeMap<String, Task>,
    /// The number of downloads of the audio of each text.
    downloads: BTreeMap<String, u32>,
}

#[derive(Clone, Debug, PartialEq)]
struct Task {
    text: String,
    polls: u32,
    /// `true` if the network has repeated the request that created the task. No client can prevent that.
    is_repeated: bool,
}

impl Server {
    /// Accepts a text, which is billed.
    pub(super) fn create(&mut self, text: &str) -> Value {
        let id = format!("{:08x}-40d5-491e-99b0-da01ff1f3341", self.tasks.len() + 1);
        self.tasks.insert(id.clone(), Task { text: text.to_owned(), polls: 0, is_repeated: false });
        json!({ "id": id })
    }

    /// Accepts a text whose request the network has repeated.
    pub(super) fn create_repeated(&mut self, text: &str) {
        self.create(text);
        self.tasks.values_mut().next_back().expect("a task").is_repeated = true;
    }

    /// Returns the status of another task. If there is only one, that of an invented task.
    pub(super) fn poll_another(&mut self, id: &str) -> Value {
        let other = self.tasks.keys().find(|other| *other != id).cloned();
        other.and_then(|other| self.poll(&other)).unwrap_or_else(
            || json!({ "id": "00000000-40d5-491e-99b0-da01ff1f3341", "status": "FAILED", "results": [] }),
        )
    }

    /// Returns the status of a task, or `None` if it is unknown.
    pub(super) fn poll(&mut self, id: &str) -> Option<Value> {
        let task = self.tasks.get_mut(id)?;
        task.polls += 1;
        let is_done = task.polls > POLLS;
        let results =
            if is_done { json!([{ "url": format!("http://127.0.0.1:1/audio/{id}") }]) } else { json!([]) };
        let status = if is_done { "COMPLETED" } else { "IN_PROGRESS" };
        Some(
            json!({ "id": id, "status": status, "created": 1.0, "finished": is_done.then_some(2.0), "results": results }),
        )
    }

    pub(super) fn audio(&mut self, id: &str) -> Option<Vec<u8>> {
        let text = &self.tasks.get(id)?.text;
        *self.downloads.entry(text.clone()).or_default() += 1;
        Some(wav(text))
    }

    /// Returns the ids of the tasks that were billed for a text, one for each request that the client has sent.
    pub(super) fn billed(&self, text: &str) -> Vec<String> {
        let is_of_text = |task: &Task| task.text == text && !task.is_repeated;
        self.tasks.iter().filter(|(_, task)| is_of_text(task)).map(|(id, _)| id.clone()).collect()
    }

    /// Returns the text of a task.
    pub(super) fn text(&self, id: &str) -> &str {
        &self.tasks[id].text
    }

    pub(super) fn downloads(&self, text: &str) -> u32 {
        self.downloads.get(text).copied().unwrap_or_default()
    }
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
