//! Works and their results.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use tokio::sync::oneshot;

use super::{transaction::Transaction, urgency::Urgency};
use crate::Error;

/// A work without the type of its value.
pub(super) trait Job: Send {
    fn urgency(&self) -> Urgency;

    /// Runs the work and keeps its result. It may run again, and then the last result counts.
    fn run(&mut self, transaction: &mut Transaction<'_>) -> Ran;

    /// Delivers the result of the last run.
    fn finish(self: Box<Self>);

    /// Delivers an error instead.
    fn fail(self: Box<Self>, error: Error);
}

pub(super) enum Ran {
    Returned,
    Failed,
    Panicked,
}

/// The value or error of a work, or its panic.
pub(super) type Outcome<T> = thread::Result<Result<T, Error>>;

struct Work<T, F, D> {
    urgency: Urgency,
    run: F,
    outcome: Option<Outcome<T>>,
    deliver: D,
}

/// Returns a job and the receiver of its outcome.
pub(super) fn awaited<T: Send + 'static>(
    urgency: Urgency,
    run: impl Fn(&mut Transaction<'_>) -> Result<T, Error> + Send + 'static,
) -> (impl Job + 'static, oneshot::Receiver<Outcome<T>>) {
    let (sender, receiver) = oneshot::channel();
    // The caller may have stopped waiting.
    let deliver = |outcome| drop(sender.send(outcome));
    (Work { urgency, run, outcome: None, deliver }, receiver)
}

/// Returns a job whose error is logged.
pub(super) fn logged(
    urgency: Urgency,
    run: impl Fn(&mut Transaction<'_>) -> Result<(), Error> + Send + 'static,
) -> impl Job + 'static {
    let deliver = |outcome: Outcome<()>| match outcome {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(?error, "store entry not written"),
        Err(_) => tracing::error!("store entry not written, because its work panicked"),
    };
    Work { urgency, run, outcome: None, deliver }
}

impl<T, F, D> Job for Work<T, F, D>
where
    T: Send,
    F: Fn(&mut Transaction<'_>) -> Result<T, Error> + Send,
    D: FnOnce(Outcome<T>) + Send,
{
    fn urgency(&self) -> Urgency {
        self.urgency
    }

    fn run(&mut self, transaction: &mut Transaction<'_>) -> Ran {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.run)(transaction)));
        let ran = match &outcome {
            Ok(Ok(_)) => Ran::Returned,
            Ok(Err(_)) => Ran::Failed,
            Err(_) => Ran::Panicked,
        };
        self.outcome = Some(outcome);
        ran
    }

    fn finish(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            (self.deliver)(outcome);
        }
    }

    fn fail(self: Box<Self>, error: Error) {
        (self.deliver)(Ok(Err(error)));
    }
}
