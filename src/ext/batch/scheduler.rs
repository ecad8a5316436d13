//! Which of many requests goes next.
//!
//! Where there are more requests to make than may be made, the next one goes where it is expected to shorten the waiting
//! most. A second of delay costs a request that was never sent a second of waiting; it costs a task a second only if it
//! is done by now, and nobody knows. So new requests go before polls, unless a task is all but certain to be done; and
//! of the polls the most urgent goes first.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use tokio::time::Instant;

/// The most tasks that are compared for one request, those due for the longest time first. It bounds the work; with more
/// than these overdue, the rest have their turn as they get older.
const MAX_COMPARED: usize = 64;

/// Places of tasks, each at most once: as new, as due at some time, or as overdue.
#[derive(Default)]
pub(super) struct Scheduler {
    /// Never sent, in the order of the batch.
    new: VecDeque<usize>,
    /// By time, and then by turn.
    not_due: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    /// Those whose time has come, in its order.
    due: VecDeque<usize>,
    /// At their deadline: nothing holds them back any more.
    at_deadline: VecDeque<usize>,
    sequence: u64,
    /// What goes next if both a new request and a task that is all but done could.
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

    pub(super) fn add_at_deadline(&mut self, slot: usize) {
        self.at_deadline.push_back(slot);
    }

    /// The next one that may go now; `urgency` tells what a request for a place is worth. Without bounds, it takes turns
    /// with those that were never sent.
    pub(super) fn pop(
        &mut self,
        now: Instant,
        new_may_go: bool,
        urgency: impl Fn(usize) -> f64,
    ) -> Option<usize> {
        if let Some(slot) = self.at_deadline.pop_front() {
            return Some(slot);
        }
        self.promote_due(now);
        let compared = self.due.iter().take(MAX_COMPARED).map(|slot| urgency(*slot)).enumerate();
        // Of equals the one that was due first.
        let best = compared.reduce(|best, next| if next.1 > best.1 { next } else { best });
        let new = new_may_go && !self.new.is_empty();
        match best {
            Some((at, urgency)) if !new || (urgency.is_infinite() && !self.new_first) => {
                self.new_first = true;
                self.due.remove(at)
            }
            _ if new => {
                self.new_first = false;
                self.new.pop_front()
            }
            _ => None,
        }
    }

    /// The next one that is due, whether it may go or not.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<usize> {
        self.promote_due(now);
        self.due.pop_front()
    }

    /// From when on there is something to send.
    pub(super) fn next_due_at(&self, now: Instant, new_may_go_at: Instant) -> Option<Instant> {
        let at_once = (!self.at_deadline.is_empty() || !self.due.is_empty()).then_some(now);
        let new = self.new.front().map(|_| new_may_go_at);
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

    /// What goes next, until nothing does.
    fn order(agenda: &mut Scheduler, now: Instant, urgency: impl Fn(usize) -> f64) -> Vec<usize> {
        std::iter::from_fn(|| agenda.pop(now, true, &urgency)).collect()
    }

    #[test]
    fn new_ones_go_before_the_urgent_and_take_turns_with_those_that_are_done() {
        for (urgency, expected) in [(9.5, [0, 1, 2, 10, 11, 12]), (f64::INFINITY, [10, 0, 11, 1, 12, 2])] {
            let (mut agenda, now) = (Scheduler::default(), Instant::now());
            for slot in 0..3 {
                agenda.add_new(slot);
                agenda.add(now - Duration::from_secs(1), 10 + slot);
            }
            agenda.add(now + Duration::from_secs(1), 20);
            assert_eq!(order(&mut agenda, now, |_| urgency), expected);
            assert_eq!(agenda.next_due_at(now, now), Some(now + Duration::from_secs(1)));
        }
    }

    #[test]
    fn of_those_that_are_due_the_most_urgent_goes_first_and_of_equals_the_oldest() {
        let (mut agenda, now) = (Scheduler::default(), Instant::now());
        for (ago, slot) in [(1, 0), (3, 1), (2, 2), (3, 3), (1, 4)] {
            agenda.add(now - Duration::from_secs(ago), slot);
        }
        agenda.add_at_deadline(9);
        let urgency = |slot| if slot == 4 { 0.8 } else { 0.2 };
        assert_eq!(order(&mut agenda, now, urgency), [9, 4, 1, 3, 2, 0]);
    }

    #[test]
    fn with_very_many_the_oldest_are_compared() {
        let (mut agenda, now) = (Scheduler::default(), Instant::now());
        for slot in 0..1_000 {
            agenda.add(now, slot);
        }
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let order = order(&mut agenda, now, |slot| slot as f64);
        assert_eq!((order[0], order[1], order.len()), (MAX_COMPARED - 1, MAX_COMPARED, 1_000));
    }

    #[test]
    fn new_ones_wait_where_they_may_not_go() {
        let (mut agenda, now) = (Scheduler::default(), Instant::now());
        agenda.add_new(0);
        assert_eq!(agenda.pop(now, false, |_| 0.0), None);
        let later = now + Duration::from_secs(1);
        assert_eq!(agenda.next_due_at(now, later), Some(later));
        assert_eq!(agenda.pop(now, true, |_| 0.0), Some(0));
    }
}
