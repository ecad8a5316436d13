//! What polling costs: the targets of `cargo bench --bench pacing`, scaled down.

use std::time::Duration;

use distribute_ai::pacing::Progress;

#[path = "../../benches/pacing/measure.rs"]
mod measure;
#[path = "../../benches/pacing/work.rs"]
mod work;

#[track_caller]
fn regret_is_at_most(most: f64, count: usize, tasks: usize) {
    let samples = measure::samples(&work::WORK, count);
    for price in measure::PRICES {
        let costs = measure::adaptive(&samples, price, tasks);
        for (work, cost) in work::WORK.iter().zip(&costs) {
            println!("{} at {price}: {:.3} times the least ({cost})", work.name, cost.regret(price));
        }
        assert!(measure::worst(&costs, price) <= most);
    }
}

#[test]
fn tasks_of_any_length_are_learned() {
    let costs = measure::adaptive(&measure::samples(&work::OTHERS, 200), measure::PRICES[0], 50);
    for (work, cost) in work::OTHERS.iter().zip(&costs) {
        let regret = cost.regret(measure::PRICES[0]);
        assert!(regret < 2.4, "{}: {regret:.3} times the least ({cost})", work.name);
    }
}

#[test]
fn the_measure_is_the_one_that_others_were_measured_by() {
    let every_second = |task: &Progress| Duration::from_secs(u64::from(task.polls > 0));
    let costs = measure::of_works(&measure::samples(&work::WORK, 300), |task| {
        task.without_jitter().run(&every_second)
    });
    let worst = measure::PRICES.map(|price| measure::worst(&costs, price));
    assert!((1.75..2.0).contains(&worst[0]) && (3.3..3.7).contains(&worst[1]), "{worst:?}");
}

#[test]
fn a_new_client_polls_well_at_every_scale() {
    regret_is_at_most(1.30, 4_000, 0);
}

#[test]
fn fifty_tasks_teach_it_nearly_all_there_is_to_know() {
    regret_is_at_most(1.15, 400, 50);
}

#[test]
fn the_statuses_are_made_use_of() {
    for (tasks, rounds, lag, requests) in [(0, 10, 0.65, 10.5), (50, 10, 0.45, 9.5)] {
        let cost = measure::adaptive_by_phase(3.0, tasks, rounds, 200);
        // The cost is a few per cent up or down with so few tasks.
        let (lag, requests) = (lag * 1.05, requests * 1.05);
        assert!(cost.lag <= lag && cost.requests <= requests, "after {tasks} tasks: {cost}");
    }
}
