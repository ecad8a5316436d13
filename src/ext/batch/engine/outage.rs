//! The failures of other requests, for the error of a request that is not sent.

use crate::{
    Error,
    ext::transport::failure::{Failure, FailureKind},
};

/// The failed requests of an outage.
#[derive(Debug, Default)]
pub(in crate::ext::batch) struct OutageFailures {
    count: u32,
    /// The last failure of a create or, without one, the first failure of a probe.
    cause: Option<Failure>,
}

impl OutageFailures {
    pub(in crate::ext::batch) fn record_create(&mut self, failure: Failure) {
        self.count += 1;
        self.cause = Some(failure);
    }

    pub(in crate::ext::batch) fn record_probe(&mut self, failure: Failure) {
        self.count += 1;
        self.cause.get_or_insert(failure);
    }

    /// Returns the error of a request that is not sent because of the outage.
    pub(in crate::ext::batch) fn error(&self, host: &str) -> Error {
        let cause = self.cause.clone().unwrap_or_else(|| Failure::new(FailureKind::ConnectionLost));
        Error::outage(host, self.count, cause)
    }
}
