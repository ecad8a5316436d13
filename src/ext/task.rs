use std::{fmt, time::Duration};

use tokio::time::Instant;

use super::{
    Error, TaskId, Updates, Wait,
    decide::{Operation, decide},
    fault::Fault,
    gate::after,
    poll::Schedule,
};
use crate::{
    Client,
    types::{SpeechResult, SpeechStatus, TaskQuery},
};

/// A task that the server has taken, or that an earlier process left behind.
///
/// It is a handle: cloning it, dropping it or dropping a wait changes nothing on the server. The API can't cancel.
#[derive(Clone)]
pub struct SpeechTask {
    client: Client,
    id: TaskId,
    submitted: Option<Instant>,
}

impl SpeechTask {
    pub(crate) fn submitted(client: Client, id: TaskId) -> Self {
        Self { client, id, submitted: Some(Instant::now()) }
    }

    pub(crate) fn resumed(client: Client, id: TaskId) -> Self {
        Self { client, id, submitted: None }
    }

    /// Its id: all that is needed to come back, by [`Client::task`].
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.id.clone()
    }

    /// Asks once for the status; doesn't wait and doesn't repeat.
    ///
    /// ```no_run
    /// # async fn run(task: distribute_ai::SpeechTask) -> Result<(), distribute_ai::Error> {
    /// let status = task.status().await?;
    /// println!("{status}{}", if status.is_final() { ", and done" } else { "" });
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Only `Retry-After`, where the server asked for it, holds it back.
    ///
    /// # Errors
    ///
    /// - [`is_not_found`](Error::is_not_found): the server doesn't know the task, or not yet
    /// - [`is_rejected`](Error::is_rejected): it refused the request, as with a wrong key
    /// - [`is_unanswered`](Error::is_unanswered): anything that may pass; ask again
    pub async fn status(&self) -> Result<SpeechStatus, Error> {
        let gate = &self.client.state().gate;
        tokio::time::sleep_until(gate.next(Instant::now())).await;
        match self.poll().await {
            Ok(result) => Ok(result.status),
            Err(fault) => {
                if let Some(time) = fault.retry_after() {
                    gate.close_for(time);
                }
                // Nobody asks again, so there is no grace for a 404 either.
                let verdict = decide(Operation::Poll { silence: Duration::MAX }, &fault);
                Err(Error::ended(verdict, fault).of_task(&self.id))
            }
        }
    }

    /// Waits for the speech.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn run(task: distribute_ai::SpeechTask) -> Result<(), distribute_ai::Error> {
    /// let speech = task.wait().deadline(Duration::from_secs(120)).await?;
    /// speech.save("hello.wav").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait(&self) -> Wait {
        Wait::new(self.clone())
    }

    /// A stream of the changes of the status, up to the last one.
    pub fn updates(&self) -> Updates {
        Updates::new(self.clone())
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// One request.
    pub(crate) async fn poll(&self) -> Result<SpeechResult, Fault> {
        let query = TaskQuery { id: self.id.as_str().to_owned() };
        match self.client.async_speech_result(&query).await {
            Ok(reply) => Ok(reply.into_inner()),
            Err(error) => Err(Fault::from_api(error, self.client.state()).await),
        }
    }

    /// A task of this process is given the time it needs at least; a resumed one may long be done.
    pub(crate) fn schedule(&self, time: Duration, deadline: Option<Instant>) -> Schedule {
        let (now, pace) = (Instant::now(), self.client.state().pace);
        Schedule {
            id: self.id.clone(),
            pace,
            start: self.submitted.unwrap_or(now),
            first: self.submitted.map_or(now, |submitted| submitted + pace.first()),
            time,
            deadline: deadline.unwrap_or_else(|| after(now, time)),
        }
    }
}

impl fmt::Debug for SpeechTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpeechTask").field("id", &self.id).finish_non_exhaustive()
    }
}
