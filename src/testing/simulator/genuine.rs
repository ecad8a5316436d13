//! The response to a request that was processed.

use hyper::Response;

use super::{
    records::Processed,
    response::{Body, ErrorResponse},
};
use crate::TaskId;

/// A response to a request that was processed, and what its record needs.
pub(crate) struct Genuine {
    pub(crate) response: Response<Body>,
    pub(crate) processed: Processed,
}

impl Genuine {
    pub(crate) fn new(response: Response<Body>) -> Self {
        let status = Some(response.status().as_u16());
        Self { response, processed: Processed { status, ..Processed::default() } }
    }

    pub(crate) fn refuse(error_response: ErrorResponse) -> Self {
        let message = error_response.message().to_owned();
        let refused = (!error_response.is_expected).then_some(message);
        let mut genuine = Self::new(error_response.into());
        genuine.processed.refused = refused;
        genuine
    }

    pub(crate) fn with_task(mut self, id: String) -> Self {
        self.processed.task = Some(TaskId::new_unchecked(id));
        self
    }
}
