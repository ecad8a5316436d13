//! What a batch asks of the API: a seam, so that its engine is tested without sockets and in virtual time.

use std::future::Future;

use crate::{
    Client, TaskId,
    ext::{fault::Fault, speak::create},
    types::{SpeechRequest, SpeechResult},
};

pub(super) trait Api: Clone + Send + Sync + 'static {
    /// Whose gate, pace and bill it is.
    fn client(&self) -> &Client;

    /// One request that is billed.
    fn create(&self, request: &SpeechRequest) -> impl Future<Output = Result<TaskId, Fault>> + Send;

    /// One request that is not.
    fn result(&self, id: TaskId) -> impl Future<Output = Result<SpeechResult, Fault>> + Send;
}

impl Api for Client {
    fn client(&self) -> &Client {
        self
    }

    async fn create(&self, request: &SpeechRequest) -> Result<TaskId, Fault> {
        create(self, request).await
    }

    async fn result(&self, id: TaskId) -> Result<SpeechResult, Fault> {
        self.task(id).poll().await
    }
}
