//! What a batch asks of the API: a seam, so that its engine is tested without sockets and in virtual time.

use std::{future::Future, time::Duration};

use tokio::time::Instant;

use crate::{
    Client, Speak, SpeechTask, TaskId,
    ext::{fault::Fault, gate::Gate, poll::Schedule, speak::create},
    types::{SpeechRequest, SpeechResult},
};

pub(super) trait Api: Clone + Send + Sync + 'static {
    fn gate(&self) -> &Gate;

    /// Whether the speech was to go this way: another client has another key, and another bill.
    fn owns(&self, speak: &Speak) -> bool;

    /// One request that is billed.
    fn create(&self, request: &SpeechRequest) -> impl Future<Output = Result<TaskId, Fault>> + Send;

    /// One request that is not.
    fn result(&self, id: TaskId) -> impl Future<Output = Result<SpeechResult, Fault>> + Send;

    /// When to ask for a task; `submitted` is none for one of an earlier run.
    fn schedule(&self, id: TaskId, submitted: Option<Instant>, time: Duration, deadline: Instant)
    -> Schedule;
}

impl Api for Client {
    fn gate(&self) -> &Gate {
        &self.state().gate
    }

    fn owns(&self, speak: &Speak) -> bool {
        self.is_same(speak.client())
    }

    async fn create(&self, request: &SpeechRequest) -> Result<TaskId, Fault> {
        create(self, request).await
    }

    async fn result(&self, id: TaskId) -> Result<SpeechResult, Fault> {
        self.task(id).poll().await
    }

    fn schedule(
        &self,
        id: TaskId,
        submitted: Option<Instant>,
        time: Duration,
        deadline: Instant,
    ) -> Schedule {
        let task = match submitted {
            Some(_) => SpeechTask::submitted(self.clone(), id),
            None => self.task(id),
        };
        task.schedule(time, Some(deadline))
    }
}
