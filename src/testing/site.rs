//! What both hosts share: the settings, the documents, and the ledger of what happened.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{contract::Contract, ledger::Ledger, task::Timeline};

pub(super) struct Site {
    pub(super) contract: Contract,
    pub(super) api_key: String,
    pub(super) audio_url: String,
    pub(super) voices: Vec<String>,
    pub(super) timeline: Timeline,
    pub(super) ledger: Mutex<Ledger>,
}

impl Site {
    /// Never held across an `.await`.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
