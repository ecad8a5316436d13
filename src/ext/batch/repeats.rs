//! Equal requests in one list: the outcome of the first one counts for the others.

use std::collections::HashMap;

use crate::{
    Error, Speech,
    ext::store::{RequestHash, handle::EntryHandle},
};

/// The outcome of a request that an equal one would submit again.
#[derive(Clone, Debug)]
pub(super) enum EarlierOutcome {
    Failed(Error),
    /// It was spoken again, and its speech is in the store.
    SpokenAgain,
}

#[derive(Debug, Default)]
pub(super) struct Repeats(HashMap<RequestHash, EarlierOutcome>);

impl Repeats {
    pub(super) fn record(&mut self, entry: &EntryHandle, outcome: &Result<Speech, Error>) {
        let ended = match outcome {
            Ok(_) if entry.is_redone() => EarlierOutcome::SpokenAgain,
            Err(error) if error.is_failed() => EarlierOutcome::Failed(error.clone()),
            _ => return,
        };
        self.0.insert(entry.hash(), ended);
    }

    pub(super) fn find(&self, entry: &EntryHandle) -> Option<EarlierOutcome> {
        match self.0.get(&entry.hash())? {
            EarlierOutcome::SpokenAgain if !entry.is_redone() => None,
            // The caller has seen it.
            EarlierOutcome::Failed(error)
                if entry.failed_task().is_some_and(|failed| error.task_id() == Some(failed)) =>
            {
                None
            }
            ended => Some(ended.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Client, TaskId, ext::store::Store};

    #[tokio::test]
    async fn only_failures_and_speeches_with_redo_count_for_equal_requests() {
        let (client, store) = (Client::builder().api_key("k").build().unwrap(), Store::in_memory());
        let speech = || {
            let result = serde_json::from_value(json!({"id": "t1", "status": "COMPLETED"})).unwrap();
            Ok(Speech::new(client.clone(), TaskId::new_unchecked("t1"), result))
        };
        let plain = client.speak("Hello.").to_entry(&store).unwrap();
        let redone = client.speak("Hello.").redo().to_entry(&store).unwrap();
        assert!(redone.is_redone() && !plain.is_redone() && !redone.without_redo().is_redone());

        let mut repeats = Repeats::default();
        for outcome in [speech(), Err(Error::stopped())] {
            repeats.record(&plain, &outcome);
            assert!(repeats.find(&plain).is_none() && repeats.find(&redone).is_none());
        }
        repeats.record(&redone, &speech());
        assert!(matches!(repeats.find(&redone), Some(EarlierOutcome::SpokenAgain)));
        // Otherwise a line whose entry was removed would be looked up without end.
        assert!(repeats.find(&redone.without_redo()).is_none());
        repeats.record(&plain, &Err(Error::failed()));
        assert!(matches!(repeats.find(&redone), Some(EarlierOutcome::Failed(error)) if error.is_failed()));
    }
}
