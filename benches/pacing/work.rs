//! Synthetic durations, and the least that waiting for them can cost. They are made up: none was recorded.

use std::f64::consts::TAU;

/// A round trip in seconds. The state is seen half way; the next delay starts at the reply.
const ROUND_TRIP: f64 = 0.08;

/// Durations in seconds.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    shape: Shape,
}

#[derive(Clone, Copy)]
enum Shape {
    /// Log-normal ones, each with its part, its median and the deviation of the logarithm.
    LogNormal(&'static [(f64, f64, f64)]),
    /// Every scale between these is as likely.
    LogUniform(f64, f64),
}

use Shape::{LogNormal, LogUniform};

pub(crate) static WORK: [Work; 5] = [
    Work { name: "short", shape: LogNormal(&[(1.0, 2.0, 0.5)]) },
    Work { name: "mixed", shape: LogNormal(&[(1.0, 8.0, 0.8)]) },
    Work { name: "queued", shape: LogNormal(&[(0.7, 5.0, 0.6), (0.3, 60.0, 0.8)]) },
    Work { name: "long", shape: LogNormal(&[(1.0, 90.0, 0.7)]) },
    Work { name: "unknown", shape: LogUniform(0.5, 600.0) },
];

/// What the default policy was not tuned on: shorter, longer, and with hardly any spread.
pub(crate) static OTHERS: [Work; 5] = [
    Work { name: "LN(0.5, .3)", shape: LogNormal(&[(1.0, 0.5, 0.3)]) },
    Work { name: "LN(20, .05)", shape: LogNormal(&[(1.0, 20.0, 0.05)]) },
    Work { name: "LN(300, .2)", shape: LogNormal(&[(1.0, 300.0, 0.2)]) },
    Work { name: "LN(1800, .3)", shape: LogNormal(&[(1.0, 1_800.0, 0.3)]) },
    Work { name: "LN(3600, .7)", shape: LogNormal(&[(1.0, 3_600.0, 0.7)]) },
];

impl Work {
    pub(crate) fn draw(&self, random: &mut fastrand::Rng) -> f64 {
        match self.shape {
            LogNormal(parts) => {
                let mut left = random.f64();
                let part = parts.iter().find(|(part, ..)| {
                    left -= part;
                    left < 0.0
                });
                let (_, median, deviation) = part.unwrap_or(&parts[0]);
                log_normal(*median, *deviation, random)
            }
            LogUniform(least, most) => least * (most / least).powf(random.f64()),
        }
    }

    /// How likely a duration is, on the scale of its logarithm; not normalised.
    fn density(&self, seconds: f64) -> f64 {
        match self.shape {
            LogNormal(parts) => parts
                .iter()
                .map(|(part, median, deviation)| {
                    part / deviation * (-0.5 * ((seconds / median).ln() / deviation).powi(2)).exp()
                })
                .sum(),
            LogUniform(least, most) => f64::from((least..=most).contains(&seconds)),
        }
    }
}

pub(crate) fn log_normal(median: f64, deviation: f64, random: &mut fastrand::Rng) -> f64 {
    let normal = (-2.0 * (1.0 - random.f64()).ln()).sqrt() * (TAU * random.f64()).cos();
    median * (deviation * normal).exp()
}

/// Half of all tasks hardly wait, the others in a queue; how long one waits and how long it then runs.
pub(crate) fn draw_phases(running_median: f64, random: &mut fastrand::Rng) -> (f64, f64) {
    let waiting = if random.bool() { 0.2 } else { log_normal(25.0, 1.0, random) };
    (waiting, log_normal(running_median, 0.5, random))
}

/// The least that `lag + price · requests` can be on average, over these durations: by someone who knows the true
/// distribution and polls where √(h/2·price), added up, passes the next whole number. Where the count begins is theirs
/// to choose.
pub(crate) fn oracle(work: &Work, durations: &[f64], price: f64) -> f64 {
    const POINTS: u32 = 20_000;
    let (first, last) = (0.005_f64, 50_000.0_f64);
    let step = (last / first).ln() / f64::from(POINTS);
    let ages: Vec<f64> = (0..=POINTS).map(|at| first * (step * f64::from(at)).exp()).collect();
    let mut left: Vec<f64> = ages.iter().map(|age| work.density(*age)).collect();
    // From the end on, to be exact in the tail.
    for at in (1..left.len()).rev() {
        left[at - 1] += left[at];
    }
    let mut effort = 0.0;
    let mut instants = vec![(0.0, 0.0)];
    for (ages, left) in ages.windows(2).zip(left.windows(2)).take_while(|(_, left)| left[1] > 0.0) {
        let time = ages[1] - ages[0];
        effort += ((left[0] / left[1]).ln().max(0.0) * time / (2.0 * price)).sqrt();
        instants.push((effort, ages[1]));
    }
    let cost = |offset: f64| {
        let polls = |count: u32| {
            let target = f64::from(count) + offset;
            let at = instants.partition_point(|(effort, _)| *effort < target);
            instants.get(at).unwrap_or(&instants[instants.len() - 1]).1
        };
        let sum: f64 = durations.iter().map(|duration| cost_of(*duration, price, polls)).sum();
        sum / f64::from(u32::try_from(durations.len()).expect("some thousands"))
    };
    [0.25, 0.5, 0.75, 1.0].map(cost).into_iter().fold(f64::INFINITY, f64::min)
}

/// A poll is sent at each of these ages, or when the reply before it is there.
fn cost_of(duration: f64, price: f64, polls: impl Fn(u32) -> f64) -> f64 {
    let mut age = 0.0_f64;
    let mut count = 0;
    while age < duration + ROUND_TRIP / 2.0 {
        age = age.max(polls(count)) + ROUND_TRIP;
        count += 1;
    }
    age - duration + price * f64::from(count)
}
