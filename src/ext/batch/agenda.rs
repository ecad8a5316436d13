//! Which of many requests goes next.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use tokio::time::Instant;

/// Places of tasks, each at most once: as new, as due at some time, or as overdue.
#[derive(Default)]
pub(super) struct Agenda {
    /// Never sent, in the order of the batch.
    new: VecDeque<usize>,
    /// By time, and then by turn.
    due: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    /// At their deadline: nothing holds them back any more.
    last: VecDeque<usize>,
    turns: u64,
    /// What goes next if both a new request and one that is due could.
    new_first: bool,
}

impl Agenda {
    pub(super) fn add_new(&mut self, place: usize) {
        self.new.push_back(place);
    }

    pub(super) fn add(&mut self, due: Instant, place: usize) {
        self.turns += 1;
        self.due.push(Reverse((due, self.turns, place)));
    }

    pub(super) fn add_last(&mut self, place: usize) {
        self.last.push_back(place);
    }

    /// The next one that may go now. New ones and those that are due take turns: neither starves the other.
    pub(super) fn pop(&mut self, now: Instant, new_may_go: bool) -> Option<usize> {
        if let Some(place) = self.last.pop_front() {
            return Some(place);
        }
        let new = new_may_go && !self.new.is_empty() && (self.new_first || !self.is_due(now));
        let place = if new { self.new.pop_front() } else { self.pop_due(now) };
        self.new_first = !new;
        place
    }

    /// The next one that is due, whether it may go or not.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<usize> {
        if !self.is_due(now) {
            return None;
        }
        self.due.pop().map(|Reverse((.., place))| place)
    }

    /// From when on there is something to send.
    pub(super) fn ready_at(&self, now: Instant, new_may_go_at: Instant) -> Option<Instant> {
        let last = self.last.front().map(|_| now);
        let new = self.new.front().map(|_| new_may_go_at);
        let due = self.due.peek().map(|Reverse((due, ..))| *due);
        [last, new, due].into_iter().flatten().min()
    }

    fn is_due(&self, now: Instant) -> bool {
        self.due.peek().is_some_and(|Reverse((due, ..))| *due <= now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn new_ones_and_due_ones_take_turns() {
        let (mut agenda, now) = (Agenda::default(), Instant::now());
        for place in 0..3 {
            agenda.add_new(place);
            agenda.add(now - Duration::from_secs(1), 10 + place);
        }
        agenda.add(now + Duration::from_secs(1), 20);
        let mut order = Vec::new();
        while let Some(place) = agenda.pop(now, true) {
            order.push(place);
        }
        assert_eq!(order, [10, 0, 11, 1, 12, 2]);
        assert_eq!(agenda.ready_at(now, now), Some(now + Duration::from_secs(1)));
    }

    #[test]
    fn those_that_are_due_come_by_time_and_then_by_turn() {
        let (mut agenda, now) = (Agenda::default(), Instant::now());
        for (ago, place) in [(1, 0), (3, 1), (2, 2), (3, 3)] {
            agenda.add(now - Duration::from_secs(ago), place);
        }
        agenda.add_last(9);
        let order: Vec<_> = std::iter::from_fn(|| agenda.pop(now, true)).collect();
        assert_eq!(order, [9, 1, 3, 2, 0]);
    }

    #[test]
    fn new_ones_wait_where_they_may_not_go() {
        let (mut agenda, now) = (Agenda::default(), Instant::now());
        agenda.add_new(0);
        assert_eq!(agenda.pop(now, false), None);
        let later = now + Duration::from_secs(1);
        assert_eq!(agenda.ready_at(now, later), Some(later));
        assert_eq!(agenda.pop(now, true), Some(0));
    }
}
