//! `cargo bench --bench batch` measures how late results arrive under a rate limit.
//!
//! 2,000 tasks arrive at random, or all at once; each takes LN(20 s, .6). A batch decides which task gets the
//! next request.
//!
//! The batch is compared with the usual alternative: one loop per task, with a fixed or a growing interval,
//! behind one first-in-first-out limiter. Each row shows the best of these loops, selected in hindsight. A
//! second table compares the batch with the best loop that could be written with known durations.
//!
//! A third table has texts of 20 to 4,000 characters whose length determines the duration. It compares a policy that knows
//! the lengths with the same policy without them.
//!
//! The batch is the library's own engine in virtual time. The durations are synthetic.

use std::{cmp::Reverse, collections::BinaryHeap, f64::consts::TAU, fmt, time::Duration};

use distribute_ai::{pacing::Adaptive, testing::PollSimulation};
use fastrand::Rng;

const TASKS: usize = 2_000;
const ROUND_TRIP: f64 = 0.08;
const BUDGETS: [f64; 4] = [1.0, 2.0, 4.0, 8.0];
/// The number of requests in the budget per arriving task, including its create.
const REQUESTS_PER_TASK: [f64; 4] = [2.5, 3.5, 5.0, 10.0];

#[derive(Clone, Copy)]
struct Task {
    arrival: f64,
    waiting: f64,
    running: f64,
    /// The length of the text, if the policy knows it.
    characters: Option<u16>,
}

impl Task {
    fn duration(self) -> f64 {
        self.waiting + self.running
    }

    fn simulation(self) -> (Duration, PollSimulation) {
        let seconds = Duration::from_secs_f64;
        let task =
            PollSimulation::new(seconds(self.waiting), seconds(self.running)).round_trip(seconds(ROUND_TRIP));
        (seconds(self.arrival), self.characters.map_or(task, |characters| task.characters(characters)))
    }
}

/// The delay in seconds after the `polls`th response. The response to the create is the 0th.
type Schedule = Box<dyn Fn(i32) -> f64>;

/// Returns the usual loops: a fixed interval, or a growing one.
fn one_interval_loops() -> Vec<(String, Schedule)> {
    let mut loops: Vec<(String, Schedule)> = Vec::new();
    for interval in [0.5].into_iter().chain((1..=60).map(f64::from)) {
        loops.push((format!("every {interval} s"), Box::new(move |_| interval)));
    }
    for first in [1.0, 5.0, 10.0, 20.0] {
        for factor in [1.2, 1.5, 2.0] {
            let name = format!("{first} s × {factor}, 60 s at most");
            loops.push((name, Box::new(move |polls| (first * f64::powi(factor, polls)).min(60.0))));
        }
    }
    loops
}

/// Returns loops that could be written with known durations and a known number of tasks.
fn two_interval_loops() -> Vec<(String, Schedule)> {
    let mut loops: Vec<(String, Schedule)> = Vec::new();
    for first in (3..=36).step_by(3).map(f64::from) {
        for then in (2..=30).step_by(2).map(f64::from) {
            let name = format!("{first} s, then {then} s");
            loops.push((name, Box::new(move |polls| if polls == 0 { first } else { then })));
        }
    }
    loops
}

/// The lag of all tasks, in seconds.
struct Lag {
    mean: f64,
    p95: f64,
    max: f64,
}

impl Lag {
    fn from_samples(lags: impl Iterator<Item = f64>) -> Self {
        let mut lags: Vec<_> = lags.collect();
        lags.sort_by(f64::total_cmp);
        let (count, sum) = lags.iter().fold((0.0, 0.0), |(count, sum), lag| (count + 1.0, sum + lag));
        Self { mean: sum / count, p95: lags[TASKS * 95 / 100], max: lags[TASKS - 1] }
    }

    /// Returns the relative difference of the means.
    fn relative_to(&self, other: &Self) -> String {
        format!("{:+.0} %", (self.mean / other.mean - 1.0) * 100.0)
    }
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} / {:.0} / {:.0}", self.mean, self.p95, self.max)
    }
}

struct Row {
    budget: f64,
    arrivals: String,
    best_one: (String, Lag),
    best_two: (String, Lag),
    without_statuses: Lag,
    with_statuses: Lag,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("tokio starts");
    let mut rows = Vec::new();
    for budget in BUDGETS {
        for per_task in REQUESTS_PER_TASK {
            let rate = budget / per_task;
            rows.push(row(&runtime, budget, format!("{rate:.2} per second"), &tasks(Some(rate))));
        }
        rows.push(row(&runtime, budget, "all at once".to_owned(), &tasks(None)));
    }
    println!(
        "2,000 tasks of LN(20 s, .6); time from arrival to result, minus the duration of the task: mean / p95 / \
         longest, in seconds\n"
    );
    println!("| budget | arrivals | best loop | its lag | batch | | batch, told statuses | |");
    println!("|---:|---|---|---:|---:|---:|---:|---:|");
    for Row { budget, arrivals, best_one: (name, one), without_statuses, with_statuses, .. } in &rows {
        let [without, with] = [without_statuses, with_statuses].map(|lag| lag.relative_to(one));
        println!(
            "| {budget}/s | {arrivals} | {name} | {one} | {without_statuses} | {without} | {with_statuses} | {with} |"
        );
    }
    println!("\nCompared with loops of two intervals, both tuned for each row with known durations:\n");
    println!("| budget | arrivals | best loop of two intervals | its lag | batch | batch, told statuses |");
    println!("|---:|---|---|---:|---:|---:|");
    for Row { budget, arrivals, best_two: (name, two), without_statuses, with_statuses, .. } in &rows {
        let [without, with] = [without_statuses, with_statuses].map(|lag| lag.relative_to(two));
        println!("| {budget}/s | {arrivals} | {name} | {two} | {without} | {with} |");
    }
    with_lengths(&runtime);
}

fn row(runtime: &tokio::runtime::Runtime, budget: f64, arrivals: String, tasks: &[Task]) -> Row {
    let best = |loops: Vec<(String, Schedule)>| {
        let lags =
            loops.into_iter().map(|(name, schedule)| (name, first_in_first_out(tasks, budget, &schedule)));
        lags.min_by(|a, b| a.1.mean.total_cmp(&b.1.mean)).expect("at least one loop")
    };
    let batch = |statuses: bool| run_batch(runtime, budget, tasks, statuses);
    let (best_one, best_two) = (best(one_interval_loops()), best(two_interval_loops()));
    Row { budget, arrivals, best_one, best_two, without_statuses: batch(false), with_statuses: batch(true) }
}

fn run_batch(runtime: &tokio::runtime::Runtime, budget: f64, tasks: &[Task], statuses: bool) -> Lag {
    let tasks = tasks.iter().map(|task| {
        let (arrival, task) = task.simulation();
        (arrival, if statuses { task } else { task.without_statuses() })
    });
    // Use the same jitter in every run.
    fastrand::seed(3);
    let cost = runtime.block_on(PollSimulation::batch(tasks, budget, Adaptive::new()));
    Lag::from_samples(cost.expect("a valid rate").lag.iter().map(Duration::as_secs_f64))
}

/// Measures texts whose length determines the duration, with and without known lengths.
fn with_lengths(runtime: &tokio::runtime::Runtime) {
    println!(
        "\nTexts of 20 to 4,000 characters, log-uniform; 0.5 s + 6 ms for each character, times log-normal noise of 0.25;\n\
         without statuses:\n"
    );
    println!("| budget | arrivals | lengths unknown | lengths known | |");
    println!("|---:|---|---:|---:|---:|");
    for budget in BUDGETS {
        for rate in REQUESTS_PER_TASK.map(|per_task| Some(budget / per_task)).into_iter().chain([None]) {
            let tasks = tasks_with_lengths(rate);
            let without: Vec<_> = tasks.iter().map(|task| Task { characters: None, ..*task }).collect();
            let [unknown, known] = [&without, &tasks].map(|tasks| run_batch(runtime, budget, tasks, false));
            let arrivals =
                rate.map_or_else(|| "all at once".to_owned(), |rate| format!("{rate:.2} per second"));
            let change = known.relative_to(&unknown);
            println!("| {budget}/s | {arrivals} | {unknown} | {known} | {change} |");
        }
    }
}

/// Returns tasks whose duration depends on the length of the text. They arrive at this rate, or all at once.
fn tasks_with_lengths(rate: Option<f64>) -> Vec<Task> {
    let mut random = Rng::with_seed(23);
    let mut arrival = 0.0;
    let mut task = || {
        let normal = (-2.0 * (1.0 - random.f64()).ln()).sqrt() * (TAU * random.f64()).cos();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "20 to 4,000")]
        let characters = (20.0 * 200.0_f64.powf(random.f64())).round() as u16;
        if let Some(rate) = rate {
            arrival -= (1.0 - random.f64()).ln() / rate;
        }
        let running = (0.5 + 0.006 * f64::from(characters)) * (0.25 * normal).exp();
        Task { arrival, waiting: 0.0, running, characters: Some(characters) }
    };
    (0..TASKS).map(|_| task()).collect()
}

/// Returns tasks that arrive at this rate, or all at once. Tasks wait for three fifths of their duration.
fn tasks(rate: Option<f64>) -> Vec<Task> {
    let mut random = Rng::with_seed(17);
    let mut arrival = 0.0;
    let mut task = || {
        let normal = (-2.0 * (1.0 - random.f64()).ln()).sqrt() * (TAU * random.f64()).cos();
        let duration = 20.0 * (0.6 * normal).exp();
        if let Some(rate) = rate {
            arrival -= (1.0 - random.f64()).ln() / rate;
        }
        Task { arrival, waiting: 0.6 * duration, running: 0.4 * duration, characters: None }
    };
    (0..TASKS).map(|_| task()).collect()
}

/// Returns the lag of one loop per task behind one first-in-first-out limiter.
fn first_in_first_out(tasks: &[Task], budget: f64, schedule: &Schedule) -> Lag {
    // Use whole nanoseconds, because floats do not implement `Ord`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "durations of some hours")]
    let nanoseconds = |seconds: f64| (seconds * 1e9) as u64;
    let mut requests: BinaryHeap<_> = tasks
        .iter()
        .enumerate()
        .map(|(index, task)| Reverse((nanoseconds(task.arrival), index, None::<u64>, 0)))
        .collect();
    let (mut free_at, mut lags) = (0, Vec::new());
    while let Some(Reverse((due, index, created, polls))) = requests.pop() {
        let sent = free_at.max(due);
        free_at = sent + nanoseconds(1.0 / budget);
        let (read, response) = (sent + nanoseconds(ROUND_TRIP / 2.0), sent + nanoseconds(ROUND_TRIP));
        let task = tasks[index];
        match created {
            Some(created) if read - created >= nanoseconds(task.duration()) => {
                lags.push(Duration::from_nanos(response).as_secs_f64() - task.arrival - task.duration());
            }
            _ => {
                let next = response + nanoseconds(schedule(polls));
                requests.push(Reverse((next, index, created.or(Some(read)), polls + 1)));
            }
        }
    }
    Lag::from_samples(lags.into_iter())
}
