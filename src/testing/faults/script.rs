//! Scripts that select requests or tasks.

use std::time::Duration;

use tokio::time::Instant;

use super::{fault::Fault, route::Route};

/// A selection of requests of a [`Route`], each with a [`Fault`], or of tasks, each with a
/// [`TaskOutcome`](super::TaskOutcome).
///
/// Requests and tasks are counted from 1, starting when the script is set. A script set with the
/// builder counts from the start of the simulator, and a script set with
/// [`Simulator::script`](crate::testing::Simulator::script) from that call. Requests and tasks that
/// the script does not select are processed normally. In this example, the third poll fails:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::{Fault, Route, Script, Simulator};
///
/// let simulator = Simulator::start().await?;
/// simulator.script(Route::Result, Script::nth(3, Fault::status(503)));
///
/// let speech = simulator.client().speak("Hello").await?;
///
/// assert!(simulator.polls() > 3, "the failed poll was retried");
/// assert_eq!(simulator.faults(), 1);
/// # Ok(()) }
/// ```
///
/// These are all constructors:
///
/// ```
/// use distribute_ai::testing::{Fault, Script};
/// use std::time::Duration;
///
/// let fault = || Fault::status(503);
/// let never = Script::<Fault>::nothing();
/// let always = Script::always(fault());
/// let third = Script::nth(3, fault());
/// let first_three = Script::next(3, fault());
/// let third_and_later = Script::from_nth(3, fault());
/// let second_and_third = Script::steps([None, Some(fault()), Some(fault())]);
/// let for_two_seconds = Script::during(Duration::from_secs(2), fault());
/// let one_in_five = Script::random(7, 0.2, [fault(), Fault::reset()]);
/// let both = third.and(one_in_five);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a script does nothing until it is passed to a simulator"]
pub struct Script<T = Fault> {
    rules: Vec<Rule<T>>,
}

#[derive(Clone, Debug)]
enum Rule<T> {
    /// From the first position to the last, both included.
    Between(u64, u64, T),
    Steps(Vec<Option<T>>),
    During(Duration, T),
    Random {
        rng: fastrand::Rng,
        probability: f64,
        choices: Vec<T>,
    },
}

impl<T: Clone> Script<T> {
    /// Selects nothing.
    pub fn nothing() -> Self {
        Self { rules: Vec::new() }
    }

    /// Selects the `n`th request or task only.
    ///
    /// # Panics
    ///
    /// Panics if `n` is 0.
    #[track_caller]
    pub fn nth(n: u64, value: T) -> Self {
        assert!(n > 0, "n: 0 is too small, expected at least 1");
        Self::from_rule(Rule::Between(n, n, value))
    }

    /// Selects the next `n` requests or tasks.
    pub fn next(n: u64, value: T) -> Self {
        Self::from_rule(Rule::Between(1, n, value))
    }

    /// Selects the `n`th request or task and all later ones.
    ///
    /// # Panics
    ///
    /// Panics if `n` is 0.
    #[track_caller]
    pub fn from_nth(n: u64, value: T) -> Self {
        assert!(n > 0, "n: 0 is too small, expected at least 1");
        Self::from_rule(Rule::Between(n, u64::MAX, value))
    }

    /// Selects all requests or tasks.
    pub fn always(value: T) -> Self {
        Self::from_nth(1, value)
    }

    /// Selects all requests or tasks that arrive within this time after the script is set, on tokio's clock.
    ///
    /// With [`Fault::status`] 503, this simulates an outage behind a load balancer that still
    /// responds. For an outage with refused connections, see
    /// [`Simulator::down_for`](crate::testing::Simulator::down_for).
    pub fn during(time: Duration, value: T) -> Self {
        Self::from_rule(Rule::During(time, value))
    }

    /// Assigns one step to each request or task in turn.
    ///
    /// A step of `None`, and everything after the last step, is processed normally.
    pub fn steps(steps: impl IntoIterator<Item = Option<T>>) -> Self {
        Self::from_rule(Rule::Steps(steps.into_iter().collect()))
    }

    /// Selects each request or task with this probability, from 0 to 1. Each of the `choices` is equally
    /// likely.
    ///
    /// The same seed selects the same positions in every run. If several requests are in flight at once,
    /// their order may differ between runs.
    ///
    /// # Panics
    ///
    /// Panics if `probability` is NaN or outside 0 to 1, or if `choices` is empty.
    #[track_caller]
    pub fn random(seed: u64, probability: f64, choices: impl IntoIterator<Item = T>) -> Self {
        let choices: Vec<T> = choices.into_iter().collect();
        assert!(
            (0.0..=1.0).contains(&probability),
            "probability: {probability} is out of range, expected 0 to 1"
        );
        assert!(!choices.is_empty(), "choices: empty, expected at least 1");
        Self::from_rule(Rule::Random { rng: fastrand::Rng::with_seed(seed), probability, choices })
    }

    /// Combines two scripts. Each script counts every request or task. If both scripts select the
    /// same request or task, `self` wins.
    pub fn and(mut self, other: Self) -> Self {
        self.rules.extend(other.rules);
        self
    }

    fn from_rule(rule: Rule<T>) -> Self {
        Self { rules: vec![rule] }
    }
}

impl Script {
    /// Checks that all faults of the script are supported for `route`.
    ///
    /// # Panics
    ///
    /// Panics if a fault is unsupported.
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

/// A script in use, with its count of requests or tasks.
#[derive(Debug)]
pub(crate) struct ActiveScript<T> {
    script: Script<T>,
    started: Instant,
    count: u64,
}

impl<T: Clone> ActiveScript<T> {
    pub(crate) fn new(script: Script<T>) -> Self {
        Self { script, started: Instant::now(), count: 0 }
    }

    /// Counts the next request or task, and returns the fault or outcome selected for it.
    pub(crate) fn next(&mut self) -> Option<T> {
        self.count += 1;
        let (nth, age) = (self.count, self.started.elapsed());
        // Evaluate every rule, even after a match: a random rule must draw the same numbers regardless of
        // others.
        self.script.rules.iter_mut().fold(None, |first, rule| {
            let value = rule.evaluate(nth, age);
            first.or_else(|| value.cloned())
        })
    }
}

impl<T> Rule<T> {
    fn evaluate(&mut self, nth: u64, age: Duration) -> Option<&T> {
        match self {
            Self::Between(first, last, value) => (*first..=*last).contains(&nth).then_some(value),
            Self::Steps(steps) => steps.get(usize::try_from(nth).ok()? - 1)?.as_ref(),
            Self::During(time, value) => (age < *time).then_some(value),
            Self::Random { rng, probability, choices } => {
                let (draw, choice) = (rng.f64(), rng.usize(..choices.len()));
                (draw < *probability).then(|| &choices[choice])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the values that the script selects for the first ten positions, `.` for none.
    fn first_ten(script: Script<char>) -> String {
        let mut script = ActiveScript::new(script);
        (0..10).map(|_| script.next().unwrap_or('.')).collect()
    }

    #[test]
    fn script_selects_the_expected_positions() {
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
    fn random_script_depends_only_on_its_seed() {
        let random = |seed| Script::random(seed, 0.5, ['a', 'b']);
        let alone = first_ten(random(3));
        assert_eq!(alone, first_ten(random(3)));
        assert_ne!(alone, first_ten(random(4)));
        assert!(alone[5..].contains(['a', 'b']), "{alone}");
        let combined = first_ten(Script::next(5, 'x').and(random(3)));
        assert_eq!(combined, format!("xxxxx{}", &alone[5..]));
    }

    #[test]
    fn random_script_draws_each_choice_with_equal_probability() {
        let mut script = ActiveScript::new(Script::random(1, 0.4, ['a', 'b']));
        let values: Vec<_> = (0..10_000).filter_map(|_| script.next()).collect();
        for choice in ['a', 'b'] {
            let hits = values.iter().filter(|value| **value == choice).count();
            assert!((1_850..2_150).contains(&hits), "{choice}: {hits}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn script_during_a_time_selects_nothing_afterwards() {
        let mut script = ActiveScript::new(Script::during(Duration::from_secs(2), 'a'));
        assert_eq!(script.next(), Some('a'));
        tokio::time::advance(Duration::from_millis(1_999)).await;
        assert_eq!(script.next(), Some('a'));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(script.next(), None);
    }

    #[test]
    fn script_with_invalid_arguments_panics() {
        for probability in [f64::NAN, 2.0, -0.1, f64::INFINITY] {
            let script = std::panic::catch_unwind(|| Script::random(1, probability, ['a']));
            assert!(script.is_err(), "{probability}");
        }
        assert!(std::panic::catch_unwind(|| Script::<char>::random(1, 0.5, [])).is_err());
        assert!(std::panic::catch_unwind(|| Script::nth(0, 'a')).is_err());
        assert!(std::panic::catch_unwind(|| Script::from_nth(0, 'a')).is_err());
    }
}
