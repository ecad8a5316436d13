//! Decides when a batch may send creates: a circuit breaker.
//!
//! A create that is sent during an outage may end in doubt. Therefore the first create that fails without a conclusive
//! response opens the breaker, and no create is sent. A poll is free: the breaker waits until a poll is answered. Then one
//! create at a time is sent, because an answered poll does not prove that creates work. The first accepted create closes
//! the breaker. From then on the number of creates in flight grows, as in TCP's slow start.
//!
//! A server that falls silent leaves all creates in flight in doubt. Therefore at most one create more is in flight than
//! lately, when the server answered.
//!
//! After a 429 the server is available. All requests of the batch then pause together, unless a cooldown runs, and their
//! number in flight grows again from one.

mod outcome;
mod window;

use std::time::Duration;

use tokio::time::Instant;

use self::window::{Creates, InFlight, Peak, Window};
pub(super) use self::{
    outcome::Outcome,
    window::{RoundTrip, Ticket},
};
use crate::ext::retry::backoff::{backoff, with_jitter};

/// The most creates in flight. The other places are for polls, so that silent creates cannot stop them.
pub(super) const MAX_CREATES: usize = 192;

/// The most requests in flight, because each holds a connection.
pub(super) const MAX_REQUESTS: usize = 256;

/// The time after which creates count as silent before the first one is answered.
const FIRST_PATIENCE: Duration = Duration::from_secs(2);

/// The least time after which creates count as silent.
const MIN_PATIENCE: Duration = Duration::from_millis(500);

/// The longest pause before the next create while polls are answered and creates fail.
const MAX_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Outage {
    since: Instant,
    /// Creates are silent, but none has failed.
    suspected: bool,
    /// From this time on, an answered poll allows one create at a time. `None` if creates are allowed one at a time.
    probe_at: Option<Instant>,
    failed_probes: u32,
}

impl Outage {
    fn is_certain(&self) -> bool {
        !self.suspected || self.failed_probes > 0
    }
}

#[derive(Debug)]
pub(super) struct Breaker {
    outage: Option<Outage>,
    /// The number of times the breaker opened since the last accepted create.
    trips: u32,
    next_number: u64,
    /// The creates since the breaker opened. Responses to earlier requests say nothing new.
    creates: Creates,
    create_window: Window,
    recent_creates: Peak,
    round_trip: RoundTrip,
    /// All requests since the last 429. A 429 to an earlier request belongs to the same event.
    requests: InFlight,
    /// The creates among `requests`.
    requested_creates: Creates,
    request_window: Window,
    /// The number of pauses after a 429 without `Retry-After` in a row.
    pauses: u32,
    paused_until: Option<Instant>,
    /// The time of the first 429 without `Retry-After` to a create, since the last accepted create.
    throttled_since: Option<Instant>,
}

impl Breaker {
    pub(super) fn new() -> Self {
        let creates = || Creates::new(Instant::now());
        Self {
            outage: None,
            trips: 0,
            next_number: 0,
            creates: creates(),
            create_window: Window::open(MAX_CREATES),
            recent_creates: Peak::default(),
            round_trip: RoundTrip::default(),
            requests: InFlight::default(),
            requested_creates: creates(),
            request_window: Window::open(MAX_REQUESTS),
            pauses: 0,
            paused_until: None,
            throttled_since: None,
        }
    }

    pub(super) fn on_create_sent(&mut self, now: Instant) -> Ticket {
        self.creates.start(now);
        self.requested_creates.start(now);
        self.on_poll_sent(now)
    }

    pub(super) fn on_poll_sent(&mut self, now: Instant) -> Ticket {
        self.next_number += 1;
        self.requests.count += 1;
        Ticket { number: self.next_number - 1, sent_at: now }
    }

    pub(super) fn on_create(&mut self, now: Instant, ticket: Ticket, outcome: Outcome) {
        let current = self.creates.end(now, ticket);
        self.requested_creates.end(now, ticket);
        let suspected = self.outage.as_ref().is_some_and(|outage| outage.suspected);
        match outcome {
            Outcome::Answered => {
                self.throttled_since = None;
                self.round_trip.observe(ticket.age(now));
                if current || suspected {
                    self.close();
                    self.create_window.grow();
                    // If the server falls silent, no more creates are in doubt than were lately in flight, plus one.
                    self.recent_creates.observe(self.creates.in_flight.count + 1);
                    self.create_window.limit(self.recent_creates.get() + 1);
                }
            }
            Outcome::Unavailable if current || suspected => self.open(now, false),
            Outcome::Throttled { retry_after: false } => {
                self.throttled_since.get_or_insert(now);
            }
            Outcome::Unavailable | Outcome::Rejected | Outcome::Throttled { retry_after: true } => {}
        }
        self.on_response(now, ticket, outcome);
    }

    pub(super) fn on_poll(&mut self, now: Instant, ticket: Ticket, outcome: Outcome) {
        if outcome == Outcome::Answered
            && self.creates.in_flight.is_current(ticket)
            && let Some(outage) = &mut self.outage
        {
            outage.probe_at.take_if(|at| *at <= now);
        }
        self.on_response(now, ticket, outcome);
    }

    /// Records a poll that the breaker asked for.
    pub(super) fn on_probe(&mut self, now: Instant, ticket: Ticket, outcome: Outcome) {
        self.on_poll(now, ticket, outcome);
        if let Some(Outage { probe_at: Some(probe_at), failed_probes, suspected, .. }) = &mut self.outage
            && *probe_at <= now
        {
            *failed_probes += 1;
            *probe_at = now + with_jitter(backoff(*failed_probes));
            if *failed_probes == 1 && *suspected {
                tracing::warn!("server silent, submissions paused");
            }
        }
    }

    /// Opens the breaker if all creates in flight have been unanswered for too long.
    pub(super) fn check_silence(&mut self, now: Instant) {
        if self.silent_at().is_some_and(|at| at <= now) {
            self.open(now, true);
        }
    }

    /// Returns the time at which the creates in flight count as silent. Then the breaker opens.
    pub(super) fn silent_at(&self) -> Option<Instant> {
        self.creates.silent_at(self.patience()).filter(|_| self.outage.is_none())
    }

    /// Returns the time at which creates in flight no longer keep other requests from being sent after a 429.
    pub(super) fn creates_give_way_at(&self) -> Option<Instant> {
        self.requested_creates.silent_at(self.patience())
    }

    /// Returns the time after which creates without a response count as silent.
    fn patience(&self) -> Duration {
        match self.round_trip.0 {
            Duration::ZERO => FIRST_PATIENCE,
            time => (time * 4).max(MIN_PATIENCE),
        }
    }

    /// Returns `true` if another create may be sent. `prepared` creates are about to be sent.
    pub(super) fn allows_create(&self, prepared: usize) -> bool {
        let limit = match &self.outage {
            None => self.create_window.size,
            Some(Outage { probe_at: Some(_), .. }) => 0,
            Some(_) => 1,
        };
        self.creates.in_flight.count + prepared < limit
    }

    /// Returns `true` if creates that are ready to be sent have to wait for the end of an outage.
    pub(super) fn holds_ready(&self) -> bool {
        self.outage.is_some() && !self.allows_create(0)
    }

    /// Returns `true` if another request may be sent, given the last 429. Silent requests do not count.
    pub(super) fn allows_request(&self, now: Instant, silent_polls: usize) -> bool {
        let are_creates_silent = self.creates_give_way_at().is_some_and(|at| at <= now);
        let silent_creates = if are_creates_silent { self.requested_creates.in_flight.count } else { 0 };
        self.requests.count.saturating_sub(silent_polls + silent_creates) < self.request_window.size
    }

    /// Returns the time at which a poll should be sent, if creates wait for one.
    pub(super) fn probe_at(&self) -> Option<Instant> {
        self.outage.as_ref()?.probe_at
    }

    /// Allows one create at a time, although no poll was answered.
    pub(super) fn allow_one_create(&mut self) {
        if let Some(outage) = &mut self.outage {
            outage.probe_at = None;
        }
    }

    /// Returns the number of probes in this outage that were not answered.
    pub(super) fn failed_probes(&self) -> u32 {
        self.outage.as_ref().map_or(0, |outage| outage.failed_probes)
    }

    /// Returns the start of the outage. A silence counts as soon as a probe is not answered.
    pub(super) fn outage_since(&self) -> Option<Instant> {
        self.outage.as_ref().filter(|outage| outage.is_certain()).map(|outage| outage.since)
    }

    /// Returns the time since which creates have received only 429 without `Retry-After`.
    pub(super) fn throttled_since(&self) -> Option<Instant> {
        self.throttled_since
    }

    /// Returns the end of the common pause after a 429.
    pub(super) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.paused_until.filter(|until| *until > now)
    }

    fn open(&mut self, now: Instant, suspected: bool) {
        self.trips += 1;
        let since = self.outage.as_ref().map_or(now, |outage| outage.since);
        if !suspected {
            if !self.outage.as_ref().is_some_and(Outage::is_certain) {
                tracing::warn!("server unavailable, submissions paused");
            }
            self.create_window = Window::starting(MAX_CREATES);
            self.recent_creates = Peak::default();
        }
        let probe_at = Some(now + pause(self.trips));
        self.outage = Some(Outage { since, suspected, probe_at, failed_probes: 0 });
        self.creates.in_flight.restart(self.next_number);
        // Requests of the outage may be silent, and must not keep the probe from being sent.
        self.restart_requests();
    }

    fn restart_requests(&mut self) {
        self.requests.restart(self.next_number);
        self.requested_creates.in_flight.restart(self.next_number);
    }

    fn close(&mut self) {
        self.trips = 0;
        if let Some(outage) = self.outage.take_if(|outage| outage.is_certain()) {
            tracing::info!(
                seconds = outage.since.elapsed().as_secs(),
                "server available, submissions resumed"
            );
        }
        self.outage = None;
    }

    fn on_response(&mut self, now: Instant, ticket: Ticket, outcome: Outcome) {
        if !self.requests.end(ticket) {
            return;
        }
        match outcome {
            Outcome::Answered | Outcome::Rejected => {
                self.request_window.grow();
                self.pauses = 0;
            }
            Outcome::Throttled { retry_after } => {
                self.request_window.shrink();
                self.restart_requests();
                if !retry_after {
                    self.pauses += 1;
                    self.paused_until = Some(now + with_jitter(backoff(self.pauses)));
                }
            }
            Outcome::Unavailable => {}
        }
    }
}

/// Returns the pause before the first probe. Only the first one is sent at once: if polls are answered and creates fail,
/// each cycle may leave one create in doubt.
fn pause(trips: u32) -> Duration {
    match trips.checked_sub(2) {
        None => Duration::ZERO,
        Some(doublings) => (Duration::from_millis(500) * (1 << doublings.min(7))).min(MAX_PAUSE),
    }
}

#[cfg(test)]
mod tests;
