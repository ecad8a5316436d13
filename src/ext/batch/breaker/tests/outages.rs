//! The log and the reports of an outage.

use super::*;
use crate::ext::captured_log::CapturedLog;

#[tokio::test(start_paused = true)]
async fn outage_after_a_failure_is_logged_once_and_ends_with_an_accepted_create() {
    let log = CapturedLog::start();
    let mut fixture = Fixture::new();
    fixture.send(2);
    let start = Instant::now();
    assert!(!fixture.breaker.holds_ready());
    fixture.end(Outcome::Unavailable);
    assert!(fixture.breaker.holds_ready() && log.text().contains("server unavailable, submissions paused"));
    assert_eq!((fixture.breaker.outage_since(), fixture.breaker.failed_probes()), (Some(start), 0));
    for failed in [1, 2] {
        advance(fixture.until_probe()).await;
        fixture.probe(Outcome::Unavailable);
        assert_eq!(fixture.breaker.failed_probes(), failed);
    }
    // A probe that was not due does not count.
    fixture.probe(Outcome::Unavailable);
    assert_eq!(fixture.breaker.failed_probes(), 2);
    fixture.breaker.allow_one_create();
    assert!(!fixture.breaker.holds_ready() && fixture.breaker.probe_at().is_none());
    assert_eq!(fixture.send(9), 1);
    assert!(fixture.breaker.holds_ready(), "the create is in flight");
    fixture.creates.rotate_left(1);
    fixture.end(Outcome::Unavailable);
    assert_eq!(log.text().matches("server unavailable, submissions paused").count(), 1);
    assert!(!log.text().contains("silent") && !log.text().contains("resumed"));
    fixture.breaker.allow_one_create();
    fixture.send(1);
    fixture.creates.rotate_left(1);
    fixture.end(Outcome::Answered);
    assert_eq!((fixture.breaker.outage_since(), fixture.breaker.failed_probes()), (None, 0));
    assert_eq!(log.text().matches("server available, submissions resumed").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn silence_is_no_outage_until_a_probe_is_not_answered() {
    for is_outage in [false, true] {
        let log = CapturedLog::start();
        let mut fixture = Fixture::new();
        fixture.send(1);
        let start = Instant::now() + FIRST_PATIENCE;
        advance(FIRST_PATIENCE).await;
        fixture.breaker.check_silence(Instant::now());
        assert!(fixture.breaker.holds_ready() && fixture.breaker.outage_since().is_none());
        if is_outage {
            for _ in 0..2 {
                advance(fixture.until_probe()).await;
                fixture.probe(Outcome::Unavailable);
                assert_eq!(fixture.breaker.outage_since(), Some(start));
                assert!(log.text().contains("server silent, submissions paused"));
            }
        }
        fixture.end(Outcome::Answered);
        assert!(!fixture.breaker.holds_ready());
        let log = log.text();
        let count = usize::from(is_outage);
        assert_eq!(log.matches("server silent, submissions paused").count(), count, "{log}");
        assert_eq!(log.matches("server available, submissions resumed").count(), count, "{log}");
        assert!(!log.contains("server unavailable"), "{log}");
    }
}

#[tokio::test(start_paused = true)]
async fn pause_after_a_429_ends_on_time() {
    let mut fixture = Fixture::new();
    fixture.send(1);
    fixture.end(Outcome::Throttled { retry_after: false });
    let end = fixture.breaker.paused_until(Instant::now()).unwrap();
    assert_eq!(fixture.breaker.paused_until(end - Duration::from_millis(1)), Some(end));
    assert_eq!(fixture.breaker.paused_until(end), None);
}
