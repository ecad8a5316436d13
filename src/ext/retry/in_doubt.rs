//! Counts the attempts in doubt of one submission.

use crate::ext::error::{Error, Kind};

/// The number of attempts that the server may have accepted without a task id arriving.
///
/// They add up over the retries of one run and, with a store, over all runs. Each of them may be billed, so an attempt in
/// doubt outlives every later result except a task id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InDoubtAttempts(u32);

impl InDoubtAttempts {
    pub(crate) fn of(count: u32) -> Self {
        Self(count)
    }

    pub(crate) fn plus_one_if(self, in_doubt: bool) -> Self {
        Self(self.0.saturating_add(u32::from(in_doubt)))
    }

    pub(crate) fn count(self) -> u32 {
        self.0
    }

    pub(crate) fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Returns how many of the allowed resubmissions are left.
    pub(crate) fn resubmissions_left(self, allowed: u32) -> u32 {
        allowed.saturating_sub(self.0)
    }

    /// Returns the error that ends a submission after these attempts.
    ///
    /// An error in doubt gets the sum. Any other error becomes the source of an error in doubt, which keeps its task id and
    /// response.
    pub(crate) fn apply_to(self, mut error: Error) -> Error {
        if let Kind::InDoubt { attempts } = &mut error.0.kind {
            *attempts = attempts.saturating_add(self.0);
            return error;
        }
        if self.is_zero() {
            return error;
        }
        let mut in_doubt = Error::new(Kind::InDoubt { attempts: self.0 });
        (in_doubt.0.task_id, in_doubt.0.response) = (error.0.task_id.clone(), error.0.response.clone());
        in_doubt.0.problem.clone_from(&error.0.problem);
        in_doubt.0.remedy.clone_from(&error.0.remedy);
        in_doubt.0.request_id.clone_from(&error.0.request_id);
        in_doubt.with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TaskId;

    #[test]
    fn attempts_add_up_and_outlive_other_errors() {
        let mut attempts = InDoubtAttempts::default();
        assert!(!attempts.apply_to(Error::stopped()).is_in_doubt());
        attempts = attempts.plus_one_if(true).plus_one_if(false).plus_one_if(true);
        assert_eq!((attempts.resubmissions_left(3), attempts.resubmissions_left(1)), (1, 0));
        assert!(attempts.apply_to(Error::stopped()).is_in_doubt());
        let error = attempts.apply_to(Error::in_doubt(1, String::new()));
        assert!(matches!(error.0.kind, Kind::InDoubt { attempts: 3 }));
        let error =
            Error::stopped().with_task_id(&TaskId::new_unchecked("t1")).with_problem("a hint".to_owned());
        let error = attempts.apply_to(error);
        assert_eq!(error.task_id().unwrap().as_str(), "t1");
        assert!(error.to_string().contains("a hint"), "{error}");
    }
}
