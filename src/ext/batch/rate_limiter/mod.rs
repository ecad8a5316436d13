//! Limits the requests per second of a batch.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::{
    Error,
    ext::transport::instant::{MAX_WAIT, saturating_add},
};

/// Extends each one-second window. The server counts requests when they arrive, so network jitter of up to this time does
/// not make requests of two windows arrive in one second.
const WINDOW_MARGIN: Duration = Duration::from_millis(15);

/// The most lateness of the timer that is caught up. A timer fires up to a few milliseconds late.
const MAX_CATCH_UP: Duration = Duration::from_millis(50);

/// Allows a number of requests per window, evenly spaced and without bursts.
///
/// A request first reserves a slot. It is in transit from the moment it is sent until it is written to a connection, which
/// may take a TCP and a TLS handshake. A request in transit may be written at any moment, so it counts from the first to the
/// last moment of the transit, and then for one window. Therefore no window contains more written requests than allowed,
/// however long the connections take.
#[derive(Debug)]
pub(super) struct RateLimiter {
    max_per_window: usize,
    window: Duration,
    spacing: Duration,
    /// The number of requests that are sent and not yet written.
    in_transit: usize,
    /// The times at which requests were written, within the last window.
    written: VecDeque<Instant>,
    /// The time of the next slot.
    next_slot: Instant,
}

impl RateLimiter {
    pub(super) fn per_second(rate: f64) -> Result<Self, Error> {
        if !(rate.is_finite() && rate > 0.0) {
            return Err(Error::invalid(
                "requests_per_second",
                format!("{rate} is not a rate, expected a number above 0"),
            ));
        }
        // 0.5 is one request in two seconds. 2.5 is two in one second, because three would exceed the limit.
        let max = rate.floor().max(1.0);
        let seconds =
            |seconds: f64| Duration::try_from_secs_f64(seconds).map_or(MAX_WAIT, |time| time.min(MAX_WAIT));
        let window = seconds((1.0 / rate).max(1.0)) + WINDOW_MARGIN;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the value is whole and above 0"
        )]
        let max_per_window = max as usize;
        Ok(Self {
            max_per_window,
            window,
            spacing: seconds(window.as_secs_f64() / max),
            in_transit: 0,
            written: VecDeque::new(),
            next_slot: Instant::now(),
        })
    }

    /// Returns the time at which the next request may reserve a slot. `None` if that depends on a request in transit.
    pub(super) fn next_slot_at(&self, now: Instant) -> Option<Instant> {
        Some(self.next_slot.max(self.next_send_at(now)?))
    }

    /// Returns the time at which a request with a slot may be sent. `None` if that depends on a request in transit.
    pub(super) fn next_send_at(&self, now: Instant) -> Option<Instant> {
        let free = self.max_per_window.checked_sub(self.in_transit).filter(|free| *free > 0)?;
        Some(match self.written.len().checked_sub(free) {
            Some(at) => saturating_add(self.written[at], self.window),
            None => self.next_slot.min(now),
        })
    }

    /// Reserves the next slot for a request.
    pub(super) fn reserve(&mut self) {
        let earliest = Instant::now().checked_sub(MAX_CATCH_UP).unwrap_or(self.next_slot);
        self.next_slot = saturating_add(self.next_slot.max(earliest), self.spacing);
    }

    /// Counts a request that is sent now, and may be written at any time from now on.
    pub(super) fn record_sent(&mut self) {
        self.in_transit += 1;
    }

    /// Records the end of a transit: the request was written now, or is never written.
    pub(super) fn record_transit_end(&mut self, written: bool) {
        self.in_transit -= 1;
        let now = Instant::now();
        while self.written.front().is_some_and(|at| saturating_add(*at, self.window) <= now) {
            self.written.pop_front();
        }
        if written {
            self.written.push_back(now);
        }
    }
}

#[cfg(test)]
mod tests;
