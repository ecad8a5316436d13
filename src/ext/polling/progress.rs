use std::time::Duration;

/// The default time to wait for a task.
pub(crate) const DEFAULT_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// The state of an unfinished task, as input for a [policy](super::Pacing).
///
/// To test your own policy, start with [`Progress::default`] and set its fields. The default is a task that
/// was submitted just now and has ten minutes until its deadline.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The time since the submission. For a resumed task the submission time is unknown, so the age counts
    /// from the start of the wait.
    pub age: Duration,
    /// The phase that the last response reported.
    pub phase: Phase,
    /// The estimated time in this phase.
    ///
    /// Until a response reports the task running, this is the age of the task. Afterwards, the
    /// phase starts half way between two responses: the last that reported the task waiting, and
    /// the first that reported it running. A task that was never reported waiting counts as running
    /// from the start.
    pub in_phase: Duration,
    /// The time since the last response, or since the submission if there is no response yet. The
    /// time is zero when the poller requests a delay after a response.
    pub since_last_poll: Duration,
    /// The number of responses in this wait so far.
    pub polls: u32,
    /// The length of the text in characters, from 2 to 4,096. `None` for a resumed task.
    pub characters: Option<u32>,
    /// The expected time from the submission to the end of the task, for its length, phase and age. Half of all such
    /// tasks finish earlier.
    ///
    /// The client learns the time from completed tasks, and with a [store](crate::store::Store) from those of earlier
    /// processes. A policy may estimate it with [`Pacing::expected`](super::Pacing::expected). `None` if nothing is
    /// known yet. For a resumed task, the time counts as [`age`](Self::age).
    pub expected: Option<Duration>,
    /// The last `Retry-After` that this wait received, if any. The poller applies `Retry-After`
    /// regardless of the policy.
    pub retry_after: Option<Duration>,
    /// The time until the deadline, which is 10 minutes after the start by default. The poller always sends
    /// the last poll at the deadline, regardless of the policy.
    pub left: Duration,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            age: Duration::ZERO,
            phase: Phase::default(),
            in_phase: Duration::ZERO,
            since_last_poll: Duration::ZERO,
            polls: 0,
            characters: None,
            expected: None,
            retry_after: None,
            left: DEFAULT_DEADLINE,
        }
    }
}

/// The phase of a task, as reported by the server. See [`Pacing`](super::Pacing) for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// No response has reported a status yet.
    #[default]
    Unknown,
    /// The task has not started: `CREATED`, `QUEUED` or `POSTPONED`.
    Waiting,
    /// The server is generating the speech: `ASSIGNED_CONNECTIONS`, `PROCESSING`, or a status unknown to this
    /// version.
    Running,
}

/// The durations of a completed task, as input for [`Pacing::learn`](super::Pacing::learn).
///
/// ```
/// use std::{sync::Mutex, time::Duration};
///
/// use distribute_ai::pacing::{CompletedTask, Pacing, Progress};
///
/// /// Polls at intervals of a tenth of the last task's duration.
/// struct Last(Mutex<Duration>);
///
/// impl Pacing for Last {
///     fn delay(&self, _: &Progress) -> Duration {
///         *self.0.lock().expect("not poisoned") / 10
///     }
///
///     fn learn(&self, task: &CompletedTask) {
///         if let Some(total) = task.total {
///             *self.0.lock().expect("not poisoned") = total.max(Duration::from_secs(1));
///         }
///     }
/// }
/// # let policy = Last(Mutex::new(Duration::from_secs(30)));
/// # assert_eq!(policy.delay(&Progress::default()), Duration::from_secs(3));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CompletedTask {
    /// The total duration.
    ///
    /// This is the server's `finished` − `created`, clamped to the range that the polls observed.
    /// Without these times, the end of the task is assumed half way between the last poll that saw
    /// the task unfinished and the next poll. `None` for a resumed task without server times.
    pub total: Option<Duration>,
    /// The minimum and maximum time that the task waited.
    ///
    /// The minimum ends with the last poll that saw the task waiting. The maximum ends with the
    /// first poll that saw the task running. `None` if no poll saw the task waiting, or if the task
    /// was resumed.
    pub waited: Option<(Duration, Duration)>,
    /// The time that the task ran, counted as in [`Progress::in_phase`].
    ///
    /// If the task started and finished between two polls, this is half of the time between the
    /// polls. `None` if the first poll saw the task finished. Also `None` if the first poll saw the
    /// task running, and the task was not observed since its submission.
    pub ran: Option<Duration>,
    /// The length of the text in characters. `None` for a resumed task.
    pub characters: Option<u32>,
}
