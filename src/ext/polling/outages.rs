//! The outage matrix: tests that a wait survives each kind of failure for each length of an outage. A wait whose deadline
//! lies in a pause that the server asks for fails at once.
//!
//! `cargo test --lib outages -- --nocapture` prints the matrix.

use std::{sync::Arc, time::Duration};

use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderValue},
};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    Adaptive,
    client_policy::ClientPolicy,
    history::History,
    not_found::NotFoundGrace,
    poller::{PollSchedule, Poller},
    task_policy::TaskPolicy,
};
use crate::{
    Error, TaskId,
    ext::transport::{
        call::Received,
        cooldown::{Cooldown, MAX_COOLDOWN},
        failure::{Failure, FailureKind},
    },
    types::SpeechResult,
};

/// The default request timeout of a client.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

const DEADLINE: Duration = Duration::from_secs(600);

/// The lengths of the outages, in seconds. The last one ends one second before the deadline.
const LENGTHS: [u64; 8] = [1, 5, 20, 80, 160, 300, 500, 599];

#[derive(Clone, Copy)]
enum Outage {
    /// The connection is refused.
    NotConnected,
    /// The connection is reset before or after the request was read, or in the middle of the response.
    Reset,
    /// No response, or a slow drip of bytes, until the request times out.
    Silence,
    /// A 200 with truncated JSON, JSON of another shape, or HTML.
    InvalidBody,
    /// An error status, with an optional `Retry-After` in seconds.
    Status(u16, Option<u64>),
}

impl Outage {
    async fn poll(self, cooldown: &Cooldown) -> Failure {
        match self {
            Self::NotConnected => Failure::new(FailureKind::NotConnected),
            Self::Reset => Failure::new(FailureKind::ConnectionLost),
            Self::Silence => {
                sleep(REQUEST_TIMEOUT).await;
                Failure::new(FailureKind::ConnectionLost)
            }
            Self::InvalidBody => Failure::from_response(StatusCode::OK, &HeaderMap::new(), "<html>"),
            Self::Status(status, retry_after) => {
                let mut headers = HeaderMap::new();
                if let Some(seconds) = retry_after {
                    headers.insert("retry-after", HeaderValue::from(seconds));
                }
                let failure = Failure::from_response(StatusCode::from_u16(status).unwrap(), &headers, "");
                // As the client hooks do.
                failure.response.iter().for_each(|response| cooldown.on_error_response(response));
                failure
            }
        }
    }
}

/// Waits for a task that is already finished, while the server is down for the first `length` of the wait.
async fn wait(outage: Outage, length: Duration) -> Result<SpeechResult, Error> {
    let (cooldown, start) = (Cooldown::new(MAX_COOLDOWN), Instant::now());
    let mut poller = Poller::new(PollSchedule {
        id: TaskId::new_unchecked("t1"),
        policy: TaskPolicy::new(Arc::new(ClientPolicy::new(Arc::new(Adaptive::new())))),
        history: History::submitted(None),
        not_found: NotFoundGrace::new(true),
        start,
        due: start,
        time_limit: DEADLINE,
        deadline: start + DEADLINE,
    });
    let poll = || async {
        if start.elapsed() < length {
            return Err(outage.poll(&cooldown).await);
        }
        let value = serde_json::from_value(json!({"id": "t1", "status": "COMPLETED"})).unwrap();
        Ok(Received { value, retry_after: None })
    };
    poller.next(&cooldown, poll).await.map(|polled| polled.result)
}

#[tokio::test(start_paused = true)]
async fn wait_survives_every_outage_up_to_deadline() {
    #[rustfmt::skip]
    let outages = [
        ("refused connections",        Outage::NotConnected),
        ("resets",                     Outage::Reset),
        ("silence or slow drip",       Outage::Silence),
        ("invalid responses",          Outage::InvalidBody),
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
            assert!(start.elapsed() <= DEADLINE, "{name} for {length:?}: {:?}", start.elapsed());
            match outcome {
                Ok(_) => print!("{:>7.1}", start.elapsed().saturating_sub(length).as_secs_f64()),
                Err(error) => {
                    let paused = error.retry_after().filter(|_| error.is_rate_limited()).unwrap_or_default();
                    assert!(start.elapsed() + paused > DEADLINE, "{name} for {length:?}: {error:?}");
                    print!("{:>7}", "paused");
                }
            }
        }
        println!();
    }
}

#[tokio::test(start_paused = true)]
async fn wait_with_outage_beyond_deadline_fails() {
    let error = wait(Outage::Reset, DEADLINE + Duration::from_secs(1)).await.unwrap_err();
    assert!(error.is_deadline());
}
