use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    Client, Error, TaskId,
    ext::{
        error::single_line,
        polling::{history::History, poller::PollSchedule},
        retry::policy::{Operation, classify},
        transport::{
            failure::{Failure, FailureKind, into_result},
            instant::saturating_add,
        },
    },
    types::{SpeechResult, SpeechStatus, TaskQuery},
};

/// The most of a status that we don't know, in characters.
const MAX_STATUS_CHARS: usize = 100;

/// A task that the server has taken, or that an earlier process left behind.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::testing::Simulator::start().await?;
/// # let client = simulator.client();
/// let task = client.speak("Good morning.").submit().await?;
/// let id = task.id(); // Keep it.
///
/// let task = client.task(id);
/// println!("{}", task.status().await?);
/// let speech = task.wait().await?;
/// # Ok(()) }
/// ```
///
/// It is a handle: cloning it, dropping it or dropping a wait changes nothing on the server. The API can't cancel.
#[derive(Clone)]
pub struct SpeechTask {
    client: Client,
    id: TaskId,
    submitted: Option<Instant>,
    /// Of its text.
    characters: Option<u16>,
}

impl Client {
    /// Comes back to a task by its id, in this process or another. Sends nothing by itself.
    ///
    /// ```no_run
    /// # async fn run(client: distribute_ai::Client) -> Result<(), distribute_ai::Error> {
    /// let id = "1b671a64-40d5-491e-99b0-da01ff1f3341".parse()?;
    /// let speech = client.task(id).wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn task(&self, id: TaskId) -> SpeechTask {
        SpeechTask::resumed(self.clone(), id)
    }
}

impl SpeechTask {
    pub(crate) fn submitted(client: Client, id: TaskId) -> Self {
        Self { client, id, submitted: Some(Instant::now()), characters: None }
    }

    pub(crate) fn resumed(client: Client, id: TaskId) -> Self {
        Self { client, id, submitted: None, characters: None }
    }

    pub(crate) fn with_characters(self, characters: usize) -> Self {
        Self { characters: u16::try_from(characters).ok(), ..self }
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
    /// # Errors
    ///
    /// - [`is_rate_limited`](Error::is_rate_limited): the server has asked this client to hold off, and
    ///   [`retry_after`](Error::retry_after) says for how long; nothing was sent
    /// - [`is_not_found`](Error::is_not_found): the server doesn't know the task, or not yet
    /// - [`is_rejected`](Error::is_rejected): it refused the request, as with a wrong key
    /// - [`is_unanswered`](Error::is_unanswered): anything that may pass; ask again
    pub async fn status(&self) -> Result<SpeechStatus, Error> {
        if let Some(held) = self.client.inner().cooldown.remaining() {
            return Err(Error::rate_limited(held).with_task_id(&self.id));
        }
        match self.poll().await {
            Ok(result) => Ok(result.status),
            Err(failure) => {
                // Nobody asks again, so there is no grace for a 404 either.
                let decision = classify(Operation::Poll { not_found_for: Duration::MAX }, &failure);
                Err(Error::from_failure(decision, failure).with_task_id(&self.id))
            }
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// One request.
    pub(crate) async fn poll(&self) -> Result<SpeechResult, Failure> {
        let query = TaskQuery { id: self.id.as_str().to_owned() };
        let mut polled =
            into_result(self.client.async_speech_result(&query).await, &self.client.inner().key).await;
        if let Ok(SpeechResult { status: SpeechStatus::Other(word), .. }) = &mut polled {
            // The server's own word, which errors and logs repeat: it must not tell the key there, nor forge a line.
            let status = single_line(&self.client.inner().key.redact(word));
            *word = status.chars().take(MAX_STATUS_CHARS).collect();
        }
        if let Err(Failure { kind: FailureKind::InvalidBody, response: Some(reply), .. }) = &mut polled
            && reply.message.as_deref().is_some_and(|text| text.starts_with('{'))
        {
            // A result, if not one that we can read: it may hold the address of the audio, which is no error's to tell.
            reply.message = None;
        }
        polled
    }

    /// A task of this process is given the time it needs at least; a resumed one may long be done.
    pub(crate) fn schedule(&self, time: Duration, deadline: Option<Instant>) -> PollSchedule {
        let now = Instant::now();
        let pacing = Arc::clone(&self.client.inner().pacing);
        let deadline = deadline.unwrap_or_else(|| saturating_add(now, time));
        let (history, start, due) = match self.submitted {
            Some(submitted) => {
                let history = History::submitted(self.characters);
                let left = deadline.saturating_duration_since(submitted);
                let delay = pacing.delay(&history.progress(Duration::ZERO, None, left));
                let due = saturating_add(submitted, delay);
                (if due < now { history.observed_late() } else { history }, submitted, due)
            }
            None => (History::resumed(), now, now),
        };
        PollSchedule { id: self.id.clone(), pacing, history, start, due, timeout: time, deadline }
    }
}

impl fmt::Debug for SpeechTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpeechTask").field("id", &self.id).finish_non_exhaustive()
    }
}
