//! Records and counts of received requests.

use std::collections::{HashMap, VecDeque};

use serde::Serialize;
use tokio::time::Instant;

use super::{clock::Clock, peak::Peak};
use crate::testing::faults::{
    active_script::task_hash,
    received_request::ReceivedRequest,
    route::{Host, Route},
};

/// The most refused requests that are described when a test fails.
const MAX_DESCRIBED: usize = 20;

/// The numbers of received requests.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) polls: u64,
    pub(crate) downloads: u64,
    pub(crate) leaks: u64,
    pub(crate) rate_limited: u64,
    pub(crate) faults: u64,
    pub(crate) refused: u64,
}

/// The outcome of a request, for its record.
#[derive(Debug, Default)]
pub(crate) struct Processed {
    pub(crate) status: Option<u16>,
    pub(crate) refused: Option<String>,
    pub(crate) task: Option<crate::TaskId>,
    pub(crate) is_download: bool,
}

#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) counts: Counts,
    /// The latest requests.
    received: VecDeque<ReceivedRequest>,
    max_received: usize,
    /// The number of the first request in `received`.
    first: u64,
    /// The number of the first request since the last [`clear`](Self::clear).
    cleared: u64,
    /// The refused requests, described.
    refused: Vec<String>,
    /// The number of requests of a route for each task, by its hash, which takes less memory than a long text.
    attempts: HashMap<(Route, u64), u64>,
    peak: Peak,
    /// `true` after a fault or an outage of the API, until a submission is accepted without one. Meanwhile, a batch may
    /// poll an unknown task to find out whether the server responds.
    pub(crate) is_disturbed: bool,
}

impl Records {
    pub(crate) fn new(max_received: usize) -> Self {
        Self {
            counts: Counts::default(),
            received: VecDeque::new(),
            max_received,
            first: 0,
            cleared: 0,
            refused: Vec::new(),
            attempts: HashMap::new(),
            peak: Peak::default(),
            is_disturbed: false,
        }
    }

    /// Forgets all requests, including those in flight.
    pub(crate) fn clear(&mut self) {
        let next = self.first + self.received.len() as u64;
        let is_disturbed = self.is_disturbed;
        *self = Self { first: next, cleared: next, is_disturbed, ..Self::new(self.max_received) };
    }

    /// Counts an arrival, and sets its attempt.
    pub(crate) fn count(&mut self, request: &mut ReceivedRequest, now: Instant) {
        self.counts.requests += u64::from(request.host == Host::Api);
        self.counts.polls += u64::from(request.route == Some(Route::Result));
        if let Some(route) = request.route {
            let attempts = self.attempts.entry((route, task_hash(request))).or_default();
            *attempts += 1;
            request.attempt = *attempts;
            if route != Route::Audio {
                // The caller holds the lock, so the times are in order.
                self.peak.record(now);
            }
        }
    }

    /// Adds a request, and returns its number.
    pub(crate) fn push(&mut self, request: ReceivedRequest) -> u64 {
        self.counts.faults += u64::from(request.fault.is_some());
        self.received.push_back(request);
        while self.received.len() > self.max_received {
            self.received.pop_front();
            self.first += 1;
        }
        self.first + self.received.len() as u64 - 1
    }

    /// Adds the outcome to the record with this number. `record` is the request as it arrived, because its record
    /// may be forgotten.
    pub(crate) fn processed(&mut self, number: u64, record: &ReceivedRequest, processed: Processed) {
        if record.host == Host::Api && record.fault.is_some() {
            self.is_disturbed = true;
        } else if record.route == Some(Route::Create) && processed.status == Some(200) {
            self.is_disturbed = false;
        }
        if number < self.cleared {
            return;
        }
        self.counts.downloads += u64::from(processed.is_download);
        self.counts.refused += u64::from(processed.refused.is_some());
        if let Some(reason) = &processed.refused
            && self.refused.len() < MAX_DESCRIBED
        {
            let status = processed.status.unwrap_or_default();
            self.refused.push(format!("{} {}: {status} {reason}", record.method, record.path));
        }
        let index = number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        let Some(request) = index.and_then(|index| self.received.get_mut(index)) else { return };
        request.status = processed.status;
        request.task = processed.task.or(request.task.take());
        request.refused = processed.refused;
    }

    pub(crate) fn received(&self) -> Vec<ReceivedRequest> {
        self.received.iter().cloned().collect()
    }

    /// Returns the descriptions of refused requests, one a line. `None` if all were accepted.
    pub(crate) fn refused(&self) -> Option<String> {
        let more = self.counts.refused.saturating_sub(self.refused.len() as u64);
        let mut lines = self.refused.clone();
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    pub(crate) fn arrivals(&self, route: Route, clock: &Clock) -> Vec<Instant> {
        let of_route = self.received.iter().filter(|request| request.route == Some(route));
        of_route.map(|request| clock.instant(request.at)).collect()
    }

    pub(crate) fn peak(&self) -> usize {
        self.peak.max()
    }
}
