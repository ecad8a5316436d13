//! What policies cost over many tasks.

use std::{fmt, time::Duration};

use distribute_ai::{
    pacing::{Adaptive, Pacing},
    testing::{PollCost, PollSimulation},
};
use fastrand::Rng;

use super::work::{Work, draw_phases, oracle};

pub(crate) const PRICES: [f64; 2] = [0.05, 0.2];

/// Means, in seconds and requests.
pub(crate) struct Cost {
    pub(crate) lag: f64,
    pub(crate) p95: f64,
    pub(crate) requests: f64,
    /// The least that the same tasks cost, at each of the two prices; nothing where there is no oracle.
    least: [f64; 2],
}

/// Durations to measure by, the same for every policy.
pub(crate) struct Samples {
    work: &'static Work,
    durations: Vec<f64>,
    least: [f64; 2],
}

pub(crate) fn samples(works: &'static [Work; 5], count: usize) -> [Samples; 5] {
    works.each_ref().map(|work| {
        let mut random = Rng::with_seed(1);
        let durations: Vec<_> = (0..count).map(|_| work.draw(&mut random)).collect();
        let least = PRICES.map(|price| oracle(work, &durations, price));
        Samples { work, durations, least }
    })
}

impl Cost {
    pub(crate) fn of(count: u32, mut run: impl FnMut() -> PollCost) -> Self {
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
        Self { lag, p95: lags[lags.len() * 95 / 100], requests: requests / count, least: [0.0; 2] }
    }

    /// How many times the least this is, at a price.
    pub(crate) fn regret(&self, price: f64) -> f64 {
        let at = usize::from(price > PRICES[0]);
        (self.lag + price * self.requests) / self.least[at]
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

/// A task of which no status tells anything.
fn untold(seconds: f64) -> PollSimulation {
    PollSimulation::new(Duration::ZERO, Duration::from_secs_f64(seconds)).without_statuses()
}

pub(crate) fn of_works(samples: &[Samples; 5], run: impl Fn(PollSimulation) -> PollCost) -> [Cost; 5] {
    samples.each_ref().map(|samples| {
        let mut durations = samples.durations.iter();
        let count = u32::try_from(samples.durations.len()).expect("some thousands");
        let cost = Cost::of(count, || run(untold(*durations.next().expect("as many as are counted"))));
        Cost { least: samples.least, ..cost }
    })
}

/// The default policy after so many tasks of the same work, learned anew for every 200.
pub(crate) fn adaptive(samples: &[Samples; 5], price: f64, tasks: usize) -> [Cost; 5] {
    samples.each_ref().map(|samples| {
        let mut random = Rng::with_seed(5);
        let mut policy = fresh(price);
        let mut at = 0;
        let count = u32::try_from(samples.durations.len()).expect("some thousands");
        let cost = Cost::of(count, || {
            if tasks > 0 && at % 200 == 0 {
                policy = fresh(price);
                learn(&policy, tasks, || untold(samples.work.draw(&mut random)));
            }
            at += 1;
            untold(samples.durations[at - 1]).run(&policy)
        });
        Cost { least: samples.least, ..cost }
    })
}

fn fresh(price: f64) -> Adaptive {
    Adaptive::with_price(price).expect("a price")
}

fn learn(policy: &dyn Pacing, tasks: usize, mut task: impl FnMut() -> PollSimulation) {
    for _ in 0..tasks {
        policy.learn(&task().run(policy).completed);
    }
}

pub(crate) fn by_phase(running_median: f64, random: &mut Rng) -> PollSimulation {
    let (waiting, running) = draw_phases(running_median, random);
    PollSimulation::new(Duration::from_secs_f64(waiting), Duration::from_secs_f64(running))
}

/// The default policy after so many tasks, learned anew for each of the rounds of `each` tasks.
pub(crate) fn adaptive_by_phase(running_median: f64, tasks: usize, rounds: u32, each: u32) -> Cost {
    let (mut learning, mut measuring) = (Rng::with_seed(11), Rng::with_seed(7));
    let (mut policy, mut at) = (Adaptive::new(), 0);
    Cost::of(rounds * each, || {
        if tasks > 0 && at % each == 0 {
            policy = Adaptive::new();
            learn(&policy, tasks, || by_phase(running_median, &mut learning));
        }
        at += 1;
        by_phase(running_median, &mut measuring).run(&policy)
    })
}
