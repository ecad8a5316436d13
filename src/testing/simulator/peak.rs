//! The busiest second.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(1);

/// The maximum number of requests in any one second. It remembers the times of the last second only.
#[derive(Debug, Default)]
pub(crate) struct Peak {
    last_second: VecDeque<Instant>,
    max: usize,
}

impl Peak {
    /// Counts a request. The times must be in order.
    pub(crate) fn record(&mut self, now: Instant) {
        while self.last_second.front().is_some_and(|first| now.duration_since(*first) >= WINDOW) {
            self.last_second.pop_front();
        }
        self.last_second.push_back(now);
        self.max = self.max.max(self.last_second.len());
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_counts_the_busiest_window() {
        let start = Instant::now();
        let peak = |millis: &[u64]| {
            let mut peak = Peak::default();
            for time in millis {
                peak.record(start + Duration::from_millis(*time));
            }
            peak.max()
        };
        assert_eq!(peak(&[]), 0);
        assert_eq!(peak(&[5]), 1);
        assert_eq!(peak(&[0, 1000, 2000]), 1, "times one second apart are not in one window");
        assert_eq!(peak(&[0, 900, 1000, 1800, 1899, 2900]), 4);
        assert_eq!(peak(&[7, 7, 7]), 3);
    }
}
