use tokio::time::{advance, sleep_until};

use super::*;

/// The most in any window of a second, however it lies.
fn peak(sent: &[Instant]) -> usize {
    let within = |start: &Instant| {
        sent.iter().filter(|at| *at >= start && **at < *start + Duration::from_secs(1)).count()
    };
    sent.iter().map(within).max().unwrap_or(0)
}

async fn spend(budget: &mut RateLimiter, count: u32, late: impl Fn(u32) -> Duration) -> Vec<Instant> {
    let mut sent = Vec::new();
    for at in 0..count {
        sleep_until(budget.next_slot_at() + late(at)).await;
        budget.reserve();
        budget.record_sent();
        sent.push(Instant::now());
    }
    sent
}

#[tokio::test(start_paused = true)]
async fn no_second_has_more_than_its_share_and_little_is_given_away() {
    for (rate, most) in [(0.5, 1), (1.0, 1), (1.5, 1), (2.5, 2), (7.0, 7), (50.0, 50), (1_000.0, 1_000)] {
        let mut budget = RateLimiter::per_second(rate).unwrap();
        let (start, count) = (Instant::now(), 300);
        // The timer of tokio wakes at whole milliseconds.
        let sent = spend(&mut budget, count, |at| Duration::from_micros(u64::from(at) * 7_919 % 3_000)).await;
        assert!(peak(&sent) <= most, "{rate}: {}", peak(&sent));
        let ideal = f64::from(count - 1) / if rate > 1.0 { rate.floor() } else { rate };
        let took = start.elapsed().as_secs_f64();
        assert!(took < ideal * 1.05 || rate > 100.0, "{rate}: {took} s instead of {ideal} s");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_spent_is_gone() {
    let mut budget = RateLimiter::per_second(10.0).unwrap();
    advance(Duration::from_secs(60)).await;
    let sent = spend(&mut budget, 20, |_| Duration::ZERO).await;
    assert!(sent[9] - sent[0] > Duration::from_millis(800), "no burst after idling");
}

#[test]
fn a_rate_that_is_none_is_refused() {
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = RateLimiter::per_second(rate).unwrap_err();
        assert!(error.is_invalid(), "{rate}");
        assert!(error.to_string().starts_with("requests_per_second: "), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn any_other_rate_is_no_overflow() {
    for rate in [f64::MIN_POSITIVE, f64::MAX] {
        let mut budget = RateLimiter::per_second(rate).unwrap();
        budget.reserve();
        budget.record_sent();
        assert!(budget.next_slot_at() >= Instant::now());
    }
}

#[tokio::test(start_paused = true)]
async fn those_that_were_held_up_after_their_turn_do_not_leave_together() {
    let mut budget = RateLimiter::per_second(10.0).unwrap();
    for _ in 0..30 {
        sleep_until(budget.next_slot_at()).await;
        budget.reserve();
    }
    let mut sent = Vec::new();
    for _ in 0..30 {
        sleep_until(budget.next_send_at()).await;
        budget.record_sent();
        sent.push(Instant::now());
    }
    assert!(peak(&sent) <= 10, "{}", peak(&sent));
}

#[tokio::test(start_paused = true)]
async fn only_the_requests_of_a_window_are_remembered() {
    let mut budget = RateLimiter::per_second(1e9).unwrap();
    for _ in 0..1_000 {
        budget.record_sent();
        advance(Duration::from_millis(10)).await;
    }
    assert!(budget.sent.len() < 120, "{}", budget.sent.len());
}
