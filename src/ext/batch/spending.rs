//! Limits of what a job may submit.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{Error, TaskId, ext::store::BILLED_AT_LEAST};

/// The limits of a job, and what it has submitted. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spending(Arc<Mutex<Spent>>);

/// All seconds are those of the bill.
#[derive(Debug, Default)]
struct Spent {
    max_submissions: Option<usize>,
    max_seconds: Option<f64>,
    submissions: usize,
    /// The seconds of audio that are known.
    known: f64,
    /// The seconds of audio that are expected of the requests whose audio is not known.
    expected: f64,
    /// The number of these requests.
    unknown: usize,
    /// The expected seconds of each accepted task whose audio is not known. Empty without a limit of seconds, and if no
    /// duration will be known.
    accepted: HashMap<TaskId, f64>,
    learns_durations: bool,
}

/// The share of a request that is about to be submitted. Dropping it gives the share back.
#[derive(Debug)]
pub(super) struct Reservation {
    /// `None` if the share stays taken.
    spending: Option<Spending>,
    expected: f64,
}

impl Spending {
    pub(crate) fn new(max_submissions: Option<usize>, max_seconds: Option<f64>) -> Result<Self, Error> {
        if let Some(seconds) = max_seconds.filter(|seconds| !(0.0..f64::INFINITY).contains(seconds)) {
            return Err(Error::invalid(
                "max_seconds",
                format!("{seconds} is invalid, expected a number from 0"),
            ));
        }
        Ok(Self(Arc::new(Mutex::new(Spent { max_submissions, max_seconds, ..Spent::default() }))))
    }

    fn lock(&self) -> MutexGuard<'_, Spent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The duration of each accepted task will be known.
    pub(super) fn learn_durations(&self) {
        self.lock().learns_durations = true;
    }

    /// Returns `true` if the expected seconds of a request matter.
    pub(super) fn limits_seconds(&self) -> bool {
        self.lock().max_seconds.is_some()
    }

    /// Takes the share of a request that is expected to take this time, unless it would exceed a limit.
    pub(super) fn reserve(&self, expected: f64) -> Result<Reservation, Error> {
        let (mut spent, expected) = (self.lock(), expected.max(BILLED_AT_LEAST));
        if let Some(problem) = spent.excess(expected) {
            return Err(Error::stopped().with_problem(problem));
        }
        spent.submissions += 1;
        spent.expected += expected;
        spent.unknown += 1;
        Ok(Reservation { spending: Some(self.clone()), expected })
    }

    /// Replaces the expected duration of an accepted task by the real one.
    pub(crate) fn on_duration(&self, id: &TaskId, seconds: f64) {
        let mut spent = self.lock();
        if let Some(expected) = spent.accepted.remove(id) {
            spent.expected -= expected;
            spent.unknown -= 1;
            spent.known += seconds.max(BILLED_AT_LEAST);
        }
    }
}

impl Spent {
    /// Returns which limit one more request would exceed.
    fn excess(&self, expected: f64) -> Option<String> {
        if let Some(max) = self.max_submissions.filter(|max| self.submissions >= *max) {
            return Some(format!("not submitted, max_submissions of {max} is reached"));
        }
        let max = self.max_seconds.filter(|max| self.known + self.expected + expected > *max)?;
        let (known, in_flight, unknown) = (self.known, self.expected, self.unknown);
        Some(format!(
            "not submitted, max_seconds of {max} s would be exceeded: {known:.1} s are spoken, {unknown} more requests \
             are expected to take {in_flight:.1} s, and this one {expected:.1} s"
        ))
    }
}

impl Reservation {
    /// The server has accepted the request as this task.
    pub(super) fn accept(mut self, id: &TaskId) {
        let Some(spending) = self.spending.take() else { return };
        let mut spent = spending.lock();
        if spent.max_seconds.is_some() && spent.learns_durations {
            spent.accepted.insert(id.clone(), self.expected);
        }
    }

    /// The request may be billed. Its share stays taken.
    pub(super) fn keep(mut self) {
        self.spending = None;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let Some(spending) = &self.spending else { return };
        let mut spent = spending.lock();
        spent.submissions -= 1;
        spent.expected -= self.expected;
        spent.unknown -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learning(max_seconds: f64) -> Spending {
        let spending = Spending::new(None, Some(max_seconds)).unwrap();
        spending.learn_durations();
        spending
    }

    #[test]
    fn task_ids_are_kept_only_if_their_durations_will_be_known() {
        for (spending, count) in [(learning(10.0), 1), (Spending::new(None, Some(10.0)).unwrap(), 0)] {
            spending.reserve(4.0).unwrap().accept(&TaskId::new_unchecked("a"));
            assert_eq!(spending.lock().accepted.len(), count);
        }
    }

    #[test]
    fn limit_of_seconds_counts_known_and_expected_audio() {
        let spending = learning(10.0);
        let (first, second) = (spending.reserve(4.0).unwrap(), spending.reserve(4.0).unwrap());
        let error = spending.reserve(4.0).unwrap_err();
        assert!(error.is_stopped());
        let expected = "max_seconds of 10 s would be exceeded: 0.0 s are spoken, 2 more requests are expected to take 8.0 s";
        assert!(error.to_string().contains(expected), "{error}");
        drop(second);
        let id = TaskId::new_unchecked("a");
        first.accept(&id);
        spending.on_duration(&id, 5.5);
        spending.on_duration(&id, 5.5);
        assert!(spending.reserve(4.6).is_err());
        spending.reserve(4.5).unwrap().keep();
        assert!(spending.reserve(0.1).is_err());
    }

    #[test]
    fn limit_of_seconds_counts_a_second_for_a_shorter_speech() {
        let spending = learning(3.0);
        let id = TaskId::new_unchecked("a");
        spending.reserve(0.2).unwrap().accept(&id);
        spending.reserve(0.2).unwrap().keep();
        spending.reserve(1.1).unwrap_err();
        spending.on_duration(&id, 0.3);
        spending.reserve(1.0).unwrap().keep();
        let error = spending.reserve(0.2).unwrap_err().to_string();
        assert!(error.contains(": 1.0 s are spoken, 2 more requests are expected to take 2.0 s"), "{error}");
        assert!(error.ends_with("and this one 1.0 s"), "{error}");
    }

    #[test]
    fn limit_of_submissions_counts_those_that_may_be_billed() {
        let spending = Spending::new(Some(2), None).unwrap();
        drop(spending.reserve(1.0).unwrap());
        spending.reserve(1.0).unwrap().keep();
        spending.reserve(1.0).unwrap().accept(&TaskId::new_unchecked("a"));
        let error = spending.reserve(1.0).unwrap_err();
        assert!(error.to_string().ends_with("not submitted, max_submissions of 2 is reached"), "{error}");
        assert_eq!(Arc::strong_count(&spending.0), 1, "a share that is taken holds nothing");
    }

    #[test]
    fn limit_that_is_not_a_number_is_invalid() {
        for seconds in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(Spending::new(None, Some(seconds)).unwrap_err().is_invalid());
        }
    }

    #[test]
    fn error_counts_the_requests_whose_duration_is_not_known() {
        let spending = learning(10.0);
        assert!(spending.limits_seconds() && !Spending::default().limits_seconds());
        let id = TaskId::new_unchecked("a");
        spending.reserve(4.0).unwrap().accept(&id);
        drop(spending.reserve(1.0).unwrap());
        let problem = |expected: &str| {
            let error = spending.reserve(9.0).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        problem("0.0 s are spoken, 1 more requests are expected to take 4.0 s, and this one 9.0 s");
        spending.on_duration(&id, 5.5);
        problem("5.5 s are spoken, 0 more requests are expected to take 0.0 s, and this one 9.0 s");
    }
}
