//! What both hosts share: the settings, the documents, what is to go wrong, and the ledger of what happened.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::Method;

use super::{
    contract::Contract,
    ledger::Ledger,
    route::{Host, Route},
    stage::Stage,
    switch::Switch,
    task::Timeline,
};

pub(super) struct Site {
    pub(super) contract: Contract,
    pub(super) api_key: String,
    pub(super) audio_url: String,
    pub(super) voices: Vec<String>,
    pub(super) timeline: Timeline,
    pub(super) stage: Mutex<Stage>,
    pub(super) ledger: Mutex<Ledger>,
    pub(super) api: Switch,
    pub(super) audio: Switch,
}

impl Site {
    /// Never held across an `.await`, nor together with the stage.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never held across an `.await`, nor together with the ledger.
    pub(super) fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn switch(&self, host: Host) -> &Switch {
        match host {
            Host::Api => &self.api,
            Host::Audio => &self.audio,
        }
    }

    /// What a request is for, by its path; whether it is right in anything else is seen later.
    pub(super) fn route(&self, host: Host, method: &Method, path: &str) -> Option<Route> {
        match host {
            Host::Api if path == self.contract.create.path => Some(Route::Create),
            Host::Api if path == self.contract.result.path => Some(Route::Result),
            Host::Audio if *method != Method::HEAD => Some(Route::Audio),
            _ => None,
        }
    }
}
