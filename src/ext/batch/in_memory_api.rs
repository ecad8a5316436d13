//! A speech API in memory, on tokio's clock: for the engine's tests, and for the simulation of a batch.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderValue},
};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::engine::api::SpeechApi;
use crate::{
    Client, TaskId,
    ext::transport::{
        call::Received,
        failure::{Failure, FailureKind},
        once_body::OnWritten,
    },
    types::{SpeechRequest, SpeechResult},
};

/// The server's reaction to a submission, and the loss of its response.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(test), expect(dead_code, reason = "the simulated server accepts every request"))]
pub(crate) enum Create {
    Accept,
    /// No connection is made.
    NotConnected,
    /// The server accepts the request, and the connection is lost.
    AcceptThenDisconnect,
    /// The connection is lost before the server accepts the request. The client cannot tell the difference.
    Disconnect,
    /// The server accepts the request, and half of the response arrives.
    AcceptThenInvalidBody,
    /// The server accepts nothing and never responds: the request times out.
    Silence,
    /// 429 with `Retry-After` in seconds.
    RateLimit(u64),
    /// An error response without `Retry-After`.
    Status(u16),
}

/// The request timeout. A poll with a longer round trip fails.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A task's status, and the server's own duration in seconds if it is done.
pub(crate) type Status = (&'static str, Option<f64>);

type OnCreate = dyn Fn(&str, u32) -> Create + Send + Sync;
type OnPoll = dyn Fn(&str, Duration) -> Result<Status, Failure> + Send + Sync;

#[derive(Clone)]
pub(crate) struct InMemoryApi(Arc<Server>);

struct Server {
    client: Client,
    started: Instant,
    round_trip: Box<dyn Fn(&str) -> Duration + Send + Sync>,
    /// By the text and the number of its attempt.
    create: Box<OnCreate>,
    /// By the text and the age of its task.
    poll: Box<OnPoll>,
    observed: Mutex<Observed>,
    /// The time until a create is written to a new connection. A poll uses an open one.
    connect_time: Mutex<Duration>,
}

/// The requests that the server has seen.
#[derive(Default)]
pub(crate) struct Observed {
    pub(crate) requests: Vec<Duration>,
    in_flight: usize,
    pub(crate) max_in_flight: usize,
    attempts: HashMap<String, u32>,
    pub(crate) accepted: HashMap<String, u32>,
    pub(crate) created: HashMap<TaskId, Instant>,
    pub(crate) polls: u32,
    /// Polls that were sent during a cooldown. Only a poll on the deadline may be.
    pub(crate) polls_in_cooldown: u32,
}

impl InMemoryApi {
    /// The id of a task is the start of its text.
    pub(crate) fn new(
        client: Client,
        round_trip: impl Fn(&str) -> Duration + Send + Sync + 'static,
        create: impl Fn(&str, u32) -> Create + Send + Sync + 'static,
        poll: impl Fn(&str, Duration) -> Result<Status, Failure> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Server {
            client,
            started: Instant::now(),
            round_trip: Box::new(round_trip),
            create: Box::new(create),
            poll: Box::new(poll),
            observed: Mutex::default(),
            connect_time: Mutex::default(),
        }))
    }

    #[cfg(test)]
    pub(crate) fn set_connect_time(&self, time: Duration) {
        *self.0.connect_time.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.started.elapsed()
    }

    pub(crate) fn observed(&self) -> MutexGuard<'_, Observed> {
        self.0.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As the client hooks do.
    fn start_cooldown(&self, failure: &Failure) {
        if let Some(response) = &failure.response {
            self.0.client.inner().cooldown.on_error_response(response);
        }
    }

    /// Counts a request until the guard is dropped.
    fn start_request(&self) -> InFlightCount<'_> {
        let mut observed = self.observed();
        observed.requests.push(self.elapsed());
        observed.in_flight += 1;
        observed.max_in_flight = observed.max_in_flight.max(observed.in_flight);
        InFlightCount(self)
    }
}

struct InFlightCount<'a>(&'a InMemoryApi);

impl Drop for InFlightCount<'_> {
    fn drop(&mut self) {
        self.0.observed().in_flight -= 1;
    }
}

/// An error response without `Retry-After`.
pub(crate) fn status_failure(status: u16) -> Failure {
    let status = StatusCode::from_u16(status).expect("a status");
    Failure::from_response(status, &HeaderMap::new(), "sorry")
}

/// 429 with `Retry-After` in seconds.
pub(crate) fn rate_limited(seconds: u64) -> Failure {
    let headers =
        HeaderMap::from_iter([("retry-after".parse().expect("a name"), HeaderValue::from(seconds))]);
    Failure::from_response(StatusCode::TOO_MANY_REQUESTS, &headers, "slow down")
}

impl SpeechApi for InMemoryApi {
    fn client(&self) -> &Client {
        &self.0.client
    }

    async fn create(
        &self,
        request: &SpeechRequest,
        on_written: Option<OnWritten>,
    ) -> Result<TaskId, Failure> {
        let text = request.input.to_string();
        assert!(self.client().inner().cooldown.remaining().is_none(), "a create was sent during a cooldown");
        let connect_time = *self.0.connect_time.lock().unwrap_or_else(PoisonError::into_inner);
        if !connect_time.is_zero() {
            sleep(connect_time).await;
        }
        if let Some(on_written) = on_written {
            on_written();
        }
        let _in_flight = self.start_request();
        let attempt = {
            let mut observed = self.observed();
            let attempt = observed.attempts.entry(text.clone()).or_default();
            *attempt += 1;
            *attempt
        };
        let half = (self.0.round_trip)(&text) / 2;
        let create = (self.0.create)(&text, attempt);
        if create == Create::Silence {
            sleep(REQUEST_TIMEOUT).await;
            return Err(Failure::new(FailureKind::ConnectionLost));
        }
        sleep(half).await;
        // A longer id could not be read.
        let id = TaskId::new_unchecked(text.chars().take(64).collect::<String>());
        if matches!(create, Create::Accept | Create::AcceptThenDisconnect | Create::AcceptThenInvalidBody) {
            let mut observed = self.observed();
            *observed.accepted.entry(text).or_default() += 1;
            observed.created.insert(id.clone(), Instant::now());
        }
        sleep(half).await;
        match create {
            Create::Accept => Ok(id),
            Create::NotConnected => Err(Failure::new(FailureKind::NotConnected)),
            Create::AcceptThenDisconnect | Create::Disconnect => {
                Err(Failure::new(FailureKind::ConnectionLost))
            }
            Create::AcceptThenInvalidBody => Err(Failure::new(FailureKind::InvalidBody)),
            Create::RateLimit(seconds) => {
                let failure = rate_limited(seconds);
                self.start_cooldown(&failure);
                Err(failure)
            }
            Create::Silence => unreachable!("see above"),
            Create::Status(status) => Err(status_failure(status)),
        }
    }

    async fn result(
        &self,
        id: TaskId,
        on_written: Option<OnWritten>,
    ) -> Result<Received<SpeechResult>, Failure> {
        if let Some(on_written) = on_written {
            on_written();
        }
        let _in_flight = self.start_request();
        let in_cooldown = self.client().inner().cooldown.remaining().is_some();
        let half = (self.0.round_trip)(id.as_str()) / 2;
        if half > REQUEST_TIMEOUT / 2 {
            sleep(REQUEST_TIMEOUT).await;
            return Err(Failure::new(FailureKind::ConnectionLost));
        }
        sleep(half).await;
        let age = {
            let mut observed = self.observed();
            observed.polls += 1;
            observed.polls_in_cooldown += u32::from(in_cooldown);
            observed.created.get(&id).map_or(Duration::MAX, Instant::elapsed)
        };
        let result = (self.0.poll)(id.as_str(), age);
        sleep(half).await;
        let (status, finished) = result.inspect_err(|failure| {
            self.start_cooldown(failure);
        })?;
        let mut body = json!({"id": id, "status": status, "created": 0, "model": "m", "results": []});
        if let Some(finished) = finished {
            body["finished"] = finished.into();
        }
        Ok(Received {
            value: serde_json::from_value(body).expect("the body is a valid result"),
            retry_after: None,
        })
    }
}
