//! The outage matrix: for each fault of a poll and each length of an outage, whether a wait survives it.
//!
//! `cargo test --lib outages -- --nocapture` prints it.

use std::{sync::Arc, time::Duration};

use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderValue},
};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    Adaptive,
    history::History,
    poller::{PollSchedule, Poller},
};
use crate::{
    Error, TaskId,
    ext::transport::{
        cooldown::Cooldown,
        failure::{Failure, FailureKind},
    },
    types::SpeechResult,
};

/// The default of a client.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

const DEADLINE: Duration = Duration::from_secs(600);

/// The last is the deadline but for one poll.
const LENGTHS: [u64; 8] = [1, 5, 20, 80, 160, 300, 500, 599];

#[derive(Clone, Copy)]
enum Outage {
    /// Nobody listens.
    Unreached,
    /// The connection is reset, before or after the request was read, or in the middle of the reply.
    Reset,
    /// No answer, or one that drips, until the request has run out of its time.
    Silence,
    /// A 200 with half a JSON, another one, or HTML.
    Unreadable,
    /// A status, with a `Retry-After` of so many seconds.
    Status(u16, Option<u64>),
}

impl Outage {
    async fn poll(self, cooldown: &Cooldown) -> Failure {
        match self {
            Self::Unreached => Failure::new(FailureKind::NotConnected),
            Self::Reset => Failure::new(FailureKind::ConnectionLost),
            Self::Silence => {
                sleep(REQUEST_TIMEOUT).await;
                Failure::new(FailureKind::ConnectionLost)
            }
            Self::Unreadable => Failure::from_response(StatusCode::OK, &HeaderMap::new(), "<html>"),
            Self::Status(status, retry_after) => {
                let mut headers = HeaderMap::new();
                if let Some(seconds) = retry_after {
                    headers.insert("retry-after", HeaderValue::from(seconds));
                    // As the hooks do.
                    cooldown.extend(Duration::from_secs(seconds));
                }
                Failure::from_response(StatusCode::from_u16(status).unwrap(), &headers, "")
            }
        }
    }
}

/// Waits for a task that is done long since, while the server is out from the beginning for so long.
async fn wait(outage: Outage, length: Duration) -> Result<SpeechResult, Error> {
    let (cooldown, start) = (Cooldown::default(), Instant::now());
    let mut poller = Poller::new(PollSchedule {
        id: TaskId::from_server("t1"),
        pacing: Arc::new(Adaptive::new()),
        history: History::submitted(None),
        start,
        due: start,
        timeout: DEADLINE,
        deadline: start + DEADLINE,
    });
    let poll = || async {
        if start.elapsed() < length {
            return Err(outage.poll(&cooldown).await);
        }
        let body = json!({"id": "t1", "status": "COMPLETED", "created": 0, "model": "m", "results": []});
        Ok(serde_json::from_value(body).unwrap())
    };
    poller.next(&cooldown, poll).await
}

#[tokio::test(start_paused = true)]
async fn every_outage_up_to_the_deadline_is_survived() {
    #[rustfmt::skip]
    let outages = [
        ("refused connections",        Outage::Unreached),
        ("resets",                     Outage::Reset),
        ("silence, or a drip",         Outage::Silence),
        ("unreadable replies",         Outage::Unreadable),
        ("408",                        Outage::Status(408, None)),
        ("425",                        Outage::Status(425, None)),
        ("429",                        Outage::Status(429, None)),
        ("429, Retry-After: 1",        Outage::Status(429, Some(1))),
        ("429, Retry-After: 60",       Outage::Status(429, Some(60))),
        ("429, Retry-After: 3600",     Outage::Status(429, Some(3600))),
        ("500",                        Outage::Status(500, None)),
        ("502",                        Outage::Status(502, None)),
        ("503",                        Outage::Status(503, None)),
        ("503, Retry-After: 5",        Outage::Status(503, Some(5))),
        ("504",                        Outage::Status(504, None)),
    ];
    let lengths: Vec<_> = LENGTHS.iter().map(|length| format!("{length:>5} s")).collect();
    println!("{:24}{}", "seconds until noticed", lengths.concat());
    for (name, outage) in outages {
        print!("{name:24}");
        for length in LENGTHS.map(Duration::from_secs) {
            let start = Instant::now();
            let outcome = wait(outage, length).await;
            let lag = start.elapsed().saturating_sub(length);
            assert!(outcome.is_ok(), "{name} for {length:?}: {outcome:?}");
            assert!(start.elapsed() <= DEADLINE, "{name} for {length:?}: {:?}", start.elapsed());
            print!("{:>7.1}", lag.as_secs_f64());
        }
        println!();
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_beyond_the_deadline_is_not() {
    let error = wait(Outage::Reset, DEADLINE + Duration::from_secs(1)).await.unwrap_err();
    assert!(error.is_deadline());
}
