//! What happened: the accepted tasks in order, and the counts.

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

    /// Counts a request, whatever will become of it.
    pub(crate) fn record_arrival(&mut self, host: Host, route: Option<Route>) {
        self.requests += u64::from(host == Host::Api);
        self.polls += u64::from(route == Some(Route::Result));
        // The time is taken under the lock, so that the list is in its order.
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

    /// The task of an id in lower case.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Task>> {
        self.by_id.get(id).cloned()
    }

    pub(crate) fn creates(&self) -> u64 {
        self.tasks.len() as u64
    }

    pub(crate) fn spoken(&self) -> Vec<String> {
        self.tasks.iter().map(|(_, task)| task.input.clone()).collect()
    }

    /// Ids and texts, in the order of their creates.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tasks.iter().map(|(id, task)| (id.as_str(), task.input.as_str()))
    }

    pub(crate) fn arrivals(&self, route: Route) -> Vec<Instant> {
        self.arrivals.iter().filter(|(other, _)| *other == route).map(|(_, time)| *time).collect()
    }

    /// The most requests to the API within any such time.
    pub(crate) fn peak(&self, window: Duration) -> usize {
        let times = self.arrivals.iter().filter(|(route, _)| *route != Route::Audio).map(|(_, time)| *time);
        peak(&times.collect::<Vec<_>>(), window)
    }
}

/// The most of these times, which are in order, that lie less than `window` apart.
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

/// Any bits as a UUID of version 4 (RFC 9562): the version is the 13th digit, the variant the top of the 17th.
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
    fn the_peak_is_found_wherever_its_window_begins() {
        let start = Instant::now();
        let peak = |millis: &[u64]| {
            let times: Vec<_> = millis.iter().map(|time| start + Duration::from_millis(*time)).collect();
            super::peak(&times, Duration::from_secs(1))
        };
        assert_eq!(peak(&[]), 0);
        assert_eq!(peak(&[5]), 1);
        assert_eq!(peak(&[0, 1000, 2000]), 1, "a second apart is not within a second");
        assert_eq!(peak(&[0, 900, 1000, 1800, 1899, 2900]), 4);
        assert_eq!(peak(&[7, 7, 7]), 3);
    }

    #[test]
    fn ids_are_uuids_of_version_4_whatever_the_bits() {
        assert_eq!(uuid_v4(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid_v4(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
