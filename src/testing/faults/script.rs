//! Scripts that select requests or tasks.

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use serde::Deserialize;

use super::{
    fault::Fault,
    filter::Filter,
    received_request::ReceivedRequest,
    route::Route,
    selection::{Random, Selection},
};
use crate::TaskId;

/// A selection of requests of a [`Route`], each with a [`Fault`], or of tasks, each with a
/// [`TaskOutcome`](super::TaskOutcome).
///
/// Requests and tasks are counted from 1, starting when the script is set. A script set with the
/// builder counts from the start of the simulator, and a script set with
/// [`Simulator::script`](crate::testing::Simulator::script) from that call. Requests and tasks that
/// the script does not select are processed normally. In this example, the third poll fails:
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
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
///
/// A script counts all requests of its route. These methods make it count some of them, or those of each
/// task for themselves:
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::testing::{Fault, Route, Script, Simulator};
///
/// let simulator = Simulator::start().await?;
/// // The first poll of each task, and the second download of one text.
/// simulator.script(Route::Result, Script::nth(1, Fault::status(503)).for_each_task());
/// simulator.script(Route::Audio, Script::nth(2, Fault::close()).for_text("Hello"));
/// // A submission with a voice.
/// let has_voice = Script::always(Fault::status(400))
///     .when(|request| request.speech_request().is_some_and(|speech| speech.voice.is_some()));
/// simulator.script(Route::Create, has_voice);
///
/// let client = simulator.client();
/// client.speak("Hello").await?;
/// client.speak("World").await?;
/// assert!(client.speak("Hello").voice("nora").await.unwrap_err().is_rejected());
///
/// let with_fault = simulator.received().into_iter().filter(|request| request.fault.is_some());
/// assert_eq!(with_fault.map(|request| request.attempt).collect::<Vec<_>>(), [1, 1, 2]);
/// # Ok(()) }
/// ```
///
/// In JSON, a script is an array of rules. `select` is the name of a constructor with its arguments, and
/// the other members are optional. Times are in seconds:
///
/// ```
/// use distribute_ai::testing::{Script, TaskOutcome};
///
/// let faults: Script = serde_json::from_str(
///     r#"[
///         { "select": { "nth": [3, { "response": "reset" }] } },
///         { "select": { "during": [1.5, { "response": "close" }] }, "only": { "text": "Hello" } },
///         { "select": { "steps": [null, { "response": "reset" }] }, "for_each_task": true },
///         { "select": { "random": { "seed": 7, "probability": 0.2, "choices": [{ "response": "reset" }] } } }
///     ]"#,
/// )?;
/// let outcomes: Script<TaskOutcome> = serde_json::from_str(
///     r#"[{ "select": { "always": { "ending": "error" } }, "only": { "text_contains": "fail" } }]"#,
/// )?;
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// `only` has the members `text`, `text_contains` and `task`. A predicate has no JSON.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
#[must_use = "a script does nothing until it is passed to a simulator"]
pub struct Script<T = Fault> {
    pub(crate) rules: Vec<Rule<T>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule<T> {
    pub(crate) select: Selection<T>,
    #[serde(default)]
    pub(crate) only: Filter,
    #[serde(default)]
    pub(crate) for_each_task: bool,
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
        Self::select(Selection::Nth(position(n), value))
    }

    /// Selects the next `n` requests or tasks.
    pub fn next(n: u64, value: T) -> Self {
        Self::select(Selection::Next(n, value))
    }

    /// Selects the `n`th request or task and all later ones.
    ///
    /// # Panics
    ///
    /// Panics if `n` is 0.
    #[track_caller]
    pub fn from_nth(n: u64, value: T) -> Self {
        Self::select(Selection::FromNth(position(n), value))
    }

    /// Selects all requests or tasks.
    pub fn always(value: T) -> Self {
        Self::select(Selection::Always(value))
    }

    /// Selects all requests or tasks that arrive within this time after the script is set, on tokio's clock.
    ///
    /// With [`Fault::status`] 503, this simulates an outage behind a load balancer that still
    /// responds. For an outage with refused connections, see
    /// [`Simulator::down_for`](crate::testing::Simulator::down_for).
    pub fn during(time: Duration, value: T) -> Self {
        Self::select(Selection::During(time, value))
    }

    /// Assigns one step to each request or task in turn.
    ///
    /// A step of `None`, and everything after the last step, is processed normally.
    pub fn steps(steps: impl IntoIterator<Item = Option<T>>) -> Self {
        Self::select(Selection::Steps(steps.into_iter().collect()))
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
        let checked = Random::<T>::check_probability(probability).and(Random::check_choices(&choices));
        if let Err(problem) = checked {
            panic!("{problem}");
        }
        Self::select(Selection::Random(Random { seed, probability, choices }))
    }

    /// Counts and selects only requests of tasks with this text. A later call replaces the text.
    pub fn for_text(self, text: impl Into<String>) -> Self {
        let text = text.into();
        self.each_rule(|rule| rule.only.text(text.clone()))
    }

    /// Counts and selects only requests of tasks whose text contains `part`. A later call replaces the part.
    pub fn for_text_containing(self, part: impl Into<String>) -> Self {
        let part = part.into();
        self.each_rule(|rule| rule.only.text_contains(part.clone()))
    }

    /// Counts and selects only polls and downloads of this task. A later call replaces the task.
    pub fn for_task(self, id: &TaskId) -> Self {
        self.each_rule(|rule| rule.only.task(id.clone()))
    }

    /// Counts the requests of each task for themselves, for example to select the first poll of each
    /// task. Submissions are counted for each text.
    ///
    /// With [`random`](Self::random), the same positions of a task are selected in every run if the simulator
    /// has a [seed](crate::testing::SimulatorBuilder::seed), regardless of the order of the tasks.
    pub fn for_each_task(self) -> Self {
        self.each_rule(|rule| rule.for_each_task = true)
    }

    /// Counts and selects only requests for which `predicate` returns `true`. All predicates must hold.
    ///
    /// The predicate sees the request before its response. It runs while the simulator is locked, so it
    /// must not call the simulator.
    pub fn when(self, predicate: impl Fn(&ReceivedRequest) -> bool + Send + Sync + 'static) -> Self {
        let predicate: Arc<dyn Fn(&ReceivedRequest) -> bool + Send + Sync> = Arc::new(predicate);
        self.each_rule(|rule| rule.only.predicate(Arc::clone(&predicate)))
    }

    /// Combines two scripts. Each script counts on its own. If both scripts select the
    /// same request or task, `self` wins.
    pub fn and(mut self, other: Self) -> Self {
        self.rules.extend(other.rules);
        self
    }

    fn select(select: Selection<T>) -> Self {
        Self { rules: vec![Rule { select, only: Filter::default(), for_each_task: false }] }
    }

    fn each_rule(mut self, change: impl FnMut(&mut Rule<T>)) -> Self {
        self.rules.iter_mut().for_each(change);
        self
    }
}

#[track_caller]
fn position(n: u64) -> NonZeroU64 {
    NonZeroU64::new(n).expect("n: 0 is too small, expected at least 1")
}

impl Script {
    /// Returns an error if a fault of the script is unsupported for `route`.
    pub(crate) fn check_route(&self, route: Route) -> Result<(), String> {
        let mut faults = self.rules.iter().flat_map(|rule| rule.select.values());
        faults.try_for_each(|fault| fault.check_route(route))
    }
}

impl<T: Clone> Default for Script<T> {
    fn default() -> Self {
        Self::nothing()
    }
}
