//! Records accepted tasks in order, arrival times and counts.

use std::{collections::HashMap, fmt::Write as _, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::task::Task;
use crate::testing::faults::route::{Host, Route};

pub(crate) struct Recorder {
    pub(crate) requests: u64,
    pub(crate) polls: u64,
    pub(crate) downloads: u64,
    pub(crate) leaks: u64,
    pub(crate) rate_limited: u64,
    pub(crate) faults: u64,
    arrivals: Vec<(Route, Instant)>,
    tasks: Vec<(String, Arc<Task>)>,
    by_id: HashMap<String, Arc<Task>>,
    ids: fastrand::Rng,
}

impl Recorder {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self {
            requests: 0,
            polls: 0,
            downloads: 0,
            leaks: 0,
            rate_limited: 0,
            faults: 0,
            arrivals: Vec::new(),
            tasks: Vec::new(),
            by_id: HashMap::new(),
            ids: seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed),
        }
    }

    /// Counts a request, regardless of its response.
    pub(crate) fn record_arrival(&mut self, host: Host, route: Option<Route>) {
        self.requests += u64::from(host == Host::Api);
        self.polls += u64::from(route == Some(Route::Result));
        // The caller holds the lock here, so the list is in the order of these times.
        self.arrivals.extend(route.map(|route| (route, Instant::now())));
    }

    /// Accepts a task and returns its id.
    pub(crate) fn accept(&mut self, task: Task) -> String {
        let id = uuid_v4(self.ids.u128(..));
        let task = Arc::new(task);
        self.tasks.push((id.clone(), Arc::clone(&task)));
        self.by_id.insert(id.clone(), task);
        id
    }

    /// Returns the task with this id, in lower case.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Task>> {
        self.by_id.get(id).cloned()
    }

    pub(crate) fn creates(&self) -> u64 {
        self.tasks.len() as u64
    }

    pub(crate) fn spoken(&self) -> Vec<String> {
        self.tasks.iter().map(|(_, task)| task.input.clone()).collect()
    }

    /// Returns task ids and texts in the order of submission.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tasks.iter().map(|(id, task)| (id.as_str(), task.input.as_str()))
    }

    pub(crate) fn arrivals(&self, route: Route) -> Vec<Instant> {
        self.arrivals.iter().filter(|(other, _)| *other == route).map(|(_, time)| *time).collect()
    }

    /// Returns the maximum number of requests to the API within any window of this length.
    pub(crate) fn peak(&self, window: Duration) -> usize {
        let times = self.arrivals.iter().filter(|(route, _)| *route != Route::Audio).map(|(_, time)| *time);
        peak(&times.collect::<Vec<_>>(), window)
    }
}

/// Returns the maximum number of times that are less than `window` apart. The times must be in order.
fn peak(times: &[Instant], window: Duration) -> usize {
    let mut first = 0;
    let within = times.iter().enumerate().map(|(last, time)| {
        while time.duration_since(times[first]) >= window {
            first += 1;
        }
        last - first + 1
    });
    within.max().unwrap_or(0)
}

/// Formats random bits as a version 4 UUID (RFC 9562). The 13th digit holds the version, the top two bits of
/// the 17th digit the variant.
fn uuid_v4(bits: u128) -> String {
    let bits = bits & !(0xf << 76) | (4 << 76);
    let bits = bits & !(0b11 << 62) | (0b10 << 62);
    let digits = format!("{bits:032x}");
    let mut id = digits[..8].to_owned();
    for group in [8..12, 12..16, 16..20, 20..32] {
        let _ = write!(id, "-{}", &digits[group]);
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_counts_the_busiest_window() {
        let start = Instant::now();
        let peak = |millis: &[u64]| {
            let times: Vec<_> = millis.iter().map(|time| start + Duration::from_millis(*time)).collect();
            super::peak(&times, Duration::from_secs(1))
        };
        assert_eq!(peak(&[]), 0);
        assert_eq!(peak(&[5]), 1);
        assert_eq!(peak(&[0, 1000, 2000]), 1, "times one second apart are not in one window");
        assert_eq!(peak(&[0, 900, 1000, 1800, 1899, 2900]), 4);
        assert_eq!(peak(&[7, 7, 7]), 3);
    }

    #[test]
    fn uuid_v4_sets_version_and_variant() {
        assert_eq!(uuid_v4(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid_v4(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
