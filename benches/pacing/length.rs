//! Texts of many lengths, a server that needs time for each character, and a server that changes. The durations are
//! synthetic.

use std::{collections::VecDeque, time::Duration};

use distribute_ai::{
    pacing::{Adaptive, CompletedTask, Pacing},
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
pub(crate) type Task = (f64, Option<u16>);

/// Runs a task without statuses.
fn run(policy: &Adaptive, (duration, characters): Task) -> PollCost {
    let task = PollSimulation::new(Duration::ZERO, Duration::from_secs_f64(duration)).without_statuses();
    characters.map_or(task, |characters| task.characters(characters)).run(policy)
}

/// Draws the length of a text: log-uniform.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "20 to 4,000")]
fn draw_characters(random: &mut Rng) -> u16 {
    (20.0 * 200.0_f64.powf(random.f64())).round() as u16
}

/// Returns the median duration for a text of this length, in seconds.
pub(crate) fn median(characters: u16) -> f64 {
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

/// The number of tasks whose durations a store keeps.
const STORED: usize = 64;

/// A policy that learns from each task, in one process or in many.
#[derive(Default)]
struct Learner {
    policy: Adaptive,
    /// The durations that a store keeps.
    tasks: VecDeque<CompletedTask>,
}

impl Learner {
    /// Runs a task and learns from it. With `stored`, by a new process with a store.
    fn run(&mut self, task: Task, stored: bool) -> PollCost {
        if stored {
            self.policy = Adaptive::new();
            self.tasks.iter().for_each(|task| self.policy.learn(task));
        }
        let cost = run(&self.policy, task);
        self.policy.learn(&cost.completed);
        self.tasks.push_back(cost.completed);
        if self.tasks.len() > STORED {
            self.tasks.pop_front();
        }
        cost
    }
}

/// Measures programs that speak one text and end, after `tasks` other programs with the same store. Returns the cost as
/// a multiple of the minimum for known lengths and noise.
pub(crate) fn one_text_programs(noise: f64, tasks: u32, rounds: u32, seed: u64) -> (Cost, f64) {
    let mut random = Rng::with_seed(seed);
    let mut measured = Vec::new();
    let cost = Cost::measure(rounds, || {
        let mut learner = Learner::default();
        for _ in 0..tasks {
            learner.run(draw_task(noise, &mut random), false);
        }
        let task = draw_task(noise, &mut random);
        measured.push((task.1.map_or(0.0, median), task.0));
        learner.run(task, true)
    });
    let minimum = Schedule::log_normal(noise).minimum(&measured, PRICES[0]);
    let ratio = (cost.lag + PRICES[0] * cost.requests) / minimum;
    (cost, ratio)
}

/// The mean cost of texts of about the same length, with and without the length, after 200 tasks.
pub(crate) struct LengthCost {
    pub(crate) characters: u16,
    pub(crate) lag: [f64; 2],
    pub(crate) requests: [f64; 2],
}

/// Measures the default policy for texts of these lengths.
pub(crate) fn by_length(noise: f64, lengths: &[u16], rounds: u32, seed: u64) -> Vec<LengthCost> {
    fastrand::seed(3);
    let mut random = Rng::with_seed(seed);
    let zero = |characters: &u16| LengthCost { characters: *characters, lag: [0.0; 2], requests: [0.0; 2] };
    let mut costs: Vec<_> = lengths.iter().map(zero).collect();
    for _ in 0..rounds {
        let policies = [Adaptive::new(), Adaptive::new()];
        let tasks_of = |(duration, characters): Task| [(duration, None), (duration, characters)];
        for _ in 0..200 {
            let tasks = tasks_of(draw_task(noise, &mut random));
            policies.iter().zip(tasks).for_each(|(policy, task)| policy.learn(&run(policy, task).completed));
        }
        for cost in &mut costs {
            for _ in 0..20 {
                let duration = log_normal(median(cost.characters), noise, &mut random);
                let tasks = tasks_of((duration, Some(cost.characters)));
                for (index, (policy, task)) in policies.iter().zip(tasks).enumerate() {
                    let found = run(policy, task);
                    let part = 1.0 / f64::from(20 * rounds);
                    cost.lag[index] += part * found.lag.as_secs_f64();
                    cost.requests[index] += part * f64::from(found.polls);
                }
            }
        }
    }
    costs
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
    /// Measures policies after 200 tasks, when a server starts to multiply the durations by `factor`. With `stored`, each
    /// of the next 50 tasks is that of another program, which has learned from a store.
    pub(crate) fn measure(
        draw: impl Fn(&mut Rng) -> Task,
        factor: f64,
        stored: bool,
        rounds: u32,
        seed: u64,
    ) -> Self {
        fastrand::seed(3);
        let mut random = Rng::with_seed(seed);
        let mut measured = Self { costs: vec![0.0; AFTER_CHANGE], warm: 0.0 };
        let step = |learner: &mut Learner, task: Task, stored: bool| {
            let cost = learner.run(task, stored);
            (cost.lag.as_secs_f64() + PRICES[0] * f64::from(cost.polls)) / f64::from(rounds)
        };
        let after = |random: &mut Rng| {
            let (duration, characters) = draw(random);
            (duration * factor, characters)
        };
        for _ in 0..rounds {
            let (mut changed, mut steady) = (Learner::default(), Learner::default());
            for _ in 0..200 {
                step(&mut changed, draw(&mut random), false);
                step(&mut steady, after(&mut random), false);
            }
            for (index, cost) in measured.costs.iter_mut().enumerate() {
                *cost += step(&mut changed, after(&mut random), stored && index < 50);
                measured.warm += step(&mut steady, after(&mut random), false) / 150.0;
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
