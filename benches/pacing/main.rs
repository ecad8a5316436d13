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
    pacing::{Exponential, Fixed, Pacing},
    testing::{Rehearsal, Rehearsed},
};
use fastrand::Rng;

use self::{
    measure::{Cost, PRICES, adaptive, by_phase, of_works, worst},
    shipped::shipped,
    work::WORK,
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
    let samples = measure::samples(8_000);
    let mut rows = Vec::new();
    for (name, policy) in shipped() {
        let costs = PRICES.map(|_| of_works(&samples, |task| task.without_jitter().run(&policy)));
        rows.push(row(name.to_owned(), &costs));
    }
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
    let row = |name: &str, run: &dyn Fn(Rehearsal) -> Rehearsed| {
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
