use std::time::Duration;

use super::{Pacing, Progress};
use crate::Error;

/// A poll policy with a fixed interval. Use this policy if you know how long your tasks take.
///
/// ```
/// use std::time::Duration;
///
/// use distribute_ai::{Client, pacing::Fixed};
///
/// let policy = Fixed::new(Duration::from_secs(2))?;
/// let client = Client::builder().api_key("your-key").pacing(policy).build()?;
/// # Ok::<(), distribute_ai::Error>(())
/// ```
///
/// The interval counts from the submission, and then from each response.
///
/// If durations vary around one scale, an interval of about √(2·λ·*mean*) is close to the optimum. Here λ is
/// the [price](super::Adaptive#the-price-of-a-request) of a request in seconds. For much shorter tasks this
/// interval notices results too late, and for much longer tasks it sends too many requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    interval: Duration,
}

impl Fixed {
    /// Creates a policy with this interval.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid): the interval is zero.
    pub fn new(interval: Duration) -> Result<Self, Error> {
        if interval.is_zero() {
            return Err(Error::invalid("poll interval", "0 s is too short, expected more than 0 s"));
        }
        Ok(Self { interval })
    }
}

impl Pacing for Fixed {
    fn delay(&self, _: &Progress) -> Duration {
        self.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_with_zero_interval_is_invalid() {
        let error = Fixed::new(Duration::ZERO).unwrap_err();
        assert!(error.is_invalid());
        assert_eq!(error.to_string(), "poll interval: 0 s is too short, expected more than 0 s");
    }

    #[test]
    fn delay_is_constant() {
        let policy = Fixed::new(Duration::from_secs(3)).unwrap();
        let late = Progress { age: Duration::from_secs(500), polls: 99, ..Progress::default() };
        assert_eq!([policy.delay(&Progress::default()), policy.delay(&late)], [Duration::from_secs(3); 2]);
    }
}
