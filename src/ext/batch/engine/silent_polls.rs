//! Bounds the places that unanswered polls hold.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use crate::{
    ext::{
        polling::poller::poll_until,
        transport::{
            call::Received,
            failure::{Failure, FailureKind},
            instant::saturating_add,
        },
    },
    types::SpeechResult,
};

/// The most silent polls at a time. They are in addition to the places of other requests.
pub(super) const MAX_SILENT_POLLS: usize = 64;

/// The polls that have been unanswered for longer than usual.
///
/// A silent poll gives its place to another request. If there are too many silent polls, it ends as if its response were
/// lost: a poll is free, and is sent again after a pause.
#[derive(Clone)]
pub(in crate::ext::batch) struct SilentPolls(Arc<Semaphore>);

impl SilentPolls {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_SILENT_POLLS)))
    }

    pub(super) fn count(&self) -> usize {
        MAX_SILENT_POLLS - self.0.available_permits()
    }

    /// Waits for the response to a poll until `limit`. The poll becomes silent after `patience`.
    pub(super) async fn poll(
        self,
        patience: Duration,
        limit: Instant,
        poll: impl Future<Output = Result<Received<SpeechResult>, Failure>>,
    ) -> Result<Received<SpeechResult>, Failure> {
        let mut poll = pin!(poll);
        let silent_at = saturating_add(Instant::now(), patience);
        if silent_at >= limit {
            return poll_until(limit, poll).await;
        }
        if let Ok(result) = timeout_at(silent_at, &mut poll).await {
            return result;
        }
        let Ok(_place) = self.0.try_acquire() else {
            return Err(Failure::new(FailureKind::ConnectionLost));
        };
        poll_until(limit, poll).await
    }
}
