mod outages;

use reqwest::StatusCode;
use tokio::time::advance;

use super::*;
use crate::ext::transport::failure::{Failure, FailureKind};

const SECOND: Duration = Duration::from_secs(1);

/// A breaker, with its creates in flight.
struct Fixture {
    breaker: Breaker,
    creates: Vec<Ticket>,
}

impl Fixture {
    fn new() -> Self {
        Self { breaker: Breaker::new(), creates: Vec::new() }
    }

    /// Sends as many creates as allowed, at most `most`. Returns their number.
    fn send(&mut self, most: usize) -> usize {
        let before = self.creates.len();
        while self.creates.len() - before < most
            && self.breaker.allows_create(0)
            && self.breaker.allows_request(Instant::now(), 0)
        {
            self.creates.push(self.breaker.on_create_sent(Instant::now()));
        }
        self.creates.len() - before
    }

    /// Ends the oldest create.
    fn end(&mut self, outcome: Outcome) {
        let ticket = self.creates.remove(0);
        self.breaker.on_create(Instant::now(), ticket, outcome);
    }

    /// Ends a poll that is sent now.
    fn poll(&mut self, outcome: Outcome) {
        let ticket = self.breaker.on_poll_sent(Instant::now());
        self.breaker.on_poll(Instant::now(), ticket, outcome);
    }

    fn probe(&mut self, outcome: Outcome) {
        let ticket = self.breaker.on_poll_sent(Instant::now());
        self.breaker.on_probe(Instant::now(), ticket, outcome);
    }

    fn until_probe(&self) -> Duration {
        self.breaker.probe_at().unwrap() - Instant::now()
    }
}

fn failure(kind: FailureKind) -> Result<(), Failure> {
    Err(Failure::new(kind))
}

#[test]
fn outcomes_match_the_table() {
    use Outcome::{Answered, Rejected, Throttled, Unavailable};
    let status = |status| failure(FailureKind::Status(StatusCode::from_u16(status).unwrap()));
    #[rustfmt::skip]
    let table = [
        // response                                    create                              poll
        (Ok(()),                                       Answered,                           Answered),
        (failure(FailureKind::NotConnected),           Unavailable,                        Unavailable),
        (failure(FailureKind::ConnectionLost),         Unavailable,                        Unavailable),
        (failure(FailureKind::InvalidBody),            Unavailable,                        Unavailable),
        (failure(FailureKind::NotSent(String::new())), Rejected,                           Unavailable),
        (status(302),                                  Unavailable,                        Unavailable),
        (status(400),                                  Rejected,                           Answered),
        (status(401),                                  Rejected,                           Answered),
        (status(404),                                  Rejected,                           Answered),
        (status(408),                                  Unavailable,                        Unavailable),
        (status(429),                                  Throttled { retry_after: false },   Throttled { retry_after: false }),
        (status(500),                                  Unavailable,                        Unavailable),
        (status(502),                                  Unavailable,                        Unavailable),
        (status(503),                                  Unavailable,                        Unavailable),
        (status(504),                                  Unavailable,                        Unavailable),
    ];
    for (result, create, poll) in table {
        assert_eq!((Outcome::of_create(&result), Outcome::of_poll(&result)), (create, poll), "{result:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn failed_create_opens_the_breaker_until_a_poll_and_then_a_create_succeed() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.send(5), 5);
    fixture.end(Outcome::Unavailable);
    assert_eq!((fixture.send(1), fixture.until_probe()), (0, Duration::ZERO));
    // A response to an earlier request says nothing about the time after the failure.
    fixture.end(Outcome::Answered);
    fixture.end(Outcome::Unavailable);
    assert_eq!((fixture.send(1), fixture.until_probe()), (0, Duration::ZERO));
    fixture.poll(Outcome::Answered);
    assert_eq!((fixture.send(9), fixture.breaker.probe_at().is_some()), (1, false), "one create at a time");
    // Two earlier creates are still in flight.
    fixture.creates.rotate_left(2);
    fixture.end(Outcome::Answered);
    assert_eq!(fixture.breaker.outage_since(), None);
    assert_eq!(fixture.send(MAX_CREATES), 2);
    fixture.creates.rotate_left(2);
    fixture.end(Outcome::Answered);
    fixture.end(Outcome::Answered);
    assert_eq!(fixture.send(MAX_CREATES), 3, "one more than were in flight");
}

#[tokio::test(start_paused = true)]
async fn rejected_create_keeps_one_create_at_a_time() {
    let mut fixture = Fixture::new();
    fixture.send(1);
    fixture.end(Outcome::Unavailable);
    fixture.poll(Outcome::Answered);
    for _ in 0..3 {
        assert_eq!(fixture.send(9), 1);
        fixture.end(Outcome::Rejected);
    }
    assert!(fixture.breaker.outage_since().is_some());
}

#[tokio::test(start_paused = true)]
async fn probes_back_off_up_to_ten_seconds() {
    let mut fixture = Fixture::new();
    fixture.send(1);
    fixture.end(Outcome::Unavailable);
    let start = Instant::now();
    let mut probes = 0;
    while start.elapsed() < 60 * SECOND {
        advance(fixture.until_probe()).await;
        fixture.probe(Outcome::Unavailable);
        probes += 1;
        assert!(fixture.until_probe() <= 11 * SECOND);
        assert_eq!(fixture.send(1), 0);
    }
    assert!((9..=14).contains(&probes), "{probes}");
}

#[tokio::test(start_paused = true)]
async fn creates_that_fail_while_polls_are_answered_back_off_up_to_a_minute() {
    let mut fixture = Fixture::new();
    let (start, mut creates) = (Instant::now(), 0);
    while start.elapsed() < 600 * SECOND {
        creates += fixture.send(1);
        fixture.end(Outcome::Unavailable);
        // A poll of a task under way does not shorten the pause.
        fixture.poll(Outcome::Answered);
        if fixture.breaker.probe_at().is_some() {
            assert_eq!(fixture.send(1), 0);
            advance(fixture.until_probe()).await;
            fixture.probe(Outcome::Answered);
        }
    }
    assert_eq!(creates, 17);
}

#[tokio::test(start_paused = true)]
async fn silent_creates_open_the_breaker_after_two_seconds_and_an_answer_closes_it() {
    let mut fixture = Fixture::new();
    fixture.send(3);
    advance(SECOND).await;
    fixture.breaker.check_silence(Instant::now());
    assert_eq!(fixture.send(1), 1);
    advance(SECOND).await;
    fixture.breaker.check_silence(Instant::now());
    assert_eq!((fixture.send(1), fixture.until_probe()), (0, Duration::ZERO));
    // The server was slow: creates continue, and the next silence must be longer.
    advance(SECOND).await;
    fixture.end(Outcome::Answered);
    assert_eq!(fixture.send(MAX_CREATES), 2);
    advance(11 * SECOND).await;
    fixture.breaker.check_silence(Instant::now());
    assert!(fixture.breaker.probe_at().is_none());
    advance(SECOND).await;
    fixture.breaker.check_silence(Instant::now());
    assert!(fixture.breaker.probe_at().is_some());
}

#[tokio::test(start_paused = true)]
async fn silence_is_confirmed_by_the_first_failure() {
    let mut fixture = Fixture::new();
    fixture.send(2);
    advance(2 * SECOND).await;
    fixture.breaker.check_silence(Instant::now());
    fixture.end(Outcome::Unavailable);
    fixture.end(Outcome::Answered);
    assert!(fixture.breaker.probe_at().is_some(), "the answered create was sent before the failure");
}

#[tokio::test(start_paused = true)]
async fn burst_of_429_pauses_once_and_repeated_429_pauses_longer() {
    let mut fixture = Fixture::new();
    let throttled = Outcome::Throttled { retry_after: false };
    let pause = |fixture: &Fixture| {
        fixture.breaker.paused_until(Instant::now()).map_or(Duration::ZERO, |until| until - Instant::now())
    };
    assert_eq!(fixture.send(8), 8);
    for _ in 0..8 {
        fixture.end(throttled);
    }
    assert!((0.22..0.28).contains(&pause(&fixture).as_secs_f64()), "{:?}", pause(&fixture));
    assert_eq!(fixture.send(9), 1);
    fixture.end(throttled);
    assert!((0.44..0.56).contains(&pause(&fixture).as_secs_f64()), "{:?}", pause(&fixture));
    advance(SECOND).await;
    fixture.send(1);
    fixture.end(Outcome::Answered);
    assert_eq!(fixture.send(9), 2);
    fixture.end(throttled);
    assert!(pause(&fixture) < SECOND / 3, "an accepted create ends the series: {:?}", pause(&fixture));
}

#[tokio::test(start_paused = true)]
async fn first_429_without_retry_after_counts_until_a_create_is_accepted() {
    let mut fixture = Fixture::new();
    let start = Instant::now();
    for (outcome, since) in [
        (Outcome::Throttled { retry_after: true }, None),
        (Outcome::Throttled { retry_after: false }, Some(start + 2 * SECOND)),
        (Outcome::Throttled { retry_after: false }, Some(start + 2 * SECOND)),
        (Outcome::Rejected, Some(start + 2 * SECOND)),
        (Outcome::Answered, None),
        (Outcome::Throttled { retry_after: false }, Some(start + 6 * SECOND)),
    ] {
        advance(SECOND).await;
        fixture.send(1);
        fixture.end(outcome);
        fixture.poll(Outcome::Answered);
        assert_eq!(fixture.breaker.throttled_since(), since, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_reduces_creates_and_does_not_pause() {
    let mut fixture = Fixture::new();
    fixture.send(8);
    for _ in 0..8 {
        fixture.end(Outcome::Throttled { retry_after: true });
    }
    assert_eq!(fixture.breaker.paused_until(Instant::now()), None);
    assert_eq!((fixture.send(9), fixture.breaker.outage_since()), (1, None));
}

#[tokio::test(start_paused = true)]
async fn creates_in_flight_exceed_their_recent_number_by_one() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.send(MAX_CREATES), MAX_CREATES, "all at once, before the first response");
    while !fixture.creates.is_empty() {
        fixture.end(Outcome::Answered);
    }
    // Three at a time, as by a rate limit.
    for _ in 0..300 {
        fixture.send(3 - fixture.creates.len());
        fixture.end(Outcome::Answered);
    }
    assert_eq!(fixture.creates.len() + fixture.send(MAX_CREATES), 4);
    // With enough requests, the number grows with each response.
    for _ in 0..2 * MAX_CREATES {
        fixture.end(Outcome::Answered);
        fixture.send(MAX_CREATES);
    }
    assert_eq!(fixture.creates.len(), MAX_CREATES);
}

#[tokio::test(start_paused = true)]
async fn first_probe_after_each_outage_is_sent_at_once() {
    let mut fixture = Fixture::new();
    for _ in 0..3 {
        assert_eq!(fixture.send(1), 1);
        fixture.end(Outcome::Unavailable);
        assert_eq!(fixture.until_probe(), Duration::ZERO);
        fixture.poll(Outcome::Answered);
        assert_eq!(fixture.send(1), 1);
        fixture.end(Outcome::Answered);
    }
}
