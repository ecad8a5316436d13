//! A script in use.

use std::{collections::HashMap, hash::Hasher as _, time::Duration};

use fnv::FnvHasher;
use tokio::time::Instant;

use super::{
    received_request::ReceivedRequest,
    script::{Rule, Script},
    selection::Counter,
};
use crate::TaskId;

/// A script in use, with its counts of requests or tasks.
#[derive(Debug)]
pub(crate) struct ActiveScript<T> {
    rules: Vec<ActiveRule<T>>,
    started: Instant,
}

#[derive(Debug)]
struct ActiveRule<T> {
    rule: Rule<T>,
    /// One counter for the hash of each task, or a single one for 0.
    counters: HashMap<u64, Counter>,
}

impl<T: Clone> ActiveScript<T> {
    pub(crate) fn new(script: Script<T>) -> Self {
        let active = |rule| ActiveRule { rule, counters: HashMap::new() };
        Self { rules: script.rules.into_iter().map(active).collect(), started: Instant::now() }
    }

    /// Counts the next request or task, and returns the fault or outcome selected for it.
    pub(crate) fn next(&mut self, request: &ReceivedRequest) -> Option<T> {
        let age = self.started.elapsed();
        // Evaluate every rule, even after a match: a random rule must draw the same numbers regardless of
        // others.
        self.rules.iter_mut().fold(None, |first, rule| {
            let value = rule.next(request, age);
            first.or_else(|| value.cloned())
        })
    }
}

impl<T> ActiveRule<T> {
    fn next(&mut self, request: &ReceivedRequest, age: Duration) -> Option<&T> {
        if !self.rule.only.matches(request) {
            return None;
        }
        // The single counter uses the seed unchanged.
        let stream = if self.rule.for_each_task { task_hash(request) } else { 0 };
        let counter = self.counters.entry(stream).or_insert_with(|| self.rule.select.counter(stream));
        self.rule.select.next(counter, age)
    }
}

/// Returns what identifies the task of a request: its id, or the text of a submission.
pub(crate) fn task_key(request: &ReceivedRequest) -> &str {
    let id = request.task.as_ref().map(TaskId::as_str);
    id.or(request.text.as_deref()).unwrap_or_default()
}

/// Returns the hash of [`task_key`].
pub(crate) fn task_hash(request: &ReceivedRequest) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(task_key(request).as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::faults::route::{Host, Route};

    /// Returns the values that the script selects for the first ten positions, `.` for none.
    fn first_ten(script: Script<char>) -> String {
        let mut script = ActiveScript::new(script);
        (0..10).map(|_| script.next(&poll("a", "Hello")).unwrap_or('.')).collect()
    }

    fn poll(id: &str, text: &str) -> ReceivedRequest {
        ReceivedRequest {
            host: Host::Api,
            route: Some(Route::Result),
            method: "POST".to_owned(),
            path: "/".to_owned(),
            headers: Vec::new(),
            body: String::new(),
            text: Some(text.to_owned()),
            task: Some(TaskId::new_unchecked(id)),
            attempt: 1,
            at: Duration::ZERO,
            fault: None,
            status: None,
            refused: None,
        }
    }

    /// Returns the values that the script selects for the first poll of each task, then the second, and so on.
    fn in_turns(script: Script<char>) -> String {
        let mut script = ActiveScript::new(script);
        let polls = [poll("a", "Hello"), poll("b", "World"), poll("c", "Hello")];
        (0..9).map(|n| script.next(&polls[n % 3]).unwrap_or('.')).collect()
    }

    #[test]
    fn script_counts_only_matching_requests() {
        let second = || Script::nth(2, 'x');
        for (script, expected) in [
            (second().for_each_task(), "...xxx..."),
            (second().for_text("Hello"), "..x......"),
            (second().for_text_containing("orl"), "....x...."),
            (second().for_text("World").for_each_task().and(second().for_text("None")), "....x...."),
            (second().for_task(&TaskId::new_unchecked("c")), ".....x..."),
            (second().when(|request| request.task.as_ref().is_some_and(|id| *id == "a")), "...x....."),
            (second().for_text("Hello").when(|request| request.attempt > 1), "........."),
            (Script::steps([Some('x'), None, Some('y')]).for_each_task(), "xxx...yyy"),
        ] {
            assert_eq!(in_turns(script.clone()), expected, "{script:?}");
        }
    }

    #[test]
    fn random_script_for_each_task_does_not_depend_on_the_order_of_tasks() {
        let script = || Script::random(5, 0.5, ['x', 'y']).for_each_task();
        let of_one = |turns: &str, first: usize| turns.chars().skip(first).step_by(3).collect::<String>();
        let turns = in_turns(script());
        let mut alone = ActiveScript::new(script());
        let second: String = (0..3).map(|_| alone.next(&poll("b", "World")).unwrap_or('.')).collect();
        assert_eq!(of_one(&turns, 1), second);
        assert_ne!(of_one(&turns, 0) + &of_one(&turns, 2), second.repeat(2));
    }

    #[test]
    fn script_with_invalid_json_is_rejected() {
        for json in [
            r#"[{"select":{"nth":[0,"a"]}}]"#,
            r#"[{"select":{"nth":[1]}}]"#,
            r#"[{"select":{"sometimes":"a"}}]"#,
            r#"[{"select":{"always":"a"},"for_text":"b"}]"#,
            r#"[{"select":{"always":"a"},"only":{"voice":"b"}}]"#,
            r#"[{"select":{"during":[-1,"a"]}}]"#,
            r#"[{"select":{"random":{"seed":1,"probability":2,"choices":["a"]}}}]"#,
            r#"[{"select":{"random":{"seed":1,"probability":0.5,"choices":[]}}}]"#,
        ] {
            assert!(serde_json::from_str::<Script<char>>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn script_from_json_selects_the_same_positions() {
        for (json, expected) in [
            ("[]", ".........."),
            (r#"[{"select":{"always":"a"}}]"#, "aaaaaaaaaa"),
            (r#"[{"select":{"nth":[3,"a"]}},{"select":{"from_nth":[9,"b"]}}]"#, "..a.....bb"),
            (r#"[{"select":{"next":[2,"a"]},"only":{"text":"Hello"}}]"#, "aa........"),
            (r#"[{"select":{"next":[2,"a"]},"only":{"text_contains":"Bye"}}]"#, ".........."),
            (r#"[{"select":{"steps":[null,"a"]},"for_each_task":true,"only":{"task":"a"}}]"#, ".a........"),
            (r#"[{"select":{"random":{"seed":1,"probability":1,"choices":["a"]}}}]"#, "aaaaaaaaaa"),
            (r#"[{"select":{"during":[60,"a"]}}]"#, "aaaaaaaaaa"),
        ] {
            assert_eq!(first_ten(serde_json::from_str(json).unwrap()), expected, "{json}");
        }
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
        let values: Vec<_> = (0..10_000).filter_map(|_| script.next(&poll("a", "Hello"))).collect();
        for choice in ['a', 'b'] {
            let hits = values.iter().filter(|value| **value == choice).count();
            assert!((1_850..2_150).contains(&hits), "{choice}: {hits}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn script_during_a_time_selects_nothing_afterwards() {
        let mut script = ActiveScript::new(Script::during(Duration::from_secs(2), 'a'));
        assert_eq!(script.next(&poll("a", "Hello")), Some('a'));
        tokio::time::advance(Duration::from_millis(1_999)).await;
        assert_eq!(script.next(&poll("a", "Hello")), Some('a'));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(script.next(&poll("a", "Hello")), None);
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
