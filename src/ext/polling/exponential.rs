use std::{ops::Bound, time::Duration};

use super::{Pacing, Progress};
use crate::{Error, OutOfBounds};

/// A poll policy that multiplies the delay by a factor after each response, up to a maximum.
///
/// ```
/// use std::time::Duration;
///
/// use distribute_ai::{Client, pacing::Exponential};
///
/// let policy = Exponential::new(Duration::from_secs(1), 1.5, Duration::from_secs(30))?;
/// let client = Client::builder().api_key("your-key").pacing(policy).build()?;
/// # Ok::<(), distribute_ai::Error>(())
/// ```
///
/// A factor of 2 is usual after failures, but far too large for polling. With this factor, each
/// delay is about as long as all the time before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    first: Duration,
    factor: f64,
    longest: Duration,
}

impl Exponential {
    /// Creates a policy whose first delay is `first`. Each later delay is `factor` times the one before, up
    /// to `longest`.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid): `first` is zero, `factor` is below 1, infinite or NaN, or `longest`
    /// is shorter than `first`.
    pub fn new(first: Duration, factor: f64, longest: Duration) -> Result<Self, Error> {
        if first.is_zero() {
            return Err(Error::invalid("first delay", "0 s is too short, expected more than 0 s"));
        }
        OutOfBounds::check(factor, (Bound::Included(1.0), Bound::Excluded(f64::INFINITY)))
            .map_err(|limit| Error::invalid("factor", limit))?;
        if longest < first {
            return Err(Error::invalid(
                "longest delay",
                format!("{longest:?} is too short, expected at least the first delay of {first:?}"),
            ));
        }
        Ok(Self { first, factor, longest })
    }
}

impl Pacing for Exponential {
    fn delay(&self, task: &Progress) -> Duration {
        let polls = i32::try_from(task.polls).unwrap_or(i32::MAX);
        let seconds = self.first.as_secs_f64() * self.factor.powi(polls);
        Duration::try_from_secs_f64(seconds).map_or(self.longest, |delay| delay.min(self.longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn delay_grows_up_to_longest() {
        let policy = Exponential::new(secs(1), 2.0, secs(10)).unwrap();
        let delays = [0, 1, 2, 3, 4, 5, u32::MAX]
            .map(|polls| policy.delay(&Progress { polls, ..Progress::default() }).as_secs());
        assert_eq!(delays, [1, 2, 4, 8, 10, 10, 10]);
    }

    #[track_caller]
    fn assert_invalid(first: u64, factor: f64, longest: u64, expected: &str) {
        let error = Exponential::new(secs(first), factor, secs(longest)).unwrap_err();
        assert!(error.is_invalid());
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn new_with_invalid_arguments_fails() {
        assert_invalid(0, 2.0, 60, "first delay: 0 s is too short, expected more than 0 s");
        assert_invalid(1, 0.9, 60, "factor: 0.9 is out of range, expected at least 1 and below inf");
        assert_invalid(1, f64::NAN, 60, "factor: NaN is out of range, expected at least 1 and below inf");
        assert_invalid(
            1,
            f64::INFINITY,
            60,
            "factor: inf is out of range, expected at least 1 and below inf",
        );
        assert_invalid(5, 2.0, 4, "longest delay: 4s is too short, expected at least the first delay of 5s");
    }
}
