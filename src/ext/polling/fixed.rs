use std::time::Duration;

use super::{Pacing, Progress};
use crate::Error;

/// A poll policy: at a fixed interval, from the submission on. For servers whose pace you know.
///
/// ```
/// use std::time::Duration;
///
/// use distribute_ai::{Client, pacing::Fixed};
///
/// let client = Client::builder().api_key("your-key").pacing(Fixed::new(Duration::from_secs(2))?).build()?;
/// # Ok::<(), distribute_ai::Error>(())
/// ```
///
/// Where durations are spread around one scale, an interval of about √(2·λ·*mean*) is hard to beat, with λ the
/// [price](super::Adaptive#the-price-of-a-request) of a request in seconds. For tasks of another scale it is as much too
/// dear, or too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    interval: Duration,
}

impl Fixed {
    /// At this interval.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid): an interval of zero.
    pub fn new(interval: Duration) -> Result<Self, Error> {
        if interval.is_zero() {
            return Err(Error::invalid("poll interval", "is zero; it must be longer"));
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
    fn an_interval_is_longer_than_zero() {
        let error = Fixed::new(Duration::ZERO).unwrap_err();
        assert!(error.is_invalid());
        assert_eq!(error.to_string(), "poll interval: is zero; it must be longer");
    }

    #[test]
    fn it_stays_the_same() {
        let policy = Fixed::new(Duration::from_secs(3)).unwrap();
        let late = Progress { age: Duration::from_secs(500), polls: 99, ..Progress::default() };
        assert_eq!([policy.delay(&Progress::default()), policy.delay(&late)], [Duration::from_secs(3); 2]);
    }
}
