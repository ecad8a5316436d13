use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    Error, TaskId, Updates, Wait,
    decide::{Operation, decide},
    error::on_one_line,
    fault::{Fault, What, outcome},
    gate::after,
    pacing::History,
    poll::Schedule,
};
use crate::{
    Client,
    types::{SpeechResult, SpeechStatus, TaskQuery},
};

/// The most of a status that we don't know, in characters.
const LONGEST_STATUS: usize = 100;

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

impl SpeechTask {
    pub(crate) fn submitted(client: Client, id: TaskId) -> Self {
        Self { client, id, submitted: Some(Instant::now()), characters: None }
    }

    pub(crate) fn resumed(client: Client, id: TaskId) -> Self {
        Self { client, id, submitted: None, characters: None }
    }

    pub(crate) fn of_length(self, characters: usize) -> Self {
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
        if let Some(held) = self.client.state().gate.closed_for() {
            return Err(Error::held(held).of_task(&self.id));
        }
        match self.poll().await {
            Ok(result) => Ok(result.status),
            Err(fault) => {
                // Nobody asks again, so there is no grace for a 404 either.
                let verdict = decide(Operation::Poll { absent: Duration::MAX }, &fault);
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

    /// A stream of the changes of the status, up to the last one: see [`Updates`].
    pub fn updates(&self) -> Updates {
        Updates::new(self.clone())
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// One request.
    pub(crate) async fn poll(&self) -> Result<SpeechResult, Fault> {
        let query = TaskQuery { id: self.id.as_str().to_owned() };
        let mut polled = outcome(self.client.async_speech_result(&query).await, self.client.state()).await;
        if let Ok(SpeechResult { status: SpeechStatus::Other(word), .. }) = &mut polled {
            // The server's own word, which errors and logs repeat: it must not tell the key there, nor forge a line.
            let told = on_one_line(&self.client.state().key.redacted(word));
            *word = told.chars().take(LONGEST_STATUS).collect();
        }
        if let Err(Fault { what: What::Unreadable, reply: Some(reply), .. }) = &mut polled
            && reply.message.as_deref().is_some_and(|text| text.starts_with('{'))
        {
            // A result, if not one that we can read: it may hold the address of the audio, which is no error's to tell.
            reply.message = None;
        }
        polled
    }

    /// A task of this process is given the time it needs at least; a resumed one may long be done.
    pub(crate) fn schedule(&self, time: Duration, deadline: Option<Instant>) -> Schedule {
        let now = Instant::now();
        let pacing = Arc::clone(&self.client.state().pacing);
        let deadline = deadline.unwrap_or_else(|| after(now, time));
        let (history, start, due) = match self.submitted {
            Some(submitted) => {
                let history = History::submitted(self.characters);
                let left = deadline.saturating_duration_since(submitted);
                let delay = pacing.delay(&history.progress(Duration::ZERO, None, left));
                let due = after(submitted, delay);
                (if due < now { history.watched_later() } else { history }, submitted, due)
            }
            None => (History::resumed(), now, now),
        };
        Schedule { id: self.id.clone(), pacing, history, start, due, time, deadline }
    }
}

impl fmt::Debug for SpeechTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpeechTask").field("id", &self.id).finish_non_exhaustive()
    }
}
