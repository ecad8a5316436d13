//! Measures the cost of policies over many tasks.

use std::{fmt, time::Duration};

use distribute_ai::{
    pacing::{Adaptive, Pacing},
    testing::{PollCost, PollSimulation},
};
use fastrand::Rng;

use super::work::{Workload, draw_phases, oracle};

pub(crate) const PRICES: [f64; 2] = [0.05, 0.2];

/// The mean cost of a task, in seconds and requests.
pub(crate) struct Cost {
    pub(crate) lag: f64,
    pub(crate) p95: f64,
    pub(crate) requests: f64,
    /// The minimum cost of the same tasks, at each of the two prices. It is 0 where no oracle was computed.
    minimum: [f64; 2],
}

/// The durations that are measured, the same for every policy.
pub(crate) struct Samples {
    pub(crate) workload: &'static Workload,
    durations: Vec<f64>,
    pub(crate) minimum: [f64; 2],
}

pub(crate) fn samples(workloads: &'static [Workload; 5], count: usize) -> [Samples; 5] {
    workloads.each_ref().map(|workload| {
        let mut random = Rng::with_seed(1);
        let durations: Vec<_> = (0..count).map(|_| workload.draw(&mut random)).collect();
        let minimum = PRICES.map(|price| oracle(workload, &durations, price));
        Samples { workload, durations, minimum }
    })
}

impl Cost {
    pub(crate) fn measure(count: u32, mut run: impl FnMut() -> PollCost) -> Self {
        fastrand::seed(3);
        let (mut lags, mut requests) = (Vec::new(), 0.0);
        for _ in 0..count {
            let cost = run();
            lags.push(cost.lag.as_secs_f64());
            requests += f64::from(cost.polls);
        }
        lags.sort_by(f64::total_cmp);
        let count = f64::from(count);
        let lag = lags.iter().sum::<f64>() / count;
        Self { lag, p95: lags[lags.len() * 95 / 100], requests: requests / count, minimum: [0.0; 2] }
    }

    /// Returns the cost as a multiple of the minimum, at a price.
    pub(crate) fn regret(&self, price: f64) -> f64 {
        let index = usize::from(price > PRICES[0]);
        (self.lag + price * self.requests) / self.minimum[index]
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.2} /{:6.2}, {:5.1}", self.lag, self.p95, self.requests))
    }
}

pub(crate) fn worst(costs: &[Cost; 5], price: f64) -> f64 {
    costs.iter().map(|cost| cost.regret(price)).fold(0.0, f64::max)
}

/// Returns a task of this duration without statuses.
fn task_without_statuses(seconds: f64) -> PollSimulation {
    PollSimulation::new(Duration::ZERO, Duration::from_secs_f64(seconds)).without_statuses()
}

pub(crate) fn measure_each(samples: &[Samples; 5], run: impl Fn(PollSimulation) -> PollCost) -> [Cost; 5] {
    samples.each_ref().map(|samples| {
        let mut durations = samples.durations.iter();
        let count = u32::try_from(samples.durations.len()).expect("some thousands");
        let cost = Cost::measure(count, || {
            run(task_without_statuses(*durations.next().expect("one duration per run")))
        });
        Cost { minimum: samples.minimum, ..cost }
    })
}

/// Measures the default policy after `tasks` tasks of the same workload. A new policy is trained every 200
/// tasks.
pub(crate) fn adaptive(samples: &[Samples; 5], price: f64, tasks: usize) -> [Cost; 5] {
    samples.each_ref().map(|samples| {
        let mut random = Rng::with_seed(5);
        let mut policy = new_policy(price);
        let mut index = 0;
        let count = u32::try_from(samples.durations.len()).expect("some thousands");
        let cost = Cost::measure(count, || {
            if tasks > 0 && index % 200 == 0 {
                policy = new_policy(price);
                train(&policy, tasks, || task_without_statuses(samples.workload.draw(&mut random)));
            }
            index += 1;
            task_without_statuses(samples.durations[index - 1]).run(&policy)
        });
        Cost { minimum: samples.minimum, ..cost }
    })
}

fn new_policy(price: f64) -> Adaptive {
    Adaptive::with_price(price).expect("a valid price")
}

fn train(policy: &dyn Pacing, tasks: usize, mut task: impl FnMut() -> PollSimulation) {
    for _ in 0..tasks {
        policy.learn(&task().run(policy).completed);
    }
}

pub(crate) fn task_with_phases(running_median: f64, random: &mut Rng) -> PollSimulation {
    let (waiting, running) = draw_phases(running_median, random);
    PollSimulation::new(Duration::from_secs_f64(waiting), Duration::from_secs_f64(running))
}

/// Measures the default policy after `tasks` tasks, with a newly trained policy in each round of `each`
/// tasks.
pub(crate) fn adaptive_with_phases(running_median: f64, tasks: usize, rounds: u32, each: u32) -> Cost {
    let (mut learning, mut measuring) = (Rng::with_seed(11), Rng::with_seed(7));
    let (mut policy, mut index) = (Adaptive::new(), 0);
    Cost::measure(rounds * each, || {
        if tasks > 0 && index % each == 0 {
            policy = Adaptive::new();
            train(&policy, tasks, || task_with_phases(running_median, &mut learning));
        }
        index += 1;
        task_with_phases(running_median, &mut measuring).run(&policy)
    })
}
