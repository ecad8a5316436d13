use std::f64::consts::TAU;

use fastrand::Rng;

use super::{
    rate::{LONG, LONG_PRIOR},
    *,
};
use Lengths::{Mixed, Pages, Sentences, Short};

/// A voice with lognormal scatter.
#[derive(Clone, Copy)]
struct Voice {
    fixed: f64,
    per_character: f64,
    minimum: f64,
    scatter: f64,
}

impl Voice {
    /// The voice of the simulator in `src/testing/simulator/tone.rs`, with scatter.
    fn simulator(scatter: f64) -> Self {
        Self { fixed: 0.0, per_character: 0.06, minimum: 1.0, scatter }
    }

    /// A voice that is drawn from the prior, without a minimum.
    fn from_prior(rng: &mut Rng, scatter: f64) -> Self {
        let fixed = (LONG_PRIOR.fixed.0 + LONG_PRIOR.fixed.1 * normal(rng)).max(0.0);
        // The lognormal distribution with the mean and the standard deviation of the prior.
        let per_character = 0.0749 * (0.363 * normal(rng)).exp();
        Self { fixed, per_character, minimum: 0.0, scatter }
    }

    fn speak(self, rng: &mut Rng, characters: usize) -> f64 {
        let line = self.fixed + self.per_character * fit::to_f64(characters);
        (line * (self.scatter * normal(rng)).exp()).max(self.minimum)
    }
}

fn normal(rng: &mut Rng) -> f64 {
    (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (TAU * rng.f64()).cos()
}

#[derive(Clone, Copy, Debug)]
enum Lengths {
    Short,
    Sentences,
    Pages,
    Mixed,
}

impl Lengths {
    fn draw(self, rng: &mut Rng) -> usize {
        match self {
            Self::Short => rng.usize(2..LONG),
            Self::Sentences => rng.usize(20..150),
            Self::Pages => rng.usize(3500..=4096),
            Self::Mixed => rng.usize(2..200),
        }
    }
}

fn learn(rng: &mut Rng, voice: Voice, lengths: Lengths, count: usize) -> Rate {
    let mut rate = Rate::default();
    for _ in 0..count {
        let characters = lengths.draw(rng);
        rate.observe(characters, voice.speak(rng, characters));
    }
    rate
}

/// Returns how many of 100 plans of that many texts contain the duration that the texts then have.
fn coverage(rounds: u32, texts: (Lengths, usize), mut voice: impl FnMut(&mut Rng) -> (Voice, Rate)) -> f64 {
    let mut rng = Rng::with_seed(7);
    let hits = (0..rounds).filter(|_| {
        let (voice, rate) = voice(&mut rng);
        let lengths: Vec<_> = (0..texts.1).map(|_| texts.0.draw(&mut rng)).collect();
        let seconds: f64 = lengths.iter().map(|characters| voice.speak(&mut rng, *characters)).sum();
        let estimate = rate.expect(lengths);
        // The simulator without scatter can be predicted up to rounding.
        (estimate.low * (1.0 - 1e-9)..=estimate.high * (1.0 + 1e-9)).contains(&seconds)
    });
    100.0 * f64::from(u32::try_from(hits.count()).unwrap()) / f64::from(rounds)
}

fn after(observed: (Lengths, usize), scatter: f64) -> impl FnMut(&mut Rng) -> (Voice, Rate) {
    move |rng| {
        let voice = Voice::simulator(scatter);
        (voice, learn(rng, voice, observed.0, observed.1))
    }
}

const TEXTS: [usize; 3] = [1, 20, 200];

#[test]
fn range_holds_in_90_to_99_of_100_cases_after_observations() {
    for scatter in [0.1, 0.3] {
        for (count, rounds) in [(5, 500), (50, 500), (1000, 100)] {
            for lengths in [Sentences, Pages] {
                for texts in TEXTS {
                    let found = coverage(rounds, (lengths, texts), after((lengths, count), scatter));
                    let case = format!("scatter {scatter}, {count} observations, {texts} of {lengths:?}");
                    assert!((90.0..=99.0).contains(&found), "{case}: {found}");
                }
            }
        }
    }
}

const OTHER_LENGTHS: [(Lengths, Lengths); 5] =
    [(Sentences, Pages), (Pages, Sentences), (Mixed, Pages), (Short, Sentences), (Mixed, Mixed)];

#[test]
fn range_holds_in_at_least_90_of_100_cases_for_other_lengths_than_observed() {
    for scatter in [0.0, 0.1, 0.3] {
        for (count, rounds) in [(1, 300), (5, 300), (50, 300), (1000, 50)] {
            for (learned, planned) in OTHER_LENGTHS {
                for texts in TEXTS {
                    let found = coverage(rounds, (planned, texts), after((learned, count), scatter));
                    let case = format!("scatter {scatter}, {count} of {learned:?}, {texts} of {planned:?}");
                    assert!(found >= 90.0, "{case}: {found}");
                }
            }
        }
    }
}

#[test]
fn range_of_prior_holds_for_voices_of_the_prior() {
    for scatter in [0.0, 0.1, 0.3] {
        for lengths in [Sentences, Pages] {
            for texts in TEXTS {
                let voice = |rng: &mut Rng| (Voice::from_prior(rng, scatter), Rate::default());
                let found = coverage(1000, (lengths, texts), voice);
                assert!((90.0..=99.0).contains(&found), "scatter {scatter}, {texts} of {lengths:?}: {found}");
            }
        }
    }
}

#[test]
fn range_of_simulator_holds_and_narrows_with_observations() {
    for (count, widest) in [(0, 1.5), (5, 0.4), (50, 0.05), (1000, 0.01)] {
        for lengths in [Sentences, Mixed] {
            let found = coverage(50, (lengths, 200), after((lengths, count), 0.0));
            assert!(found >= 95.0, "{count} of {lengths:?}: {found}");
            let rate = learn(&mut Rng::with_seed(7), Voice::simulator(0.0), lengths, count);
            let Estimate { low, mean, high } = rate.expect((0..200).map(|index| 20 + index % 130));
            assert!((high - low) / mean < widest, "{count} of {lengths:?}: {low} to {high}");
        }
    }
}

#[test]
fn range_of_short_texts_holds_and_is_at_most_slightly_narrow() {
    for scatter in [0.0, 0.1, 0.3] {
        for (count, rounds) in [(5, 500), (50, 500), (1000, 200)] {
            for texts in TEXTS {
                let found = coverage(rounds, (Short, texts), after((Short, count), scatter));
                assert!(found >= 80.0, "scatter {scatter}, {count} observations, {texts} texts: {found}");
            }
        }
    }
}

#[test]
fn scatter_averages_out_but_the_uncertainty_of_the_mean_does_not() {
    let rate = learn(&mut Rng::with_seed(7), Voice::simulator(0.3), Sentences, 20);
    let width = |texts| {
        let Estimate { low, mean, high } = rate.expect((0..texts).map(|_| 80));
        (high - low) / mean
    };
    assert!(width(1) > 2.0 * width(100), "{} {}", width(1), width(100));
    // 0.3/√20 is 7 % of standard deviation.
    assert!((0.2..0.5).contains(&width(100_000)) && width(100_000) > 0.9 * width(1000), "{}", width(100_000));
}

#[test]
fn runaway_speech_hardly_changes_the_estimate() {
    for position in [0, 25, 49] {
        let mut rng = Rng::with_seed(7);
        let (mut clean, mut spoiled) = (Rate::default(), Rate::default());
        for index in 0..50 {
            let characters = Sentences.draw(&mut rng);
            let seconds = Voice::simulator(0.1).speak(&mut rng, characters);
            clean.observe(characters, seconds);
            spoiled.observe(characters, if index == position { 10.0 * seconds } else { seconds });
        }
        let [clean, spoiled] = [clean, spoiled].map(|rate| rate.expect([80; 20]));
        assert!((spoiled.mean / clean.mean - 1.0).abs() < 0.02, "{position}: {clean:?} {spoiled:?}");
        let wider = (spoiled.high - spoiled.low) / (clean.high - clean.low);
        assert!(wider < if position == 0 { 3.0 } else { 1.5 }, "{position}: {wider}");
    }
}

#[test]
fn short_texts_do_not_change_the_estimate_of_long_ones() {
    let mut rng = Rng::with_seed(7);
    let mut rate = learn(&mut rng, Voice::simulator(0.1), Sentences, 50);
    let before = rate.expect([80; 20]);
    (0..1000).for_each(|_| rate.observe(3, 1.0));
    assert_eq!(rate.expect([80; 20]), before);
}

#[test]
fn estimate_follows_a_voice_that_has_changed() {
    let mut rng = Rng::with_seed(7);
    let mut rate = learn(&mut rng, Voice::simulator(0.1), Sentences, 1000);
    let slower = Voice { per_character: 0.09, ..Voice::simulator(0.1) };
    for _ in 0..1000 {
        let characters = Sentences.draw(&mut rng);
        rate.observe(characters, slower.speak(&mut rng, characters));
    }
    let estimate = rate.expect([1000]).mean;
    assert!((85.0..95.0).contains(&estimate), "{estimate}");
}

#[test]
fn mean_is_between_the_ends_of_the_range() {
    for rate in [Rate::default(), learn(&mut Rng::with_seed(7), Voice::simulator(0.1), Mixed, 50)] {
        for characters in [1, 2, 19, 20, 100, 4096] {
            let Estimate { low, mean, high } = rate.expect([characters]);
            assert!(
                0.0 < low && low < mean && mean < high && high < 1000.0,
                "{characters}: {low} {mean} {high}"
            );
        }
        assert_eq!(rate.expect([]), Estimate { low: 0.0, mean: 0.0, high: 0.0 });
    }
}

#[test]
fn invalid_durations_are_ignored() {
    let mut rate = Rate::default();
    for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
        rate.observe(100, seconds);
        rate.observe(5, seconds);
    }
    rate.observe(0, 1.0);
    rate.observe(usize::MAX, 1.0);
    assert_eq!(rate.expect([100, 5]), Rate::default().expect([100, 5]));
}

#[test]
fn stored_rate_is_read_as_it_was_written_and_does_not_grow() {
    let rate = learn(&mut Rng::with_seed(7), Voice::simulator(0.1), Mixed, 10_000);
    let json = serde_json::to_string(&rate).unwrap();
    assert!(json.len() < 500, "{json}");
    let read: Rate = serde_json::from_str(&json).unwrap();
    let [read, written] = [read, rate].map(|rate| rate.expect([5, 80, 4000]).mean);
    assert!((read / written - 1.0).abs() < 1e-12, "{read} {written}");
}

#[test]
fn stored_rate_has_stable_names_and_unknown_ones_are_ignored() {
    let long = r#"{"n":1.0,"n2":1.0,"s11":0.01,"s22":100.0,"s12":1.0,"t1":0.1,"t2":10.0,"uu":1.0,"later":7}"#;
    let rate: Rate = serde_json::from_str(&format!(r#"{{"long":{long},"later":[]}}"#)).unwrap();
    assert_ne!(rate.expect([100]), Rate::default().expect([100]));
    let written = serde_json::to_value(&rate).unwrap();
    assert_eq!(written["long"]["s22"], 100.0);
    assert_eq!(written["short"]["n"], 0.0);
}

#[test]
fn invalid_content_of_a_stored_rate_counts_as_nothing_learned() {
    let sums = |n: &str, s12: &str, uu: &str| {
        format!(r#"{{"n":{n},"n2":1.0,"s11":0.01,"s22":100.0,"s12":{s12},"t1":0.1,"t2":10.0,"uu":{uu}}}"#)
    };
    let default = Rate::default().expect([100]);
    let read =
        |long: &str| serde_json::from_str::<Rate>(&format!(r#"{{"long":{long}}}"#)).unwrap().expect([100]);
    assert_ne!(read(&sums("1.0", "1.0", "1.0")), default);
    for invalid in [
        sums("1e300", "1.0", "1.0"),
        sums("201.0", "1.0", "1.0"),
        sums("-1.0", "1.0", "1.0"),
        sums("1.0", "-1.0", "1.0"),
        sums("0.5", "1.0", "1.0"),
        sums("1.0", "2.0", "1.0"),
        sums("1.0", "1.0", "0.5"),
        sums("1.0", "1.0", "null"),
        sums("1.0", "1.0", "\"1\""),
        r#"{"n":1.0}"#.to_owned(),
        "null".to_owned(),
        "7".to_owned(),
    ] {
        assert_eq!(read(&invalid), default, "{invalid}");
    }
}

#[test]
fn quantile_of_students_distribution_matches_the_tables() {
    for (freedom, expected) in [(3.0, 3.182), (4.0, 2.776), (10.0, 2.228), (100.0, 1.984), (1e9, 1.96)] {
        let found = expected::student(freedom);
        assert!((found - expected).abs() < 0.03, "{freedom}: {found}");
    }
}
