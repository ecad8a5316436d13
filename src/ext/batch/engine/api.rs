//! What a batch asks of the API: a seam, so that its engine is tested without sockets and in virtual time.

use std::future::Future;

use crate::{
    Client, TaskId,
    ext::{speech::speak::send_create, transport::failure::Failure},
    types::{SpeechRequest, SpeechResult},
};

pub(crate) trait SpeechApi: Clone + Send + Sync + 'static {
    /// Whose gate, pace and bill it is.
    fn client(&self) -> &Client;

    /// One request that is billed.
    fn create(&self, request: &SpeechRequest) -> impl Future<Output = Result<TaskId, Failure>> + Send;

    /// One request that is not.
    fn result(&self, id: TaskId) -> impl Future<Output = Result<SpeechResult, Failure>> + Send;
}

impl SpeechApi for Client {
    fn client(&self) -> &Client {
        self
    }

    async fn create(&self, request: &SpeechRequest) -> Result<TaskId, Failure> {
        send_create(self, request).await
    }

    async fn result(&self, id: TaskId) -> Result<SpeechResult, Failure> {
        self.task(id).poll().await
    }
}
