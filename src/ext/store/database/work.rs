//! Works and their results.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use super::{priority::Priority, transaction::Transaction};
use crate::{Error, ext::error::Billed};

/// A work without the type of its value.
pub(super) trait Work: Send {
    fn priority(&self) -> Priority;

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

/// A work with a value of type `T`.
struct WorkOf<T, F, D> {
    priority: Priority,
    run: F,
    result: Option<Result<T, Error>>,
    deliver: D,
}

/// Returns a work and the receiver of its result.
pub(super) fn awaited<T: Send + 'static>(
    priority: Priority,
    run: impl Fn(&mut Transaction<'_>) -> Result<T, Error> + Send + 'static,
) -> (impl Work + 'static, oneshot::Receiver<Result<T, Error>>) {
    let (sender, receiver) = oneshot::channel();
    // The caller may have stopped waiting.
    let deliver = |result| drop(sender.send(result));
    (WorkOf { priority, run, result: None, deliver }, receiver)
}

/// Returns a work whose error is logged.
pub(super) fn logged(
    priority: Priority,
    run: impl Fn(&mut Transaction<'_>) -> Result<(), Error> + Send + 'static,
) -> impl Work + 'static {
    let deliver = |result: Result<(), Error>| {
        if let Err(error) = result {
            tracing::error!(?error, "store entry not written");
        }
    };
    WorkOf { priority, run, result: None, deliver }
}

impl<T, F, D> Work for WorkOf<T, F, D>
where
    T: Send,
    F: Fn(&mut Transaction<'_>) -> Result<T, Error> + Send,
    D: FnOnce(Result<T, Error>) + Send,
{
    fn priority(&self) -> Priority {
        self.priority
    }

    fn run(&mut self, transaction: &mut Transaction<'_>) -> Ran {
        let (ran, result) = match catch_unwind(AssertUnwindSafe(|| (self.run)(transaction))) {
            Ok(Ok(value)) => (Ran::Returned, Ok(value)),
            Ok(Err(error)) => (Ran::Failed, Err(error)),
            // redb panics if a page contradicts itself. The entry that cannot be read may be that of a billed text.
            Err(_) => (Ran::Panicked, Err(transaction.panicked().billed_at_least(Billed::Maybe))),
        };
        self.result = Some(result);
        ran
    }

    fn finish(self: Box<Self>) {
        if let Some(result) = self.result {
            (self.deliver)(result);
        }
    }

    fn fail(self: Box<Self>, error: Error) {
        (self.deliver)(Err(error));
    }
}
