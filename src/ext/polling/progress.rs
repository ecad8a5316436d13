use std::time::Duration;

/// How long to wait for a task, unless told otherwise.
pub(crate) const DEFAULT_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// What is known of a task that is not done: what a [policy](super::Pacing) decides by.
///
/// To try a policy of yours, take [`Progress::default`], a task that was submitted just now with ten minutes left, and set
/// its fields.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The time since the submission; of a resumed task, whose submission nobody here saw, since the wait for it began.
    pub age: Duration,
    /// What the last answer said.
    pub phase: Phase,
    /// The time in this phase, as near as polling can tell: the age, until it is known to run; then from half way
    /// between the last answer that said it waits and the first that said it runs. A task that was never seen waiting
    /// counts as running from the start.
    pub in_phase: Duration,
    /// The time since the last answer; since the submission, before there is one. Zero where a delay is asked for after
    /// an answer.
    pub since_last_poll: Duration,
    /// The number of answers so far, of this wait.
    pub polls: u32,
    /// The length of the text in characters, from 2 to 4,096; none for a resumed task.
    pub characters: Option<u32>,
    /// The last `Retry-After` that this wait was told, if any. It is kept to without a policy's help.
    pub retry_after: Option<Duration>,
    /// The time left until the deadline, by default of 10 minutes in all. The last poll lands on it without a policy's
    /// help.
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
            retry_after: None,
            left: DEFAULT_DEADLINE,
        }
    }
}

/// How far a task has come, as far as the server told: see [`Pacing`](super::Pacing).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Nothing was heard of it yet.
    #[default]
    Unknown,
    /// Not begun: `CREATED`, `QUEUED` or `POSTPONED`.
    Waiting,
    /// Being spoken: `ASSIGNED_CONNECTIONS` or `PROCESSING`, and every status that this version doesn't know.
    Running,
}

/// What is known of a task that was completed: what a [policy](super::Pacing::learn) may learn from.
///
/// ```
/// use std::{sync::Mutex, time::Duration};
///
/// use distribute_ai::pacing::{CompletedTask, Pacing, Progress};
///
/// /// A tenth of what the last task took.
/// struct Last(Mutex<Duration>);
///
/// impl Pacing for Last {
///     fn delay(&self, _: &Progress) -> Duration {
///         *self.0.lock().expect("nobody panics with it") / 10
///     }
///
///     fn learn(&self, task: &CompletedTask) {
///         if let Some(total) = task.total {
///             *self.0.lock().expect("nobody panics with it") = total.max(Duration::from_secs(1));
///         }
///     }
/// }
/// # let policy = Last(Mutex::new(Duration::from_secs(30)));
/// # assert_eq!(policy.delay(&Progress::default()), Duration::from_secs(3));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CompletedTask {
    /// How long it took in all: by the server's own `finished` − `created`, corrected to what the polls saw; without
    /// these, half way between the last poll that saw it undone and the one that saw it done. None for a resumed task
    /// of which the server says no times.
    pub total: Option<Duration>,
    /// How long it waited, at least and at most: up to the last poll that saw it wait, and up to the first that saw it
    /// run. None if it was never seen waiting, or was resumed.
    pub waited: Option<(Duration, Duration)>,
    /// How long it ran, from where [`Progress::in_phase`] counts; if it began and ended between two polls, half of the time
    /// between them. None if it was done when first asked for, or
    /// was running by then without having been watched since its submission.
    pub ran: Option<Duration>,
    /// The length of the text in characters; none for a resumed task.
    pub characters: Option<u32>,
}
