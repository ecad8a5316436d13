//! The API operations that a batch uses: a trait, so that the engine runs without sockets and in virtual time.

use std::future::Future;

use crate::{
    Client, TaskId,
    ext::{
        speech::create::send_create,
        transport::{
            call::{self, Received},
            failure::Failure,
            once_body::OnWritten,
        },
    },
    types::{SpeechRequest, SpeechResult},
};

pub(crate) trait SpeechApi: Clone + Send + Sync + 'static {
    /// Returns the client whose cooldown, poll policy and account are used.
    fn client(&self) -> &Client;

    /// Sends one create, which is billed if the server accepts it.
    fn create(
        &self,
        request: &SpeechRequest,
        on_written: Option<OnWritten>,
    ) -> impl Future<Output = Result<TaskId, Failure>> + Send;

    /// Sends one poll, which is free.
    fn result(
        &self,
        id: TaskId,
        on_written: Option<OnWritten>,
    ) -> impl Future<Output = Result<Received<SpeechResult>, Failure>> + Send;
}

impl SpeechApi for Client {
    fn client(&self) -> &Client {
        self
    }

    async fn create(
        &self,
        request: &SpeechRequest,
        on_written: Option<OnWritten>,
    ) -> Result<TaskId, Failure> {
        call::notifying(on_written, send_create(self, request)).await
    }

    async fn result(
        &self,
        id: TaskId,
        on_written: Option<OnWritten>,
    ) -> Result<Received<SpeechResult>, Failure> {
        call::notifying(on_written, self.task(id).poll()).await
    }
}
