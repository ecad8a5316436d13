//! The cost of polling: the targets of `cargo bench --bench pacing` on a smaller scale.

use std::time::Duration;

use distribute_ai::pacing::from_fn;

#[path = "../../benches/pacing/length.rs"]
mod length;
#[path = "../../benches/pacing/measure.rs"]
mod measure;
#[path = "../../benches/pacing/work.rs"]
mod work;

#[track_caller]
fn assert_regret_at_most(limit: f64, count: usize, tasks: usize) {
    let samples = measure::samples(&work::WORKLOADS, count);
    for price in measure::PRICES {
        let costs = measure::adaptive(&samples, price, tasks);
        for (work, cost) in work::WORKLOADS.iter().zip(&costs) {
            println!("{} at {price}: {:.3} times the minimum ({cost})", work.name, cost.regret(price));
        }
        assert!(measure::worst(&costs, price) <= limit);
    }
}

#[test]
fn pacing_learns_tasks_of_any_length() {
    let costs = measure::adaptive(&measure::samples(&work::OTHER_WORKLOADS, 200), measure::PRICES[0], 50);
    for (work, cost) in work::OTHER_WORKLOADS.iter().zip(&costs) {
        let regret = cost.regret(measure::PRICES[0]);
        assert!(regret < 2.4, "{}: {regret:.3} times the minimum ({cost})", work.name);
    }
}

#[test]
fn pacing_measure_reproduces_known_cost_of_fixed_interval() {
    let every_second = from_fn(|task| Duration::from_secs(u64::from(task.polls > 0)));
    let costs = measure::measure_each(&measure::samples(&work::WORKLOADS, 300), |task| {
        task.without_jitter().run(&every_second)
    });
    let worst = measure::PRICES.map(|price| measure::worst(&costs, price));
    assert!((1.75..2.0).contains(&worst[0]) && (3.3..3.7).contains(&worst[1]), "{worst:?}");
}

#[test]
fn pacing_of_new_client_has_low_cost_at_every_scale() {
    assert_regret_at_most(1.30, 4_000, 0);
}

#[test]
fn pacing_after_fifty_tasks_has_nearly_minimal_cost() {
    assert_regret_at_most(1.15, 400, 50);
}

#[test]
fn pacing_learns_narrow_durations() {
    let costs = measure::adaptive(&measure::samples(&work::OTHER_WORKLOADS, 1_000), measure::PRICES[0], 50);
    let regret = costs[1].regret(measure::PRICES[0]);
    assert!(regret <= 1.4, "{}: {regret:.3} times the minimum", work::OTHER_WORKLOADS[1].name);
}

#[test]
fn pacing_after_fifty_tasks_knows_effect_of_length() {
    for (noise, limit) in length::NOISES.into_iter().zip([1.3, 1.15, 1.15]) {
        let (cost, ratio) = length::with_lengths(noise, true, 50, 20, 7);
        assert!(ratio <= limit, "noise {noise}: {ratio:.3} times the minimum ({cost})");
        let (_, without) = length::with_lengths(noise, false, 50, 20, 7);
        assert!(ratio < 0.85 * without, "noise {noise}: {ratio:.3}, without the length {without:.3}");
    }
}

#[test]
fn pacing_with_known_lengths_costs_less_for_every_length() {
    for cost in length::by_length(0.25, &[20, 300, 4_000], 10, 7) {
        let [unknown, known] =
            [0, 1].map(|index| cost.lag[index] + measure::PRICES[0] * cost.requests[index]);
        assert!(known < 0.9 * unknown, "{} characters: {known:.3} instead of {unknown:.3}", cost.characters);
    }
}

#[test]
fn pacing_with_lengths_that_say_nothing_is_as_good_as_without() {
    let samples = measure::samples(&work::WORKLOADS, 400);
    let costs = [false, true].map(|known| length::with_unrelated_lengths(&samples, known, 50, 10));
    for ((work, without), with) in work::WORKLOADS.iter().zip(costs[0]).zip(costs[1]) {
        assert!(with <= 1.04 * without, "{}: {with:.3}, without lengths {without:.3}", work.name);
    }
}

#[test]
fn pacing_follows_server_that_changes() {
    for factor in [0.5, 2.0] {
        let cost =
            length::ChangeCost::measure(|random| length::draw_task(0.25, random), factor, false, 20, 7);
        let tasks = cost.tasks_until_warm().expect("within 140 tasks");
        assert!(tasks <= 25 && cost.first_ten() < 2.4, "factor {factor}: {tasks}, {:.2}", cost.first_ten());
    }
}

#[test]
fn pacing_of_programs_with_a_store_follows_server_that_changes() {
    let cost = length::ChangeCost::measure(|random| length::draw_task(0.25, random), 0.5, true, 5, 7);
    let tasks = cost.tasks_until_warm().expect("within 140 tasks");
    assert!(tasks <= 25 && cost.first_ten() < 2.4, "{tasks}, {:.2}", cost.first_ten());
}

#[test]
fn pacing_of_program_with_one_text_is_warm_with_a_store() {
    let [cold, warm] = [0, 50].map(|tasks| length::one_text_programs(0.25, tasks, 150, 7).1);
    // With so few tasks, the ratio varies by a tenth.
    assert!(warm < 1.3 && cold > 1.4 * warm, "{cold:.3} without a store, {warm:.3} with one");
}

#[test]
fn pacing_uses_task_statuses() {
    for (tasks, rounds, lag, requests) in [(0, 10, 0.65, 10.5), (50, 10, 0.45, 9.5)] {
        let cost = measure::adaptive_with_phases(3.0, tasks, rounds, 200);
        // With so few tasks, the cost varies by a few per cent.
        let (lag, requests) = (lag * 1.05, requests * 1.05);
        assert!(cost.lag <= lag && cost.requests <= requests, "after {tasks} tasks: {cost}");
    }
}
