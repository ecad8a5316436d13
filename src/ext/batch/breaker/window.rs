//! The number of requests that may be in flight, and their usual duration.

use std::time::Duration;

use tokio::time::Instant;

/// A request that was sent.
#[derive(Clone, Copy, Debug)]
pub(in crate::ext::batch) struct Ticket {
    pub(super) number: u64,
    pub(super) sent_at: Instant,
}

impl Ticket {
    /// Returns the time since the request was sent.
    pub(in crate::ext::batch) fn age(self, now: Instant) -> Duration {
        now - self.sent_at
    }
}

/// The requests in flight that were sent after an event.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// The number of the first request after the event.
    first: u64,
    pub(super) count: usize,
}

impl InFlight {
    pub(super) fn is_current(&self, ticket: Ticket) -> bool {
        ticket.number >= self.first
    }

    /// Ends a request. Returns `true` if it was sent after the event.
    pub(super) fn end(&mut self, ticket: Ticket) -> bool {
        let current = self.is_current(ticket);
        self.count -= usize::from(current);
        current
    }

    pub(super) fn restart(&mut self, first: u64) {
        *self = Self { first, count: 0 };
    }
}

/// The creates in flight that were sent after an event, and since when all of them are unanswered.
#[derive(Debug)]
pub(super) struct Creates {
    pub(super) in_flight: InFlight,
    quiet_since: Instant,
}

impl Creates {
    pub(super) fn new(now: Instant) -> Self {
        Self { in_flight: InFlight::default(), quiet_since: now }
    }

    pub(super) fn start(&mut self, now: Instant) {
        if self.in_flight.count == 0 {
            self.quiet_since = now;
        }
        self.in_flight.count += 1;
    }

    /// Ends a create. Returns `true` if it was sent after the event.
    pub(super) fn end(&mut self, now: Instant, ticket: Ticket) -> bool {
        let current = self.in_flight.end(ticket);
        if current {
            self.quiet_since = now;
        }
        current
    }

    /// Returns the time at which the creates in flight count as silent.
    pub(super) fn silent_at(&self, patience: Duration) -> Option<Instant> {
        (self.in_flight.count > 0).then(|| self.quiet_since + patience)
    }
}

/// The number of requests that may be in flight.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) size: usize,
    max: usize,
    /// The window doubles with each round trip. Otherwise it grows by one.
    doubles: bool,
    answered: usize,
}

impl Window {
    pub(super) fn open(max: usize) -> Self {
        Self { size: max, max, doubles: true, answered: 0 }
    }

    /// Starts with one request, and doubles with each round trip.
    pub(super) fn starting(max: usize) -> Self {
        Self { size: 1, ..Self::open(max) }
    }

    pub(super) fn grow(&mut self) {
        self.answered += 1;
        if self.doubles || self.answered >= self.size {
            self.size = (self.size + 1).min(self.max);
            self.answered = 0;
        }
    }

    pub(super) fn limit(&mut self, size: usize) {
        self.size = self.size.min(size);
    }

    /// Sends one request at a time. The size then grows slowly, because the server may have admitted as many as it can.
    pub(super) fn shrink(&mut self) {
        (self.size, self.doubles, self.answered) = (1, false, 0);
    }
}

/// The largest recent number of requests in flight. It falls by 3 % with each response.
#[derive(Debug, Default)]
pub(super) struct Peak {
    /// In 32nds.
    parts: usize,
}

impl Peak {
    pub(super) fn observe(&mut self, in_flight: usize) {
        self.parts = (self.parts - self.parts / 32).max(in_flight * 32);
    }

    pub(super) fn get(&self) -> usize {
        self.parts.div_ceil(32)
    }
}

/// The longest recent round trip. It tells a slow server from a silent one.
#[derive(Debug, Default)]
pub(in crate::ext::batch) struct RoundTrip(pub(super) Duration);

impl RoundTrip {
    pub(in crate::ext::batch) fn observe(&mut self, time: Duration) {
        self.0 = time.max(self.0.mul_f64(0.9));
    }

    /// Returns the time after which a request counts as silent.
    pub(in crate::ext::batch) fn patience(&self) -> Duration {
        (self.0 * 2).max(Duration::from_secs(2))
    }
}
