//! Closes a connection that is idle for too long.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// When a connection is closed. A fault sets the time for the response that is being prepared.
pub(crate) struct IdleClose {
    limit: Mutex<Option<Duration>>,
    deadline: watch::Sender<Option<Instant>>,
}

impl IdleClose {
    pub(crate) fn new() -> Self {
        Self { limit: Mutex::new(None), deadline: watch::Sender::new(None) }
    }

    /// Sets how long the connection may be idle after the next response. `None` is indefinitely.
    pub(crate) fn after_response(&self, limit: Option<Duration>) {
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner) = limit;
    }

    /// The connection is in use.
    pub(crate) fn request_started(&self) {
        self.after_response(None);
        self.deadline.send_replace(None);
    }

    /// The response is ready.
    pub(crate) fn response_ready(&self) {
        let limit = *self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        self.deadline.send_replace(limit.and_then(|limit| Instant::now().checked_add(limit)));
    }

    /// Waits until the connection has been idle for too long.
    pub(crate) async fn expired(&self) {
        let mut deadline = self.deadline.subscribe();
        loop {
            let current = *deadline.borrow_and_update();
            match current {
                Some(time) => {
                    if timeout_at(time, deadline.changed()).await.is_err() {
                        return;
                    }
                }
                None => drop(deadline.changed().await),
            }
        }
    }
}
