//! Equal requests in one list: the outcome of the first one counts for the others.

use std::collections::HashMap;

use super::active::Outcome;
use crate::{
    Error,
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
    pub(super) fn record(&mut self, entry: &EntryHandle, outcome: &Outcome) {
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
            ended => Some(ended.clone()),
        }
    }
}
