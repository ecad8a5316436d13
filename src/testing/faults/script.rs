//! Which of many something happens to: requests, or tasks.

use std::time::Duration;

use tokio::time::Instant;

use super::{fault::Fault, route::Route};

/// Which requests of a [`Route`] meet which [`Fault`], or which tasks meet which
/// [`TaskOutcome`](super::TaskOutcome).
///
/// All of them are counted from 1, and from the moment the script is set: with the builder from the start, with
/// [`Simulator::script`](super::Simulator::script) from the call. Those that the script says nothing about are
/// answered properly. The third poll is to fail:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::{Fault, Route, Script, Simulator};
///
/// let simulator = Simulator::start().await?;
/// simulator.script(Route::Result, Script::nth(3, Fault::status(503)));
///
/// let speech = simulator.client().speak("Hello").await?;
///
/// assert!(simulator.polls() > 3, "the fault was waited out");
/// assert_eq!(simulator.faults(), 1);
/// # Ok(()) }
/// ```
///
/// All the ways to choose:
///
/// ```
/// use distribute_ai::testing::{Fault, Script};
/// use std::time::Duration;
///
/// let fault = || Fault::status(503);
/// let never = Script::<Fault>::nothing();
/// let always = Script::always(fault());
/// let the_third = Script::nth(3, fault());
/// let the_first_three = Script::next(3, fault());
/// let from_the_third_on = Script::from_nth(3, fault());
/// let the_second_and_the_third = Script::steps([None, Some(fault()), Some(fault())]);
/// let for_two_seconds = Script::during(Duration::from_secs(2), fault());
/// let one_in_five = Script::random(7, 0.2, [fault(), Fault::reset()]);
/// let both = the_third.and(one_in_five);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a script does nothing until the simulator is told what for"]
pub struct Script<T = Fault> {
    rules: Vec<Rule<T>>,
}

#[derive(Clone, Debug)]
enum Rule<T> {
    /// From the first to the last, both included.
    Between(u64, u64, T),
    Steps(Vec<Option<T>>),
    During(Duration, T),
    Random {
        dice: fastrand::Rng,
        probability: f64,
        choices: Vec<T>,
    },
}

impl<T: Clone> Script<T> {
    /// Nothing happens to anybody.
    pub fn nothing() -> Self {
        Self { rules: Vec::new() }
    }

    /// To the `n`th only.
    ///
    /// # Panics
    ///
    /// For `n` of 0: the first is 1.
    #[track_caller]
    pub fn nth(n: u64, what: T) -> Self {
        assert!(n > 0, "they are counted from 1");
        Self::of(Rule::Between(n, n, what))
    }

    /// To the next `n`, and to none after them.
    pub fn next(n: u64, what: T) -> Self {
        Self::of(Rule::Between(1, n, what))
    }

    /// To the `n`th and all after it.
    ///
    /// # Panics
    ///
    /// For `n` of 0: the first is 1.
    #[track_caller]
    pub fn from_nth(n: u64, what: T) -> Self {
        assert!(n > 0, "they are counted from 1");
        Self::of(Rule::Between(n, u64::MAX, what))
    }

    /// To all, until the simulator is told otherwise.
    pub fn always(what: T) -> Self {
        Self::from_nth(1, what)
    }

    /// To all that come within this time, on tokio's clock, from the moment the script is set.
    ///
    /// With a [`Fault::status`] of 503 this is an outage behind a load balancer, which still answers. One where nobody
    /// listens is [`Simulator::down_for`](super::Simulator::down_for).
    pub fn during(time: Duration, what: T) -> Self {
        Self::of(Rule::During(time, what))
    }

    /// One by one; none stands for "answered properly", as do those after the last.
    pub fn steps(steps: impl IntoIterator<Item = Option<T>>) -> Self {
        Self::of(Rule::Steps(steps.into_iter().collect()))
    }

    /// To each with this probability, from 0 to 1, and one of these, each as likely.
    ///
    /// The same seed decides the same for the first, the second and so on, in every run; which request is the second
    /// is another matter where several are on their way at once.
    ///
    /// # Panics
    ///
    /// For a probability outside 0 to 1 or NaN, and for nothing to choose from.
    #[track_caller]
    pub fn random(seed: u64, probability: f64, choices: impl IntoIterator<Item = T>) -> Self {
        let choices: Vec<T> = choices.into_iter().collect();
        assert!((0.0..=1.0).contains(&probability), "a probability of {probability} is not one from 0 to 1");
        assert!(!choices.is_empty(), "there must be something to choose from");
        Self::of(Rule::Random { dice: fastrand::Rng::with_seed(seed), probability, choices })
    }

    /// Both scripts at once: each counts all, and the first that has something to say is heard.
    pub fn and(mut self, other: Self) -> Self {
        self.rules.extend(other.rules);
        self
    }

    fn of(rule: Rule<T>) -> Self {
        Self { rules: vec![rule] }
    }
}

impl Script {
    /// # Panics
    ///
    /// When one of its faults cannot happen there.
    #[track_caller]
    pub(crate) fn assert_fits(&self, route: Route) {
        for rule in &self.rules {
            match rule {
                Rule::Between(_, _, fault) | Rule::During(_, fault) => fault.assert_fits(route),
                Rule::Steps(steps) => steps.iter().flatten().for_each(|fault| fault.assert_fits(route)),
                Rule::Random { choices, .. } => choices.iter().for_each(|fault| fault.assert_fits(route)),
            }
        }
    }
}

impl<T: Clone> Default for Script<T> {
    fn default() -> Self {
        Self::nothing()
    }
}

/// A script at work.
#[derive(Debug)]
pub(crate) struct ActiveScript<T> {
    script: Script<T>,
    since: Instant,
    seen: u64,
}

impl<T: Clone> ActiveScript<T> {
    pub(crate) fn new(script: Script<T>) -> Self {
        Self { script, since: Instant::now(), seen: 0 }
    }

    /// What happens to the next one.
    pub(crate) fn next(&mut self) -> Option<T> {
        self.seen += 1;
        let (nth, age) = (self.seen, self.since.elapsed());
        // Every rule has its turn, also after one that is heard: dice fall the same whatever stands beside them.
        self.script.rules.iter_mut().fold(None, |first, rule| {
            let what = rule.turn(nth, age);
            first.or_else(|| what.cloned())
        })
    }
}

impl<T> Rule<T> {
    fn turn(&mut self, nth: u64, age: Duration) -> Option<&T> {
        match self {
            Self::Between(first, last, what) => (*first..=*last).contains(&nth).then_some(what),
            Self::Steps(steps) => steps.get(usize::try_from(nth).ok()? - 1)?.as_ref(),
            Self::During(time, what) => (age < *time).then_some(what),
            Self::Random { dice, probability, choices } => {
                let (throw, choice) = (dice.f64(), dice.usize(..choices.len()));
                (throw < *probability).then(|| &choices[choice])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens to the first ten; `.` is nothing.
    fn first_ten(script: Script<char>) -> String {
        let mut playing = ActiveScript::new(script);
        (0..10).map(|_| playing.next().unwrap_or('.')).collect()
    }

    #[test]
    fn it_happens_to_those_that_the_script_names() {
        for (script, expected) in [
            (Script::nothing(), ".........."),
            (Script::nth(1, 'a'), "a........."),
            (Script::nth(3, 'a'), "..a......."),
            (Script::next(0, 'a'), ".........."),
            (Script::next(3, 'a'), "aaa......."),
            (Script::from_nth(8, 'a'), ".......aaa"),
            (Script::always('a'), "aaaaaaaaaa"),
            (Script::steps([None, Some('a'), None, Some('b')]), ".a.b......"),
            (Script::steps([]), ".........."),
            (Script::random(1, 0.0, ['a']), ".........."),
            (Script::random(1, 1.0, ['a']), "aaaaaaaaaa"),
            (Script::next(4, 'a').and(Script::nth(2, 'b')).and(Script::nth(6, 'c')), "aaaa.c...."),
        ] {
            assert_eq!(first_ten(script.clone()), expected, "{script:?}");
        }
    }

    #[test]
    fn the_same_seed_decides_the_same_whatever_stands_beside_it() {
        let random = |seed| Script::random(seed, 0.5, ['a', 'b']);
        let alone = first_ten(random(3));
        assert_eq!(alone, first_ten(random(3)));
        assert_ne!(alone, first_ten(random(4)));
        assert!(alone[5..].contains(['a', 'b']), "{alone}");
        let beside = first_ten(Script::next(5, 'x').and(random(3)));
        assert_eq!(beside, format!("xxxxx{}", &alone[5..]));
    }

    #[test]
    fn the_dice_keep_to_the_probability_and_each_choice_is_as_likely() {
        let mut playing = ActiveScript::new(Script::random(1, 0.4, ['a', 'b']));
        let turns: Vec<_> = (0..10_000).filter_map(|_| playing.next()).collect();
        for choice in ['a', 'b'] {
            let hits = turns.iter().filter(|turn| **turn == choice).count();
            assert!((1_850..2_150).contains(&hits), "{choice}: {hits}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_lasts_as_long_as_it_says() {
        let mut playing = ActiveScript::new(Script::during(Duration::from_secs(2), 'a'));
        assert_eq!(playing.next(), Some('a'));
        tokio::time::advance(Duration::from_millis(1_999)).await;
        assert_eq!(playing.next(), Some('a'));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(playing.next(), None);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for probability in [f64::NAN, 2.0, -0.1, f64::INFINITY] {
            let script = std::panic::catch_unwind(|| Script::random(1, probability, ['a']));
            assert!(script.is_err(), "{probability}");
        }
        assert!(std::panic::catch_unwind(|| Script::<char>::random(1, 0.5, [])).is_err());
        assert!(std::panic::catch_unwind(|| Script::nth(0, 'a')).is_err());
        assert!(std::panic::catch_unwind(|| Script::from_nth(0, 'a')).is_err());
    }
}
