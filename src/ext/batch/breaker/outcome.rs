//! Classifies a response by what it says about the server.

use reqwest::StatusCode;

use crate::ext::{
    retry::policy::may_be_billed,
    transport::failure::{Failure, FailureKind},
};

/// The state of the server that a response, or a missing response, shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::ext::batch) enum Outcome {
    /// A create was accepted, or a poll was answered.
    Answered,
    /// A create was rejected.
    Rejected,
    /// 429, with or without a `Retry-After`.
    Throttled { retry_after: bool },
    /// The request did not reach the server, or the response is missing or inconclusive.
    Unavailable,
}

impl Outcome {
    pub(in crate::ext::batch) fn of_create<T>(result: &Result<T, Failure>) -> Self {
        match result {
            Ok(_) => Self::Answered,
            Err(failure) => Self::throttled(failure).unwrap_or_else(|| {
                let unavailable = failure.kind == FailureKind::NotConnected || may_be_billed(failure);
                if unavailable { Self::Unavailable } else { Self::Rejected }
            }),
        }
    }

    pub(in crate::ext::batch) fn of_poll<T>(result: &Result<T, Failure>) -> Self {
        let Err(failure) = result else { return Self::Answered };
        Self::throttled(failure).unwrap_or_else(|| match failure.kind {
            FailureKind::Status(status) => match status.as_u16() {
                408 | 425 | 499 => Self::Unavailable,
                // Also 404: the server has read the request.
                400..=499 => Self::Answered,
                _ => Self::Unavailable,
            },
            _ => Self::Unavailable,
        })
    }

    /// Without a cooldown, a 429 counts as one without `Retry-After`: the client may ignore or shorten the header.
    pub(in crate::ext::batch) fn given(self, cooldown: bool) -> Self {
        match self {
            Self::Throttled { retry_after } => Self::Throttled { retry_after: retry_after && cooldown },
            other => other,
        }
    }

    fn throttled(failure: &Failure) -> Option<Self> {
        let retry_after = failure.retry_after().is_some_and(|time| !time.is_zero());
        (failure.kind == FailureKind::Status(StatusCode::TOO_MANY_REQUESTS))
            .then_some(Self::Throttled { retry_after })
    }
}
