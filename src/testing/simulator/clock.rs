//! The simulator's clock.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Tokio's clock, with the system time at the start. Times in responses thus also advance in virtual time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_at: SystemTime,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), started_at: SystemTime::now() }
    }

    /// Returns the time since the start.
    pub(crate) fn age(&self, at: Instant) -> Duration {
        at.duration_since(self.started)
    }

    pub(crate) fn instant(&self, age: Duration) -> Instant {
        self.started + age
    }

    pub(crate) fn system_time(&self, at: Instant) -> SystemTime {
        self.started_at + self.age(at)
    }
}
