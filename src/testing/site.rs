//! What both hosts share: the settings, the documents, what is to go wrong, and the ledger of what happened.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::Method;

use super::{
    contract::PublishedSpec,
    ledger::Recorder,
    route::{Host, Route},
    stage::FaultInjector,
    switch::ListenerControl,
    task::Timeline,
};

pub(super) struct SimulatorState {
    pub(super) spec: PublishedSpec,
    pub(super) api_key: String,
    pub(super) audio_url: String,
    pub(super) voices: Vec<String>,
    pub(super) timeline: Timeline,
    pub(super) injector: Mutex<FaultInjector>,
    pub(super) recorder: Mutex<Recorder>,
    pub(super) api: ListenerControl,
    pub(super) audio: ListenerControl,
}

impl SimulatorState {
    /// Never held across an `.await`, nor together with the stage.
    pub(super) fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never held across an `.await`, nor together with the ledger.
    pub(super) fn injector(&self) -> MutexGuard<'_, FaultInjector> {
        self.injector.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn listener_control(&self, host: Host) -> &ListenerControl {
        match host {
            Host::Api => &self.api,
            Host::Audio => &self.audio,
        }
    }

    /// What a request is for, by its path; whether it is right in anything else is seen later.
    pub(super) fn route(&self, host: Host, method: &Method, path: &str) -> Option<Route> {
        match host {
            Host::Api if path == self.spec.create.path => Some(Route::Create),
            Host::Api if path == self.spec.result.path => Some(Route::Result),
            Host::Audio if *method != Method::HEAD => Some(Route::Audio),
            _ => None,
        }
    }
}
