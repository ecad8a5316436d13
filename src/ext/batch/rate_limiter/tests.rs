use tokio::time::{advance, sleep_until};

use super::*;

/// Returns the most requests in any window of one second.
fn peak(sent: &[Instant]) -> usize {
    let within = |start: &Instant| {
        sent.iter().filter(|at| *at >= start && **at < *start + Duration::from_secs(1)).count()
    };
    sent.iter().map(within).max().unwrap_or(0)
}

async fn send_all(limiter: &mut RateLimiter, count: u32, late: impl Fn(u32) -> Duration) -> Vec<Instant> {
    let mut sent = Vec::new();
    for at in 0..count {
        sleep_until(limiter.next_slot_at(Instant::now()).unwrap() + late(at)).await;
        limiter.reserve();
        limiter.record_sent();
        limiter.record_transit_end(true);
        sent.push(Instant::now());
    }
    sent
}

#[tokio::test(start_paused = true)]
async fn rate_limit_is_kept_in_every_second_and_nearly_reached() {
    for (rate, most) in [(0.5, 1), (1.0, 1), (1.5, 1), (2.5, 2), (7.0, 7), (50.0, 50), (1_000.0, 1_000)] {
        let mut limiter = RateLimiter::per_second(rate).unwrap();
        let (start, count) = (Instant::now(), 300);
        // Tokio's timer fires at whole milliseconds.
        let sent =
            send_all(&mut limiter, count, |at| Duration::from_micros(u64::from(at) * 7_919 % 3_000)).await;
        assert!(peak(&sent) <= most, "{rate}: {}", peak(&sent));
        let ideal = f64::from(count - 1) / if rate > 1.0 { rate.floor() } else { rate };
        let took = start.elapsed().as_secs_f64();
        assert!(took >= ideal, "{rate}: {took} s instead of {ideal} s");
        assert!(took < ideal * 1.05 || rate > 100.0, "{rate}: {took} s instead of {ideal} s");
    }
}

#[tokio::test(start_paused = true)]
async fn unused_slots_do_not_allow_a_later_burst() {
    let mut limiter = RateLimiter::per_second(10.0).unwrap();
    advance(Duration::from_secs(60)).await;
    let sent = send_all(&mut limiter, 20, |_| Duration::ZERO).await;
    assert!(sent[9] - sent[0] > Duration::from_millis(800), "no burst after idling");
}

#[test]
fn rate_that_is_not_above_zero_is_invalid() {
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = RateLimiter::per_second(rate).unwrap_err();
        assert!(error.is_invalid(), "{rate}");
        assert!(error.to_string().starts_with("requests_per_second: "), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn extreme_rates_do_not_overflow() {
    for rate in [f64::MIN_POSITIVE, f64::MAX] {
        let mut limiter = RateLimiter::per_second(rate).unwrap();
        limiter.reserve();
        limiter.record_sent();
        limiter.record_transit_end(true);
        assert!(limiter.next_slot_at(Instant::now()).unwrap() >= Instant::now());
    }
}

#[tokio::test(start_paused = true)]
async fn requests_delayed_after_their_slot_are_not_sent_together() {
    let mut limiter = RateLimiter::per_second(10.0).unwrap();
    for _ in 0..30 {
        sleep_until(limiter.next_slot_at(Instant::now()).unwrap()).await;
        limiter.reserve();
    }
    let mut sent = Vec::new();
    for _ in 0..30 {
        sleep_until(limiter.next_send_at(Instant::now()).unwrap()).await;
        limiter.record_sent();
        limiter.record_transit_end(true);
        sent.push(Instant::now());
    }
    assert!(peak(&sent) <= 10, "{}", peak(&sent));
}

#[tokio::test(start_paused = true)]
async fn only_requests_of_the_last_window_are_stored() {
    let mut limiter = RateLimiter::per_second(1e9).unwrap();
    for _ in 0..1_000 {
        limiter.record_sent();
        limiter.record_transit_end(true);
        advance(Duration::from_millis(10)).await;
    }
    assert!(limiter.written.len() < 120, "{}", limiter.written.len());
}

#[tokio::test(start_paused = true)]
async fn rate_limit_is_kept_when_requests_are_written_at_any_time_after_they_are_sent() {
    let (rate, mut random) = (20.0, fastrand::Rng::with_seed(7));
    let mut limiter = RateLimiter::per_second(rate).unwrap();
    let (mut transits, mut written) = (Vec::<Instant>::new(), Vec::new());
    while written.len() < 400 {
        transits.sort_unstable();
        let slot =
            limiter.next_slot_at(Instant::now()).filter(|at| transits.first().is_none_or(|end| at <= end));
        if let Some(at) = slot {
            sleep_until(at).await;
            limiter.reserve();
            limiter.record_sent();
            // Every second request uses an open connection.
            let connect = if random.bool() { 0 } else { random.u64(100..900) };
            transits.push(Instant::now() + Duration::from_millis(connect));
        } else {
            sleep_until(transits.remove(0)).await;
            let is_written = random.u32(..10) > 0;
            limiter.record_transit_end(is_written);
            written.extend(is_written.then(Instant::now));
        }
    }
    assert!(peak(&written) <= 20, "{}", peak(&written));
    assert!(peak(&written) >= 15, "{}", peak(&written));
}

#[test]
fn next_slot_is_unknown_while_every_slot_is_in_transit() {
    let mut limiter = RateLimiter::per_second(2.0).unwrap();
    limiter.record_sent();
    assert!(limiter.next_slot_at(Instant::now()).is_some());
    limiter.record_sent();
    assert_eq!(limiter.next_slot_at(Instant::now()), None);
    limiter.record_transit_end(false);
    assert!(limiter.next_slot_at(Instant::now()).is_some());
}

#[tokio::test(start_paused = true)]
async fn request_with_a_slot_may_be_sent_at_the_time_that_was_asked_about() {
    let mut limiter = RateLimiter::per_second(0.2).unwrap();
    let now = Instant::now();
    assert_eq!(limiter.next_slot_at(now), Some(now));
    limiter.reserve();
    // The clock does not stand still between two questions.
    advance(Duration::from_micros(1)).await;
    assert_eq!(limiter.next_send_at(now), Some(now));
}
