use super::*;

const PRIORS: &[Prior] = &[Prior { weight: 1.0, median: 10.0, width: 1.0 }];

/// Factors with a median of 1, in an order that says nothing.
const NOISE: [f64; 9] = [1.0, 0.9, 1.15, 1.05, 0.85, 0.95, 1.1, 0.98, 1.02];

fn model_after(seconds: &[f64], times: usize) -> DurationModel {
    let mut model = DurationModel::new(PRIORS);
    for _ in 0..times {
        for duration in seconds {
            model.learn(*duration, *duration, None);
        }
    }
    model
}

fn seconds_of(characters: u32) -> f64 {
    0.5 + 0.006 * f64::from(characters)
}

/// Learns tasks whose durations depend on the length of the text.
fn learn_lengths(model: &mut DurationModel, count: usize, factor: f64) {
    let lengths = [300, 40, 2_500, 900, 20, 4_000, 150, 1_300, 70, 600];
    for (characters, noise) in lengths.iter().cycle().zip(NOISE.iter().cycle()).take(count) {
        let seconds = factor * noise * seconds_of(*characters);
        model.learn(seconds, seconds, Some(*characters));
    }
}

fn median(model: &DurationModel, characters: Option<u32>) -> f64 {
    model.given(characters).quantile(0.5)
}

#[track_caller]
fn assert_close(value: f64, expected: f64, part: f64) {
    assert!((value / expected - 1.0).abs() < part, "{value} is not within {part} of {expected}");
}

#[test]
fn first_delay_ends_shortly_before_learned_duration() {
    let model = model_after(&[5.0], 50);
    let first = model.given(None).delay(0.0, 0.05);
    assert!((3.0..5.0).contains(&first), "{first}");
    assert!(model.given(None).delay(5.0, 0.05) < 0.5);
}

#[test]
fn equal_durations_give_later_first_poll_than_different_ones() {
    let equal = model_after(&NOISE.map(|noise| 20.0 * (1.0 + 0.2 * (noise - 1.0))), 6);
    let different = model_after(&NOISE.map(|noise| 20.0 * (1.0 + 4.0 * (noise - 1.0))), 6);
    let first = |model: &DurationModel| model.given(None).delay(0.0, 0.2);
    assert!(first(&equal) > 17.0 && first(&different) < 11.0, "{} {}", first(&equal), first(&different));
}

#[test]
fn learned_lengths_predict_durations() {
    let mut model = DurationModel::new(PRIORS);
    learn_lengths(&mut model, 50, 1.0);
    for characters in [20, 100, 500, 2_000, 4_000] {
        assert_close(median(&model, Some(characters)), seconds_of(characters), 0.12);
        let likelihood = model.given(Some(characters)).likelihood(0.0, 1.4 * seconds_of(characters));
        assert!(likelihood > 0.9, "{likelihood} for {characters}");
    }
}

#[test]
fn all_values_are_in_seconds_for_every_scale() {
    let model = model_after(&NOISE.map(|noise| 10.0 * noise), 5);
    let (one, four) = (model.given(None), Conditional { scale: 4.0, ..model.given(None) });
    assert_close(four.delay(36.0, 0.2), 4.0 * one.delay(9.0, 0.05), 1e-9);
    assert_close(four.likelihood(36.0, 40.0), one.likelihood(9.0, 10.0), 1e-9);
    assert_close(four.quantile(0.5), 4.0 * one.quantile(0.5), 1e-9);
    assert_close(four.median_after(36.0), 4.0 * one.median_after(9.0), 1e-9);
}

#[test]
fn task_of_unknown_length_uses_all_durations() {
    let mut model = DurationModel::new(PRIORS);
    learn_lengths(&mut model, 50, 1.0);
    let without = {
        let mut model = DurationModel::new(PRIORS);
        for (least, most) in [(1.0, 1.0), (4.0, 4.0), (16.0, 16.0)].repeat(20) {
            model.learn(least, most, None);
        }
        model
    };
    assert!((2.0..6.0).contains(&median(&model, None)), "{}", median(&model, None));
    // Without learned lengths, the length of a text makes no difference.
    assert_close(median(&without, Some(4_000)), median(&without, None), 1e-9);
}

#[test]
fn lengths_that_say_nothing_change_nothing() {
    let (mut with, mut without) = (DurationModel::new(PRIORS), DurationModel::new(PRIORS));
    let lengths = [300, 40, 2_500, 900, 20, 4_000, 150, 1_300, 70, 600];
    for (characters, noise) in lengths.iter().cycle().zip(NOISE.iter().cycle()).take(100) {
        with.learn(20.0 * noise, 20.0 * noise, Some(*characters));
        without.learn(20.0 * noise, 20.0 * noise, None);
        for (age, characters) in [(0.0, 20), (10.0, 500), (18.0, 4_000), (60.0, 100)] {
            let delay = |model: &DurationModel| model.given(Some(characters)).delay(age, 0.05);
            assert_close(delay(&with), delay(&without), 1e-9);
        }
    }
}

#[test]
fn learn_after_server_change_forgets_old_durations() {
    for factor in [0.5, 2.0] {
        let mut model = model_after(&NOISE.map(|noise| 10.0 * noise), 20);
        for noise in &NOISE[..4] {
            model.learn(10.0 * factor * noise, 10.0 * factor * noise, None);
        }
        assert_close(median(&model, None), 10.0 * factor, 0.1);
    }
}

#[test]
fn effect_of_length_survives_server_change() {
    for factor in [0.5, 2.0] {
        let mut model = DurationModel::new(PRIORS);
        learn_lengths(&mut model, 60, 1.0);
        learn_lengths(&mut model, 4, factor);
        for characters in [20, 500, 4_000] {
            assert_close(median(&model, Some(characters)), factor * seconds_of(characters), 0.25);
        }
    }
}

#[test]
fn slow_change_is_followed() {
    // Too wide for a change to be detected.
    let mut model = model_after(&[2.0, 20.0], 300);
    for seconds in [4.0, 40.0].repeat(100) {
        model.learn(seconds, seconds, None);
    }
    assert_close(model.given(None).quantile(0.75), 40.0, 0.15);
}

#[test]
fn learn_range_spreads_weight_over_it() {
    let mut model = DurationModel::new(PRIORS);
    (0..50).for_each(|_| model.learn(10.0, 30.0, None));
    let (low, high) = (model.given(None).quantile(0.1), model.given(None).quantile(0.9));
    assert!((9.0..15.0).contains(&low) && (25.0..36.0).contains(&high), "{low} {high}");
}

#[test]
fn extreme_durations_keep_delay_and_likelihood_valid() {
    for seconds in [0.0, 1e-300, 3_600.0, f64::MAX, f64::NAN] {
        for length in [None, Some(0), Some(u32::MAX)] {
            let mut model = DurationModel::new(PRIORS);
            learn_lengths(&mut model, 20, 1.0);
            for _ in 0..40 {
                model.learn(seconds, seconds, length);
            }
            let given = model.given(length);
            for age in [0.0, 1e-9, 0.05, 1.0, 3_599.0, 3_600.0, 1e9] {
                let delay = given.delay(age, 0.05);
                assert!(delay > 0.0 && delay.is_finite(), "{delay} at {age} after {seconds}, {length:?}");
                let likelihood = given.likelihood(age, age + 1.0);
                assert!((0.0..=1.0).contains(&likelihood), "{likelihood} at {age} after {seconds}");
                let median = given.median_after(age);
                assert!(median >= age && median.is_finite(), "{median} at {age} after {seconds}");
            }
        }
    }
}

#[test]
fn equal_durations_after_server_change_forget_old_ones() {
    // The first of them must not make the next one expected.
    for factor in [0.5, 2.0] {
        let mut model = model_after(&[10.0], 20);
        (0..4).for_each(|_| model.learn(10.0 * factor, 10.0 * factor, None));
        assert_close(median(&model, None), 10.0 * factor, 0.1);
    }
}
