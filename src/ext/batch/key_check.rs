//! Decides whether a rejection ends the submissions of a batch: the server rejects the key, and not the text.

use reqwest::StatusCode;

use crate::ext::transport::failure::{Failure, FailureKind};

/// The number of 403 in a row after which the key counts as rejected. A single 403 may be about a text.
const MAX_FORBIDDEN: u32 = 3;

#[derive(Debug, Default)]
pub(super) struct KeyCheck {
    /// A create of this batch was accepted.
    accepted: bool,
    forbidden_in_a_row: u32,
}

impl KeyCheck {
    pub(super) fn on_accepted(&mut self) {
        *self = Self { accepted: true, forbidden_in_a_row: 0 };
    }

    /// Returns `true` if the failure of a create ends the submissions.
    pub(super) fn on_create_failure(&mut self, failure: &Failure) -> bool {
        if failure.task_id.is_none() && failure.kind == FailureKind::Status(StatusCode::FORBIDDEN) {
            self.forbidden_in_a_row += 1;
            return !self.accepted || self.forbidden_in_a_row >= MAX_FORBIDDEN;
        }
        if matches!(failure.kind, FailureKind::Status(status) if status.is_client_error()) {
            self.forbidden_in_a_row = 0;
        }
        is_key_rejected(failure)
    }
}

/// Returns `true` if the server rejects the key (401) or the account (402).
pub(super) fn is_key_rejected(failure: &Failure) -> bool {
    let rejections = [StatusCode::UNAUTHORIZED, StatusCode::PAYMENT_REQUIRED];
    failure.task_id.is_none() && rejections.iter().any(|status| failure.kind == FailureKind::Status(*status))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    /// Returns the position of the failure that ends the submissions, in a sequence of statuses.
    fn end(statuses: &[u16]) -> Option<usize> {
        let mut check = KeyCheck::default();
        statuses.iter().position(|status| {
            if *status == 200 {
                check.on_accepted();
                return false;
            }
            let status = StatusCode::from_u16(*status).unwrap();
            check.on_create_failure(&Failure::from_response(status, &HeaderMap::new(), ""))
        })
    }

    #[test]
    fn rejected_key_ends_submissions_as_in_the_table() {
        #[rustfmt::skip]
        let table: &[(&[u16], Option<usize>)] = &[
            (&[401],                                        Some(0)),
            (&[200, 401],                                   Some(1)),
            (&[200, 200, 402],                              Some(2)),
            (&[403],                                        Some(0)),
            (&[400, 403],                                   Some(1)),
            (&[200, 403],                                   None),
            (&[200, 403, 403, 403],                         Some(3)),
            (&[200, 403, 403, 200, 403, 403],               None),
            (&[200, 403, 503, 403, 503, 403],               Some(5)),
            (&[200, 403, 400, 403, 503, 403],               None),
            (&[400, 404, 422, 429, 500, 503],               None),
        ];
        for (statuses, expected) in table {
            assert_eq!(end(statuses), *expected, "{statuses:?}");
        }
    }

    #[test]
    fn rejection_with_task_id_does_not_end_submissions() {
        let failure = Failure::from_response(StatusCode::UNAUTHORIZED, &HeaderMap::new(), "");
        let failure = Failure { task_id: Some(crate::TaskId::new_unchecked("t1")), ..failure };
        assert!(!KeyCheck::default().on_create_failure(&failure));
    }
}
