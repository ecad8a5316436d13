//! Decides which request of a batch is sent next.
//!
//! With a rate limit, more requests may be due than may be sent. The next one is then the one that shortens the waiting most.
//! A delay of one second costs a request that was never sent one second of waiting. It costs a running task one second only
//! if the task is done by now. Therefore new requests go before polls, unless a task is nearly certain to be done, and among
//! polls the most urgent one goes first.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use tokio::time::Instant;

/// The number of due tasks that are compared for one request, those due longest first. It bounds the work.
const MAX_COMPARED: usize = 64;

/// The value of sending a request now.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) enum Urgency {
    /// The expected saving of a poll; only comparable with others of the same client.
    Weighed(f64),
    /// A retry, or the poll of a task that is nearly certain to be done. Alternates with new requests.
    Immediate,
}

/// The slots of all tasks, each at most once.
#[derive(Default)]
pub(super) struct Scheduler {
    /// Requests that were never sent, in the order of the batch.
    new: VecDeque<usize>,
    /// Ordered by time, then by sequence number.
    not_due: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    /// Ordered by the time at which they became due.
    due: VecDeque<usize>,
    sequence: u64,
    /// The next one, if both a new request and an immediate one could be sent.
    new_first: bool,
}

impl Scheduler {
    pub(super) fn add_new(&mut self, slot: usize) {
        self.new.push_back(slot);
    }

    pub(super) fn add(&mut self, due: Instant, slot: usize) {
        self.sequence += 1;
        self.not_due.push(Reverse((due, self.sequence, slot)));
    }

    /// Removes and returns the slot whose request is sent next.
    pub(super) fn pop(
        &mut self,
        now: Instant,
        new_allowed: bool,
        mut urgency: impl FnMut(usize) -> Urgency,
    ) -> Option<usize> {
        self.promote_due(now);
        let compared = self.due.iter().take(MAX_COMPARED).map(|slot| urgency(*slot)).enumerate();
        // Among equals, the one that became due first.
        let best = compared.reduce(|best, next| if next.1 > best.1 { next } else { best });
        let new_allowed = new_allowed && !self.new.is_empty();
        match best {
            Some((at, urgency)) if !new_allowed || (urgency == Urgency::Immediate && !self.new_first) => {
                self.new_first = true;
                self.due.remove(at)
            }
            _ if new_allowed => {
                self.new_first = false;
                self.new.pop_front()
            }
            _ => None,
        }
    }

    /// Removes and returns a due slot, regardless of its urgency.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<usize> {
        self.promote_due(now);
        self.due.pop_front()
    }

    /// Returns the time of the next request, if there is one.
    pub(super) fn next_due_at(&self, now: Instant, new_allowed_at: Instant) -> Option<Instant> {
        let at_once = (!self.due.is_empty()).then_some(now);
        let new = self.new.front().map(|_| new_allowed_at);
        let later = self.not_due.peek().map(|Reverse((due, ..))| *due);
        [at_once, new, later].into_iter().flatten().min()
    }

    fn promote_due(&mut self, now: Instant) {
        while self.not_due.peek().is_some_and(|Reverse((due, ..))| *due <= now) {
            self.due.extend(self.not_due.pop().map(|Reverse((.., slot))| slot));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Returns the slots in the order in which they are sent.
    fn send_order(scheduler: &mut Scheduler, now: Instant, urgency: impl Fn(usize) -> Urgency) -> Vec<usize> {
        std::iter::from_fn(|| scheduler.pop(now, true, &urgency)).collect()
    }

    #[test]
    fn new_requests_precede_weighed_polls_and_alternate_with_immediate_ones() {
        for (urgency, expected) in
            [(Urgency::Weighed(9.5), [0, 1, 2, 10, 11, 12]), (Urgency::Immediate, [10, 0, 11, 1, 12, 2])]
        {
            let (mut scheduler, now) = (Scheduler::default(), Instant::now());
            for slot in 0..3 {
                scheduler.add_new(slot);
                scheduler.add(now - Duration::from_secs(1), 10 + slot);
            }
            scheduler.add(now + Duration::from_secs(1), 20);
            assert_eq!(send_order(&mut scheduler, now, |_| urgency), expected);
            assert_eq!(scheduler.next_due_at(now, now), Some(now + Duration::from_secs(1)));
        }
    }

    #[test]
    fn most_urgent_due_task_is_sent_first_and_among_equals_the_oldest() {
        let (mut scheduler, now) = (Scheduler::default(), Instant::now());
        for (ago, slot) in [(1, 0), (3, 1), (2, 2), (3, 3), (1, 4)] {
            scheduler.add(now - Duration::from_secs(ago), slot);
        }
        let urgency = |slot| Urgency::Weighed(if slot == 4 { 0.8 } else { 0.2 });
        assert_eq!(send_order(&mut scheduler, now, urgency), [4, 1, 3, 2, 0]);
    }

    #[test]
    fn only_the_oldest_due_tasks_are_compared() {
        let (mut scheduler, now) = (Scheduler::default(), Instant::now());
        for slot in 0..1_000 {
            scheduler.add(now, slot);
        }
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let order = send_order(&mut scheduler, now, |slot| Urgency::Weighed(slot as f64));
        assert_eq!((order[0], order[1], order.len()), (MAX_COMPARED - 1, MAX_COMPARED, 1_000));
    }

    #[test]
    fn new_requests_wait_until_they_are_allowed() {
        let (mut scheduler, now) = (Scheduler::default(), Instant::now());
        scheduler.add_new(0);
        assert_eq!(scheduler.pop(now, false, |_| Urgency::Weighed(0.0)), None);
        let later = now + Duration::from_secs(1);
        assert_eq!(scheduler.next_due_at(now, later), Some(later));
        assert_eq!(scheduler.pop(now, true, |_| Urgency::Weighed(0.0)), Some(0));
    }
}
