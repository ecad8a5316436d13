use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    Billed, Client, Error, TaskId,
    ext::{
        error::single_line,
        polling::{
            history::History, not_found::NotFoundGrace, poller::PollSchedule, task_policy::TaskPolicy,
        },
        retry::policy::{Operation, classify},
        store::handle::EntryHandle,
        transport::{
            call::{self, Received},
            failure::Failure,
            instant::saturating_add,
        },
    },
    types::{SpeechResult, SpeechStatus, TaskQuery},
};

/// The maximum length of an unknown status in errors and logs. A longer status is truncated.
const MAX_STATUS_CHARS: usize = 100;

/// A task that the server has accepted, submitted by this process or another.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::testing::Simulator::start().await?;
/// # let client = simulator.client();
/// let task = client.speak("Good morning.").submit().await?;
/// let id = task.id(); // Store the id.
///
/// let task = client.task(id.clone());
/// println!("{}", task.status().await?);
/// let speech = task.wait().await?;
/// # Ok(()) }
/// ```
///
/// A `SpeechTask` is a handle. Cloning or dropping the handle or a wait does not affect the server. The API
/// cannot cancel a task.
#[derive(Clone)]
pub struct SpeechTask {
    client: Client,
    id: TaskId,
    submitted: Option<Instant>,
    /// The length of the text, if known.
    characters: Option<u16>,
    /// The entry of the request in a store, if there is a store.
    entry: Option<EntryHandle>,
}

impl Client {
    /// Returns a handle to an existing task, which this or another process submitted. No request is sent.
    ///
    /// ```no_run
    /// # async fn run(client: distribute_ai::Client) -> Result<(), distribute_ai::Error> {
    /// let id = "1b671a64-40d5-491e-99b0-da01ff1f3341".parse()?;
    /// let speech = client.task(id).wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "resume")]
    #[must_use]
    pub fn task(&self, id: TaskId) -> SpeechTask {
        SpeechTask::resumed(self.clone(), id)
    }
}

impl SpeechTask {
    pub(crate) fn submitted(client: Client, id: TaskId) -> Self {
        Self { client, id, submitted: Some(Instant::now()), characters: None, entry: None }
    }

    pub(crate) fn resumed(client: Client, id: TaskId) -> Self {
        Self { client, id, submitted: None, characters: None, entry: None }
    }

    pub(crate) fn with_characters(self, characters: usize) -> Self {
        Self { characters: u16::try_from(characters).ok(), ..self }
    }

    pub(crate) fn with_entry(self, entry: EntryHandle) -> Self {
        Self { entry: Some(entry), ..self }
    }

    pub(crate) fn entry(&self) -> Option<&EntryHandle> {
        self.entry.as_ref()
    }

    /// Returns the task id. [`Client::task`] turns the id into a handle again.
    #[must_use]
    pub fn id(&self) -> &TaskId {
        &self.id
    }

    /// Polls the task once and returns its status, without waiting and without retries.
    ///
    /// ```no_run
    /// # async fn run(task: distribute_ai::SpeechTask) -> Result<(), distribute_ai::Error> {
    /// let status = task.status().await?;
    /// println!("{status}{}", if status.is_final() { " (final)" } else { "" });
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`is_rate_limited`](Error::is_rate_limited): an earlier response to this client had a
    ///   `Retry-After` that still applies. [`retry_after`](Error::retry_after) is the remaining
    ///   time. The poll was not sent.
    /// - [`is_not_found`](Error::is_not_found): the server responded with 404, because it does not know the
    ///   task, or not yet.
    /// - [`is_unauthorized`](Error::is_unauthorized): the API key is wrong.
    /// - [`is_rejected`](Error::is_rejected): the server responded with another 4xx status, such as 400.
    /// - [`is_unanswered`](Error::is_unanswered): the connection was reset, or another transient
    ///   failure occurred. Poll again.
    pub async fn status(&self) -> Result<SpeechStatus, Error> {
        if let Some(error) = self.client.inner().cooldown.rate_limited() {
            return Err(error.with_task_id(&self.id));
        }
        match self.poll().await {
            Ok(received) => Ok(received.value.status),
            Err(failure) => {
                // No grace period for a 404, because no second poll follows.
                let decision = classify(Operation::Poll { not_found_grace: false }, &failure);
                let error = Error::from_failure(decision, failure).with_task_id(&self.id);
                let error = if self.is_accepted() { error.billed_at_least(Billed::Yes) } else { error };
                // The server may not know a new task yet, so its entry should stay.
                Err(if self.submitted.is_some() { error } else { self.explain(error) })
            }
        }
    }

    /// Returns `true` if the server is known to have accepted the task. A store contains only ids of accepted requests.
    fn is_accepted(&self) -> bool {
        self.submitted.is_some() || self.entry.is_some()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends one poll request, without retries.
    pub(crate) async fn poll(&self) -> Result<Received<SpeechResult>, Failure> {
        let inner = self.client.inner();
        let query = TaskQuery::new(self.id.as_str());
        let known = [("id", self.id.as_str())];
        let check = |result: &SpeechResult| {
            if result.id.eq_ignore_ascii_case(self.id.as_str()) {
                return Ok(());
            }
            let other = TaskId::new_unchecked(&*result.id).printable();
            Err(inner.key.redact(&format!("the result is that of task {other}")))
        };
        let call = self.client.async_speech_result(&query);
        let mut received = call::send(call, &inner.key, &known, check).await?;
        let result = &mut received.value;
        if let SpeechStatus::Other(status) = &mut result.status {
            // Errors and logs contain this text from the server. The text must not reveal the key
            // or forge a log line.
            let text = single_line(&inner.key.redact(status));
            *status = text.chars().take(MAX_STATUS_CHARS).collect();
        }
        if result.status.is_final() {
            inner.unfinished.remove(&self.id);
        } else {
            inner.unfinished.insert_polled(&self.id);
        }
        received.retry_after = received.retry_after.map(|time| inner.cooldown.limit(time));
        Ok(received)
    }

    /// Plans the polls. The first poll of a new task is delayed by the poll policy. A resumed task is polled
    /// at once, because it may be finished.
    pub(crate) fn schedule(&self, time_limit: Duration, deadline: Option<Instant>) -> PollSchedule {
        let now = Instant::now();
        let mut policy = TaskPolicy::new(Arc::clone(&self.client.inner().policy));
        let deadline = deadline.unwrap_or_else(|| saturating_add(now, time_limit));
        let (history, start, due) = match self.submitted {
            Some(submitted) => {
                let history = History::submitted(self.characters);
                let remaining = deadline.saturating_duration_since(submitted);
                let delay = policy.delay(&history.progress(Duration::ZERO, None, remaining));
                let due = saturating_add(submitted, delay);
                (if due < now { history.observed_late() } else { history }, submitted, due)
            }
            None => (History::resumed(), now, now),
        };
        let submitted_here =
            self.submitted.is_some() || self.client.inner().unfinished.is_submitted_here(&self.id);
        let mut not_found = NotFoundGrace::new(submitted_here);
        if self.is_accepted() {
            not_found = not_found.of_accepted_task();
        }
        PollSchedule { id: self.id.clone(), policy, history, not_found, start, due, time_limit, deadline }
    }
}

impl fmt::Debug for SpeechTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpeechTask").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pacing::from_fn;

    #[tokio::test(start_paused = true)]
    async fn first_poll_of_a_new_task_is_delayed_from_its_submission_on() {
        let minute = Duration::from_secs(60);
        let client = Client::builder().api_key("k").pacing(from_fn(move |_| minute)).build().unwrap();
        let task = SpeechTask::submitted(client.clone(), TaskId::new_unchecked("t1"));
        let start = Instant::now();
        let history = format!("{:?}", History::submitted(None));
        for (wait, is_late) in [(0, false), (60, false), (1, true)] {
            tokio::time::advance(Duration::from_secs(wait)).await;
            let schedule = task.schedule(minute, None);
            assert_eq!((schedule.start, schedule.due), (start, start + minute));
            assert_eq!(format!("{:?}", schedule.history) != history, is_late);
        }
        let resumed = client.task(TaskId::new_unchecked("t1")).schedule(minute, None);
        assert_eq!((resumed.due, resumed.deadline), (Instant::now(), Instant::now() + minute));
    }

    #[test]
    fn task_that_this_client_submitted_may_be_not_found_for_longer() {
        let client = Client::builder().api_key("k").build().unwrap();
        let id = TaskId::new_unchecked("t1");
        let is_known = |task: SpeechTask| {
            let grace = format!("{:?}", task.schedule(Duration::ZERO, None).not_found);
            [grace.contains("submitted_here: true"), grace.contains("is_accepted: true")]
        };
        assert_eq!(is_known(client.task(id.clone())), [false, false]);
        assert_eq!(is_known(SpeechTask::submitted(client.clone(), id.clone())), [true, true]);
        client.inner().unfinished.insert(&id);
        assert_eq!(is_known(client.task(id)), [true, false]);
    }
}
