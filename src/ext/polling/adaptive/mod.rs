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

/// The default poll policy, which uses the status and age of a task, and learns how long tasks
/// take.
///
/// ```
/// use distribute_ai::{Client, pacing::Adaptive};
///
/// // Four times the default price: about half as many requests,
/// // and results are noticed about twice as late.
/// let policy = Adaptive::with_price(0.2)?;
/// let client = Client::builder().api_key("your-key").pacing(policy).build()?;
/// # Ok::<(), distribute_ai::Error>(())
/// ```
///
/// # The price of a request
///
/// Frequent polls cost requests, and rare polls cost time. With a price of λ seconds for each
/// request, the sum of both costs is minimal at intervals of √(2·λ / h). Here h is the hazard: the
/// probability that an unfinished task finishes in the next second.
///
/// Therefore the policy polls rarely at ages where few tasks finish, and often at ages where most
/// tasks finish. If a task takes longer than all tasks before, its polls become less and less
/// frequent. This rule has the lowest expected sum of all schedules. The policy learns the hazard.
///
/// # What it learns
///
/// Every completed task updates three distributions:
///
/// - the total duration, which is the server's own `finished` − `created`
/// - the waiting time, observed by the polls
/// - the running time, observed by the polls
///
/// An observed time is only known to lie between two polls. Until the first response, the total
/// duration determines the delay. After that, the status selects the waiting time or the running
/// time.
///
/// A waiting task still has to run, so it is not polled before it could be finished. For example, if three in
/// four tasks run for more than 2 s, the next poll is at least about 3 s away.
///
/// The last 128 tasks count, recent tasks more than older ones. The distributions take 20 to 30
/// kilobytes, and learning from a task takes about 0.05 ms. All tasks of a client and its clones
/// share the distributions, and so do clones of the policy. With a [store](crate::store::Store), the durations of
/// the last tasks outlive the process. Without one, a short-lived program can call [`learn`](Pacing::learn) with known
/// durations before it passes the policy to the client.
///
/// # Texts of different lengths
///
/// A server usually needs time for each character. The policy compares the total duration and the
/// running time with `start + characters · time per character`, and learns both numbers and the
/// remaining variation. Once this predicts the observed durations clearly better, usually after
/// about ten tasks, the polls of a task depend on the length of its text. If the length says
/// nothing, for example under load, the policy does not use it. The waiting time never depends on the
/// length, because the queue is independent of the text.
///
/// # A server that changes
///
/// If several tasks in a row are much faster or slower than expected, older tasks no longer count.
/// The policy then notices within a few tasks that a server has become twice as fast or slow.
/// The effect of the length and the variation stay learned. One or two outliers change little.
///
/// # Before it has learned
///
/// A new policy assumes that four in five tasks run for about 3 s and the others for about a
/// minute. It assumes a waiting time of about 10 s. All three times have wide margins. These values
/// performed well in simulations over synthetic durations of every scale from 1 s to 10 minutes.
///
/// # Default
///
/// - price: 0.05 s
/// - shortest delay: 0.2 s, regardless of what was learned
/// - longest delay: 5 s, or a tenth of the task's age if that is longer
///
/// Even with wrong distributions, a result is noticed within about the longest delay. The 0.2 s and the 5 s
/// scale with the square root of the price.
#[derive(Clone)]
pub struct Adaptive {
    price: f64,
    learned: Arc<Mutex<Learned>>,
}

/// The default price in seconds: one request costs as much as 50 ms of lag.
const DEFAULT_PRICE: f64 = 0.05;

/// The shortest and longest delay in seconds, at the default price.
const DELAY_BOUNDS: (f64, f64) = (0.2, 5.0);

/// The longest delay as a fraction of the task's age, if that is longer. A task of an hour is not polled
/// every five seconds.
const MAX_AGE_FRACTION: f64 = 0.1;

/// The minimum running time of a waiting task, as a multiple of the lower quartile of the running times.
///
/// The value was found by search. A larger value saves requests, but notices too late that the task runs.
const MIN_RUNNING_FACTOR: f64 = 1.52;

/// The prior of the running time and of the total duration.
///
/// The values were found by search: they minimise the regret of a single schedule over the distributions of
/// the benchmark.
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
    /// Creates a policy with the default price and without learned durations. To compare policies,
    /// use `testing::PollSimulation`, of the feature `testing`.
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

    /// Creates a policy with this price for each request, in seconds, from 0.001 to 3,600.
    ///
    /// The price is the average extra lag that you accept to save one request.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid): the price is outside the range, for example 0 or NaN.
    pub fn with_price(seconds: f64) -> Result<Self, Error> {
        OutOfBounds::check(seconds, (Bound::Included(0.001), Bound::Included(3_600.0)))
            .map_err(|error| Error::invalid("price", error))?;
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
        // In this order, NaN becomes the shortest delay.
        Duration::from_secs_f64(seconds.max(least).min(most))
    }

    fn likelihood(&self, task: &Progress) -> f64 {
        self.learned().likelihood(task)
    }

    fn expected(&self, task: &Progress) -> Option<Duration> {
        let seconds = self.learned().expected(task)?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    fn learn(&self, task: &CompletedTask) {
        self.learned().learn(task);
    }
}

impl Learned {
    fn delay(&self, task: &Progress, price: f64) -> f64 {
        let in_phase = task.in_phase.as_secs_f64();
        let running = self.running.given(task.characters);
        match task.phase {
            Phase::Unknown => self.total.given(task.characters).delay(task.age.as_secs_f64(), price),
            Phase::Running => running.delay(in_phase, price),
            // If the task needs at least r more, the cheapest delay is √(δ² + r²), where δ is the interval
            // for r = 0.
            Phase::Waiting => self
                .waiting
                .given(None)
                .delay(in_phase, price)
                .hypot(MIN_RUNNING_FACTOR * running.quantile(0.25)),
        }
    }

    fn likelihood(&self, task: &Progress) -> f64 {
        let since_last_poll = task.since_last_poll.as_secs_f64();
        let finished_since = |model: &DurationModel, age: Duration| {
            let age = age.as_secs_f64();
            model.given(task.characters).likelihood((age - since_last_poll).max(0.0), age)
        };
        match task.phase {
            Phase::Unknown => finished_since(&self.total, task.age),
            Phase::Running => finished_since(&self.running, task.in_phase),
            // The task must have started and finished since the last poll. It started at about the middle of
            // the first or of the second half of this time.
            Phase::Waiting => {
                let (now, half) = (task.in_phase.as_secs_f64(), since_last_poll / 2.0);
                let started =
                    |to: f64| self.waiting.given(None).likelihood((now - since_last_poll).max(0.0), to);
                let (first_half, both_halves) = (started(now - half), started(now));
                let finished_within =
                    |remaining: f64| self.running.given(task.characters).likelihood(0.0, remaining);
                first_half * finished_within(1.5 * half)
                    + (both_halves - first_half) * finished_within(0.5 * half)
            }
        }
    }

    /// Returns the median of the total duration, given the length, the phase and the age.
    fn expected(&self, task: &Progress) -> Option<f64> {
        if self.total.is_empty() {
            return None;
        }
        let (age, in_phase) = (task.age.as_secs_f64(), task.in_phase.as_secs_f64());
        let (total, running) = (self.total.given(task.characters), self.running.given(task.characters));
        let before_phase = (age - in_phase).max(0.0);
        Some(match task.phase {
            Phase::Unknown => total.median_after(age),
            Phase::Running => before_phase + running.median_after(in_phase),
            Phase::Waiting => {
                before_phase + self.waiting.given(None).median_after(in_phase) + running.median_after(0.0)
            }
        })
    }

    fn learn(&mut self, task: &CompletedTask) {
        if let Some(total) = task.total {
            self.total.learn(total.as_secs_f64(), total.as_secs_f64(), task.characters);
        }
        if let Some((least, most)) = task.waited {
            self.waiting.learn(least.as_secs_f64(), most.as_secs_f64(), None);
        }
        if let Some(ran) = task.ran {
            self.running.learn(ran.as_secs_f64(), ran.as_secs_f64(), task.characters);
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
