use super::*;

const PRIORS: &[Prior] = &[Prior { weight: 1.0, median: 10.0, width: 1.0 }];

/// Factors with a median of 1, in an order that says nothing.
const NOISE: [f64; 9] = [1.0, 0.9, 1.15, 1.05, 0.85, 0.95, 1.1, 0.98, 1.02];

fn model_after(seconds: &[f64], times: usize) -> DurationModel {
    let mut model = DurationModel::new(PRIORS);
    for _ in 0..times {
        for duration in seconds {
            model.learn(*duration, *duration);
        }
    }
    model
}

fn median(model: &DurationModel) -> f64 {
    model.quantile(0.5)
}

#[track_caller]
fn assert_close(value: f64, expected: f64, part: f64) {
    assert!((value / expected - 1.0).abs() < part, "{value} is not within {part} of {expected}");
}

#[test]
fn first_delay_ends_shortly_before_learned_duration() {
    let model = model_after(&[5.0], 50);
    let first = model.delay(0.0, 0.05);
    assert!((3.0..5.0).contains(&first), "{first}");
    assert!(model.delay(5.0, 0.05) < 0.5);
}

#[test]
fn equal_durations_give_later_first_poll_than_different_ones() {
    let equal = model_after(&NOISE.map(|noise| 20.0 * (1.0 + 0.2 * (noise - 1.0))), 6);
    let different = model_after(&NOISE.map(|noise| 20.0 * (1.0 + 4.0 * (noise - 1.0))), 6);
    let first = |model: &DurationModel| model.delay(0.0, 0.2);
    assert!(first(&equal) > 17.0 && first(&different) < 11.0, "{} {}", first(&equal), first(&different));
}

#[test]
fn learn_after_server_change_forgets_old_durations() {
    for factor in [0.5, 2.0] {
        let mut model = model_after(&NOISE.map(|noise| 10.0 * noise), 20);
        for noise in &NOISE[..4] {
            model.learn(10.0 * factor * noise, 10.0 * factor * noise);
        }
        assert_close(median(&model), 10.0 * factor, 0.1);
    }
}

#[test]
fn slow_change_is_followed() {
    // Too wide for a change to be detected.
    let mut model = model_after(&[2.0, 20.0], 300);
    for seconds in [4.0, 40.0].repeat(100) {
        model.learn(seconds, seconds);
    }
    assert_close(model.quantile(0.75), 40.0, 0.15);
}

#[test]
fn learn_range_spreads_weight_over_it() {
    let mut model = DurationModel::new(PRIORS);
    (0..50).for_each(|_| model.learn(10.0, 30.0));
    let (low, high) = (model.quantile(0.1), model.quantile(0.9));
    assert!((9.0..15.0).contains(&low) && (25.0..36.0).contains(&high), "{low} {high}");
}

#[test]
fn extreme_durations_keep_delay_and_likelihood_valid() {
    for seconds in [0.0, 1e-300, 3_600.0, f64::MAX, f64::NAN] {
        let model = model_after(&[seconds], 140);
        for age in [0.0, 1e-9, 0.05, 1.0, 3_599.0, 3_600.0, 1e9] {
            let delay = model.delay(age, 0.05);
            assert!(delay > 0.0 && delay.is_finite(), "{delay} at {age} after {seconds}");
            let likelihood = model.likelihood(age, age + 1.0);
            assert!((0.0..=1.0).contains(&likelihood), "{likelihood} at {age} after {seconds}");
        }
    }
}
