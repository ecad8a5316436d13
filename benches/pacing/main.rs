//! `cargo bench --bench pacing` compares the cost of poll policies with the schedules of widely used clients.
//!
//! The policies are the library's own, in virtual time. The durations are synthetic. These simulations
//! compare schedules and say nothing about the API's real times. With `-- --svg DIRECTORY`, the benchmark
//! also draws charts.

mod chart;
mod length;
mod measure;
mod shipped;
mod work;

use std::{env, fs, time::Duration};

use distribute_ai::{
    pacing::{Exponential, Fixed, Pacing, from_fn},
    testing::{PollCost, PollSimulation},
};
use fastrand::Rng;

use self::{
    length::{ChangeCost, LengthCost, NOISES, Task, draw_task},
    measure::{Cost, PRICES, Samples, adaptive, measure_each, task_with_phases, worst},
    shipped::shipped,
    work::{OTHER_WORKLOADS, WORKLOADS},
};

/// The regret of a policy: the worst of the five workloads, at each of the two prices.
struct Regret {
    name: String,
    worst: [f64; 2],
}

/// Returns the library's policies that do not learn, with settings that suit the workloads.
fn fixed_policies() -> [(&'static str, Box<dyn Pacing>); 2] {
    let (half, two, ten) = (Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(10));
    [
        ("fixed, 2 s", Box::new(Fixed::new(two).expect("a valid interval"))),
        ("exponential, 0.5 s × 1.2", Box::new(Exponential::new(half, 1.2, ten).expect("a valid factor"))),
    ]
}

/// The number of tasks after which a learning policy is measured.
const TRAINING_TASKS: [usize; 3] = [0, 5, 50];

fn main() {
    let rows = without_statuses();
    with_statuses();
    with_other_durations();
    with_lengths();
    let lengths = over_lengths();
    with_store();
    after_change();
    let mut args = env::args().skip_while(|arg| arg != "--svg").skip(1);
    if let Some(directory) = args.next() {
        let draw = |name: &str, what: &str, svg: String| {
            let path = format!("{directory}/{name}");
            fs::write(&path, svg).unwrap_or_else(|error| panic!("{path}: {error}"));
            println!("{path}: {what}");
        };
        println!();
        draw("pacing.svg", "the first table as a chart", chart::regret(&rows));
        draw("pacing-lengths.svg", "lag and requests over the length", chart::lengths(&lengths));
    }
}

fn without_statuses() -> Vec<Regret> {
    println!(
        "Simulated waits for synthetic durations; round trip 0.08 s. Regret: the mean of lag + λ · requests, as a"
    );
    println!("multiple of the least cost with a known distribution; the worst of the five.\n");
    println!("Without statuses: lag mean / p95 in seconds, and requests, for a price of λ = 0.05 s\n");
    print!("{:<28}{:>8}{:>8}", "", "λ .05", "λ .2");
    for workload in &WORKLOADS {
        print!("{:>22}", workload.name);
    }
    println!();
    let samples = measure::samples(&WORKLOADS, 8_000);
    let mut rows = Vec::new();
    for (name, policy) in shipped() {
        let costs = PRICES.map(|_| measure_each(&samples, |task| task.without_jitter().run(&*policy)));
        rows.push(row(name.to_owned(), &costs));
    }
    let fixed = PRICES.map(|price| best_fixed(&samples, price));
    let name = format!("best fixed: {:.1} s, {:.1} s", fixed[0], fixed[1]);
    rows.push(row(name, &fixed.map(|interval| measure_fixed_interval(&samples, interval))));
    for (name, policy) in fixed_policies() {
        let costs = PRICES.map(|_| measure_each(&samples, |task| task.run(&*policy)));
        rows.push(row(name.to_owned(), &costs));
    }
    for tasks in TRAINING_TASKS {
        let costs = PRICES.map(|price| adaptive(&samples, price, tasks));
        rows.push(row(format!("adaptive, after {tasks} tasks"), &costs));
    }
    rows
}

fn measure_fixed_interval(samples: &[Samples; 5], seconds: f64) -> [Cost; 5] {
    let interval = Duration::from_secs_f64(seconds);
    measure_each(samples, |task| task.without_jitter().run(&from_fn(move |_| interval)))
}

/// Returns the interval with the least regret at a price, to a tenth of a second. It can be selected only in
/// hindsight, or with a known scale of durations.
fn best_fixed(samples: &[Samples; 5], price: f64) -> f64 {
    let regret = |seconds: f64| worst(&measure_fixed_interval(samples, seconds), price);
    let candidates = (5..40).map(|tenths| f64::from(tenths) / 10.0);
    let costs_by_interval = candidates.map(|seconds| (regret(seconds), seconds));
    costs_by_interval.min_by(|a, b| a.0.total_cmp(&b.0)).expect("at least one candidate").1
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
        "\nWith statuses: waiting is 0.2 s for half of the tasks, LN(25, 1) for the others; running LN(median, .5)\n"
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
            print!("{:>22}", Cost::measure(rounds * each, || run(task_with_phases(median, &mut random))));
        }
        println!();
    };
    for (name, policy) in shipped() {
        row(name, &|task| task.without_jitter().run(&*policy));
    }
    for (name, policy) in fixed_policies() {
        row(name, &|task| task.run(&*policy));
    }
    for tasks in TRAINING_TASKS {
        print!("{:<28}", format!("adaptive, after {tasks} tasks"));
        for median in MEDIANS {
            print!("{:>22}", measure::adaptive_with_phases(median, tasks, rounds, each));
        }
        println!();
    }
}

/// Measures the default policy with durations that it was not tuned on.
fn with_other_durations() {
    println!("\nOther durations, without statuses, for a price of λ = 0.05 s: regret, and requests\n");
    print!("{:<28}", "");
    for workload in &OTHER_WORKLOADS {
        print!("{:>16}", workload.name);
    }
    println!();
    let samples = measure::samples(&OTHER_WORKLOADS, 1_000);
    for tasks in TRAINING_TASKS {
        print!("{:<28}", format!("adaptive, after {tasks} tasks"));
        for cost in adaptive(&samples, PRICES[0], tasks) {
            print!("{:>16}", format!("{:.2}, {:7.1}", cost.regret(PRICES[0]), cost.requests));
        }
        println!();
    }
}

/// Measures the default policy with texts of many lengths.
fn with_lengths() {
    println!(
        "\nTexts of 20 to 4,000 characters, log-uniform, without statuses. They take 0.5 s + 6 ms for each character,"
    );
    println!(
        "times log-normal noise. For λ = 0.05 s: the cost as a multiple of that of a schedule that knows the length"
    );
    println!("and the noise; lag mean / p95 in seconds, and requests\n");
    print!("{:<44}", "standard deviation of the noise");
    for noise in NOISES {
        print!("{noise:>30}");
    }
    println!();
    for (tasks, known) in [(0, true), (5, true), (50, true), (200, true), (200, false)] {
        let length = if known { "" } else { ", lengths unknown" };
        print!("{:<44}", format!("adaptive, after {tasks} tasks{length}"));
        for noise in NOISES {
            let (cost, ratio) = length::with_lengths(noise, known, tasks, 100, 31);
            print!("{:>30}", format!("{ratio:.2}, {cost}"));
        }
        println!();
    }
    println!(
        "\nThe first five distributions, with lengths that say nothing: regret for λ = 0.05 s, without / with lengths\n"
    );
    print!("{:<28}", "");
    for workload in &WORKLOADS {
        print!("{:>14}", workload.name);
    }
    println!();
    let samples = measure::samples(&WORKLOADS, 8_000);
    for tasks in [5, 50] {
        print!("{:<28}", format!("adaptive, after {tasks} tasks"));
        let costs = [false, true].map(|known| length::with_unrelated_lengths(&samples, known, tasks, 100));
        for (without, with) in costs[0].iter().zip(&costs[1]) {
            print!("{:>14}", format!("{without:.2} / {with:.2}"));
        }
        println!();
    }
}

/// Measures the default policy for texts of a few lengths.
fn over_lengths() -> Vec<LengthCost> {
    println!(
        "\nThe same texts by their length, for a noise of 0.25, after 200 tasks: lag in seconds and requests, with lengths"
    );
    println!("unknown and known\n");
    println!("{:>10}{:>16}{:>16}", "characters", "unknown", "known");
    let costs = length::by_length(0.25, &[20, 40, 80, 160, 320, 640, 1_000, 2_000, 4_000], 100, 51);
    for LengthCost { characters, lag, requests } in &costs {
        let cell = |index: usize| format!("{:.2}, {:4.1}", lag[index], requests[index]);
        println!("{characters:>10}{:>16}{:>16}", cell(0), cell(1));
    }
    costs
}

/// Measures programs that speak one text.
fn with_store() {
    println!(
        "\nA program that speaks one such text and ends. With a store, it learns from up to 64 tasks of earlier programs. The"
    );
    println!("same multiple, lag and requests\n");
    print!("{:<44}", "standard deviation of the noise");
    for noise in NOISES {
        print!("{noise:>30}");
    }
    println!();
    for (name, tasks) in [
        ("without a store", 0),
        ("with a store, the sixth program", 5),
        ("with a store, the 51st program", 50),
        ("with a store, the 201st program", 200),
    ] {
        print!("{name:<44}");
        for noise in NOISES {
            let (cost, ratio) = length::one_text_programs(noise, tasks, 500, 61);
            print!("{:>30}", format!("{ratio:.2}, {cost}"));
        }
        println!();
    }
}

/// A function that draws a task.
type Draw<'a> = &'a dyn Fn(&mut Rng) -> Task;

/// Measures how soon the default policy follows a server that changes.
fn after_change() {
    println!(
        "\nA server that becomes twice as fast or slow after 200 tasks, for λ = 0.05 s: tasks until the mean cost of the next"
    );
    println!(
        "ten is within 10 % of that of a policy that always had the new server; the cost of the first ten, as a multiple."
    );
    println!("In the rows with programs, each task is that of another program with the same store\n");
    let log_normal = |median: f64, deviation: f64| {
        move |random: &mut Rng| -> Task { (work::log_normal(median, deviation, random), None) }
    };
    let by_length = |random: &mut Rng| draw_task(0.25, random);
    let servers: [(&str, Draw<'_>); 4] = [
        ("LN(20, .05)", &log_normal(20.0, 0.05)),
        ("LN(8, .25)", &log_normal(8.0, 0.25)),
        ("LN(8, .8)", &log_normal(8.0, 0.8)),
        ("lengths, .25", &by_length),
    ];
    print!("{:<28}", "");
    for (name, _) in &servers {
        print!("{name:>16}");
    }
    println!();
    for (name, factor, stored, rounds) in [
        ("twice as fast", 0.5, false, 100),
        ("twice as slow", 2.0, false, 100),
        ("twice as fast, programs", 0.5, true, 20),
        ("twice as slow, programs", 2.0, true, 20),
    ] {
        print!("{name:<28}");
        for (_, draw) in servers {
            let cost = ChangeCost::measure(draw, factor, stored, rounds, 41);
            let tasks =
                cost.tasks_until_warm().map_or_else(|| "over 140".to_owned(), |tasks| tasks.to_string());
            print!("{:>16}", format!("{tasks}, {:.2}", cost.first_ten()));
        }
        println!();
    }
}
