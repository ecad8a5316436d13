use std::{
    fmt,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    CompletedTask, Pacing, Phase, Progress,
    duration_model::{DurationModel, Prior},
};
use crate::{Error, OutOfBounds};

/// The poll policy of every client unless it is given another: by the task's status and age, and by how long tasks took.
///
/// ```
/// use distribute_ai::{Client, pacing::Adaptive};
///
/// // Four times the price: about half as many requests, each result noticed about twice as late.
/// let client = Client::builder().api_key("your-key").pacing(Adaptive::with_price(0.2)?).build()?;
/// # Ok::<(), distribute_ai::Error>(())
/// ```
///
/// # The price of a request
///
/// Asking more often costs requests, asking less often costs time. With a price of λ seconds for each request the sum is
/// least at intervals of √(2·λ / h), where h is the hazard: the chance that the task is done in the next second, given
/// that it isn't yet. So it asks seldom where tasks are rarely done, often where they mostly are, and less and less often
/// where one takes longer than any before. The rule comes from minimising the expected sum over all schedules; the
/// hazard is what is learned.
///
/// # What it learns
///
/// Three distributions, from every task that was completed: how long tasks take in all (by the server's own `finished` −
/// `created`), how long they wait, and how long they run (by what the polls saw, where the truth lies between two of
/// them). The first is for tasks that nothing was heard of yet; then the status tells which of the others counts. A task
/// that waits has yet to run, so it is asked for no sooner than it might be done: where three in four tasks run for more
/// than 2 s, not before some 3 s have passed.
///
/// The last hundred tasks or so count, in some kilobytes, for all tasks of a client and of its clones; a clone of the
/// policy shares what is learned, too. Nothing is kept beyond the process; a program that ends soon can
/// [tell](Pacing::learn) a policy what it knows before it hands it over. The length of the text plays no part: what a
/// server needs for a character is not known, and where it queues, the queue decides.
///
/// Until it has learned, it believes that four in five tasks run for about 3 s and the others for about a minute, all
/// with wide margins, and that waiting takes about 10 s: what did well in simulation, over synthetic durations of every
/// scale from 1 s to 10 minutes.
///
/// # Default
///
/// - price: 0.05 s
/// - shortest delay: 0.2 s, whatever was learned
/// - longest delay: 5 s, or a tenth of the task's age where that is more: however wrong what was learned is, a result is
///   noticed within about that. The 0.2 s and the 5 s grow with the square root of the price
#[derive(Clone)]
pub struct Adaptive {
    price: f64,
    learned: Arc<Mutex<Learned>>,
}

/// By default, 50 ms of lag are worth a request.
const DEFAULT_PRICE: f64 = 0.05;

/// The bounds of every delay in seconds, at the default price.
const DELAY_BOUNDS: (f64, f64) = (0.2, 5.0);

/// The longest delay as a part of the task's age, where that is more: a task of an hour isn't asked for every five seconds.
const MAX_AGE_FRACTION: f64 = 0.1;

/// How long a task that waits will run at least, in lower quartiles of the running times: found by search. More saves
/// requests, and learns too late that it runs.
const MIN_RUNNING_FACTOR: f64 = 1.52;

/// Found by search, as the least regret that one schedule can have over the distributions of the benchmark.
const RUNNING_PRIORS: &[Prior] =
    &[Prior { weight: 0.8, median: 3.0, width: 0.5 }, Prior { weight: 0.2, median: 60.0, width: 0.7 }];

const WAITING_PRIORS: &[Prior] = &[Prior { weight: 1.0, median: 10.0, width: 1.0 }];

struct Learned {
    total: DurationModel,
    waiting: DurationModel,
    running: DurationModel,
    tasks: u64,
}

impl Adaptive {
    /// With the default price, and nothing learned: see [`PollSimulation`](crate::testing::PollSimulation).
    #[must_use]
    pub fn new() -> Self {
        let learned = Learned {
            total: DurationModel::new(RUNNING_PRIORS),
            waiting: DurationModel::new(WAITING_PRIORS),
            running: DurationModel::new(RUNNING_PRIORS),
            tasks: 0,
        };
        Self { price: DEFAULT_PRICE, learned: Arc::new(Mutex::new(learned)) }
    }

    /// With a price of so many seconds for each request: how much later you would rather know, on average, than ask once
    /// more. From 0.001 to 3,600.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid): a price of 0, or NaN.
    pub fn with_price(seconds: f64) -> Result<Self, Error> {
        OutOfBounds::check(seconds, (Bound::Included(0.001), Bound::Included(3_600.0)))
            .map_err(|limit| Error::invalid("price of a request", limit))?;
        Ok(Self { price: seconds, ..Self::new() })
    }

    fn learned(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Adaptive {
    fn default() -> Self {
        Self::new()
    }
}

impl Pacing for Adaptive {
    fn delay(&self, task: &Progress) -> Duration {
        let (least, most) = {
            let scale = (self.price / DEFAULT_PRICE).sqrt();
            (DELAY_BOUNDS.0 * scale, (DELAY_BOUNDS.1 * scale).max(MAX_AGE_FRACTION * task.age.as_secs_f64()))
        };
        let seconds = self.learned().delay(task, self.price);
        // In this order, what is no number is the least.
        Duration::from_secs_f64(seconds.max(least).min(most))
    }

    fn likelihood(&self, task: &Progress) -> f64 {
        self.learned().likelihood(task)
    }

    fn learn(&self, task: &CompletedTask) {
        self.learned().learn(task);
    }
}

impl Learned {
    fn delay(&self, task: &Progress, price: f64) -> f64 {
        let in_phase = task.in_phase.as_secs_f64();
        match task.phase {
            Phase::Unknown => self.total.delay(task.age.as_secs_f64(), price),
            Phase::Running => self.running.delay(in_phase, price),
            // What is done after r more, at least, is cheapest to ask for at √(δ² + r²), with δ the interval for r = 0.
            Phase::Waiting => {
                self.waiting.delay(in_phase, price).hypot(MIN_RUNNING_FACTOR * self.running.quantile(0.25))
            }
        }
    }

    fn likelihood(&self, task: &Progress) -> f64 {
        let unheard = task.since_last_poll.as_secs_f64();
        let since = |durations: &DurationModel, age: Duration| {
            let age = age.as_secs_f64();
            durations.likelihood((age - unheard).max(0.0), age)
        };
        match task.phase {
            Phase::Unknown => since(&self.total, task.age),
            Phase::Running => since(&self.running, task.in_phase),
            // It must have begun meanwhile, at about the middle of either half, and have run to the end in what was left.
            Phase::Waiting => {
                let (now, half) = (task.in_phase.as_secs_f64(), unheard / 2.0);
                let begun = |to: f64| self.waiting.likelihood((now - unheard).max(0.0), to);
                let (first, both) = (begun(now - half), begun(now));
                let ended = |left: f64| self.running.likelihood(0.0, left);
                first * ended(1.5 * half) + (both - first) * ended(0.5 * half)
            }
        }
    }

    fn learn(&mut self, task: &CompletedTask) {
        if let Some(total) = task.total {
            self.total.learn(total.as_secs_f64(), total.as_secs_f64());
        }
        if let Some((least, most)) = task.waited {
            self.waiting.learn(least.as_secs_f64(), most.as_secs_f64());
        }
        if let Some(ran) = task.ran {
            self.running.learn(ran.as_secs_f64(), ran.as_secs_f64());
        }
        self.tasks += 1;
    }
}

impl fmt::Debug for Adaptive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adaptive")
            .field("price", &self.price)
            .field("tasks", &self.learned().tasks)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
