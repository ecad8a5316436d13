//! Synthetic durations, and the minimum cost of waiting for them. The durations are invented, not recorded.

use std::f64::consts::TAU;

/// The round trip in seconds. The server reads the task halfway through it; the next delay starts at the
/// response.
const ROUND_TRIP: f64 = 0.08;

/// A distribution of durations in seconds.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    shape: Shape,
}

#[derive(Clone, Copy)]
enum Shape {
    /// A mixture of log-normal distributions, each with its weight, median and standard deviation of the
    /// logarithm.
    LogNormal(&'static [(f64, f64, f64)]),
    /// A log-uniform distribution between two bounds.
    LogUniform(f64, f64),
}

use Shape::{LogNormal, LogUniform};

pub(crate) static WORKLOADS: [Workload; 5] = [
    Workload { name: "short", shape: LogNormal(&[(1.0, 2.0, 0.5)]) },
    Workload { name: "mixed", shape: LogNormal(&[(1.0, 8.0, 0.8)]) },
    Workload { name: "queued", shape: LogNormal(&[(0.7, 5.0, 0.6), (0.3, 60.0, 0.8)]) },
    Workload { name: "long", shape: LogNormal(&[(1.0, 90.0, 0.7)]) },
    Workload { name: "unknown", shape: LogUniform(0.5, 600.0) },
];

/// Workloads that the default policy was not tuned on: shorter, longer, and with little variance.
pub(crate) static OTHER_WORKLOADS: [Workload; 5] = [
    Workload { name: "LN(0.5, .3)", shape: LogNormal(&[(1.0, 0.5, 0.3)]) },
    Workload { name: "LN(20, .05)", shape: LogNormal(&[(1.0, 20.0, 0.05)]) },
    Workload { name: "LN(300, .2)", shape: LogNormal(&[(1.0, 300.0, 0.2)]) },
    Workload { name: "LN(1800, .3)", shape: LogNormal(&[(1.0, 1_800.0, 0.3)]) },
    Workload { name: "LN(3600, .7)", shape: LogNormal(&[(1.0, 3_600.0, 0.7)]) },
];

impl Workload {
    pub(crate) fn draw(&self, random: &mut fastrand::Rng) -> f64 {
        match self.shape {
            LogNormal(parts) => {
                let mut remaining = random.f64();
                let part = parts.iter().find(|(weight, ..)| {
                    remaining -= weight;
                    remaining < 0.0
                });
                let (_, median, deviation) = part.unwrap_or(&parts[0]);
                log_normal(*median, *deviation, random)
            }
            LogUniform(minimum, maximum) => minimum * (maximum / minimum).powf(random.f64()),
        }
    }

    /// Returns the probability density of the logarithm of a duration, not normalised.
    fn density(&self, seconds: f64) -> f64 {
        match self.shape {
            LogNormal(parts) => parts
                .iter()
                .map(|(weight, median, deviation)| {
                    weight / deviation * (-0.5 * ((seconds / median).ln() / deviation).powi(2)).exp()
                })
                .sum(),
            LogUniform(minimum, maximum) => f64::from((minimum..=maximum).contains(&seconds)),
        }
    }
}

pub(crate) fn log_normal(median: f64, deviation: f64, random: &mut fastrand::Rng) -> f64 {
    let normal = (-2.0 * (1.0 - random.f64()).ln()).sqrt() * (TAU * random.f64()).cos();
    median * (deviation * normal).exp()
}

/// Draws how long a task waits and how long it runs. Half of all tasks wait 0.2 s, the others wait in a
/// queue.
pub(crate) fn draw_phases(running_median: f64, random: &mut fastrand::Rng) -> (f64, f64) {
    let waiting = if random.bool() { 0.2 } else { log_normal(25.0, 1.0, random) };
    (waiting, log_normal(running_median, 0.5, random))
}

/// The polls of an oracle that knows the true distribution, with its hazard rate h.
///
/// The oracle polls whenever the integral of √(h/2·price) passes the next whole number. Each point is the integral of √h up
/// to an age, and this age.
pub(crate) struct Schedule(Vec<(f64, f64)>);

impl Schedule {
    /// Creates the schedule of a distribution from the density of the logarithm of a duration, not normalised.
    fn new(density: impl Fn(f64) -> f64) -> Self {
        const POINTS: u32 = 20_000;
        let (first, last) = (0.005_f64, 50_000.0_f64);
        let step = (last / first).ln() / f64::from(POINTS);
        let ages: Vec<f64> = (0..=POINTS).map(|index| first * (step * f64::from(index)).exp()).collect();
        let mut survival: Vec<f64> = ages.iter().map(|age| density(*age)).collect();
        // Sum from the end, for precision in the tail.
        for index in (1..survival.len()).rev() {
            survival[index - 1] += survival[index];
        }
        let mut cumulative = 0.0;
        let mut schedule = vec![(0.0, 0.0)];
        for (ages, survival) in
            ages.windows(2).zip(survival.windows(2)).take_while(|(_, survival)| survival[1] > 0.0)
        {
            let time = ages[1] - ages[0];
            cumulative += ((survival[0] / survival[1]).ln().max(0.0) * time).sqrt();
            schedule.push((cumulative, ages[1]));
        }
        Self(schedule)
    }

    /// Creates the schedule of a log-normal distribution with a median of 1.
    pub(crate) fn log_normal(deviation: f64) -> Self {
        Self::new(|age| (-0.5 * (age.ln() / deviation).powi(2)).exp())
    }

    /// Returns the minimum of the mean `lag + price · requests` over these tasks, with the best of four offsets. Each task
    /// has a factor that multiplies the distribution, and a duration.
    pub(crate) fn minimum(&self, tasks: &[(f64, f64)], price: f64) -> f64 {
        let cost = |offset: f64| {
            let sum: f64 = tasks
                .iter()
                .map(|(scale, duration)| {
                    cost_of(*duration, price, |count| {
                        let target = (f64::from(count) + offset) * (2.0 * price / scale).sqrt();
                        let index = self.0.partition_point(|(cumulative, _)| *cumulative < target);
                        scale * self.0.get(index).unwrap_or(&self.0[self.0.len() - 1]).1
                    })
                })
                .sum();
            sum / f64::from(u32::try_from(tasks.len()).expect("some thousands"))
        };
        [0.25, 0.5, 0.75, 1.0].map(cost).into_iter().fold(f64::INFINITY, f64::min)
    }
}

/// Returns the minimum of the mean `lag + price · requests` over these durations.
pub(crate) fn oracle(workload: &Workload, durations: &[f64], price: f64) -> f64 {
    let tasks: Vec<_> = durations.iter().map(|duration| (1.0, *duration)).collect();
    Schedule::new(|age| workload.density(age)).minimum(&tasks, price)
}

/// Returns the cost of one task. Each poll is sent at its scheduled age, but not before the previous
/// response.
fn cost_of(duration: f64, price: f64, polls: impl Fn(u32) -> f64) -> f64 {
    let mut age = 0.0_f64;
    let mut count = 0;
    while age < duration + ROUND_TRIP / 2.0 {
        age = age.max(polls(count)) + ROUND_TRIP;
        count += 1;
    }
    age - duration + price * f64::from(count)
}
