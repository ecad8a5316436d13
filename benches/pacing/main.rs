//! `cargo bench --bench pacing`: what poll policies cost, beside the schedules of clients that people use.
//!
//! The policies are the library's own, in virtual time. The durations are synthetic, so these are simulations: they
//! compare schedules, and say nothing of the API's real times. With `-- --svg FILE` it also draws a chart.

mod chart;
mod measure;
mod shipped;
mod work;

use std::{env, fs, time::Duration};

use distribute_ai::{
    pacing::{Exponential, Fixed, Pacing, Progress},
    testing::{PollCost, PollSimulation},
};
use fastrand::Rng;

use self::{
    measure::{Cost, PRICES, Samples, adaptive, by_phase, of_works, worst},
    shipped::shipped,
    work::{OTHERS, WORK},
};

/// Of a policy: the worst of the five works, at each of the two prices.
struct Regret {
    name: String,
    worst: [f64; 2],
}

/// The library's policies that learn nothing, at settings that suit this work.
fn plain() -> [(&'static str, Box<dyn Pacing>); 2] {
    let (half, two, ten) = (Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(10));
    [
        ("fixed, 2 s", Box::new(Fixed::new(two).expect("an interval"))),
        ("exponential, 0.5 s × 1.2", Box::new(Exponential::new(half, 1.2, ten).expect("it grows"))),
    ]
}

/// After how many tasks a policy that learns is measured.
const LEARNED: [usize; 3] = [0, 5, 50];

fn main() {
    let rows = without_statuses();
    with_statuses();
    of_other_durations();
    let mut arguments = env::args().skip_while(|argument| argument != "--svg").skip(1);
    if let Some(path) = arguments.next() {
        fs::write(&path, chart::drawn(&rows)).unwrap_or_else(|error| panic!("{path}: {error}"));
        println!("\n{path}: the first table as a chart");
    }
}

fn without_statuses() -> Vec<Regret> {
    println!(
        "Simulated waits for synthetic durations; round trip 0.08 s. Regret: the mean of lag + λ · requests, as a"
    );
    println!("multiple of what it is for someone who knows the distribution; the worst of the five.\n");
    println!("Statuses not told: lag mean / p95 in seconds, and requests, for a price of λ = 0.05 s\n");
    print!("{:<28}{:>8}{:>8}", "", "λ .05", "λ .2");
    for work in &WORK {
        print!("{:>22}", work.name);
    }
    println!();
    let samples = measure::samples(&WORK, 8_000);
    let mut rows = Vec::new();
    for (name, policy) in shipped() {
        let costs = PRICES.map(|_| of_works(&samples, |task| task.without_jitter().run(&policy)));
        rows.push(row(name.to_owned(), &costs));
    }
    let fixed = PRICES.map(|price| best_fixed(&samples, price));
    let name = format!("best fixed: {:.1} s, {:.1} s", fixed[0], fixed[1]);
    rows.push(row(name, &fixed.map(|interval| at_a_fixed_interval(&samples, interval))));
    for (name, policy) in plain() {
        let costs = PRICES.map(|_| of_works(&samples, |task| task.run(&*policy)));
        rows.push(row(name.to_owned(), &costs));
    }
    for tasks in LEARNED {
        let costs = PRICES.map(|price| adaptive(&samples, price, tasks));
        rows.push(row(format!("adaptive, after {tasks} tasks"), &costs));
    }
    rows
}

fn at_a_fixed_interval(samples: &[Samples; 5], seconds: f64) -> [Cost; 5] {
    let interval = Duration::from_secs_f64(seconds);
    of_works(samples, |task| task.without_jitter().run(&move |_: &Progress| interval))
}

/// The interval with the least regret at a price, to a tenth of a second: known only in hindsight, or to who knows the
/// scale.
fn best_fixed(samples: &[Samples; 5], price: f64) -> f64 {
    let regret = |seconds: f64| worst(&at_a_fixed_interval(samples, seconds), price);
    let candidates = (5..40).map(|tenths| f64::from(tenths) / 10.0);
    let judged = candidates.map(|seconds| (regret(seconds), seconds));
    judged.min_by(|a, b| a.0.total_cmp(&b.0)).expect("there are some").1
}

fn row(name: String, costs: &[[Cost; 5]; 2]) -> Regret {
    let regret = [worst(&costs[0], PRICES[0]), worst(&costs[1], PRICES[1])];
    print!("{name:<28}{:>8.2}{:>8.2}", regret[0], regret[1]);
    for cost in &costs[0] {
        print!("{cost:>22}");
    }
    println!();
    Regret { name, worst: regret }
}

fn with_statuses() {
    const MEDIANS: [f64; 4] = [1.0, 3.0, 10.0, 30.0];
    println!(
        "\nStatuses told: waiting is 0.2 s for half of the tasks, LN(25, 1) for the others; running LN(median, .5)\n"
    );
    print!("{:<28}", "median of running");
    for median in MEDIANS {
        print!("{median:>20} s");
    }
    println!();
    let (rounds, each) = (200, 200);
    let row = |name: &str, run: &dyn Fn(PollSimulation) -> PollCost| {
        print!("{name:<28}");
        for median in MEDIANS {
            let mut random = Rng::with_seed(7);
            print!("{:>22}", Cost::of(rounds * each, || run(by_phase(median, &mut random))));
        }
        println!();
    };
    for (name, policy) in shipped() {
        row(name, &|task| task.without_jitter().run(&policy));
    }
    for (name, policy) in plain() {
        row(name, &|task| task.run(&*policy));
    }
    for tasks in LEARNED {
        print!("{:<28}", format!("adaptive, after {tasks} tasks"));
        for median in MEDIANS {
            print!("{:>22}", measure::adaptive_by_phase(median, tasks, rounds, each));
        }
        println!();
    }
}

/// What the default policy makes of durations that it was not tuned on.
fn of_other_durations() {
    println!("\nOther durations, statuses not told, for a price of λ = 0.05 s: regret, and requests\n");
    print!("{:<28}", "");
    for work in &OTHERS {
        print!("{:>16}", work.name);
    }
    println!();
    let samples = measure::samples(&OTHERS, 1_000);
    for tasks in LEARNED {
        print!("{:<28}", format!("adaptive, after {tasks} tasks"));
        for cost in adaptive(&samples, PRICES[0], tasks) {
            print!("{:>16}", format!("{:.2}, {:7.1}", cost.regret(PRICES[0]), cost.requests));
        }
        println!();
    }
}
