//! The client written by hand that the library is compared with, and the same requests with the library.

use std::time::Duration;

use distribute_ai::{
    Client, SpeechTask,
    types::{SpeechRequest, SpeechResult, TaskCreated, TaskQuery},
};

use super::Server;

const TEXT: &str =
    "Call me Ishmael. Some years ago, never mind how long precisely, having little or no money in my purse.";

pub(crate) async fn poll(task: &SpeechTask) {
    task.status().await.expect("a status");
}

pub(crate) async fn submit(client: &Client) -> SpeechTask {
    client.speak(TEXT).submit().await.expect("a task")
}

/// The client written by hand: the key in a header, the types of the spec, and an error for unsuccessful
/// statuses.
pub(crate) struct ByHand<'a> {
    pub(crate) http: reqwest::Client,
    pub(crate) server: &'a Server,
}

impl ByHand<'_> {
    pub(crate) async fn poll(&self, task: &SpeechTask) {
        let query = TaskQuery::new(task.id().to_string());
        let result: SpeechResult = self.post("/async/speech/result", &query).await;
        assert!(!result.status.is_final());
    }

    pub(crate) async fn submit(&self) {
        let request = SpeechRequest::new(TEXT.parse().expect("a text of valid length"));
        let created: TaskCreated = self.post("/async/speech/create", &request).await;
        assert!(!created.id.is_empty());
    }

    async fn post<T: serde::de::DeserializeOwned>(&self, path: &str, body: &impl serde::Serialize) -> T {
        let request = self
            .http
            .post(format!("{}{path}", self.server.base_url))
            .header("accept", "application/json")
            .header("accept-encoding", "identity")
            .header("authorization", &self.server.api_key)
            .header("user-agent", concat!("distribute-ai/", env!("CARGO_PKG_VERSION")))
            .timeout(Duration::from_secs(30))
            .json(body);
        let response =
            request.send().await.expect("a response").error_for_status().expect("a successful status");
        serde_json::from_slice(&response.bytes().await.expect("a body"))
            .expect("a body that matches the spec")
    }
}
