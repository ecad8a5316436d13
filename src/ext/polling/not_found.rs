//! The grace period of a task that the server does not know yet.

use std::time::Duration;

use tokio::time::Instant;

/// The time in which a 404 for a task of this client may be replica lag.
const SUBMITTED_GRACE: Duration = Duration::from_secs(10);

/// The time until the second poll of a task of another client.
const RESUMED_GRACE: Duration = Duration::from_secs(1);

/// The time for which the server has responded with 404.
///
/// The time counts from the first 404 in a row. The time from a poll that fails in another way to the next 404 does not
/// count, because the server may be down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotFoundGrace {
    /// `true` if this client submitted the task.
    submitted_here: bool,
    /// `true` if the server has accepted the task: a submission or an answered poll proves it. The id of a resumed
    /// task proves nothing.
    is_accepted: bool,
    /// In milliseconds: a batch may hold thousands of these.
    counted_ms: u32,
    /// The time from which the next time counts: that of the last 404. `None` before the first 404, and after another
    /// failure.
    since: Option<Instant>,
    /// `true` if all polls so far were 404.
    only_not_found: bool,
}

impl NotFoundGrace {
    pub(crate) fn new(submitted_here: bool) -> Self {
        Self { submitted_here, is_accepted: false, counted_ms: 0, since: None, only_not_found: true }
    }

    /// Marks the task as accepted by the server.
    pub(crate) fn of_accepted_task(self) -> Self {
        Self { is_accepted: true, ..self }
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.is_accepted
    }

    /// Records a 404. Returns the pause before the next poll, which is at most `pause`, or `None` if the grace period is
    /// over.
    pub(super) fn on_not_found(&mut self, now: Instant, pause: Duration) -> Option<Duration> {
        let since = self.since.replace(now).unwrap_or(now);
        self.count(now - since);
        let grace = if self.submitted_here { SUBMITTED_GRACE } else { RESUMED_GRACE };
        let counted = Duration::from_millis(self.counted_ms.into());
        let left = grace.checked_sub(counted).filter(|left| !left.is_zero())?;
        Some(if self.submitted_here { pause.min(left) } else { left })
    }

    /// Records another failure of a poll that was sent at this time.
    pub(super) fn on_other_failure(&mut self, sent_at: Instant) {
        if let Some(since) = self.since.take() {
            self.count(sent_at.saturating_duration_since(since));
        }
        self.only_not_found = false;
    }

    /// Rounded up, so that the last poll is not followed by another one.
    fn count(&mut self, time: Duration) {
        let millis = u32::try_from(time.as_micros().div_ceil(1_000)).unwrap_or(u32::MAX);
        self.counted_ms = self.counted_ms.saturating_add(millis);
    }

    /// Records that the server knows the task.
    pub(super) fn on_response(&mut self) {
        *self = Self { only_not_found: false, ..Self::new(self.submitted_here) }.of_accepted_task();
    }

    /// Returns `true` if there was a 404, and nothing else.
    pub(super) fn only_not_found(&self) -> bool {
        self.only_not_found && self.since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(4);

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn grace_ends_with_poll_at_its_end() {
        let (mut grace, start) = (NotFoundGrace::new(true), Instant::now());
        assert_eq!(grace.on_not_found(start, PAUSE), Some(PAUSE));
        assert_eq!(grace.on_not_found(start + secs(4), PAUSE), Some(PAUSE));
        assert_eq!(grace.on_not_found(start + secs(8), PAUSE), Some(secs(2)));
        assert_eq!(grace.on_not_found(start + secs(10), PAUSE), None);
    }

    #[test]
    fn task_of_another_client_gets_one_second_poll_after_a_second() {
        let (mut grace, start) = (NotFoundGrace::new(false), Instant::now());
        assert_eq!(grace.on_not_found(start, Duration::from_millis(250)), Some(secs(1)));
        assert_eq!(grace.on_not_found(start + secs(1), PAUSE), None);
    }

    #[test]
    fn time_from_failed_poll_to_next_response_does_not_count() {
        let (mut grace, start) = (NotFoundGrace::new(true), Instant::now());
        grace.on_other_failure(start);
        assert_eq!(grace.on_not_found(start + secs(30), PAUSE), Some(PAUSE));
        // Sent three seconds later, and silent for a minute.
        grace.on_other_failure(start + secs(33));
        assert_eq!(grace.on_not_found(start + secs(93), secs(60)), Some(secs(7)));
        assert_eq!(grace.on_not_found(start + secs(100), PAUSE), None);
    }

    #[test]
    fn response_resets_the_grace() {
        let (mut grace, start) = (NotFoundGrace::new(true), Instant::now());
        grace.on_not_found(start, PAUSE);
        assert!(grace.only_not_found());
        grace.on_response();
        assert!(!grace.only_not_found());
        assert_eq!(grace.on_not_found(start + secs(60), PAUSE), Some(PAUSE));
        assert!(!grace.only_not_found());
    }
}
