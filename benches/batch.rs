//! `cargo bench --bench batch`: how late results are where requests are scarce.
//!
//! 2,000 tasks arrive at random, or all at once; each takes LN(20 s, .6). A batch decides which task the next request goes
//! to. Beside it, what people write otherwise: a loop for each task, at a fixed or a growing interval, all of them behind
//! one limiter that serves whoever came first. The best of these loops counts, chosen for each row with hindsight; and
//! for comparison the best that somebody could write who knows the durations.
//!
//! The batch is the library's own engine in virtual time; the durations are synthetic.

use std::{cmp::Reverse, collections::BinaryHeap, f64::consts::TAU, fmt, time::Duration};

use distribute_ai::{pacing::Adaptive, testing::PollSimulation};
use fastrand::Rng;

const TASKS: usize = 2_000;
const ROUND_TRIP: f64 = 0.08;
const BUDGETS: [f64; 4] = [1.0, 2.0, 4.0, 8.0];
/// How many requests the budget has for each task that arrives, its create included.
const REQUESTS_PER_TASK: [f64; 4] = [2.5, 3.5, 5.0, 10.0];

#[derive(Clone, Copy)]
struct Task {
    arrival: f64,
    waiting: f64,
    running: f64,
}

impl Task {
    fn duration(self) -> f64 {
        self.waiting + self.running
    }

    fn rehearsal(self) -> (Duration, PollSimulation) {
        let seconds = Duration::from_secs_f64;
        let task = PollSimulation::new(seconds(self.waiting), seconds(self.running));
        (seconds(self.arrival), task.round_trip(seconds(ROUND_TRIP)))
    }
}

/// The delay after the `polls`th reply; the reply to the create is the 0th.
type Schedule = Box<dyn Fn(i32) -> f64>;

/// What people write: a fixed interval, or one that grows.
fn loops() -> Vec<(String, Schedule)> {
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

/// What somebody could write who knows how long these tasks take, and how many there are.
fn loops_of_two() -> Vec<(String, Schedule)> {
    let mut loops: Vec<(String, Schedule)> = Vec::new();
    for first in (3..=36).step_by(3).map(f64::from) {
        for then in (2..=30).step_by(2).map(f64::from) {
            let name = format!("{first} s, then {then} s");
            loops.push((name, Box::new(move |polls| if polls == 0 { first } else { then })));
        }
    }
    loops
}

/// Seconds.
struct Lag {
    mean: f64,
    p95: f64,
    most: f64,
}

impl Lag {
    fn of(late: impl Iterator<Item = f64>) -> Self {
        let mut late: Vec<_> = late.collect();
        late.sort_by(f64::total_cmp);
        let (count, sum) = late.iter().fold((0.0, 0.0), |(count, sum), late| (count + 1.0, sum + late));
        Self { mean: sum / count, p95: late[TASKS * 95 / 100], most: late[TASKS - 1] }
    }

    /// How much more or less than another, in its mean.
    fn beside(&self, other: &Self) -> String {
        format!("{:+.0} %", (self.mean / other.mean - 1.0) * 100.0)
    }
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} / {:.0} / {:.0}", self.mean, self.p95, self.most)
    }
}

struct Row {
    budget: f64,
    arrivals: String,
    one: (String, Lag),
    two: (String, Lag),
    untold: Lag,
    told: Lag,
}

fn main() {
    let clock = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let clock = clock.expect("a clock");
    let mut rows = Vec::new();
    for budget in BUDGETS {
        for per_task in REQUESTS_PER_TASK {
            let rate = budget / per_task;
            rows.push(row(&clock, budget, format!("{rate:.2} per second"), &tasks(Some(rate))));
        }
        rows.push(row(&clock, budget, "all at once".to_owned(), &tasks(None)));
    }
    println!(
        "2,000 tasks of LN(20 s, .6); time from arrival to result, beyond what the task takes: mean / p95 / longest, in \
         seconds\n"
    );
    println!("| budget | arrivals | best loop | its lag | batch | | batch, told statuses | |");
    println!("|---:|---|---|---:|---:|---:|---:|---:|");
    for Row { budget, arrivals, one: (name, one), untold, told, .. } in &rows {
        let (less, less_told) = (untold.beside(one), told.beside(one));
        println!("| {budget}/s | {arrivals} | {name} | {one} | {untold} | {less} | {told} | {less_told} |");
    }
    println!(
        "\nBeside loops with a first interval of its own, both chosen for each row by who knows the durations:\n"
    );
    println!("| budget | arrivals | best loop of two intervals | its lag | batch | batch, told statuses |");
    println!("|---:|---|---|---:|---:|---:|");
    for Row { budget, arrivals, two: (name, two), untold, told, .. } in &rows {
        println!(
            "| {budget}/s | {arrivals} | {name} | {two} | {} | {} |",
            untold.beside(two),
            told.beside(two)
        );
    }
}

fn row(clock: &tokio::runtime::Runtime, budget: f64, arrivals: String, tasks: &[Task]) -> Row {
    let best = |loops: Vec<(String, Schedule)>| {
        let lags =
            loops.into_iter().map(|(name, schedule)| (name, first_in_first_out(tasks, budget, &schedule)));
        lags.min_by(|a, b| a.1.mean.total_cmp(&b.1.mean)).expect("there are loops")
    };
    let batch = |statuses: bool| {
        let tasks = tasks.iter().map(|task| {
            let (arrival, task) = task.rehearsal();
            (arrival, if statuses { task } else { task.without_statuses() })
        });
        // The jitter is the same in every run.
        fastrand::seed(3);
        let cost = clock.block_on(PollSimulation::batch(tasks, budget, Adaptive::new())).expect("a rate");
        Lag::of(cost.lag.iter().map(Duration::as_secs_f64))
    };
    let (one, two) = (best(loops()), best(loops_of_two()));
    Row { budget, arrivals, one, two, untold: batch(false), told: batch(true) }
}

/// Arrivals at this rate, or all at once. Three fifths of a task's time is waiting.
fn tasks(rate: Option<f64>) -> Vec<Task> {
    let mut random = Rng::with_seed(17);
    let mut arrival = 0.0;
    let mut task = || {
        let normal = (-2.0 * (1.0 - random.f64()).ln()).sqrt() * (TAU * random.f64()).cos();
        let duration = 20.0 * (0.6 * normal).exp();
        if let Some(rate) = rate {
            arrival -= (1.0 - random.f64()).ln() / rate;
        }
        Task { arrival, waiting: 0.6 * duration, running: 0.4 * duration }
    };
    (0..TASKS).map(|_| task()).collect()
}

/// The lag of a loop for each task behind one limiter.
fn first_in_first_out(tasks: &[Task], budget: f64, schedule: &Schedule) -> Lag {
    // Whole nanoseconds, which can be ordered.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hours")]
    let nanoseconds = |seconds: f64| (seconds * 1e9) as u64;
    let mut asking: BinaryHeap<_> = tasks
        .iter()
        .enumerate()
        .map(|(at, task)| Reverse((nanoseconds(task.arrival), at, None::<u64>, 0)))
        .collect();
    let (mut free, mut late) = (0, Vec::new());
    while let Some(Reverse((asked, at, born, polls))) = asking.pop() {
        let sent = free.max(asked);
        free = sent + nanoseconds(1.0 / budget);
        let (seen, reply) = (sent + nanoseconds(ROUND_TRIP / 2.0), sent + nanoseconds(ROUND_TRIP));
        let task = tasks[at];
        match born {
            Some(born) if seen - born >= nanoseconds(task.duration()) => {
                late.push(Duration::from_nanos(reply).as_secs_f64() - task.arrival - task.duration());
            }
            _ => {
                let next = reply + nanoseconds(schedule(polls));
                asking.push(Reverse((next, at, born.or(Some(seen)), polls + 1)));
            }
        }
    }
    Lag::of(late.into_iter())
}
