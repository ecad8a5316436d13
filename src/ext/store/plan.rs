//! The requests that a batch or a long text would submit, and their expected cost.

use std::{collections::HashMap, fmt, ops::RangeInclusive, time::Duration};

use super::rates::{Estimate, Expected, Rate};

/// The API bills each request for at least this many seconds.
pub(crate) const BILLED_AT_LEAST: f64 = 1.0;

/// The requests that a batch or a long text would submit, from [`Batch::plan`](crate::batch::Batch::plan) and
/// [`InPieces::plan`](crate::long_text::InPieces::plan). Making a plan sends nothing.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::testing::Simulator::start().await?;
/// # let directory = tempfile::tempdir()?;
/// let client = simulator.client_builder().store(directory.path()).build()?;
/// client.speak("Good morning.").await?;
///
/// let lines = ["Good morning.", "Good night.", "Good night."];
/// let plan = client.batch(lines.into_iter().enumerate()).plan().await?;
/// assert_eq!((plan.stored, plan.new, plan.repeated), (1, 1, 1));
/// println!("{plan}");
/// println!("{:.3?} dollars", plan.cost(0.003));
/// # assert_eq!(simulator.creates(), 1);
/// # Ok(()) }
/// ```
///
/// `Display` writes all of it except the cost, as one paragraph.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// The number of requests whose speech is finished. They are not billed again. Audio that is not in the store is
    /// downloaded again.
    pub stored: usize,
    /// The number of requests with a task id and without a result, or that another call of this process is submitting. They are
    /// waited for, and not billed again.
    pub submitted: usize,
    /// The number of requests that the server may have accepted in an earlier run. They are not sent until you
    /// [settle](super::Store::settle) them or allow a [resubmission](crate::Speak::resubmit_in_doubt). A request with an
    /// allowed resubmission counts as `new`.
    pub in_doubt: usize,
    /// The number of requests that would be submitted, each at least once.
    pub new: usize,
    /// The number of requests that equal an earlier request of the plan and are not submitted. Without a store, this
    /// number is 0, and each of them counts as `new`.
    pub repeated: usize,
    /// The number of requests whose text or option is invalid. They are not sent: each ends with an error.
    pub invalid: usize,
    /// The number of characters of the new requests.
    pub characters: usize,
    /// The expected duration of the audio of the new requests, in seconds.
    ///
    /// The range is learned from the speeches in the store, separately for each API, model and voice. Before there are any,
    /// it is wide: the highest is about four times the lowest, or more for a single text.
    ///
    /// In simulations, the range holds in 90 to 99 of 100 cases, and in at least 80 if all texts have fewer than 20
    /// characters. For scripts such as Chinese, it holds only after the first speeches.
    pub seconds: RangeInclusive<f64>,
    /// The expected time until the new requests are finished, with the limits of the job for requests in flight and per
    /// second.
    ///
    /// The client learns how long tasks take, and the [store](super::Store) keeps it for the next process. `None` if
    /// nothing is known yet. If the lengths of the texts differ much, a job with few texts takes longer.
    pub time: Option<Duration>,
    billed_seconds: RangeInclusive<f64>,
}

impl Plan {
    /// Returns the expected cost of the new requests, at a price per second of audio.
    ///
    /// The API bills at least one second for each request. The cost has the unit of the price. It does not include
    /// requests that fail and are submitted again.
    #[must_use]
    pub fn cost(&self, price_per_second: f64) -> RangeInclusive<f64> {
        self.billed_seconds.start() * price_per_second..=self.billed_seconds.end() * price_per_second
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stored, submitted, in_doubt, new, repeated, invalid, characters, .. } = self;
        write!(f, "Requests: {stored} stored, {submitted} submitted, {in_doubt} in doubt, {new} new")?;
        if *repeated > 0 {
            write!(f, ", {repeated} repeated")?;
        }
        if *invalid > 0 {
            write!(f, ", {invalid} invalid")?;
        }
        f.write_str(".")?;
        if *new > 0 {
            let (low, high) = (self.seconds.start(), self.seconds.end());
            write!(f, " The new ones have {characters} characters, and their audio is expected to last ")?;
            match high {
                ..180.0 => write!(f, "{:.0} to {:.0} seconds.", low.floor(), high.ceil()),
                ..10_800.0 => write!(f, "{:.1} to {:.1} minutes.", low / 60.0, high / 60.0),
                _ => write!(f, "{:.1} to {:.1} hours.", low / 3600.0, high / 3600.0),
            }?;
            if let Some(time) = self.time.map(|time| time.as_secs_f64()) {
                f.write_str(" They are expected to be finished after ")?;
                match time {
                    ..180.0 => write!(f, "{:.0} seconds.", time.ceil()),
                    ..10_800.0 => write!(f, "{:.1} minutes.", time / 60.0),
                    _ => write!(f, "{:.1} hours.", time / 3600.0),
                }?;
            }
        }
        Ok(())
    }
}

/// Makes a [`Plan`] from requests, one after another. It keeps only sums.
#[derive(Default)]
pub(crate) struct PlanBuilder {
    pub(crate) stored: usize,
    pub(crate) submitted: usize,
    pub(crate) in_doubt: usize,
    new: usize,
    pub(crate) repeated: usize,
    pub(crate) invalid: usize,
    characters: usize,
    /// The audio of the new requests for each rate, and the audio that is billed.
    expected: HashMap<String, (Expected, Expected)>,
}

impl PlanBuilder {
    /// Adds a request with what is known about the duration of its speech. All requests with one `rate_name` have one rate.
    pub(crate) fn add_new(&mut self, characters: usize, rate_name: &str, rate: &Rate) {
        self.new += 1;
        self.characters += characters;
        if !self.expected.contains_key(rate_name) {
            let expected = (Expected::new(rate, 0.0), Expected::new(rate, BILLED_AT_LEAST));
            self.expected.insert(rate_name.to_owned(), expected);
        }
        if let Some((audio, billed)) = self.expected.get_mut(rate_name) {
            audio.add(characters);
            billed.add(characters);
        }
    }

    pub(crate) fn build(self) -> Plan {
        let Self { stored, submitted, in_doubt, new, repeated, invalid, characters, expected } = self;
        let audio = Estimate::of_all(expected.values().map(|(audio, _)| audio));
        let billed = Estimate::of_all(expected.values().map(|(_, billed)| billed));
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let minimum = new as f64 * BILLED_AT_LEAST;
        // Whatever is spoken is billed, so the lowest cost follows from the audio, whose estimate is the better one.
        let billed_seconds = audio.low.max(minimum)..=billed.high.max(audio.high).max(minimum);
        let seconds = audio.low..=audio.high;
        let time = None;
        Plan {
            stored,
            submitted,
            in_doubt,
            new,
            repeated,
            invalid,
            characters,
            seconds,
            time,
            billed_seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rate that was learned from speeches of 0.06 seconds per character and at least one second.
    fn learned() -> Rate {
        let mut rate = Rate::default();
        for characters in (2..402).chain(2..402) {
            rate.observe(characters, (f64::from(u16::try_from(characters).unwrap()) * 0.06).max(1.0));
        }
        rate
    }

    fn is_within(range: &RangeInclusive<f64>, low: f64, high: f64) -> bool {
        low <= *range.start() && *range.end() <= high
    }

    #[test]
    fn plan_counts_requests_and_characters_of_new_ones() {
        let mut builder =
            PlanBuilder { stored: 1, submitted: 2, in_doubt: 3, repeated: 1, ..Default::default() };
        for characters in [100, 20, 3, 300] {
            builder.add_new(characters, "nora", &learned());
        }
        let plan = builder.build();
        assert_eq!((plan.stored, plan.submitted, plan.in_doubt, plan.new, plan.repeated), (1, 2, 3, 4, 1));
        assert_eq!((plan.characters, plan.invalid), (423, 0));
        assert!(plan.seconds.contains(&26.2) && is_within(&plan.seconds, 25.0, 28.0), "{plan:?}");
        let text = plan.to_string();
        assert!(
            text.starts_with("Requests: 1 stored, 2 submitted, 3 in doubt, 4 new, 1 repeated. "),
            "{text}"
        );
        assert!(
            text.contains("423 characters, and their audio is expected to last 25 to 27 seconds."),
            "{text}"
        );
    }

    #[test]
    fn plan_shows_expected_time_in_a_suitable_unit() {
        let mut builder = PlanBuilder::default();
        builder.add_new(100, "nora", &learned());
        let plan = builder.build();
        for (seconds, expected) in [(2.2, "3 seconds."), (240.0, "4.0 minutes."), (21_600.0, "6.0 hours.")] {
            let plan = Plan { time: Some(Duration::from_secs_f64(seconds)), ..plan.clone() };
            let text = plan.to_string();
            assert!(
                text.ends_with(&format!(" seconds. They are expected to be finished after {expected}")),
                "{text}"
            );
        }
        assert!(!plan.to_string().contains("finished"), "{plan}");
    }

    #[test]
    fn plan_without_new_requests_costs_nothing() {
        let plan = PlanBuilder { stored: 1, ..PlanBuilder::default() }.build();
        assert_eq!((plan.seconds.clone(), plan.cost(1.0)), (0.0..=0.0, 0.0..=0.0));
        assert_eq!(plan.to_string(), "Requests: 1 stored, 0 submitted, 0 in doubt, 0 new.");
    }

    #[test]
    fn cost_bills_each_request_for_minimum_one_second() {
        // A voice that speaks a short text in a quarter of a second.
        let mut rate = Rate::default();
        (0..200).for_each(|_| rate.observe(5, 0.25));
        let mut builder = PlanBuilder::default();
        (0..1000).for_each(|_| builder.add_new(5, "fast", &rate));
        let plan = builder.build();
        assert!(plan.seconds.contains(&250.0) && is_within(&plan.seconds, 240.0, 260.0), "{plan:?}");
        let cost = plan.cost(0.003);
        assert!(cost.contains(&3.0) && is_within(&cost, 2.999_999, 3.01), "{cost:?}");
    }

    #[test]
    fn cost_of_long_texts_is_their_duration_times_the_price() {
        let mut builder = PlanBuilder::default();
        (0..50).for_each(|_| builder.add_new(300, "nora", &learned()));
        let plan = builder.build();
        let cost = plan.cost(0.003);
        let close = |cost: &f64, seconds: &f64| (cost / 0.003 / seconds - 1.0).abs() < 1e-9;
        assert!(
            close(cost.start(), plan.seconds.start()) && close(cost.end(), plan.seconds.end()),
            "{plan:?}"
        );
    }

    #[test]
    fn requests_of_two_voices_are_expected_by_their_own_rates() {
        let mut slow = Rate::default();
        (0..200).for_each(|_| slow.observe(100, 20.0));
        let mut builder = PlanBuilder::default();
        for _ in 0..100 {
            builder.add_new(100, "nora", &learned());
            builder.add_new(100, "slow", &slow);
        }
        let plan = builder.build();
        assert!(plan.seconds.contains(&2600.0) && is_within(&plan.seconds, 2550.0, 2650.0), "{plan:?}");
        assert!(plan.to_string().contains(" to 43."), "{plan}");
    }

    #[test]
    fn unknown_voice_widens_the_range() {
        let mut builder = PlanBuilder::default();
        (0..100).for_each(|_| builder.add_new(100, "unknown", &Rate::default()));
        let plan = builder.build();
        let (low, high) = (plan.seconds.start(), plan.seconds.end());
        assert!(high / low > 3.5 && plan.seconds.contains(&600.0), "{plan:?}");
    }
}
