//! How many requests may go out, and when the next one may.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::{
    Error,
    ext::transport::instant::{MAX_WAIT, saturating_add},
};

/// Added to every second. The server counts when requests arrive, not when they leave: what leaves in two seconds may
/// arrive in one, should the network hold up the first ones for so long.
const WINDOW_MARGIN: Duration = Duration::from_millis(15);

/// How much lateness of the timer is made up for: it wakes up to a few milliseconds after the time.
const MAX_CATCH_UP: Duration = Duration::from_millis(50);

/// At most so many requests in any second, one after the other at even distances, without a burst.
///
/// A request first has its turn, and is counted when it leaves: between the two an announcement may take its time.
#[derive(Debug)]
pub(super) struct RateLimiter {
    /// At most so many requests within a window.
    max_per_window: usize,
    window: Duration,
    spacing: Duration,
    /// When the last ones left, those of a window at most.
    sent: VecDeque<Instant>,
    /// When the next one has its turn.
    next_slot: Instant,
}

impl RateLimiter {
    pub(super) fn per_second(rate: f64) -> Result<Self, Error> {
        if !(rate.is_finite() && rate > 0.0) {
            return Err(Error::invalid(
                "requests_per_second",
                format!("{rate} is no rate; it must be above 0"),
            ));
        }
        // Half a request per second is one in two; two and a half are two, as a second with three has too many.
        let most = rate.floor().max(1.0);
        let seconds =
            |seconds: f64| Duration::try_from_secs_f64(seconds).map_or(MAX_WAIT, |time| time.min(MAX_WAIT));
        let window = seconds((1.0 / rate).max(1.0)) + WINDOW_MARGIN;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole and above 0"
        )]
        let count = most as usize;
        Ok(Self {
            max_per_window: count,
            window,
            spacing: seconds(window.as_secs_f64() / most),
            sent: VecDeque::new(),
            next_slot: Instant::now(),
        })
    }

    /// From when on the next request may have its turn.
    pub(super) fn next_slot_at(&self) -> Instant {
        self.next_slot.max(self.next_send_at())
    }

    /// From when on one that had its turn may leave.
    pub(super) fn next_send_at(&self) -> Instant {
        match self.sent.len().checked_sub(self.max_per_window) {
            Some(at) => saturating_add(self.sent[at], self.window),
            None => self.next_slot.min(Instant::now()),
        }
    }

    /// A request has its turn.
    pub(super) fn reserve(&mut self) {
        let late = Instant::now().checked_sub(MAX_CATCH_UP).unwrap_or(self.next_slot);
        self.next_slot = saturating_add(self.next_slot.max(late), self.spacing);
    }

    /// A request leaves.
    pub(super) fn record_sent(&mut self) {
        let now = Instant::now();
        while self.sent.front().is_some_and(|at| saturating_add(*at, self.window) <= now) {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }
}

#[cfg(test)]
mod tests;
