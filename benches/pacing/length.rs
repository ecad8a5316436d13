//! Texts of many lengths, a server that needs time for each character, and a server that changes. The durations are
//! synthetic.

use std::time::Duration;

use distribute_ai::{
    pacing::{Adaptive, Pacing, Progress},
    testing::{PollCost, PollSimulation},
};
use fastrand::Rng;

use super::{
    measure::{Cost, PRICES, Samples},
    work::{Schedule, log_normal},
};

/// The standard deviations of the noise, as natural logarithms.
pub(crate) const NOISES: [f64; 3] = [0.1, 0.25, 0.5];

/// The duration of a task in seconds, and the length of its text if the policy knows it.
pub(crate) type Task = (f64, Option<u32>);

/// A policy that knows the length of the text of one task. Simulated tasks have no text.
struct WithLength(Adaptive, Option<u32>);

impl Pacing for WithLength {
    fn delay(&self, task: &Progress) -> Duration {
        let mut task = *task;
        task.characters = self.1;
        self.0.delay(&task)
    }
}

/// Runs a task without statuses.
fn run(policy: &Adaptive, (duration, characters): Task) -> PollCost {
    let task = PollSimulation::new(Duration::ZERO, Duration::from_secs_f64(duration)).without_statuses();
    let mut cost = task.run(&WithLength(policy.clone(), characters));
    cost.completed.characters = characters;
    cost
}

/// Draws the length of a text: log-uniform.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "20 to 4,000")]
fn draw_characters(random: &mut Rng) -> u32 {
    (20.0 * 200.0_f64.powf(random.f64())).round() as u32
}

/// Returns the median duration for a text of this length, in seconds.
fn median(characters: u32) -> f64 {
    0.5 + 0.006 * f64::from(characters)
}

/// Draws a task whose duration depends on the length.
pub(crate) fn draw_task(noise: f64, random: &mut Rng) -> Task {
    let characters = draw_characters(random);
    (log_normal(median(characters), noise, random), Some(characters))
}

/// Measures the default policy on 100 tasks, with a newly trained policy in each round. Without `known`, the policy
/// does not know the lengths. Also returns the cost as a multiple of the minimum for known lengths and noise.
pub(crate) fn with_lengths(noise: f64, known: bool, tasks: u32, rounds: u32, seed: u64) -> (Cost, f64) {
    let mut measured = Vec::new();
    let cost = measure(tasks, rounds, seed, |random| {
        let (duration, characters) = draw_task(noise, random);
        measured.push((characters.map_or(0.0, median), duration));
        (duration, characters.filter(|_| known))
    });
    // The tasks of the training come before those that are measured.
    let is_measured = |index: usize| index % (tasks as usize + 100) >= tasks as usize;
    let measured: Vec<_> = measured
        .into_iter()
        .enumerate()
        .filter_map(|(index, task)| is_measured(index).then_some(task))
        .collect();
    let minimum = Schedule::log_normal(noise).minimum(&measured, PRICES[0]);
    let ratio = (cost.lag + PRICES[0] * cost.requests) / minimum;
    (cost, ratio)
}

/// Measures the default policy after `tasks` tasks of each workload, with lengths that say nothing, or without
/// lengths. The lengths come from a generator of their own, so that the durations are the same.
pub(crate) fn with_unrelated_lengths(
    samples: &[Samples; 5],
    known: bool,
    tasks: u32,
    rounds: u32,
) -> [f64; 5] {
    samples.each_ref().map(|samples| {
        let mut lengths = Rng::with_seed(21);
        let cost = measure(tasks, rounds, 5, |random| {
            (samples.workload.draw(random), Some(draw_characters(&mut lengths)).filter(|_| known))
        });
        (cost.lag + PRICES[0] * cost.requests) / samples.minimum[0]
    })
}

fn measure(tasks: u32, rounds: u32, seed: u64, mut draw: impl FnMut(&mut Rng) -> Task) -> Cost {
    let mut random = Rng::with_seed(seed);
    let (mut policy, mut index) = (Adaptive::new(), 0);
    Cost::measure(rounds * 100, || {
        if index % 100 == 0 {
            policy = Adaptive::new();
            for _ in 0..tasks {
                policy.learn(&run(&policy, draw(&mut random)).completed);
            }
        }
        index += 1;
        run(&policy, draw(&mut random))
    })
}

/// The number of tasks that are measured after a change.
const AFTER_CHANGE: usize = 150;

/// The mean costs after the server has changed.
pub(crate) struct ChangeCost {
    /// The mean cost of the 1st, 2nd, … task after the change.
    costs: Vec<f64>,
    /// The mean cost of a policy that always had the new server.
    warm: f64,
}

impl ChangeCost {
    /// Measures policies after 200 tasks, when a server starts to multiply the durations by `factor`.
    pub(crate) fn measure(draw: impl Fn(&mut Rng) -> Task, factor: f64, rounds: u32, seed: u64) -> Self {
        fastrand::seed(3);
        let mut random = Rng::with_seed(seed);
        let mut measured = Self { costs: vec![0.0; AFTER_CHANGE], warm: 0.0 };
        let step = |policy: &Adaptive, (duration, characters): Task| {
            let cost = run(policy, (duration, characters));
            policy.learn(&cost.completed);
            (cost.lag.as_secs_f64() + PRICES[0] * f64::from(cost.polls)) / f64::from(rounds)
        };
        let after = |random: &mut Rng| {
            let (duration, characters) = draw(random);
            (duration * factor, characters)
        };
        for _ in 0..rounds {
            let (changed, steady) = (Adaptive::new(), Adaptive::new());
            for _ in 0..200 {
                step(&changed, draw(&mut random));
                step(&steady, after(&mut random));
            }
            for cost in &mut measured.costs {
                *cost += step(&changed, after(&mut random));
                measured.warm += step(&steady, after(&mut random)) / 150.0;
            }
        }
        measured
    }

    /// Returns the number of tasks until the mean cost of the next ten is within ten per cent of the warm cost.
    pub(crate) fn tasks_until_warm(&self) -> Option<usize> {
        self.costs.windows(10).position(|costs| costs.iter().sum::<f64>() / 10.0 <= 1.1 * self.warm)
    }

    /// Returns the mean cost of the first ten tasks, as a multiple of the warm cost.
    pub(crate) fn first_ten(&self) -> f64 {
        self.costs[..10].iter().sum::<f64>() / 10.0 / self.warm
    }
}
