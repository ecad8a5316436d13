//! Decides which request of a batch is sent next.
//!
//! With a rate limit, more requests may be due than may be sent. The next one is then the one that shortens the waiting most.
//! A delay of one second costs a request that was never sent one second of waiting. It costs a running task one second only
//! if the task is done by now. Therefore creates go before polls, unless a task is nearly certain to be done, and among
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
    /// The poll of a task that is nearly certain to be done. Alternates with creates.
    Immediate,
}

/// Slots ordered by time, then by sequence number.
type Timeline = BinaryHeap<Reverse<(Instant, u64, usize)>>;

/// The slots of all tasks, each at most once.
#[derive(Default)]
pub(super) struct Scheduler {
    /// Creates that were never sent, in the order of the batch.
    new: VecDeque<usize>,
    /// Creates that are sent again later.
    retries: Timeline,
    /// Creates that are sent again, ordered by the time at which they became due.
    due_retries: VecDeque<usize>,
    /// Polls that are sent later.
    not_due: Timeline,
    /// Polls, ordered by the time at which they became due.
    due: VecDeque<usize>,
    /// Tasks at their deadline, which neither a cooldown nor another task delays.
    at_deadline: VecDeque<usize>,
    sequence: u64,
    /// The next one, if both a create and an immediate poll could be sent.
    create_first: bool,
}

impl Scheduler {
    pub(super) fn add_new(&mut self, slot: usize) {
        self.new.push_back(slot);
    }

    /// Adds a create again that was not sent after all.
    pub(super) fn add_new_again(&mut self, slot: usize) {
        self.new.push_front(slot);
    }

    pub(super) fn add_retry(&mut self, due: Instant, slot: usize) {
        self.sequence += 1;
        self.retries.push(Reverse((due, self.sequence, slot)));
    }

    /// Adds a poll.
    pub(super) fn add(&mut self, due: Instant, slot: usize) {
        self.sequence += 1;
        self.not_due.push(Reverse((due, self.sequence, slot)));
    }

    pub(super) fn add_at_deadline(&mut self, slot: usize) {
        self.at_deadline.push_back(slot);
    }

    /// Removes and returns the slot whose request is sent next.
    pub(super) fn pop(
        &mut self,
        now: Instant,
        creates_allowed: bool,
        mut urgency: impl FnMut(usize) -> Urgency,
    ) -> Option<usize> {
        if let Some(slot) = self.at_deadline.pop_front() {
            return Some(slot);
        }
        self.promote_due(now);
        let compared = self.due.iter().take(MAX_COMPARED).map(|slot| urgency(*slot)).enumerate();
        // Among equals, the one that became due first.
        let best = compared.reduce(|best, next| if next.1 > best.1 { next } else { best });
        let is_create_due = creates_allowed && self.has_due_creates();
        match best {
            Some((at, urgency))
                if !is_create_due || (urgency == Urgency::Immediate && !self.create_first) =>
            {
                self.create_first = true;
                self.due.remove(at)
            }
            _ if is_create_due => {
                self.create_first = false;
                // The deadline of a retry is running.
                self.due_retries.pop_front().or_else(|| self.new.pop_front())
            }
            _ => None,
        }
    }

    /// Removes and returns a due poll, regardless of its urgency.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<usize> {
        self.promote_due(now);
        self.due.pop_front()
    }

    /// Removes and returns the creates for which the condition holds, except retries that are not due.
    pub(super) fn take_creates(
        &mut self,
        now: Instant,
        mut condition: impl FnMut(usize) -> bool,
    ) -> Vec<usize> {
        self.promote_due(now);
        let mut taken = Vec::new();
        for creates in [&mut self.due_retries, &mut self.new] {
            creates.retain(|slot| {
                let is_taken = condition(*slot);
                taken.extend(is_taken.then_some(*slot));
                !is_taken
            });
        }
        taken
    }

    /// Removes and returns the polls for which the condition holds.
    pub(super) fn take_polls(&mut self, condition: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut taken = Vec::new();
        let mut keep = |slot: usize| {
            let is_taken = condition(slot);
            taken.extend(is_taken.then_some(slot));
            !is_taken
        };
        self.not_due.retain(|Reverse((.., slot))| keep(*slot));
        self.due.retain(|slot| keep(*slot));
        self.at_deadline.retain(|slot| keep(*slot));
        taken
    }

    /// Removes and returns the first due retry for which the condition holds.
    pub(super) fn take_retry(&mut self, now: Instant, condition: impl Fn(usize) -> bool) -> Option<usize> {
        self.promote_due(now);
        let at = self.due_retries.iter().position(|slot| condition(*slot))?;
        self.due_retries.remove(at)
    }

    /// Returns the time of the first retry for which the condition holds.
    pub(super) fn next_retry_at(&self, now: Instant, condition: impl Fn(usize) -> bool) -> Option<Instant> {
        let due = self.due_retries.iter().any(|slot| condition(*slot)).then_some(now);
        let later = self.retries.iter().filter(|Reverse((.., slot))| condition(*slot));
        due.or_else(|| later.map(|Reverse((at, ..))| *at).min())
    }

    /// Removes and returns all creates.
    pub(super) fn take_all_creates(&mut self) -> Vec<usize> {
        let Self { new, retries, due_retries, .. } = self;
        let later = retries.drain().map(|Reverse((.., slot))| slot);
        due_retries.drain(..).chain(new.drain(..)).chain(later).collect()
    }

    pub(super) fn has_creates(&self) -> bool {
        self.has_due_creates() || !self.retries.is_empty()
    }

    fn has_due_creates(&self) -> bool {
        !self.due_retries.is_empty() || !self.new.is_empty()
    }

    /// Returns the time of the next request, if there is one. A create is sent from `creates_at` on.
    pub(super) fn next_due_at(&self, now: Instant, creates_at: Option<Instant>) -> Option<Instant> {
        let at_once = (!self.at_deadline.is_empty() || !self.due.is_empty()).then_some(now);
        let later = self.not_due.peek().map(|Reverse((due, ..))| *due);
        let create = creates_at.filter(|_| self.has_due_creates());
        let retry = self.retries.peek().map(|Reverse((due, ..))| *due);
        let retry = creates_at.zip(retry).map(|(allowed, due)| allowed.max(due));
        [at_once, later, create, retry].into_iter().flatten().min()
    }

    fn promote_due(&mut self, now: Instant) {
        for (later, due) in [(&mut self.not_due, &mut self.due), (&mut self.retries, &mut self.due_retries)] {
            while later.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
                due.extend(later.pop().map(|Reverse((.., slot))| slot));
            }
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
            assert_eq!(scheduler.next_due_at(now, Some(now)), Some(now + Duration::from_secs(1)));
        }
    }

    #[test]
    fn most_urgent_due_task_is_sent_first_and_among_equals_the_oldest() {
        let (mut scheduler, now) = (Scheduler::default(), Instant::now());
        for (ago, slot) in [(1, 0), (3, 1), (2, 2), (3, 3), (1, 4)] {
            scheduler.add(now - Duration::from_secs(ago), slot);
        }
        scheduler.add_at_deadline(9);
        let urgency = |slot| Urgency::Weighed(if slot == 4 { 0.8 } else { 0.2 });
        assert_eq!(send_order(&mut scheduler, now, urgency), [9, 4, 1, 3, 2, 0]);
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
        assert_eq!(scheduler.next_due_at(now, Some(later)), Some(later));
        assert_eq!(scheduler.next_due_at(now, None), None);
        assert_eq!(scheduler.pop(now, true, |_| Urgency::Weighed(0.0)), Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn due_retry_precedes_new_request_and_is_taken_by_condition() {
        let (mut scheduler, now) = (Scheduler::default(), Instant::now());
        for slot in [0, 1, 2] {
            scheduler.add_new(slot);
        }
        scheduler.add_retry(now, 5);
        scheduler.add_retry(now + Duration::from_secs(1), 6);
        assert_eq!(scheduler.take_creates(now, |slot| slot == 1), [1]);
        assert_eq!(send_order(&mut scheduler, now, |_| Urgency::Immediate), [5, 0, 2]);
        assert!(scheduler.has_creates());
        assert_eq!(scheduler.next_due_at(now, Some(now)), Some(now + Duration::from_secs(1)));
        assert_eq!(scheduler.take_all_creates(), [6]);
        assert!(!scheduler.has_creates());
    }

    #[test]
    fn new_request_that_was_not_sent_is_the_next_one() {
        let (mut scheduler, now) = (Scheduler::default(), Instant::now());
        scheduler.add_new(0);
        scheduler.add_new(1);
        assert_eq!(scheduler.pop(now, true, |_| Urgency::Immediate), Some(0));
        scheduler.add_new_again(0);
        assert_eq!(send_order(&mut scheduler, now, |_| Urgency::Immediate), [0, 1]);
    }

    #[test]
    fn requests_that_are_due_at_the_same_time_are_sent_in_the_order_of_their_calls() {
        let (mut scheduler, now) = (Scheduler::default(), Instant::now());
        for slot in [3, 1, 2] {
            scheduler.add(now, slot);
        }
        for slot in [13, 11, 12] {
            scheduler.add_retry(now, slot);
        }
        let order = send_order(&mut scheduler, now, |_| Urgency::Weighed(0.0));
        assert_eq!(order, [13, 11, 12, 3, 1, 2]);
    }

    #[test]
    fn polls_and_retries_are_taken_by_condition() {
        let (mut scheduler, now) = (Scheduler::default(), Instant::now());
        let later = now + Duration::from_secs(1);
        for slot in [0, 1] {
            scheduler.add(later, slot);
            scheduler.add(now, 2 + slot);
            scheduler.add_at_deadline(4 + slot);
            scheduler.add_retry(now, 6 + slot);
            scheduler.add_retry(later, 8 + slot);
        }
        assert_eq!(scheduler.pop_due(now), Some(2));
        scheduler.add(now, 2);
        let is_even = |slot: usize| slot.is_multiple_of(2);
        let mut polls = scheduler.take_polls(is_even);
        polls.sort_unstable();
        assert_eq!(polls, [0, 2, 4]);
        assert_eq!(scheduler.next_retry_at(now, is_even), Some(now));
        assert_eq!(scheduler.take_retry(now, is_even), Some(6));
        assert_eq!(scheduler.take_retry(now, is_even), None);
        assert_eq!(scheduler.next_retry_at(now, is_even), Some(later));
        assert_eq!(scheduler.next_retry_at(now, |slot| slot > 9), None);
        assert_eq!(send_order(&mut scheduler, later, |_| Urgency::Weighed(0.0)), [5, 7, 8, 9, 3, 1]);
    }
}
